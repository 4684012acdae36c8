//! One stay at a hub: where we are, what there is, and calls from their beginning to their end.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::runtime::Handle;

use crate::approvals;
use crate::catalog::Catalog;
use crate::commands::jobs::Started;
use crate::failure::Failure;
use crate::link::{Client, Event, Reply};
use crate::person::Person;
use crate::place::Place;
use crate::render::{Content, content};
use crate::screen::Screen;

/// How old the list of tools may be before it is asked for again.
const CATALOG_AGE_MAX: Duration = Duration::from_secs(20);
/// How many rounds of questions one call may take.
const ROUNDS_MAX: usize = 16;

/// Opens a file of this machine in the person's editor, and comes back when that is closed.
pub type Editor = Box<dyn Fn(&Path) -> std::io::Result<()> + Send>;

/// What those who complete and colour lines see too.
#[derive(Default)]
pub(crate) struct Shared {
    catalog: Mutex<Arc<Catalog>>,
    place: Mutex<Place>,
    /// The jobs that were begun here; the number of one is its place, counted from 1.
    jobs: Mutex<Vec<Started>>,
}

/// A value behind a lock that nobody holds while anything can panic.
fn lock<T>(one: &Mutex<T>) -> MutexGuard<'_, T> {
    one.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    pub(crate) fn catalog(&self) -> Arc<Catalog> {
        lock(&self.catalog).clone()
    }

    pub(crate) fn set_catalog(&self, catalog: Catalog) {
        *lock(&self.catalog) = Arc::new(catalog);
    }

    pub(crate) fn place(&self) -> MutexGuard<'_, Place> {
        lock(&self.place)
    }

    pub(crate) fn jobs(&self) -> MutexGuard<'_, Vec<Started>> {
        lock(&self.jobs)
    }
}

pub(crate) struct Session {
    pub(crate) runtime: Handle,
    pub(crate) client: Client,
    pub(crate) shared: Arc<Shared>,
    pub(crate) screen: Screen,
    pub(crate) person: Box<dyn Person>,
    pub(crate) editor: Editor,
    /// Tells what happens beside, such as the end of a job.
    pub(crate) notices: Arc<dyn Fn(&str) + Send + Sync>,
    /// Whether pieces of an answer are shown as they come.
    pub(crate) streams: bool,
    /// Whether what comes after a command that failed is run, too.
    pub(crate) keep_going: bool,
}

impl Session {
    /// Learns what there is: the tools, and the roots.
    pub(crate) fn look_around(&mut self) -> Result<(), Failure> {
        self.refresh()?;
        let roots = match self.shared.catalog().tool("files_roots") {
            Some(_) => self.call("files_roots", json!({}))?,
            None => Value::Null,
        };
        let names = roots["structuredContent"]["roots"].as_array().into_iter().flatten();
        let names = names.filter_map(|root| root["name"].as_str()).map(str::to_owned).collect();
        *self.shared.place() = Place::at_start(names);
        Ok(())
    }

    /// Asks for the tools now.
    pub(crate) fn refresh(&mut self) -> Result<(), Failure> {
        let client = self.client.clone();
        let catalog = self.wait(async move { Catalog::fetch(&client).await })??;
        self.shared.set_catalog(catalog);
        Ok(())
    }

    /// Asks for the tools beside what goes on, when the list is old.
    pub(crate) fn refresh_beside(&self) {
        let is_new = |read: tokio::time::Instant| read.elapsed() < CATALOG_AGE_MAX;
        if !self.client.is_connected() || self.shared.catalog().read_at.is_some_and(is_new) {
            return;
        }
        let (client, shared) = (self.client.clone(), self.shared.clone());
        self.runtime.spawn(async move {
            if let Ok(catalog) = Catalog::fetch(&client).await {
                shared.set_catalog(catalog);
            }
        });
    }

    /// Waits for something, or for Ctrl-C.
    pub(crate) fn wait<T>(&self, future: impl Future<Output = T>) -> Result<T, Failure> {
        self.runtime.block_on(async {
            tokio::select! {
                done = future => Ok(done),
                _ = tokio::signal::ctrl_c() => Err(Failure::Cancelled),
            }
        })
    }

    /// Calls a tool until it is done, asking the person what it or the door wants to know. A result that says it failed
    /// is a failure.
    pub(crate) fn call(&mut self, tool: &str, arguments: impl Into<Value>) -> Result<Value, Failure> {
        let result = self.call_whatever(tool, arguments)?;
        if result["isError"] != true {
            return Ok(result);
        }
        match content(&result) {
            Content::Text(text) if !text.is_empty() => Err(Failure::Failed(text)),
            _ => Err(Failure::Failed(format!("{tool} failed, and did not say why"))),
        }
    }

    /// The same, where a result that says it failed is a result.
    pub(crate) fn call_whatever(
        &mut self,
        tool: &str,
        arguments: impl Into<Value>,
    ) -> Result<Value, Failure> {
        let mut params = json!({ "name": tool, "arguments": arguments.into() });
        for _ in 0..ROUNDS_MAX {
            let mut result = self.request("tools/call", params.clone())?;
            if result["resultType"] != "input_required" {
                return Ok(result);
            }
            let requests = result["inputRequests"].as_object().cloned().unwrap_or_default();
            let answers = approvals::answer(self, &requests)?;
            params["inputResponses"] = answers.responses;
            params["requestState"] = result["requestState"].take();
            if answers.denied {
                // The door hears it too, so that it is in the audit.
                self.request("tools/call", params)?;
                return Err(Failure::Refused("Nothing was done.".to_owned()));
            }
        }
        Err(Failure::Failed(format!("{tool} asked {ROUNDS_MAX} times, which is enough")))
    }

    /// Sends a request and shows what is told on the way. Ctrl-C cancels it.
    pub(crate) fn request(&mut self, method: &str, params: Value) -> Result<Value, Failure> {
        let streams = self.streams && is_written(method, &params);
        let (runtime, client, screen) = (self.runtime.clone(), self.client.clone(), &mut self.screen);
        let answer = runtime.block_on(async {
            let interrupted = tokio::signal::ctrl_c();
            tokio::pin!(interrupted);
            if !client.is_connected() {
                screen.status("Waiting for the hub; Ctrl-C gives up.")?;
            }
            let mut reply: Reply = tokio::select! {
                reply = client.send(method, params) => reply,
                _ = &mut interrupted => return Err(Failure::Cancelled),
            };
            loop {
                let event = tokio::select! {
                    event = reply.next() => event,
                    _ = &mut interrupted => return Err(Failure::Cancelled),
                };
                match event {
                    Event::Done(answer) => return Ok(answer?),
                    Event::Progress(progress) => tell(screen, &progress, streams)?,
                    Event::Chunk(piece) if self.streams => {
                        screen.piece(piece["choices"][0]["delta"]["content"].as_str().unwrap_or_default())?;
                    }
                    Event::Chunk(_) => {}
                }
            }
        });
        self.screen.end_pieces()?;
        answer
    }
}

/// Whether the answer is text that comes in pieces.
fn is_written(method: &str, params: &Value) -> bool {
    method == "tools/call" && params["name"].as_str().is_some_and(|name| name.starts_with("llm_"))
}

fn tell(screen: &mut Screen, progress: &Value, streams: bool) -> std::io::Result<()> {
    let message = progress["message"].as_str().unwrap_or_default();
    match progress["total"].as_f64() {
        None if streams => screen.piece(message),
        None => screen.status(message),
        Some(total) => {
            let share = progress["progress"].as_f64().unwrap_or_default() / total.max(f64::MIN_POSITIVE);
            screen.status(&format!("{:3.0} %  {message}", (share * 100.0).clamp(0.0, 100.0)))
        }
    }
}

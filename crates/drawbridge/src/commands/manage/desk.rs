//! The menu's desk: what it wishes for, done as the plain commands do it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use drawbridge_gateway::{LOWERED, RAISED};
use drawbridge_manage::{Desk, List, News, Wish};
use drawbridge_store::now_us;
use serde_json::{Map, Value, json};
use tokio::runtime::Runtime;

use super::rows;
use crate::client::Client;
use crate::commands::keys::Add;
use crate::commands::logs::{Wanted, newest};
use crate::commands::{bridge, call, keys, serve, start, status};
use crate::config::{Config, settings};
use crate::{home, running};

/// How long a hub may take to end.
const PATIENCE: Duration = Duration::from_secs(20);
/// How many dead letters are shown.
const LETTERS_MAX: usize = 200;
/// How many lines of a job's log are shown.
const JOB_LINES_MAX: usize = 200;

/// Knows the hub of this state folder.
pub(super) struct HubDesk {
    runtime: Runtime,
    /// The hub's process, and the connection to it. Kept, because each one makes a key for its stay.
    client: Option<(u32, Client)>,
}

impl HubDesk {
    /// `stop` is set when somebody asks the program to end.
    pub(super) fn new(stop: Arc<AtomicBool>) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        runtime.spawn(async move {
            serve::wait_for_signal().await;
            stop.store(true, Ordering::Relaxed);
        });
        Ok(Self { runtime, client: None })
    }
}

impl Desk for HubDesk {
    fn grant(&mut self, wish: Wish) -> News {
        let Self { runtime, client } = self;
        let granted = runtime.block_on(grant(client, wish));
        granted.unwrap_or_else(|error| News::Failed(format!("{error:#}")))
    }
}

impl Drop for HubDesk {
    /// The key of our stay is revoked.
    fn drop(&mut self) {
        if let Some((_, client)) = self.client.take() {
            let _ = self.runtime.block_on(client.close());
        }
    }
}

type Connection = Option<(u32, Client)>;

async fn grant(client: &mut Connection, wish: Wish) -> Result<News> {
    Ok(match wish {
        Wish::Status => look(client).await?,
        Wish::Start => begin().await?,
        Wish::Stop => {
            leave(client).await;
            News::Done(start::end(PATIENCE, false)?)
        }
        Wish::Restart => {
            leave(client).await;
            start::end(PATIENCE, false)?;
            begin().await?
        }
        Wish::Raise(raise) => {
            let (word, act) = if raise { (RAISED, "bridge.raise") } else { (LOWERED, "bridge.lower") };
            bridge::set(word, act).await?;
            News::Done(format!("The bridge is {word}."))
        }
        Wish::Logs { filter, lines_max } => {
            News::Logs(newest(&home::state()?, &Wanted { filter, level: None }, lines_max)?.0)
        }
        Wish::List(list) => News::Rows(list, rows_of(client, list).await?),
        Wish::Inspect(id) => inspect(client, id).await?,
        Wish::Edit { id, arguments } => {
            ask(client, "jobs_edit", json!({ "id": id, "arguments": arguments })).await?;
            News::Done(format!("{id} has other arguments; r has it run."))
        }
        Wish::Replay(id) => {
            let wanted = id.map_or_else(|| json!({}), |id| json!({ "id": id }));
            News::Done(said(&ask(client, "jobs_replay", wanted).await?))
        }
        Wish::Discard(id) => News::Done(said(&ask(client, "jobs_discard", json!({ "id": id })).await?)),
        Wish::Pause { queue, paused } => {
            News::Done(said(&ask(client, "jobs_pause", json!({ "queue": queue, "paused": paused })).await?))
        }
        Wish::AddKey { name, scopes, expires } => add_key(name, scopes, &expires).await?,
        Wish::Revoke(name) => {
            keys::withdraw(&name).await?;
            News::Done(format!("The key of {name} opens nothing any more."))
        }
    })
}

/// Starts a hub. The owner's key is shown if it was made with it.
async fn begin() -> Result<News> {
    let start::Started { said, key } = start::begin(&[]).await?;
    Ok(match key {
        Some(key) => News::Once {
            title: "Your owner key".to_owned(),
            lines: vec![key, String::new(), "Shown only this once; keep it.".to_owned(), said],
        },
        None => News::Done(said),
    })
}

async fn look(client: &mut Connection) -> Result<News> {
    let state = home::state()?;
    let hub = running::find(&state);
    let raised = status::bridge(&state)? == RAISED;
    let told = match &hub {
        Some(_) => hub_status(client).await.unwrap_or_default(),
        None => Value::Null,
    };
    let facts = rows::facts(hub.as_ref(), &told, raised, &state);
    Ok(News::Status { running: hub.is_some(), raised, facts })
}

async fn rows_of(client: &mut Connection, list: List) -> Result<Vec<drawbridge_manage::Row>> {
    Ok(match list {
        List::Settings => {
            rows::settings(&settings(&Config::load(&home::state()?), |name| std::env::var(name).ok()))
        }
        List::Keys if !home::state()?.exists() => Vec::new(),
        List::Keys => rows::keys(&crate::commands::store()?.keys().list()?, now_us()),
        List::Queues | List::DeadLetters if running::find(&home::state()?).is_none() => Vec::new(),
        List::Queues => rows::queues(&hub_status(client).await?["jobs"]),
        List::DeadLetters => {
            let found =
                ask(client, "jobs_dead_letters", json!({ "failed": true, "limit": LETTERS_MAX })).await?;
            rows::letters(found["structuredContent"]["jobs"].as_array().map_or(&[], Vec::as_slice))
        }
    })
}

async fn inspect(client: &mut Connection, id: String) -> Result<News> {
    let found = ask(client, "jobs_status", json!({ "id": id })).await?;
    let job = &found["structuredContent"]["job"];
    let log = ask(client, "jobs_log", json!({ "id": id, "limit": JOB_LINES_MAX })).await?;
    let lines = log["structuredContent"]["lines"].as_array().cloned().unwrap_or_default();
    Ok(News::Letter { id, arguments: job["arguments"].to_string(), lines: rows::letter(job, &lines) })
}

async fn add_key(name: String, scopes: Vec<String>, expires: &str) -> Result<News> {
    let (key, secret) = keys::create(Add::new(name, scopes, expires)?).await?;
    let lines = vec![
        secret,
        String::new(),
        "Shown only this once. Callers send it as `Authorization: Bearer …`.".to_owned(),
    ];
    Ok(News::Once { title: format!("The key of {}", key.name), lines })
}

async fn hub_status(client: &mut Connection) -> Result<Value> {
    let told = connected(client).await?.hub_status().await;
    if told.is_err() {
        leave(client).await;
    }
    told
}

/// The connection to the hub that runs now.
async fn connected(client: &mut Connection) -> Result<&mut Client> {
    let hub = running::find(&home::state()?).context("no hub runs; s on the first page starts one")?;
    if client.as_ref().is_some_and(|(pid, _)| *pid != hub.pid) {
        leave(client).await;
    }
    if client.is_none() {
        *client = Some((hub.pid, Client::open_for_jobs().await?));
    }
    client.as_mut().map(|(_, client)| client).context("the hub is not reached")
}

async fn leave(client: &mut Connection) {
    if let Some((_, client)) = client.take() {
        let _ = client.close().await;
    }
}

/// Calls a tool as the owner. Where the door wants the owner's yes, this is it: every wish is a key that the person at this
/// terminal pressed, and what destroys was asked before.
async fn ask(client: &mut Connection, tool: &str, arguments: Value) -> Result<Value> {
    let mut params = json!({ "name": tool, "arguments": arguments });
    let connection = connected(client).await?;
    let mut result = connection.request("tools/call", params.clone(), &mut |_| {}).await;
    if let Ok(asked) = &mut result
        && asked["resultType"] == "input_required"
    {
        params["inputResponses"] = yes(asked["inputRequests"].as_object())?;
        params["requestState"] = asked["requestState"].take();
        result = connection.request("tools/call", params, &mut |_| {}).await;
    }
    if result.is_err() && running::find(&home::state()?).is_none() {
        leave(client).await;
    }
    let result = result?;
    if result["isError"] == true { bail!("{}", said(&result)) } else { Ok(result) }
}

fn yes(requests: Option<&Map<String, Value>>) -> Result<Value> {
    let keys = requests.into_iter().flatten().map(|(key, _)| key.as_str());
    let mut responses = Map::new();
    for key in keys {
        if key != call::APPROVAL {
            bail!("the tool asks for input, which the menu cannot give; the plain command says what it is");
        }
        responses
            .insert(key.to_owned(), json!({ "action": "accept", "content": { "decision": "allow_once" } }));
    }
    Ok(Value::Object(responses))
}

/// The text of a tool's answer.
fn said(result: &Value) -> String {
    let texts = result["content"].as_array().into_iter().flatten().filter_map(|block| block["text"].as_str());
    texts.collect::<Vec<_>>().join(" ")
}

//! Work in the background: begun with `&`, listed, waited for and stopped. The hub keeps the jobs; we keep short numbers
//! for those that were begun here.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::no_words;
use crate::approvals;
use crate::failure::Failure;
use crate::language::lex::Word;
use crate::link::Client;
use crate::run::Produced;
use crate::session::Session;

/// How long one call waits for a job, in milliseconds; then it is made again.
const WAIT_MS: u64 = 30_000;
/// The same where a person looks on, who sees how far it is.
const LOOK_MS: u64 = 1_000;
/// How long who watches waits after a call that failed.
const AGAIN: Duration = Duration::from_secs(2);
/// How many jobs `jobs` lists.
const LISTED_MAX: u64 = 50;
/// The states in which a job goes on.
const OPEN: [&str; 4] = ["queued", "scheduled", "running", "waiting_for_input"];

/// A job that was begun here.
#[derive(Debug, Clone)]
pub(crate) struct Started {
    pub(crate) id: String,
    pub(crate) tool: String,
}

/// `COMMAND &`
pub(crate) fn begin(session: &mut Session, tool: &str, given: Map<String, Value>) -> Result<(), Failure> {
    let result = session.call("jobs_submit", json!({"tool": tool, "arguments": given}))?;
    let Some(id) = result["structuredContent"]["job"]["id"].as_str().map(str::to_owned) else {
        return Err(Failure::Failed("the hub took the job, and named no id".to_owned()));
    };
    let number = {
        let mut jobs = session.shared.jobs();
        jobs.push(Started { id: id.clone(), tool: tool.to_owned() });
        jobs.len()
    };
    session.screen.note(&format!("[{number}] {tool}  {id}"))?;
    let (client, notices, tool) = (session.client.clone(), session.notices.clone(), tool.to_owned());
    let tell = move |what: &str| notices(&format!("[{number}] {tool} {what}"));
    session.runtime.spawn(async move { watch(&client, &id, tell).await });
    Ok(())
}

/// Tells when a job asks something, and when it has ended.
async fn watch(client: &Client, id: &str, tell: impl Fn(&str)) {
    let mut has_asked = false;
    loop {
        let params = json!({"name": "jobs_wait", "arguments": {"id": id, "timeout_ms": WAIT_MS}});
        let answer = match client.ask("tools/call", params).await {
            Ok(answer) if answer["isError"] == true => return tell("is not known to the hub any more"),
            Ok(answer) => answer,
            // The hub is away: it comes back, or nobody asks any more.
            Err(_) => {
                tokio::time::sleep(AGAIN).await;
                continue;
            }
        };
        match answer["structuredContent"]["job"]["state"].as_str().unwrap_or_default() {
            "waiting_for_input" => {
                if !std::mem::replace(&mut has_asked, true) {
                    tell("waits for you: `fg` says for what");
                }
                tokio::time::sleep(AGAIN).await;
            }
            state if OPEN.contains(&state) => {}
            "completed" => return tell("is done: `fg` shows its answer"),
            state => return tell(&format!("is {state}: `fg` says why")),
        }
    }
}

/// `jobs`
pub(super) fn list(session: &mut Session, words: &[Word]) -> Result<Produced, Failure> {
    no_words("jobs", words)?;
    let mut result = session.call("jobs_list", json!({"limit": LISTED_MAX}))?;
    let mut listed = result["structuredContent"]["jobs"].take();
    let ours = session.shared.jobs().clone();
    let rows: Vec<Value> = listed.as_array_mut().into_iter().flatten().map(|job| row(job, &ours)).collect();
    if rows.is_empty() {
        return Ok(Produced::Text("There are no jobs; `COMMAND &` begins one.".to_owned()));
    }
    Ok(Produced::Data(rows.into()))
}

fn row(job: &mut Value, ours: &[Started]) -> Value {
    let number = ours.iter().position(|one| job["id"] == *one.id).map(|at| format!("[{}]", at + 1));
    let mut row = Map::new();
    row.insert("number".to_owned(), json!(number.unwrap_or_default()));
    for name in ["id", "tool", "state", "message", "created_ms"] {
        row.insert(name.to_owned(), job[name].take());
    }
    row.into()
}

/// The id of the job that words name: a number of ours, an id, or the latest.
fn named(session: &Session, words: &[Word]) -> Result<String, Failure> {
    let jobs = session.shared.jobs();
    match words {
        [] => jobs
            .last()
            .map(|job| job.id.clone())
            .ok_or_else(|| Failure::Usage("no job was begun here; `jobs` lists all".to_owned())),
        [word] => {
            let text = word.text.trim_start_matches(['%', '[']).trim_end_matches(']');
            let number = text.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
            match number.map(|at| jobs.get(at)) {
                Some(Some(job)) => Ok(job.id.clone()),
                Some(None) => Err(Failure::Usage(format!("there is no job {text} here; `jobs` lists all"))),
                None => Ok(text.to_owned()),
            }
        }
        _ => Err(Failure::Usage("name one job".to_owned())),
    }
}

/// `fg`: waits, answers what it asks, and gives what its tool answered.
pub(super) fn foreground(session: &mut Session, words: &[Word]) -> Result<Produced, Failure> {
    let id = named(session, words)?;
    let mut told = String::new();
    loop {
        let waited = session.call("jobs_wait", json!({"id": id, "timeout_ms": LOOK_MS}));
        let result = match waited {
            Err(Failure::Cancelled) => {
                return Err(Failure::Refused("It goes on; `stop` ends it.".to_owned()));
            }
            other => other?,
        };
        let job = &result["structuredContent"]["job"];
        match job["state"].as_str().unwrap_or_default() {
            "waiting_for_input" => {
                let asks = job["message"].as_str().unwrap_or("It asks something.");
                answer(session, &id, asks, &mut told)?;
            }
            state if OPEN.contains(&state) => {
                let message = job["message"].as_str().unwrap_or_default();
                session.screen.status(&format!("{state} {message}"))?;
            }
            _ => return session.call("jobs_result", json!({ "id": id })).map(Produced::Result),
        }
    }
}

/// Answers what a job asks, as MCP's tasks do it. What only the owner can decide elsewhere is told, once.
fn answer(session: &mut Session, id: &str, asks: &str, told: &mut String) -> Result<(), Failure> {
    let task = session.request("tasks/get", json!({ "taskId": id }))?;
    if let Some(requests) = task["inputRequests"].as_object().cloned().filter(|asked| !asked.is_empty()) {
        let responses = approvals::answer(session, &requests)?.responses;
        return session
            .request("tasks/update", json!({ "taskId": id, "inputResponses": responses }))
            .map(drop);
    }
    if told != asks {
        session.screen.note(asks)?;
        asks.clone_into(told);
    }
    session.wait(async { tokio::time::sleep(Duration::from_millis(LOOK_MS)).await })
}

/// `stop`
pub(super) fn stop(session: &mut Session, words: &[Word]) -> Result<Produced, Failure> {
    let id = named(session, words)?;
    let result = session.call("jobs_cancel", json!({ "id": id }))?;
    let job = &result["structuredContent"]["job"];
    let (tool, state) =
        (job["tool"].as_str().unwrap_or("the job"), job["state"].as_str().unwrap_or("stopped"));
    let is = if OPEN.contains(&state) { "being stopped" } else { state };
    session.screen.note(&format!("{tool} is {is}."))?;
    Ok(Produced::Nothing)
}

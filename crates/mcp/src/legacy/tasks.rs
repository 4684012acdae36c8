//! Tasks as 2025-11-25 had them in its core: the host asks for a call to be one, and fetches the result of its own.

use std::sync::Arc;

use drawbridge_contract::{
    Answers, Background, InputRequired, JobFilter, JobProgress, JobState, JobView, Outcome, Refusal,
    ToolError,
};
use futures::StreamExt;
use serde::Deserialize;

use super::converse::put;
use super::peer::{Peer, Telling};
use crate::convert::{self, Purpose, Seen, can_ask, method_of};
use crate::core::{Asking, Core, Exchange, Work, run};
use crate::encode::Reply;
use crate::envelope::{Id, string};
use crate::error::WireError;
use crate::events::progressed;
use crate::limits::{ASK_TIMEOUT, TASK_RESULTS_MAX, TASKS_PAGE_SIZE};
use crate::outbox::Outbox;
use crate::params::{Params, object};
use crate::seats::Seat;
use crate::tasks::{Tasks, Told, answer, background_of, later, refused, task_id};
use crate::version::Version;

const VERSION: Version = Version::V2025_11_25;

/// The tasks of whoever makes this request, where its revision has any and there are jobs here.
fn tasks_of(core: &Core, peer: &Peer, exchange: &Exchange) -> Option<Tasks> {
    let jobs = core.handler.jobs().filter(|_| peer.version.has_core_tasks())?;
    let (handler, caller) = (core.handler.clone(), exchange.caller.clone());
    Some(Tasks { handler, jobs, caller, able: peer.host.abilities })
}

fn tasks(core: &Core, peer: &Peer, exchange: &Exchange, method: &str) -> Result<Tasks, WireError> {
    tasks_of(core, peer, exchange).ok_or_else(|| WireError::unknown_method(method, peer.version))
}

/// What the host may say about the task that it wants. How long we remember tasks is our own setting, which
/// each of them tells.
#[derive(Deserialize)]
struct Wanted {
    #[serde(default)]
    ttl: Option<f64>,
}

/// The caller's tasks if the host wants this call to be one; `None` if it does not.
///
/// # Errors
/// The tool does not run in the background, or in no other way: -32601, as the revision asks.
pub(super) fn wanted(
    core: &Core,
    peer: &Peer,
    exchange: &Exchange,
    tool: &str,
    params: &Params<'_>,
) -> Result<Option<Tasks>, WireError> {
    let Some(tasks) = tasks_of(core, peer, exchange) else { return Ok(None) };
    match (params.task, background_of(core, &exchange.caller, tool)) {
        (None, Background::Forbidden | Background::Optional) => Ok(None),
        (None, Background::Required) => Err(WireError::wrong_way(format!(
            "{tool} runs only as a task: send the call with `task` in its params"
        ))),
        (Some(_), Background::Forbidden) => Err(WireError::wrong_way(format!(
            "{tool} does not run as a task: send the call without `task` in its params"
        ))),
        (Some(wanted), Background::Optional | Background::Required) => {
            let wanted: Wanted = object(wanted, "task")?;
            if wanted.ttl.is_some_and(|ttl| ttl < 0.0) {
                return Err(WireError::invalid_params(
                    "`task.ttl` is negative; it is a time in milliseconds",
                ));
            }
            Ok(Some(tasks))
        }
    }
}

/// Submits a call as a job, and answers with the task. What becomes of it is told on the session's own stream, and how
/// far it is if the call asked for that.
pub(super) fn submit(
    core: &Core,
    peer: &Arc<Peer>,
    exchange: Exchange,
    tasks: Tasks,
    asking: Asking,
    progress_token: Option<Id>,
) -> Work {
    let peer = peer.clone();
    let call = later(asking.into_call(&exchange.caller, exchange.entrance), None);
    let done = core.handler.clone().call(call, exchange.live(None));
    let id = exchange.id;
    let answer = async move {
        match done.await {
            Ok(Outcome::Accepted(job)) => {
                let reply = created(&tasks, &id, &job).await;
                if let Some(telling) = peer.begin_telling() {
                    tokio::spawn(tell(telling, tasks, job, progress_token));
                }
                reply
            }
            outcome => convert::outcome(VERSION, &id, &Purpose::Tool, tasks.able, outcome),
        }
    };
    Work::Running(run(exchange.entered, None, answer))
}

/// Tells a host what becomes of its task, until it has ended or the host is gone.
async fn tell(telling: Telling, tasks: Tasks, job: Box<str>, progress_token: Option<Id>) {
    let (mut told, _own) = Told::open(tasks, [job.into()].into()).await;
    let mut far = f64::NEG_INFINITY;
    loop {
        let seen = tokio::select! {
            seen = told.next() => seen,
            () = telling.gone() => return,
        };
        let Some(seen) = seen else { return };
        telling.tell(convert::task_status(&seen));
        if let (Some(token), Some(JobProgress { progress, total, message })) =
            (&progress_token, &seen.view.progress)
            && progress.is_finite()
            && *progress > far
        {
            far = *progress;
            telling.tell(progressed(token, far, *total, message.as_deref()));
        }
    }
}

async fn created(tasks: &Tasks, id: &Id, job: &str) -> Reply {
    match tasks.find(job).await {
        Ok(view) => convert::task_created_legacy(id, &seen(tasks, view)),
        Err(error) => Reply::error(Some(id), &error),
    }
}

fn seen(tasks: &Tasks, view: JobView) -> Seen {
    Seen { view, end: None, able: tasks.able }
}

/// `tasks/get`.
pub(super) fn get(
    core: &Core,
    peer: &Peer,
    exchange: Exchange,
    params: &Params<'_>,
) -> Result<Work, WireError> {
    let tasks = tasks(core, peer, &exchange, "tasks/get")?;
    let (task, id) = (task_id(params)?, exchange.id.clone());
    Ok(answer(exchange, async move {
        let view = tasks.find(&task).await?;
        Ok(convert::task_legacy(&id, &tasks.seen(view).await?))
    }))
}

/// `tasks/cancel`: it can only become cancelled from then on.
pub(super) fn cancel(
    core: &Core,
    peer: &Peer,
    exchange: Exchange,
    params: &Params<'_>,
) -> Result<Work, WireError> {
    let tasks = tasks(core, peer, &exchange, "tasks/cancel")?;
    let (task, id) = (task_id(params)?, exchange.id.clone());
    Ok(answer(exchange, async move {
        let ended =
            || WireError::invalid_params("this task has ended already, and cannot be cancelled any more");
        let view = tasks.find(&task).await?;
        if view.state.has_ended() {
            return Err(ended());
        }
        let view = tasks.stop(&task).await?.ok_or_else(ended)?;
        Ok(convert::task_legacy(&id, &seen(&tasks, view)))
    }))
}

/// `tasks/list`: the caller's own, newest first.
pub(super) fn list(
    core: &Core,
    peer: &Peer,
    exchange: Exchange,
    params: &Params<'_>,
) -> Result<Work, WireError> {
    let tasks = tasks(core, peer, &exchange, "tasks/list")?;
    let not_text = || WireError::invalid_params("`cursor` must be a string");
    let cursor =
        params.cursor.map(|raw| string(raw).map(Box::<str>::from).ok_or_else(not_text)).transpose()?;
    let id = exchange.id.clone();
    Ok(answer(exchange, async move {
        let filter = JobFilter { caller: Some(tasks.caller.id.as_ref().into()), ..JobFilter::default() };
        let page = tasks.jobs.list(&tasks.caller, filter, cursor.as_deref(), TASKS_PAGE_SIZE).await;
        let page = page.map_err(|why| refused("", &why))?;
        let shown = page.jobs.into_iter().filter(|view| tasks.check(view).is_ok());
        let shown: Vec<Seen> = shown.map(|view| seen(&tasks, view)).collect();
        Ok(convert::tasks_page(&id, &shown, page.next.as_deref()))
    }))
}

/// `tasks/result`: waits for the end, asks the host on the open stream what the task asks meanwhile, and answers with
/// what the call itself would have been answered with.
pub(super) fn result(
    core: &Core,
    peer: &Arc<Peer>,
    exchange: Exchange,
    params: &Params<'_>,
) -> Result<Work, WireError> {
    let tasks = tasks(core, peer, &exchange, "tasks/result")?;
    let task = task_id(params)?;
    let seat = peer.begin_awaiting().ok_or_else(|| {
        WireError::internal(format!(
            "{TASK_RESULTS_MAX} results of tasks are waited for already; ask with tasks/get, or wait for one of them"
        ))
    })?;
    let (outbox, own) = exchange.outlet.open();
    let id = exchange.id;
    let fetching = Fetching { tasks, peer: peer.clone(), task, outbox, _seat: seat };
    let answer = async move {
        match fetching.until_end().await {
            Ok(()) => fetching.reply(&id).await,
            Err(error) => Reply::error(Some(&id), &error),
        }
    };
    Ok(Work::Running(run(exchange.entered, own, answer)))
}

/// One `tasks/result` under way.
struct Fetching {
    tasks: Tasks,
    peer: Arc<Peer>,
    task: Box<str>,
    /// Where requests to the host go; in a batch there is no such way.
    outbox: Option<Arc<Outbox>>,
    _seat: Seat,
}

impl Fetching {
    async fn until_end(&self) -> Result<(), WireError> {
        self.tasks.find(&self.task).await?;
        let watched = self.tasks.jobs.watch(&self.tasks.caller, &self.task, 0).await;
        let mut events = watched.map_err(|why| refused(&self.task, &why))?;
        let mut asked_ms = None;
        while let Some(event) = events.next().await {
            self.tasks.check(&event.job).map_err(|why| refused(&self.task, &why))?;
            if event.job.state.has_ended() {
                break;
            }
            // Each round is asked once; told again, it is the same.
            if event.job.state == JobState::WaitingForInput && asked_ms != Some(event.job.updated_ms) {
                asked_ms = Some(event.job.updated_ms);
                if let Some(needed) = event.job.needed {
                    self.ask(needed).await?;
                }
            }
        }
        Ok(())
    }

    /// Asks the host what it can be asked, and passes on its answers. What remains is for somebody else to answer.
    async fn ask(&self, needed: InputRequired) -> Result<(), WireError> {
        let Some(outbox) = &self.outbox else { return Ok(()) };
        let askable = needed.requests.into_iter().filter(|(_, request)| can_ask(request, self.tasks.able));
        let asked = askable.map(async |(key, request)| {
            let response = put(&self.peer, outbox, &request, Some(&self.task), ASK_TIMEOUT).await;
            let why = |why| format!("the host did not answer {}: {why}; the task waits", method_of(&request));
            response.map(|value| (key, value)).map_err(why)
        });
        let responses = futures::future::try_join_all(asked).await.map_err(WireError::internal)?;
        if responses.is_empty() {
            return Ok(());
        }
        let answers = Answers { responses: responses.into_iter().collect(), state: None };
        match self.tasks.jobs.answer(&self.tasks.caller, &self.task, answers).await {
            // Somebody else was faster.
            Ok(_) | Err(Refusal::Tool(ToolError::Refused(_))) => Ok(()),
            Err(why) => Err(refused(&self.task, &why)),
        }
    }

    async fn reply(&self, id: &Id) -> Reply {
        match self.tasks.end(&self.task).await {
            Ok(end) => convert::task_result(id, &self.task, &end),
            Err(error) => Reply::error(Some(id), &error),
        }
    }
}

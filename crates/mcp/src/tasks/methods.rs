//! `tasks/get`, `tasks/update` and `tasks/cancel` (2026-07-28).

use drawbridge_contract::{Answers, JobState, Refusal, ToolError};

use super::{Tasks, refused};
use crate::convert::{self, asked_by_key};
use crate::core::{Core, Exchange, Work, run};
use crate::encode::Reply;
use crate::envelope::Id;
use crate::error::WireError;
use crate::meta::Meta;
use crate::params::{Params, text};
use crate::version::Version;

/// `tasks/get`: the task, with its result, its error or its questions.
pub(crate) fn get(
    core: &Core,
    exchange: Exchange,
    params: &Params<'_>,
    meta: &Meta<'_>,
) -> Result<Work, WireError> {
    let tasks = Tasks::of(core, &exchange.caller, "tasks/get", meta)?;
    let task = task_id(params)?;
    let id = exchange.id.clone();
    Ok(answer(exchange, async move {
        let view = tasks.find(&task).await?;
        Ok(convert::task(&id, &tasks.seen(view).await?))
    }))
}

/// `tasks/update`: answers to what the task asks.
pub(crate) fn update(
    core: &Core,
    exchange: Exchange,
    params: &Params<'_>,
    meta: &Meta<'_>,
) -> Result<Work, WireError> {
    let tasks = Tasks::of(core, &exchange.caller, "tasks/update", meta)?;
    let task = task_id(params)?;
    let missing =
        || WireError::invalid_params("`inputResponses` is missing: it holds the answers by their keys");
    params.input_responses.ok_or_else(missing)?;
    let answers = params.answers()?.unwrap_or_default();
    let id = exchange.id.clone();
    Ok(answer(exchange, async move {
        tasks.update(&task, answers).await?;
        Ok(acknowledged(&id))
    }))
}

/// `tasks/cancel`: it is to stop. One that has ended stays as it is.
pub(crate) fn cancel(
    core: &Core,
    exchange: Exchange,
    params: &Params<'_>,
    meta: &Meta<'_>,
) -> Result<Work, WireError> {
    let tasks = Tasks::of(core, &exchange.caller, "tasks/cancel", meta)?;
    let task = task_id(params)?;
    let id = exchange.id.clone();
    Ok(answer(exchange, async move {
        tasks.find(&task).await?;
        tasks.stop(&task).await?;
        Ok(acknowledged(&id))
    }))
}

impl Tasks {
    /// Passes on the answers to what the job asks now; what it does not ask is ignored.
    async fn update(&self, task: &str, answers: Answers) -> Result<(), WireError> {
        let view = self.find(task).await?;
        let given = asked_by_key(&view, answers);
        if view.state != JobState::WaitingForInput || given.responses.is_empty() {
            return Ok(());
        }
        match self.jobs.answer(&self.caller, task, given).await {
            // Somebody else was faster.
            Ok(_) | Err(Refusal::Tool(ToolError::Refused(_))) => Ok(()),
            Err(why) => Err(refused(task, &why)),
        }
    }
}

/// The task that a request names.
pub(crate) fn task_id(params: &Params<'_>) -> Result<Box<str>, WireError> {
    Ok((*text(params.task_id, "taskId")?).into())
}

/// Runs what answers a request about tasks.
pub(crate) fn answer(
    exchange: Exchange,
    reply: impl Future<Output = Result<Reply, WireError>> + Send + 'static,
) -> Work {
    let id = exchange.id.clone();
    let answer = async move { reply.await.unwrap_or_else(|error| Reply::error(Some(&id), &error)) };
    Work::Running(run(exchange.entered, None, answer))
}

fn acknowledged(id: &Id) -> Reply {
    const VERSION: Version = Version::V2026_07_28;
    Reply::object(id, 128, |object| {
        convert::begin(VERSION, object);
        convert::end(VERSION, object, None);
    })
}

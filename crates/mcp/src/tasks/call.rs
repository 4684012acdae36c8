//! A call that becomes a task.

use std::sync::Arc;

use drawbridge_contract::{
    Answers, Background, BoxFuture, Call, JobEnd, JobOptions, JobState, Outcome, Run, ToolResult,
};
use futures::StreamExt;

use super::Tasks;
use crate::convert::{self, Purpose};
use crate::core::{Asking, Core, Exchange, Work, run};
use crate::encode::Reply;
use crate::envelope::Id;
use crate::limits::TASK_GRACE;
use crate::version::Version;

const VERSION: Version = Version::V2026_07_28;

/// Submits a call as a job, and answers with the task, or with the result if that is there soon.
pub(crate) fn submit(
    core: &Core,
    exchange: Exchange,
    tasks: Tasks,
    background: Background,
    asking: Asking,
    answers: Option<Answers>,
) -> Work {
    let call = later(asking.into_call(&exchange.caller, exchange.entrance), answers);
    let done = core.handler.clone().call(call, exchange.live(None));
    let id = exchange.id;
    let answer = async move {
        match done.await {
            // Its tool says that it never ends soon.
            Ok(Outcome::Accepted(job)) if background == Background::Required => {
                tasks.created(&id, &job).await
            }
            Ok(Outcome::Accepted(job)) => Submission::new(tasks, job).reply(&id).await,
            outcome => convert::outcome(VERSION, &id, &Purpose::Tool, tasks.able, outcome),
        }
    };
    Work::Running(run(exchange.entered, None, answer))
}

/// The same call, as a job.
pub(crate) fn later(call: Call, answers: Option<Answers>) -> Call {
    Call { answers, run: Run::Later(Box::<JobOptions>::default()), ..call }
}

impl Tasks {
    /// The answer to a call that runs in the background now.
    pub(crate) async fn created(&self, id: &Id, job: &str) -> Reply {
        match self.find(job).await {
            Ok(view) => convert::task_created(id, &convert::Seen { view, end: None, able: self.able }),
            Err(error) => Reply::error(Some(id), &error),
        }
    }
}

/// A job whose host does not know of it yet. Given up before it does, the job is stopped: nobody could ask for it.
pub(crate) struct Submission {
    tasks: Tasks,
    job: Arc<str>,
    is_known: bool,
}

impl Submission {
    fn new(tasks: Tasks, job: Box<str>) -> Self {
        Self { tasks, job: job.into(), is_known: false }
    }

    async fn reply(mut self, id: &Id) -> Reply {
        let soon = self.result_soon().await;
        let reply = match soon {
            Some(result) => convert::tool(VERSION, id, &result),
            None => self.tasks.created(id, &self.job).await,
        };
        self.is_known = true;
        reply
    }

    /// The tool's answer, if it is there within [`TASK_GRACE`].
    async fn result_soon(&self) -> Option<ToolResult> {
        if !tokio::time::timeout(TASK_GRACE, self.completed()).await.unwrap_or(false) {
            return None;
        }
        match self.tasks.end(&self.job).await {
            Ok(JobEnd::Answered(result)) => Some(result),
            _ => None,
        }
    }

    /// Waits until the job does not go on by itself. Whether it completed.
    async fn completed(&self) -> bool {
        let Ok(mut events) = self.tasks.jobs.watch(&self.tasks.caller, &self.job, 0).await else {
            return false;
        };
        while let Some(event) = events.next().await {
            let state = event.job.state;
            if state.has_ended() || state == JobState::WaitingForInput {
                return state == JobState::Completed;
            }
        }
        false
    }
}

impl Drop for Submission {
    fn drop(&mut self) {
        if self.is_known {
            return;
        }
        let (tasks, job) = (self.tasks.clone(), self.job.clone());
        let stop: BoxFuture<'static, ()> = Box::pin(async move {
            if let Err(error) = tasks.stop(&job).await {
                tracing::warn!(%job, error = %error.message, "a job whose host went away goes on");
            }
        });
        // Outside of a runtime nothing runs that could be stopped.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(stop);
        }
    }
}

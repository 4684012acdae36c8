//! One job, as its caller sees it.

use drawbridge_contract::{JobEnd, JobEvent, JobProgress, JobView, RawValue, Refusal, ToolResult, raw};
use drawbridge_gateway::masked;
use drawbridge_jobs::{Change, Happened, Job, JobId, Outcome, Progress, State};
use serde_json::Value;

use crate::error::refusal;
use crate::question::Question;
use crate::{Inner, stored};

impl Inner {
    /// With what it says for people, as far as there is something to say.
    pub(crate) async fn view(&self, job: Job) -> Result<JobView, Refusal> {
        let outcome = match job.state {
            State::Completed | State::Cancelled => Outcome::default(),
            _ if job.attempt == 0 && job.state != State::WaitingForInput => Outcome::default(),
            _ => self.engine.outcome(job.id.clone()).await.map_err(refusal)?,
        };
        let question = outcome.question.map(|question| Question::read(&question));
        let message = match &question {
            Some(question) => Some(question.message()),
            None => outcome.failure.as_ref().map(|failure| failure.message.clone()),
        };
        let is_error =
            job.state.has_ended() && outcome.failure.is_some_and(|failure| failure.result.is_some());
        let mut view = self.plain(job);
        (view.message, view.is_error, view.needed) = (message, is_error, question.and_then(Question::needed));
        Ok(view)
    }

    fn plain(&self, job: Job) -> JobView {
        let retention = &self.settings.retention;
        let keep = match job.state {
            State::Failed | State::Dead => retention.badly,
            _ => retention.well,
        };
        JobView {
            id: job.id.as_str().into(),
            tool: (*job.tool).into(),
            caller: (*job.caller).into(),
            queue: (*job.queue).into(),
            state: job.state,
            stopping: job.stopping,
            priority: job.priority,
            attempt: job.attempt,
            attempts_max: job.attempts_max,
            created_ms: job.created_ms,
            updated_ms: job.ended_ms.or(job.started_ms).unwrap_or(job.created_ms),
            run_at_ms: (job.state == State::Scheduled).then_some(job.run_at_ms),
            started_ms: job.started_ms,
            ended_ms: job.ended_ms,
            deadline_ms: job.deadline_ms,
            ttl_ms: Some(keep.age_ms),
            progress: job.progress.map(progress),
            message: None,
            is_error: false,
            arguments: None,
            worker: job.worker.as_deref().map(Into::into),
            needed: None,
        }
    }

    /// The arguments as people may see them.
    pub(crate) async fn shown_arguments(&self, id: &JobId) -> Result<Option<Box<RawValue>>, Refusal> {
        let (arguments, _) = self.engine.arguments(id.clone()).await.map_err(refusal)?;
        Ok(as_shown(&arguments))
    }

    /// What came of a job.
    pub(crate) async fn end(&self, job: &Job) -> Result<JobEnd, Refusal> {
        if !job.state.has_ended() {
            return Ok(JobEnd::Open(job.state));
        }
        if job.state == State::Cancelled {
            return Ok(JobEnd::Cancelled);
        }
        let outcome = self.engine.outcome(job.id.clone()).await.map_err(refusal)?;
        Ok(match (outcome.result, outcome.failure) {
            (Some(result), _) if job.state == State::Completed => {
                JobEnd::Answered(stored::read(result.get()))
            }
            (_, Some(failure)) => match failure.result {
                Some(result) => JobEnd::Answered(ToolResult { is_error: true, ..stored::read(&result) }),
                None => JobEnd::Failed { code: failure.code, message: failure.message },
            },
            _ => JobEnd::Failed { code: "unknown".into(), message: "nothing is known of its end".to_owned() },
        })
    }

    /// What was told of a job, with how it is now.
    pub(crate) fn event(&self, change: &Change, job: JobView) -> JobEvent {
        match change {
            Change::Happened(Happened { seq, at_ms, what, .. }) => {
                let word = raw(what);
                JobEvent { seq: Some(*seq), what: word.get().trim_matches('"').into(), at_ms: *at_ms, job }
            }
            Change::Progress { progress: far, .. } => {
                let job = JobView { progress: Some(progress(far.clone())), ..job };
                JobEvent { seq: None, what: "progress".into(), at_ms: job.updated_ms, job }
            }
        }
    }
}

/// JSON as people may see it: secrets masked, long values cut.
pub(crate) fn as_shown(text: &RawValue) -> Option<Box<RawValue>> {
    let value: Value = serde_json::from_str(text.get()).ok()?;
    RawValue::from_string(masked(text.get(), &value).into_owned()).ok()
}

fn progress(Progress { progress, total, message }: Progress) -> JobProgress {
    JobProgress { progress, total, message }
}

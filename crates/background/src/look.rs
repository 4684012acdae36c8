//! What callers see of their jobs, and how they steer them.

use std::sync::Arc;
use std::time::Duration;

use drawbridge_contract::{
    Answers, Arguments, Backlog, Caller, JOBS_PAGE_MAX, JobAccepted, JobEnd, JobEvent, JobFilter, JobFuture,
    JobLine, JobLoad, JobPage, JobRequest, JobView, Jobs, QueueLoad, RawValue, Refusal, Schedules, ToolError,
    Webhooks,
};
use drawbridge_jobs::{Filter, Job, JobId, QueueCounts, State};
use futures::FutureExt as _;
use futures::stream::BoxStream;
use tokio::task::JoinHandle;

use crate::Background;
use crate::error::{not_found, refusal};
use crate::question::{Answered, Question};

/// How often an engine on another machine is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// How an engine on another machine was, when it was looked at last.
#[derive(Debug, Clone, Default)]
pub(crate) struct Seen {
    counts: Vec<QueueCounts>,
    failing: Option<String>,
}

impl Background {
    /// The job, if it is there for who asks.
    async fn own(&self, caller: &Caller, id: &str) -> Result<Job, Refusal> {
        let job = self.0.engine.get(JobId::new(id)).await.map_err(refusal)?;
        if caller.is_owner() || *job.caller == *caller.id { Ok(job) } else { Err(not_found(id)) }
    }

    async fn seen(&self, id: &JobId) -> Result<JobView, Refusal> {
        let job = self.0.engine.get(id.clone()).await.map_err(refusal)?;
        self.0.view(job).await
    }

    async fn page(&self, filter: Filter, cursor: Option<&str>, limit: usize) -> Result<JobPage, Refusal> {
        let page = self.0.engine.list(filter, cursor.map(JobId::new), limit.clamp(1, JOBS_PAGE_MAX)).await;
        let page = page.map_err(refusal)?;
        let mut jobs = Vec::with_capacity(page.jobs.len());
        for job in page.jobs {
            let arguments = self.0.shown_arguments(&job.id).await.unwrap_or_default();
            jobs.push(JobView { arguments, ..self.0.view(job).await? });
        }
        Ok(JobPage { jobs, next: page.next.map(|next| next.as_str().into()) })
    }

    async fn answered(&self, job: Job, answers: Answers) -> Result<JobView, Refusal> {
        // What was answered is read, added to and written: one at a time, so that no part is lost.
        let _alone = self.0.answering.lock().await;
        let refused = |why: String| Refusal::from(ToolError::Refused(why));
        let outcome = self.0.engine.outcome(job.id.clone()).await.map_err(refusal)?;
        let asks_nothing = || refused(format!("job {} is {} and asks nothing", job.id, job.state.word()));
        let question = outcome.question.filter(|_| job.state == State::WaitingForInput);
        let question = Question::read(&question.ok_or_else(asks_nothing)?);
        let written = match question.answered(answers.responses, job.attempt + 1).map_err(refused)? {
            Answered::Whole(answer) => self.0.engine.answer(job.id.clone(), answer.write()).await,
            Answered::InPart(rest) => self.0.engine.ask_rest(job.id.clone(), rest.write()).await,
        };
        written.map_err(refusal)?;
        self.seen(&job.id).await
    }
}

/// Others than the owner see their own, whatever they ask for.
fn engine_filter(caller: &Caller, filter: JobFilter) -> Filter {
    let whose = if caller.is_owner() { filter.caller.as_deref() } else { Some(&*caller.id) };
    Filter {
        states: filter.states,
        queue: filter.queue.as_deref().map(Into::into),
        tool: filter.tool.as_deref().map(Into::into),
        caller: whose.map(Into::into),
        parent: None,
    }
}

impl Jobs for Background {
    fn schedules(&self) -> Option<Arc<dyn Schedules>> {
        self.0.beside.get().map(|beside| beside.planned.clone() as _)
    }

    fn webhooks(&self) -> Option<Arc<dyn Webhooks>> {
        self.0.beside.get().map(|beside| beside.told.clone() as _)
    }

    fn get<'a>(&'a self, caller: &'a Caller, id: &'a str) -> JobFuture<'a, JobView> {
        Box::pin(async move {
            let job = self.own(caller, id).await?;
            let arguments = self.0.shown_arguments(&job.id).await?;
            Ok(JobView { arguments, ..self.0.view(job).await? })
        })
    }

    fn result<'a>(&'a self, caller: &'a Caller, id: &'a str) -> JobFuture<'a, JobEnd> {
        Box::pin(async move {
            let job = self.own(caller, id).await?;
            self.0.end(&job).await
        })
    }

    fn list<'a>(
        &'a self,
        caller: &'a Caller,
        filter: JobFilter,
        cursor: Option<&'a str>,
        limit: usize,
    ) -> JobFuture<'a, JobPage> {
        Box::pin(self.page(engine_filter(caller, filter), cursor, limit))
    }

    fn lines<'a>(
        &'a self,
        caller: &'a Caller,
        id: &'a str,
        after: u64,
        limit: usize,
    ) -> JobFuture<'a, Vec<JobLine>> {
        Box::pin(async move {
            let job = self.own(caller, id).await?;
            let lines =
                self.0.engine.lines(job.id, after, limit.clamp(1, JOBS_PAGE_MAX)).await.map_err(refusal)?;
            let line = |line: drawbridge_jobs::Line| {
                let drawbridge_jobs::Line { number, at_ms, level, text } = line;
                JobLine { number, at_ms, level, text }
            };
            Ok(lines.into_iter().map(line).collect())
        })
    }

    fn cancel<'a>(&'a self, caller: &'a Caller, id: &'a str) -> JobFuture<'a, JobView> {
        Box::pin(async move {
            let job = self.own(caller, id).await?;
            self.0.engine.cancel(job.id.clone()).await.map_err(refusal)?;
            self.seen(&job.id).await
        })
    }

    fn answer<'a>(&'a self, caller: &'a Caller, id: &'a str, answers: Answers) -> JobFuture<'a, JobView> {
        Box::pin(async move {
            let job = self.own(caller, id).await?;
            self.answered(job, answers).await
        })
    }

    fn retry<'a>(&'a self, caller: &'a Caller, id: &'a str) -> JobFuture<'a, JobView> {
        Box::pin(async move {
            let job = self.own(caller, id).await?;
            self.0.engine.retry(job.id.clone()).await.map_err(refusal)?;
            self.seen(&job.id).await
        })
    }

    fn retry_all<'a>(&'a self, caller: &'a Caller, filter: JobFilter) -> JobFuture<'a, u64> {
        Box::pin(async move { self.0.engine.retry_all(engine_filter(caller, filter)).await.map_err(refusal) })
    }

    fn edit<'a>(
        &'a self,
        caller: &'a Caller,
        id: &'a str,
        arguments: &'a Arguments,
    ) -> JobFuture<'a, JobView> {
        Box::pin(async move {
            let job = self.own(caller, id).await?;
            let text = RawValue::from_string(arguments.text().to_owned())
                .map_err(|error| ToolError::Invalid(error.to_string()))?;
            self.0.engine.edit(job.id.clone(), text).await.map_err(refusal)?;
            self.get(caller, id).await
        })
    }

    fn discard<'a>(&'a self, caller: &'a Caller, id: &'a str) -> JobFuture<'a, ()> {
        Box::pin(async move {
            let job = self.own(caller, id).await?;
            self.0.engine.discard(job.id).await.map_err(refusal)
        })
    }

    fn discard_all<'a>(&'a self, caller: &'a Caller, filter: JobFilter) -> JobFuture<'a, u64> {
        Box::pin(
            async move { self.0.engine.discard_all(engine_filter(caller, filter)).await.map_err(refusal) },
        )
    }

    fn watch<'a>(
        &'a self,
        caller: &'a Caller,
        id: &'a str,
        after: u64,
    ) -> JobFuture<'a, BoxStream<'static, JobEvent>> {
        Box::pin(async move {
            let job = self.own(caller, id).await?;
            Ok(crate::watch::of(self.0.clone(), job.id, after))
        })
    }

    fn pause<'a>(&'a self, caller: &'a Caller, queue: &'a str, paused: bool) -> JobFuture<'a, ()> {
        Box::pin(async move {
            if !caller.is_owner() {
                let why = "a queue is everybody's: only the owner pauses it, or starts it again".to_owned();
                return Err(ToolError::Refused(why).into());
            }
            let (engine, queue) = (&self.0.engine, queue.into());
            let done = if paused { engine.pause(queue).await } else { engine.resume(queue).await };
            done.map_err(refusal)
        })
    }

    fn load(&self) -> JobFuture<'_, JobLoad> {
        Box::pin(async move {
            let counts = self.0.engine.counts().await.map_err(refusal)?;
            let failing = self.0.engine.check_health().await.err().map(|error| error.to_string());
            Ok(self.load_of(counts, failing))
        })
    }
}

impl Background {
    /// The load as far as it is known at once: for answers that wait for nobody. Of an engine on another machine, what was
    /// seen last; see [`watch_load`](Self::watch_load).
    pub fn load_now(&self) -> JobLoad {
        match self.0.engine.counts().now_or_never() {
            Some(Ok(counts)) => self.load_of(counts, None),
            Some(Err(error)) => self.load_of(Vec::new(), Some(error.to_string())),
            None => {
                let Seen { counts, failing } = crate::lock(&self.0.seen).clone();
                self.load_of(counts, failing)
            }
        }
    }

    /// Looks every few seconds how an engine on another machine is, for [`load_now`](Self::load_now). Needs a tokio
    /// runtime; ends with [`close`](Self::close).
    pub fn watch_load(&self) {
        let inner = Arc::downgrade(&self.0);
        let watching = tokio::spawn(async move {
            while let Some(inner) = inner.upgrade() {
                let seen = match inner.engine.counts().await {
                    Ok(counts) => Seen { counts, failing: None },
                    Err(error) => Seen { counts: Vec::new(), failing: Some(error.to_string()) },
                };
                *crate::lock(&inner.seen) = seen;
                drop(inner);
                tokio::time::sleep(LOOK_EVERY).await;
            }
        });
        crate::lock(&self.0.watching).replace(watching).inspect(JoinHandle::abort);
    }

    fn load_of(&self, counts: Vec<QueueCounts>, failing: Option<String>) -> JobLoad {
        let queues = counts.into_iter().map(|counts| QueueLoad {
            queue: (*counts.queue).into(),
            paused: counts.paused,
            states: counts.states,
        });
        let (concurrency, running) = self.load_here();
        JobLoad { engine: self.0.settings.engine, queues: queues.collect(), concurrency, running, failing }
    }
}

impl Backlog for Background {
    fn enqueue(&self, request: JobRequest) -> JobFuture<'_, JobAccepted> {
        Box::pin(self.take(request))
    }
}

//! All of it as an [`Engine`].

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use drawbridge_contract::{CancellationToken, RawValue, broadcast};
use drawbridge_jobs::bounds::{CHECKPOINT_BYTES_MAX, LINES_MAX, NAME_BYTES_MAX, PAGE_MAX, SUBMIT_MAX};
use drawbridge_jobs::{
    Answered, Beat, Change, Engine, EngineError, Exchange, Exchanged, Failure, Family, Filter, Happened,
    Heartbeat, Job, JobId, Lease, Limit, LimitRow, Line, NewJob, Outcome, Page, Progress, QueueCounts,
    Remains, Scope, State, Submitted, at_most,
};
use tokio::sync::{Notify, watch};

use crate::arrivals::Arrivals;
use crate::exchange::bounded_lease;
use crate::keeper::Keeper;
use crate::limits::{member, scope};
use crate::link::Link;
use crate::names::{check_queue, inner, queue_in};
use crate::seal::What;
use crate::shared::Shared;
use crate::submit::{Prepared, edited};
use crate::together::Together;
use crate::{Settings, events, scripts, submit, view};

/// How many changes a slow reader may be behind.
const CHANGES_MAX: usize = 16_384;

/// The engine. Dropped, it ends; what is in Redis goes on.
pub struct BullMq {
    shared: Arc<Shared>,
}

impl BullMq {
    /// Opens the engine, in a tokio runtime. Redis need not be there yet.
    ///
    /// # Errors
    /// [`EngineError::Invalid`]: the address makes no sense.
    pub fn open(settings: Settings) -> Result<Self, EngineError> {
        let ears = events::Ears {
            changes: broadcast::Sender::new(CHANGES_MAX),
            stops: broadcast::Sender::new(CHANGES_MAX),
            wake: Arc::new(Notify::new()),
            listening: watch::Sender::new(false),
        };
        let shared = Arc::new(Shared {
            link: Arc::new(Link::new(&settings)?),
            settings,
            ears: Arc::new(ears),
            keeper: Arc::new(Keeper::new()),
            waiting: Mutex::default(),
            together: Together::default(),
            arrivals: Arrivals::default(),
            closed: CancellationToken::new(),
        });
        let (link, ears) = (Arc::clone(&shared.link), Arc::clone(&shared.ears));
        let listen = shared.closed.clone().run_until_cancelled_owned(events::listen(link, ears));
        tokio::spawn(listen);
        let (link, ears) = (Arc::clone(&shared.link), Arc::clone(&shared.ears));
        let (keeper, closed) = (Arc::clone(&shared.keeper), shared.closed.clone());
        tokio::spawn(async move { closed.run_until_cancelled(keeper.run(link, ears)).await });
        Ok(Self { shared })
    }

    /// Waits until what happens is heard of from the beginning on: for tests, and for whoever must not miss anything.
    pub async fn listening(&self) {
        let mut listening = self.shared.ears.listening.subscribe();
        // The sender lives as long as we do.
        drop(listening.wait_for(|is_listening| *is_listening).await);
    }

    fn prepare(&self, jobs: Vec<NewJob>) -> Result<Vec<Prepared>, EngineError> {
        at_most("a submission", jobs.len(), SUBMIT_MAX)?;
        jobs.into_iter().map(|job| Prepared::new(job, &self.shared.settings.policies)).collect()
    }
}

impl Drop for BullMq {
    fn drop(&mut self) {
        self.shared.closed.cancel();
    }
}

impl Engine for BullMq {
    fn submit(&self, job: NewJob) -> Answered<'_, Submitted> {
        Box::pin(async move {
            let job = Prepared::new(job, &self.shared.settings.policies)?;
            if job.is_plain() {
                self.shared.check_open()?;
                return self.shared.submit_together(job).await;
            }
            let taken = self.shared.submit(&[job], false).await?;
            taken.into_iter().next().ok_or(EngineError::Closed)
        })
    }

    fn submit_many(&self, jobs: Vec<NewJob>) -> Answered<'_, Vec<Submitted>> {
        Box::pin(async move {
            let jobs = self.prepare(jobs)?;
            self.shared.submit(&jobs, false).await
        })
    }

    fn submit_family(&self, parent: NewJob, children: Vec<NewJob>) -> Answered<'_, Family> {
        Box::pin(async move {
            let mut jobs = self.prepare(vec![parent])?;
            jobs.extend(self.prepare(children)?);
            let mut taken = self.shared.submit(&jobs, true).await?.into_iter();
            let parent = taken.next().ok_or(EngineError::Closed)?;
            Ok(Family { parent, children: taken.collect() })
        })
    }

    fn exchange(&self, message: Exchange) -> Answered<'_, Exchanged> {
        Box::pin(self.shared.exchange(message))
    }

    fn messages_at_once(&self) -> usize {
        2
    }

    fn withdraw(&self, worker: Arc<str>) -> Answered<'_, ()> {
        Box::pin(async move {
            let waiting = self.shared.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            waiting.get(&worker).into_iter().flatten().for_each(CancellationToken::cancel);
            Ok(())
        })
    }

    fn heartbeat(&self, beats: Heartbeat) -> Answered<'_, Vec<Beat>> {
        Box::pin(async move {
            self.shared.check_open()?;
            if beats.leases.is_empty() {
                return Ok(Vec::new());
            }
            let mut script = self.shared.link.script(&scripts::BEAT);
            script.arg(bounded_lease(beats.lease_ms));
            for lease in &beats.leases {
                script.arg(lease.id.as_str()).arg(lease.token);
            }
            let answers: Vec<String> = self.shared.link.run(&script, "hear a sign of life").await?;
            let beat = |word: &String| match &**word {
                "go_on" => Beat::GoOn,
                "stop" => Beat::Stop,
                _ => Beat::Lost,
            };
            Ok(answers.iter().map(beat).collect())
        })
    }

    fn progress(&self, lease: Lease, progress: Progress) -> Answered<'_, ()> {
        let progress = drawbridge_contract::raw(&progress.fitted()).get().to_owned();
        Box::pin(async move { self.shared.report(lease, "progress", &[progress]).await })
    }

    fn log(&self, lease: Lease, lines: Vec<Line>) -> Answered<'_, ()> {
        Box::pin(async move {
            at_most("a message's lines", lines.len(), usize::try_from(LINES_MAX).unwrap_or(usize::MAX))?;
            for line in &lines {
                at_most("a line's level", line.level.len(), NAME_BYTES_MAX)?;
            }
            let lines: Vec<String> = lines.iter().map(view::written_line).collect();
            self.shared.report(lease, "log", &lines).await
        })
    }

    fn checkpoint(&self, lease: Lease, value: Box<RawValue>) -> Answered<'_, ()> {
        Box::pin(async move {
            at_most("a checkpoint", value.get().len(), CHECKPOINT_BYTES_MAX)?;
            let sealed = self.shared.settings.sealing.close(What::Checkpoint, inner(&lease.id), value.get());
            self.shared.report(lease, "checkpoint", &[sealed]).await
        })
    }

    fn cancel(&self, id: JobId) -> Answered<'_, State> {
        Box::pin(self.shared.change(id, "cancel", None, "be cancelled: it has ended"))
    }

    fn answer(&self, id: JobId, answer: Box<RawValue>) -> Answered<'_, ()> {
        Box::pin(async move {
            at_most("an answer", answer.get().len(), CHECKPOINT_BYTES_MAX)?;
            let sealed = self.shared.settings.sealing.close(What::Answer, inner(&id), answer.get());
            self.shared.change(id, "answer", Some(&sealed), "be answered: it asks nothing").await.map(drop)
        })
    }

    fn ask_rest(&self, id: JobId, rest: Box<RawValue>) -> Answered<'_, ()> {
        Box::pin(async move {
            at_most("a question", rest.get().len(), CHECKPOINT_BYTES_MAX)?;
            let sealed = self.shared.settings.sealing.close(What::Question, inner(&id), rest.get());
            self.shared
                .change(id, "ask_rest", Some(&sealed), "be asked the rest: it asks nothing")
                .await
                .map(drop)
        })
    }

    fn retry(&self, id: JobId) -> Answered<'_, ()> {
        Box::pin(async move { self.shared.change(id, "retry", None, "be retried").await.map(drop) })
    }

    fn retry_all(&self, filter: Filter) -> Answered<'_, u64> {
        Box::pin(self.shared.all(filter, &[State::Failed, State::Dead], "retry", "be retried"))
    }

    fn edit(&self, id: JobId, arguments: Box<RawValue>) -> Answered<'_, ()> {
        Box::pin(async move {
            at_most("the arguments", arguments.get().len(), drawbridge_jobs::bounds::ARGUMENTS_BYTES_MAX)?;
            self.shared.get(id.clone()).await?;
            let [tool, data] = self.shared.fields(&id, ["name", "data"]).await?;
            let (tool, data) = (tool.unwrap_or_default(), data.unwrap_or_default());
            let data = edited(&self.shared.settings.sealing, &id, &tool, &data, arguments)?;
            self.shared.change(id, "edit", Some(&data), "be edited").await.map(drop)
        })
    }

    fn discard(&self, id: JobId) -> Answered<'_, ()> {
        Box::pin(async move { self.shared.change(id, "discard", None, "be discarded").await.map(drop) })
    }

    fn discard_all(&self, filter: Filter) -> Answered<'_, u64> {
        const ENDED: [State; 4] = [State::Completed, State::Failed, State::Cancelled, State::Dead];
        Box::pin(self.shared.all(filter, &ENDED, "discard", "be discarded"))
    }

    fn pause(&self, queue: Arc<str>) -> Answered<'_, ()> {
        Box::pin(async move {
            check_queue(&queue)?;
            let queue = self.shared.link.queue(queue_in(&queue), "pause the queue").await?;
            queue.pause().await.map_err(|_| EngineError::Away {
                doing: "pause the queue",
                reason: "BullMQ's own part failed".into(),
            })
        })
    }

    fn resume(&self, queue: Arc<str>) -> Answered<'_, ()> {
        Box::pin(async move {
            check_queue(&queue)?;
            let queue = self.shared.link.queue(queue_in(&queue), "resume the queue").await?;
            queue.resume().await.map_err(|_| EngineError::Away {
                doing: "resume the queue",
                reason: "BullMQ's own part failed".into(),
            })?;
            self.shared.ears.wake.notify_waiters();
            Ok(())
        })
    }

    fn limit(&self, scope: Scope, limit: Limit) -> Answered<'_, ()> {
        Box::pin(async move {
            limit.check()?;
            let member = member(&scope);
            let command = if limit == Limit::default() {
                redis::cmd("HDEL").arg(self.shared.link.ours("limits")).arg(member).to_owned()
            } else {
                let mut set = redis::cmd("HSET");
                set.arg(self.shared.link.ours("limits"))
                    .arg(member)
                    .arg(drawbridge_contract::raw(&limit).get());
                set
            };
            self.shared.command::<i64>(&command, "set a limit").await?;
            self.shared.ears.wake.notify_waiters();
            Ok(())
        })
    }

    fn limits(&self) -> Answered<'_, Vec<LimitRow>> {
        Box::pin(async move {
            let mut command = redis::cmd("HGETALL");
            command.arg(self.shared.link.ours("limits"));
            let all: HashMap<String, String> = self.shared.command(&command, "read the limits").await?;
            let row = |(member, limit): (String, String)| {
                Some(LimitRow { scope: scope(&member)?, limit: serde_json::from_str(&limit).ok()? })
            };
            Ok(all.into_iter().filter_map(row).collect())
        })
    }

    fn get(&self, id: JobId) -> Answered<'_, Job> {
        Box::pin(async move {
            self.shared.check_open()?;
            self.shared.get(id).await
        })
    }

    fn arguments(&self, id: JobId) -> Answered<'_, (Box<RawValue>, Option<Box<RawValue>>)> {
        Box::pin(async move {
            self.shared.get(id.clone()).await?;
            let [data] = self.shared.fields(&id, ["data"]).await?;
            let read = submit::read(data.as_deref().unwrap_or_default());
            Ok((read.arguments, read.attributes))
        })
    }

    fn callbacks(&self, ids: Vec<JobId>) -> Answered<'_, Vec<Option<Arc<str>>>> {
        Box::pin(self.shared.callbacks(ids))
    }

    fn remains(&self, happened: Vec<Happened>) -> Answered<'_, Vec<Option<Remains>>> {
        Box::pin(async move {
            self.shared.check_open()?;
            self.shared.arrivals.remains(&self.shared.link, &happened).await
        })
    }

    fn outcome(&self, id: JobId) -> Answered<'_, Outcome> {
        Box::pin(async move {
            let job = self.shared.get(id.clone()).await?;
            let sealing = &self.shared.settings.sealing;
            let asked = |sealed: String| {
                let text = sealing.open(What::Question, inner(&id), &sealed)?;
                RawValue::from_string(text.to_owned()).ok()
            };
            let [result, failure, reason, question] =
                self.shared.fields(&id, ["returnvalue", "dbFailure", "failedReason", "dbQuestion"]).await?;
            let raw = |text: String| RawValue::from_string(text).ok();
            let has_ended_badly = matches!(job.state, State::Failed | State::Dead | State::Cancelled);
            let failure =
                failure.and_then(|text| serde_json::from_str::<Failure>(&text).ok()).or_else(|| {
                    // Of a worker of BullMQ's own.
                    reason
                        .filter(|_| has_ended_badly)
                        .map(|reason| Failure::retryable(drawbridge_jobs::codes::TOOL, reason))
                });
            Ok(Outcome {
                result: result.filter(|_| job.state == State::Completed).and_then(raw),
                failure: failure.filter(|_| job.state != State::Completed),
                // One that somebody changed in Redis is not shown to anybody.
                question: question.filter(|_| job.state == State::WaitingForInput).and_then(asked),
            })
        })
    }

    fn lines(&self, id: JobId, after: u64, limit: usize) -> Answered<'_, Vec<Line>> {
        Box::pin(async move {
            self.shared.get(id.clone()).await?;
            let [written] = self.shared.fields(&id, ["dbLines"]).await?;
            let (queue, bare) = inner(&id);
            let mut command = redis::cmd("LRANGE");
            command.arg(self.shared.link.key(queue, &format!("{bare}:logs"))).arg(0).arg(-1);
            let lines: Vec<String> = self.shared.command(&command, "read the job's log").await?;
            let kept = lines.len() as u64;
            let written: u64 = written.and_then(|count| count.parse().ok()).unwrap_or(0);
            let dropped = written.max(kept) - kept;
            let numbered = lines.iter().zip(dropped + 1..).map(|(line, number)| view::line(number, line));
            Ok(numbered.filter(|line| line.number > after).take(limit.min(PAGE_MAX)).collect())
        })
    }

    fn list(&self, filter: Filter, after: Option<JobId>, limit: usize) -> Answered<'_, Page> {
        Box::pin(async move {
            self.shared.check_open()?;
            self.shared.list(&filter, after, limit).await
        })
    }

    fn counts(&self) -> Answered<'_, Vec<QueueCounts>> {
        Box::pin(async move {
            self.shared.check_open()?;
            self.shared.counts().await
        })
    }

    fn history(&self, after: u64, job: Option<JobId>, limit: usize) -> Answered<'_, Vec<Happened>> {
        Box::pin(async move {
            self.shared.check_open()?;
            let Shared { link, arrivals, .. } = &*self.shared;
            events::history(link, arrivals, after, job.as_ref(), limit.min(PAGE_MAX)).await
        })
    }

    fn keep_since(&self, reader: Arc<str>, seq: u64) -> Answered<'_, ()> {
        Box::pin(async move {
            let mut command = redis::cmd("HSET");
            command.arg(self.shared.link.ours("readers")).arg(&*reader).arg(seq);
            self.shared.command::<i64>(&command, "keep a reader's place").await.map(drop)
        })
    }

    fn kept_since(&self, reader: Arc<str>) -> Answered<'_, u64> {
        Box::pin(async move {
            let mut command = redis::cmd("HGET");
            command.arg(self.shared.link.ours("readers")).arg(&*reader);
            let kept: Option<u64> = self.shared.command(&command, "read a reader's place").await?;
            Ok(kept.unwrap_or(0))
        })
    }

    fn changes(&self) -> broadcast::Receiver<Change> {
        self.shared.ears.changes.subscribe()
    }

    fn stops(&self) -> broadcast::Receiver<Lease> {
        self.shared.ears.stops.subscribe()
    }

    fn check_health(&self) -> Answered<'_, ()> {
        Box::pin(async move {
            let mut command = redis::cmd("SET");
            command.arg(self.shared.link.ours("health")).arg(1).arg("EX").arg(60);
            self.shared.command::<String>(&command, "write").await.map(drop)
        })
    }

    fn close(&self) -> Answered<'_, ()> {
        Box::pin(async move {
            self.shared.closed.cancel();
            Ok(())
        })
    }
}

//! All of it as an [`Engine`].

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use drawbridge_contract::{CancellationToken, RawValue, broadcast};
use drawbridge_jobs::bounds::{CHECKPOINT_BYTES_MAX, LINES_MAX, NAME_BYTES_MAX, PAGE_MAX, SUBMIT_MAX};
use drawbridge_jobs::{
    Answered, Beat, Change, Claim, Engine, EngineError, Exchange, Exchanged, Failure, Family, Filter,
    Happened, Heartbeat, Job, JobId, Lease, Limit, LimitRow, Line, NewJob, Outcome, Page, Progress,
    QueueCounts, Scope, State, Submitted, at_most,
};
use redis::Cmd;
use tokio::sync::{Notify, oneshot, watch};
use tokio::time::Instant;

use crate::exchange::{Told, bounded_lease, give_back, send};
use crate::keeper::Keeper;
use crate::link::Link;
use crate::names::{check_queue, inner, queue_in, queue_out};
use crate::submit::{Prepared, submitted, with_arguments};
use crate::{Settings, events, scripts, submit, view};

/// How many changes a slow reader may be behind.
const CHANGES_MAX: usize = 16_384;
/// How many jobs one look at the list brings.
const LOOK_MAX: usize = 500;
/// How many jobs are looked at for one page, at most; a page of rare ones may come back short, with where to go on.
const LOOKED_AT_MAX: usize = 50_000;
/// A worker who waits asks again after this time, whatever it heard.
const ASK_AGAIN: Duration = Duration::from_secs(5);

/// The engine. Dropped, it ends; what is in Redis goes on.
pub struct BullMq {
    shared: Arc<Shared>,
}

struct Shared {
    link: Arc<Link>,
    settings: Settings,
    ears: Arc<events::Ears>,
    keeper: Arc<Keeper>,
    /// The workers who wait, by name.
    waiting: Mutex<HashMap<Arc<str>, Vec<CancellationToken>>>,
    closed: CancellationToken,
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

impl Shared {
    fn check_open(&self) -> Result<(), EngineError> {
        if self.closed.is_cancelled() { Err(EngineError::Closed) } else { Ok(()) }
    }

    async fn submit(&self, jobs: &[Prepared], is_family: bool) -> Result<Vec<Submitted>, EngineError> {
        self.check_open()?;
        if jobs.is_empty() {
            return Ok(Vec::new());
        }
        let mut script = self.link.script(&scripts::SUBMIT);
        script.arg(u8::from(is_family));
        for job in jobs {
            job.write(&mut script, &self.settings);
        }
        let answer: Vec<String> = self.link.run(&script, "take the job").await?;
        let taken = submitted(&answer)?;
        self.ears.wake.notify_waiters();
        self.keeper.expect(Duration::from_millis(
            jobs.iter().map(Prepared::due_ms).min().unwrap_or(u64::MAX).min(60_000),
        ));
        Ok(taken)
    }

    /// One message, and waiting for work if it asked for that.
    async fn exchange(self: &Arc<Self>, message: Exchange) -> Result<Exchanged, EngineError> {
        self.check_open()?;
        let Exchange { worker, said, claim, .. } = message;
        let says = !said.is_empty();
        let Some(claim) = claim else {
            let told = send(&self.link, &worker, said, None).await?;
            return Ok(Exchanged { said: told.said, work: Vec::new() });
        };
        let until = Instant::now() + Duration::from_millis(claim.wait_ms);
        let withdrawn = self.wait_as(&worker);
        let mut said = Some(said);
        loop {
            // Before asking, so that nothing is missed in between.
            let woken = self.ears.wake.notified();
            let told = self.claim(&worker, said.take().unwrap_or_default(), claim.clone()).await?;
            if says || !told.work.is_empty() || Instant::now() >= until || withdrawn.is_cancelled() {
                return Ok(Exchanged { said: told.said, work: told.work });
            }
            let due =
                if told.due_ms > 0 { Duration::from_millis(told.due_ms).min(ASK_AGAIN) } else { ASK_AGAIN };
            tokio::select! {
                () = woken => {}
                () = tokio::time::sleep_until(until.min(Instant::now() + due)) => {}
                () = withdrawn.cancelled() => {}
                () = self.closed.cancelled() => return Err(EngineError::Closed),
            }
        }
    }

    /// One message in a task of its own: whoever waits may go away, and then the jobs are given back.
    async fn claim(
        self: &Arc<Self>,
        worker: &Arc<str>,
        said: Vec<drawbridge_jobs::Said>,
        claim: Claim,
    ) -> Result<Told, EngineError> {
        let (answer, answered) = oneshot::channel();
        let (shared, worker) = (Arc::clone(self), Arc::clone(worker));
        tokio::spawn(async move {
            let told = send(&shared.link, &worker, said, Some(&claim)).await;
            if told.as_ref().is_ok_and(|told| !told.work.is_empty()) {
                shared.keeper.expect(Duration::from_millis(bounded_lease(claim.lease_ms).into()));
            }
            if let Err(Ok(unheard)) = answer.send(told)
                && !unheard.work.is_empty()
            {
                give_back(&shared.link, &worker, unheard.work).await;
            }
        });
        answered.await.unwrap_or(Err(EngineError::Closed))
    }

    fn wait_as(&self, worker: &Arc<str>) -> Withdrawal<'_> {
        let token = CancellationToken::new();
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.entry(Arc::clone(worker)).or_default().push(token.clone());
        Withdrawal { shared: self, worker: Arc::clone(worker), token }
    }

    async fn change(
        &self,
        id: JobId,
        what: &str,
        value: Option<&str>,
        doing: &'static str,
    ) -> Result<State, EngineError> {
        self.check_open()?;
        let mut script = self.link.script(&scripts::CHANGE);
        script.arg(id.as_str()).arg(what).arg(value.unwrap_or_default());
        let answer: Vec<String> = self.link.run(&script, "change the job").await?;
        let state = view::answered(id, &answer, doing)?;
        self.ears.wake.notify_waiters();
        Ok(state)
    }

    async fn report(&self, lease: Lease, kind: &str, values: &[String]) -> Result<(), EngineError> {
        self.check_open()?;
        let mut script = self.link.script(&scripts::REPORT);
        script.arg(lease.id.as_str()).arg(lease.token).arg(kind);
        for value in values {
            script.arg(value);
        }
        let answer: Vec<String> = self.link.run(&script, "write what the worker tells").await?;
        view::answered(lease.id, &answer, "be told of").map(drop)
    }

    async fn look(&self, most: usize, after: &str, parent: &str) -> Result<(Vec<Job>, String), EngineError> {
        let mut script = self.link.script(&scripts::LOOK);
        script.arg(most).arg(after).arg(parent);
        let (rows, next): (Vec<Vec<String>>, String) = self.link.run(&script, "look at jobs").await?;
        Ok((rows.iter().map(|row| view::job(row)).collect::<Result<_, _>>()?, next))
    }

    async fn get(&self, id: JobId) -> Result<Job, EngineError> {
        let (found, _) = self.look(0, id.as_str(), "").await?;
        found.into_iter().next().ok_or(EngineError::NotFound { id })
    }

    /// Fields of a job that is there.
    async fn fields<const N: usize>(
        &self,
        id: &JobId,
        fields: [&str; N],
    ) -> Result<[Option<String>; N], EngineError> {
        let (queue, bare) = inner(id);
        let mut command = redis::cmd("HMGET");
        command.arg(self.link.key(queue, bare));
        for field in fields {
            command.arg(field);
        }
        let found: Vec<Option<String>> = self.link.command(&command, "look at the job").await?;
        found.try_into().map_err(|_| EngineError::NotFound { id: id.clone() })
    }

    async fn list(&self, filter: &Filter, after: Option<JobId>, limit: usize) -> Result<Page, EngineError> {
        let limit = limit.min(PAGE_MAX);
        let parent = filter.parent.as_ref().map_or("", JobId::as_str);
        let mut from = after.map_or(String::new(), |id| id.as_str().to_owned());
        let (mut jobs, mut looked_at) = (Vec::new(), 0);
        while jobs.len() < limit && looked_at < LOOKED_AT_MAX {
            let (found, next) = self.look(LOOK_MAX, &from, parent).await?;
            looked_at += LOOK_MAX;
            for job in found.into_iter().filter(|job| fits(job, filter)) {
                jobs.push(job);
                if jobs.len() == limit {
                    let next = jobs.last().map(|job| job.id.clone());
                    return Ok(Page { jobs, next });
                }
            }
            if next.is_empty() {
                return Ok(Page { jobs, next: None });
            }
            from = next;
        }
        Ok(Page { jobs, next: (limit > 0).then(|| JobId::new(&from)) })
    }

    /// Does something to all jobs that fit a filter and are in one of these states.
    async fn all(
        &self,
        mut filter: Filter,
        states: &[State],
        what: &str,
        doing: &'static str,
    ) -> Result<u64, EngineError> {
        if filter.states.is_empty() {
            filter.states = states.to_vec();
        } else if !filter.states.iter().all(|state| states.contains(state)) {
            let problem = format!("is for jobs that cannot {doing}");
            return Err(EngineError::Invalid { what: "the filter", problem });
        }
        let (mut count, mut after) = (0, None);
        loop {
            let page = self.list(&filter, after, PAGE_MAX).await?;
            for job in page.jobs {
                match self.change(job.id, what, None, doing).await {
                    Ok(_) => count += 1,
                    Err(EngineError::NotFound { .. } | EngineError::Misfit { .. }) => {}
                    Err(error) => return Err(error),
                }
            }
            match page.next {
                // What was discarded is no place to go on from.
                Some(_) if what == "discard" => after = None,
                Some(next) => after = Some(next),
                None => return Ok(count),
            }
        }
    }

    async fn counts(&self) -> Result<Vec<QueueCounts>, EngineError> {
        let rows: Vec<Vec<String>> = self.link.run(&self.link.script(&scripts::COUNT), "count jobs").await?;
        Ok(rows.iter().filter_map(|row| counts(row)).collect())
    }

    async fn command<T: redis::FromRedisValue>(
        &self,
        command: &Cmd,
        doing: &'static str,
    ) -> Result<T, EngineError> {
        self.check_open()?;
        self.link.command(command, doing).await
    }
}

fn counts(row: &[String]) -> Option<QueueCounts> {
    let [queue, paused, states @ ..] = row else { return None };
    let states = states.chunks_exact(2).filter_map(|two| {
        let count: u64 = two[1].parse().ok()?;
        (count > 0).then_some((State::of_word(&two[0])?, count))
    });
    let mut states: Vec<(State, u64)> = states.collect();
    states.sort_unstable_by_key(|(state, _)| State::ALL.iter().position(|one| one == state));
    Some(QueueCounts { queue: queue_out(queue), paused: paused == "1", states })
}

fn fits(job: &Job, filter: &Filter) -> bool {
    let same = |wanted: &Option<Arc<str>>, is: &Arc<str>| wanted.as_ref().is_none_or(|wanted| wanted == is);
    (filter.states.is_empty() || filter.states.contains(&job.state))
        && same(&filter.queue, &job.queue)
        && same(&filter.tool, &job.tool)
        && same(&filter.caller, &job.caller)
        && (filter.parent.is_none() || job.parent == filter.parent)
}

/// A worker's place among those who wait; given up when dropped.
struct Withdrawal<'a> {
    shared: &'a Shared,
    worker: Arc<str>,
    token: CancellationToken,
}

impl Withdrawal<'_> {
    fn is_cancelled(&self) -> bool {
        self.token.is_cancelled()
    }

    async fn cancelled(&self) {
        self.token.cancelled().await;
    }
}

impl Drop for Withdrawal<'_> {
    fn drop(&mut self) {
        let mut waiting = self.shared.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(tokens) = waiting.get_mut(&self.worker) {
            // Those that were withdrawn are done; the others of this name wait on.
            self.token.cancel();
            tokens.retain(|token| !token.is_cancelled());
            if tokens.is_empty() {
                waiting.remove(&self.worker);
            }
        }
    }
}

/// What a limit is kept under.
fn member(scope: &Scope) -> String {
    let (kind, name) = match scope {
        Scope::Queue(name) => ("queue", name.as_deref().map(queue_in)),
        Scope::Tool(name) => ("tool", name.as_deref()),
        Scope::Caller(name) => ("caller", name.as_deref()),
    };
    format!("{kind} {}", name.unwrap_or("\0"))
}

fn scope(member: &str) -> Option<Scope> {
    let (kind, name) = member.split_once(' ')?;
    let name = (name != "\0").then(|| Arc::<str>::from(name));
    match kind {
        "queue" => Some(Scope::Queue(name.map(|name| queue_out(&name)))),
        "tool" => Some(Scope::Tool(name)),
        "caller" => Some(Scope::Caller(name)),
        _ => None,
    }
}

impl Engine for BullMq {
    fn submit(&self, job: NewJob) -> Answered<'_, Submitted> {
        Box::pin(async move {
            let jobs = self.prepare(vec![job])?;
            let taken = self.shared.submit(&jobs, false).await?;
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
            self.shared.report(lease, "checkpoint", &[value.get().to_owned()]).await
        })
    }

    fn cancel(&self, id: JobId) -> Answered<'_, State> {
        Box::pin(self.shared.change(id, "cancel", None, "be cancelled: it has ended"))
    }

    fn answer(&self, id: JobId, answer: Box<RawValue>) -> Answered<'_, ()> {
        Box::pin(async move {
            at_most("an answer", answer.get().len(), CHECKPOINT_BYTES_MAX)?;
            self.shared
                .change(id, "answer", Some(answer.get()), "be answered: it asks nothing")
                .await
                .map(drop)
        })
    }

    fn ask_rest(&self, id: JobId, rest: Box<RawValue>) -> Answered<'_, ()> {
        Box::pin(async move {
            at_most("a question", rest.get().len(), CHECKPOINT_BYTES_MAX)?;
            self.shared
                .change(id, "ask_rest", Some(rest.get()), "be asked the rest: it asks nothing")
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
            let [data] = self.shared.fields(&id, ["data"]).await?;
            let data = with_arguments(data.as_deref().unwrap_or_default(), arguments);
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
            let mut command = if limit == Limit::default() {
                redis::cmd("HDEL").arg(self.shared.link.ours("limits")).arg(member).to_owned()
            } else {
                let mut set = redis::cmd("HSET");
                set.arg(self.shared.link.ours("limits"))
                    .arg(member)
                    .arg(drawbridge_contract::raw(&limit).get());
                set
            };
            self.shared.command::<i64>(&mut command, "set a limit").await?;
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

    fn outcome(&self, id: JobId) -> Answered<'_, Outcome> {
        Box::pin(async move {
            let job = self.shared.get(id.clone()).await?;
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
                question: question.filter(|_| job.state == State::WaitingForInput).and_then(raw),
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
            events::history(&self.shared.link, after, job.as_ref(), limit.min(PAGE_MAX)).await
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_kept_under_names_that_come_back() {
        for one in [
            Scope::Queue(None),
            Scope::Queue(Some("default".into())),
            Scope::Tool(Some("mail send".into())),
            Scope::Caller(None),
        ] {
            assert_eq!(scope(&member(&one)), Some(one));
        }
        assert_eq!(scope("nonsense"), None);
    }

    #[test]
    fn counts_come_in_the_order_of_a_life() {
        let row: Vec<String> =
            ["async-tasks", "1", "dead", "2", "queued", "3", "failed", "0"].map(Into::into).into();
        let counts = counts(&row).unwrap();
        assert_eq!((&*counts.queue, counts.paused), ("default", true));
        assert_eq!(counts.states, [(State::Queued, 3), (State::Dead, 2)]);
    }
}

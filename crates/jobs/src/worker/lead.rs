//! The worker's leading task: what to ask for, what to say, whom to stop.

use std::collections::HashMap;
use std::future::{pending, poll_fn};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;

use drawbridge_contract::{BoxFuture, CancellationToken, broadcast};
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use super::attempt::{self, Brake, Why};
use super::{Runner, WorkerSettings};
use crate::{
    AttemptEnd, Beat, Claim, Engine, EngineError, Exchange, Exchanged, Failure, Heartbeat, JobId, Lease,
    Said, Work, codes,
};

/// How long one message waits for work before it is sent again. It costs nothing meanwhile.
const WAIT_MS: u64 = 60_000;

/// The first pause after a message that failed, and the longest.
const PAUSE: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// How often the worker steps aside before it sends a message, at most.
const STEPS_ASIDE_MAX: u32 = 16;

/// So many ends go with one message in any case: a message costs more than they do.
const SAID_AT_ONCE: usize = 4;

/// How often unheard results are sent again while the worker ends, at least.
const LAST_TRIES: u32 = 20;

/// How a worker is told to end, and how it is watched.
pub(super) struct Signals {
    pub(super) drain: CancellationToken,
    pub(super) give_up: CancellationToken,
    pub(super) running: Arc<AtomicUsize>,
}

type Answer<T> = Option<BoxFuture<'static, Result<T, EngineError>>>;

pub(super) struct Lead {
    engine: Arc<dyn Engine>,
    runner: Arc<dyn Runner>,
    settings: WorkerSettings,
    signals: Signals,
    stops: broadcast::Receiver<Lease>,
    attempts: JoinSet<AttemptEnd>,
    running: HashMap<Id, Running>,
    tasks: HashMap<JobId, Id>,
    /// How attempts ended, not heard yet.
    ended: Vec<Said>,
    /// The messages under way that say something, the oldest first.
    saying: Vec<Saying>,
    /// The message under way that only waits for work.
    waiting: Answer<Exchanged>,
    waiting_max: usize,
    beating: Answer<Vec<Beat>>,
    beaten: Vec<Lease>,
    pause: Duration,
    resume_at: Option<Instant>,
    failures: u32,
    drained: bool,
    gave_up: bool,
}

struct Running {
    lease: Lease,
    brake: Brake,
}

/// A message under way that says something.
struct Saying {
    /// What it says; said again if it fails.
    sent: Vec<Said>,
    /// How many jobs it asks for.
    max: usize,
    answer: BoxFuture<'static, Result<Exchanged, EngineError>>,
}

impl Lead {
    pub(super) fn new(
        engine: Arc<dyn Engine>,
        runner: Arc<dyn Runner>,
        settings: WorkerSettings,
        signals: Signals,
    ) -> Self {
        let stops = engine.stops();
        Self {
            engine,
            runner,
            settings,
            signals,
            stops,
            attempts: JoinSet::new(),
            running: HashMap::new(),
            tasks: HashMap::new(),
            ended: Vec::new(),
            saying: Vec::new(),
            waiting: None,
            waiting_max: 0,
            beating: None,
            beaten: Vec::new(),
            pause: PAUSE,
            resume_at: None,
            failures: 0,
            drained: false,
            gave_up: false,
        }
    }

    /// Works until it is drained, and nothing is left to say.
    pub(super) async fn run(mut self) {
        let every = Duration::from_millis(u64::from(self.settings.lease_ms.max(3) / 3));
        let mut beats = interval(every);
        beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while !self.is_done() {
            self.send().await;
            let (drain, give_up) = (self.signals.drain.clone(), self.signals.give_up.clone());
            tokio::select! {
                biased;
                (at, answer) = first_of(&mut self.saying) => self.said(at, answer),
                Some(ended) = self.attempts.join_next_with_id() => self.attempt_ended(ended),
                answer = of(&mut self.waiting) => self.waited(answer),
                answer = of(&mut self.beating) => self.beaten(answer),
                Ok(lease) = self.stops.recv() => self.stop(&lease, Why::Stop),
                _ = beats.tick(), if !self.running.is_empty() => self.beat(),
                () = at(self.resume_at) => self.resume_at = None,
                () = drain.cancelled(), if !self.drained => self.begin_drain().await,
                () = give_up.cancelled(), if !self.gave_up => self.give_up(),
            }
            self.signals.running.store(self.running.len(), Ordering::Relaxed);
        }
    }

    fn is_done(&self) -> bool {
        let nothing_left = self.running.is_empty() && self.saying.is_empty() && self.waiting.is_none();
        let gives_up = self.failures > LAST_TRIES;
        self.drained && nothing_left && (self.ended.is_empty() || gives_up)
    }

    /// Sends what there is to send, unless the last message failed a moment ago.
    async fn send(&mut self) {
        if self.resume_at.is_some() {
            return;
        }
        while self.saying.len() < self.engine.messages_at_once() && !self.ended.is_empty() {
            self.gather().await;
            self.say();
        }
        if self.waiting.is_none() && self.saying.is_empty() && self.free() > 0 && !self.drained {
            self.wait();
        }
    }

    /// Lets attempts that are about to end go with the same message: as long as each step aside brings some.
    async fn gather(&mut self) {
        for _ in 0..STEPS_ASIDE_MAX {
            let before = self.ended.len();
            tokio::task::yield_now().await;
            while let Some(ended) = self.attempts.try_join_next_with_id() {
                self.attempt_ended(ended);
            }
            if self.ended.len() == before {
                return;
            }
        }
    }

    /// How many more jobs it could run than it has and asked for.
    fn free(&self) -> usize {
        let asked_for: usize = self.saying.iter().map(|saying| saying.max).sum();
        let taken = self.running.len() + asked_for + self.waiting_max;
        self.settings.concurrency.saturating_sub(taken)
    }

    /// Says how attempts ended. Where an engine takes several messages at once, each has its share of what can run at once, so
    /// that worker and engine do not take turns in being idle.
    fn say(&mut self) {
        let share =
            self.settings.concurrency.div_ceil(self.engine.messages_at_once().max(1)).max(SAID_AT_ONCE);
        let later = self.ended.split_off(self.ended.len().min(share));
        let sent = std::mem::replace(&mut self.ended, later);
        let max = if self.drained { 0 } else { self.free().min(sent.len().max(share)) };
        let claim = (max > 0).then(|| self.claim(max, 0));
        let answer = self.exchange(sent.clone(), claim);
        self.saying.push(Saying { sent, max, answer });
    }

    fn wait(&mut self) {
        self.waiting_max = self.free();
        let claim = self.claim(self.waiting_max, WAIT_MS);
        self.waiting = Some(self.exchange(Vec::new(), Some(claim)));
    }

    fn claim(&self, max: usize, wait_ms: u64) -> Claim {
        let WorkerSettings { queues, tools, lease_ms, .. } = &self.settings;
        Claim { max, queues: queues.clone(), tools: tools.clone(), lease_ms: *lease_ms, wait_ms }
    }

    fn exchange(
        &self,
        said: Vec<Said>,
        claim: Option<Claim>,
    ) -> BoxFuture<'static, Result<Exchanged, EngineError>> {
        let (worker, in_process) = (Arc::clone(&self.settings.name), self.settings.in_process);
        let engine = Arc::clone(&self.engine);
        Box::pin(async move { engine.exchange(Exchange { worker, in_process, said, claim }).await })
    }

    fn said(&mut self, at: usize, answer: Result<Exchanged, EngineError>) {
        let sent = self.saying.remove(at).sent;
        match answer {
            Ok(exchanged) => {
                for (said, heard) in sent.iter().zip(&exchanged.said) {
                    if let Err(error) = heard {
                        tracing::warn!(job = %said.lease.id, %error, "the end of an attempt did not count");
                    }
                }
                self.take_up(exchanged.work);
            }
            Err(error) if error.is_passing() => {
                // Those that ended meanwhile come after those that were not heard.
                let later = std::mem::replace(&mut self.ended, sent);
                self.ended.extend(later);
                self.failed(&error);
            }
            Err(error) => {
                tracing::error!(%error, jobs = sent.len(), "the ends of attempts were refused");
                self.failed(&error);
            }
        }
    }

    fn waited(&mut self, answer: Result<Exchanged, EngineError>) {
        (self.waiting, self.waiting_max) = (None, 0);
        match answer {
            Ok(exchanged) => self.take_up(exchanged.work),
            Err(error) => self.failed(&error),
        }
    }

    fn failed(&mut self, error: &EngineError) {
        tracing::warn!(%error, "the engine of jobs did not answer well; trying again");
        // An engine that was closed does not come back to this process.
        self.failures += if matches!(error, EngineError::Closed) { LAST_TRIES + 1 } else { 1 };
        self.resume_at = Some(Instant::now() + self.pause);
        self.pause = (self.pause * 2).min(PAUSE_MAX);
    }

    fn take_up(&mut self, work: Vec<Work>) {
        (self.pause, self.failures) = (PAUSE, 0);
        for work in work {
            if self.drained {
                let lease = work.lease;
                self.ended.push(Said { lease, end: AttemptEnd::Released, progress: None });
            } else {
                self.start(work);
            }
        }
    }

    fn start(&mut self, work: Work) {
        let (lease, brake) = (work.lease.clone(), Brake::default());
        let attempt = attempt::run(
            Arc::clone(&self.engine),
            Arc::clone(&self.runner),
            work,
            brake.clone(),
            self.settings.stop_grace,
        );
        let task = self.attempts.spawn(attempt).id();
        self.tasks.insert(lease.id.clone(), task);
        self.running.insert(task, Running { lease, brake });
    }

    fn attempt_ended(&mut self, ended: Result<(Id, AttemptEnd), JoinError>) {
        let (task, end) = match ended {
            Ok(ended) => ended,
            Err(error) => (error.id(), panicked()),
        };
        let Some(Running { lease, brake }) = self.running.remove(&task) else { return };
        if self.tasks.get(&lease.id) == Some(&task) {
            self.tasks.remove(&lease.id);
        }
        if !brake.is_lost() {
            self.ended.push(Said { lease, end, progress: None });
        }
    }

    fn beat(&mut self) {
        if self.beating.is_some() {
            return;
        }
        self.beaten = self.running.values().map(|running| running.lease.clone()).collect();
        let beats = Heartbeat { leases: self.beaten.clone(), lease_ms: self.settings.lease_ms };
        let engine = Arc::clone(&self.engine);
        self.beating = Some(Box::pin(async move { engine.heartbeat(beats).await }));
    }

    fn beaten(&mut self, answer: Result<Vec<Beat>, EngineError>) {
        self.beating = None;
        let leases = std::mem::take(&mut self.beaten);
        match answer {
            Ok(beats) => {
                for (lease, beat) in leases.iter().zip(beats) {
                    match beat {
                        Beat::GoOn => {}
                        Beat::Stop => self.stop(lease, Why::Stop),
                        Beat::Lost => self.stop(lease, Why::Lost),
                    }
                }
            }
            Err(error) => tracing::warn!(%error, "a sign of life was not heard"),
        }
    }

    fn stop(&mut self, lease: &Lease, why: Why) {
        let running = self.tasks.get(&lease.id).and_then(|task| self.running.get(task));
        if let Some(running) = running.filter(|running| running.lease == *lease) {
            running.brake.pull(why);
        }
    }

    async fn begin_drain(&mut self) {
        self.drained = true;
        self.resume_at = None;
        if self.waiting.is_some()
            && let Err(error) = self.engine.withdraw(Arc::clone(&self.settings.name)).await
        {
            tracing::warn!(%error, "a waiting message could not be withdrawn");
            (self.waiting, self.waiting_max) = (None, 0);
        }
    }

    fn give_up(&mut self) {
        self.gave_up = true;
        self.running.values().for_each(|running| running.brake.pull(Why::Drain));
    }
}

/// The first answer of several messages under way, and whose it is; forever, if there are none.
async fn first_of(saying: &mut [Saying]) -> (usize, Result<Exchanged, EngineError>) {
    poll_fn(|context| {
        for (at, saying) in saying.iter_mut().enumerate() {
            if let Poll::Ready(answer) = saying.answer.as_mut().poll(context) {
                return Poll::Ready((at, answer));
            }
        }
        Poll::Pending
    })
    .await
}

/// The answer of a message under way; forever, if there is none.
async fn of<T>(answer: &mut Answer<T>) -> Result<T, EngineError> {
    match answer {
        Some(answer) => answer.await,
        None => pending().await,
    }
}

async fn at(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => pending().await,
    }
}

fn panicked() -> AttemptEnd {
    AttemptEnd::Failed(Failure::retryable(codes::PANIC, "the tool's code panicked; its log says where"))
}

//! A small world for the tests of the machine: jobs, workers that may be wrong about what they hold, a clock, and
//! ghosts that remember what must never happen again.

use super::{Backoff, Effects, Event, Failing, Job, Misfit, Now, State, step};

pub(super) const LEASE_MS: i64 = 2;

/// What the clock on the wall shows when the world begins. The steady one shows 0: who takes one for the other is
/// found out.
pub(super) const BEGINNING_MS: i64 = 1_000_000;

/// What somebody does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    /// Worker, job.
    Claim(usize, usize),
    /// Worker, and what it says about the job it believes to have.
    Say(usize, Saying),
    /// Job.
    Cancel(usize),
    Retry(usize),
    Answer(usize),
    LoseWorker(usize),
    Grace(usize),
    /// A millisecond passes, and every job hears of it.
    Pass,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Saying {
    Alive,
    Done,
    Failed,
    FailedForGood,
    Stopped,
    Released,
    Asked,
    Awaits,
    /// The first job gets the last one as a child, if it is not one already.
    Adopts,
}

pub(super) const SAYINGS: [Saying; 9] = [
    Saying::Alive,
    Saying::Done,
    Saying::Failed,
    Saying::FailedForGood,
    Saying::Stopped,
    Saying::Released,
    Saying::Asked,
    Saying::Awaits,
    Saying::Adopts,
];

/// What is remembered of a job that the machine itself must not need.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
struct Ghost {
    completions: u32,
    cancel_accepted: bool,
    ended_as: Option<State>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct World {
    pub(super) jobs: Vec<Job>,
    /// The parent of each job.
    parents: Vec<Option<usize>>,
    /// What each worker believes to hold: job and token. It may have lost it long ago.
    pub(super) beliefs: Vec<Option<(usize, u64)>>,
    ghosts: Vec<Ghost>,
    now_ms: i64,
}

impl World {
    pub(super) fn new(jobs: Vec<Job>, workers: usize) -> Self {
        let count = jobs.len();
        Self {
            jobs,
            parents: vec![None; count],
            beliefs: vec![None; workers],
            ghosts: vec![Ghost::default(); count],
            now_ms: 0,
        }
    }

    /// Makes the last job the first one's child, and the first one wait for it.
    pub(super) fn with_waiting_parent(mut self) -> Self {
        let child = self.jobs.len() - 1;
        self.jobs[0] = self.jobs[0].after_children(1);
        self.jobs[child].holds_parent = true;
        self.parents[child] = Some(0);
        self
    }

    fn now(&self) -> Now {
        Now { wall_ms: BEGINNING_MS + self.now_ms, steady_ms: self.now_ms }
    }

    /// Everything that anybody could try.
    pub(super) fn actions(&self) -> Vec<Action> {
        let mut actions = vec![Action::Pass];
        for job in 0..self.jobs.len() {
            actions.extend([Action::Cancel(job), Action::Retry(job), Action::Answer(job)]);
            actions.extend([Action::LoseWorker(job), Action::Grace(job)]);
            actions.extend((0..self.beliefs.len()).map(|worker| Action::Claim(worker, job)));
        }
        for worker in 0..self.beliefs.len() {
            if self.beliefs[worker].is_some() {
                actions.extend(SAYINGS.map(|saying| Action::Say(worker, saying)));
            }
        }
        actions
    }

    /// Does it, and checks everything. What is refused changes nothing.
    pub(super) fn act(&mut self, action: Action) {
        match action {
            Action::Claim(worker, job) => {
                if self.happen(job, Event::Claim { lease_ms: LEASE_MS }).is_ok() {
                    self.beliefs[worker] = Some((job, self.jobs[job].token));
                }
            }
            Action::Say(worker, saying) => self.say(worker, saying),
            Action::Cancel(job) => {
                if self.happen(job, Event::Cancel).is_ok() {
                    self.ghosts[job].cancel_accepted = true;
                }
            }
            Action::Retry(job) => {
                if self.happen(job, Event::Retry).is_ok() {
                    self.ghosts[job].ended_as = None;
                }
            }
            Action::Answer(job) => {
                let _ = self.happen(job, Event::Answer);
            }
            Action::LoseWorker(job) => {
                let _ = self.happen(job, Event::WorkerLost);
            }
            Action::Grace(job) => {
                let _ = self.happen(job, Event::Grace { lease_ms: LEASE_MS });
            }
            Action::Pass => self.pass(1),
        }
        self.check();
    }

    fn pass(&mut self, ms: i64) {
        self.now_ms += ms;
        for job in 0..self.jobs.len() {
            let _ = self.happen(job, Event::Tick);
        }
    }

    fn say(&mut self, worker: usize, saying: Saying) {
        let Some((job, token)) = self.beliefs[worker] else { return };
        let event = match saying {
            Saying::Alive => Event::Beat { token, lease_ms: LEASE_MS },
            Saying::Done => Event::Complete { token },
            Saying::Failed => Event::Fail { token, failing: Failing::Retryable { after_ms: None }, roll: 0 },
            Saying::FailedForGood => Event::Fail { token, failing: Failing::Final, roll: 0 },
            Saying::Stopped => Event::Stopped { token },
            Saying::Released => Event::Release { token },
            Saying::Asked => Event::AskInput { token },
            Saying::Awaits => Event::AwaitChildren { token },
            Saying::Adopts => return self.adopt(job, token),
        };
        let _ = self.happen(job, event);
    }

    fn adopt(&mut self, job: usize, token: u64) {
        let child = self.jobs.len() - 1;
        let may =
            job == 0 && child != 0 && self.parents[child].is_none() && !self.jobs[child].state.has_ended();
        if may && self.happen(0, Event::Report { token }).is_ok() && self.happen(0, Event::AddChild).is_ok() {
            self.parents[child] = Some(0);
            self.jobs[child].holds_parent = true;
        }
    }

    /// A step and everything that follows from it, as an engine does it in one transaction.
    fn happen(&mut self, first: usize, event: Event) -> Result<Effects, Misfit> {
        let effects = self.step_one(first, event)?;
        let mut follow: Vec<(usize, Event)> = self.follow(first, effects);
        while let Some((job, event)) = follow.pop() {
            if let Ok(effects) = self.step_one(job, event) {
                follow.extend(self.follow(job, effects));
            }
        }
        Ok(effects)
    }

    fn follow(&self, job: usize, effects: Effects) -> Vec<(usize, Event)> {
        let mut follow = Vec::new();
        if let (Some(well), Some(parent)) = (effects.tell_parent, self.parents[job]) {
            follow.push((parent, Event::ChildEnded { well }));
        }
        if effects.end_children {
            let children = (0..self.jobs.len()).filter(|child| self.parents[*child] == Some(job));
            follow.extend(children.map(|child| (child, Event::Cancel)));
        }
        follow
    }

    fn step_one(&mut self, index: usize, event: Event) -> Result<Effects, Misfit> {
        let before = self.jobs[index];
        let now = self.now();
        let effects = step(&mut self.jobs[index], event, now);
        let after = self.jobs[index];
        if effects.is_err() {
            assert_eq!(before, after, "a refused event changed the job");
        }
        if matches!(event, Event::Claim { .. }) && effects.is_ok() {
            assert!(after.token > before.token, "the token did not grow");
        }
        if is_said_by_a_worker(event) && effects.is_ok_and(|effects| !effects.repeated) {
            assert_eq!((before.state, Some(before.token)), (State::Running, token_of(event)), "no fence");
        }
        assert!(after.token >= before.token, "the token was set back");
        let is_alive = before.state == State::Running && before.lease_until_ms > now.steady_ms;
        let is_late = before.deadline_ms.is_some_and(|deadline_ms| deadline_ms <= now.wall_ms);
        if event == Event::Tick && is_alive && !is_late {
            assert_eq!(before, after, "taken away from a worker that is alive");
        }
        if after.state == State::Completed && before.state != State::Completed {
            self.ghosts[index].completions += 1;
        }
        if matches!(event, Event::Cancel) && effects.is_ok() {
            self.ghosts[index].cancel_accepted = true;
        }
        effects
    }

    fn check(&mut self) {
        for (index, job) in self.jobs.iter().enumerate() {
            let ghost = &mut self.ghosts[index];
            assert!(ghost.completions <= 1, "completed twice: {job:?}");
            assert!(job.attempt <= job.attempts_max, "too many attempts: {job:?}");
            assert!(job.state != State::Queued || job.attempt < job.attempts_max, "no attempt left: {job:?}");
            if ghost.cancel_accepted {
                assert!(
                    job.state == State::Cancelled || (job.state == State::Running && job.stop),
                    "{job:?}"
                );
            }
            if let Some(state) = ghost.ended_as {
                assert_eq!(job.state, state, "an end that did not last");
            }
            ghost.ended_as = job.state.has_ended().then_some(job.state);
            assert_eq!(job.state == State::Running, job.ending.is_none() && job.token > 0, "{job:?}");
        }
        for (index, job) in self.jobs.iter().enumerate() {
            let open = (0..self.jobs.len())
                .filter(|child| self.parents[*child] == Some(index) && self.jobs[*child].holds_parent)
                .count();
            assert_eq!(job.children_open as usize, open, "children are miscounted: {self:?}");
            assert!(!job.awaits_children || open > 0, "waits for nobody: {self:?}");
        }
    }

    /// Whatever happened, jobs that are let alone with one good worker all end: none is lost.
    pub(super) fn check_all_end(&self) {
        let mut world = self.clone();
        for _ in 0..8 * self.jobs.len() {
            world.pass(100);
            for job in 0..world.jobs.len() {
                let _ = world.happen(job, Event::Answer);
                world.act(Action::Claim(0, job));
                if world.jobs[job].state == State::Running {
                    world.act(Action::Say(0, Saying::Done));
                }
            }
            world.check();
            if world.jobs.iter().all(|job| job.state.has_ended()) {
                return;
            }
        }
        panic!("jobs that never end: {self:?}\nafter all efforts: {world:?}");
    }
}

fn token_of(event: Event) -> Option<u64> {
    match event {
        Event::Complete { token }
        | Event::Fail { token, .. }
        | Event::Stopped { token }
        | Event::Release { token }
        | Event::AskInput { token }
        | Event::AwaitChildren { token }
        | Event::Beat { token, .. }
        | Event::Report { token } => Some(token),
        _ => None,
    }
}

fn is_said_by_a_worker(event: Event) -> bool {
    token_of(event).is_some()
}

/// A job with quick pauses, as the tests want it.
pub(super) fn job(attempts_max: u32) -> Job {
    Job::new(attempts_max, Backoff { base_ms: 1, max_ms: 2, jitter_percent: 0 })
}

//! The part of a job that decisions are made on. No payload.

use drawbridge_contract::JobState as State;

use super::Backoff;

/// How the latest attempt ended. Kept so that a worker that lost our answer may say the same thing again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ending {
    /// It was done.
    Completed,
    /// It went wrong.
    Failed,
    /// The worker stopped because it was asked to.
    Stopped,
    /// The worker gave it back before it began.
    Released,
    /// It asked for input.
    AskedInput,
    /// It waits for its children.
    AwaitsChildren,
    /// Nobody said so: the worker was lost, or the deadline passed.
    Lost,
}

impl Ending {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Completed,
        Self::Failed,
        Self::Stopped,
        Self::Released,
        Self::AskedInput,
        Self::AwaitsChildren,
        Self::Lost,
    ];
}

/// What the machine knows of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Job {
    /// Where it is.
    pub state: State,
    /// The number of the latest attempt; 0 before the first. Waiting for an answer or for children does not use one up.
    pub attempt: u32,
    /// How many attempts there may be; at least 1.
    pub attempts_max: u32,
    /// How many workers were lost with it.
    pub stalls: u32,
    /// The fencing token: grows with every claim, and is never set back.
    pub token: u64,
    /// How the attempt with this token ended; `None` before the first, and while it runs.
    pub ending: Option<Ending>,
    /// Somebody wants it to stop. Once this is said, it can only become cancelled.
    pub stop: bool,
    /// Not to be run before, in milliseconds since 1970.
    pub run_at_ms: i64,
    /// Must have ended by, in milliseconds since 1970.
    pub deadline_ms: Option<i64>,
    /// While it runs: when it is taken away from a worker that is silent, on the steady clock ([`super::Now`]).
    pub lease_until_ms: i64,
    /// How long to wait between attempts.
    pub backoff: Backoff,
    /// How many children have not ended.
    pub children_open: u32,
    /// A child ended, and not well.
    pub child_failed: bool,
    /// It waits for its children.
    pub awaits_children: bool,
    /// A child that ends badly makes it fail, instead of being told about it.
    pub fails_with_children: bool,
    /// It is counted in its parent's `children_open`.
    pub holds_parent: bool,
}

impl Job {
    /// A new job without parent or children, to be run at once.
    pub fn new(attempts_max: u32, backoff: Backoff) -> Self {
        Self {
            state: State::Queued,
            attempt: 0,
            attempts_max: attempts_max.max(1),
            stalls: 0,
            token: 0,
            ending: None,
            stop: false,
            run_at_ms: 0,
            deadline_ms: None,
            lease_until_ms: 0,
            backoff,
            children_open: 0,
            child_failed: false,
            awaits_children: false,
            fails_with_children: false,
            holds_parent: false,
        }
    }

    /// The same, not to be run before a time.
    pub fn not_before(mut self, run_at_ms: i64, now: super::Now) -> Self {
        self.run_at_ms = run_at_ms;
        if run_at_ms > now.wall_ms {
            self.state = State::Scheduled;
        }
        self
    }

    /// The same, to be run when this many children have ended.
    pub fn after_children(mut self, children: u32) -> Self {
        self.children_open = children;
        if children > 0 {
            self.awaits_children = true;
            self.state = State::Scheduled;
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_has_its_own_word() {
        for state in State::ALL {
            assert_eq!(State::of_word(state.word()), Some(state));
            assert_eq!(serde_json::to_string(&state).unwrap(), format!("\"{}\"", state.word()));
        }
        assert_eq!(State::of_word("gone"), None);
    }
}

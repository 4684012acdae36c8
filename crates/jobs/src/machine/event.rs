//! What can happen to a job, and why it may not.

use super::State;

/// The time, on two clocks that only an engine reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// Milliseconds since 1970: what people mean by a time. It jumps when somebody sets the clock.
    pub wall_ms: i64,
    /// Milliseconds since some moment: it never jumps. Leases are measured on it.
    pub steady_ms: i64,
}

/// What happens to a job. Where a `token` is asked for, it is the one that the claim gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// A worker takes it.
    Claim {
        /// How long the worker may be silent, in milliseconds.
        lease_ms: i64,
    },
    /// The worker is alive.
    Beat {
        /// The fencing token.
        token: u64,
        /// From now on, how long it may be silent.
        lease_ms: i64,
    },
    /// The worker wants to write something down: progress, a line, a checkpoint, a child. Changes nothing here.
    Report {
        /// The fencing token.
        token: u64,
    },
    /// It is done.
    Complete {
        /// The fencing token.
        token: u64,
    },
    /// It went wrong.
    Fail {
        /// The fencing token.
        token: u64,
        /// How.
        failing: Failing,
        /// Any random number, for the pause.
        roll: u32,
    },
    /// The worker stopped it, as it was asked to.
    Stopped {
        /// The fencing token.
        token: u64,
    },
    /// The worker gives it back and has not begun: the attempt does not count.
    Release {
        /// The fencing token.
        token: u64,
    },
    /// It cannot go on without an answer.
    AskInput {
        /// The fencing token.
        token: u64,
    },
    /// It cannot go on before its children ended.
    AwaitChildren {
        /// The fencing token.
        token: u64,
    },
    /// The answer is there.
    Answer,
    /// It gets another child.
    AddChild,
    /// One of its children ended.
    ChildEnded {
        /// Whether it completed.
        well: bool,
    },
    /// Somebody wants it to stop.
    Cancel,
    /// Somebody wants it to be tried again: one that failed from the beginning, one that is scheduled now.
    Retry,
    /// Time has passed.
    Tick,
    /// Its worker is known to be gone.
    WorkerLost,
    /// We were away ourselves, so silence proves nothing: the lease begins anew.
    Grace {
        /// How long the worker may be silent from now.
        lease_ms: i64,
    },
}

/// How an attempt went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failing {
    /// Another attempt may do better.
    Retryable {
        /// The pause before it; `None` for the job's own backoff.
        after_ms: Option<u32>,
    },
    /// No attempt will do better.
    Final,
}

/// Why an event does not fit the job. The job is as it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Misfit {
    /// Whoever says this does not have the job: its lease was lost, or it has another's token.
    #[error("the job is {} and this worker does not have it any more; drop the work", .state.word())]
    Stale {
        /// Where the job is.
        state: State,
    },
    /// The job is not in a state for this.
    #[error("a job that is {} cannot {doing}", .state.word())]
    State {
        /// Where the job is.
        state: State,
        /// What was asked for, as a verb.
        doing: &'static str,
    },
}

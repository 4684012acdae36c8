//! What is said in the pipe, and how errors travel.

use std::sync::Arc;

use drawbridge_contract::RawValue;
use serde::{Deserialize, Serialize};

use crate::machine::Misfit;
use crate::{
    Change, Claim, EngineError, Filter, Heartbeat, JobId, Lease, Limit, Line, NewJob, Progress, Said, Scope,
    State, Told, Work,
};

/// From the worker.
#[derive(Serialize, Deserialize)]
pub(super) enum Up {
    /// Something to be answered under this number.
    Ask(u64, Ask),
    /// How an attempt ended: part of the [`Ask::Exchange`] with this number, which comes after it.
    Said(u64, Said),
    /// Nobody waits for the answer to the question with this number any more.
    Forget(u64),
    /// It wants to hear what happens, from now on.
    Listen,
}

/// To the worker.
#[derive(Serialize, Deserialize)]
pub(super) enum Down {
    /// The answer to the question with this number.
    Answer(u64, Result<Box<RawValue>, Refused>),
    /// A job: part of the answer to the [`Ask::Exchange`] with this number, which comes after it.
    Work(u64, Work),
    /// A job whose worker is to stop.
    Stop(Lease),
    /// What happens.
    Change(Change),
}

/// A question: the methods of [`Engine`](crate::Engine), each answered with what that method answers.
#[derive(Serialize, Deserialize)]
pub(super) enum Ask {
    Submit(NewJob),
    SubmitMany(Vec<NewJob>),
    SubmitFamily(NewJob, Vec<NewJob>),
    /// Answered with what was heard of each attempt that was said before, in order.
    Exchange {
        worker: Arc<str>,
        claim: Option<Claim>,
    },
    Withdraw(Arc<str>),
    Heartbeat(Heartbeat),
    Progress(Lease, Progress),
    Log(Lease, Vec<Line>),
    Checkpoint(Lease, Box<RawValue>),
    Cancel(JobId),
    Answer(JobId, Box<RawValue>),
    Rest(JobId, Box<RawValue>),
    Retry(JobId),
    RetryAll(Filter),
    Edit(JobId, Box<RawValue>),
    Discard(JobId),
    DiscardAll(Filter),
    Pause(Arc<str>),
    Resume(Arc<str>),
    Limit(Scope, Limit),
    Limits,
    Get(JobId),
    Arguments(JobId),
    Outcome(JobId),
    Lines(JobId, u64, usize),
    List(Filter, Option<JobId>, usize),
    Counts,
    History(u64, Option<JobId>, usize),
    KeepSince(Arc<str>, u64),
    KeptSince(Arc<str>),
    CheckHealth,
}

/// An error on its way.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Refused {
    NotFound(JobId),
    Stale(JobId, State),
    Misfit(JobId, State, String),
    KeyReused(Arc<str>, JobId),
    Told(Told, String),
}

/// What a job that is in another state cannot do, as the machine says it.
const DOINGS: [&str; 6] = [
    "be claimed",
    "say that it stopped: nobody asked it to",
    "be answered: it asks nothing",
    "get another child",
    "be cancelled: it has ended",
    "be retried",
];

impl From<&EngineError> for Refused {
    fn from(error: &EngineError) -> Self {
        match error {
            EngineError::NotFound { id } => Self::NotFound(id.clone()),
            EngineError::Misfit { id, misfit: Misfit::Stale { state } } => Self::Stale(id.clone(), *state),
            EngineError::Misfit { id, misfit: Misfit::State { state, doing } } => {
                Self::Misfit(id.clone(), *state, (*doing).to_owned())
            }
            EngineError::KeyReused { key, id } => Self::KeyReused(key.clone(), id.clone()),
            other => Self::Told(kind(other), other.to_string()),
        }
    }
}

fn kind(error: &EngineError) -> Told {
    match error {
        EngineError::Told { kind, .. } => *kind,
        EngineError::TooLarge { .. } | EngineError::Invalid { .. } => Told::Invalid,
        EngineError::TooMany { .. } => Told::TooMany,
        error if error.is_passing() => Told::Passing,
        _ => Told::Failed,
    }
}

impl From<Refused> for EngineError {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::NotFound(id) => Self::NotFound { id },
            Refused::Stale(id, state) => Self::Misfit { id, misfit: Misfit::Stale { state } },
            Refused::Misfit(id, state, doing) => {
                let doing = DOINGS.into_iter().find(|known| *known == doing).unwrap_or("do this");
                Self::Misfit { id, misfit: Misfit::State { state, doing } }
            }
            Refused::KeyReused(key, id) => Self::KeyReused { key, id },
            Refused::Told(kind, message) => Self::Told { kind, message },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_arrive_in_the_words_they_left_in() {
        let id = JobId::new("1-ab");
        let misfit = |doing| EngineError::Misfit {
            id: id.clone(),
            misfit: Misfit::State { state: State::Completed, doing },
        };
        let mut errors = vec![
            EngineError::NotFound { id: id.clone() },
            EngineError::Misfit { id: id.clone(), misfit: Misfit::Stale { state: State::Queued } },
            EngineError::KeyReused { key: "k".into(), id: id.clone() },
            EngineError::TooLarge { what: "a key", size: 2, size_max: 1 },
            EngineError::Closed,
        ];
        errors.extend(DOINGS.map(misfit));
        for error in errors {
            let sent = serde_json::to_string(&Refused::from(&error)).unwrap();
            let back = EngineError::from(serde_json::from_str::<Refused>(&sent).unwrap());
            let both = |error: &EngineError| {
                use std::error::Error as _;
                (error.to_string(), error.source().map(ToString::to_string), error.is_passing())
            };
            assert_eq!(both(&back), both(&error));
        }
    }
}

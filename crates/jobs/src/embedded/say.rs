//! What workers say about the jobs they have.

use super::desk::Desk;
use super::key::Key;
use super::outcome;
use super::row::Row;
use super::runs::Run;
use crate::machine::{Event, Failing};
use crate::{Beat, EngineError, Failure, Progress, State};

/// How one attempt ended, in the engine's own terms.
pub(super) struct Spoken {
    pub(super) key: Key,
    pub(super) token: u64,
    pub(super) end: End,
    pub(super) progress: Option<Progress>,
}

pub(super) enum End {
    Completed(Box<str>),
    Failed(Failure),
    Stopped,
    Released,
    AskedInput(Box<str>),
    AwaitsChildren,
}

impl End {
    fn event(&self, token: u64) -> Event {
        match self {
            Self::Completed(_) => Event::Complete { token },
            Self::Failed(failure) => Event::Fail { token, failing: failing(failure), roll: rand::random() },
            Self::Stopped => Event::Stopped { token },
            Self::Released => Event::Release { token },
            Self::AskedInput(_) => Event::AskInput { token },
            Self::AwaitsChildren => Event::AwaitChildren { token },
        }
    }
}

fn failing(failure: &Failure) -> Failing {
    if failure.retryable { Failing::Retryable { after_ms: failure.retry_after_ms } } else { Failing::Final }
}

impl Desk {
    /// Writes how an attempt ended: state, result and history in one transaction. Says where the job is now.
    pub(super) fn say(&mut self, spoken: Spoken) -> Result<State, EngineError> {
        let Spoken { key, token, end, progress } = spoken;
        let mut row = self.row(key)?;
        self.note_progress(&row, token, progress);
        row.has.question |= matches!(end, End::AskedInput(_));
        let effects = self.happen(&mut row, end.event(token))?;
        if !effects.repeated {
            self.keep(&row, &end)?;
        }
        Ok(row.job.state)
    }

    fn note_progress(&self, row: &Row, token: u64, progress: Option<Progress>) {
        if let Some(progress) = progress {
            self.shared.live.set_progress(row.key.id, token, &progress);
        }
    }

    fn keep(&self, row: &Row, end: &End) -> Result<(), EngineError> {
        let (connection, id) = (&self.connection, row.key.id);
        match end {
            End::Completed(result) if row.job.state == State::Completed => {
                outcome::keep_result(connection, id, result)
            }
            End::Failed(failure) => outcome::keep_failure(connection, id, failure),
            End::AskedInput(question) if row.job.state == State::WaitingForInput => {
                outcome::keep_question(connection, id, question)
            }
            _ => Ok(()),
        }
    }

    /// Signs of life. They touch no file: what they change is only in memory.
    pub(super) fn beat(&mut self, leases: &[(Key, u64)], lease_ms: i64) -> Vec<Beat> {
        let until_ms = self.now.steady_ms + lease_ms;
        leases
            .iter()
            .map(|(key, token)| beat_one(self.runs.get_mut(key.id), *key, *token, until_ms))
            .collect()
    }

    /// Refuses whoever does not have the job any more. For everything that a worker writes in the middle of its work.
    pub(super) fn held_row(&mut self, key: Key, token: u64) -> Result<Row, EngineError> {
        let mut row = self.row(key)?;
        self.happen(&mut row, Event::Report { token })?;
        Ok(row)
    }
}

/// The same as [`Event::Beat`] does with the job itself: only who holds it, and no more time for one that is to stop.
fn beat_one(run: Option<&mut Run>, key: Key, token: u64, until_ms: i64) -> Beat {
    match run {
        Some(run) if run.key == key && run.token == token => {
            if run.stop {
                return Beat::Stop;
            }
            run.lease_until_ms = until_ms;
            Beat::GoOn
        }
        _ => Beat::Lost,
    }
}

//! What comes of a job, beside its row: result, failure, progress, checkpoint, question.

use rusqlite::{Connection, params};

use super::desk::Desk;
use super::row::Row;
use crate::machine::{Effects, Event};
use crate::{EngineError, Failure, Happening, State, codes};

const DOING: &str = "write what came of a job";

/// Writes how far a job came whose attempt ends.
pub(super) fn keep_progress(desk: &Desk, row: &Row) -> rusqlite::Result<()> {
    let live = desk.shared.live.lock().remove(&row.key.id);
    let Some(progress) = live.and_then(|live| live.progress) else { return Ok(()) };
    let progress = drawbridge_contract::raw(&progress);
    desk.connection
        .prepare_cached(
            "INSERT INTO outcome (job, progress) VALUES (?1, ?2) \
             ON CONFLICT (job) DO UPDATE SET progress = excluded.progress",
        )?
        .execute((row.key.id, progress.get()))?;
    Ok(())
}

/// Writes a result.
pub(super) fn keep_result(connection: &Connection, job: i64, result: &str) -> Result<(), EngineError> {
    connection
        .prepare_cached(
            "INSERT INTO outcome (job, result) VALUES (?1, ?2) \
             ON CONFLICT (job) DO UPDATE SET result = excluded.result, failure = NULL",
        )
        .and_then(|mut insert| insert.execute((job, result)))
        .map(drop)
        .map_err(EngineError::sql(DOING))
}

/// Writes why the latest attempt failed.
pub(super) fn keep_failure(connection: &Connection, job: i64, failure: &Failure) -> Result<(), EngineError> {
    let failure = drawbridge_contract::raw(failure);
    connection
        .prepare_cached(
            "INSERT INTO outcome (job, failure) VALUES (?1, ?2) \
             ON CONFLICT (job) DO UPDATE SET failure = excluded.failure",
        )
        .and_then(|mut insert| insert.execute((job, failure.get())))
        .map(drop)
        .map_err(EngineError::sql(DOING))
}

/// Writes what a job asks.
pub(super) fn keep_question(connection: &Connection, job: i64, question: &str) -> Result<(), EngineError> {
    connection
        .prepare_cached("INSERT OR REPLACE INTO question (job, text) VALUES (?1, ?2)")
        .and_then(|mut insert| insert.execute((job, question)))
        .map(drop)
        .map_err(EngineError::sql(DOING))
}

/// Writes the reason of an end that no worker gave.
pub(super) fn explain(desk: &Desk, row: &Row, event: Event, effects: Effects) -> Result<(), EngineError> {
    let failure = match (event, effects.happened) {
        (Event::Tick | Event::WorkerLost, Some(Happening::Stalled | Happening::Dead)) => stalled(row),
        (Event::Tick, Some(Happening::Failed)) => Failure::last(
            codes::DEADLINE,
            "the deadline passed before the job was done; submit it again with a later one",
        ),
        (Event::ChildEnded { .. } | Event::AwaitChildren { .. }, Some(Happening::Failed)) => {
            Failure::last(codes::CHILD, "a child of this job did not complete; its own failure says why")
        }
        _ => return Ok(()),
    };
    keep_failure(&desk.connection, row.key.id, &failure)
}

fn stalled(row: &Row) -> Failure {
    let attempts_max = row.job.attempts_max;
    let message = if row.job.state != State::Dead {
        "its worker was lost; the job is tried again".to_owned()
    } else if attempts_max == 1 {
        "its worker was lost in the middle of the work. It may have had effects already, and its tool is not safe \
         to be run twice: look, then retry or discard it"
            .to_owned()
    } else {
        format!(
            "its worker was lost, and that was the last of {attempts_max} attempts: look, then retry or discard it"
        )
    };
    Failure::retryable(codes::STALLED, message)
}

/// Removes what only a job that goes on needs. One that failed keeps its checkpoint for a retry.
pub(super) fn clean_up(desk: &Desk, row: &Row) -> rusqlite::Result<()> {
    let connection = &desk.connection;
    let id = params![row.key.id];
    if row.has.key {
        connection.prepare_cached("DELETE FROM key WHERE job = ?1 AND kind = 1")?.execute(id)?;
    }
    if row.has.checkpoint && matches!(row.job.state, State::Completed | State::Cancelled) {
        connection.prepare_cached("DELETE FROM checkpoint WHERE job = ?1")?.execute(id)?;
    }
    if row.has.question {
        connection.prepare_cached("DELETE FROM question WHERE job = ?1")?.execute(id)?;
    }
    Ok(())
}

/// Removes a job and everything of it. It has ended.
pub(super) fn remove(desk: &mut Desk, row: &Row) -> rusqlite::Result<()> {
    let id = params![row.key.id];
    for (needed, sql) in [
        (true, "DELETE FROM job WHERE id = ?1"),
        (true, "DELETE FROM arguments WHERE job = ?1"),
        (true, "DELETE FROM outcome WHERE job = ?1"),
        (true, "DELETE FROM line WHERE job = ?1"),
        (row.has.checkpoint, "DELETE FROM checkpoint WHERE job = ?1"),
        (row.has.question, "DELETE FROM question WHERE job = ?1"),
        (row.has.key, "DELETE FROM key WHERE job = ?1"),
    ] {
        if needed {
            desk.connection.prepare_cached(sql)?.execute(id)?;
        }
    }
    desk.lanes.leave(row.lane, row.job.state);
    Ok(())
}

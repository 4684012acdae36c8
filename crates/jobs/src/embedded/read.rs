//! Looking, on connections of its own: a long listing keeps no worker waiting.

use std::collections::BTreeMap;
use std::sync::Arc;

use drawbridge_contract::RawValue;
use rusqlite::{Connection, OptionalExtension};

use super::desk::not_found;
use super::history::{Entry, happened};
use super::key::Key;
use super::lanes;
use super::names::Names;
use super::row::{Row, at_most_rows};
use super::shared::Shared;
use crate::bounds::SUBMIT_MAX;
use crate::{
    EngineError, Failure, Happened, Happening, Job, JobId, Limit, LimitRow, Line, Outcome, Progress,
    QueueCounts, Rate, Scope, State,
};

const DOING: &str = "read the jobs";

pub(super) fn row(connection: &Connection, key: Key) -> Result<Row, EngineError> {
    Row::find(connection, key.id)?.filter(|row| row.key == key).ok_or_else(|| not_found(key))
}

/// A job with what only memory knows of it.
pub(super) fn job(connection: &Connection, shared: &Shared, key: Key) -> Result<Job, EngineError> {
    let row = row(connection, key)?;
    view(connection, shared, row)
}

pub(super) fn view(connection: &Connection, shared: &Shared, row: Row) -> Result<Job, EngineError> {
    let live = shared.live.lock().get(&row.key.id).cloned();
    let live = live.filter(|live| row.job.state == State::Running && live.token == row.job.token);
    let (worker, progress) = live.map_or((None, None), |live| (live.worker, live.progress));
    let progress = match progress {
        None if row.job.token > 0 => kept_progress(connection, row.key.id)?,
        progress => progress,
    };
    let parent = parent_key(connection, row.parent)?;
    let name = |id| shared.names.text(id);
    let core = &row.job;
    Ok(Job {
        id: row.key.job_id(),
        queue: name(row.lane.queue),
        tool: name(row.lane.tool),
        caller: name(row.caller),
        state: core.state,
        stopping: core.stop && core.state == State::Running,
        awaits_children: core.awaits_children,
        priority: i32::try_from(-row.priority).unwrap_or(0),
        attempt: core.attempt,
        attempts_max: core.attempts_max,
        stalls: core.stalls,
        parent,
        children_open: core.children_open,
        created_ms: row.created_ms,
        run_at_ms: core.run_at_ms,
        deadline_ms: core.deadline_ms,
        started_ms: row.started_ms,
        ended_ms: row.ended_ms,
        worker,
        progress,
    })
}

fn kept_progress(connection: &Connection, id: i64) -> Result<Option<Progress>, EngineError> {
    let text: Option<String> = connection
        .prepare_cached("SELECT progress FROM outcome WHERE job = ?1")
        .and_then(|mut select| select.query_row([id], |row| row.get(0)).optional())
        .map_err(EngineError::sql(DOING))?
        .flatten();
    text.map(|text| parse(&text)).transpose()
}

/// `None` also for a parent that was forgotten.
fn parent_key(connection: &Connection, parent: Option<i64>) -> Result<Option<JobId>, EngineError> {
    let Some(id) = parent else { return Ok(None) };
    Ok(nonce(connection, id)?.map(|nonce| Key { id, nonce }.job_id()))
}

fn nonce(connection: &Connection, id: i64) -> Result<Option<u64>, EngineError> {
    connection
        .prepare_cached("SELECT nonce FROM job WHERE id = ?1")
        .and_then(|mut select| select.query_row([id], |row| row.get::<_, i64>(0)).optional())
        .map(|nonce| nonce.map(i64::cast_unsigned))
        .map_err(EngineError::sql(DOING))
}

pub(super) type Payload = (Box<RawValue>, Option<Box<RawValue>>);

pub(super) fn arguments(connection: &Connection, key: Key) -> Result<Payload, EngineError> {
    row(connection, key)?;
    let (text, attributes): (String, Option<String>) = connection
        .prepare_cached("SELECT text, attributes FROM arguments WHERE job = ?1")
        .and_then(|mut select| select.query_row([key.id], |row| Ok((row.get(0)?, row.get(1)?))))
        .map_err(EngineError::sql(DOING))?;
    Ok((raw(text)?, attributes.map(raw).transpose()?))
}

pub(super) fn outcome(connection: &Connection, key: Key) -> Result<Outcome, EngineError> {
    let row = row(connection, key)?;
    let read = |sql: &str| {
        let found = connection.prepare_cached(sql)?.query_row([key.id], |row| Ok((row.get(0)?, row.get(1)?)));
        found.optional()
    };
    let kept: Option<(Option<String>, Option<String>)> =
        read("SELECT result, failure FROM outcome WHERE job = ?1").map_err(EngineError::sql(DOING))?;
    let (result, failure) = kept.unwrap_or_default();
    let question = match row.job.state {
        State::WaitingForInput => read("SELECT text, NULL FROM question WHERE job = ?1")
            .map_err(EngineError::sql(DOING))?
            .and_then(|(text, _): (Option<String>, Option<String>)| text),
        _ => None,
    };
    Ok(Outcome {
        result: result.map(raw).transpose()?,
        failure: failure.map(|text| parse::<Failure>(&text)).transpose()?,
        question: question.map(raw).transpose()?,
    })
}

pub(super) fn lines(
    connection: &Connection,
    key: Key,
    after: u64,
    limit: usize,
) -> Result<Vec<Line>, EngineError> {
    row(connection, key)?;
    let read = || {
        let mut select = connection.prepare_cached(
            "SELECT number, at, level, text FROM line WHERE job = ?1 AND number > ?2 ORDER BY number LIMIT ?3",
        )?;
        let after = i64::try_from(after).unwrap_or(i64::MAX);
        let rows = select.query_map((key.id, after, at_most_rows(limit)), |row| {
            Ok(Line {
                number: row.get::<_, i64>(0)?.cast_unsigned(),
                at_ms: row.get(1)?,
                level: row.get(2)?,
                text: row.get(3)?,
            })
        })?;
        rows.collect::<rusqlite::Result<_>>()
    };
    read().map_err(EngineError::sql(DOING))
}

pub(super) fn counts(connection: &Connection, names: &Names) -> Result<Vec<QueueCounts>, EngineError> {
    let paused: Vec<u32> = connection
        .prepare_cached("SELECT queue FROM paused")
        .and_then(|mut select| select.query_map((), |row| row.get(0))?.collect())
        .map_err(EngineError::sql(DOING))?;
    let mut queues: BTreeMap<Arc<str>, (bool, [i64; 8])> =
        paused.iter().map(|queue| (names.text(*queue), (true, [0; 8]))).collect();
    for (lane, counts) in lanes::read_all(connection).map_err(EngineError::sql(DOING))? {
        let (_, sums) = queues.entry(names.text(lane.queue)).or_default();
        (0..8).for_each(|state| sums[state] += counts[state]);
    }
    let counted = |(queue, (paused, sums)): (Arc<str>, (bool, [i64; 8]))| {
        let states = State::ALL.into_iter().zip(sums).filter(|(_, count)| *count > 0);
        let states = states.map(|(state, count)| (state, count.unsigned_abs())).collect();
        QueueCounts { queue, paused, states }
    };
    Ok(queues.into_iter().map(counted).collect())
}

pub(super) fn limits(connection: &Connection, names: &Names) -> Result<Vec<LimitRow>, EngineError> {
    let read = || {
        let mut select = connection.prepare_cached(
            "SELECT scope, name, running_max, starts_max, window FROM limits ORDER BY 1, 2",
        )?;
        let rows = select.query_map((), |row| {
            let name = match row.get(1)? {
                0 => None,
                id => Some(names.text(id)),
            };
            let scope = match row.get(0)? {
                0 => Scope::Queue(name),
                1 => Scope::Tool(name),
                _ => Scope::Caller(name),
            };
            let rate = row.get::<_, Option<u32>>(3)?.zip(row.get(4)?);
            let rate = rate.map(|(starts_max, window_ms)| Rate { starts_max, window_ms });
            Ok(LimitRow { scope, limit: Limit { running_max: row.get(2)?, rate } })
        })?;
        rows.collect::<rusqlite::Result<_>>()
    };
    read().map_err(EngineError::sql(DOING))
}

/// One row of the table `event`.
struct EventRow {
    seq: i64,
    at_ms: i64,
    entry: Entry,
}

/// Entries of the history after a number.
pub(super) fn history(
    connection: &Connection,
    after: u64,
    of: Option<Key>,
    limit: usize,
) -> Result<Vec<Happened>, EngineError> {
    let after = i64::try_from(after).unwrap_or(i64::MAX);
    if let Some(key) = of {
        row(connection, key)?;
    }
    let rows = event_rows(connection, after, of.map(|key| key.id), limit);
    let mut found = Vec::new();
    for EventRow { seq, at_ms, entry } in rows.map_err(EngineError::sql(DOING))? {
        for offset in 0..entry.count {
            let (seq, id) = (seq + offset, entry.job.id + offset);
            if seq <= after || of.is_some_and(|of| of.id != id) {
                continue;
            }
            let nonce = if offset == 0 { Some(entry.job.nonce) } else { nonce(connection, id)? };
            if let Some(nonce) = nonce {
                found.push(happened(seq, at_ms, Key { id, nonce }, entry));
            }
            if found.len() == limit {
                return Ok(found);
            }
        }
    }
    Ok(found)
}

/// A submission of several jobs may have begun before `after`, but not long before.
fn event_rows(
    connection: &Connection,
    after: i64,
    of: Option<i64>,
    limit: usize,
) -> rusqlite::Result<Vec<EventRow>> {
    let mut select = connection.prepare_cached(
        "SELECT seq, at, job, nonce, count, what, attempt, token FROM event \
         WHERE seq > ?1 - ?2 AND seq + count - 1 > ?1 AND (?3 IS NULL OR (job <= ?3 AND job + count > ?3)) \
         ORDER BY seq LIMIT ?4",
    )?;
    let rows = select.query_map((after, at_most_rows(SUBMIT_MAX), of, at_most_rows(limit)), |row| {
        let what =
            Happening::ALL.get(usize::from(row.get::<_, u8>(5)?)).copied().unwrap_or(Happening::Edited);
        let entry = Entry {
            job: Key { id: row.get(2)?, nonce: row.get::<_, i64>(3)?.cast_unsigned() },
            count: row.get(4)?,
            what,
            attempt: row.get(6)?,
            token: row.get::<_, i64>(7)?.cast_unsigned(),
        };
        Ok(EventRow { seq: row.get(0)?, at_ms: row.get(1)?, entry })
    })?;
    rows.collect()
}

pub(super) fn kept_since(connection: &Connection, reader: &str) -> Result<u64, EngineError> {
    connection
        .prepare_cached("SELECT seq FROM reader WHERE name = ?1")
        .and_then(|mut select| select.query_row([reader], |row| row.get::<_, i64>(0)).optional())
        .map(|seq| seq.unwrap_or(0).unsigned_abs())
        .map_err(EngineError::sql(DOING))
}

/// A text of ours that is JSON.
pub(super) fn raw(text: String) -> Result<Box<RawValue>, EngineError> {
    RawValue::from_string(text).map_err(damaged)
}

fn parse<'a, T: serde::Deserialize<'a>>(text: &'a str) -> Result<T, EngineError> {
    serde_json::from_str(text).map_err(damaged)
}

fn damaged(error: serde_json::Error) -> EngineError {
    EngineError::Damaged { problem: format!("a payload is not JSON ({error})") }
}

//! What people and programs ask for, besides submitting and working.

use std::sync::Arc;

use rusqlite::params;

use super::desk::{Desk, key_of};
use super::gates::Kind;
use super::history::Entry;
use super::key::Key;
use super::names::NameId;
use super::outcome;
use super::row::Row;
use crate::bounds::{LINE_BYTES_MAX, LINES_MAX};
use crate::machine::{Event, Misfit};
use crate::{EngineError, Filter, Happening, Limit, Line, Scope, State};

/// How many jobs one transaction retries or discards, when all that fit are meant.
pub(super) const ALL_AT_ONCE: usize = 500;

impl Desk {
    pub(super) fn cancel(&mut self, key: Key) -> Result<State, EngineError> {
        let mut row = self.row(key)?;
        self.happen(&mut row, Event::Cancel)?;
        Ok(row.job.state)
    }

    pub(super) fn answer(&mut self, key: Key, answer: &str) -> Result<(), EngineError> {
        let mut row = self.row(key)?;
        self.happen(&mut row, Event::Answer)?;
        self.connection
            .prepare_cached("UPDATE question SET answer = ?2 WHERE job = ?1")
            .and_then(|mut update| update.execute((key.id, answer)))
            .map(drop)
            .map_err(EngineError::sql("write an answer"))
    }

    pub(super) fn ask_rest(&mut self, key: Key, rest: &str) -> Result<(), EngineError> {
        let row = self.row(key)?;
        if row.job.state != State::WaitingForInput {
            return Err(misfit(&row, "ask for the rest: it asks nothing"));
        }
        outcome::keep_question(&self.connection, key.id, rest)
    }

    pub(super) fn retry(&mut self, key: Key) -> Result<(), EngineError> {
        let mut row = self.row(key)?;
        self.happen(&mut row, Event::Retry).map(drop)
    }

    pub(super) fn edit(&mut self, key: Key, arguments: &str) -> Result<(), EngineError> {
        let row = self.row(key)?;
        if !matches!(row.job.state, State::Failed | State::Dead) {
            return Err(misfit(&row, "be edited: only one that failed can"));
        }
        let entry = Entry {
            job: key,
            count: 1,
            what: Happening::Edited,
            attempt: row.job.attempt,
            token: row.job.token,
        };
        self.connection
            .prepare_cached("UPDATE arguments SET text = ?2 WHERE job = ?1")
            .and_then(|mut update| update.execute((key.id, arguments)))
            .and_then(|_| self.history.write(&self.connection, entry, self.now))
            .map_err(EngineError::sql("write arguments"))
    }

    pub(super) fn discard(&mut self, key: Key) -> Result<(), EngineError> {
        let row = self.row(key)?;
        if !row.job.state.has_ended() {
            return Err(misfit(&row, "be discarded: cancel it first"));
        }
        self.write_notes()?; // what it had to tell is still told
        outcome::remove(self, &row).map_err(EngineError::sql("discard a job"))
    }

    /// Retries the next of those that fit, from a number on. Says how many, and where to go on.
    pub(super) fn retry_some(&mut self, filter: &Filter, after: i64) -> Result<Part, EngineError> {
        let rows = self.fitting(filter, &[State::Failed, State::Dead], after)?;
        self.for_each_row(rows, |desk, row| {
            let retried = desk.happen(row, Event::Retry).map(drop);
            if matches!(retried, Err(EngineError::Misfit { .. })) { Ok(()) } else { retried }
        })
    }

    /// Discards the next of those that fit, from a number on. Says how many, and where to go on.
    pub(super) fn discard_some(&mut self, filter: &Filter, after: i64) -> Result<Part, EngineError> {
        let ended = [State::Completed, State::Failed, State::Cancelled, State::Dead];
        self.write_notes()?;
        let rows = self.fitting(filter, &ended, after)?;
        self.for_each_row(rows, |desk, row| {
            outcome::remove(desk, row).map_err(EngineError::sql("discard a job"))
        })
    }

    fn for_each_row(
        &mut self,
        mut rows: Vec<Row>,
        work: impl Fn(&mut Self, &mut Row) -> Result<(), EngineError>,
    ) -> Result<Part, EngineError> {
        for row in &mut rows {
            work(self, row)?;
        }
        let next = if rows.len() < ALL_AT_ONCE { None } else { rows.last().map(|row| row.key.id) };
        Ok(Part { count: rows.len() as u64, next })
    }

    fn fitting(&self, filter: &Filter, among: &[State], after: i64) -> Result<Vec<Row>, EngineError> {
        let wanted = |state: &State| filter.states.is_empty() || filter.states.contains(state);
        let states: Vec<State> = among.iter().copied().filter(wanted).collect();
        if states.is_empty() {
            let words = among.iter().map(|state| state.word()).collect::<Vec<_>>().join(", ");
            let problem = format!("must be among {words}");
            return Err(EngineError::Invalid { what: "the states", problem });
        }
        let filter = Filter { states, ..filter.clone() };
        super::listing::rows_after(&self.connection, &self.shared.names, &filter, after, ALL_AT_ONCE)
    }

    pub(super) fn pause(&mut self, queue: &Arc<str>, paused: bool) -> Result<(), EngineError> {
        let queue = self.shared.names.intern(queue, &self.connection)?;
        let sql = if paused {
            "INSERT OR IGNORE INTO paused VALUES (?1)"
        } else {
            "DELETE FROM paused WHERE queue = ?1"
        };
        self.connection.execute(sql, [queue]).map_err(EngineError::sql("pause a queue"))?;
        self.gates.pause(queue, paused);
        Ok(())
    }

    pub(super) fn limit(&mut self, scope: &Scope, limit: Limit) -> Result<(), EngineError> {
        let (kind, name) = match scope {
            Scope::Queue(name) => (Kind::Queue, name),
            Scope::Tool(name) => (Kind::Tool, name),
            Scope::Caller(name) => (Kind::Caller, name),
        };
        let name = match name {
            Some(name) => self.shared.names.intern(name, &self.connection)?,
            None => 0,
        };
        self.write_limit(kind as i64, name, limit).map_err(EngineError::sql("write a limit"))?;
        self.gates.set((kind, name), limit);
        Ok(())
    }

    fn write_limit(&self, kind: i64, name: NameId, limit: Limit) -> rusqlite::Result<()> {
        if limit == Limit::default() {
            self.connection.execute("DELETE FROM limits WHERE scope = ?1 AND name = ?2", (kind, name))?;
            return Ok(());
        }
        let rate = limit.rate;
        self.connection.execute(
            "INSERT OR REPLACE INTO limits VALUES (?1, ?2, ?3, ?4, ?5)",
            params![
                kind,
                name,
                limit.running_max,
                rate.map(|rate| rate.starts_max),
                rate.map(|rate| rate.window_ms)
            ],
        )?;
        Ok(())
    }

    pub(super) fn log(&mut self, key: Key, token: u64, lines: &[Line]) -> Result<(), EngineError> {
        self.held_row(key, token)?;
        self.write_lines(key.id, lines).map_err(EngineError::sql("write a line"))
    }

    fn write_lines(&self, job: i64, lines: &[Line]) -> rusqlite::Result<()> {
        let last = "SELECT coalesce(max(number), 0) FROM line WHERE job = ?1";
        let last: i64 = self.connection.prepare_cached(last)?.query_row([job], |row| row.get(0))?;
        let kept = usize::try_from(LINES_MAX).unwrap_or(usize::MAX);
        let numbered = (last + 1..).zip(lines).skip(lines.len().saturating_sub(kept));
        for (number, line) in numbered {
            let text = cut(&line.text, LINE_BYTES_MAX);
            self.connection.prepare_cached("INSERT INTO line VALUES (?1, ?2, ?3, ?4, ?5)")?.execute((
                job,
                number,
                self.now.wall_ms,
                &*line.level,
                text,
            ))?;
        }
        let oldest = last.saturating_add_unsigned(lines.len() as u64).saturating_sub_unsigned(LINES_MAX);
        self.connection
            .prepare_cached("DELETE FROM line WHERE job = ?1 AND number <= ?2")?
            .execute((job, oldest))?;
        Ok(())
    }

    pub(super) fn checkpoint(&mut self, key: Key, token: u64, value: &str) -> Result<(), EngineError> {
        let mut row = self.held_row(key, token)?;
        let doing = "write a checkpoint";
        if !row.has.checkpoint {
            row.has.checkpoint = true;
            row.update(&self.connection).map_err(EngineError::sql(doing))?;
            self.runs.written(&row);
        }
        self.connection
            .prepare_cached("INSERT OR REPLACE INTO checkpoint VALUES (?1, ?2)")
            .and_then(|mut insert| insert.execute((key.id, value)))
            .map(drop)
            .map_err(EngineError::sql(doing))
    }

    /// Writes a little, to see whether that works.
    pub(super) fn probe(&mut self) -> Result<(), EngineError> {
        self.connection
            .execute("INSERT OR REPLACE INTO probe VALUES (1, ?1)", [self.now.wall_ms])
            .map(drop)
            .map_err(EngineError::sql("write at all"))
    }

    pub(super) fn keep_since(&mut self, reader: &str, seq: u64) -> Result<(), EngineError> {
        let seq = i64::try_from(seq).unwrap_or(i64::MAX);
        self.connection
            .prepare_cached("INSERT OR REPLACE INTO reader VALUES (?1, ?2)")
            .and_then(|mut insert| insert.execute((reader, seq)))
            .map(drop)
            .map_err(EngineError::sql("write how far the history was read"))
    }
}

/// Part of a larger change.
pub(super) struct Part {
    /// How many jobs it was.
    pub(super) count: u64,
    /// Where to go on; `None` when it is done.
    pub(super) next: Option<i64>,
}

fn misfit(row: &Row, doing: &'static str) -> EngineError {
    EngineError::Misfit { id: row.key.job_id(), misfit: Misfit::State { state: row.job.state, doing } }
}

/// The beginning of a text, of whole letters.
pub(super) fn cut(text: &str, bytes_max: usize) -> &str {
    &text[..text.floor_char_boundary(bytes_max)]
}

/// Checks the parent that a filter names, which people write.
pub(super) fn check_filter(filter: &Filter) -> Result<(), EngineError> {
    filter.parent.as_ref().map(key_of).transpose().map(drop)
}

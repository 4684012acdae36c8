//! Which jobs fit a filter, in pages.

use std::fmt::Write as _;

use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use super::key::Key;
use super::names::Names;
use super::read::view;
use super::row::{Row, columns};
use super::shared::Shared;
use crate::{EngineError, Filter, Job, Page};

const DOING: &str = "list the jobs";

/// One page, newest first.
pub(super) fn list(
    connection: &Connection,
    shared: &Shared,
    filter: &Filter,
    after: Option<Key>,
    limit: usize,
) -> Result<Page, EngineError> {
    let Some(mut clause) = Clause::of(filter, &shared.names) else {
        return Ok(Page { jobs: Vec::new(), next: None });
    };
    if let Some(after) = after {
        clause.and("id < ?", [Value::Integer(after.id)]);
    }
    // Of what ended there is a bounded number, and the index finds it among millions that wait.
    let on_shelf = !filter.states.is_empty() && filter.states.iter().all(|state| *state as i64 >= 2);
    let from = if on_shelf && filter.parent.is_none() { "job INDEXED BY job_shelf" } else { "job" };
    if on_shelf {
        clause.and("state >= 2", []);
    }
    let rows = clause.rows(connection, from, "DESC", limit + 1).map_err(EngineError::sql(DOING))?;
    let has_more = rows.len() > limit;
    let jobs: Result<Vec<Job>, _> =
        rows.into_iter().take(limit).map(|row| view(connection, shared, row)).collect();
    let jobs = jobs?;
    let next = if has_more { jobs.last().map(|job| job.id.clone()) } else { None };
    Ok(Page { jobs, next })
}

/// Rows that fit, oldest first, after a number.
pub(super) fn rows_after(
    connection: &Connection,
    names: &Names,
    filter: &Filter,
    after: i64,
    limit: usize,
) -> Result<Vec<Row>, EngineError> {
    let Some(mut clause) = Clause::of(filter, names) else { return Ok(Vec::new()) };
    clause.and("id > ?", [Value::Integer(after)]);
    clause.and("state >= 2", []);
    clause.rows(connection, "job INDEXED BY job_shelf", "ASC", limit).map_err(EngineError::sql(DOING))
}

/// The `WHERE` of a listing.
struct Clause {
    sql: String,
    values: Vec<Value>,
}

impl Clause {
    /// `None` when nothing can fit, because a name was never used.
    fn of(filter: &Filter, names: &Names) -> Option<Self> {
        let mut clause = Self { sql: "1".to_owned(), values: Vec::new() };
        for (column, name) in [("queue", &filter.queue), ("tool", &filter.tool), ("caller", &filter.caller)] {
            if let Some(name) = name {
                clause.and(&format!("{column} = ?"), [Value::Integer(names.find(name)?.into())]);
            }
        }
        if let Some(parent) = &filter.parent {
            let parent = Key::of(parent)?;
            let there = "parent = ? AND (SELECT nonce FROM job AS up WHERE up.id = job.parent) = ?";
            clause.and(there, [Value::Integer(parent.id), Value::Integer(parent.nonce.cast_signed())]);
        }
        if !filter.states.is_empty() {
            let states = vec!["?"; filter.states.len()].join(", ");
            let values = filter.states.iter().map(|state| Value::Integer(*state as i64));
            clause.and(&format!("state IN ({states})"), values);
        }
        Some(clause)
    }

    fn and(&mut self, condition: &str, values: impl IntoIterator<Item = Value>) {
        // Writing to a String cannot fail.
        let _ = write!(self.sql, " AND {condition}");
        self.values.extend(values);
    }

    fn rows(
        &self,
        connection: &Connection,
        from: &str,
        order: &str,
        limit: usize,
    ) -> rusqlite::Result<Vec<Row>> {
        let sql = format!(
            concat!("SELECT ", columns!(), " FROM {} WHERE {} ORDER BY id {} LIMIT {}"),
            from, self.sql, order, limit
        );
        connection.prepare(&sql)?.query_map(params_from_iter(&self.values), Row::read)?.collect()
    }
}

//! What the limits leave open, at this moment. In memory: running jobs are counted anew at every start, and a rate
//! begins anew.

use std::collections::{HashMap, HashSet, VecDeque};

use rusqlite::Connection;

use super::names::NameId;
use crate::bounds::RATE_WINDOW_MS_MAX;
use crate::{EngineError, Limit, Rate};

/// What a limit is for. The numbers are in the table `limits`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    Queue = 0,
    Tool = 1,
    Caller = 2,
}

/// Whether one more may start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Room {
    Open,
    /// Not before one of those that run ends.
    Full,
    /// Not before this moment of the steady clock.
    From(i64),
}

/// When more queues, tools and callers with a rate than this are remembered, those that no rate can look back to are
/// forgotten.
const STARTS_KEPT: usize = 1_024;

/// Name 0: each one without a limit of its own.
type Gate = (Kind, NameId);

#[derive(Default)]
pub(super) struct Gates {
    limits: HashMap<Gate, Limit>,
    paused: HashSet<NameId>,
    running: HashMap<Gate, u32>,
    /// The latest starts of what has a rate, oldest first.
    starts: HashMap<Gate, VecDeque<i64>>,
}

impl Gates {
    /// Forgets everything but the latest starts, and reads what the file says. Running jobs are to be entered again.
    pub(super) fn reload(&mut self, connection: &Connection) -> Result<(), EngineError> {
        let doing = "read the limits";
        self.limits = read_limits(connection).map_err(EngineError::sql(doing))?;
        self.paused = read_paused(connection).map_err(EngineError::sql(doing))?;
        self.running.clear();
        Ok(())
    }

    /// Sets a limit, or removes it with an empty one.
    pub(super) fn set(&mut self, gate: Gate, limit: Limit) {
        if limit == Limit::default() {
            self.limits.remove(&gate);
        } else {
            self.limits.insert(gate, limit);
        }
    }

    pub(super) fn pause(&mut self, queue: NameId, paused: bool) {
        if paused {
            self.paused.insert(queue)
        } else {
            self.paused.remove(&queue)
        };
    }

    pub(super) fn is_paused(&self, queue: NameId) -> bool {
        self.paused.contains(&queue)
    }

    /// Whether one more may start, at a moment of the steady clock.
    pub(super) fn room(&self, kind: Kind, name: NameId, now_ms: i64) -> Room {
        let gate = (kind, name);
        let Some(limit) = self.limit(gate) else { return Room::Open };
        let running = self.running.get(&gate).copied().unwrap_or(0);
        if limit.running_max.is_some_and(|max| running >= max) {
            return Room::Full;
        }
        match (limit.rate, self.starts.get(&gate)) {
            (Some(rate), Some(starts)) => rate_room(rate, starts, now_ms),
            _ => Room::Open,
        }
    }

    fn limit(&self, gate: Gate) -> Option<&Limit> {
        if self.limits.is_empty() {
            return None;
        }
        self.limits.get(&gate).or_else(|| self.limits.get(&(gate.0, 0)))
    }

    /// Whether any caller has a limit. Without one, nobody has to be passed over.
    pub(super) fn callers_are_limited(&self) -> bool {
        self.limits.keys().any(|(kind, _)| *kind == Kind::Caller)
    }

    /// A job started.
    pub(super) fn start(&mut self, queue: NameId, tool: NameId, caller: NameId, now_ms: i64) {
        self.enter(queue, tool, caller);
        if self.starts.len() > STARTS_KEPT {
            let recent = now_ms - i64::from(RATE_WINDOW_MS_MAX);
            self.starts.retain(|_, starts| starts.back().is_some_and(|last| *last > recent));
        }
        for gate in gates(queue, tool, caller) {
            if let Some(rate) = self.limit(gate).and_then(|limit| limit.rate) {
                let starts = self.starts.entry(gate).or_default();
                starts.push_back(now_ms);
                while starts.len() > rate.starts_max as usize {
                    starts.pop_front();
                }
            }
        }
    }

    /// A job runs, and did not start just now.
    pub(super) fn enter(&mut self, queue: NameId, tool: NameId, caller: NameId) {
        for gate in gates(queue, tool, caller) {
            *self.running.entry(gate).or_default() += 1;
        }
    }

    /// A job does not run any more.
    pub(super) fn leave(&mut self, queue: NameId, tool: NameId, caller: NameId) {
        for gate in gates(queue, tool, caller) {
            if let Some(running) = self.running.get_mut(&gate) {
                *running = running.saturating_sub(1);
                if *running == 0 {
                    self.running.remove(&gate);
                }
            }
        }
    }
}

fn gates(queue: NameId, tool: NameId, caller: NameId) -> [Gate; 3] {
    [(Kind::Queue, queue), (Kind::Tool, tool), (Kind::Caller, caller)]
}

/// In no window are there more starts than allowed: the one that would be too many waits for the first to leave.
fn rate_room(rate: Rate, starts: &VecDeque<i64>, now_ms: i64) -> Room {
    let Some(first) = starts.len().checked_sub(rate.starts_max as usize).and_then(|at| starts.get(at)) else {
        return Room::Open;
    };
    let from = first + i64::from(rate.window_ms);
    if from <= now_ms { Room::Open } else { Room::From(from) }
}

fn read_limits(connection: &Connection) -> rusqlite::Result<HashMap<Gate, Limit>> {
    let mut select = connection.prepare("SELECT scope, name, running_max, starts_max, window FROM limits")?;
    let rows = select.query_map((), |row| {
        let kind = match row.get(0)? {
            0 => Kind::Queue,
            1 => Kind::Tool,
            _ => Kind::Caller,
        };
        let rate = row.get::<_, Option<u32>>(3)?.zip(row.get(4)?);
        let rate = rate.map(|(starts_max, window_ms)| Rate { starts_max, window_ms });
        Ok(((kind, row.get(1)?), Limit { running_max: row.get(2)?, rate }))
    })?;
    rows.collect()
}

fn read_paused(connection: &Connection) -> rusqlite::Result<HashSet<NameId>> {
    connection.prepare("SELECT queue FROM paused")?.query_map((), |row| row.get(0))?.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gates_with(limit: Limit) -> Gates {
        let mut gates = Gates::default();
        gates.set((Kind::Tool, 0), limit);
        gates
    }

    #[test]
    fn no_window_has_more_starts_than_allowed() {
        let rate = Rate { starts_max: 2, window_ms: 100 };
        let mut gates = gates_with(Limit { running_max: None, rate: Some(rate) });
        let mut started = Vec::new();
        for now in 0..1_000 {
            if gates.room(Kind::Tool, 7, now) == Room::Open {
                gates.start(1, 7, 9, now);
                started.push(now);
            }
        }
        assert_eq!(started.len(), 20);
        assert!(started.windows(3).all(|three| three[2] - three[0] >= 100), "{started:?}");
        assert_eq!(gates.room(Kind::Tool, 8, 1_000), Room::Open, "each tool has its own");
    }

    #[test]
    fn the_limit_of_running_jobs_is_reached_and_left() {
        let mut gates = gates_with(Limit { running_max: Some(2), rate: None });
        gates.start(1, 7, 9, 0);
        assert_eq!(gates.room(Kind::Tool, 7, 0), Room::Open);
        gates.start(1, 7, 9, 0);
        assert_eq!(gates.room(Kind::Tool, 7, 0), Room::Full);
        gates.leave(1, 7, 9);
        assert_eq!(gates.room(Kind::Tool, 7, 0), Room::Open);
        gates.set((Kind::Tool, 7), Limit { running_max: Some(1), rate: None });
        assert_eq!(gates.room(Kind::Tool, 7, 0), Room::Full, "its own limit goes before the general one");
        assert_eq!(gates.room(Kind::Queue, 1, 0), Room::Open);
    }
}

//! Handing out work: which job is next, and for whom it waits.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

use rusqlite::OptionalExtension;
use tokio::sync::oneshot;

use super::command::Reply;
use super::desk::Desk;
use super::gates::{Kind, Room};
use super::lanes::Lane;
use super::row::{Row, at_most_rows};
use super::say::Spoken;
use crate::machine::Event;
use crate::{EngineError, State, ToolPattern};

const DOING: &str = "claim a job";

/// How many jobs one turn passes over because of a caller's limit; each of them only once.
const PASSED_OVER_AT_ONCE: usize = 1_000;

/// A worker's message, in the engine's own terms.
pub(super) struct Ask {
    pub(super) worker: Arc<str>,
    pub(super) in_process: bool,
    pub(super) said: Vec<Spoken>,
    pub(super) max: usize,
    pub(super) queues: Vec<Arc<str>>,
    pub(super) tools: Vec<ToolPattern>,
    pub(super) lease_ms: i64,
    pub(super) wait_ms: u64,
    pub(super) reply: Reply<Told>,
}

/// The answer, with texts as the file has them.
pub(super) struct Told {
    pub(super) said: Vec<Result<State, EngineError>>,
    pub(super) work: Vec<Handed>,
}

/// A job that was handed out, with texts as the file has them.
pub(super) struct Handed {
    pub(super) row: Row,
    pub(super) arguments: String,
    pub(super) attributes: Option<String>,
    pub(super) checkpoint: Option<String>,
    pub(super) answer: Option<String>,
}

/// A worker's message that is not answered yet.
pub(super) struct Parked {
    pub(super) ask: Ask,
    /// Came in this turn: it is answered with an error when the turn fails.
    pub(super) is_fresh: bool,
    said: Vec<Result<State, EngineError>>,
    work: Vec<Handed>,
    /// On the steady clock.
    until_ms: i64,
}

impl Parked {
    pub(super) fn new(ask: Ask) -> Self {
        Self { ask, is_fresh: true, said: Vec::new(), work: Vec::new(), until_ms: i64::MIN }
    }

    /// Answers. Gives back what nobody was there to take.
    pub(super) fn answer(self) -> Option<(Arc<str>, Vec<Handed>)> {
        let told = Told { said: self.said, work: self.work };
        let lost = self.ask.reply.send(Ok(told)).err()?.ok()?;
        (!lost.work.is_empty()).then_some((self.ask.worker, lost.work))
    }

    /// The worker wants it back: it is answered with this turn.
    pub(super) fn withdraw(&mut self) {
        (self.ask.max, self.until_ms) = (0, i64::MIN);
    }

    pub(super) fn fail(self, error: &EngineError) {
        drop(self.ask.reply.send(Err(error.clone())));
    }

    fn is_gone(&self) -> bool {
        oneshot::Sender::is_closed(&self.ask.reply)
    }
}

impl Desk {
    /// Writes down what the worker says. What it wants is looked at when everybody has spoken.
    pub(super) fn listen(&mut self, parked: &mut Parked) -> Result<(), EngineError> {
        let says_something = !parked.ask.said.is_empty();
        for spoken in std::mem::take(&mut parked.ask.said) {
            let answer = self.say(spoken);
            if let Err(error) = &answer
                && error.spoils_transaction()
            {
                return Err(error.clone());
            }
            parked.said.push(answer);
        }
        let waits = !says_something && parked.ask.max > 0;
        let wait_ms = if waits { parked.ask.wait_ms } else { 0 };
        parked.until_ms = self.now.steady_ms.saturating_add_unsigned(wait_ms);
        Ok(())
    }

    /// Hands out work to those who wait, first come, first served; moves those who are to be answered to `served`.
    pub(super) fn serve(
        &mut self,
        parked: &mut Vec<Parked>,
        served: &mut Vec<Parked>,
    ) -> Result<(), EngineError> {
        self.timers.wait_ms = None;
        let mut waiting = std::mem::take(parked).into_iter();
        while let Some(mut one) = waiting.next() {
            if one.is_gone() && !one.is_fresh {
                continue;
            }
            if !one.is_gone() && one.ask.max > 0 {
                match self.claim(&one.ask) {
                    Ok(work) => one.work = work,
                    Err(error) => {
                        parked.push(one);
                        parked.extend(waiting);
                        return Err(error);
                    }
                }
            }
            if !one.work.is_empty() || one.until_ms <= self.now.steady_ms {
                served.push(one);
            } else {
                let until_ms = self.timers.wait_ms.map_or(one.until_ms, |known| known.min(one.until_ms));
                self.timers.wait_ms = Some(until_ms);
                parked.push(one);
            }
        }
        Ok(())
    }

    fn claim(&mut self, ask: &Ask) -> Result<Vec<Handed>, EngineError> {
        let mut work = Vec::new();
        let mut passed_over = 0;
        while work.len() < ask.max {
            let next = self.next_in_order(ask, ask.max - work.len())?;
            if next.is_empty() {
                break;
            }
            for id in next {
                match self.try_claim(id, ask)? {
                    Some(handed) => work.push(handed),
                    None => passed_over += 1,
                }
            }
            if passed_over >= PASSED_OVER_AT_ONCE {
                self.timers.unfinished = true;
                break;
            }
        }
        Ok(work)
    }

    /// The numbers of up to `count` jobs that may run now, as far as queue and tool say, in the order of their priority.
    fn next_in_order(&mut self, ask: &Ask, count: usize) -> Result<Vec<i64>, EngineError> {
        let lanes: Vec<Lane> = self.lanes.waiting().collect();
        let mut heap = BinaryHeap::new();
        for lane in lanes {
            if !self.is_wanted(lane, ask) || !self.is_open(lane) {
                continue;
            }
            for next in self.heads(lane, count).map_err(EngineError::sql(DOING))? {
                heap.push(Reverse(next));
            }
        }
        let in_order = std::iter::from_fn(|| heap.pop());
        Ok(in_order.take(count).map(|Reverse((_, id))| id).collect())
    }

    fn is_wanted(&self, lane: Lane, ask: &Ask) -> bool {
        let names = &self.shared.names;
        let queue = || names.text(lane.queue);
        (ask.queues.is_empty() || ask.queues.contains(&queue()))
            && (ask.tools.is_empty() || {
                let tool = names.text(lane.tool);
                ask.tools.iter().any(|pattern| pattern.fits(&tool))
            })
    }

    fn is_open(&mut self, lane: Lane) -> bool {
        if self.gates.is_paused(lane.queue) {
            return false;
        }
        self.has_room(Kind::Queue, lane.queue)
            && self.has_room(Kind::Tool, lane.tool)
            && (lane.hold == 0 || self.has_room(Kind::Caller, lane.hold))
    }

    fn has_room(&mut self, kind: Kind, name: u32) -> bool {
        match self.gates.room(kind, name, self.now.steady_ms) {
            Room::Open => true,
            Room::Full => false,
            Room::From(at_ms) => {
                let known = self.timers.rate_ms;
                self.timers.rate_ms = Some(known.map_or(at_ms, |known| known.min(at_ms)));
                false
            }
        }
    }

    /// The first jobs of a lane: priority and number. Read from the index alone.
    fn heads(&self, lane: Lane, count: usize) -> rusqlite::Result<Vec<(i64, i64)>> {
        let mut select = self.connection.prepare_cached(
            "SELECT priority, id FROM job INDEXED BY job_ready \
             WHERE state = 0 AND queue = ?1 AND tool = ?2 AND hold = ?3 ORDER BY priority, id LIMIT ?4",
        )?;
        let rows = select.query_map((lane.queue, lane.tool, lane.hold, at_most_rows(count)), |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
        rows.collect()
    }

    /// Claims a job, unless a limit was reached meanwhile.
    fn try_claim(&mut self, id: i64, ask: &Ask) -> Result<Option<Handed>, EngineError> {
        let Some(mut row) = self.row_of(id)? else { return Ok(None) };
        if !self.is_open(row.lane) {
            return Ok(None);
        }
        if row.lane.hold == 0 && self.gates.callers_are_limited() && !self.has_room(Kind::Caller, row.caller)
        {
            self.hold(row)?;
            return Ok(None);
        }
        self.claimant = Some(Arc::clone(&ask.worker));
        row.in_process = ask.in_process;
        match self.happen(&mut row, Event::Claim { lease_ms: ask.lease_ms }) {
            Ok(_) => self.hand_out(row).map(Some).map_err(EngineError::sql(DOING)),
            Err(EngineError::Misfit { .. }) => {
                // Its deadline has just passed.
                self.happen(&mut row, Event::Tick)?;
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Moves a job out of the way of others until its caller has room.
    fn hold(&mut self, mut row: Row) -> Result<(), EngineError> {
        self.lanes.leave(row.lane, State::Queued);
        row.lane.hold = row.caller;
        self.lanes.enter(row.lane, State::Queued);
        row.update(&self.connection).map_err(EngineError::sql(DOING))
    }

    fn hand_out(&self, row: Row) -> rusqlite::Result<Handed> {
        let text = |needed: bool, sql: &str| -> rusqlite::Result<Option<String>> {
            if !needed {
                return Ok(None);
            }
            let found =
                self.connection.prepare_cached(sql)?.query_row([row.key.id], |row| row.get(0)).optional()?;
            Ok(found.flatten())
        };
        let (arguments, attributes) = self
            .connection
            .prepare_cached("SELECT text, attributes FROM arguments WHERE job = ?1")?
            .query_row([row.key.id], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let checkpoint = text(row.has.checkpoint, "SELECT text FROM checkpoint WHERE job = ?1")?;
        let answer = text(row.has.question, "SELECT answer FROM question WHERE job = ?1")?;
        Ok(Handed { row, arguments, attributes, checkpoint, answer })
    }

    /// Takes back what was handed to nobody. Tried again if the transaction fails.
    pub(super) fn take_back(&mut self) -> Result<(), EngineError> {
        for (key, token) in self.lost.clone() {
            let mut row = match self.row(key) {
                Ok(row) => row,
                Err(EngineError::NotFound { .. }) => continue,
                Err(error) => return Err(error),
            };
            match self.happen(&mut row, Event::Release { token }) {
                Ok(_) | Err(EngineError::Misfit { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

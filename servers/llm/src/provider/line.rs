//! The line in front of a local server: who may ask it now. Pure, and without a clock.
//!
//! A local server has room for few models at a time and puts one out of memory for another. So a request for another
//! model waits until nobody is being answered by the one that would have to go; only one request at a time makes a server
//! load a model, and the others for it wait until it has answered; and callers take turns, whatever the number of their
//! requests. A request whose turn it is but whose model does not fit yet is passed by others only so often.

use std::collections::VecDeque;
use std::sync::Arc;

/// How often a request that has to wait for another model may be passed by later ones.
pub(crate) const PASSED_MAX: u32 = 8;

/// What a line allows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Room {
    /// Requests at a time.
    pub(crate) parallel: usize,
    /// Different models at a time.
    pub(crate) models_at_once: usize,
    /// Requests that wait.
    pub(crate) waiting_max: usize,
}

/// Names a request in the line.
pub(crate) type Ticket = u64;

/// The line.
#[derive(Debug)]
pub(crate) struct Line {
    room: Room,
    next: Ticket,
    running: Vec<Running>,
    /// In the order in which they came.
    waiting: VecDeque<Waiting>,
    /// Models that have answered and were not put out since, as far as we know.
    loaded: Vec<Arc<str>>,
    /// Whose turn it was last, in order: the caller at the front has waited longest.
    turns: VecDeque<Arc<str>>,
}

#[derive(Debug)]
struct Running {
    ticket: Ticket,
    model: Arc<str>,
    /// Whether it waits for a model to be loaded.
    loads: bool,
}

#[derive(Debug)]
struct Waiting {
    ticket: Ticket,
    caller: Arc<str>,
    model: Arc<str>,
    passed: u32,
}

/// The line is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Full;

impl Line {
    pub(crate) fn new(room: Room) -> Self {
        let (running, waiting, loaded, turns) = Default::default();
        Self { room, next: 0, running, waiting, loaded, turns }
    }

    /// Joins the line, or refuses because it is full. Whether it may start at once is said by [`Self::start`].
    pub(crate) fn join(&mut self, caller: &Arc<str>, model: &Arc<str>) -> Result<Ticket, Full> {
        if self.waiting.len() >= self.room.waiting_max && !(self.waiting.is_empty() && self.fits(model)) {
            return Err(Full);
        }
        let ticket = self.next;
        self.next += 1;
        self.waiting.push_back(Waiting { ticket, caller: caller.clone(), model: model.clone(), passed: 0 });
        if !self.turns.contains(caller) {
            self.turns.push_back(caller.clone());
        }
        Ok(ticket)
    }

    /// Starts everybody who may start now, and names them.
    pub(crate) fn start(&mut self) -> Vec<Ticket> {
        let mut started = Vec::new();
        while let Some(at) = self.next_to_start() {
            started.extend(self.begin(at));
        }
        started
    }

    /// Whose turn it is among those who fit; nobody while one who was passed too often waits for room.
    fn next_to_start(&mut self) -> Option<usize> {
        let mut passed = Vec::new();
        for caller in &self.turns {
            let Some(at) = self.waiting.iter().position(|one| one.caller == *caller) else { continue };
            if self.fits(&self.waiting[at].model) {
                for at in passed {
                    let one: &mut Waiting = &mut self.waiting[at];
                    one.passed += 1;
                }
                return Some(at);
            }
            if self.waiting[at].passed >= PASSED_MAX {
                return None;
            }
            passed.push(at);
        }
        None
    }

    fn begin(&mut self, at: usize) -> Option<Ticket> {
        let Waiting { ticket, caller, model, .. } = self.waiting.remove(at)?;
        self.turns.retain(|one| *one != caller);
        if self.waiting.iter().any(|one| one.caller == caller) {
            self.turns.push_back(caller);
        }
        let loads = !self.loaded.contains(&model);
        self.running.push(Running { ticket, model, loads });
        Some(ticket)
    }

    /// Whether a request for this model may run beside those that do.
    fn fits(&self, model: &Arc<str>) -> bool {
        if self.running.len() >= self.room.parallel || self.running.iter().any(|one| one.loads) {
            return false;
        }
        // As a rule all ask for the same one.
        if self.running.iter().all(|one| one.model == *model) {
            return self.room.models_at_once > 0;
        }
        let mut models: Vec<&Arc<str>> = self.running.iter().map(|one| &one.model).collect();
        models.push(model);
        models.sort_unstable();
        models.dedup();
        // A model that has to be loaded may put out any that is not in use.
        models.len() <= self.room.models_at_once
    }

    /// The model of a running request is there: it began to answer.
    pub(crate) fn answered(&mut self, ticket: Ticket) {
        let Some(running) = self.running.iter_mut().find(|one| one.ticket == ticket) else { return };
        running.loads = false;
        let model = running.model.clone();
        self.loaded.retain(|one| *one != model);
        self.loaded.push(model);
        let surplus = self.loaded.len().saturating_sub(self.room.models_at_once);
        self.loaded.drain(..surplus);
    }

    /// A model was put out of memory.
    pub(crate) fn forget(&mut self, model: &str) {
        self.loaded.retain(|one| **one != *model);
    }

    /// A request has ended, or gave up waiting.
    pub(crate) fn leave(&mut self, ticket: Ticket) {
        self.running.retain(|one| one.ticket != ticket);
        if let Some(at) = self.waiting.iter().position(|one| one.ticket == ticket)
            && let Some(gone) = self.waiting.remove(at)
            && !self.waiting.iter().any(|one| one.caller == gone.caller)
        {
            self.turns.retain(|one| *one != gone.caller);
        }
    }

    /// How many waiting requests came before this one, and 1: its place.
    pub(crate) fn place(&self, ticket: Ticket) -> Option<usize> {
        self.waiting.iter().position(|one| one.ticket == ticket).map(|at| at + 1)
    }

    /// How many run, and how many wait.
    pub(crate) fn counts(&self) -> (usize, usize) {
        (self.running.len(), self.waiting.len())
    }

    /// Whether a request is being answered by this model.
    pub(crate) fn is_in_use(&self, model: &str) -> bool {
        self.running.iter().any(|one| *one.model == *model)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(parallel: usize, models_at_once: usize, waiting_max: usize) -> Line {
        Line::new(Room { parallel, models_at_once, waiting_max })
    }

    fn join(line: &mut Line, caller: &str, model: &str) -> Ticket {
        line.join(&caller.into(), &model.into()).unwrap()
    }

    /// Loads a model and leaves it idle.
    fn load(line: &mut Line, model: &str) {
        let ticket = join(line, "loader", model);
        assert_eq!(line.start(), [ticket]);
        line.answered(ticket);
        line.leave(ticket);
    }

    #[test]
    fn only_one_loads_and_the_others_wait_for_it() {
        let mut line = line(4, 1, 9);
        let (first, second) = (join(&mut line, "a", "m"), join(&mut line, "b", "m"));
        assert_eq!(line.start(), [first]);
        assert!(line.start().is_empty());
        line.answered(first);
        assert_eq!(line.start(), [second]);
    }

    #[test]
    fn one_that_fails_to_load_lets_the_next_try() {
        let mut line = line(4, 1, 9);
        let (first, second) = (join(&mut line, "a", "m"), join(&mut line, "b", "m"));
        assert_eq!(line.start(), [first]);
        line.leave(first);
        assert_eq!(line.start(), [second]);
        assert!(line.running[0].loads);
    }

    #[test]
    fn no_model_is_put_out_while_it_answers() {
        let mut line = line(4, 1, 9);
        load(&mut line, "m");
        let (with_m, with_n) = (join(&mut line, "a", "m"), join(&mut line, "b", "n"));
        assert_eq!(line.start(), [with_m]);
        line.answered(with_m);
        assert!(line.start().is_empty(), "n would put m out");
        line.leave(with_m);
        assert_eq!(line.start(), [with_n]);
        assert!(line.is_in_use("n") && !line.is_in_use("m"));
    }

    #[test]
    fn callers_take_turns_whatever_they_ask() {
        let mut line = line(1, 1, 99);
        load(&mut line, "m");
        let many: Vec<Ticket> = (0..5).map(|_| join(&mut line, "greedy", "m")).collect();
        let one = join(&mut line, "modest", "m");
        let mut order = Vec::new();
        while let [ticket] = line.start()[..] {
            order.push(ticket);
            line.leave(ticket);
        }
        assert_eq!(order[..3], [many[0], one, many[1]]);
        assert_eq!(order.len(), 6);
    }

    #[test]
    fn who_waits_for_another_model_is_passed_only_so_often() {
        let mut line = line(2, 1, 99);
        load(&mut line, "m");
        let mut running = join(&mut line, "a", "m");
        line.start();
        let other = join(&mut line, "b", "n");
        let mut passed = 0;
        loop {
            let next = join(&mut line, "a", "m");
            let started = line.start();
            if started.is_empty() {
                break;
            }
            passed += 1;
            line.leave(running);
            running = next;
        }
        assert_eq!(passed, PASSED_MAX);
        line.leave(running);
        assert_eq!(line.start()[0], other);
    }

    #[test]
    fn the_line_is_full_at_its_bound() {
        let mut line = line(1, 1, 2);
        let first = join(&mut line, "a", "m");
        line.start();
        join(&mut line, "a", "m");
        let last = join(&mut line, "b", "m");
        assert_eq!(line.join(&"c".into(), &"m".into()), Err(Full));
        assert_eq!(line.place(last), Some(2));
        line.leave(last);
        assert!(line.join(&"c".into(), &"m".into()).is_ok());
        assert_eq!((line.counts(), line.place(first)), ((1, 2), None));
    }

    #[test]
    fn without_a_place_to_wait_one_who_fits_is_still_let_in() {
        let mut line = line(1, 1, 0);
        let first = join(&mut line, "a", "m");
        assert_eq!(line.start(), [first]);
        assert_eq!(line.join(&"b".into(), &"m".into()), Err(Full));
    }

    proptest::proptest! {
        #[test]
        fn nobody_is_forgotten_and_no_bound_is_broken(
            steps in proptest::collection::vec((0..4_usize, 0..3_usize, 0..3_usize), 1..120),
            parallel in 1..4_usize, models_at_once in 1..3_usize,
        ) {
            let mut line = line(parallel, models_at_once, 8);
            let mut alive = Vec::new();
            for (what, caller, model) in steps {
                match what {
                    0 | 1 => alive.extend(line.join(&format!("c{caller}").into(), &format!("m{model}").into())),
                    2 => if let Some(running) = line.running.first() { let ticket = running.ticket; line.answered(ticket) },
                    _ => if !alive.is_empty() { line.leave(alive.remove(caller % alive.len())) },
                }
                line.start();
                proptest::prop_assert!(line.running.len() <= parallel && line.waiting.len() <= 8);
                let mut models: Vec<_> = line.running.iter().map(|one| one.model.clone()).collect();
                models.sort(); models.dedup();
                proptest::prop_assert!(models.len() <= models_at_once);
                proptest::prop_assert!(line.running.iter().filter(|one| one.loads).count() <= 1);
            }
            let mut rounds = 0;
            while line.counts() != (0, 0) {
                let ticket = line.running.first().map(|one| one.ticket);
                proptest::prop_assert!(ticket.is_some(), "somebody waits and nobody runs");
                line.leave(ticket.unwrap());
                line.start();
                rounds += 1;
                proptest::prop_assert!(rounds < 1_000);
            }
        }
    }
}

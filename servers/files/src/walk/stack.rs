//! A stack of jobs that several threads work off, until it is empty and nobody can add to it any more.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use crate::error::{FileError, Result};

/// Jobs, newest first.
pub(crate) struct Stack<J> {
    state: Mutex<State<J>>,
    /// Told when there are jobs again, or never will be.
    changed: Condvar,
}

struct State<J> {
    jobs: Vec<J>,
    /// How many threads are at a job and may add others.
    busy: usize,
    waiting: usize,
    /// The first error; after it nothing is begun.
    failed: Option<FileError>,
}

impl<J> Stack<J> {
    /// A stack with its first job.
    pub(crate) fn new(first: J) -> Self {
        let state = State { jobs: vec![first], busy: 0, waiting: 0, failed: None };
        Self { state: Mutex::new(state), changed: Condvar::new() }
    }

    /// Adds jobs; the last is done first.
    pub(crate) fn push(&self, jobs: impl Iterator<Item = J>) {
        let mut state = self.state();
        let before = state.jobs.len();
        state.jobs.extend(jobs);
        // One of them is for the thread that adds them.
        if state.waiting > 0 && state.jobs.len() > before + 1 {
            self.changed.notify_all();
        }
    }

    /// Does jobs until none are left, or one failed.
    pub(crate) fn work_off(&self, mut one: impl FnMut(J) -> Result<()>) {
        while let Some(job) = self.next() {
            let done = one(job);
            let mut state = self.state();
            state.busy -= 1;
            if let Err(error) = done {
                state.failed.get_or_insert(error);
                state.jobs.clear();
            }
            if state.busy == 0 && state.jobs.is_empty() {
                self.changed.notify_all();
            }
        }
    }

    /// The first error, if any.
    pub(crate) fn outcome(self) -> Result<()> {
        let state = self.state.into_inner().unwrap_or_else(PoisonError::into_inner);
        state.failed.map_or(Ok(()), Err)
    }

    fn next(&self) -> Option<J> {
        let mut state = self.state();
        loop {
            if state.failed.is_some() {
                return None;
            }
            if let Some(job) = state.jobs.pop() {
                state.busy += 1;
                return Some(job);
            }
            if state.busy == 0 {
                return None;
            }
            state.waiting += 1;
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.waiting -= 1;
        }
    }

    fn state(&self) -> MutexGuard<'_, State<J>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    #[test]
    fn every_job_is_done_once() {
        let (stack, done) = (Stack::new(14_u64), AtomicU64::new(0));
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    stack.work_off(|depth| {
                        done.fetch_add(1, Ordering::Relaxed);
                        if depth > 0 {
                            stack.push([depth - 1, depth - 1].into_iter());
                        }
                        Ok(())
                    });
                });
            }
        });
        assert!(stack.outcome().is_ok());
        assert_eq!(done.into_inner(), (1 << 15) - 1);
    }

    #[test]
    fn after_an_error_nothing_is_begun() {
        let stack = Stack::new(0_u32);
        stack.push(1..100);
        let mut begun = 0;
        stack.work_off(|_| {
            begun += 1;
            Err(FileError::Cancelled)
        });
        assert_eq!(begun, 1);
        assert!(matches!(stack.outcome(), Err(FileError::Cancelled)));
    }
}

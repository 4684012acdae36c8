//! A bound on how many of one kind of thing there are at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// So many seats and no more.
pub(crate) struct Seats {
    taken: AtomicUsize,
    count_max: usize,
}

/// One of them; dropped, it is free again.
pub(crate) struct Seat(Arc<Seats>);

impl Seats {
    pub(crate) fn new(count_max: usize) -> Arc<Self> {
        Arc::new(Self { taken: AtomicUsize::new(0), count_max })
    }

    /// A free seat, if there is one.
    pub(crate) fn take(self: &Arc<Self>) -> Option<Seat> {
        let more = |taken| (taken < self.count_max).then_some(taken + 1);
        self.taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).ok()?;
        Some(Seat(self.clone()))
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.taken.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_so_many_seats_and_each_is_free_again() {
        let seats = Seats::new(2);
        let (first, _second) = (seats.take().unwrap(), seats.take().unwrap());
        assert!(seats.take().is_none());
        drop(first);
        let _third = seats.take().unwrap();
        assert!(seats.take().is_none());
    }
}

//! Who watches one terminal, and how far behind each of them is.
//!
//! Each viewer has a queue. A program that writes faster than a viewer takes it waits for that viewer, but only for a
//! moment: then it goes on, and the viewer is shown the present screen instead of what it missed.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, mpsc};

use super::viewer::Shown;

/// How many pieces a viewer may be behind before it is brought up to date with the present screen.
pub(crate) const QUEUE_MAX: usize = 256;
/// From here on a program waits for a viewer.
const QUEUE_FULL: usize = QUEUE_MAX / 2;
/// How long a program waits for its viewers at a time. One that has not caught up by then is not waited for again.
pub(crate) const WAIT_MAX: Duration = Duration::from_millis(100);

/// Everybody who watches one terminal.
#[derive(Default)]
pub(super) struct Audience {
    places: Mutex<Vec<Place>>,
    /// Told when a queue has become short enough to go on.
    caught_up: Arc<Notify>,
}

/// A viewer, as the program's side sees it.
struct Place {
    queue: mpsc::Sender<Shown>,
    behind: Arc<AtomicBool>,
    /// Whether it was too slow to be waited for.
    given_up: bool,
}

/// A viewer's own side. Dropped, it is gone.
pub(super) struct Queue {
    shown: mpsc::Receiver<Shown>,
    behind: Arc<AtomicBool>,
    caught_up: Arc<Notify>,
}

impl Audience {
    /// Somebody comes.
    pub(super) fn join(&self) -> Queue {
        let (queue, shown) = mpsc::channel(QUEUE_MAX);
        let behind = Arc::<AtomicBool>::default();
        self.places().push(Place { queue, behind: behind.clone(), given_up: false });
        Queue { shown, behind, caught_up: self.caught_up.clone() }
    }

    /// Tells everybody. Who has no room for it is behind from then on, and is told nothing more.
    pub(super) fn tell(&self, shown: &Shown) {
        self.places().retain(|place| place.tell(shown));
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.places().iter().filter(|place| !place.queue.is_closed()).count()
    }

    /// Waits for those who are almost too far behind, at most for [`WAIT_MAX`].
    pub(super) async fn wait(&self) {
        if !self.is_waited_for() {
            return;
        }
        let catching_up = async {
            while self.is_waited_for() {
                self.caught_up.notified().await;
            }
        };
        if tokio::time::timeout(WAIT_MAX, catching_up).await.is_err() {
            self.places().iter_mut().for_each(|place| place.given_up |= place.is_full());
        }
    }

    fn is_waited_for(&self) -> bool {
        self.places().iter().any(|place| place.is_full() && !place.given_up)
    }

    fn places(&self) -> MutexGuard<'_, Vec<Place>> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// Whether it can be told more.
    fn tell(&self, shown: &Shown) -> bool {
        match self.queue.try_send(shown.clone()) {
            Ok(()) => true,
            Err(mpsc::error::TrySendError::Full(_)) => {
                self.behind.store(true, Ordering::Release);
                false
            }
            Err(mpsc::error::TrySendError::Closed(_)) => false,
        }
    }

    fn is_full(&self) -> bool {
        !self.queue.is_closed() && QUEUE_MAX - self.queue.capacity() >= QUEUE_FULL
    }
}

impl Queue {
    /// What is to be seen next; `None` when too much was missed.
    pub(super) async fn next(&mut self) -> Option<Shown> {
        let shown = self.shown.recv().await;
        if self.shown.len() < QUEUE_FULL {
            // Nobody waits most of the time, and telling nobody costs nothing.
            self.caught_up.notify_one();
        }
        shown.filter(|_| !self.behind.load(Ordering::Acquire))
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        self.shown.close();
        self.caught_up.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use tokio::time::Instant;

    use super::*;

    fn piece() -> Shown {
        Shown::Bytes(Bytes::from_static(b"x"))
    }

    fn tell(audience: &Audience, count: usize) {
        (0..count).for_each(|_| audience.tell(&piece()));
    }

    #[tokio::test(start_paused = true)]
    async fn who_keeps_up_sees_everything_and_is_waited_for() {
        let audience = Arc::new(Audience::default());
        let mut queue = audience.join();
        let viewer = tokio::spawn(async move {
            let mut count = 0;
            while let Some(Shown::Bytes(_)) = queue.next().await {
                count += 1;
                // Slower than the program, which writes as fast as it can.
                if count % 64 == 0 {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            }
            count
        });
        for _ in 0..5000 {
            audience.tell(&piece());
            audience.wait().await;
        }
        audience.tell(&Shown::Uncovered);
        assert_eq!(viewer.await.unwrap(), 5000);
    }

    #[tokio::test(start_paused = true)]
    async fn who_does_not_read_costs_one_wait_and_is_behind() {
        let audience = Audience::default();
        let mut queue = audience.join();
        tell(&audience, QUEUE_FULL - 1);
        assert!(!audience.is_waited_for());
        tell(&audience, 1);
        assert!(audience.is_waited_for());
        let begun = Instant::now();
        for _ in 0..10 {
            audience.wait().await;
        }
        assert!((WAIT_MAX..3 * WAIT_MAX).contains(&begun.elapsed()), "{:?}", begun.elapsed());
        tell(&audience, QUEUE_MAX - QUEUE_FULL);
        assert_eq!(audience.count(), 1, "a full queue is not too full");
        tell(&audience, 1);
        assert_eq!(audience.count(), 0);
        assert!(queue.next().await.is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn who_leaves_is_not_waited_for() {
        let audience = Arc::new(Audience::default());
        let queue = audience.join();
        tell(&audience, QUEUE_FULL);
        let waiting = tokio::spawn({
            let audience = audience.clone();
            async move {
                let begun = Instant::now();
                audience.wait().await;
                begun.elapsed()
            }
        });
        tokio::task::yield_now().await;
        drop(queue);
        assert!(waiting.await.unwrap() < WAIT_MAX);
        assert_eq!(audience.count(), 0);
    }
}

//! Jobs that come one by one, sent together: while one message is on its way to Redis, those that come gather for the
//! next. A job that comes alone is sent alone, and at once.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use drawbridge_jobs::{EngineError, Submitted};
use tokio::sync::oneshot;

use crate::shared::Shared;
use crate::submit::Prepared;

/// How many jobs one message takes: Redis does nothing else meanwhile.
const COUNT_MAX: usize = 200;
/// How many bytes of arguments one message takes, unless a single job has more.
const BYTES_MAX: usize = 1 << 20;

/// The jobs that wait for the next message.
#[derive(Default)]
pub(crate) struct Together(Mutex<Waiting>);

#[derive(Default)]
struct Waiting {
    jobs: Vec<Waits>,
    /// A task sends what waits, until nothing does.
    is_sending: bool,
}

struct Waits {
    job: Prepared,
    reply: oneshot::Sender<Result<Submitted, EngineError>>,
}

impl Shared {
    /// Takes one job that can only be refused together with all others: one without keys and without a parent.
    pub(crate) async fn submit_together(self: &Arc<Self>, job: Prepared) -> Result<Submitted, EngineError> {
        let (reply, answer) = oneshot::channel();
        let begins = {
            let mut waiting = self.together.lock();
            waiting.jobs.push(Waits { job, reply });
            !std::mem::replace(&mut waiting.is_sending, true)
        };
        if begins {
            let shared = Arc::clone(self);
            tokio::spawn(async move { while shared.send_some().await {} });
        }
        answer.await.unwrap_or(Err(EngineError::Closed))
    }

    /// Sends one message. `false`: nothing waits any more.
    async fn send_some(&self) -> bool {
        let Some(some) = self.together.take() else { return false };
        let (jobs, replies): (Vec<_>, Vec<_>) = some.into_iter().map(|one| (one.job, one.reply)).unzip();
        let taken = self.submit(&jobs, false).await;
        for (index, reply) in replies.into_iter().enumerate() {
            let answer = match &taken {
                Ok(taken) => taken.get(index).cloned().ok_or(EngineError::Closed),
                Err(error) => Err(error.clone()),
            };
            let _ = reply.send(answer); // whoever asked may have gone away
        }
        true
    }
}

impl Together {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The first of those that wait, as many as go together; `None`, and nobody sends, when there are none.
    fn take(&self) -> Option<Vec<Waits>> {
        let mut waiting = self.lock();
        if waiting.jobs.is_empty() {
            waiting.is_sending = false;
            return None;
        }
        let mut bytes = 0;
        let fits = |one: &&Waits| {
            let before = bytes;
            bytes += one.job.bytes();
            before == 0 || bytes <= BYTES_MAX
        };
        let count = waiting.jobs.iter().take(COUNT_MAX).take_while(fits).count();
        Some(waiting.jobs.drain(..count).collect())
    }
}

#[cfg(test)]
mod tests {
    use drawbridge_contract::RawValue;
    use drawbridge_jobs::{NewJob, Policies};

    use super::*;

    fn waiting(sizes: &[usize]) -> Together {
        let together = Together::default();
        for size in sizes {
            let arguments = RawValue::from_string(format!("\"{}\"", "x".repeat(size - 2))).unwrap();
            let job = Prepared::new(NewJob::new("t", "owner", arguments), &Policies::default()).unwrap();
            together.lock().jobs.push(Waits { job, reply: oneshot::channel().0 });
        }
        together
    }

    #[test]
    fn a_message_takes_so_many_jobs_and_so_many_bytes() {
        let counts = |together: &Together| {
            std::iter::from_fn(|| together.take()).map(|some| some.len()).collect::<Vec<_>>()
        };
        assert_eq!(counts(&waiting(&[10; COUNT_MAX + 1])), [COUNT_MAX, 1]);
        assert_eq!(counts(&waiting(&[BYTES_MAX / 2, BYTES_MAX / 2, 10])), [2, 1]);
        assert_eq!(counts(&waiting(&[2 * BYTES_MAX, 10])), [1, 1], "one that is larger goes alone");
        assert_eq!(counts(&waiting(&[])), [0; 0]);
    }

    #[test]
    fn when_nothing_waits_nobody_sends() {
        let together = waiting(&[10]);
        together.lock().is_sending = true;
        assert!(together.take().is_some() && together.lock().is_sending);
        assert!(together.take().is_none() && !together.lock().is_sending);
    }
}

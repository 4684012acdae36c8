//! What queues and jobs are called, here and in Redis.

use std::sync::Arc;

use drawbridge_jobs::{DEFAULT_QUEUE, EngineError, JobId};

/// BullMQ's queue for jobs that name none, as the old system called it.
pub const DEFAULT: &str = "async-tasks";

/// BullMQ's queue of jobs that were given up, as the old system called it.
pub const DEAD_LETTERS: &str = "dead-letter-tasks";

/// Between a queue's name and a job's id, where the queue is not the usual one.
const BETWEEN: char = '~';

/// A queue's name in Redis.
pub(crate) fn queue_in(name: &str) -> &str {
    if name == DEFAULT_QUEUE { DEFAULT } else { name }
}

/// A queue's name outside.
pub(crate) fn queue_out(name: &str) -> Arc<str> {
    if name == DEFAULT { DEFAULT_QUEUE.into() } else { name.into() }
}

/// Refuses names that cannot be a queue's in BullMQ, or have a meaning of their own.
pub(crate) fn check_queue(name: &str) -> Result<(), EngineError> {
    let refusal = |problem: String| Err(EngineError::Invalid { what: "the queue's name", problem });
    if name.contains([':', BETWEEN, '\0']) {
        return refusal(format!("must not contain `:` or `{BETWEEN}` where jobs are on BullMQ"));
    }
    if name == DEAD_LETTERS {
        return refusal("is that of the dead letters; take another".into());
    }
    Ok(())
}

/// A job's queue and its id in it, in Redis.
pub(crate) fn inner(id: &JobId) -> (&str, &str) {
    id.as_str().rsplit_once(BETWEEN).unwrap_or((DEFAULT, id.as_str()))
}

/// A job's id outside.
pub(crate) fn outer(queue: &str, id: &str) -> JobId {
    if queue == DEFAULT { JobId::new(id) } else { JobId::new(&format!("{queue}{BETWEEN}{id}")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_go_there_and_back() {
        for (queue, id, text) in [(DEFAULT, "7", "7"), ("mail", "a-b", "mail~a-b")] {
            let outside = outer(queue, id);
            assert_eq!((outside.as_str(), inner(&outside)), (text, (queue, id)));
        }
        assert_eq!(
            (queue_in("default"), &*queue_out(DEFAULT), queue_in("mail")),
            (DEFAULT, "default", "mail")
        );
    }

    #[test]
    fn what_bullmq_cannot_name_is_refused() {
        for name in ["a:b", "a~b", DEAD_LETTERS] {
            assert!(check_queue(name).is_err(), "{name}");
        }
        assert!(check_queue("mail").is_ok() && check_queue(DEFAULT).is_ok());
    }
}

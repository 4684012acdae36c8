//! What the streams of events say of jobs when they come: enough to tell of their ends, also where Redis forgets a job with
//! its end (`removeOnComplete`), before a hub could look at it.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use drawbridge_jobs::{EngineError, Failure, Happened, JobId, Remains};
use redis::streams::{StreamId, StreamRangeReply};

use crate::link::Link;
use crate::names::{inner, outer};

const DOING: &str = "look for what is left of a job";

/// Of how many jobs that came is remembered what they were: the latest.
const JOBS_MAX: usize = 25_000;
/// How many entries of a stream one look brings.
const LOOK_MAX: usize = 2_000;

/// What a job was when it came.
#[derive(Clone)]
struct Arrival {
    tool: Arc<str>,
    /// Empty for those that others added: they do not say it in the stream.
    caller: Arc<str>,
    callback: Option<Arc<str>>,
    attempts_max: u32,
}

/// The jobs that came, as far as the streams were read.
#[derive(Default)]
pub(crate) struct Arrivals(Mutex<Known>);

#[derive(Default)]
struct Known {
    jobs: HashMap<JobId, Arrival>,
    /// The same, the oldest first.
    order: VecDeque<JobId>,
    /// The queues whose streams were read from their beginnings.
    whole: HashSet<String>,
}

impl Arrivals {
    /// Remembers an entry, if it tells of a job that came.
    pub(crate) fn note(&self, queue: &str, entry: &StreamId) {
        let text = |field: &str| entry.get::<String>(field);
        if text("event").as_deref() != Some("added") {
            return;
        }
        let (Some(job), Some(tool)) = (text("jobId"), text("name")) else { return };
        let arrival = Arrival {
            tool: tool.into(),
            caller: text("c").unwrap_or_default().into(),
            callback: text("cb").map(Into::into),
            attempts_max: text("m").and_then(|most| most.parse().ok()).unwrap_or(1),
        };
        self.lock().put(outer(queue, &job), arrival);
    }

    /// With which callbacks these jobs came, as far as that is known.
    pub(crate) async fn callbacks(
        &self,
        link: &Link,
        jobs: &[JobId],
    ) -> Result<Vec<Option<Arc<str>>>, EngineError> {
        self.read_whole(link, jobs.iter()).await?;
        let known = self.lock();
        Ok(jobs.iter().map(|job| known.jobs.get(job)?.callback.clone()).collect())
    }

    /// What is still known of jobs that are not there any more.
    pub(crate) async fn remains(
        &self,
        link: &Link,
        happened: &[Happened],
    ) -> Result<Vec<Option<Remains>>, EngineError> {
        self.read_whole(link, happened.iter().map(|one| &one.job)).await?;
        let mut all = Vec::with_capacity(happened.len());
        for one in happened {
            let arrival = self.lock().jobs.get(&one.job).cloned();
            all.push(match arrival {
                Some(arrival) => Some(remains(link, one, arrival).await?),
                None => None,
            });
        }
        Ok(all)
    }

    /// Reads the streams of those queues from the beginning, once, of whose jobs some are not known. What comes later is noted
    /// by whoever reads the history.
    async fn read_whole(&self, link: &Link, jobs: impl Iterator<Item = &JobId>) -> Result<(), EngineError> {
        let wanted: HashSet<String> = {
            let known = self.lock();
            let strange = jobs.filter(|job| !known.jobs.contains_key(*job)).map(|job| inner(job).0);
            strange.filter(|queue| !known.whole.contains(*queue)).map(str::to_owned).collect()
        };
        for queue in wanted {
            let mut from = "-".to_owned();
            loop {
                let page = range(link, &queue, &from, "+", LOOK_MAX).await?;
                page.ids.iter().for_each(|entry| self.note(&queue, entry));
                match page.ids.last() {
                    Some(last) if page.ids.len() >= LOOK_MAX => from = format!("({}", last.id),
                    _ => break,
                }
            }
            self.lock().whole.insert(queue);
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn put(&mut self, job: JobId, arrival: Arrival) {
        if self.jobs.insert(job.clone(), arrival).is_some() {
            return;
        }
        self.order.push_back(job);
        if self.order.len() > JOBS_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.jobs.remove(&oldest);
        }
    }
}

/// What a job was, and what its end's own entry says of how it ended.
async fn remains(link: &Link, happened: &Happened, arrival: Arrival) -> Result<Remains, EngineError> {
    let place = crate::events::place_of(happened.seq);
    let page = range(link, inner(&happened.job).0, &place, &place, 1).await?;
    let text = |field: &str| page.ids.first().and_then(|entry| entry.get::<String>(field));
    let failure = text("failedReason").map(|why| Failure::retryable(drawbridge_jobs::codes::TOOL, why));
    let result = text("returnvalue").and_then(|text| drawbridge_contract::RawValue::from_string(text).ok());
    let Arrival { tool, caller, callback, attempts_max } = arrival;
    Ok(Remains { tool, caller, callback, attempts_max, result, failure })
}

async fn range(
    link: &Link,
    queue: &str,
    from: &str,
    to: &str,
    count: usize,
) -> Result<StreamRangeReply, EngineError> {
    let mut range = redis::cmd("XRANGE");
    range.arg(link.key(queue, "events")).arg(from).arg(to).arg("COUNT").arg(count);
    link.command(&range, DOING).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arrival(tool: &str) -> Arrival {
        Arrival { tool: tool.into(), caller: "".into(), callback: None, attempts_max: 1 }
    }

    #[test]
    fn the_oldest_is_forgotten_first_and_one_that_came_again_is_what_it_is_now() {
        let mut known = Known::default();
        for number in 0..JOBS_MAX {
            known.put(JobId::new(&number.to_string()), arrival("t"));
        }
        known.put(JobId::new("0"), arrival("again"));
        assert_eq!((known.jobs.len(), &*known.jobs[&JobId::new("0")].tool), (JOBS_MAX, "again"));
        known.put(JobId::new("new"), arrival("t"));
        assert_eq!((known.jobs.len(), known.order.len()), (JOBS_MAX, JOBS_MAX));
        assert!(!known.jobs.contains_key(&JobId::new("0")));
    }
}

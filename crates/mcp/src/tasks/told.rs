//! What happens to tasks, for those who listen.

use std::collections::{BTreeSet, HashMap};
use std::time::Instant;

use drawbridge_contract::{JobEvent, JobState, JobView};
use futures::StreamExt;
use futures::stream::{BoxStream, SelectAll};

use super::Tasks;
use crate::convert::Seen;
use crate::limits::TASK_PROGRESS_EVERY;

/// Some tasks of one caller, and what happens to them from now on; first, how they are.
pub(crate) struct Told {
    tasks: Tasks,
    events: SelectAll<BoxStream<'static, JobEvent>>,
    last: HashMap<Box<str>, Last>,
    /// Heard and not told yet.
    heard: Option<JobView>,
}

/// What was told of a task last.
struct Last {
    state: (JobState, bool, i64),
    at: Instant,
}

impl Told {
    /// Listens to those of `ids` that are tasks of this caller, and says which.
    pub(crate) async fn open(tasks: Tasks, ids: BTreeSet<String>) -> (Self, BTreeSet<String>) {
        let (mut events, mut watched) = (SelectAll::new(), BTreeSet::new());
        for id in ids {
            if tasks.find(&id).await.is_ok()
                && let Ok(stream) = tasks.jobs.watch(&tasks.caller, &id, 0).await
            {
                events.push(stream);
                watched.insert(id);
            }
        }
        (Self { tasks, events, last: HashMap::new(), heard: None }, watched)
    }

    /// The next task that is not as it was told last; `None` when all of them have ended. Can be dropped and called again.
    pub(crate) async fn next(&mut self) -> Option<Seen> {
        loop {
            if let Some(view) = &self.heard {
                // Looked at anew: an event may be older than what came after it.
                let now = self.tasks.find(&view.id).await;
                let seen = match now {
                    Ok(view) => self.tasks.seen(view).await,
                    Err(error) => Err(error),
                };
                self.heard = None;
                match seen {
                    Ok(seen) if self.is_news(&seen.view) => return Some(seen),
                    _ => continue,
                }
            }
            let event = self.events.next().await?;
            if self.may_be_news(&event.job) {
                self.heard = Some(event.job);
            }
        }
    }

    fn may_be_news(&self, view: &JobView) -> bool {
        self.last.get(&view.id).is_none_or(|last| {
            last.state != state_of(view)
                || (!view.state.has_ended() && last.at.elapsed() >= TASK_PROGRESS_EVERY)
        })
    }

    fn is_news(&mut self, view: &JobView) -> bool {
        let is_news = self.may_be_news(view);
        if is_news {
            let last = Last { state: state_of(view), at: Instant::now() };
            self.last.insert(view.id.clone(), last);
        }
        is_news
    }
}

fn state_of(view: &JobView) -> (JobState, bool, i64) {
    (view.state, view.stopping, view.updated_ms)
}

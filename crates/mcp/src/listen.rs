//! `subscriptions/listen`: a request whose answer is a stream of changes (2026-07-28).

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use drawbridge_contract::{Caller, CancellationToken, Change, Handler, RawValue, Watch, broadcast};
use serde::Deserialize;

use crate::convert::{Seen, begin, write_detailed};
use crate::core::{Exchange, may_hear};
use crate::encode::{Object, Reply, notification};
use crate::envelope::Id;
use crate::error::WireError;
use crate::in_flight::Entered;
use crate::limits::{TASKS_WATCHED_MAX, WATCHES_MAX};
use crate::params::object;
use crate::tasks::{Tasks, Told};
use crate::version::Version;

/// What a host wants to hear of.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Filter {
    tools_list_changed: bool,
    prompts_list_changed: bool,
    resources_list_changed: bool,
    resource_subscriptions: BTreeSet<String>,
    task_ids: BTreeSet<String>,
}

impl Filter {
    pub(crate) fn read(raw: Option<&RawValue>) -> Result<Self, WireError> {
        let raw = raw.ok_or_else(|| {
            WireError::invalid_params("`notifications` is missing: it says what to listen to")
        })?;
        let filter: Self = object(raw, "notifications")?;
        if filter.resource_subscriptions.len() > WATCHES_MAX {
            let message = format!(
                "one subscription watches at most {WATCHES_MAX} resources; open another for the rest"
            );
            return Err(WireError::invalid_params(message));
        }
        if filter.task_ids.len() > TASKS_WATCHED_MAX {
            let message = format!(
                "one subscription listens to at most {TASKS_WATCHED_MAX} tasks; open another for the rest"
            );
            return Err(WireError::invalid_params(message));
        }
        Ok(filter)
    }

    /// Whether it names tasks, which only hosts may that know them.
    pub(crate) fn wants_tasks(&self) -> bool {
        !self.task_ids.is_empty()
    }

    fn wants(&self, change: &Change) -> bool {
        match change {
            Change::Tools => self.tools_list_changed,
            Change::Prompts => self.prompts_list_changed,
            Change::Resources => self.resources_list_changed,
            Change::Resource(uri) => self.resource_subscriptions.contains(uri),
        }
    }

    /// What to tell a reader that missed changes: that every list it listens to may have changed.
    fn lists(&self) -> Vec<Change> {
        [Change::Tools, Change::Prompts, Change::Resources]
            .into_iter()
            .filter(|change| self.wants(change))
            .collect()
    }

    fn write(&self, object: &mut Object<'_>) {
        for (name, wanted) in [
            ("toolsListChanged", self.tools_list_changed),
            ("promptsListChanged", self.prompts_list_changed),
            ("resourcesListChanged", self.resources_list_changed),
        ] {
            if wanted {
                object.raw(name, "true");
            }
        }
        if !self.resource_subscriptions.is_empty() {
            object.value("resourceSubscriptions", &self.resource_subscriptions);
        }
        if !self.task_ids.is_empty() {
            object.value("taskIds", &self.task_ids);
        }
    }
}

/// An open subscription.
pub(crate) struct Listening {
    handler: Arc<dyn Handler>,
    caller: Arc<Caller>,
    id: Id,
    filter: Filter,
    changes: broadcast::Receiver<Change>,
    /// Changes still to be told.
    waiting: Vec<Change>,
    told: Option<Told>,
    is_acknowledged: bool,
    _watches: Vec<Watch>,
    entered: Option<Entered>,
}

impl Listening {
    /// Opens a subscription. Resources that this caller may not watch, and tasks that are not its own, are left out, and the
    /// acknowledgement shows it.
    pub(crate) async fn open(
        handler: Arc<dyn Handler>,
        exchange: Exchange,
        mut filter: Filter,
        tasks: Option<Tasks>,
    ) -> Self {
        let Exchange { caller, id, entered, .. } = exchange;
        // Before the watches: what changes in between is then told rather than missed.
        let changes = handler.changes();
        let mut watches = Vec::new();
        let mut watched = BTreeSet::new();
        for uri in std::mem::take(&mut filter.resource_subscriptions) {
            if let Ok(watch) = handler.watch(&caller, &uri).await {
                watches.push(watch);
                watched.insert(uri);
            }
        }
        filter.resource_subscriptions = watched;
        let mut told = None;
        if let Some(tasks) = tasks {
            let (opened, watched) = Told::open(tasks, std::mem::take(&mut filter.task_ids)).await;
            (told, filter.task_ids) = (Some(opened), watched);
        }
        let (waiting, is_acknowledged) = (Vec::new(), false);
        Self {
            handler,
            caller,
            id,
            filter,
            changes,
            waiting,
            told,
            is_acknowledged,
            _watches: watches,
            entered,
        }
    }

    /// The next message; `None` when there will be no more. Can be dropped and called again.
    pub(crate) async fn next(&mut self) -> Option<Bytes> {
        if !std::mem::replace(&mut self.is_acknowledged, true) {
            return Some(self.tell("notifications/subscriptions/acknowledged", |params| {
                params.object("notifications", |filter| self.filter.write(filter));
            }));
        }
        loop {
            if let Some(change) = self.waiting.pop() {
                return Some(self.render(&change));
            }
            let change = tokio::select! {
                change = self.changes.recv() => change,
                seen = next_task(&mut self.told) => return Some(self.render_task(&seen)),
            };
            match change {
                Ok(change) if self.wants(&change) => self.waiting.push(change),
                Ok(_) => {}
                Err(broadcast::error::RecvError::Lagged(_)) => self.waiting = self.filter.lists(),
                Err(broadcast::error::RecvError::Closed) => return None,
            }
        }
    }

    /// Cancelled when the host wants no more of this, where it says so by a message.
    pub(crate) fn cancellation(&self) -> CancellationToken {
        self.entered.as_ref().map_or_else(CancellationToken::new, |entered| entered.cancellation.clone())
    }

    /// The answer to the request, when we end it.
    pub(crate) fn farewell(&self) -> Bytes {
        let reply = Reply::object(&self.id, 128, |object| {
            begin(Version::V2026_07_28, object);
            object.object("_meta", |meta| meta.raw(SUBSCRIPTION, self.id.as_json()));
        });
        reply.message
    }

    fn wants(&self, change: &Change) -> bool {
        self.filter.wants(change) && may_hear(&*self.handler, &self.caller, change)
    }

    fn render(&self, change: &Change) -> Bytes {
        self.tell(method_of(change), |params| {
            if let Change::Resource(uri) = change {
                params.value("uri", uri);
            }
        })
    }

    fn render_task(&self, seen: &Seen) -> Bytes {
        self.tell("notifications/tasks", |params| write_detailed(params, seen))
    }

    fn tell(&self, method: &str, write: impl FnOnce(&mut Object<'_>)) -> Bytes {
        notification(method, |params| {
            params.object("_meta", |meta| meta.raw(SUBSCRIPTION, self.id.as_json()));
            write(params);
        })
    }
}

/// When all tasks have ended, nothing more is told of any.
async fn next_task(told: &mut Option<Told>) -> Seen {
    if let Some(tasks) = told
        && let Some(seen) = tasks.next().await
    {
        return seen;
    }
    *told = None;
    std::future::pending().await
}

const SUBSCRIPTION: &str = "io.modelcontextprotocol/subscriptionId";

/// The notification that tells of a change.
pub(crate) fn method_of(change: &Change) -> &'static str {
    match change {
        Change::Tools => "notifications/tools/list_changed",
        Change::Resources => "notifications/resources/list_changed",
        Change::Prompts => "notifications/prompts/list_changed",
        Change::Resource(_) => "notifications/resources/updated",
    }
}

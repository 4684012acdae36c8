//! What else has to happen after a step: data that an engine acts on, in the same transaction.

use serde::{Deserialize, Serialize};

/// What a step wants done, besides storing the job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Effects {
    /// What goes into the history; `None` when nothing changed that anybody would want to hear of.
    pub happened: Option<Happening>,
    /// This was said before, with the same token: answer that all is well, and do nothing.
    pub repeated: bool,
    /// The worker that has the job must be told to stop.
    pub stop_worker: bool,
    /// Its children that have not ended must be cancelled.
    pub end_children: bool,
    /// Its parent must hear how it ended: whether it completed.
    pub tell_parent: Option<bool>,
}

impl Effects {
    /// Only something for the history.
    pub(super) fn of(happened: Happening) -> Self {
        Self { happened: Some(happened), ..Self::default() }
    }
}

/// What happened to a job, as its history tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Happening {
    /// It was accepted.
    Submitted,
    /// Its time has come, or its children have ended: it is queued.
    Ready,
    /// A worker took it.
    Started,
    /// It is done.
    Completed,
    /// An attempt failed, and there will be another.
    Retrying,
    /// It failed for good.
    Failed,
    /// Its last attempt failed.
    Dead,
    /// Its worker was lost, and it is queued again.
    Stalled,
    /// Its worker gave it back.
    Released,
    /// It asks something.
    AskedInput,
    /// It was answered.
    Answered,
    /// It waits for its children.
    AwaitsChildren,
    /// It was asked to stop.
    Stopping,
    /// It was stopped.
    Cancelled,
    /// Somebody had it tried again.
    Retried,
    /// Its arguments were changed.
    Edited,
}

impl Happening {
    /// All of them. The order is part of the file format: new ones come at the end.
    pub const ALL: [Self; 16] = [
        Self::Submitted,
        Self::Ready,
        Self::Started,
        Self::Completed,
        Self::Retrying,
        Self::Failed,
        Self::Dead,
        Self::Stalled,
        Self::Released,
        Self::AskedInput,
        Self::Answered,
        Self::AwaitsChildren,
        Self::Stopping,
        Self::Cancelled,
        Self::Retried,
        Self::Edited,
    ];

    /// Whether the job has ended with this.
    pub fn is_end(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Dead | Self::Cancelled)
    }
}

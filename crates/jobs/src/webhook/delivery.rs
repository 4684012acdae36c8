//! One thing to be told, and what became of it.

use std::sync::Arc;

use serde::Serialize;

use super::WebhookEvent;
use crate::JobId;

/// Where a delivery is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// It waits for its time.
    Waiting,
    /// It waits for an earlier one of the same job.
    Behind,
    /// The receiver took it.
    Delivered,
    /// It was given up: every attempt failed.
    GivenUp,
}

impl DeliveryState {
    /// All of them. The order is part of the file format.
    pub(crate) const ALL: [Self; 4] = [Self::Waiting, Self::Behind, Self::Delivered, Self::GivenUp];
}

/// A delivery, as the log shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DeliveryView {
    /// Its id, the same in every attempt: what the receiver sees as `webhook-id`.
    pub id: String,
    /// To whom.
    pub receiver: String,
    /// Where to.
    pub url: String,
    /// Of which job.
    pub job: JobId,
    /// Of which tool.
    pub tool: String,
    /// What.
    pub event: WebhookEvent,
    /// Where it is.
    pub state: DeliveryState,
    /// How many attempts there were.
    pub attempts: u32,
    /// HTTP's status of the latest attempt, if it was answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Why the latest attempt failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// When it was written, in milliseconds since 1970.
    pub created_ms: i64,
    /// When it is tried next, while it waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_ms: Option<i64>,
    /// When it was delivered or given up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended_ms: Option<i64>,
}

/// Which deliveries. An empty filter fits all.
#[derive(Debug, Clone, Default)]
pub struct DeliveryFilter {
    /// Of jobs of this caller.
    pub caller: Option<Arc<str>>,
    /// To this receiver.
    pub receiver: Option<String>,
    /// Of this job.
    pub job: Option<JobId>,
    /// Only what was given up.
    pub given_up: bool,
}

/// What is to be sent.
#[derive(Debug, Clone)]
pub(crate) struct Delivery {
    pub(crate) number: i64,
    pub(crate) id: String,
    pub(crate) receiver: String,
    pub(crate) lane: Arc<str>,
    pub(crate) url: String,
    pub(crate) job: JobId,
    /// Whose receiver it is.
    pub(crate) caller: String,
    pub(crate) event: WebhookEvent,
    pub(crate) body: String,
    /// How many attempts there were.
    pub(crate) attempts: u32,
}

/// What is due now, and when to look again.
#[derive(Debug, Default)]
pub(crate) struct Due {
    pub(crate) deliveries: Vec<Delivery>,
    /// In milliseconds since 1970; `None` while nothing waits for a time.
    pub(crate) next_ms: Option<i64>,
}

/// How an attempt ended.
#[derive(Debug, Clone)]
pub(crate) struct Settled {
    pub(crate) number: i64,
    pub(crate) state: DeliveryState,
    pub(crate) next_ms: i64,
    pub(crate) status: Option<u16>,
    pub(crate) error: Option<String>,
    /// Pause the receiver, for this reason.
    pub(crate) pause: Option<&'static str>,
}

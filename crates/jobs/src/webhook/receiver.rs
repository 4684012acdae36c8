//! Who is told.

use std::sync::Arc;

use serde::Serialize;

use super::{EventSet, Secret, WebhookEvent};
use crate::ToolPattern;

/// A standing subscription to be.
#[derive(Debug, Clone)]
pub struct NewReceiver {
    /// Whose it is. It hears of this caller's jobs.
    pub caller: Arc<str>,
    /// It hears of everybody's jobs. For the owner alone: who may ask for this is decided before.
    pub all_callers: bool,
    /// Where it listens: http or https.
    pub url: String,
    /// Of what it wants to hear.
    pub events: EventSet,
    /// Of which tools; empty for all.
    pub tools: Vec<ToolPattern>,
    /// What it shares with us; made if it brings none.
    pub secret: Option<Secret>,
}

/// What is to be different about a receiver; what is `None` stays.
#[derive(Debug, Clone, Default)]
pub struct ReceiverChange {
    /// Where it listens. What waits for it goes there, too.
    pub url: Option<String>,
    /// Of what it wants to hear.
    pub events: Option<EventSet>,
    /// Of which tools; empty for all.
    pub tools: Option<Vec<ToolPattern>>,
    /// It hears of everybody's jobs. For receivers of the owner: who may ask for this is decided before.
    pub all_callers: Option<bool>,
}

/// A receiver, as people see it: without its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Receiver {
    /// Its id: `wh_…`, or `callback:` and the caller for what signs that caller's callbacks.
    pub id: String,
    /// Whose it is.
    pub caller: String,
    /// It hears of everybody's jobs.
    pub all_callers: bool,
    /// Where it listens; `None` for callbacks, whose jobs say where.
    pub url: Option<String>,
    /// Of what it wants to hear.
    pub events: Vec<WebhookEvent>,
    /// Of which tools; empty for all.
    pub tools: Vec<String>,
    /// It hears nothing until somebody resumes it.
    pub paused: bool,
    /// Why it was paused, if nobody asked for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why_paused: Option<String>,
    /// Until when its previous secret signs, too; in milliseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub previous_secret_until_ms: Option<i64>,
    /// When it was made, in milliseconds since 1970.
    pub created_ms: i64,
}

/// A receiver, as the file has it.
pub(crate) struct ReceiverRow {
    pub(crate) id: String,
    pub(crate) caller: Arc<str>,
    pub(crate) all_callers: bool,
    pub(crate) url: Option<String>,
    pub(crate) events: EventSet,
    pub(crate) tools: Vec<ToolPattern>,
    pub(crate) secret: Vec<u8>,
    pub(crate) created_ms: i64,
}

/// A receiver's sealed secrets: the one that is good, and the previous one while it is.
pub(crate) struct Secrets {
    pub(crate) secret: Vec<u8>,
    pub(crate) previous: Option<Vec<u8>>,
}

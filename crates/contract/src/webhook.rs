//! Webhooks: who is told what becomes of jobs, as servers and wires know them.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Caller, JobFuture};

/// How many deliveries one page holds at most.
pub const DELIVERIES_PAGE_MAX: usize = 500;

/// Something that a receiver may want to hear of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum JobNews {
    /// An attempt began.
    Processing,
    /// How far the work is; now and then.
    Progress,
    /// It is done.
    Completed,
    /// It failed for good.
    Error,
    /// It was stopped.
    Cancelled,
}

/// A standing subscription to be.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewWebhook {
    /// Where to send it: an http or https address.
    pub url: Box<str>,
    /// Of what; of everything when empty.
    #[serde(default)]
    pub events: Vec<JobNews>,
    /// Of jobs of these tools, such as `terminal_run` or `mail_*`; of all when empty.
    #[serde(default)]
    pub tools: Vec<Box<str>>,
    /// Of everybody's jobs. For the owner alone.
    #[serde(default)]
    pub all_callers: bool,
    /// A secret that the receiver has already: `whsec_` and the base64 of 24 to 64 random bytes, or 32 to 256 random visible
    /// characters. One is made if it brings none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<OwnSecret>,
}

/// What is to be different about a standing subscription. What is left out stays.
#[derive(Debug, Clone, Default)]
pub struct WebhookChange {
    /// Where to send it from now on, also what waits.
    pub url: Option<Box<str>>,
    /// Of what; of everything when empty.
    pub events: Option<Vec<JobNews>>,
    /// Of jobs of these tools; of all when empty.
    pub tools: Option<Vec<Box<str>>>,
    /// Of everybody's jobs. For the owner alone.
    pub all_callers: Option<bool>,
}

/// A secret that a receiver brings along. Shown to nobody by accident.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(inline)]
pub struct OwnSecret(pub Box<str>);

impl fmt::Debug for OwnSecret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("OwnSecret(…)")
    }
}

/// A receiver, without its secret. Times are milliseconds since 1970.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct WebhookView {
    /// Its id: `wh_…`, or `callback:…` for what signs a caller's callbacks.
    pub id: Box<str>,
    /// Whose it is.
    pub caller: Box<str>,
    /// Where it listens; callbacks are sent where their jobs say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<Box<str>>,
    /// Of what it hears.
    pub events: Vec<JobNews>,
    /// Of jobs of these tools; of all when empty.
    pub tools: Vec<Box<str>>,
    /// It hears of everybody's jobs.
    pub all_callers: bool,
    /// It is told nothing until it is resumed.
    pub paused: bool,
    /// Why it was paused, if nobody asked for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why_paused: Option<Box<str>>,
    /// Until when its previous secret signs, too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub previous_secret_until_ms: Option<i64>,
    /// When it was made.
    pub created_ms: i64,
}

/// A receiver's secret, the only time that it is shown.
#[derive(Clone, Serialize, JsonSchema)]
pub struct WebhookSecret {
    /// The receiver.
    pub id: Box<str>,
    /// What it verifies signatures with: `whsec_` and base64.
    pub secret: Box<str>,
}

/// What is asked of the log of deliveries.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct DeliveryQuery {
    /// Only to this receiver.
    pub id: Option<Box<str>>,
    /// Only of this job.
    pub job: Option<Box<str>>,
    /// Only what was given up.
    pub given_up: bool,
    /// The `next` of the page before.
    pub cursor: Option<Box<str>>,
    /// How many at most; 50 unless said otherwise.
    #[schemars(range(min = 1, max = DELIVERIES_PAGE_MAX))]
    pub limit: Option<usize>,
}

/// One delivery, as the log has it. Times are milliseconds since 1970.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct DeliveryLine {
    /// Its id, the same in every attempt: the receiver sees it as `webhook-id`.
    pub id: Box<str>,
    /// To whom.
    pub webhook: Box<str>,
    /// Where to.
    pub url: Box<str>,
    /// Of which job.
    pub job: Box<str>,
    /// Of which tool.
    pub tool: Box<str>,
    /// What.
    pub event: JobNews,
    /// `waiting`, `behind` an earlier one of the same job, `delivered`, `given_up`.
    pub state: &'static str,
    /// How many attempts there were.
    pub attempts: u32,
    /// HTTP's status of the latest attempt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Why the latest attempt failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Box<str>>,
    /// When it was written.
    pub created_ms: i64,
    /// When it is tried next.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_ms: Option<i64>,
    /// When it was delivered or given up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended_ms: Option<i64>,
}

/// One page of the log.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct DeliveryPage {
    /// Newest first.
    pub deliveries: Vec<DeliveryLine>,
    /// What to ask for the next page with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<Box<str>>,
}

/// The webhooks of a hub. Each method takes who asks: the receivers of others are not there for them
/// ([`ToolError::NotFound`](crate::ToolError::NotFound)), and the owner sees all.
pub trait Webhooks: Send + Sync + 'static {
    /// Takes a standing subscription. Refused for an address that may not be reached.
    fn add<'a>(&'a self, caller: &'a Caller, new: NewWebhook) -> JobFuture<'a, WebhookSecret>;
    /// The receivers.
    fn list<'a>(&'a self, caller: &'a Caller) -> JobFuture<'a, Vec<WebhookView>>;
    /// Removes a receiver, and what waits for it.
    fn remove<'a>(&'a self, caller: &'a Caller, id: &'a str) -> JobFuture<'a, ()>;
    /// Pauses a receiver, or resumes it.
    fn pause<'a>(&'a self, caller: &'a Caller, id: &'a str, paused: bool) -> JobFuture<'a, ()>;
    /// Changes a standing receiver. Its id, its secrets and what was sent to it stay.
    fn update<'a>(
        &'a self,
        caller: &'a Caller,
        id: &'a str,
        change: WebhookChange,
    ) -> JobFuture<'a, WebhookView>;
    /// Gives a receiver a new secret, or the one that it brings along; the one before signs, too, for so many seconds.
    /// `callback` stands for what signs the callbacks of the caller's jobs.
    fn rotate<'a>(
        &'a self,
        caller: &'a Caller,
        id: &'a str,
        overlap_s: u64,
        own: Option<OwnSecret>,
    ) -> JobFuture<'a, WebhookSecret>;
    /// What was sent, and what became of it.
    fn log<'a>(&'a self, caller: &'a Caller, query: DeliveryQuery) -> JobFuture<'a, DeliveryPage>;
    /// Sends one again that was delivered or given up.
    fn redeliver<'a>(&'a self, caller: &'a Caller, id: &'a str) -> JobFuture<'a, ()>;
}

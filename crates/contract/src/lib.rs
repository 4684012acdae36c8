//! The nouns and the seam of Drawbridge. No I/O.
//!
//! Every entrance decodes its bytes to a [`Call`] and hands it to a [`Handler`]; every capability is a
//! [`Server`] of [`Tool`]s, [`Resources`] and [`Prompt`]s. The gateway stands between the two and is the
//! only crate that implements `Handler` in the product.

mod arguments;
mod call;
mod caller;
mod change;
mod completion;
mod content;
mod context;
mod effort;
mod error;
mod escape;
mod exchange;
mod handler;
mod input;
mod job;
mod json;
#[cfg(any(test, feature = "kit"))]
pub mod kit;
mod old;
mod outcome;
mod prompt;
mod resource;
mod schedule;
mod server;
mod session;
mod spec;
mod stream;
mod tier;
mod tool;
mod typed;
mod view;
mod visible;
mod webhook;

pub use arguments::{Arguments, ArgumentsError};
pub use call::{Abilities, Call, CallId, Host, Origin, Target, TraceContext};
pub use caller::{Authenticator, Caller, CallerKind, Unauthenticated};
pub use change::{Change, Watch};
pub use completion::{Completion, CompletionOf, Suggestions};
pub use content::{Block, Content};
pub use context::{Cancellation, Context, Event, Live, LogLevel, Sink};
pub use effort::{Effort, SCHEMA_STEPS_MAX, TooMuchWork};
pub use error::{AWAY_RETRY_AFTER, Refusal, ToolError};
pub use exchange::{
    ExchangeBody, ExchangeHandle, ExchangeMethod, ExchangeRefusal, ExchangeReply, ExchangeRequest,
    ExchangeRoute, Exchanges,
};
pub use handler::{Answer, Handler};
pub use input::{Answers, InputRequest, InputRequired};
pub use job::{
    APPROVAL, Backlog, Checkpoints, JOBS_PAGE_MAX, JobAccepted, JobEnd, JobEvent, JobFilter, JobFuture,
    JobLine, JobLoad, JobOptions, JobPage, JobProgress, JobRequest, JobRun, JobState, JobView, Jobs,
    QueueLoad, Run,
};
pub use json::{ParseError, parse_strict, raw};
pub use old::{OldMethod, OldParams};
pub use outcome::{Outcome, ToolResult};
pub use prompt::{Prompt, PromptArgument, PromptResult, PromptSpec};
pub use resource::{Contents, ResourceResult, ResourceSpec, ResourceTemplate, Resources};
pub use schedule::{
    MissedTimes, NewScheduleRequest, ScheduleChange, ScheduleView, Schedules, Timetable, TimetableChange,
};
pub use server::Server;
pub use session::{CONSOLE_HEADER, SESSION_COOKIE, Session};
pub use spec::{Annotations, Background, Example, Limits, ToolSpec};
pub use stream::{Attachment, LiveStream, StreamHandle, StreamInput, StreamMode, StreamOutput, Streams};
pub use tier::{CallLimit, Grade, Licence, Licensing, LlmLimits, Standing, Tier};
pub use tool::Tool;
pub use typed::{TypedTool, bind};
pub use view::View;
pub use visible::{is_visible, plain, plain_line, visible};
pub use webhook::{
    DELIVERIES_PAGE_MAX, DeliveryLine, DeliveryPage, DeliveryQuery, JobNews, NewWebhook, OwnSecret,
    WebhookChange, WebhookSecret, WebhookView, Webhooks,
};

/// What the object-safe traits of this crate return: a future that may move between threads.
pub type BoxFuture<'a, T> = futures::future::BoxFuture<'a, T>;
/// A payload that only passes through: JSON text, checked once and never parsed again.
pub use serde_json::value::RawValue;
/// The receiving end of [`Handler::changes`] and [`Server::changes`].
pub use tokio::sync::broadcast;
/// Stops work: see [`Context::cancellation`].
pub use tokio_util::sync::CancellationToken;

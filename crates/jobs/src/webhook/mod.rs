//! Telling others what becomes of jobs: signed requests to URLs that callers named.
//!
//! ```text
//! event      what is told
//! payload    the body, in the words that receivers of the predecessor know
//! secret     what a receiver shares with us; sealed on disk
//! sign       the headers that prove who sends
//! retry      what to do about an answer, decided purely
//! receiver   who is told: standing subscriptions, and the callbacks of single jobs
//! delivery   one thing to be told, and what became of it
//! follow     hears of the jobs of another engine, which cannot write to our file
//! dispatch   sends what is due, and waits
//! webhooks   the whole, for whoever manages it
//! ```
//!
//! Start at [`Webhooks`]. What is to be told is written in the same commit as the change that it tells of
//! (`embedded/outbox.rs`), so nothing is told that did not happen, and nothing that happened is forgotten.
//!
//! **Invariant:** what one job tells one receiver arrives in order: the next is sent when the one before was delivered, or
//! given up.
//! **Invariant:** a slow receiver delays nobody else.
//! **Invariant:** a delivery keeps its id in every attempt; a receiver may see it twice, and can tell.

mod delivery;
mod dispatch;
mod event;
mod follow;
mod payload;
mod receiver;
mod retry;
mod secret;
mod sign;
mod webhooks;

pub(crate) use delivery::{Delivery, Due, Settled};
pub use delivery::{DeliveryFilter, DeliveryState, DeliveryView};
pub use event::{EventSet, WebhookEvent};
pub(crate) use follow::Heard;
pub(crate) use payload::{Body, Facts};
pub use receiver::{NewReceiver, Receiver, ReceiverChange};
pub(crate) use receiver::{ReceiverRow, Secrets};
pub use retry::Retrying;
pub use secret::{Secret, WeakSecret};
pub use sign::{Signature, signatures};
pub use webhooks::{Added, MayHear, WebhookError, WebhookSettings, Webhooks};

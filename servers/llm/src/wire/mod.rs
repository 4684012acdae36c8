//! The dialects of providers and of clients, translated into [`chat`](crate::chat) and back. No I/O and no clock.
//!
//! ```text
//! provider   the dialects that we speak to providers: requests written, answers read
//! client     the dialects that clients speak to us: requests read, answers written
//! head       what has to be known of a request that goes on as it is
//! relay      an answer that goes on as it is, with its usage read on the way
//! documents  files in questions, for those who read them and those who do not
//! models     lists of models          embeddings   texts made into vectors
//! errors     providers' errors, made into the same few kinds
//! own_tools  tools that a provider runs itself and may charge for
//! lines, sse bytes cut into lines and events
//! ```
//!
//! A dialect's own words are in its own file or folder. What each dialect can carry is in `docs/llm-dialects.md`.

mod anthropic;
mod client;
mod decoder;
mod documents;
mod embed_input;
mod embeddings;
mod errors;
mod gemini;
mod head;
mod json;
mod lines;
mod lm_query;
mod lm_studio_v1;
mod models;
mod ollama;
mod openai_chat;
mod openai_responses;
mod own_tools;
mod provider;
mod relay;
mod seal;
mod sse;
mod tap;
#[cfg(test)]
mod tests;

pub use client::{Answer, ClientDialect, Encoder};
pub use decoder::Decoder;
pub use embed_input::EmbedInput;
pub use embeddings::{EmbedRequest, EmbedResult};
pub use errors::{failure_of, retry_after};
pub use head::Head;
pub use lines::{LINE_BYTES_MAX, LineTooLong};
pub use lm_query::{LmVersion, decode_lm_query, encode_lm_answer, encode_lm_failure};
pub use models::{ModelEntry, ModelKind};
pub use own_tools::{own_tools, own_tools_of_fields};
pub use provider::ProviderDialect;
pub use relay::{Relay, relay_whole};
pub use sse::{Event, Events, comment};
pub use tap::{Tap, heard_of_whole};

/// An id for a tool call whose provider gives none. `prefix` is unique to the request, so that ids of several rounds of
/// one conversation never meet.
fn made_id(prefix: &str, number: usize) -> String {
    format!("call_{prefix}_{number}")
}

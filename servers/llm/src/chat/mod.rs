//! What is asked of a model and what it answers, in the words of no provider. No I/O, and no clock.
//!
//! ```text
//! request     the question: messages, tools, how to sample
//! message     roles and parts: text, images, reasoning, tool calls and their results
//! document    PDF files, texts and addresses of both in messages
//! own_tool    tools that a provider runs itself, and may charge for
//! piece       one step of an answer that is still coming
//! accumulate  pieces made into a result, with what was measured here
//! result      the whole answer: message, usage, statistics, which model on which runtime
//! failure     why a provider gave none
//! ```

mod accumulate;
mod document;
mod estimate;
mod failure;
mod message;
mod own_tool;
mod piece;
mod raw;
mod request;
mod result;

pub use accumulate::{ANSWER_BYTES_MAX, Accumulator, TOOL_CALLS_MAX, TooMuch};
pub(crate) use document::PDF;
pub use document::{Document, DocumentSource, NoDocument};
pub use estimate::{IMAGE_TOKENS, tokens_of};
pub use failure::{Failure, FailureKind, MESSAGE_CHARACTERS_MAX};
pub(crate) use message::words;
pub use message::{Image, ImageSource, Message, Part, Reasoning, Role, ToolCall, ToolResultPart};
pub use own_tool::{OWN_TOOL_USES_ASSUMED, OwnTool, OwnToolUses};
pub use piece::{Piece, Stage};
pub use raw::RawJson;
pub use request::{ChatRequest, Effort, Extra, Family, ResponseFormat, ToolChoice, ToolDefinition};
pub use result::{ChatResult, Measure, ModelInfo, Runtime, Stats, StopReason, Usage};

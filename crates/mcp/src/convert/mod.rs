//! Between the contract's words and the wire's. Nothing outside of this folder knows both.

mod ask;
mod refusal;
mod result;

pub(crate) use ask::{Asked, lacking, method_of, read_response, write_params};
pub(crate) use refusal::refusal;
pub(crate) use result::{begin, completion, end, outcome};

/// What a call was for, as far as its answer depends on it.
#[derive(Debug, Clone)]
pub(crate) enum Purpose {
    /// `tools/call`: what goes wrong is a result that the model can act on.
    Tool,
    /// `resources/read`, of this URI.
    Resource(Box<str>),
    /// `prompts/get`.
    Prompt,
}

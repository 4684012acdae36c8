//! Between the contract's words and the wire's. Nothing outside of this folder knows both.

mod ask;
mod refusal;
mod result;
mod task;

pub(crate) use ask::{Asked, can_ask, lacking, method_of, read_response, write_params};
pub(crate) use refusal::refusal;
pub(crate) use result::{begin, completion, end, outcome, tool};
pub(crate) use task::{
    RELATED_TASK, Seen, asked_by_key, task, task_created, task_created_legacy, task_legacy, task_result,
    task_status, tasks_page, write_detailed,
};

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

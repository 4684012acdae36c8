//! REST for every tool: the same door, answers as JSON.

mod answer;
mod body;
mod call;
mod events;
mod headers;
mod result;
mod spec;
mod tools;

pub(crate) use answer::answer;
pub(crate) use body::{body_up_to, json_body, no_body};
pub(crate) use call::{call, origin};
pub(crate) use events::respond as respond_with_events;
pub(crate) use result::{json, requests, tool as tool_result};
pub(crate) use tools::{list, show};

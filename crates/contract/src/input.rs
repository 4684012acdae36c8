//! What a call needs from the person or the host before it can go on (MCP 2026-07-28, multi-round-trip requests).

use std::collections::BTreeMap;

use serde_json::Value;
use serde_json::value::RawValue;

/// A call that cannot go on without an answer. No thread waits: the caller sends the call again with [`Answers`].
#[derive(Debug, Clone)]
pub struct InputRequired {
    /// What is asked, by a key that the tool chooses; the answers come back under the same keys. May be empty
    /// when the tool only wants to be called again with its state.
    pub requests: BTreeMap<String, InputRequest>,
    /// What the tool must know when the answers come. Towards tools it is theirs alone, in clear; towards
    /// callers the gateway seals it, bound to the caller, the target and the arguments.
    pub state: Option<String>,
}

/// One thing that is asked of the host.
#[derive(Debug, Clone)]
pub enum InputRequest {
    /// Ask the person with a form; `schema` is a flat JSON Schema object.
    ElicitForm {
        /// What the person reads.
        message: String,
        /// The fields.
        schema: Box<RawValue>,
    },
    /// Send the person to a page.
    ElicitUrl {
        /// What the person reads.
        message: String,
        /// Where to go.
        url: String,
        /// Names this request in a later completion notice.
        id: String,
    },
    /// Ask the host's language model: the parameters of `sampling/createMessage`.
    Sample(Box<RawValue>),
    /// Ask for the host's roots.
    ListRoots,
}

/// The answers to an [`InputRequired`].
#[derive(Debug, Clone, Default)]
pub struct Answers {
    /// By the key of the request. Not trusted: tools check them like arguments.
    pub responses: BTreeMap<String, Value>,
    /// The state that came with the requests.
    pub state: Option<String>,
}

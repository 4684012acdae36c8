//! Ollama's own dialect (`/api/chat`, `/api/tags`, `/api/ps`, `/api/embed`): lines of JSON. Only what uses models is
//! spoken; what makes, copies, pulls or pushes them is not.

pub(crate) mod decode_answer;
pub(crate) mod encode_request;
pub(crate) mod lists;

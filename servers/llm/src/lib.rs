//! Language models: one door to all of them.
//!
//! ```text
//! chat   what is asked of a model and what it answers, in the words of no provider
//! wire   the dialects of providers and of clients, translated into `chat` and back; no I/O
//! ```

pub mod chat;
mod provider;
mod quota;
mod settings;
pub mod wire;

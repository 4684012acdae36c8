//! The MCP wire, downstream: hosts call us over Streamable HTTP, stdio, WebSockets and a unix socket, in both
//! eras.
//!
//! ```text
//! bytes → envelope → params + meta → modern or legacy → Call → Handler → Outcome → convert → bytes
//! ```
//!
//! Start at `modern.rs`: the inner model is the modern one (2026-07-28, stateless). Sessions, `initialize` and
//! requests from us to the host live in `legacy/` and nowhere else. `downstream/` moves bytes and knows no method.
//!
//! **Invariant:** a payload that only passes through is never parsed into a value and written again.
//! **Invariant:** `convert/` is the only place that knows the words of both the wire and the contract.
//! **Invariant:** what can grow (lines, bodies, queues, replays, sessions, calls at once) has a named bound in
//! `limits.rs`.

mod convert;
mod core;
mod cursor;
mod dialect;
mod downstream;
mod encode;
mod envelope;
mod error;
mod events;
mod in_flight;
mod legacy;
mod limits;
mod listen;
mod lists;
mod meta;
mod mirrored;
mod modern;
mod outbox;
mod params;
mod per_view;
#[cfg(test)]
mod properties;
mod running;
mod seats;
mod tasks;
mod version;

pub use dialect::{Asked, Dialect, Told};
#[cfg(unix)]
pub use downstream::unix;
pub use downstream::{channel, frames, http, stdio};
pub use limits::*;

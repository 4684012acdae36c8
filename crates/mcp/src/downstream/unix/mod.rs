//! The unix socket: one JSON-RPC message after the other, each ended by a NUL byte.
//!
//! Whoever runs as the owner of this process is the owner, and needs no key; other users are turned away. A process that
//! descends from this one is not: tools start commands, and a command must not be able to answer for the owner.

mod listen;
mod peer;

pub use listen::{SocketError, SocketListener};

//! Moves bytes between hosts and the eras. Knows transports, and no method beyond `initialize` and the one that brings a key.

pub mod channel;
pub(crate) mod connection;
pub mod frames;
pub mod http;
mod other;
pub mod stdio;
mod stranger;
#[cfg(unix)]
pub mod unix;

//! Moves bytes between hosts and the eras. Knows transports, and no method beyond `initialize`.

pub(crate) mod connection;
pub mod http;
pub mod stdio;

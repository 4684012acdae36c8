//! NUL-delimited JSON-RPC over a daemon's socket.
//!
//! ```text
//! frame       bytes to messages, bounded
//! message     what is sent, and what comes back; knows no socket
//! circuit     when a daemon that fails is asked again; knows no clock
//! link        the connections to one daemon, and one call over them
//! ```

mod circuit;
mod frame;
mod link;
mod message;

pub(crate) use link::{CallError, Link, is_answering};
pub(crate) use message::{Answer, RpcError};

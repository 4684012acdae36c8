//! The seam for methods of another JSON-RPC dialect than MCP's that are served on the same channel.

use std::sync::Arc;

use bytes::Bytes;
use drawbridge_contract::{Authenticator, Caller, CancellationToken, RawValue};
use futures::stream::BoxStream;

use crate::encode::Reply;
use crate::envelope::Id;
use crate::error::WireError;

/// Serves the methods of another dialect.
pub trait Dialect: Send + Sync + 'static {
    /// Whether this method is one of the dialect's, for this caller.
    fn has(&self, method: &str, caller: &Caller) -> bool;

    /// Serves one request. What the stream tells goes out in its order, each with the request's id; the last is the answer.
    /// Dropped, the work stops.
    fn serve(&self, asked: Asked) -> BoxStream<'static, Told>;
}

/// One request of the dialect.
#[derive(Debug)]
pub struct Asked {
    /// What for.
    pub method: Box<str>,
    /// An object or an array, if there.
    pub params: Option<Box<RawValue>>,
    /// Who asks.
    pub caller: Arc<Caller>,
    /// The entrance's name, for the audit.
    pub entrance: &'static str,
    /// Whether more than one answer can be told: not where it is part of a batch.
    pub may_stream: bool,
    /// Cancelled when the client no longer wants it.
    pub cancellation: CancellationToken,
}

/// What is told about a request.
#[derive(Debug)]
pub enum Told {
    /// A result.
    Result(Box<RawValue>),
    /// An error, which ends it.
    Error {
        /// One of the dialect's codes.
        code: i32,
        /// What happened, why, and what to do.
        message: String,
    },
}

/// What a channel serves besides MCP.
pub(crate) struct Beyond {
    pub(crate) authenticator: Arc<dyn Authenticator>,
    pub(crate) dialect: Arc<dyn Dialect>,
}

impl Told {
    pub(crate) fn render(self, id: &Id) -> Bytes {
        match self {
            Self::Result(result) => Reply::spliced(id, result.get().as_bytes()).message,
            Self::Error { code, message } => {
                Reply::error(Some(id), &WireError::of_dialect(code, message)).message
            }
        }
    }
}

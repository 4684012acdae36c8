//! Why a request did not go out, or did not come back.

use std::error::Error;

use crate::resolve::RefusedAddress;

/// Why a request failed. No message has the URL: what follows its `?` may be a secret.
#[derive(Debug, thiserror::Error)]
pub enum OutboundError {
    /// The text is no URL that could be asked.
    #[error("this URL cannot be asked: {problem}")]
    BadUrl {
        /// What is wrong, and what would be right.
        problem: &'static str,
    },
    /// The host has only addresses of a private network, or of this machine.
    #[error(
        "{host} is in a private network or on this machine, and may not be reached from here; if that is meant, \
         allow this host in the configuration"
    )]
    Refused {
        /// The host.
        host: String,
    },
    /// Nobody answered in time.
    #[error("no answer in time")]
    Timeout(#[source] Box<dyn Error + Send + Sync>),
    /// No connection: no such name, nobody listens, or a certificate that is not good.
    #[error("cannot connect: {}", innermost(.0.as_ref()))]
    Connect(#[source] Box<dyn Error + Send + Sync>),
    /// The answer is larger than it may be.
    #[error("the answer has more than {bytes_max} bytes")]
    TooLarge {
        /// The largest size allowed.
        bytes_max: usize,
    },
    /// The request or its answer broke off.
    #[error("the request failed: {}", innermost(.0.as_ref()))]
    Failed(#[source] Box<dyn Error + Send + Sync>),
}

impl OutboundError {
    /// Whether the same request may go well later.
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::Timeout(_) | Self::Connect(_) | Self::Failed(_))
    }
}

impl From<reqwest::Error> for OutboundError {
    fn from(error: reqwest::Error) -> Self {
        let error = error.without_url();
        if let Some(refused) = refused(&error) {
            return Self::Refused { host: refused.host.clone() };
        }
        match () {
            () if error.is_timeout() => Self::Timeout(error.into()),
            () if error.is_connect() => Self::Connect(error.into()),
            () => Self::Failed(error.into()),
        }
    }
}

fn refused<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a RefusedAddress> {
    causes(error).find_map(|cause| cause.downcast_ref())
}

/// The cause that says most.
fn innermost<'a>(error: &'a (dyn Error + 'static)) -> &'a (dyn Error + 'static) {
    causes(error).last().unwrap_or(error)
}

fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error| (**error).source())
}

//! What goes wrong, told so that the caller can act on it.

use drawbridge_contract::ToolError;
use drawbridge_store::StoreError;

use crate::limits::{BYTES_MAX, KEY_BYTES_MAX, KEYS_MAX, TTL_SECONDS_MAX, VALUE_BYTES_MAX};

/// Why the values cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The folder or file cannot be had, or others can touch it.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// SQLite does not open it.
    #[error("cannot open the keys and values in {path}: {source}; move the file away to begin anew")]
    Sql {
        /// The file.
        path: String,
        /// Why.
        source: rusqlite::Error,
    },
}

/// Why something was not done.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KvError {
    #[error("a key has 1 to {KEY_BYTES_MAX} bytes; this one has {0}")]
    Key(usize),
    #[error("a value has at most {VALUE_BYTES_MAX} bytes of JSON; this one has {0}")]
    Value(usize),
    #[error(
        "a value lasts from 1 to {TTL_SECONDS_MAX} seconds; leave ttl_seconds out for one that lasts for good"
    )]
    Ttl,
    #[error("there are {KEYS_MAX} keys already, which is the limit: delete some first")]
    Keys,
    #[error("keys and values have {BYTES_MAX} bytes already, which is the limit: delete some first")]
    Bytes,
    #[error("{0:?} is there already, and nothing was changed")]
    There(String),
    #[error("what is under {0:?} is no whole number, or would be too large for one; nothing was changed")]
    NoNumber(String),
    #[error("the keys and values cannot be reached: {0}; `drawbridge doctor` looks at the disk")]
    Sql(#[from] rusqlite::Error),
    #[error("it was stopped before it was done")]
    Stopped,
}

impl From<KvError> for ToolError {
    fn from(error: KvError) -> Self {
        let message = error.to_string();
        match error {
            KvError::Sql(_) | KvError::Stopped => Self::Failed(message),
            KvError::Keys | KvError::Bytes => Self::Refused(message),
            _ => Self::Invalid(message),
        }
    }
}

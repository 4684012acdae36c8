//! Why the server cannot be opened.

use crate::quota::LedgerError;

/// Why the server cannot be opened: something in its settings.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A provider is called something that cannot be part of a model's name.
    #[error("a provider is called {0:?}: use lower case letters, digits and `-`, once")]
    Name(String),
    /// A provider's address is none.
    #[error("the address {address:?} of a provider cannot be used: {why}")]
    Address {
        /// As it was written.
        address: String,
        /// What is wrong with it.
        why: String,
    },
    /// A provider's key would travel where others can read it.
    #[error(
        "the key of {provider} would travel unencrypted to {address}: write https:// in its address, or leave the key out"
    )]
    KeyInClear {
        /// The provider.
        provider: String,
        /// Where it is.
        address: String,
    },
    /// An alias leads nowhere.
    #[error(
        "the alias {alias:?} leads to {target:?}, which is not `provider/model` with a provider that is configured"
    )]
    Alias {
        /// The alias.
        alias: String,
        /// What it leads to.
        target: String,
    },
    /// The books cannot be opened.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

//! Tiers and licences as they stand in files: ours, and those of llmbasedos, whose owners bring theirs along.
//!
//! Everything here is a function of text and time; who reads the files, and when, is the binary's affair.
//!
//! **Invariant:** what cannot be read, has expired or is not signed as it must be gives nothing, never something.

mod edit;
mod licence;
mod signature;
mod tiers;

pub use edit::{TierSettings, TierTable, with_tiers};
pub use licence::{LICENCE_BYTES_MAX, Terms, TermsError, read_licence};
pub use signature::{KeyError, PublicKey, SigningKey};
pub use tiers::{TIERS_BYTES_MAX, TIERS_MAX, TiersError, read_toml, read_yaml, usual};

/// The tiers by their names.
pub type Tiers = std::collections::HashMap<Box<str>, std::sync::Arc<drawbridge_contract::Tier>>;

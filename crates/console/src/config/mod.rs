//! The configuration: its text as it is, comments and all, and the rules in it; and the tiers, in a file beside it.
//!
//! The file is the owner's. Nothing is written that the program could not start with, nothing that was not shown before,
//! and nothing over a change that somebody else made meanwhile.

mod effects;
mod file;
mod routes;
mod rules;
mod rules_routes;
mod tiers_routes;

pub(crate) use file::write_rules;
pub(crate) use routes::{preview, show, write};
pub(crate) use rules::with_first;
pub(crate) use rules_routes::{list as list_rules, preview as preview_rules, replace as replace_rules};
pub(crate) use tiers_routes::{list as list_tiers, preview as preview_tiers, write as write_tiers};

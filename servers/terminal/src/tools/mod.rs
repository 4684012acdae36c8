//! The tools, one file each. Adding one is a file and a line in [`all`].

mod close;
mod describe;
mod list;
mod open;
mod output;
mod read;
mod resize;
mod run;
mod screen;
mod signal;
mod write;

use std::collections::BTreeMap;
use std::sync::Arc;

use drawbridge_contract::{Annotations, Tool, bind};

use crate::terminals::Terminals;

/// All tools, in the order in which they are listed.
pub(crate) fn all(terminals: &Arc<Terminals>) -> Vec<Arc<dyn Tool>> {
    vec![
        bind::<_, run::Run>(terminals),
        bind::<_, output::Output>(terminals),
        bind::<_, open::Open>(terminals),
        bind::<_, write::Write>(terminals),
        bind::<_, read::Read>(terminals),
        bind::<_, screen::Screen>(terminals),
        bind::<_, resize::Resize>(terminals),
        bind::<_, signal::Signal>(terminals),
        bind::<_, close::Close>(terminals),
        bind::<_, list::List>(terminals),
    ]
}

/// A command can do anything that its confinement lets it, and what that is the owner can change.
const ACTS: Annotations =
    Annotations { read_only: false, destructive: true, idempotent: false, open_world: true };

/// Variables, as callers give them.
type Variables = BTreeMap<String, String>;

fn pairs(variables: Variables) -> Vec<(String, String)> {
    variables.into_iter().collect()
}

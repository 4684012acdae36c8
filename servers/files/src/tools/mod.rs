//! The tools, one file each. Adding one is a file and a line in [`all`].

mod list;
mod read;
mod roots;
mod write;

use std::sync::Arc;

use drawbridge_contract::{Tool, bind};

use crate::disk::roots::Roots;

/// All tools, in the order in which they are listed.
pub(crate) fn all(roots: &Arc<Roots>) -> Vec<Arc<dyn Tool>> {
    vec![
        bind::<_, roots::ShowRoots>(roots),
        bind::<_, list::List>(roots),
        bind::<_, read::Read>(roots),
        bind::<_, write::Write>(roots),
    ]
}

//! The tools, one file each. Adding one is a file and a line in [`all`].

mod copy;
mod delete;
mod docx_edit;
mod docx_read;
mod edit;
mod find;
mod list;
mod mkdir;
mod r#move;
mod purge;
mod read;
mod read_many;
mod restore;
mod roots;
mod search;
mod stat;
mod trash;
mod tree;
mod write;

use std::sync::Arc;

use drawbridge_contract::{RawValue, Tool, bind, raw};
use serde::Serialize;

use crate::disk::roots::Roots;

/// All tools, in the order in which they are listed.
pub(crate) fn all(roots: &Arc<Roots>) -> Vec<Arc<dyn Tool>> {
    vec![
        bind::<_, roots::ShowRoots>(roots),
        bind::<_, list::List>(roots),
        bind::<_, tree::Tree>(roots),
        bind::<_, stat::Look>(roots),
        bind::<_, find::Find>(roots),
        bind::<_, search::Search>(roots),
        bind::<_, read::Read>(roots),
        bind::<_, read_many::ReadMany>(roots),
        bind::<_, docx_read::ReadDocx>(roots),
        bind::<_, write::Write>(roots),
        bind::<_, edit::Edit>(roots),
        bind::<_, docx_edit::EditDocx>(roots),
        bind::<_, mkdir::MakeFolder>(roots),
        bind::<_, copy::CopyTree>(roots),
        bind::<_, r#move::Move>(roots),
        bind::<_, delete::Delete>(roots),
        bind::<_, trash::ShowTrash>(roots),
        bind::<_, restore::Restore>(roots),
        bind::<_, purge::Purge>(roots),
    ]
}

/// What programs want to know of an answer that is a text for models. Some hosts show a model only the structured
/// data where there is any, so it goes into `_meta`, where no host looks for the answer.
fn about(about: &impl Serialize) -> Box<RawValue> {
    #[derive(Serialize)]
    struct Meta<'a, T> {
        #[serde(rename = "drawbridge/files")]
        files: &'a T,
    }
    raw(&Meta { files: about })
}

//! `files_copy`: the same again.

use std::sync::Arc;

use drawbridge_contract::{
    Annotations, Context, Example, Outcome, ToolError, ToolResult, ToolSpec, TypedTool,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::disk::denied::Want;
use crate::disk::locate::{Last, Place};
use crate::disk::replace::{Staged, StagedFolder};
use crate::disk::roots::Roots;
use crate::disk::stat::Kind;
use crate::disk::trash::Trash;
use crate::disk::tree::{self, Copy};
use crate::error::{FileError, Result};
use crate::work::{Work, pooled};

use super::r#move::target;

pub(crate) struct CopyTree;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Input {
    /// The file, or the folder with everything in it.
    from: String,
    /// The path of the copy, name included.
    to: String,
    /// Puts the copy in place of what is there, which goes to the trash.
    #[serde(default)]
    overwrite: bool,
    /// Makes the folders that are missing above the copy.
    #[serde(default)]
    make_parents: bool,
}

#[derive(Serialize, JsonSchema)]
struct Output {
    from: String,
    to: String,
    files: u64,
    bytes: u64,
    /// What was not copied, and why; the first of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    left_out: Vec<String>,
    /// Under this id what was there before is in the trash; files_restore brings it back.
    #[serde(skip_serializing_if = "Option::is_none")]
    trash_id: Option<String>,
}

impl TypedTool<Roots> for CopyTree {
    type Input = Input;

    fn spec() -> ToolSpec {
        ToolSpec::of::<Input>(
            "files_copy",
            "Copy",
            "Copies a file, or a folder with everything in it; symbolic links in it stay links. The copy appears whole \
             or not at all.",
        )
        .gives::<Output>()
        .annotated(Annotations::CHANGES)
        .timeout(std::time::Duration::from_secs(600))
        .examples(&[Example {
            says: "Copies a folder.",
            args: r#"{"from": "notes/recipes", "to": "notes/recipes-2"}"#,
            gives: r#""files":2"#,
        }])
    }

    async fn run(
        roots: &Arc<Roots>,
        input: Input,
        context: &Context,
    ) -> std::result::Result<Outcome, ToolError> {
        pooled(roots, input, context, answer).await.map(Outcome::Complete)
    }
}

fn answer(roots: &Roots, input: &Input, work: &Work) -> Result<ToolResult> {
    let from = roots.place(&input.from, Last::Follow, Want::Read, work)?;
    let kind = from.there()?.kind;
    from.name()?;
    let to = target(roots, &from, &input.to, input.make_parents, work)?;
    if to
        .stat
        .is_some_and(|there| !input.overwrite || Some(there.identity) == from.stat.map(|stat| stat.identity))
    {
        return Err(FileError::Exists(to.show()));
    }
    let mut output = match kind {
        Kind::Directory => folder(roots, &from, &to, work)?,
        _ => file(roots, &from, &to, work)?,
    };
    (output.from, output.to) = (from.show(), to.show());
    Ok(ToolResult::structured(&output))
}

fn file(roots: &Roots, from: &Place<'_>, to: &Place<'_>, work: &Work) -> Result<Output> {
    let (mut source, _) = from.open_file(roots)?;
    let mut staged = Staged::begin(to)?;
    let bytes = tree::copy_contents(&mut source, staged.file(), &from.show(), work)?;
    let trash_id = match to.stat {
        None => staged.create().map(|_| None)?,
        Some(stat) if stat.kind == Kind::File => {
            let id = Trash::of(to.root)?.keep_version(roots, to, work)?;
            staged.replace().map(|_| Some(id))?
        }
        Some(_) => {
            let id = Trash::of(to.root)?.take(roots, to, work)?;
            staged.create().map(|_| Some(id))?
        }
    };
    Ok(Output { from: String::new(), to: String::new(), files: 1, bytes, left_out: Vec::new(), trash_id })
}

fn folder(roots: &Roots, from: &Place<'_>, to: &Place<'_>, work: &Work) -> Result<Output> {
    let staged = StagedFolder::begin(to, work)?;
    let shown = from.show();
    let mut copy = Copy::new(roots, &shown, work, &from.parts, &to.parts);
    copy.entry((&from.parent, from.name()?), (staged.folder(), staged.inner()?))?;
    let trash_id = match to.stat {
        Some(_) => Some(Trash::of(to.root)?.take(roots, to, work)?),
        None => None,
    };
    staged.create()?;
    let Copy { files, bytes, left_out, .. } = copy;
    Ok(Output { from: String::new(), to: String::new(), files, bytes, left_out, trash_id })
}

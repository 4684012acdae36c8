//! `files_move`: another name or folder.

use std::sync::Arc;

use drawbridge_contract::{
    Annotations, Context, Example, Outcome, ToolError, ToolResult, ToolSpec, TypedTool,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::disk::denied::Want;
use crate::disk::locate::{Last, Place};
use crate::disk::roots::Roots;
use crate::disk::settle::Thing;
use crate::error::{FileError, Result};
use crate::work::{Work, pooled};

pub(crate) struct Move;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Input {
    /// The file or folder. A symbolic link itself is moved.
    from: String,
    /// Its new path, name included.
    to: String,
    /// Puts it in place of what is there, which goes to the trash.
    #[serde(default)]
    overwrite: bool,
    /// Makes the folders that are missing above the new path.
    #[serde(default)]
    make_parents: bool,
}

#[derive(Serialize, JsonSchema)]
struct Output {
    from: String,
    to: String,
    /// Under this id what was there before is in the trash; files_restore brings it back.
    #[serde(skip_serializing_if = "Option::is_none")]
    trash_id: Option<String>,
}

impl TypedTool<Roots> for Move {
    type Input = Input;

    fn spec() -> ToolSpec {
        ToolSpec::of::<Input>(
            "files_move",
            "Move or rename",
            "Moves or renames a file or folder. `to` is the whole new path, also when it goes into a folder that exists.",
        )
        .gives::<Output>()
        .annotated(Annotations::CHANGES)
        .examples(&[Example {
            says: "Renames a file.",
            args: r#"{"from": "notes/plans/2026/garden.md", "to": "notes/plans/2026/beds.md"}"#,
            gives: r#""to":"notes/plans/2026/beds.md""#,
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
    let from = roots.place(&input.from, Last::Itself, Want::Write, work)?;
    let thing = Thing { folder: &from.parent, name: from.name()?, stat: from.there()?, was: &from.parts };
    roots.may_leave(&from)?;
    let to = target(roots, &from, &input.to, input.make_parents, work)?;
    let trash_id = roots.settle(&thing, &to, input.overwrite, work)?;
    for folder in [&from.parent, &to.parent] {
        folder.sync().map_err(|error| FileError::io("move", from.show(), error))?;
    }
    Ok(ToolResult::structured(&Output { from: from.show(), to: to.show(), trash_id }))
}

/// Where something goes: not into itself.
pub(super) fn target<'r>(
    roots: &'r Roots,
    from: &Place<'_>,
    to: &str,
    make_parents: bool,
    work: &Work,
) -> Result<Place<'r>> {
    if make_parents {
        let (root, parts) = roots.given_in_root(to)?;
        roots.make_folders(root, &parts[..parts.len().saturating_sub(1)], work)?;
    }
    let to = roots.place(to, Last::Itself, Want::Write, work)?;
    to.name()?;
    if std::ptr::eq(from.root, to.root)
        && to.parts.len() > from.parts.len()
        && to.parts.starts_with(&from.parts)
    {
        return Err(FileError::Invalid(format!(
            "{} lies in {}; nothing can go into itself",
            to.show(),
            from.show()
        )));
    }
    Ok(to)
}

//! `files_delete`: into the trash.

use std::sync::Arc;

use drawbridge_contract::{
    Annotations, Context, Example, Outcome, ToolError, ToolResult, ToolSpec, TypedTool,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::disk::denied::Want;
use crate::disk::folder::Reach;
use crate::disk::locate::{Last, Place};
use crate::disk::roots::Roots;
use crate::disk::stat::Kind;
use crate::disk::trash::Trash;
use crate::error::{FileError, Result};
use crate::work::{Work, pooled};

pub(crate) struct Delete;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Input {
    /// The file or folder. Of a symbolic link only the link.
    path: String,
    /// Also a folder that is not empty, with everything in it.
    #[serde(default)]
    recursive: bool,
}

#[derive(Serialize, JsonSchema)]
struct Output {
    path: String,
    kind: Kind,
    /// Under this id it is in the trash; files_restore brings it back.
    trash_id: String,
}

impl TypedTool<Roots> for Delete {
    type Input = Input;

    fn spec() -> ToolSpec {
        ToolSpec::of::<Input>(
            "files_delete",
            "Delete",
            "Moves a file or folder to the trash, from which files_restore brings it back. To remove something for good \
             use files_purge.",
        )
        .gives::<Output>()
        .annotated(Annotations::CHANGES)
        .examples(&[Example {
            says: "Deletes a file.",
            args: r#"{"path": "notes/old.txt"}"#,
            gives: r#""trash_id""#,
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
    let place = removable(roots, &input.path, input.recursive, work)?;
    let kind = place.there()?.kind;
    let trash_id = Trash::of(place.root)?.take(roots, &place, work)?;
    place.parent.sync().map_err(|error| FileError::io("delete", place.show(), error))?;
    Ok(ToolResult::structured(&Output { path: place.show(), kind, trash_id }))
}

/// Something that may be removed: not the root, nothing that is protected, and no full folder unless asked for.
pub(super) fn removable<'r>(roots: &'r Roots, path: &str, recursive: bool, work: &Work) -> Result<Place<'r>> {
    let place = roots.place(path, Last::Itself, Want::Write, work)?;
    place.name()?;
    roots.may_leave(&place)?;
    if place.there()?.kind == Kind::Directory && !recursive && !is_empty(&place)? {
        let message =
            format!("{} is not empty; recursive=true removes it with everything in it", place.show());
        return Err(FileError::Invalid(message));
    }
    Ok(place)
}

fn is_empty(place: &Place<'_>) -> Result<bool> {
    let failed = |error| FileError::io("look into", place.show(), error);
    let folder = place.parent.folder(place.name()?, Reach::Any).map_err(failed)?;
    let mut empty = true;
    folder
        .entries()
        .and_then(|entries| {
            entries.each(
                |error| error,
                |_, _| {
                    empty = false;
                    Ok(())
                },
            )
        })
        .map_err(failed)?;
    Ok(empty)
}

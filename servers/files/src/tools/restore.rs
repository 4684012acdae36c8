//! `files_restore`: back from the trash.

use std::ffi::{OsStr, OsString};
use std::sync::Arc;

use drawbridge_contract::{
    Annotations, Context, Example, Outcome, ToolError, ToolResult, ToolSpec, TypedTool,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::disk::denied::Want;
use crate::disk::locate::Last;
use crate::disk::name::Name;
use crate::disk::roots::Roots;
use crate::disk::settle::Thing;
use crate::error::{FileError, Result};
use crate::work::{Work, pooled};

pub(crate) struct Restore;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Input {
    /// What to bring back: an id that files_trash or the tool that removed it told.
    trash_id: String,
    /// Where to put it instead of where it was.
    #[serde(default)]
    to: Option<String>,
    /// Puts it in place of what is there by now, which goes to the trash in turn.
    #[serde(default)]
    overwrite: bool,
}

#[derive(Serialize, JsonSchema)]
struct Output {
    /// Where it is now.
    path: String,
    /// Under this id what was there before is in the trash.
    #[serde(skip_serializing_if = "Option::is_none")]
    trash_id: Option<String>,
}

impl TypedTool<Roots> for Restore {
    type Input = Input;

    fn spec() -> ToolSpec {
        ToolSpec::of::<Input>(
            "files_restore",
            "Bring back",
            "Brings back what was deleted, or the version of a file before it was written or edited (with \
             overwrite=true). files_trash lists what there is.",
        )
        .gives::<Output>()
        .annotated(Annotations::CHANGES)
        .examples(&[Example {
            says: "Asks for what is not in the trash.",
            args: r#"{"trash_id": "00000000000000000000000000000000"}"#,
            gives: "there is nothing at 00000000000000000000000000000000 in the trash",
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
    let (trash, record) = roots.in_trash(&input.trash_id)?;
    let to = input.to.clone().unwrap_or_else(|| trash.root.show(&[&record.path]));
    let (root, parts) = roots.given_in_root(&to)?;
    roots.make_folders(root, &parts[..parts.len().saturating_sub(1)], work)?;
    let place = roots.place_in(root, &parts, Last::Itself, Want::Write, work)?;
    let failed = |error| FileError::io("restore", place.show(), error);
    let name = Name::of(OsStr::new(&input.trash_id)).map_err(failed)?;
    let stat = trash.folder.stat(name).map_err(failed)?;
    let was: Vec<OsString> = record.path.split('/').map(OsString::from).collect();
    let thing = Thing { folder: &trash.folder, name, stat, was: &was };
    let trash_id = roots.settle(&thing, &place, input.overwrite, work)?;
    trash.forget(&input.trash_id)?;
    place.parent.sync().map_err(failed)?;
    Ok(ToolResult::structured(&Output { path: place.show(), trash_id }))
}

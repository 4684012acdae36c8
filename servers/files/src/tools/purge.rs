//! `files_purge`: for good.

use std::sync::Arc;

use drawbridge_contract::{
    Annotations, Context, Example, Outcome, ToolError, ToolResult, ToolSpec, TypedTool,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::disk::roots::Roots;
use crate::disk::trash::Trash;
use crate::disk::tree;
use crate::error::{FileError, Result};
use crate::settings::Access;
use crate::work::{Work, pooled};

use super::delete::removable;

pub(crate) struct Purge;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Input {
    /// The file or folder to remove for good.
    #[serde(default)]
    path: Option<String>,
    /// Also a folder that is not empty, with everything in it.
    #[serde(default)]
    recursive: bool,
    /// Instead of `path`: what to remove from the trash for good. `all` empties it.
    #[serde(default)]
    trash_id: Option<String>,
}

#[derive(Serialize, JsonSchema)]
struct Output {
    /// What is gone, by path.
    purged: Vec<String>,
}

impl TypedTool<Roots> for Purge {
    type Input = Input;

    fn spec() -> ToolSpec {
        ToolSpec::of::<Input>(
            "files_purge",
            "Remove for good",
            "Removes a file, a folder, or something in the trash for good: nothing brings it back. Use files_delete \
             unless that is what is wanted.",
        )
        .gives::<Output>()
        .annotated(Annotations::DESTROYS)
        .timeout(std::time::Duration::from_secs(600))
        .examples(&[Example {
            says: "Removes a folder and everything in it for good.",
            args: r#"{"path": "notes/plans", "recursive": true}"#,
            gives: r#""purged":["notes/plans"]"#,
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
    let purged = match (&input.path, &input.trash_id) {
        (Some(path), None) => vec![purge(roots, path, input.recursive, work)?],
        (None, Some(id)) if id == "all" => purge_all(roots, work)?,
        (None, Some(id)) => vec![purge_one(roots, id, work)?],
        _ => return Err(FileError::Invalid("give either path or trash_id".to_owned())),
    };
    Ok(ToolResult::structured(&Output { purged }))
}

fn purge(roots: &Roots, path: &str, recursive: bool, work: &Work) -> Result<String> {
    let place = removable(roots, path, recursive, work)?;
    tree::remove(&place.parent, place.name()?, &place.show(), work)?;
    Ok(place.show())
}

fn purge_one(roots: &Roots, id: &str, work: &Work) -> Result<String> {
    let (trash, record) = roots.in_trash(id)?;
    trash.purge(id, work)?;
    Ok(trash.root.show(&[&record.path]))
}

fn purge_all(roots: &Roots, work: &Work) -> Result<Vec<String>> {
    let mut purged = Vec::new();
    for root in roots.each().filter(|root| root.access == Access::ReadWrite) {
        let Some(trash) = Trash::if_there(root)? else { continue };
        for id in trash.ids()? {
            purged.extend(trash.read_record(&id).ok().map(|record| root.show(&[&record.path])));
            trash.purge(&id, work)?;
        }
    }
    Ok(purged)
}

//! `files_mkdir`: a new folder.

use std::sync::Arc;

use drawbridge_contract::{
    Annotations, Context, Example, Outcome, ToolError, ToolResult, ToolSpec, TypedTool,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::disk::denied::Want;
use crate::disk::roots::Roots;
use crate::error::Result;
use crate::work::{Work, pooled};

pub(crate) struct MakeFolder;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Input {
    /// The folder. Those above it are made too.
    path: String,
}

#[derive(Serialize, JsonSchema)]
struct Output {
    path: String,
    /// It was not there before.
    created: bool,
}

impl TypedTool<Roots> for MakeFolder {
    type Input = Input;

    fn spec() -> ToolSpec {
        ToolSpec::of::<Input>(
            "files_mkdir",
            "Make a folder",
            "Makes a folder, and those above it that are missing. One that is there already is left as it is.",
        )
        .gives::<Output>()
        .annotated(Annotations { idempotent: true, ..Annotations::CHANGES })
        .examples(&[Example {
            says: "Makes a folder in a new folder.",
            args: r#"{"path": "notes/letters/2026"}"#,
            gives: r#""created":true"#,
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
    let (root, parts) = roots.given_in_root(&input.path)?;
    let created = roots.make_folders(root, &parts, work)?;
    let path = roots.here(&input.path, Want::Write, work)?.show();
    Ok(ToolResult::structured(&Output { path, created }))
}

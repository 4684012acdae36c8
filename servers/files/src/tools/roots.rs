//! `files_roots`: where files can be.

use std::sync::Arc;

use drawbridge_contract::{
    Annotations, Context, Example, Outcome, ToolError, ToolResult, ToolSpec, TypedTool,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::disk::roots::Roots;
use crate::settings::Access;

pub(crate) struct ShowRoots;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Input {}

#[derive(Serialize, JsonSchema)]
struct Output<'r> {
    /// The folders that can be used.
    roots: Vec<RootShown<'r>>,
}

#[derive(Serialize, JsonSchema)]
struct RootShown<'r> {
    /// The first part of its paths.
    name: &'r str,
    /// What can be done with it.
    access: Access,
    /// Where it is on this machine. Absolute paths below it can be used too.
    folder: String,
}

impl TypedTool<Roots> for ShowRoots {
    type Input = Input;

    fn spec() -> ToolSpec {
        ToolSpec::of::<Input>(
            "files_roots",
            "Roots",
            "Lists the root folders that the other files_ tools can use, and whether each can be changed. Every path \
             begins with the name of one of them, such as `notes/todo.md` in the root `notes`.",
        )
        .gives::<Output<'_>>()
        .annotated(Annotations::READS)
        .examples(&[Example { says: "Shows the roots.", args: "{}", gives: r#""name":"notes""# }])
    }

    async fn run(roots: &Arc<Roots>, _: Input, _: &Context) -> Result<Outcome, ToolError> {
        let shown = roots.each().map(|root| RootShown {
            name: &root.name,
            access: root.access,
            folder: root.real.to_string_lossy().into_owned(),
        });
        Ok(ToolResult::structured(&Output { roots: shown.collect() }).into())
    }
}

//! `files_stat`: what is known of a file without reading it.

use std::sync::Arc;

use drawbridge_contract::{
    Annotations, Context, Example, Outcome, ToolError, ToolResult, ToolSpec, TypedTool,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::disk::denied::Want;
use crate::disk::locate::{Last, Place};
use crate::disk::roots::Roots;
use crate::disk::stat::Kind;
use crate::error::{FileError, Result};
use crate::work::{Work, quick};

pub(crate) struct Look;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Input {
    /// The file or folder.
    path: String,
    /// Looks at what a symbolic link points to, instead of the link.
    #[serde(default)]
    follow: bool,
}

#[derive(Serialize, JsonSchema)]
struct Output {
    path: String,
    kind: Kind,
    #[serde(skip_serializing_if = "Option::is_none")]
    size_bytes: Option<u64>,
    /// RFC 3339, UTC.
    modified: String,
    /// For `if_revision` of files_write and files_edit.
    #[serde(skip_serializing_if = "Option::is_none")]
    revision: Option<String>,
    /// Unix permissions in octal, such as `644`.
    #[serde(skip_serializing_if = "Option::is_none")]
    permissions: Option<String>,
    /// The media type, by its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    mime_type: Option<&'static str>,
    /// What a symbolic link says.
    #[serde(skip_serializing_if = "Option::is_none")]
    link_target: Option<String>,
}

impl TypedTool<Roots> for Look {
    type Input = Input;

    fn spec() -> ToolSpec {
        ToolSpec::of::<Input>(
            "files_stat",
            "Look at a file",
            "Tells kind, size, time of modification and revision of a file or folder, without reading it.",
        )
        .gives::<Output>()
        .annotated(Annotations::READS)
        .examples(&[Example {
            says: "Looks at a file.",
            args: r#"{"path": "notes/recipes/soup.md"}"#,
            gives: r#""size_bytes":28"#,
        }])
    }

    async fn run(
        roots: &Arc<Roots>,
        input: Input,
        context: &Context,
    ) -> std::result::Result<Outcome, ToolError> {
        quick(roots, input, context, answer).await.map(Outcome::Complete)
    }
}

fn answer(roots: &Roots, input: &Input, work: &Work) -> Result<ToolResult> {
    let last = if input.follow { Last::Follow } else { Last::Itself };
    let place = roots.place(&input.path, last, Want::Read, work)?;
    let stat = place.there()?;
    let is_file = stat.kind == Kind::File;
    Ok(ToolResult::structured(&Output {
        path: place.show(),
        kind: stat.kind,
        size_bytes: is_file.then_some(stat.size_bytes),
        modified: stat.modified(),
        revision: is_file.then(|| stat.revision()),
        permissions: cfg!(unix).then(|| format!("{:o}", stat.permissions())),
        mime_type: place
            .parts
            .last()
            .filter(|_| is_file)
            .and_then(|name| mime_guess::from_path(name).first_raw()),
        link_target: link_target(&place, stat.kind)?,
    }))
}

fn link_target(place: &Place<'_>, kind: Kind) -> Result<Option<String>> {
    if kind != Kind::Symlink {
        return Ok(None);
    }
    let target = place.parent.link_target(place.name()?);
    let target = target.map_err(|error| FileError::io("read", place.show(), error))?;
    Ok(Some(target.to_string_lossy().into_owned()))
}

//! `files_read`: what is in a file.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use drawbridge_contract::{
    Annotations, Block, Content, Context, Example, Outcome, ToolError, ToolResult, ToolSpec, TypedTool,
};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::disk::denied::Want;
use crate::disk::locate::Last;
use crate::disk::roots::Roots;
use crate::error::{FileError, Result};
use crate::reading::{self, Reading, Shape};
use crate::text::lines::Start;
use crate::work::{Work, quick};

use super::about;

pub(crate) struct Read;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Input {
    /// The file, such as `notes/todo.md`.
    path: String,
    /// The first line to give, counted from 1; negative counts from the end, so -20 gives the last 20 lines.
    #[serde(default)]
    from_line: Option<i64>,
    /// How many lines to give at most.
    #[serde(default)]
    #[schemars(range(min = 1))]
    lines: Option<u64>,
    /// The first byte to give, counted from 0: the way on after a part that ended within a line, and for binary files.
    #[serde(default)]
    from_byte: Option<u64>,
    /// How many bytes of the file to give at most.
    #[serde(default = "reading::bytes_default")]
    #[schemars(range(min = 16, max = reading::BYTES_MAX))]
    bytes_max: usize,
    /// `base64` gives the bytes as they are; a name such as `windows-1251` reads the text as that. Without it the
    /// encoding is recognised.
    #[serde(default)]
    encoding: Option<String>,
}

impl TypedTool<Roots> for Read {
    type Input = Input;

    fn spec() -> ToolSpec {
        ToolSpec::of::<Input>(
            "files_read",
            "Read a file",
            "Gives what is in a file: text as text in whatever encoding it is, images as images, anything else as \
             base64. Large files come in parts: a last line in square brackets says how to go on. For many files use \
             files_read_many; to find where something is, files_search.",
        )
        .annotated(Annotations::READS)
        .examples(&[
            Example { says: "Reads a whole file.", args: r#"{"path": "notes/todo.md"}"#, gives: "- milk" },
            Example {
                says: "Reads the second line.",
                args: r#"{"path": "notes/todo.md", "from_line": 2, "lines": 1}"#,
                gives: "[Lines 2 to 2 of 4 of notes/todo.md. Go on with from_line=3.]",
            },
            Example {
                says: "Reads the last line.",
                args: r#"{"path": "notes/todo.md", "from_line": -1}"#,
                gives: "- write",
            },
        ])
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
    let place = roots.place(&input.path, Last::Follow, Want::Read, work)?;
    let reading = Reading {
        start: start(input)?,
        lines_max: input.lines.unwrap_or(u64::MAX),
        bytes_max: input.bytes_max.min(reading::BYTES_MAX),
        encoding: input.encoding.as_deref(),
    };
    let read = reading.read(roots, &place, work)?;
    Ok(show(&read))
}

fn start(input: &Input) -> Result<Option<Start>> {
    match (input.from_line, input.from_byte) {
        (Some(_), Some(_)) => Err(FileError::Invalid("give from_line or from_byte, not both".to_owned())),
        (Some(line), None) => Ok(Some(Start::Line(line))),
        (None, Some(byte)) => Ok(Some(Start::Byte(byte))),
        (None, None) => Ok(None),
    }
}

fn show(read: &reading::ReadFile) -> ToolResult {
    let note = read.about.note().map(|text| Block::Text { text });
    let content = match &read.shape {
        Shape::Text(text) if note.is_none() => Content::text(text),
        shape => Content::blocks(
            &[Some(block(&read.about, shape)), note].into_iter().flatten().collect::<Vec<_>>(),
        ),
    };
    ToolResult { meta: Some(about(&read.about)), ..ToolResult::content(content) }
}

/// The contents as one block.
pub(super) fn block(about: &reading::About, shape: &Shape) -> Block {
    match shape {
        Shape::Text(text) => Block::Text { text: text.clone() },
        Shape::Image(bytes) => Block::image(bytes, about.mime_type.clone()),
        Shape::Bytes(bytes) => Block::Resource {
            resource: serde_json::json!({
                "uri": crate::uri::of(&about.path),
                "mimeType": about.mime_type,
                "blob": STANDARD.encode(bytes),
            }),
        },
    }
}

//! `files_docx_read`: the paragraphs of a Word document.

use std::io::Read as _;
use std::sync::Arc;

use drawbridge_contract::{
    Annotations, Context, Example, Outcome, ToolError, ToolResult, ToolSpec, TypedTool,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::disk::denied::Want;
use crate::disk::locate::{Last, Place};
use crate::disk::roots::Roots;
use crate::docx;
use crate::error::{FileError, Result};
use crate::work::{Work, pooled};

/// How large a document may be, in bytes.
pub(super) const DOCX_BYTES_MAX: u64 = 32 * 1024 * 1024;
/// How many paragraphs are given unless told otherwise.
const LIMIT_DEFAULT: usize = 500;
/// How many paragraphs are given at most.
const LIMIT_MAX: usize = 10_000;

pub(crate) struct ReadDocx;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Input {
    /// The document, a `.docx` file.
    path: String,
    /// The first paragraph to give, counted from 0.
    #[serde(default)]
    from: usize,
    /// How many paragraphs to give at most.
    #[serde(default = "limit_default")]
    #[schemars(range(min = 1, max = LIMIT_MAX))]
    limit: usize,
}

fn limit_default() -> usize {
    LIMIT_DEFAULT
}

#[derive(Serialize, JsonSchema)]
struct Output {
    path: String,
    paragraphs: Vec<Paragraph>,
    /// How many paragraphs there are in all.
    total: usize,
    /// For `if_revision` of files_docx_edit.
    revision: String,
}

#[derive(Serialize, JsonSchema)]
struct Paragraph {
    index: usize,
    text: String,
}

impl TypedTool<Roots> for ReadDocx {
    type Input = Input;

    fn spec() -> ToolSpec {
        ToolSpec::of::<Input>(
            "files_docx_read",
            "Read a Word document",
            "Gives the paragraphs of a Word document (.docx), numbered from 0, without those of tables and text boxes. \
             files_docx_edit changes them by these numbers.",
        )
        .gives::<Output>()
        .annotated(Annotations::READS)
        .examples(&[Example {
            says: "Reads a letter.",
            args: r#"{"path": "notes/plans/letter.docx"}"#,
            gives: r#""text":"Dear reader,""#,
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
    let place = roots.place(&input.path, Last::Follow, Want::Read, work)?;
    let revision = place.there()?.revision();
    let bytes = document(roots, &place)?;
    let texts =
        docx::open(&bytes).and_then(|xml| docx::read(&xml)).map_err(|error| refused(&place, &error))?;
    let total = texts.len();
    let page = texts.into_iter().enumerate().skip(input.from).take(input.limit.clamp(1, LIMIT_MAX));
    let paragraphs = page.map(|(index, text)| Paragraph { index, text }).collect();
    Ok(ToolResult::structured(&Output { path: place.show(), paragraphs, total, revision }))
}

/// All bytes of a document.
pub(super) fn document(roots: &Roots, place: &Place<'_>) -> Result<Vec<u8>> {
    let (file, stat) = place.open_file(roots)?;
    let mut bytes = Vec::new();
    let read = file.take(DOCX_BYTES_MAX + 1).read_to_end(&mut bytes);
    read.map_err(|error| FileError::io("read", place.show(), error))?;
    if bytes.len() as u64 > DOCX_BYTES_MAX {
        let (path, size) = (place.show(), stat.size_bytes);
        return Err(FileError::TooLarge(format!(
            "{path} has {size} bytes; at most {DOCX_BYTES_MAX} are read"
        )));
    }
    Ok(bytes)
}

pub(super) fn refused(place: &Place<'_>, error: &docx::DocxError) -> FileError {
    FileError::Invalid(format!("{} cannot be read: {error}", place.show()))
}

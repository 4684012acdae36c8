//! `files_read_many`: several files in one answer.

use std::sync::Arc;

use drawbridge_contract::{
    Annotations, Block, Content, Context, Example, Outcome, ToolError, ToolResult, ToolSpec, TypedTool,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::disk::denied::Want;
use crate::disk::locate::Last;
use crate::disk::roots::Roots;
use crate::error::{FileError, Result};
use crate::reading::{self, About, ReadFile, Reading, Shape};
use crate::work::{Work, pooled};

use super::about;
use super::read::block;

/// How many files one call reads at most.
const PATHS_MAX: usize = 100;
/// How much of each file is given unless told otherwise.
const BYTES_DEFAULT: usize = 128 * 1024;

pub(crate) struct ReadMany;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Input {
    /// The files.
    #[schemars(length(min = 1, max = PATHS_MAX))]
    paths: Vec<String>,
    /// How many bytes of each file to give at most.
    #[serde(default = "bytes_default")]
    #[schemars(range(min = 16, max = reading::BYTES_MAX))]
    bytes_max: usize,
}

fn bytes_default() -> usize {
    BYTES_DEFAULT
}

/// What programs want to know of one of the files.
#[derive(Serialize)]
#[serde(untagged)]
enum One {
    Read(About),
    Failed { path: String, error: String },
}

impl TypedTool<Roots> for ReadMany {
    type Input = Input;

    fn spec() -> ToolSpec {
        ToolSpec::of::<Input>(
            "files_read_many",
            "Read several files",
            "Gives several files in one answer, each under a line `==> path <==`. A file that cannot be read says why \
             in its place, and the others still come.",
        )
        .annotated(Annotations::READS)
        .examples(&[Example {
            says: "Reads two files.",
            args: r#"{"paths": ["notes/recipes/soup.md", "notes/missing.md"]}"#,
            gives: "==> notes/missing.md <==\n[there is nothing at notes/missing.md",
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
    if input.paths.len() > PATHS_MAX {
        let message = format!("{} paths are too many; at most {PATHS_MAX} in one call", input.paths.len());
        return Err(FileError::Invalid(message));
    }
    let (mut blocks, mut files, mut bytes_left) = (Vec::new(), Vec::new(), reading::BYTES_MAX);
    for path in &input.paths {
        work.check()?;
        let reading = Reading { bytes_max: input.bytes_max.min(bytes_left), ..Reading::default() };
        let read = match bytes_left {
            0 => Err(FileError::TooLarge("the answer is full; read this file by itself".to_owned())),
            _ => roots
                .place(path, Last::Follow, Want::Read, work)
                .and_then(|place| reading.read(roots, &place, work)),
        };
        match read {
            Ok(read) => {
                bytes_left = bytes_left.saturating_sub(size(&read.shape));
                show(&mut blocks, &read);
                files.push(One::Read(read.about));
            }
            Err(error @ (FileError::Cancelled | FileError::OutOfTime)) => return Err(error),
            Err(error) => {
                blocks.push(Block::Text { text: format!("==> {path} <==\n[{error}]\n") });
                files.push(One::Failed { path: path.clone(), error: error.to_string() });
            }
        }
    }
    Ok(ToolResult { meta: Some(about(&files)), ..ToolResult::content(Content::blocks(&blocks)) })
}

fn show(blocks: &mut Vec<Block>, read: &ReadFile) {
    let header = format!("==> {} <==\n", read.about.path);
    let note = read.about.note().map(|note| format!("\n{note}\n")).unwrap_or_default();
    match &read.shape {
        Shape::Text(text) => blocks.push(Block::Text { text: format!("{header}{text}{note}") }),
        shape => blocks.extend([Block::Text { text: header + &note }, block(&read.about, shape)]),
    }
}

fn size(shape: &Shape) -> usize {
    match shape {
        Shape::Text(text) => text.len(),
        Shape::Image(bytes) | Shape::Bytes(bytes) => bytes.len(),
    }
}

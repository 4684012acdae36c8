//! `terminal_output`: what an answer of `terminal_run` did not hold.

use std::sync::Arc;

use drawbridge_contract::{
    Annotations, Context, Example, Outcome, ToolError, ToolResult, ToolSpec, TypedTool,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::runs::outputs::{Piece, Stream};
use crate::screen::text::{self, Readable};
use crate::terminals::Terminals;

/// Bytes in one answer, unless the caller says otherwise.
const BYTES_DEFAULT: usize = 32 * 1024;
/// The most that one answer holds.
const BYTES_MAX: usize = 1 << 20;

pub(crate) struct Output;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Input {
    /// The run, as terminal_run named it; without it the last one whose output is kept.
    #[serde(default)]
    run: Option<String>,
    /// Which of its outputs.
    #[serde(default)]
    stream: Stream,
    /// The first byte to give, counted from 0.
    #[serde(default)]
    from_byte: u64,
    /// How many bytes to give at most.
    #[serde(default = "bytes_default")]
    #[schemars(range(min = 16, max = BYTES_MAX))]
    bytes_max: usize,
    /// Gives the output as it is, with control sequences; as base64 where it is not UTF-8.
    #[serde(default)]
    raw: bool,
}

fn bytes_default() -> usize {
    BYTES_DEFAULT
}

#[derive(Serialize, JsonSchema)]
struct Answer {
    /// The part that was asked for.
    text: String,
    /// `text` is base64.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    is_base64: bool,
    /// Where the next part begins.
    next_byte: u64,
    /// How much of this output is kept.
    kept_bytes: u64,
    /// Whether this was the last part.
    at_end: bool,
}

impl TypedTool<Terminals> for Output {
    type Input = Input;

    fn spec() -> ToolSpec {
        ToolSpec::of::<Input>(
            "terminal_output",
            "Read on in a long output",
            "Gives parts of an output of terminal_run that its answer did not hold. The answer names the run. The \
             outputs of the last commands are kept, and the oldest are dropped first.",
        )
        .annotated(Annotations::READS)
        .gives::<Answer>()
        .examples(&[Example {
            says: "Reads the part of the last long output that its answer did not hold.",
            args: r#"{"from_byte": 128, "bytes_max": 512}"#,
            gives: "Go on with from_byte 640",
        }])
    }

    async fn run(terminals: &Arc<Terminals>, input: Input, context: &Context) -> Result<Outcome, ToolError> {
        let (terminals, caller) = (terminals.clone(), context.caller.id.clone());
        let raw = input.raw;
        let from = input.from_byte;
        let bytes_max = input.bytes_max.clamp(16, BYTES_MAX);
        let read =
            move || terminals.outputs.read(&caller, input.run.as_deref(), input.stream, from, bytes_max);
        let piece = tokio::task::spawn_blocking(read)
            .await
            .map_err(|error| ToolError::Failed(format!("reading broke off: {error}; please report it")))??;
        Ok(answer(piece, from, raw).into())
    }
}

fn answer(mut piece: Piece, from: u64, raw: bool) -> ToolResult {
    let from = from.min(piece.length);
    if from + (piece.bytes.len() as u64) < piece.length {
        let unfinished = text::unfinished(&piece.bytes);
        piece.bytes.truncate(piece.bytes.len() - unfinished);
    }
    let next_byte = from + piece.bytes.len() as u64;
    let (text, is_base64) = match if raw { text::exact(&piece.bytes) } else { plain(&piece.bytes) } {
        Readable::Text(text) => (text, false),
        Readable::Binary(text) => (text, true),
    };
    let at_end = next_byte >= piece.length;
    let says = if at_end {
        format!("{text}\n[This is the end: {} bytes are kept.]", piece.length)
    } else {
        format!("{text}\n[Go on with from_byte {next_byte} of {}.]", piece.length)
    };
    ToolResult::text_and(&says, &Answer { text, is_base64, next_byte, kept_bytes: piece.length, at_end })
}

fn plain(bytes: &[u8]) -> Readable {
    if text::is_binary(bytes) {
        return Readable::Text(format!(
            "[{} bytes that are not text; `raw` gives them as base64]",
            bytes.len()
        ));
    }
    Readable::Text(text::stripped(bytes))
}

//! Anthropic's answer, whole or event by event.

use serde::Deserialize;
use serde_json::Value;

use super::super::decoder::ReadAnswer;
use super::super::errors::failure_in_stream;
use super::super::json::{answer, or_default};
use super::super::own_tools::used_in_messages;
use super::super::seal::Maker;
use super::super::sse::Event;
use super::{WireUsage, stop_reason};
use crate::chat::{Failure, Piece, RawJson};

/// An answer, whole or at its beginning.
#[derive(Deserialize)]
struct Whole {
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    model: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    content: Vec<Block>,
    #[serde(default)]
    stop_reason: Option<String>,
    #[serde(default)]
    stop_sequence: Option<String>,
    #[serde(default)]
    usage: Option<WireUsage>,
}

#[derive(Deserialize, Default)]
struct Block {
    r#type: String,
    #[serde(default)]
    text: Option<String>,
    #[serde(default)]
    thinking: Option<String>,
    #[serde(default)]
    signature: Option<String>,
    #[serde(default)]
    data: Option<String>,
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    input: Option<RawJson>,
}

/// Any event of a stream.
#[derive(Deserialize)]
struct Step {
    r#type: String,
    #[serde(default)]
    message: Option<Whole>,
    #[serde(default)]
    index: usize,
    #[serde(default)]
    content_block: Option<Block>,
    #[serde(default)]
    delta: Option<Delta>,
    #[serde(default)]
    usage: Option<WireUsage>,
    #[serde(default)]
    error: Option<Value>,
}

#[derive(Deserialize)]
struct Delta {
    #[serde(default)]
    text: Option<String>,
    #[serde(default)]
    partial_json: Option<String>,
    #[serde(default)]
    thinking: Option<String>,
    #[serde(default)]
    signature: Option<String>,
    #[serde(default)]
    stop_reason: Option<String>,
    #[serde(default)]
    stop_sequence: Option<String>,
}

/// What is remembered between events.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    ended: bool,
    /// Each tool call, in order.
    calls: Vec<Known>,
    prefix: String,
}

/// A tool call that has begun.
#[derive(Debug)]
struct Known {
    /// The number of its block.
    block: usize,
    /// Whether any of its arguments have come.
    has_arguments: bool,
}

/// The pieces of a whole answer.
pub(crate) fn decode(bytes: &[u8], prefix: &str) -> Result<Vec<Piece>, Failure> {
    let mut pieces = Vec::new();
    Reader::new(prefix).whole(answer(bytes)?, &mut pieces);
    Ok(pieces)
}

impl Reader {
    pub(crate) fn new(prefix: &str) -> Self {
        Self { prefix: prefix.to_owned(), ..Self::default() }
    }

    fn whole(&mut self, whole: Whole, out: &mut Vec<Piece>) {
        out.push(Piece::Begin { id: whole.id, model: whole.model });
        for (index, block) in whole.content.into_iter().enumerate() {
            self.block(index, block, out);
            self.close(index, out);
        }
        counted(whole.usage, out);
        if let Some(reason) = whole.stop_reason {
            out.push(Piece::Stop(stop_reason(&reason, whole.stop_sequence)));
        }
    }

    fn block(&mut self, index: usize, block: Block, out: &mut Vec<Piece>) {
        match block.r#type.as_str() {
            "text" => out.extend(said(block.text).map(Piece::Text)),
            "thinking" => {
                out.extend(said(block.thinking).map(Piece::Reasoning));
                out.extend(said(block.signature).map(|seal| sealed(&seal, false)));
            }
            "redacted_thinking" => out.extend(said(block.data).map(|seal| sealed(&seal, true))),
            "tool_use" => self.call(index, block, out),
            "server_tool_use" => out.extend(
                block
                    .name
                    .map(|name| Piece::OwnTool { name: used_in_messages(&name).to_owned(), uses: None }),
            ),
            // What tools that Anthropic itself ran gave, and what later versions add: nothing that a caller of ours could
            // answer.
            _ => {}
        }
    }

    /// In a stream the input is empty here, and comes in deltas.
    fn call(&mut self, block_index: usize, block: Block, out: &mut Vec<Piece>) {
        let index = self.calls.len();
        self.calls.push(Known { block: block_index, has_arguments: false });
        let id = block.id.unwrap_or_else(|| super::super::made_id(&self.prefix, index));
        out.push(Piece::ToolCallStart { index, id, name: block.name.unwrap_or_default(), seal: None });
        if let Some(input) = block.input.filter(|input| input.get() != "{}") {
            self.arguments(block_index, input.get().to_owned(), out);
        }
    }

    fn arguments(&mut self, block_index: usize, fragment: String, out: &mut Vec<Piece>) {
        if let Some(index) = self.calls.iter().position(|known| known.block == block_index) {
            self.calls[index].has_arguments = true;
            out.push(Piece::ToolCallArguments { index, fragment });
        }
    }

    /// A call without arguments has an empty object of them.
    fn close(&mut self, block_index: usize, out: &mut Vec<Piece>) {
        if self.calls.iter().any(|known| known.block == block_index && !known.has_arguments) {
            self.arguments(block_index, "{}".to_owned(), out);
        }
    }

    fn delta(&mut self, block_index: usize, delta: Delta, out: &mut Vec<Piece>) {
        out.extend(said(delta.text).map(Piece::Text));
        out.extend(said(delta.thinking).map(Piece::Reasoning));
        out.extend(said(delta.signature).map(|seal| sealed(&seal, false)));
        if let Some(fragment) = said(delta.partial_json) {
            self.arguments(block_index, fragment, out);
        }
        if let Some(reason) = delta.stop_reason {
            out.push(Piece::Stop(stop_reason(&reason, delta.stop_sequence)));
        }
    }

    fn step(&mut self, step: Step, out: &mut Vec<Piece>) {
        match step.r#type.as_str() {
            "error" => {
                let error = serde_json::json!({ "error": step.error });
                out.push(Piece::Failed(failure_in_stream(&error)));
                return;
            }
            "message_stop" => self.ended = true,
            "content_block_stop" => self.close(step.index, out),
            _ => {}
        }
        if let Some(message) = step.message {
            self.whole(message, out);
        }
        if let Some(block) = step.content_block {
            self.block(step.index, block, out);
        }
        if let Some(delta) = step.delta {
            self.delta(step.index, delta, out);
        }
        counted(step.usage, out);
    }
}

impl ReadAnswer for Reader {
    fn event(&mut self, event: Event<'_>, out: &mut Vec<Piece>) {
        match answer(event.data) {
            Ok(step) => self.step(step, out),
            Err(failure) => out.push(Piece::Failed(failure)),
        }
    }

    fn is_ended(&self) -> bool {
        self.ended
    }
}

/// How often a tool was used stands under its name and this.
const REQUESTS: &str = "_requests";

fn counted(counted: Option<WireUsage>, out: &mut Vec<Piece>) {
    let Some(mut counted) = counted else { return };
    let uses = counted.server_tool_use.take().into_iter().flatten().filter_map(|(field, uses)| {
        let name = used_in_messages(field.strip_suffix(REQUESTS)?).to_owned();
        let uses = uses.as_u64().filter(|uses| *uses > 0)?;
        Some(Piece::OwnTool { name, uses: Some(uses) })
    });
    out.extend(uses);
    out.push(Piece::Usage(counted.into()));
}

fn said(words: Option<String>) -> Option<String> {
    words.filter(|words| !words.is_empty())
}

fn sealed(seal: &str, redacted: bool) -> Piece {
    Piece::ReasoningSeal { seal: Maker::Anthropic.mark_on(seal), redacted }
}

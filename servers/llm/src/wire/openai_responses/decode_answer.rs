//! A provider's answer in the words of responses, whole or event by event.

use serde::Deserialize;
use serde_json::Value;

use super::super::decoder::ReadAnswer;
use super::super::errors::failure_in_stream;
use super::super::json::{answer, lenient, or_default};
use super::super::own_tools::used_in_responses;
use super::super::seal::Maker;
use super::super::sse::Event;
use super::WireUsage;
use crate::chat::{Failure, Piece, StopReason};

#[derive(Deserialize)]
struct Whole {
    #[serde(default, deserialize_with = "lenient")]
    id: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    model: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    status: String,
    #[serde(default, deserialize_with = "or_default")]
    output: Vec<Item>,
    #[serde(default)]
    usage: Option<WireUsage>,
    #[serde(default)]
    incomplete_details: Option<Incomplete>,
    #[serde(default)]
    error: Option<Value>,
}

#[derive(Deserialize)]
struct Incomplete {
    #[serde(default)]
    reason: Option<String>,
}

#[derive(Deserialize)]
struct Item {
    r#type: String,
    #[serde(default, deserialize_with = "or_default")]
    content: Vec<Words>,
    #[serde(default, deserialize_with = "or_default")]
    summary: Vec<Words>,
    #[serde(default)]
    encrypted_content: Option<String>,
    #[serde(default)]
    call_id: Option<String>,
    #[serde(default)]
    name: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    arguments: String,
}

#[derive(Deserialize)]
struct Words {
    #[serde(default)]
    text: Option<String>,
    #[serde(default)]
    refusal: Option<String>,
}

/// Any event of a stream.
#[derive(Deserialize)]
struct Step {
    r#type: String,
    #[serde(default)]
    response: Option<Whole>,
    #[serde(default)]
    output_index: u64,
    #[serde(default)]
    summary_index: u64,
    #[serde(default)]
    item: Option<Item>,
    #[serde(default, deserialize_with = "or_default")]
    delta: String,
}

/// What is remembered between events.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    ended: bool,
    calls: Vec<Known>,
    prefix: String,
}

/// A tool call that has begun.
#[derive(Debug)]
struct Known {
    output_index: u64,
    has_arguments: bool,
}

/// The pieces of a whole answer.
pub(crate) fn decode(bytes: &[u8], prefix: &str) -> Result<Vec<Piece>, Failure> {
    let mut whole: Whole = answer(bytes)?;
    let mut reader = Reader::new(prefix);
    let mut pieces = vec![Piece::Begin { id: whole.id.take(), model: whole.model.take() }];
    for (index, item) in (0..).zip(std::mem::take(&mut whole.output)) {
        reader.whole_item(index, &item, &mut pieces);
    }
    reader.end(whole, &mut pieces);
    Ok(pieces)
}

impl Reader {
    pub(crate) fn new(prefix: &str) -> Self {
        Self { prefix: prefix.to_owned(), ..Self::default() }
    }

    fn whole_item(&mut self, index: u64, item: &Item, out: &mut Vec<Piece>) {
        if item.r#type == "message" {
            let words =
                item.content.iter().filter_map(|words| words.text.clone().or_else(|| words.refusal.clone()));
            out.extend(words.map(Piece::Text));
        }
        if item.r#type == "reasoning" {
            let shown = if item.summary.is_empty() { &item.content } else { &item.summary };
            let shown: Vec<_> = shown.iter().filter_map(|words| words.text.as_deref()).collect();
            out.extend((!shown.is_empty()).then(|| Piece::Reasoning(shown.join("\n\n"))));
        }
        self.begin(index, item, out);
        self.close(index, item, out);
    }

    fn begin(&mut self, output_index: u64, item: &Item, out: &mut Vec<Piece>) {
        if item.r#type != "function_call" {
            return;
        }
        let index = self.calls.len();
        self.calls.push(Known { output_index, has_arguments: false });
        let id = item.call_id.clone().unwrap_or_else(|| super::super::made_id(&self.prefix, index));
        let name = item.name.clone().unwrap_or_default();
        out.push(Piece::ToolCallStart { index, id, name, seal: None });
    }

    /// What only the end of an item tells: that OpenAI ran a tool of its own, the seal of a thought, and arguments that came in no delta.
    fn close(&mut self, output_index: u64, item: &Item, out: &mut Vec<Piece>) {
        let used = used_in_responses(&item.r#type).map(str::to_owned);
        out.extend(used.map(|name| Piece::OwnTool { name, uses: None }));
        if let Some(seal) = item.encrypted_content.as_deref().filter(|seal| !seal.is_empty()) {
            out.push(Piece::ReasoningSeal { seal: Maker::OpenAi.mark_on(seal), redacted: false });
        }
        let silent =
            self.calls.iter().any(|known| known.output_index == output_index && !known.has_arguments);
        if silent && !item.arguments.is_empty() {
            self.arguments(output_index, item.arguments.clone(), out);
        }
    }

    fn arguments(&mut self, output_index: u64, fragment: String, out: &mut Vec<Piece>) {
        if let Some(index) = self.calls.iter().position(|known| known.output_index == output_index) {
            self.calls[index].has_arguments = true;
            out.push(Piece::ToolCallArguments { index, fragment });
        }
    }

    fn end(&mut self, whole: Whole, out: &mut Vec<Piece>) {
        self.ended = true;
        out.extend(whole.usage.map(|usage| Piece::Usage(usage.into())));
        if let Some(error) = whole.error.filter(|error| !error.is_null()) {
            out.push(Piece::Failed(failure_in_stream(&serde_json::json!({ "error": error }))));
            return;
        }
        let why = whole.incomplete_details.and_then(|details| details.reason);
        out.push(Piece::Stop(match (whole.status.as_str(), why.as_deref()) {
            ("incomplete", Some("max_output_tokens")) => StopReason::Length,
            ("incomplete", Some("content_filter")) => StopReason::ContentFilter,
            ("incomplete", why) => StopReason::Other(why.unwrap_or("incomplete").to_owned()),
            ("cancelled", _) => StopReason::Cancelled,
            _ if !self.calls.is_empty() => StopReason::ToolCalls,
            _ => StopReason::End,
        }));
    }

    fn step(&mut self, step: Step, out: &mut Vec<Piece>) {
        match (step.r#type.as_str(), step.response, step.item) {
            ("response.created", Some(whole), _) => {
                out.push(Piece::Begin { id: whole.id, model: whole.model });
            }
            ("response.completed" | "response.incomplete" | "response.failed", Some(whole), _) => {
                self.end(whole, out);
            }
            ("response.output_item.added", _, Some(item)) => self.begin(step.output_index, &item, out),
            ("response.output_item.done", _, Some(item)) => self.close(step.output_index, &item, out),
            ("response.output_text.delta" | "response.refusal.delta", ..) => {
                out.push(Piece::Text(step.delta));
            }
            ("response.reasoning_summary_text.delta" | "response.reasoning_text.delta", ..) => {
                out.push(Piece::Reasoning(step.delta));
            }
            ("response.reasoning_summary_part.added", ..) if step.summary_index > 0 => {
                out.push(Piece::Reasoning("\n\n".to_owned()));
            }
            ("response.function_call_arguments.delta", ..) => {
                self.arguments(step.output_index, step.delta, out);
            }
            _ => {}
        }
    }
}

impl ReadAnswer for Reader {
    fn event(&mut self, event: Event<'_>, out: &mut Vec<Piece>) {
        if event.data == b"[DONE]" {
            return;
        }
        match answer::<Step>(event.data) {
            Ok(step) if step.r#type == "error" => {
                let error = serde_json::from_slice(event.data).unwrap_or_default();
                out.push(Piece::Failed(failure_in_stream(&error)));
            }
            Ok(step) => self.step(step, out),
            Err(failure) => out.push(Piece::Failed(failure)),
        }
    }

    fn is_ended(&self) -> bool {
        self.ended
    }
}

//! Our answer in Anthropic's words, whole or event by event.

use serde::Serialize;
use serde_json::{Value, json};

use super::super::client::Answer;
use super::super::json::{arguments, body};
use super::super::sse;
use super::{WireUsage, stop_words};
use crate::chat::{ChatResult, Failure, FailureKind, Part, Piece, RawJson, StopReason, Usage};

/// Writes events: the message, its blocks one after the other, why it ends with what it took, and the end. The first
/// event waits for the first words: it tells the prompt's tokens, which some providers say just before them.
#[derive(Debug)]
pub(crate) struct Writer {
    answer: Answer,
    begun: bool,
    failed: bool,
    /// The block that is open, and how many there have been.
    open: Option<Open>,
    blocks: usize,
    /// The number of the block of each tool call.
    calls: Vec<usize>,
    usage: Usage,
    stop: Option<StopReason>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Open {
    Text,
    Thinking,
    Call,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Block<'a> {
    Text { text: &'a str },
    Thinking { thinking: &'a str, signature: &'a str },
    RedactedThinking { data: &'a str },
    ToolUse { id: &'a str, name: &'a str, input: RawJson },
}

#[derive(Serialize)]
#[serde(tag = "type")]
enum Delta<'a> {
    #[serde(rename = "text_delta")]
    Text { text: &'a str },
    #[serde(rename = "thinking_delta")]
    Thinking { thinking: &'a str },
    #[serde(rename = "signature_delta")]
    Signature { signature: &'a str },
    #[serde(rename = "input_json_delta")]
    InputJson { partial_json: &'a str },
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Step<'a> {
    MessageStart { message: Whole<'a> },
    ContentBlockStart { index: usize, content_block: Block<'a> },
    ContentBlockDelta { index: usize, delta: Delta<'a> },
    ContentBlockStop { index: usize },
    MessageDelta { delta: Ending<'a>, usage: WireUsage },
    MessageStop,
}

#[derive(Serialize)]
struct Ending<'a> {
    stop_reason: &'static str,
    stop_sequence: Option<&'a str>,
}

#[derive(Serialize)]
struct Whole<'a> {
    id: &'a str,
    r#type: &'static str,
    role: &'static str,
    model: &'a str,
    content: Vec<Block<'a>>,
    stop_reason: Option<&'static str>,
    stop_sequence: Option<&'a str>,
    usage: WireUsage,
}

impl Step<'_> {
    fn name(&self) -> &'static str {
        match self {
            Self::MessageStart { .. } => "message_start",
            Self::ContentBlockStart { .. } => "content_block_start",
            Self::ContentBlockDelta { .. } => "content_block_delta",
            Self::ContentBlockStop { .. } => "content_block_stop",
            Self::MessageDelta { .. } => "message_delta",
            Self::MessageStop => "message_stop",
        }
    }

    fn write(&self, out: &mut Vec<u8>) {
        sse::write(out, self.name(), self);
    }
}

impl Writer {
    pub(crate) fn new(answer: &Answer) -> Self {
        Self {
            answer: answer.named("msg_"),
            begun: false,
            failed: false,
            open: None,
            blocks: 0,
            calls: Vec::new(),
            usage: Usage::default(),
            stop: None,
        }
    }

    pub(crate) fn piece(&mut self, piece: &Piece, out: &mut Vec<u8>) {
        match piece {
            Piece::Text(text) => self.text(text, out),
            Piece::Reasoning(thinking) => self.thinking(thinking, out),
            Piece::ReasoningSeal { seal, redacted } => self.seal(seal, *redacted, out),
            Piece::ToolCallStart { id, name, .. } => self.call(id, name, out),
            Piece::ToolCallArguments { index, fragment } => self.arguments(*index, fragment, out),
            Piece::Usage(usage) => self.usage.update(*usage),
            Piece::Stop(reason) => self.stop = Some(reason.clone()),
            Piece::Failed(failure) => self.fail(failure, out),
            Piece::Begin { .. } | Piece::Progress { .. } | Piece::Facts { .. } | Piece::OwnTool { .. } => {}
        }
    }

    pub(crate) fn finish(&mut self, out: &mut Vec<u8>) {
        if self.failed {
            return;
        }
        self.begin(out);
        self.close(out);
        let (stop_reason, stop_sequence) = stop_words(self.stop.as_ref());
        let delta = Ending { stop_reason, stop_sequence };
        Step::MessageDelta { delta, usage: (&self.usage).into() }.write(out);
        Step::MessageStop.write(out);
    }

    fn begin(&mut self, out: &mut Vec<u8>) {
        if std::mem::replace(&mut self.begun, true) {
            return;
        }
        let message = Whole {
            id: &self.answer.id,
            r#type: "message",
            role: "assistant",
            model: &self.answer.model,
            content: Vec::new(),
            stop_reason: None,
            stop_sequence: None,
            usage: (&self.usage).into(),
        };
        Step::MessageStart { message }.write(out);
    }

    fn text(&mut self, text: &str, out: &mut Vec<u8>) {
        self.opened(Open::Text, || Block::Text { text: "" }, out);
        self.delta(Delta::Text { text }, out);
    }

    fn thinking(&mut self, thinking: &str, out: &mut Vec<u8>) {
        self.opened(Open::Thinking, || Block::Thinking { thinking: "", signature: "" }, out);
        self.delta(Delta::Thinking { thinking }, out);
    }

    fn seal(&mut self, seal: &str, redacted: bool, out: &mut Vec<u8>) {
        if redacted {
            self.open(Open::Thinking, Block::RedactedThinking { data: seal }, out);
        } else {
            self.opened(Open::Thinking, || Block::Thinking { thinking: "", signature: "" }, out);
            self.delta(Delta::Signature { signature: seal }, out);
        }
        self.close(out);
    }

    fn call(&mut self, id: &str, name: &str, out: &mut Vec<u8>) {
        self.open(Open::Call, Block::ToolUse { id, name, input: arguments("") }, out);
        self.calls.push(self.blocks - 1);
    }

    fn arguments(&self, index: usize, partial_json: &str, out: &mut Vec<u8>) {
        if let Some(&index) = self.calls.get(index) {
            Step::ContentBlockDelta { index, delta: Delta::InputJson { partial_json } }.write(out);
        }
    }

    fn opened<'a>(&mut self, kind: Open, block: impl FnOnce() -> Block<'a>, out: &mut Vec<u8>) {
        if self.open != Some(kind) {
            self.open(kind, block(), out);
        }
    }

    fn open(&mut self, kind: Open, content_block: Block<'_>, out: &mut Vec<u8>) {
        self.begin(out);
        self.close(out);
        Step::ContentBlockStart { index: self.blocks, content_block }.write(out);
        self.open = Some(kind);
        self.blocks += 1;
    }

    fn close(&mut self, out: &mut Vec<u8>) {
        if self.open.take().is_some() {
            Step::ContentBlockStop { index: self.blocks - 1 }.write(out);
        }
    }

    fn delta(&self, delta: Delta<'_>, out: &mut Vec<u8>) {
        Step::ContentBlockDelta { index: self.blocks - 1, delta }.write(out);
    }

    fn fail(&mut self, failure: &Failure, out: &mut Vec<u8>) {
        self.failed = true;
        sse::write(out, "error", &error_value(failure));
    }
}

/// The body of a whole answer.
pub(crate) fn encode(result: &ChatResult, answer: &Answer) -> Vec<u8> {
    let (stop_reason, stop_sequence) = stop_words(result.stats.stop_reason.as_ref());
    body(&Whole {
        id: &answer.named("msg_").id,
        r#type: "message",
        role: "assistant",
        model: &answer.model,
        content: result.message.parts.iter().filter_map(block).collect(),
        stop_reason: Some(stop_reason),
        stop_sequence,
        usage: (&result.usage).into(),
    })
}

fn block(part: &Part) -> Option<Block<'_>> {
    match part {
        Part::Text { text } => Some(Block::Text { text }),
        Part::Reasoning(thought) => {
            let signature = thought.seal.as_deref().unwrap_or("");
            Some(match thought.redacted {
                true => Block::RedactedThinking { data: signature },
                false => Block::Thinking { thinking: &thought.text, signature },
            })
        }
        Part::ToolCall(call) => {
            Some(Block::ToolUse { id: &call.id, name: &call.name, input: arguments(&call.arguments) })
        }
        Part::Image(_) | Part::File(_) | Part::ToolResult(_) => None,
    }
}

/// The error, as Anthropic's programs expect it: in a body, or in a stream.
pub(crate) fn error_value(failure: &Failure) -> Value {
    json!({ "type": "error", "error": { "type": name(failure.kind), "message": failure.message } })
}

/// The status that Anthropic's programs know for it.
pub(crate) fn status(failure: &Failure) -> u16 {
    match failure.kind {
        FailureKind::Overloaded => 529,
        _ => failure.status_for_callers(),
    }
}

fn name(kind: FailureKind) -> &'static str {
    match kind {
        FailureKind::PromptTooLong | FailureKind::Invalid | FailureKind::Filtered => "invalid_request_error",
        FailureKind::Unknown => "authentication_error",
        FailureKind::NotAllowed => "permission_error",
        FailureKind::NotFound => "not_found_error",
        FailureKind::RateLimited => "rate_limit_error",
        FailureKind::Exhausted => "billing_error",
        FailureKind::Overloaded => "overloaded_error",
        FailureKind::TimedOut => "timeout_error",
        FailureKind::Key | FailureKind::Forbidden => "api_error",
        FailureKind::Broken | FailureKind::Cut | FailureKind::Malformed => "api_error",
    }
}

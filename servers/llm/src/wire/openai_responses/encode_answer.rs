//! Our answer in the words of responses, whole or event by event.

use serde::Serialize;
use serde_json::{Value, json};

use super::super::client::Answer;
use super::super::json::body;
use super::super::openai_chat::encode_answer::names;
use super::super::sse;
use super::WireUsage;
use crate::chat::{ChatResult, Failure, Part, Piece, StopReason, Usage};

/// Writes events: the response, its items one after the other with their parts, and the response again, complete.
#[derive(Debug)]
pub(crate) struct Writer {
    answer: Answer,
    number: u64,
    begun: bool,
    failed: bool,
    items: Vec<Item>,
    /// Which item is each tool call.
    calls: Vec<usize>,
    usage: Usage,
    stop: Option<StopReason>,
}

#[derive(Debug)]
struct Item {
    id: String,
    kind: Kind,
    /// What it says: words, a thought, or arguments.
    text: String,
    open: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    Message,
    Reasoning { seal: Option<String> },
    Call { call: String, name: String },
}

#[derive(Serialize)]
struct Step<'a> {
    r#type: &'static str,
    sequence_number: u64,
    #[serde(flatten)]
    fields: Fields<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Fields<'a> {
    Response { response: Value },
    Item { output_index: usize, item: Value },
    Part { item_id: &'a str, output_index: usize, content_index: u32, part: Value },
    Summary { item_id: &'a str, output_index: usize, summary_index: u32, part: Value },
    TextDelta { item_id: &'a str, output_index: usize, content_index: u32, delta: &'a str, logprobs: [u8; 0] },
    TextDone { item_id: &'a str, output_index: usize, content_index: u32, text: &'a str, logprobs: [u8; 0] },
    SummaryDelta { item_id: &'a str, output_index: usize, summary_index: u32, delta: &'a str },
    SummaryDone { item_id: &'a str, output_index: usize, summary_index: u32, text: &'a str },
    ArgumentsDelta { item_id: &'a str, output_index: usize, delta: &'a str },
    ArgumentsDone { item_id: &'a str, output_index: usize, name: &'a str, arguments: &'a str },
}

impl Writer {
    pub(crate) fn new(answer: &Answer) -> Self {
        Self {
            answer: answer.clone(),
            number: 0,
            begun: false,
            failed: false,
            items: Vec::new(),
            calls: Vec::new(),
            usage: Usage::default(),
            stop: None,
        }
    }

    pub(crate) fn piece(&mut self, piece: &Piece, out: &mut Vec<u8>) {
        if !matches!(piece, Piece::Progress { .. }) {
            self.begin(out);
        }
        match piece {
            Piece::Text(words) => self.text(words, out),
            Piece::Reasoning(words) => self.reasoning(words, out),
            Piece::ReasoningSeal { seal, .. } => self.seal(seal, out),
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
        self.close_all(out);
        let (status, why) = status(self.stop.as_ref());
        let response = self.response(status, why, None);
        let name = if status == "incomplete" { "response.incomplete" } else { "response.completed" };
        self.step(name, Fields::Response { response }, out);
    }

    fn begin(&mut self, out: &mut Vec<u8>) {
        if std::mem::replace(&mut self.begun, true) {
            return;
        }
        for name in ["response.created", "response.in_progress"] {
            let response = self.response("in_progress", None, None);
            self.step(name, Fields::Response { response }, out);
        }
    }

    fn response(&self, status: &str, why: Option<&str>, error: Option<Value>) -> Value {
        let output =
            self.items.iter().filter(|item| !item.open).map(|item| item.value("completed")).collect();
        // Usage is known at the end only.
        let usage = (status != "in_progress").then_some(self.usage);
        response(&self.answer, status, why, output, usage.as_ref(), error)
    }

    fn step(&mut self, name: &'static str, fields: Fields<'_>, out: &mut Vec<u8>) {
        let step = Step { r#type: name, sequence_number: self.number, fields };
        self.number += 1;
        sse::write(out, name, &step);
    }

    fn text(&mut self, delta: &str, out: &mut Vec<u8>) {
        let at = self.current(|kind| *kind == Kind::Message).unwrap_or_else(|| {
            self.close_all(out);
            let at = self.open(Kind::Message, out);
            let (id, part) = (self.items[at].id.clone(), part(""));
            let fields = Fields::Part { item_id: &id, output_index: at, content_index: 0, part };
            self.step("response.content_part.added", fields, out);
            at
        });
        let id = self.grow(at, delta);
        let fields =
            Fields::TextDelta { item_id: &id, output_index: at, content_index: 0, delta, logprobs: [] };
        self.step("response.output_text.delta", fields, out);
    }

    fn reasoning(&mut self, delta: &str, out: &mut Vec<u8>) {
        let at = self.thought(out);
        if self.items[at].text.is_empty() {
            let (id, part) = (self.items[at].id.clone(), summary(""));
            let fields = Fields::Summary { item_id: &id, output_index: at, summary_index: 0, part };
            self.step("response.reasoning_summary_part.added", fields, out);
        }
        let id = self.grow(at, delta);
        let fields = Fields::SummaryDelta { item_id: &id, output_index: at, summary_index: 0, delta };
        self.step("response.reasoning_summary_text.delta", fields, out);
    }

    fn thought(&mut self, out: &mut Vec<u8>) -> usize {
        self.current(|kind| *kind == Kind::Reasoning { seal: None }).unwrap_or_else(|| {
            self.close_all(out);
            self.open(Kind::Reasoning { seal: None }, out)
        })
    }

    fn seal(&mut self, seal: &str, out: &mut Vec<u8>) {
        let at = self.thought(out);
        self.items[at].kind = Kind::Reasoning { seal: Some(seal.to_owned()) };
        self.close(at, out);
    }

    /// Calls stay open until all of them are over: some providers tell them alternately.
    fn call(&mut self, id: &str, name: &str, out: &mut Vec<u8>) {
        if !matches!(self.items.last(), Some(Item { kind: Kind::Call { .. }, .. })) {
            self.close_all(out);
        }
        let at = self.open(Kind::Call { call: id.to_owned(), name: name.to_owned() }, out);
        self.calls.push(at);
    }

    fn arguments(&mut self, index: usize, delta: &str, out: &mut Vec<u8>) {
        let Some(&at) = self.calls.get(index) else { return };
        let id = self.grow(at, delta);
        let fields = Fields::ArgumentsDelta { item_id: &id, output_index: at, delta };
        self.step("response.function_call_arguments.delta", fields, out);
    }

    /// The last item, if it is open and of this kind.
    fn current(&self, is: impl Fn(&Kind) -> bool) -> Option<usize> {
        let last = self.items.last()?;
        (last.open && is(&last.kind)).then(|| self.items.len() - 1)
    }

    fn grow(&mut self, at: usize, delta: &str) -> String {
        self.items[at].text.push_str(delta);
        self.items[at].id.clone()
    }

    fn open(&mut self, kind: Kind, out: &mut Vec<u8>) -> usize {
        let at = self.items.len();
        let item = Item { id: kind.id(&self.answer.id, at), kind, text: String::new(), open: true };
        let value = item.value("in_progress");
        self.items.push(item);
        self.step("response.output_item.added", Fields::Item { output_index: at, item: value }, out);
        at
    }

    fn close_all(&mut self, out: &mut Vec<u8>) {
        for at in 0..self.items.len() {
            if self.items[at].open {
                self.close(at, out);
            }
        }
    }

    fn close(&mut self, at: usize, out: &mut Vec<u8>) {
        self.items[at].open = false;
        let Item { id, kind, text, .. } = &self.items[at];
        let (id, kind, text) = (id.clone(), kind.clone(), text.clone());
        let (item_id, output_index) = (id.as_str(), at);
        match &kind {
            Kind::Message => {
                let done =
                    Fields::TextDone { item_id, output_index, content_index: 0, text: &text, logprobs: [] };
                self.step("response.output_text.done", done, out);
                let done = Fields::Part { item_id, output_index, content_index: 0, part: part(&text) };
                self.step("response.content_part.done", done, out);
            }
            Kind::Reasoning { .. } if text.is_empty() => {}
            Kind::Reasoning { .. } => {
                let done = Fields::SummaryDone { item_id, output_index, summary_index: 0, text: &text };
                self.step("response.reasoning_summary_text.done", done, out);
                let done = Fields::Summary { item_id, output_index, summary_index: 0, part: summary(&text) };
                self.step("response.reasoning_summary_part.done", done, out);
            }
            Kind::Call { name, .. } => {
                let done = Fields::ArgumentsDone { item_id, output_index, name, arguments: written(&text) };
                self.step("response.function_call_arguments.done", done, out);
            }
        }
        let item = self.items[at].value("completed");
        self.step("response.output_item.done", Fields::Item { output_index: at, item }, out);
    }

    fn fail(&mut self, failure: &Failure, out: &mut Vec<u8>) {
        self.failed = true;
        let (kind, code) = names(failure.kind);
        let error = json!({ "code": code.unwrap_or(kind), "message": failure.message });
        let response = self.response("failed", None, Some(error));
        self.step("response.failed", Fields::Response { response }, out);
    }
}

impl Kind {
    fn id(&self, answer: &str, at: usize) -> String {
        let prefix = match self {
            Self::Message => "msg",
            Self::Reasoning { .. } => "rs",
            Self::Call { .. } => "fc",
        };
        format!("{prefix}_{answer}_{at}")
    }
}

impl Item {
    fn value(&self, status: &str) -> Value {
        match &self.kind {
            Kind::Message => {
                let content = if self.open { vec![] } else { vec![part(&self.text)] };
                json!({ "id": self.id, "type": "message", "role": "assistant", "status": status, "content": content })
            }
            Kind::Reasoning { seal } => {
                let shown =
                    if self.text.is_empty() || self.open { vec![] } else { vec![summary(&self.text)] };
                let mut item = json!({ "id": self.id, "type": "reasoning", "summary": shown });
                if let Some(seal) = seal {
                    item["encrypted_content"] = seal.as_str().into();
                }
                item
            }
            Kind::Call { call, name } => {
                let arguments = if self.open { "" } else { written(&self.text) };
                json!({ "id": self.id, "type": "function_call", "status": status, "call_id": call, "name": name,
                        "arguments": arguments })
            }
        }
    }
}

/// Arguments that a program can read even where the model wrote none.
fn written(arguments: &str) -> &str {
    if arguments.is_empty() { "{}" } else { arguments }
}

fn part(text: &str) -> Value {
    json!({ "type": "output_text", "text": text, "annotations": [], "logprobs": [] })
}

fn summary(text: &str) -> Value {
    json!({ "type": "summary_text", "text": text })
}

fn status(stop: Option<&StopReason>) -> (&'static str, Option<&'static str>) {
    match stop {
        Some(StopReason::Length | StopReason::ContextFull) => ("incomplete", Some("max_output_tokens")),
        Some(StopReason::ContentFilter) => ("incomplete", Some("content_filter")),
        Some(StopReason::Cancelled) => ("cancelled", None),
        _ => ("completed", None),
    }
}

/// The response; what it could repeat of its request it does not.
fn response(
    answer: &Answer,
    status: &str,
    why: Option<&str>,
    output: Vec<Value>,
    usage: Option<&Usage>,
    error: Option<Value>,
) -> Value {
    json!({
        "id": answer.named("resp_").id,
        "object": "response",
        "created_at": answer.created_s,
        "status": status,
        "error": error,
        "incomplete_details": why.map(|reason| json!({ "reason": reason })),
        "instructions": null,
        "max_output_tokens": null,
        "metadata": {},
        "model": answer.model,
        "output": output,
        "parallel_tool_calls": true,
        "previous_response_id": null,
        "reasoning": { "effort": null, "summary": null },
        "store": false,
        "temperature": null,
        "text": { "format": { "type": "text" } },
        "tool_choice": "auto",
        "tools": [],
        "top_p": null,
        "truncation": "disabled",
        "usage": usage.map(WireUsage::from),
    })
}

/// The body of a whole answer.
pub(crate) fn encode(result: &ChatResult, answer: &Answer) -> Vec<u8> {
    let (status, why) = status(result.stats.stop_reason.as_ref());
    let items = result.message.parts.iter().enumerate().filter_map(|(at, part)| item(part, &answer.id, at));
    let output = items.map(|item| item.value("completed")).collect();
    body(&response(answer, status, why, output, Some(&result.usage), None))
}

fn item(part: &Part, answer: &str, at: usize) -> Option<Item> {
    let (kind, text) = match part {
        Part::Text { text } => (Kind::Message, text),
        Part::Reasoning(thought) => (Kind::Reasoning { seal: thought.seal.clone() }, &thought.text),
        Part::ToolCall(call) => {
            (Kind::Call { call: call.id.clone(), name: call.name.clone() }, &call.arguments)
        }
        Part::Image(_) | Part::File(_) | Part::ToolResult(_) => return None,
    };
    Some(Item { id: kind.id(answer, at), kind, text: text.clone(), open: false })
}

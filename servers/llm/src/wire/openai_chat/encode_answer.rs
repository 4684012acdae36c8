//! Our answer in the words of chat completions, whole or chunk by chunk.

use serde::Serialize;
use serde_json::{Value, json};

use super::super::client::Answer;
use super::super::json::body;
use super::super::sse;
use super::encode_request::sealed;
use super::{WireUsage, finish_reason};
use crate::chat::{
    ChatResult, Failure, FailureKind, ModelInfo, Piece, Runtime, Stats, StopReason, ToolCall, Usage,
};
use crate::quota::{MODEL_NOT_ALLOWED, MODEL_WITHOUT_PRICE, QUOTA_EXCEEDED, TOOL_WITHOUT_PRICE};

/// Writes chunks: the role first, then what was said, then why it ends, then the usage if it was asked for, then the
/// mark of the end.
#[derive(Debug)]
pub(crate) struct Writer {
    answer: Answer,
    begun: bool,
    stop: Option<StopReason>,
    usage: Option<Usage>,
    failed: bool,
}

#[derive(Serialize)]
struct Chunk<'a> {
    id: &'a str,
    object: &'static str,
    created: i64,
    model: &'a str,
    choices: &'a [ChunkChoice<'a>],
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<WireUsage>,
}

#[derive(Serialize)]
struct ChunkChoice<'a> {
    index: u32,
    delta: Delta<'a>,
    finish_reason: Option<&'static str>,
}

#[derive(Serialize, Default)]
struct Delta<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_content: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_calls: Option<[CallDelta<'a>; 1]>,
}

#[derive(Serialize)]
struct CallDelta<'a> {
    index: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    r#type: Option<&'static str>,
    function: FunctionDelta<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    extra_content: Option<Value>,
}

#[derive(Serialize)]
struct FunctionDelta<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    arguments: &'a str,
}

impl Writer {
    pub(crate) fn new(answer: &Answer) -> Self {
        Self { answer: answer.named("chatcmpl-"), begun: false, stop: None, usage: None, failed: false }
    }

    pub(crate) fn piece(&mut self, piece: &Piece, out: &mut Vec<u8>) {
        if !matches!(piece, Piece::Failed(_) | Piece::Progress { .. }) {
            self.begin(out);
        }
        match piece {
            Piece::Text(words) => self.delta(Delta { content: Some(words), ..Delta::default() }, out),
            Piece::Reasoning(words) => {
                self.delta(Delta { reasoning_content: Some(words), ..Delta::default() }, out);
            }
            Piece::ToolCallStart { index, id, name, seal } => {
                self.call(*index, id, name, seal.as_deref(), out);
            }
            Piece::ToolCallArguments { index, fragment } => self.arguments(*index, fragment, out),
            Piece::Usage(usage) => self.usage.get_or_insert_default().update(*usage),
            Piece::Stop(reason) => self.stop = Some(reason.clone()),
            Piece::Failed(failure) => self.fail(failure, out),
            Piece::Begin { .. }
            | Piece::Progress { .. }
            | Piece::ReasoningSeal { .. }
            | Piece::Facts { .. }
            | Piece::OwnTool { .. } => {}
        }
    }

    pub(crate) fn finish(&mut self, out: &mut Vec<u8>) {
        if self.failed {
            return;
        }
        self.begin(out);
        let reason = self.stop.as_ref().map_or("stop", finish_reason);
        self.chunk(
            &[ChunkChoice { index: 0, delta: Delta::default(), finish_reason: Some(reason) }],
            None,
            out,
        );
        if self.answer.include_usage {
            let usage = self.usage.unwrap_or_default();
            self.chunk(&[], Some((&usage).into()), out);
        }
        out.extend_from_slice(b"data: [DONE]\n\n");
    }

    fn begin(&mut self, out: &mut Vec<u8>) {
        if !std::mem::replace(&mut self.begun, true) {
            self.delta(Delta { role: Some("assistant"), content: Some(""), ..Delta::default() }, out);
        }
    }

    fn call(&self, index: usize, id: &str, name: &str, seal: Option<&str>, out: &mut Vec<u8>) {
        let call = CallDelta {
            index,
            id: Some(id),
            r#type: Some("function"),
            function: FunctionDelta { name: Some(name), arguments: "" },
            extra_content: seal.map(sealed),
        };
        self.delta(Delta { tool_calls: Some([call]), ..Delta::default() }, out);
    }

    fn arguments(&self, index: usize, fragment: &str, out: &mut Vec<u8>) {
        let function = FunctionDelta { name: None, arguments: fragment };
        let call = CallDelta { index, id: None, r#type: None, function, extra_content: None };
        self.delta(Delta { tool_calls: Some([call]), ..Delta::default() }, out);
    }

    fn fail(&mut self, failure: &Failure, out: &mut Vec<u8>) {
        self.failed = true;
        sse::write(out, "", &error_value(failure));
    }

    fn delta(&self, delta: Delta<'_>, out: &mut Vec<u8>) {
        self.chunk(&[ChunkChoice { index: 0, delta, finish_reason: None }], None, out);
    }

    fn chunk(&self, choices: &[ChunkChoice<'_>], usage: Option<WireUsage>, out: &mut Vec<u8>) {
        let chunk = Chunk {
            id: &self.answer.id,
            object: "chat.completion.chunk",
            created: self.answer.created_s,
            model: &self.answer.model,
            choices,
            usage,
        };
        sse::write(out, "", &chunk);
    }
}

#[derive(Serialize)]
struct Whole<'a> {
    id: &'a str,
    object: &'static str,
    created: i64,
    model: &'a str,
    choices: [WholeChoice<'a>; 1],
    usage: WireUsage,
    // What LM Studio's v0 adds, and its clients read.
    #[serde(skip_serializing_if = "Option::is_none")]
    stats: Option<LmStats>,
    #[serde(skip_serializing_if = "Option::is_none")]
    model_info: Option<&'a ModelInfo>,
    #[serde(skip_serializing_if = "Option::is_none")]
    runtime: Option<&'a Runtime>,
}

fn told<T: Default + PartialEq>(value: &T) -> Option<&T> {
    (*value != T::default()).then_some(value)
}

#[derive(Serialize)]
struct WholeChoice<'a> {
    index: u32,
    message: Said<'a>,
    logprobs: (),
    finish_reason: &'static str,
}

#[derive(Serialize)]
struct Said<'a> {
    role: &'static str,
    content: Option<String>,
    refusal: (),
    #[serde(skip_serializing_if = "String::is_empty")]
    reasoning_content: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<CallWhole<'a>>,
}

#[derive(Serialize)]
struct CallWhole<'a> {
    id: &'a str,
    r#type: &'static str,
    function: FunctionDelta<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    extra_content: Option<Value>,
}

/// [`Stats`] in LM Studio's words, the reason included.
#[derive(Serialize)]
pub(crate) struct LmStats {
    #[serde(skip_serializing_if = "Option::is_none")]
    tokens_per_second: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    time_to_first_token: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    generation_time: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stop_reason: Option<String>,
}

impl From<&Stats> for LmStats {
    fn from(stats: &Stats) -> Self {
        Self {
            tokens_per_second: stats.tokens_per_second,
            time_to_first_token: stats.time_to_first_token_s,
            generation_time: stats.generation_time_s,
            stop_reason: stats.stop_reason.as_ref().map(|reason| lm_word(reason).to_owned()),
        }
    }
}

fn lm_word(reason: &StopReason) -> &str {
    match reason {
        StopReason::End => "eosFound",
        StopReason::StopSequence(_) => "stopStringFound",
        StopReason::Length => "maxPredictedTokensReached",
        StopReason::ContextFull => "contextLengthReached",
        StopReason::ToolCalls => "toolCalls",
        StopReason::Cancelled => "userStopped",
        StopReason::ContentFilter => "contentFilter",
        StopReason::Other(word) => word,
    }
}

/// The body of a whole answer.
pub(crate) fn encode(result: &ChatResult, answer: &Answer) -> Vec<u8> {
    let calls: Vec<_> = result.message.tool_calls().map(call).collect();
    let words = result.message.words();
    let content = (!words.is_empty() || calls.is_empty()).then_some(words);
    let message = Said {
        role: "assistant",
        content,
        refusal: (),
        reasoning_content: result.message.reasoning(),
        tool_calls: calls,
    };
    let reason = result.stats.stop_reason.as_ref().map_or("stop", finish_reason);
    body(&Whole {
        id: &answer.named("chatcmpl-").id,
        object: "chat.completion",
        created: answer.created_s,
        model: &answer.model,
        choices: [WholeChoice { index: 0, message, logprobs: (), finish_reason: reason }],
        usage: (&result.usage).into(),
        stats: told(&result.stats).map(LmStats::from),
        model_info: told(&result.model_info),
        runtime: told(&result.runtime),
    })
}

fn call(call: &ToolCall) -> CallWhole<'_> {
    let arguments = if call.arguments.is_empty() { "{}" } else { &call.arguments };
    CallWhole {
        id: &call.id,
        r#type: "function",
        function: FunctionDelta { name: Some(&call.name), arguments },
        extra_content: call.seal.as_deref().map(sealed),
    }
}

/// Codes of our own bounds.
const OURS: [&str; 4] = [MODEL_NOT_ALLOWED, QUOTA_EXCEEDED, TOOL_WITHOUT_PRICE, MODEL_WITHOUT_PRICE];

/// The error, as OpenAI's programs expect it: in a body, or in a stream.
pub(crate) fn error_value(failure: &Failure) -> Value {
    let (kind, code) = names(failure.kind);
    // Our own bounds have codes of their own; those of providers are told in OpenAI's words.
    let ours = failure.code.as_deref().filter(|code| OURS.contains(code));
    let code = ours.or(code);
    json!({ "error": { "message": failure.message, "type": kind, "param": null, "code": code } })
}

/// OpenAI's type and code of an error.
pub(crate) fn names(kind: FailureKind) -> (&'static str, Option<&'static str>) {
    match kind {
        FailureKind::PromptTooLong => ("invalid_request_error", Some("context_length_exceeded")),
        FailureKind::Invalid => ("invalid_request_error", None),
        FailureKind::Unknown => ("invalid_request_error", Some("invalid_api_key")),
        FailureKind::NotAllowed => ("invalid_request_error", Some("not_allowed")),
        FailureKind::NotFound => ("invalid_request_error", Some("model_not_found")),
        FailureKind::Filtered => ("invalid_request_error", Some("content_filter")),
        FailureKind::RateLimited => ("rate_limit_error", Some("rate_limit_exceeded")),
        FailureKind::Exhausted => ("insufficient_quota", Some("insufficient_quota")),
        FailureKind::Key | FailureKind::Forbidden => ("api_error", Some("provider_refused")),
        FailureKind::Overloaded => ("server_error", Some("overloaded")),
        FailureKind::TimedOut => ("server_error", Some("timeout")),
        FailureKind::Cut => ("server_error", Some("stream_cut")),
        FailureKind::Broken | FailureKind::Malformed => ("server_error", None),
    }
}

//! `mcp.llm.chat` of llmbasedos: a chat completion as the result of a call, or chunk by chunk in several results.

use serde_json::{Map, Value};

use super::client::Answer;
use super::json::{body, invalid};
use super::openai_chat;
use super::sse::Events;
use crate::chat::{ChatRequest, ChatResult, Failure, FailureKind, Piece, RawJson};

/// Reads the parameters, `[messages, options]` or `[{messages, options}]`, as its versions have them; `model_default`
/// answers if the options name no model.
///
/// # Errors
/// [`Failure`] of kind `Invalid` that says what cannot be read.
pub fn decode_llm_chat(params: &Value, model_default: &str) -> Result<ChatRequest, Failure> {
    let (messages, options) = match params.as_array().map(Vec::as_slice) {
        Some([messages @ Value::Array(_)]) => (messages, None),
        Some([messages @ Value::Array(_), options]) => (messages, Some(options)),
        Some([Value::Object(both)]) => (both.get("messages").unwrap_or(&Value::Null), both.get("options")),
        _ => return Err(invalid("params are [messages, options] or [{messages, options}]")),
    };
    let mut ask = match options {
        None | Some(Value::Null) => Map::new(),
        Some(Value::Object(options)) => options.clone(),
        Some(_) => return Err(invalid("options are an object")),
    };
    if ask.get("model").is_none_or(Value::is_null) {
        ask.insert("model".to_owned(), model_default.into());
    }
    ask.insert("messages".to_owned(), messages.clone());
    openai_chat::decode_request::decode(&body(&ask))
}

/// The result of a call that does not stream: a chat completion.
#[must_use]
pub fn encode_llm_result(result: &ChatResult, answer: &Answer) -> Vec<u8> {
    openai_chat::encode_answer::encode(result, answer)
}

/// Code and words of the error of a call: its clients know `-32602` for what they got wrong, and `-32603` for the rest.
#[must_use]
pub fn llm_error(failure: &Failure) -> (i32, String) {
    let theirs =
        matches!(failure.kind, FailureKind::Invalid | FailureKind::PromptTooLong | FailureKind::Filtered);
    (if theirs { -32_602 } else { -32_603 }, failure.message.clone())
}

/// Makes results of pieces: each is one of several with the id of the same call.
#[derive(Debug)]
pub struct LlmFrames(openai_chat::encode_answer::Writer);

impl LlmFrames {
    /// For the answer that says this of itself.
    #[must_use]
    pub fn new(answer: &Answer) -> Self {
        Self(openai_chat::encode_answer::Writer::new(answer))
    }

    /// Appends the results that `piece` adds.
    ///
    /// # Errors
    /// The failure that ends the stream, to be told as the call's error ([`llm_error`]).
    pub fn push(&mut self, piece: &Piece, out: &mut Vec<RawJson>) -> Result<(), Failure> {
        if let Piece::Failed(failure) = piece {
            return Err(failure.clone());
        }
        let mut stream = Vec::new();
        self.0.piece(piece, &mut stream);
        chunks(&stream, out);
        Ok(())
    }

    /// Appends the last chunks and the result that ends the stream.
    pub fn finish(&mut self, out: &mut Vec<RawJson>) {
        let mut stream = Vec::new();
        self.0.finish(&mut stream);
        chunks(&stream, out);
        out.extend(RawJson::parse(r#"{"type":"llm_stream_end"}"#));
    }
}

fn chunks(stream: &[u8], out: &mut Vec<RawJson>) {
    let mut events = Events::default();
    // Our own chunks are shorter than any bound.
    let _ = events.push(stream, |event| {
        if let Some(chunk) = std::str::from_utf8(event.data).ok().filter(|data| *data != "[DONE]") {
            out.extend(RawJson::parse(&format!(r#"{{"type":"llm_chunk","content":{chunk}}}"#)));
        }
    });
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::chat::{Message, Role, StopReason, Usage};

    #[test]
    fn both_forms_of_the_parameters_are_read() {
        let messages = json!([{ "role": "user", "content": "hi" }]);
        let forms = [
            json!([messages, { "model": "m", "stream": true, "temperature": 0.5 }]),
            json!([{ "messages": messages, "options": { "model": "m", "stream": true, "temperature": 0.5 } }]),
        ];
        for form in forms {
            let request = decode_llm_chat(&form, "home").unwrap();
            assert_eq!((request.model.as_str(), request.stream, request.temperature), ("m", true, Some(0.5)));
            assert_eq!(request.messages, [Message::text(Role::User, "hi")]);
        }
        assert_eq!(decode_llm_chat(&json!([messages]), "home").unwrap().model, "home");
        assert_eq!(decode_llm_chat(&json!([messages, null]), "home").unwrap().model, "home");
    }

    #[test]
    fn other_forms_are_refused() {
        for params in [
            json!([]),
            json!({}),
            json!(null),
            json!(["hi"]),
            json!([[], 3]),
            json!([{}]),
            json!([[], {}, {}]),
        ] {
            assert_eq!(decode_llm_chat(&params, "m").unwrap_err().kind, FailureKind::Invalid, "{params}");
        }
    }

    #[test]
    fn chunks_come_in_frames_and_then_the_end() {
        let answer = Answer { id: "1".into(), model: "m".into(), include_usage: true, ..Answer::default() };
        let mut frames = LlmFrames::new(&answer);
        let mut out = Vec::new();
        for piece in [Piece::Text("hi".into()), Piece::Stop(StopReason::End), Piece::Usage(Usage::of(1, 2))] {
            frames.push(&piece, &mut out).unwrap();
        }
        frames.finish(&mut out);
        let frames: Vec<Value> = out.iter().map(|frame| serde_json::from_str(frame.get()).unwrap()).collect();
        let kinds: Vec<_> = frames.iter().map(|frame| frame["type"].as_str().unwrap()).collect();
        assert_eq!(kinds, ["llm_chunk", "llm_chunk", "llm_chunk", "llm_chunk", "llm_stream_end"]);
        assert_eq!(frames[1]["content"]["choices"][0]["delta"]["content"], "hi");
        assert_eq!(frames[3]["content"]["usage"]["total_tokens"], 3);
    }

    #[test]
    fn a_failure_ends_the_stream_as_the_calls_error() {
        let mut frames = LlmFrames::new(&Answer::default());
        let failure = Failure::new(FailureKind::Broken, "no");
        assert_eq!(frames.push(&Piece::Failed(failure.clone()), &mut Vec::new()), Err(failure.clone()));
        assert_eq!(llm_error(&failure), (-32_603, "no".into()));
        assert_eq!(llm_error(&Failure::new(FailureKind::Invalid, "no")).0, -32_602);
    }
}

//! `mcp.llm.chat`: a chat completion as the result of a call, or chunk by chunk in several results with the same id.
//!
//! The question goes on as the body of an OpenAI chat completion; what comes back passes through as it is.

use bytes::Bytes;
use drawbridge_contract::{ExchangeBody, ExchangeReply, RawValue, Target, parse_strict};
use drawbridge_mcp::{Asked, Told};
use futures::StreamExt as _;
use futures::stream::{self, BoxStream};
use serde_json::{Map, Value, json};
use tokio::time::{Interval, interval};

use crate::door::{Door, exchange_target};
use crate::error::{INTERNAL, INVALID_PARAMS, LLM_MODEL, LLM_QUOTA, OldError, PERMISSION, RATE_LIMIT};
use crate::limits::RECHECK_EVERY;
use crate::sse::{Event, Events};

/// The server that answers, and where.
const SERVER: &str = "llm";
const PATH: &str = "/v1/chat/completions";

/// Answers, in one result or several.
pub(crate) fn serve(door: Door, asked: Asked) -> BoxStream<'static, Told> {
    let opening = async move {
        match open(&door, &asked).await {
            Ok(Opened::Whole(answer)) => stream::once(async { Told::Result(answer) }).boxed(),
            Ok(Opened::Stream(body)) => Frames::new(door, body).into_stream(),
            Err(error) => stream::once(async { error.into() }).boxed(),
        }
    };
    stream::once(opening).flatten().boxed()
}

enum Opened {
    Whole(Box<RawValue>),
    Stream(BoxStream<'static, Bytes>),
}

async fn open(door: &Door, asked: &Asked) -> Result<Opened, OldError> {
    let body = question(asked.params.as_deref())?;
    if body["stream"] == true && !asked.may_stream {
        return Err(OldError::parameter(
            "stream",
            "a batch has one answer for each request, and a stream is several",
        ));
    }
    let body = Bytes::from(body.to_string());
    let reply = door.exchange(exchange_target(SERVER, PATH, body.clone()), &body).await?;
    let status = reply.status;
    match reply {
        ExchangeReply { body: ExchangeBody::Stream(body), .. } => Ok(Opened::Stream(body)),
        ExchangeReply { body: ExchangeBody::Whole(body), .. } if status < 400 => {
            let text = String::from_utf8(body.into()).ok().and_then(|text| RawValue::from_string(text).ok());
            text.map(Opened::Whole).ok_or_else(|| OldError::internal("the model's answer is no JSON"))
        }
        ExchangeReply { body: ExchangeBody::Whole(body), .. } => {
            let told = serde_json::from_slice(&body).unwrap_or(Value::Null);
            Err(failure(status, &told["error"]))
        }
    }
}

/// `[messages, options]` or `[{messages, options}]`, and the same by name, as the body of a chat completion.
fn question(params: Option<&RawValue>) -> Result<Value, OldError> {
    let given = params.map_or_else(|| Ok(Value::Null), |raw| parse_strict(raw.get()));
    let given = given.map_err(|error| OldError::parameter("params", error))?;
    let (messages, options) = match given {
        Value::Object(both) => split(both)?,
        Value::Array(mut places) => match (places.len(), places.first()) {
            (1, Some(Value::Object(_))) => match places.pop() {
                Some(Value::Object(both)) => split(both)?,
                _ => return Err(shape()),
            },
            (1 | 2, Some(Value::Array(_))) => {
                let options = if places.len() == 2 { places.pop() } else { None };
                (places.pop().unwrap_or(Value::Null), options.unwrap_or(Value::Null))
            }
            _ => return Err(shape()),
        },
        _ => return Err(shape()),
    };
    if !messages.is_array() {
        return Err(OldError::parameter("messages", "it must be an array of {role, content}"));
    }
    let mut body = match options {
        Value::Null => Map::new(),
        Value::Object(options) => options,
        _ => return Err(OldError::parameter("options", "it must be an object")),
    };
    // The owner's default, or whatever runs, where the options name no model.
    if body.get("model").is_none_or(Value::is_null) {
        body.insert("model".to_owned(), "".into());
    }
    body.insert("messages".to_owned(), messages);
    Ok(body.into())
}

fn split(mut both: Map<String, Value>) -> Result<(Value, Value), OldError> {
    let taken =
        (both.remove("messages").unwrap_or(Value::Null), both.remove("options").unwrap_or(Value::Null));
    match both.keys().next() {
        Some(name) => Err(OldError::parameter(name, "there is none of this name")),
        None => Ok(taken),
    }
}

fn shape() -> OldError {
    OldError::parameter("params", "they are [messages, options] or [{messages, options}]")
}

/// An error of the model's server, in the dialect's codes.
fn failure(status: u16, error: &Value) -> OldError {
    let word = error["code"].as_str().or(error["type"].as_str()).unwrap_or_default();
    let code = match (status, word) {
        (_, "insufficient_quota" | "quota_exceeded") => LLM_QUOTA,
        (_, "model_not_allowed") => LLM_MODEL,
        (429, _) => RATE_LIMIT,
        (403 | 428, _) => PERMISSION,
        (400 | 404 | 413 | 422, _) => INVALID_PARAMS,
        _ => INTERNAL,
    };
    OldError::new(code, error["message"].as_str().unwrap_or("the model could not be asked"))
}

/// A streamed answer as frames, for as long as the caller may have it.
struct Frames {
    door: Door,
    target: Target,
    body: BoxStream<'static, Bytes>,
    events: Events,
    again: Interval,
}

impl Frames {
    fn new(door: Door, body: BoxStream<'static, Bytes>) -> Self {
        let target = exchange_target(SERVER, PATH, Bytes::new());
        Self { door, target, body, events: Events::default(), again: interval(RECHECK_EVERY) }
    }

    fn into_stream(self) -> BoxStream<'static, Told> {
        let next = |frames: Option<Self>| async {
            let mut frames = frames?;
            match frames.next().await {
                Ok(Frame::Chunk(chunk)) => Some((Told::Result(chunk), Some(frames))),
                Ok(Frame::End) => {
                    Some((Told::Result(drawbridge_contract::raw(&json!({"type": "llm_stream_end"}))), None))
                }
                Err(error) => Some((error.into(), None)),
            }
        };
        stream::unfold(Some(self), next).boxed()
    }

    async fn next(&mut self) -> Result<Frame, OldError> {
        loop {
            match self.events.next() {
                Some(Event::Data(data)) => return frame(&data),
                Some(Event::Done) => return Ok(Frame::End),
                Some(Event::TooLong) => return Err(OldError::internal("a part of the answer is too long")),
                None => {}
            }
            tokio::select! {
                piece = self.body.next() => match piece {
                    Some(piece) => self.events.push(&piece),
                    None => return Err(OldError::internal("the answer broke off before its end")),
                },
                _ = self.again.tick() => self.door.handler.still_allows(&self.door.caller, &self.target)?,
            }
        }
    }
}

enum Frame {
    Chunk(Box<RawValue>),
    End,
}

/// One chunk as it came; or the error that ends the answer.
fn frame(data: &[u8]) -> Result<Frame, OldError> {
    let text =
        std::str::from_utf8(data).map_err(|_| OldError::internal("a part of the answer is no text"))?;
    if text.contains("\"error\"")
        && let Ok(told) = serde_json::from_str::<Value>(text)
        && told["error"].is_object()
    {
        return Err(failure(500, &told["error"]));
    }
    let frame = format!(r#"{{"type":"llm_chunk","content":{text}}}"#);
    RawValue::from_string(frame)
        .map(Frame::Chunk)
        .map_err(|_| OldError::internal("a part of the answer is no JSON"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(params: Value) -> Result<Value, OldError> {
        question(Some(&drawbridge_contract::raw(&params)))
    }

    #[test]
    fn every_form_of_the_parameters_is_read() {
        let messages = json!([{"role": "user", "content": "hi"}]);
        let options = json!({"model": "m", "stream": true});
        let same = json!({"model": "m", "stream": true, "messages": messages});
        for form in [
            json!([messages, options]),
            json!([{"messages": messages, "options": options}]),
            json!({"messages": messages, "options": options}),
        ] {
            assert_eq!(read(form).unwrap(), same);
        }
        for form in [json!([messages]), json!([messages, null]), json!([{"messages": messages}])] {
            assert_eq!(read(form).unwrap(), json!({"model": "", "messages": messages}));
        }
    }

    #[test]
    fn other_forms_are_refused() {
        for bad in [
            json!([]),
            json!({}),
            json!(["hi"]),
            json!([[], 3]),
            json!([{}]),
            json!([[], {}, {}]),
            json!([{"x": 1}]),
        ] {
            assert_eq!(read(bad.clone()).unwrap_err().code, INVALID_PARAMS, "{bad}");
        }
        assert_eq!(question(None).unwrap_err().code, INVALID_PARAMS);
    }

    #[test]
    fn an_error_in_the_stream_ends_it() {
        assert!(
            frame(br#"{"error":{"message":"no","code":"insufficient_quota"}}"#)
                .is_err_and(|error| error.code == LLM_QUOTA)
        );
        assert!(frame(b"{}").is_ok_and(|frame| matches!(frame, Frame::Chunk(chunk) if chunk.get() == r#"{"type":"llm_chunk","content":{}}"#)));
        assert!(frame(b"{").is_err());
    }
}

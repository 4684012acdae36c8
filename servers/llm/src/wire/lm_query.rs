//! `POST /lm/query` of MCP LM Terminal: one prompt, one answer, in the shape that its clients know.

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::json::body;
use super::openai_chat::encode_answer::LmStats;
use super::openai_chat::{WireUsage, finish_reason};
use crate::chat::{ChatRequest, ChatResult, Failure, Message, ModelInfo, Role, Runtime};

/// How warm an answer is whose question does not say.
const TEMPERATURE_DEFAULT: f64 = 0.7;
/// The warmest.
const TEMPERATURE_MAX: f64 = 2.0;
/// How many tokens an answer has whose question does not say.
const MAX_TOKENS_DEFAULT: u64 = 512;
/// The most that a question may ask for.
const MAX_TOKENS_MAX: u64 = 4_096;

/// Which of LM Studio's versions the client was set up for: the second tells nothing but the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LmVersion {
    /// With statistics, model and runtime.
    V0,
    /// With empty objects in their place.
    V1,
}

/// Reads a question; `model_default` answers it if it names none.
///
/// # Errors
/// The body of the answer with status 422: every field that is wrong, as FastAPI tells it.
pub fn decode_lm_query(bytes: &[u8], model_default: &str) -> Result<ChatRequest, Vec<u8>> {
    let fields = match serde_json::from_slice::<Value>(bytes) {
        Ok(Value::Object(fields)) => fields,
        Ok(other) => {
            return Err(refused(vec![wrong(
                "model_attributes_type",
                &[],
                "Input should be a valid dictionary or object to extract fields from",
                &other,
            )]));
        }
        Err(error) => {
            return Err(refused(vec![wrong(
                "json_invalid",
                &[],
                &format!("JSON decode error: {error}"),
                &json!({}),
            )]));
        }
    };
    let mut errors = Vec::new();
    let prompt = prompt(&fields, &mut errors);
    let model = model(&fields, &mut errors);
    let temperature = temperature(&fields, &mut errors);
    let max_tokens = max_tokens(&fields, &mut errors);
    if !errors.is_empty() {
        return Err(refused(errors));
    }
    Ok(ChatRequest {
        temperature: Some(temperature),
        max_tokens: Some(max_tokens),
        ..ChatRequest::new(model.unwrap_or(model_default), vec![Message::text(Role::User, prompt)])
    })
}

fn prompt<'a>(fields: &'a Map<String, Value>, errors: &mut Vec<Value>) -> &'a str {
    match fields.get("prompt") {
        Some(Value::String(prompt)) => return prompt,
        Some(other) => {
            errors.push(wrong("string_type", &["prompt"], "Input should be a valid string", other));
        }
        None => errors.push(wrong("missing", &["prompt"], "Field required", &Value::Object(fields.clone()))),
    }
    ""
}

fn model<'a>(fields: &'a Map<String, Value>, errors: &mut Vec<Value>) -> Option<&'a str> {
    match fields.get("model")? {
        Value::String(model) => return Some(model),
        Value::Null => {}
        other => errors.push(wrong("string_type", &["model"], "Input should be a valid string", other)),
    }
    None
}

fn temperature(fields: &Map<String, Value>, errors: &mut Vec<Value>) -> f64 {
    let Some(given) = fields.get("temperature") else { return TEMPERATURE_DEFAULT };
    let Some(number) = number(given) else {
        errors.push(wrong("float_parsing", &["temperature"], "Input should be a valid number", given));
        return TEMPERATURE_DEFAULT;
    };
    bounded("temperature", number, (0.0, TEMPERATURE_MAX), given, errors);
    number
}

fn max_tokens(fields: &Map<String, Value>, errors: &mut Vec<Value>) -> u64 {
    let Some(given) = fields.get("max_tokens") else { return MAX_TOKENS_DEFAULT };
    let Some(number) = number(given).filter(|number| number.fract() == 0.0) else {
        errors.push(wrong("int_parsing", &["max_tokens"], "Input should be a valid integer", given));
        return MAX_TOKENS_DEFAULT;
    };
    #[expect(clippy::cast_precision_loss, reason = "a few thousand")]
    bounded("max_tokens", number, (1.0, MAX_TOKENS_MAX as f64), given, errors);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "whole, and refused out of bounds"
    )]
    let tokens = number as u64;
    tokens
}

/// A number, or a text that is one, as those clients are used to.
fn number(given: &Value) -> Option<f64> {
    let number = given.as_f64().or_else(|| given.as_str()?.trim().parse().ok())?;
    number.is_finite().then_some(number)
}

fn bounded(field: &str, number: f64, (least, most): (f64, f64), given: &Value, errors: &mut Vec<Value>) {
    let (kind, bound, name, words) = match number {
        number if number < least => ("greater_than_equal", least, "ge", "greater than or equal to"),
        number if number > most => ("less_than_equal", most, "le", "less than or equal to"),
        _ => return,
    };
    let mut error = wrong(kind, &[field], &format!("Input should be {words} {bound}"), given);
    error["ctx"] = json!({ name: bound });
    errors.push(error);
}

fn wrong(kind: &str, place: &[&str], words: &str, input: &Value) -> Value {
    let place: Vec<&str> = std::iter::once("body").chain(place.iter().copied()).collect();
    json!({ "type": kind, "loc": place, "msg": words, "input": input })
}

fn refused(errors: Vec<Value>) -> Vec<u8> {
    body(&json!({ "detail": errors }))
}

#[derive(Serialize)]
struct Answer<'a> {
    success: bool,
    content: String,
    usage: WireUsage,
    stats: Told<LmStats>,
    model_info: Told<&'a ModelInfo>,
    runtime: Told<&'a Runtime>,
    finish_reason: &'static str,
    model: &'a str,
}

/// What is told, or an empty object.
#[derive(Serialize)]
#[serde(untagged)]
enum Told<T> {
    It(T),
    Nothing {},
}

impl<T> Told<T> {
    fn by(version: LmVersion, it: T) -> Self {
        match version {
            LmVersion::V0 => Self::It(it),
            LmVersion::V1 => Self::Nothing {},
        }
    }
}

/// The body of the answer.
#[must_use]
pub fn encode_lm_answer(result: &ChatResult, version: LmVersion) -> Vec<u8> {
    body(&Answer {
        success: true,
        content: result.message.words(),
        usage: (&result.usage).into(),
        stats: Told::by(version, (&result.stats).into()),
        model_info: Told::by(version, &result.model_info),
        runtime: Told::by(version, &result.runtime),
        finish_reason: result.stats.stop_reason.as_ref().map_or("stop", finish_reason),
        model: &result.model,
    })
}

/// Status and body when there is no answer: those clients know 500 only, whatever went wrong.
#[must_use]
pub fn encode_lm_failure(failure: &Failure) -> (u16, Vec<u8>) {
    (500, body(&json!({ "detail": format!("LM Studio error: {failure}") })))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::{FailureKind, Part, Stats, StopReason, Usage};

    fn asked(body: &str) -> Result<ChatRequest, Value> {
        decode_lm_query(body.as_bytes(), "home").map_err(|body| serde_json::from_slice(&body).unwrap())
    }

    #[test]
    fn a_prompt_is_enough() {
        let request = asked(r#"{"prompt":"Hello"}"#).unwrap();
        assert_eq!(
            (request.model.as_str(), request.temperature, request.max_tokens),
            ("home", Some(0.7), Some(512))
        );
        assert_eq!(request.messages, [Message::text(Role::User, "Hello")]);
        let request =
            asked(r#"{"prompt":"","temperature":"2","max_tokens":4096,"model":"q","other":1}"#).unwrap();
        assert_eq!(
            (request.model.as_str(), request.temperature, request.max_tokens),
            ("q", Some(2.0), Some(4_096))
        );
        assert_eq!(
            asked(r#"{"prompt":"x","model":null,"temperature":0,"max_tokens":1}"#).unwrap().model,
            "home"
        );
    }

    #[test]
    fn everything_that_is_wrong_is_told_at_once() {
        let errors = asked(r#"{"temperature":2.1,"max_tokens":0,"model":3}"#).unwrap_err();
        let told: Vec<_> = errors["detail"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| (one["type"].as_str().unwrap(), one["loc"][1].as_str().unwrap()))
            .collect();
        assert_eq!(
            told,
            [
                ("missing", "prompt"),
                ("string_type", "model"),
                ("less_than_equal", "temperature"),
                ("greater_than_equal", "max_tokens")
            ]
        );
        assert_eq!(errors["detail"][2]["ctx"], json!({ "le": 2.0 }));
        for (body, kind) in [
            (r#"{"prompt":"x","max_tokens":4097}"#, "less_than_equal"),
            (r#"{"prompt":"x","max_tokens":1.5}"#, "int_parsing"),
            (r#"{"prompt":"x","temperature":"warm"}"#, "float_parsing"),
            (r#"{"prompt":3}"#, "string_type"),
            ("[]", "model_attributes_type"),
            ("{", "json_invalid"),
        ] {
            assert_eq!(asked(body).unwrap_err()["detail"][0]["type"], kind, "{body}");
        }
    }

    #[test]
    fn the_answer_has_the_shape_of_each_version() {
        let mut result = ChatResult::empty("granite");
        result.message.parts = vec![Part::text("Hi")];
        result.usage = Usage::of(24, 53);
        result.stats =
            Stats { tokens_per_second: Some(51.5), stop_reason: Some(StopReason::End), ..Stats::default() };
        result.model_info.arch = Some("granite".into());
        let read = |version| serde_json::from_slice::<Value>(&encode_lm_answer(&result, version)).unwrap();
        let wanted = |stats: Value, model_info: Value| {
            json!({ "success": true, "content": "Hi", "usage": { "prompt_tokens": 24, "completion_tokens": 53, "total_tokens": 77 },
                    "stats": stats, "model_info": model_info, "runtime": {}, "finish_reason": "stop", "model": "granite" })
        };
        assert_eq!(
            read(LmVersion::V0),
            wanted(
                json!({ "tokens_per_second": 51.5, "stop_reason": "eosFound" }),
                json!({ "arch": "granite" })
            )
        );
        assert_eq!(read(LmVersion::V1), wanted(json!({}), json!({})));
    }

    #[test]
    fn a_failure_is_500_with_its_words() {
        let (status, body) = encode_lm_failure(&Failure::new(FailureKind::TimedOut, "it took too long"));
        assert_eq!(
            (status, body.as_slice()),
            (500, br#"{"detail":"LM Studio error: it took too long"}"#.as_slice())
        );
    }
}

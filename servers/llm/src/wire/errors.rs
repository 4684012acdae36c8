//! Providers' errors, made into the same few kinds.

use std::time::Duration;

use chrono::DateTime;
use serde_json::Value;

use crate::chat::{Failure, FailureKind};

/// What says that a prompt is too long, in the words of OpenAI, Anthropic, Gemini, llama.cpp, LM Studio, Ollama and
/// vLLM, in lower case.
const TOO_LONG: &[&str] = &[
    "context_length_exceeded",
    "exceed_context_size",
    "maximum context length",
    "prompt is too long",
    "exceed context limit",
    "input token count",
    "exceeds the available context size",
    "exceeds the context length",
    "exceeds context length",
    "exceeds the context window",
    "exceeds the context size",
    "context the overflows",
    "context length of only",
    "greater than the context length",
    "model's context length",
    "request_too_large",
    "string_above_max_length",
];
/// The same for answers and prompts that a filter refused.
const FILTERED: &[&str] = &["content_filter", "content_policy", "responsible_ai", "safety_violation"];
/// The same for a key that is not accepted; Gemini says so with status 400.
const KEY: &[&str] = &["api_key_invalid", "api key not valid", "invalid_api_key", "authentication_error"];
/// The same for an account without money.
const EXHAUSTED: &[&str] =
    &["insufficient_quota", "billing_error", "credit balance is too low", "billing_hard_limit"];
/// The same for a missing model.
const MISSING: &[&str] = &["model_not_found", "not_found_error"];
/// The same for a model or server with too much to do.
const OVERLOADED: &[&str] = &["overloaded", "server is busy", "unavailable"];
/// The same for too many requests.
const RATE: &[&str] = &["rate_limit", "resource_exhausted", "too_many_requests"];
/// The same for a request that makes no sense.
const INVALID: &[&str] = &["invalid_request", "invalid_argument", "invalid_value", "unsupported_parameter"];

/// Why a provider answered `status` with this body.
#[must_use]
pub fn failure_of(status: u16, body: &[u8]) -> Failure {
    let said = said(body);
    let failure = match &said {
        Some(said) => failure(said, Some(status)),
        None => silent(status, body),
    };
    failure.with_status(status)
}

/// Why a provider broke a stream off, if `value` is an event that says so.
pub(crate) fn failure_in_stream(value: &Value) -> Failure {
    let said = said_in(value).unwrap_or_default();
    let status = said.status;
    let failure = failure(&said, status);
    match status {
        Some(status) => failure.with_status(status),
        None => failure,
    }
}

/// How long a `Retry-After` (RFC 9110 § 10.2.3) asks to wait: seconds, or a date, told from `now_s` seconds after
/// 1970. What is neither asks for nothing.
#[must_use]
pub fn retry_after(value: &str, now_s: i64) -> Option<Duration> {
    let value = value.trim();
    if let Ok(seconds) = value.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let at = DateTime::parse_from_rfc2822(value).ok()?.timestamp();
    Some(Duration::from_secs(u64::try_from(at.saturating_sub(now_s)).unwrap_or(0)))
}

/// What an error says, wherever its dialect puts it.
#[derive(Debug, Default)]
struct Said {
    message: String,
    /// Its code, type and status, for us to find words in.
    names: Vec<String>,
    status: Option<u16>,
    retry_after: Option<Duration>,
}

fn said(body: &[u8]) -> Option<Said> {
    said_in(&serde_json::from_slice(body).ok()?)
}

fn said_in(value: &Value) -> Option<Said> {
    // Gemini puts the events of a stream that is none into a list.
    let value = value.get(0).unwrap_or(value);
    let error = value.get("error").filter(|error| !error.is_null()).unwrap_or(value);
    let message = [error, &error["message"], &error["detail"], &value["message"]]
        .into_iter()
        .find_map(|place| place.as_str().map(str::to_owned))
        .or_else(|| error.get("detail").map(Value::to_string))?;
    let names = ["code", "type", "status"].iter().filter_map(|name| error[*name].as_str());
    Some(Said {
        message,
        names: names.map(str::to_owned).collect(),
        status: error["code"].as_u64().and_then(|code| u16::try_from(code).ok()).filter(|code| *code >= 400),
        retry_after: gemini_retry(&error["details"]),
    })
}

/// Gemini's `RetryInfo`: `"retryDelay": "34.07s"`.
fn gemini_retry(details: &Value) -> Option<Duration> {
    let delay = details.as_array()?.iter().find_map(|detail| detail["retryDelay"].as_str())?;
    Duration::try_from_secs_f64(delay.strip_suffix('s')?.parse().ok()?).ok()
}

fn failure(said: &Said, status: Option<u16>) -> Failure {
    let kind = kind(said, status);
    Failure::new(kind, told(kind, &said.message))
        .with_code(said.names.first().cloned())
        .with_retry_after(said.retry_after)
}

fn kind(said: &Said, status: Option<u16>) -> FailureKind {
    let words = format!("{} {}", said.names.join(" "), said.message).to_lowercase();
    let says = |list: &[&str]| list.iter().any(|word| words.contains(word));
    let named = [
        (TOO_LONG, FailureKind::PromptTooLong),
        (KEY, FailureKind::Key),
        (EXHAUSTED, FailureKind::Exhausted),
        (FILTERED, FailureKind::Filtered),
    ];
    let by_words = named.iter().find(|(list, _)| says(list)).map(|(_, kind)| *kind);
    by_words.or_else(|| status.and_then(of_status)).unwrap_or_else(|| of_words(says))
}

fn of_status(status: u16) -> Option<FailureKind> {
    Some(match status {
        401 => FailureKind::Key,
        402 => FailureKind::Exhausted,
        403 => FailureKind::Forbidden,
        404 | 410 => FailureKind::NotFound,
        408 | 504 => FailureKind::TimedOut,
        413 => FailureKind::PromptTooLong,
        429 => FailureKind::RateLimited,
        503 | 529 => FailureKind::Overloaded,
        400..=499 => FailureKind::Invalid,
        500..=599 => FailureKind::Broken,
        _ => return None,
    })
}

fn of_words(says: impl Fn(&[&str]) -> bool) -> FailureKind {
    let lists = [
        (OVERLOADED, FailureKind::Overloaded),
        (RATE, FailureKind::RateLimited),
        (MISSING, FailureKind::NotFound),
        (&["permission_error"][..], FailureKind::Forbidden),
        (&["timeout"][..], FailureKind::TimedOut),
        (INVALID, FailureKind::Invalid),
    ];
    lists.iter().find(|(list, _)| says(list)).map_or(FailureKind::Broken, |(_, kind)| *kind)
}

/// The provider's words with what they mean. What it says of its key stays here: it often repeats a part of it.
fn told(kind: FailureKind, words: &str) -> String {
    match kind {
        FailureKind::Key => {
            "the provider does not accept its key; the owner has to set another one".to_owned()
        }
        FailureKind::PromptTooLong => {
            format!(
                "the prompt is longer than the model's context; shorten it or load the model with more: {words}"
            )
        }
        FailureKind::Exhausted => format!("the provider's account has no money left: {words}"),
        FailureKind::RateLimited => {
            format!("the provider lets nobody ask so often; wait, then ask again: {words}")
        }
        FailureKind::Overloaded => format!("the provider has too much to do; ask again later: {words}"),
        FailureKind::NotFound => format!("the provider has no such model or address: {words}"),
        _ => format!("the provider says: {words}"),
    }
}

/// An error page, or nothing at all.
fn silent(status: u16, body: &[u8]) -> Failure {
    let kind = of_status(status).unwrap_or(FailureKind::Malformed);
    let words = std::str::from_utf8(body).ok().map(str::trim).filter(|words| is_plain(words));
    let words = words.map_or_else(|| format!("status {status}, without saying why"), str::to_owned);
    Failure::new(kind, told(kind, &words))
}

fn is_plain(words: &str) -> bool {
    !words.is_empty() && !words.starts_with(['<', '{', '['])
}

#[cfg(test)]
mod tests {
    use FailureKind::*;

    use super::*;

    #[test]
    fn an_over_long_prompt_is_known_in_every_dialect() {
        let bodies = [
            // OpenAI
            r#"{"error":{"message":"Your input is long.","type":"invalid_request_error","param":"messages","code":"context_length_exceeded"}}"#,
            // vLLM
            r#"{"object":"error","message":"This model's maximum context length is 4096 tokens.","type":"BadRequestError","code":400}"#,
            // Anthropic
            r#"{"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long: 210000 tokens > 200000 maximum"}}"#,
            // Gemini
            r#"{"error":{"code":400,"message":"The input token count (2000000) exceeds the maximum number of tokens allowed (1048576).","status":"INVALID_ARGUMENT"}}"#,
            // llama.cpp
            r#"{"error":{"code":400,"message":"request (9000 tokens) exceeds the available context size (8192 tokens), try increasing it","type":"exceed_context_size_error","n_prompt_tokens":9000,"n_ctx":8192}}"#,
            // LM Studio
            r#"{"error":"Trying to keep the first 5000 tokens when context the overflows. However, the model is loaded with context length of only 4096 tokens"}"#,
            // Ollama
            r#"{"error":"the input length exceeds the context length"}"#,
        ];
        for body in bodies {
            assert_eq!(failure_of(400, body.as_bytes()).kind, PromptTooLong, "{body}");
        }
    }

    #[test]
    fn each_status_and_each_name_has_its_kind() {
        let cases = [
            (
                401,
                r#"{"error":{"message":"Incorrect API key provided: sk-ab***yz","code":"invalid_api_key"}}"#,
                Key,
            ),
            (
                400,
                r#"{"error":{"code":400,"message":"API key not valid. Please pass a valid API key.","status":"INVALID_ARGUMENT"}}"#,
                Key,
            ),
            (403, r#"{"error":{"message":"no"}}"#, Forbidden),
            (404, r#"{"error":"model 'x' not found"}"#, NotFound),
            (429, r#"{"error":{"message":"slow","code":"rate_limit_exceeded"}}"#, RateLimited),
            (429, r#"{"error":{"message":"pay","code":"insufficient_quota"}}"#, Exhausted),
            (
                529,
                r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#,
                Overloaded,
            ),
            (422, r#"{"detail":[{"loc":["body"],"msg":"field required"}]}"#, Invalid),
            (413, "", PromptTooLong),
            (502, "<html>bad gateway</html>", Broken),
            (302, "", Malformed),
        ];
        for (status, body, kind) in cases {
            assert_eq!(failure_of(status, body.as_bytes()).kind, kind, "{status} {body}");
        }
    }

    #[test]
    fn an_error_in_a_stream_has_no_status_and_is_known_by_its_name() {
        let cases = [
            (r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#, Overloaded),
            (r#"{"type":"error","error":{"type":"rate_limit_error","message":"slow"}}"#, RateLimited),
            (r#"{"error":{"message":"broke","type":"server_error"}}"#, Broken),
            (r#"{"error":{"code":503,"message":"Loading model","type":"unavailable_error"}}"#, Overloaded),
            (r#"{"error":7}"#, Broken),
        ];
        for (event, kind) in cases {
            assert_eq!(failure_in_stream(&serde_json::from_str(event).unwrap()).kind, kind, "{event}");
        }
    }

    #[test]
    fn a_key_is_never_repeated() {
        let body = r#"{"error":{"message":"Incorrect API key provided: sk-abc123"}}"#;
        assert!(!failure_of(401, body.as_bytes()).message.contains("sk-"));
    }

    #[test]
    fn pages_are_not_repeated_but_plain_words_are() {
        assert!(!failure_of(500, b"<html><body>nginx</body></html>").message.contains("nginx"));
        assert!(failure_of(500, b"out of memory\n").message.contains("out of memory"));
        assert!(failure_of(500, b"\xff\xfe").message.contains("status 500"));
    }

    #[test]
    fn a_wait_is_seconds_or_a_date() {
        let now = 784_111_777;
        assert_eq!(retry_after("5", now), Some(Duration::from_secs(5)));
        assert_eq!(retry_after("1.5", now), Some(Duration::from_millis(1_500)));
        assert_eq!(retry_after("Sun, 06 Nov 1994 08:49:47 GMT", now), Some(Duration::from_secs(10)));
        assert_eq!(retry_after("Sun, 06 Nov 1994 08:49:27 GMT", now), Some(Duration::ZERO));
        assert_eq!(retry_after("-1", now), None);
        assert_eq!(retry_after("soon", now), None);
    }

    #[test]
    fn gemini_says_in_the_body_how_long_to_wait() {
        let body = r#"{"error":{"code":429,"message":"quota","status":"RESOURCE_EXHAUSTED","details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"34.5s"}]}}"#;
        let failure = failure_of(429, body.as_bytes());
        assert_eq!((failure.kind, failure.retry_after), (RateLimited, Some(Duration::from_millis(34_500))));
    }

    #[test]
    fn garbage_never_panics() {
        for body in [&b"[]"[..], b"[1]", b"null", b"3", b"{\"error\":null}", b"{\"error\":[]}", b"\x00"] {
            let _ = failure_of(500, body);
        }
    }
}

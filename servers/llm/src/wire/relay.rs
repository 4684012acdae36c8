//! An answer in chat completions that goes on as it is, with its usage read on the way.

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::errors::failure_in_stream;
use super::head::{place, splice, tokens_of_raw};
use super::lines::{Ends, LineTooLong, Lines};
use super::openai_chat::{WireUsage, stop_reason};
use crate::chat::{Failure, FailureKind, StopReason, Usage};

/// Passes a stream of chat completions on. Without a rename and without usage to hide, chunks go on uncopied; with
/// one, each line goes on as soon as it is complete.
#[derive(Debug)]
pub struct Relay {
    lines: Lines,
    /// What clients call the model, as JSON.
    alias: Option<Vec<u8>>,
    hide_usage: bool,
    seen: Seen,
}

/// What was read on the way.
#[derive(Debug, Default)]
struct Seen {
    usage: Option<Usage>,
    /// About how many tokens of the answer have come, for streams that do not say.
    tokens: u64,
    said: bool,
    stop: Option<StopReason>,
    done: bool,
    failure: Option<Failure>,
}

#[derive(Deserialize)]
struct Chunk<'a> {
    #[serde(borrow, default)]
    model: Option<&'a RawValue>,
    #[serde(borrow, default)]
    choices: Option<Vec<Choice<'a>>>,
    #[serde(default)]
    usage: Option<WireUsage>,
    #[serde(borrow, default)]
    error: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Choice<'a> {
    #[serde(borrow, default)]
    delta: Option<Delta<'a>>,
    #[serde(default)]
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct Delta<'a> {
    #[serde(borrow, default)]
    content: Option<&'a RawValue>,
    #[serde(borrow, default)]
    reasoning_content: Option<&'a RawValue>,
    #[serde(borrow, default)]
    reasoning: Option<&'a RawValue>,
    #[serde(borrow, default)]
    tool_calls: Option<&'a RawValue>,
}

impl Relay {
    /// With `alias`, chunks bear that name in place of the model's. With `hide_usage`, the chunk that has nothing but
    /// usage is left out: the client did not ask for it, and some do not survive it.
    #[must_use]
    pub fn new(alias: Option<&str>, hide_usage: bool) -> Self {
        Self {
            lines: Lines::new(Ends::LineFeed),
            alias: alias.map(super::json::body),
            hide_usage,
            seen: Seen::default(),
        }
    }

    /// What to send on of `chunk`, now.
    ///
    /// # Errors
    /// [`LineTooLong`] when a line is longer than any answer.
    pub fn push(&mut self, chunk: Bytes) -> Result<Bytes, LineTooLong> {
        let Self { lines, alias, hide_usage, seen } = self;
        if alias.is_none() && !*hide_usage {
            lines.push(&chunk, |line| drop(seen.line(line)))?;
            return Ok(chunk);
        }
        let mut out = Vec::with_capacity(chunk.len() + 64);
        lines.push(&chunk, |line| write(line, alias.as_deref(), *hide_usage, seen, &mut out))?;
        Ok(out.into())
    }

    /// What is left to send when the stream has ended.
    pub fn finish(&mut self) -> Bytes {
        let Self { lines, alias, hide_usage, seen } = self;
        let mut out = Vec::new();
        let copies = alias.is_some() || *hide_usage;
        lines.finish(|line| match copies {
            true => write(line, alias.as_deref(), *hide_usage, seen, &mut out),
            false => drop(seen.line(line)),
        });
        out.into()
    }

    /// What the provider counted.
    #[must_use]
    pub fn usage(&self) -> Option<Usage> {
        self.seen.usage
    }

    /// About how many tokens have come, for streams that are cut or do not count.
    #[must_use]
    pub fn estimated_completion_tokens(&self) -> u64 {
        self.seen.tokens
    }

    /// Whether any of the answer has come.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        self.seen.said
    }

    /// Why the answer ended, if it did.
    #[must_use]
    pub fn stop_reason(&self) -> Option<&StopReason> {
        self.seen.stop.as_ref()
    }

    /// The error in the stream, or, once the stream has ended, that it ended too early.
    #[must_use]
    pub fn failure_at_end(&self) -> Option<Failure> {
        let ended = self.seen.done || self.seen.stop.is_some();
        self.seen.failure.clone().or_else(|| (!ended).then(Failure::cut))
    }
}

impl Seen {
    /// Reads a line; gives its JSON, and its chunk if it is one.
    fn line<'a>(&mut self, line: &'a [u8]) -> Option<(&'a [u8], Chunk<'a>)> {
        let data = line.strip_prefix(b"data:")?.trim_ascii();
        if data == b"[DONE]" {
            self.done = true;
            return None;
        }
        match serde_json::from_slice::<Chunk<'_>>(data) {
            Ok(chunk) => {
                self.chunk(&chunk);
                Some((data, chunk))
            }
            Err(_) => {
                let words = "the provider sent something in the stream that is no chunk of a chat completion";
                self.failure.get_or_insert_with(|| Failure::new(FailureKind::Malformed, words));
                None
            }
        }
    }

    fn chunk(&mut self, chunk: &Chunk<'_>) {
        if let Some(usage) = chunk.usage {
            self.usage.get_or_insert_default().update(usage.into());
        }
        if let Some(error) = chunk.error.filter(|raw| raw.get() != "null") {
            let error: Value = serde_json::from_str(error.get()).unwrap_or_default();
            self.failure = Some(failure_in_stream(&json!({ "error": error })));
        }
        for choice in chunk.choices.iter().flatten() {
            self.choice(choice);
        }
    }

    fn choice(&mut self, choice: &Choice<'_>) {
        if let Some(delta) = &choice.delta {
            let said = [delta.content, delta.reasoning_content.or(delta.reasoning), delta.tool_calls];
            let said = said.into_iter().flatten().filter(|raw| !matches!(raw.get(), "null" | r#""""#));
            for raw in said {
                self.said = true;
                self.tokens += tokens_of_raw(raw);
            }
        }
        if let Some(reason) = choice.finish_reason.as_deref().filter(|reason| !reason.is_empty()) {
            self.stop = Some(stop_reason(reason));
        }
    }
}

fn write(line: &[u8], alias: Option<&[u8]>, hide_usage: bool, seen: &mut Seen, out: &mut Vec<u8>) {
    match seen.line(line) {
        Some((_, chunk)) if hide_usage && is_only_usage(&chunk) => return,
        Some((data, Chunk { model: Some(model), .. })) if alias.is_some() => {
            let edits = [(place(data, model), alias.unwrap_or_default().to_vec())];
            out.extend_from_slice(b"data: ");
            out.extend_from_slice(&splice(data, &edits));
        }
        _ => out.extend_from_slice(line),
    }
    out.push(b'\n');
}

fn is_only_usage(chunk: &Chunk<'_>) -> bool {
    chunk.usage.is_some() && chunk.choices.as_ref().is_none_or(Vec::is_empty)
}

/// A whole answer that goes on as it is, with another name for its model, and what it says of its usage.
///
/// # Errors
/// [`Failure`] of kind `Malformed` when it is no JSON object.
pub fn relay_whole(body: &Bytes, alias: Option<&str>) -> Result<(Bytes, Option<Usage>), Failure> {
    #[derive(Deserialize)]
    struct Whole<'a> {
        #[serde(borrow, default)]
        model: Option<&'a RawValue>,
        #[serde(default)]
        usage: Option<WireUsage>,
    }
    let whole: Whole<'_> = serde_json::from_slice(body).map_err(|error| super::json::malformed(&error))?;
    let usage = whole.usage.map(Usage::from);
    let out = match (alias, whole.model) {
        (Some(alias), Some(model)) => splice(body, &[(place(body, model), super::json::body(alias))]).into(),
        _ => body.clone(),
    };
    Ok((out, usage))
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: &str = "data: {\"id\":\"1\",\"model\":\"real\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\n\n\
        data: {\"id\":\"1\",\"model\":\"real\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hallöchen\"}}],\"usage\":null}\n\n\
        data: {\"id\":\"1\",\"model\":\"real\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n\
        data: {\"id\":\"1\",\"model\":\"real\",\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2,\"total_tokens\":5}}\n\n\
        data: [DONE]\n\n";

    fn relayed(relay: &mut Relay, chunks: impl Iterator<Item = Bytes>) -> String {
        let mut out = Vec::new();
        for chunk in chunks {
            out.extend_from_slice(&relay.push(chunk).unwrap());
        }
        out.extend_from_slice(&relay.finish());
        String::from_utf8(out).unwrap()
    }

    fn bytewise() -> impl Iterator<Item = Bytes> {
        STREAM.bytes().map(|byte| Bytes::copy_from_slice(&[byte]))
    }

    #[test]
    fn a_stream_goes_on_unchanged_and_uncopied_and_is_counted() {
        let mut relay = Relay::new(None, false);
        let chunk = Bytes::from_static(STREAM.as_bytes());
        let out = relay.push(chunk.clone()).unwrap();
        assert_eq!(out.as_ptr(), chunk.as_ptr());
        assert_eq!((relay.usage(), relay.failure_at_end()), (Some(Usage::of(3, 2)), None));
        assert_eq!((relay.stop_reason(), relay.has_begun()), (Some(&StopReason::End), true));
        assert_eq!(relay.estimated_completion_tokens(), 3);
    }

    #[test]
    fn the_model_is_renamed_and_usage_hidden_however_it_is_cut() {
        let whole =
            relayed(&mut Relay::new(Some("mine"), true), [Bytes::from_static(STREAM.as_bytes())].into_iter());
        let wanted: String = STREAM
            .replace("\"real\"", "\"mine\"")
            .split_inclusive('\n')
            .filter(|line| !line.contains("\"choices\":[],"))
            .collect();
        assert_eq!(whole, wanted);
        let mut relay = Relay::new(Some("mine"), true);
        assert_eq!(relayed(&mut relay, bytewise()), wanted);
        assert_eq!(relay.usage(), Some(Usage::of(3, 2)));
    }

    #[test]
    fn a_line_goes_on_before_its_event_is_over() {
        let mut relay = Relay::new(Some("mine"), true);
        let line = STREAM.split_inclusive('\n').next().unwrap();
        assert!(!relay.push(Bytes::from_static(line.as_bytes())).unwrap().is_empty());
    }

    #[test]
    fn a_cut_or_broken_stream_is_noticed() {
        let mut relay = Relay::new(None, false);
        relay.push(Bytes::from_static(&STREAM.as_bytes()[..240])).unwrap();
        assert_eq!(relay.failure_at_end().unwrap().kind, FailureKind::Cut);
        let mut relay = Relay::new(None, false);
        relay
            .push(Bytes::from_static(
                b"data: {\"error\":{\"message\":\"no\",\"type\":\"overloaded_error\"}}\n",
            ))
            .unwrap();
        assert_eq!(relay.failure_at_end().unwrap().kind, FailureKind::Overloaded);
        let mut relay = Relay::new(None, false);
        relay.push(Bytes::from_static(b"data: <html>\n")).unwrap();
        assert_eq!(relay.failure_at_end().unwrap().kind, FailureKind::Malformed);
    }

    #[test]
    fn a_whole_answer_is_renamed_and_counted() {
        let body = Bytes::from_static(
            br#"{"model":"real","x":[1.50],"usage":{"prompt_tokens":3,"completion_tokens":2}}"#,
        );
        let (out, usage) = relay_whole(&body, Some("mine")).unwrap();
        assert_eq!(
            out,
            br#"{"model":"mine","x":[1.50],"usage":{"prompt_tokens":3,"completion_tokens":2}}"#.as_slice()
        );
        assert_eq!(usage, Some(Usage::of(3, 2)));
        assert!(relay_whole(&Bytes::from_static(b"<html>"), None).is_err());
    }
}

//! What has to be known of a request that goes on to its provider as it is, without its being taken apart.

use std::ops::Range;

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::client::ClientDialect;
use super::json::invalid;
use crate::chat::{Failure, tokens_of};

/// What stands at the top of a request's body. All client dialects have these fields at the same place.
#[derive(Debug, Clone, PartialEq)]
pub struct Head {
    /// Which model is asked.
    pub model: String,
    /// Whether the answer comes piece by piece.
    pub stream: bool,
    /// Whether a stream is to end with its usage, in chat completions.
    pub include_usage: bool,
    /// How many tokens the answer may have, if the request says so.
    pub max_tokens: Option<u64>,
    /// How many answers are asked for.
    pub choices: u64,
    /// How free the model is to choose, if the request says so.
    pub temperature: Option<f64>,
    /// Whether it names models beside the one that is asked, or tools that the provider is to call past the door: then it
    /// cannot go on as it is.
    pub reaches_further: bool,
    model_at: Range<usize>,
    /// The request's own `stream_options`.
    stream_options_at: Option<Range<usize>>,
    /// Where it says how many tokens the answer may have: chat completions have two words for that.
    limits_at: Vec<Range<usize>>,
    /// Where it says so in llama.cpp's own word.
    predicts_at: Option<Range<usize>>,
    /// Whether the answer is to be made while nobody waits for it, in responses.
    pub background: bool,
    /// Whether it goes on with what the provider keeps, in responses: the same words may then mean something else.
    pub is_kept_elsewhere: bool,
    /// Whether pictures or files are in the body, so that its length says little about its tokens.
    has_files: bool,
    prompt_bytes: usize,
}

#[derive(Deserialize)]
struct Top<'a> {
    #[serde(borrow)]
    model: &'a RawValue,
    #[serde(default)]
    stream: Option<bool>,
    #[serde(borrow, default, deserialize_with = "present")]
    stream_options: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    max_tokens: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    max_completion_tokens: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    max_output_tokens: Option<&'a RawValue>,
    /// llama.cpp's word for the same, which it prefers to the others.
    #[serde(borrow, default, deserialize_with = "present")]
    n_predict: Option<&'a RawValue>,
    #[serde(default)]
    n: Option<u64>,
    /// Of how many answers the best is wanted: all of them are made.
    #[serde(default)]
    best_of: Option<u64>,
    #[serde(borrow, default)]
    temperature: Option<&'a RawValue>,
    #[serde(borrow, default)]
    models: Option<&'a RawValue>,
    #[serde(borrow, default)]
    fallbacks: Option<&'a RawValue>,
    #[serde(borrow, default)]
    integrations: Option<&'a RawValue>,
    #[serde(default)]
    background: Option<bool>,
    #[serde(borrow, default)]
    previous_response_id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    conversation: Option<&'a RawValue>,
}

/// Takes `null` for something, too: it has a place in the body.
fn present<'de, D: Deserializer<'de>>(from: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(from).map(Some)
}

#[derive(Deserialize, Default)]
struct StreamOptions {
    #[serde(default)]
    include_usage: Option<bool>,
}

impl Head {
    /// Reads the top of `body`; the rest is only checked to be JSON.
    ///
    /// # Errors
    /// [`Failure`] of kind `Invalid` when it is no object with a model.
    pub fn read(body: &[u8]) -> Result<Self, Failure> {
        if !body.trim_ascii_start().starts_with(b"{") {
            return Err(invalid("the request's body is no JSON object"));
        }
        let top: Top<'_> = super::json::question_in(body)?;
        let model = serde_json::from_str(top.model.get()).map_err(|_| invalid("model is a text"))?;
        let options = top.stream_options.filter(|raw| raw.get() != "null");
        let wanted: StreamOptions =
            options.and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default();
        let limits = [top.max_completion_tokens, top.max_output_tokens, top.max_tokens];
        // Two that differ count as the larger one: nobody knows which the provider goes by.
        let limit = limits.iter().flatten().filter_map(|raw| number(raw)).max();
        // Only llama.cpp knows this one: without another, nobody knows that it is a limit.
        let predicted = top.n_predict.map(|raw| number(raw).unwrap_or(u64::MAX));
        let limit = limit.map(|limit| limit.max(predicted.unwrap_or(0)));
        Ok(Self {
            model,
            stream: top.stream.unwrap_or(false),
            include_usage: wanted.include_usage.unwrap_or(false),
            max_tokens: limit,
            limits_at: limits.into_iter().flatten().map(|raw| place(body, raw)).collect(),
            predicts_at: top.n_predict.map(|raw| place(body, raw)),
            background: top.background.unwrap_or(false),
            is_kept_elsewhere: top.previous_response_id.is_some() || top.conversation.is_some(),
            choices: top.n.unwrap_or(1).max(top.best_of.unwrap_or(1)),
            temperature: top.temperature.and_then(|raw| serde_json::from_str(raw.get()).ok()),
            reaches_further: [top.models, top.fallbacks, top.integrations].iter().any(Option::is_some),
            model_at: place(body, top.model),
            stream_options_at: top.stream_options.map(|raw| place(body, raw)),
            has_files: memchr::memmem::find(body, b"base64").is_some(),
            prompt_bytes: body.len(),
        })
    }

    /// About how many tokens the prompt has: by its length, or, where pictures are in it, by its parts. `body` is what
    /// was read.
    #[must_use]
    pub fn estimated_prompt_tokens(&self, body: &[u8], dialect: ClientDialect) -> u64 {
        let by_length = (self.prompt_bytes as u64).div_ceil(4);
        if !self.has_files {
            return by_length;
        }
        dialect.decode_chat(body).map_or(by_length, |request| request.estimated_prompt_tokens())
    }

    /// `body` with another model in place of its own and everything else as it is. With `ask_usage`, a chat
    /// completion that streams is asked to end with its usage, too; with `bound`, a word of the dialect and a number, the
    /// answer may have no more tokens than that.
    #[must_use]
    pub fn spliced(
        &self,
        body: &[u8],
        model: &str,
        ask_usage: bool,
        bound: Option<(&'static str, u64)>,
    ) -> Vec<u8> {
        let mut edits = vec![(self.model_at.clone(), super::json::body(model))];
        let mut added = Vec::new();
        if ask_usage && self.stream && !self.include_usage {
            match &self.stream_options_at {
                Some(at) => edits.push((at.clone(), ASKED.to_vec())),
                None => added.extend_from_slice(&[br#","stream_options":"#, ASKED].concat()),
            }
        }
        if let Some((word, tokens)) = bound {
            if self.limits_at.is_empty() {
                added.extend_from_slice(format!(r#","{word}":{tokens}"#).as_bytes());
            }
            edits.extend(
                self.limits_at
                    .iter()
                    .chain(&self.predicts_at)
                    .map(|at| (at.clone(), tokens.to_string().into())),
            );
        }
        let end = memchr::memrchr(b'}', body).unwrap_or(body.len());
        edits.push((end..end, added));
        edits.sort_by_key(|(at, _)| at.start);
        splice(body, &edits)
    }
}

/// How a chat completion is asked to end with its usage.
const ASKED: &[u8] = br#"{"include_usage":true}"#;

fn number(raw: &RawValue) -> Option<u64> {
    serde_json::from_str(raw.get()).ok()
}

/// Where `raw`, a part of `body`, stands in it.
pub(crate) fn place(body: &[u8], raw: &RawValue) -> Range<usize> {
    let start = raw.get().as_ptr() as usize - body.as_ptr() as usize;
    start..start + raw.get().len()
}

/// `body` with each range replaced; ranges are in order and do not overlap.
pub(crate) fn splice(body: &[u8], edits: &[(Range<usize>, Vec<u8>)]) -> Vec<u8> {
    let added: usize = edits.iter().map(|(_, new)| new.len()).sum();
    let mut out = Vec::with_capacity(body.len() + added);
    let mut from = 0;
    for (at, new) in edits {
        out.extend_from_slice(&body[from..at.start]);
        out.extend_from_slice(new);
        from = at.end;
    }
    out.extend_from_slice(&body[from..]);
    out
}

/// About how many tokens a text of the answer has, from its JSON.
pub(crate) fn tokens_of_raw(raw: &RawValue) -> u64 {
    tokens_of(raw.get().trim_matches('"'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spliced(body: &str, model: &str, ask_usage: bool) -> String {
        let body = body.as_bytes();
        String::from_utf8(Head::read(body).unwrap().spliced(body, model, ask_usage, None)).unwrap()
    }

    #[test]
    fn only_the_model_changes() {
        let body =
            r#"{ "messages":[{"content":"\"model\":\"x\""}],  "model" : "a\"lias" , "z":1.0e5,"a":null }"#;
        assert_eq!(
            spliced(body, "real\n", false),
            r#"{ "messages":[{"content":"\"model\":\"x\""}],  "model" : "real\n" , "z":1.0e5,"a":null }"#
        );
        assert_eq!(Head::read(body.as_bytes()).unwrap().model, "a\"lias");
    }

    #[test]
    fn usage_is_asked_for_where_it_is_not_yet() {
        let cases = [
            (
                r#"{"model":"a","stream":true}"#,
                r#"{"model":"b","stream":true,"stream_options":{"include_usage":true}}"#,
            ),
            (
                r#"{"stream_options":null,"model":"a","stream":true} "#,
                r#"{"stream_options":{"include_usage":true},"model":"b","stream":true} "#,
            ),
            (
                r#"{"model":"a","stream":true,"stream_options":{"include_usage":true,"x":1}}"#,
                r#"{"model":"b","stream":true,"stream_options":{"include_usage":true,"x":1}}"#,
            ),
            (r#"{"model":"a"}"#, r#"{"model":"b"}"#),
        ];
        for (body, wanted) in cases {
            assert_eq!(spliced(body, "b", true), wanted);
        }
    }

    #[test]
    fn a_bound_takes_the_place_of_every_limit_or_is_added() {
        let bounded = |body: &str| {
            let head = Head::read(body.as_bytes()).unwrap();
            let out = head.spliced(body.as_bytes(), "b", true, Some(("max_tokens", 7)));
            String::from_utf8(out).unwrap()
        };
        assert_eq!(bounded(r#"{"model":"a"}"#), r#"{"model":"b","max_tokens":7}"#);
        assert_eq!(
            bounded(r#"{"max_tokens":null,"model":"a","max_completion_tokens":900,"x":[{}]}"#),
            r#"{"max_tokens":7,"model":"b","max_completion_tokens":7,"x":[{}]}"#
        );
        assert_eq!(
            bounded(r#"{"n_predict":-1,"model":"a"}"#),
            r#"{"n_predict":7,"model":"b","max_tokens":7}"#
        );
        assert_eq!(
            bounded(r#"{"model":"a","stream":true}"#),
            r#"{"model":"b","stream":true,"stream_options":{"include_usage":true},"max_tokens":7}"#
        );
    }

    #[test]
    fn a_request_without_a_model_or_with_two_is_refused() {
        for body in
            [r#"{}"#, r#"{"model":3}"#, r#"{"model":"a","model":"b"}"#, r#"["model"]"#, r#"{"model":"a""#, ""]
        {
            assert!(Head::read(body.as_bytes()).is_err(), "{body}");
        }
    }

    #[test]
    fn limits_of_every_dialect_are_read() {
        let limit = |body: &str| Head::read(body.as_bytes()).unwrap().max_tokens;
        assert_eq!(limit(r#"{"model":"a","max_tokens":1}"#), Some(1));
        assert_eq!(limit(r#"{"model":"a","max_tokens":-1}"#), None);
        assert_eq!(limit(r#"{"model":"a","max_tokens":1,"max_completion_tokens":2}"#), Some(2));
        assert_eq!(limit(r#"{"model":"a","max_tokens":9,"max_completion_tokens":2}"#), Some(9));
        assert_eq!(limit(r#"{"model":"a","max_output_tokens":3}"#), Some(3));
        assert_eq!(limit(r#"{"model":"a","max_tokens":1,"n_predict":9}"#), Some(9));
        assert_eq!(limit(r#"{"model":"a","max_tokens":1,"n_predict":-1}"#), Some(u64::MAX));
        assert_eq!(limit(r#"{"model":"a","n_predict":9}"#), None, "others would not keep it");
        let choices = |body: &str| Head::read(body.as_bytes()).unwrap().choices;
        assert_eq!(choices(r#"{"model":"a","n":2,"best_of":5}"#), 5);
    }

    #[test]
    fn a_picture_counts_as_a_picture() {
        let picture = "A".repeat(1 << 20);
        let body = format!(
            r#"{{"model":"a","messages":[{{"role":"user","content":[{{"type":"image_url","image_url":{{"url":"data:image/png;base64,{picture}"}}}}]}}]}}"#
        );
        let head = Head::read(body.as_bytes()).unwrap();
        assert!(head.estimated_prompt_tokens(body.as_bytes(), ClientDialect::OpenAiChat) < 2_000);
    }
}

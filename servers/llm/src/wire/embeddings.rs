//! Texts made into vectors.

use super::embed_input::EmbedInput;
use super::json::{answer, body, invalid, or_default, question};
use super::openai_chat::WireUsage;
use crate::chat::{Failure, FailureKind, Usage};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

/// What is asked of an embedding model.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EmbedRequest {
    /// Which model, as its provider calls it.
    pub model: String,
    /// The texts, or their tokens.
    pub input: EmbedInput,
    /// How many numbers each vector has, where the model can make shorter ones.
    pub dimensions: Option<u64>,
    /// Whether the client wants each vector as base64 of little-endian floats, as OpenAI's own programs do.
    pub base64: bool,
}

impl EmbedRequest {
    /// The texts, for `provider`, which reads nothing else.
    ///
    /// # Errors
    /// [`Failure`] of kind `Invalid` when it has tokens.
    pub(crate) fn texts(&self, provider: &str) -> Result<&[String], Failure> {
        match &self.input {
            EmbedInput::Texts(texts) => Ok(texts),
            EmbedInput::Tokens(_) => Err(invalid(format!(
                "{provider} makes vectors of texts and not of tokens: send the texts themselves (in LangChain: check_embedding_ctx_length=False)"
            ))),
        }
    }
}

/// The vectors.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct EmbedResult {
    /// The model that made them.
    pub model: String,
    /// One for each text or list of tokens, in their order.
    pub vectors: Vec<Vec<f32>>,
    /// What was counted; an embedding has no completion.
    pub usage: Usage,
}

#[derive(Deserialize)]
struct Ask {
    model: String,
    input: EmbedInput,
    #[serde(default)]
    dimensions: Option<u64>,
    #[serde(default)]
    encoding_format: Option<String>,
}

/// The question in OpenAI's words.
pub(crate) fn decode_openai_request(bytes: &[u8]) -> Result<EmbedRequest, Failure> {
    let ask: Ask = question(bytes)?;
    let base64 = match ask.encoding_format.as_deref() {
        None | Some("float") => false,
        Some("base64") => true,
        Some(other) => return Err(invalid(format!("encoding_format {other:?} is unknown: float or base64"))),
    };
    Ok(EmbedRequest { model: ask.model, input: ask.input, dimensions: ask.dimensions, base64 })
}

#[derive(Serialize)]
struct Asked<'a> {
    model: &'a str,
    input: &'a EmbedInput,
    #[serde(skip_serializing_if = "Option::is_none")]
    dimensions: Option<u64>,
    encoding_format: &'static str,
}

/// The question in OpenAI's words, for a provider.
pub(crate) fn encode_openai_request(request: &EmbedRequest) -> Vec<u8> {
    body(&Asked {
        model: &request.model,
        input: &request.input,
        dimensions: request.dimensions,
        encoding_format: "float",
    })
}

#[derive(Deserialize)]
struct List {
    data: Vec<Item>,
    #[serde(default)]
    model: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    usage: Option<WireUsage>,
}

#[derive(Deserialize)]
struct Item {
    #[serde(default)]
    index: usize,
    embedding: Vector,
}

#[derive(Deserialize, Serialize)]
#[serde(untagged)]
enum Vector {
    Numbers(Vec<f32>),
    Base64(String),
}

/// The vectors of OpenAI's answer, in the order of the texts.
pub(crate) fn decode_openai_answer(bytes: &[u8]) -> Result<EmbedResult, Failure> {
    let mut list: List = answer(bytes)?;
    list.data.sort_by_key(|item| item.index);
    let vectors = list.data.into_iter().map(|item| item.embedding.numbers()).collect::<Result<_, _>>()?;
    let usage = list.usage.map(Usage::from).unwrap_or_default();
    Ok(EmbedResult { model: list.model.unwrap_or_default(), vectors, usage })
}

impl Vector {
    fn numbers(self) -> Result<Vec<f32>, Failure> {
        match self {
            Self::Numbers(numbers) => Ok(numbers),
            Self::Base64(text) => {
                let bytes = STANDARD.decode(text).map_err(|_| no_vector())?;
                let (numbers, rest) = bytes.as_chunks::<4>();
                if rest.is_empty() {
                    Ok(numbers.iter().map(|four| f32::from_le_bytes(*four)).collect())
                } else {
                    Err(no_vector())
                }
            }
        }
    }

    fn of(numbers: &[f32], base64: bool) -> Self {
        if !base64 {
            return Self::Numbers(numbers.to_vec());
        }
        let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
        Self::Base64(STANDARD.encode(bytes))
    }
}

fn no_vector() -> Failure {
    Failure::new(
        FailureKind::Malformed,
        "the provider's embedding is neither a list of numbers nor base64 of floats",
    )
}

#[derive(Serialize)]
struct Listed<'a> {
    object: &'static str,
    data: Vec<Listing>,
    model: &'a str,
    usage: WireUsage,
}

#[derive(Serialize)]
struct Listing {
    object: &'static str,
    index: usize,
    embedding: Vector,
}

/// The answer in OpenAI's words; the model is called what the client called it.
pub(crate) fn encode_openai_answer(result: &EmbedResult, request: &EmbedRequest) -> Vec<u8> {
    let vectors = result.vectors.iter().enumerate();
    let listing = |(index, numbers): (usize, &Vec<f32>)| Listing {
        object: "embedding",
        index,
        embedding: Vector::of(numbers, request.base64),
    };
    let (prompt, _) = result.usage.counts();
    body(&Listed {
        object: "list",
        data: vectors.map(listing).collect(),
        model: &request.model,
        usage: WireUsage::of_prompt(prompt),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(body: &str) -> Result<EmbedRequest, Failure> {
        decode_openai_request(body.as_bytes())
    }

    #[test]
    fn input_is_one_text_or_many() {
        let one = asked(r#"{"model":"m","input":"a"}"#).unwrap();
        assert_eq!(one.texts("x").unwrap(), ["a"]);
        let many =
            asked(r#"{"model":"m","input":["a","b"],"dimensions":3,"encoding_format":"base64","user":"x"}"#)
                .unwrap();
        assert_eq!((many.texts("x").unwrap().len(), many.dimensions, many.base64), (2, Some(3), true));
        assert!(asked(r#"{"model":"m","input":[1.5]}"#).is_err());
        assert!(asked(r#"{"model":"m","input":"a","encoding_format":"hex"}"#).is_err());
    }

    #[test]
    fn vectors_survive_both_encodings_and_any_order() {
        let result = EmbedResult {
            model: "m".into(),
            vectors: vec![vec![1.5, -2.0], vec![0.1, 3.0]],
            usage: Usage::default(),
        };
        for base64 in [false, true] {
            let request = EmbedRequest { model: "m".into(), base64, ..EmbedRequest::default() };
            let body = encode_openai_answer(&result, &request);
            assert_eq!(decode_openai_answer(&body).unwrap().vectors, result.vectors, "{base64}");
        }
        let body = br#"{"data":[{"index":1,"embedding":[2]},{"index":0,"embedding":[1]}],"usage":{"prompt_tokens":4,"total_tokens":4}}"#;
        let read = decode_openai_answer(body).unwrap();
        assert_eq!((read.vectors, read.usage.prompt_tokens), (vec![vec![1.0], vec![2.0]], Some(4)));
    }

    #[test]
    fn a_vector_that_is_none_is_malformed() {
        for vector in [r#""!""#, r#""AAAA""#, "{}", "null"] {
            let body = format!(r#"{{"data":[{{"index":0,"embedding":{vector}}}]}}"#);
            assert!(decode_openai_answer(body.as_bytes()).is_err(), "{vector}");
        }
    }

    #[test]
    fn a_provider_is_asked_for_numbers() {
        for (input, sent) in [(r#""a""#, r#"["a"]"#), ("[1,2]", "[[1,2]]"), ("[[1],[2,3]]", "[[1],[2,3]]")] {
            let asked = format!(r#"{{"model":"m","input":{input},"encoding_format":"base64"}}"#);
            let request = decode_openai_request(asked.as_bytes()).unwrap();
            let body = String::from_utf8(encode_openai_request(&request)).unwrap();
            assert_eq!(body, format!(r#"{{"model":"m","input":{sent},"encoding_format":"float"}}"#));
        }
    }
}

//! The dialects that we speak to providers.

use super::decoder::Decoder;
use super::embeddings::{self, EmbedRequest, EmbedResult};
use super::json::invalid;
use super::models::{self, ModelEntry};
use super::openai_chat::{self, Flavour};
use super::{anthropic, documents, gemini, lm_studio_v1, ollama, openai_responses};
use crate::chat::{ChatRequest, Failure, Piece};

/// A dialect that we speak to providers. Paths begin at the provider's address, which includes the version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProviderDialect {
    /// OpenAI's chat completions, at `https://api.openai.com/v1`.
    OpenAiChat,
    /// The same, spoken by others.
    Compatible,
    /// OpenAI's responses, at the same address.
    OpenAiResponses,
    /// LM Studio's first own dialect, at `http://127.0.0.1:1234/api/v0`.
    LmStudioV0,
    /// LM Studio's own dialect since 0.4, at `http://127.0.0.1:1234/api/v1`. Its chat carries one turn.
    LmStudioV1,
    /// llama.cpp's server, at `http://127.0.0.1:8080/v1`.
    LlamaCpp,
    /// Anthropic's messages, at `https://api.anthropic.com/v1`.
    Anthropic,
    /// Ollama's own dialect, at `http://127.0.0.1:11434/api`.
    Ollama,
    /// Gemini, at `https://generativelanguage.googleapis.com/v1beta`.
    Gemini,
}

impl ProviderDialect {
    /// Where chats are asked for.
    #[must_use]
    pub fn chat_path(self, model: &str, stream: bool) -> String {
        match self {
            Self::OpenAiChat | Self::Compatible | Self::LmStudioV0 | Self::LlamaCpp => {
                "chat/completions".to_owned()
            }
            Self::OpenAiResponses => "responses".to_owned(),
            Self::Anthropic => "messages".to_owned(),
            Self::Ollama | Self::LmStudioV1 => "chat".to_owned(),
            Self::Gemini if stream => gemini::path_of(model, "streamGenerateContent?alt=sse"),
            Self::Gemini => gemini::path_of(model, "generateContent"),
        }
    }

    /// Its word for how many tokens an answer may have, where a request says so at its top.
    #[must_use]
    pub fn limit_word(self) -> &'static str {
        match self {
            Self::OpenAiChat => "max_completion_tokens",
            Self::OpenAiResponses => "max_output_tokens",
            _ => "max_tokens",
        }
    }

    /// Where models are listed.
    #[must_use]
    pub fn models_path(self) -> &'static str {
        match self {
            Self::Ollama => "tags",
            Self::Gemini => "models?pageSize=1000",
            Self::Anthropic => "models?limit=1000",
            _ => "models",
        }
    }

    /// Where those in memory are listed, where that is another place; [`decode_models`](Self::decode_models) reads it.
    #[must_use]
    pub fn loaded_path(self) -> Option<&'static str> {
        (self == Self::Ollama).then_some("ps")
    }

    /// Where embeddings are asked for, if there is such a place.
    #[must_use]
    pub fn embed_path(self, model: &str) -> Option<String> {
        match self {
            Self::OpenAiChat
            | Self::Compatible
            | Self::OpenAiResponses
            | Self::LmStudioV0
            | Self::LlamaCpp => Some("embeddings".to_owned()),
            Self::Ollama => Some("embed".to_owned()),
            Self::Gemini => Some(gemini::path_of(model, "batchEmbedContents")),
            Self::Anthropic | Self::LmStudioV1 => None,
        }
    }

    /// The header that carries the key, and what stands before it.
    #[must_use]
    pub fn key_header(self) -> (&'static str, &'static str) {
        match self {
            Self::Anthropic => ("x-api-key", ""),
            Self::Gemini => ("x-goog-api-key", ""),
            _ => ("authorization", "Bearer "),
        }
    }

    /// Headers that every request carries.
    #[must_use]
    pub fn headers(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Anthropic => &[("anthropic-version", anthropic::VERSION)],
            _ => &[],
        }
    }

    /// Whether the provider fetches pictures from addresses itself; else they have to be in the request.
    #[must_use]
    pub fn takes_image_urls(self) -> bool {
        !matches!(self, Self::LmStudioV0 | Self::LmStudioV1 | Self::Ollama | Self::Gemini)
    }

    /// Whether there are words for a PDF file. Whether the model reads it, its provider says.
    #[must_use]
    pub fn takes_documents(self) -> bool {
        !matches!(self, Self::LmStudioV0 | Self::LmStudioV1 | Self::Ollama | Self::LlamaCpp)
    }

    /// Whether the provider fetches documents from addresses itself.
    #[must_use]
    pub fn takes_document_urls(self) -> bool {
        matches!(self, Self::OpenAiResponses | Self::Anthropic)
    }

    /// Whether there are words for a document that is a text; else it becomes words of its message.
    #[must_use]
    pub fn takes_texts(self) -> bool {
        self == Self::Anthropic
    }

    /// The body of a chat request.
    ///
    /// # Errors
    /// [`Failure`] of kind `Invalid` when the dialect has no words for something that cannot be left out.
    pub fn encode_chat(self, request: &ChatRequest) -> Result<Vec<u8>, Failure> {
        if !self.takes_image_urls() && request.has_image_urls() {
            return Err(invalid(
                "this provider takes no addresses of images: give the image itself, as data:image/…;base64,…",
            ));
        }
        let request = &*documents::fitting(self, request)?;
        match self {
            Self::OpenAiChat => Ok(openai_chat::encode_request::encode(request, Flavour::OpenAi)),
            Self::Compatible => Ok(openai_chat::encode_request::encode(request, Flavour::Compatible)),
            Self::LmStudioV0 => Ok(openai_chat::encode_request::encode(request, Flavour::LmStudio)),
            Self::LlamaCpp => Ok(openai_chat::encode_request::encode(request, Flavour::LlamaCpp)),
            Self::OpenAiResponses => Ok(openai_responses::encode_request::encode(request)),
            Self::LmStudioV1 => lm_studio_v1::encode(request),
            Self::Anthropic => Ok(anthropic::encode_request::encode(request)),
            Self::Ollama => Ok(ollama::encode_request::encode(request)),
            Self::Gemini => Ok(gemini::encode_request::encode(request)),
        }
    }

    /// The pieces of an answer that came as one body. `call` is a name that no other request has: ids of tool calls
    /// are made of it where the provider gives none.
    ///
    /// # Errors
    /// [`Failure`] of kind `Malformed` when it is no answer of this dialect.
    pub fn decode_chat(self, body: &[u8], call: &str) -> Result<Vec<Piece>, Failure> {
        match self {
            Self::OpenAiChat | Self::Compatible | Self::LmStudioV0 | Self::LlamaCpp => {
                openai_chat::decode_answer::decode(body, call)
            }
            Self::OpenAiResponses => openai_responses::decode_answer::decode(body, call),
            Self::LmStudioV1 => lm_studio_v1::decode(body),
            Self::Anthropic => anthropic::decode_answer::decode(body, call),
            Self::Ollama => ollama::decode_answer::decode(body, call),
            Self::Gemini => gemini::decode_answer::decode(body, call),
        }
    }

    /// What reads an answer that comes piece by piece; `call` as above.
    #[must_use]
    pub fn decoder(self, call: &str) -> Decoder {
        match self {
            Self::OpenAiChat | Self::Compatible | Self::LmStudioV0 | Self::LlamaCpp => {
                Decoder::events(openai_chat::decode_answer::Reader::new(call))
            }
            Self::OpenAiResponses => Decoder::events(openai_responses::decode_answer::Reader::new(call)),
            Self::LmStudioV1 => Decoder::events(lm_studio_v1::Reader::default()),
            Self::Anthropic => Decoder::events(anthropic::decode_answer::Reader::new(call)),
            Self::Ollama => Decoder::lines(ollama::decode_answer::Reader::new(call)),
            Self::Gemini => Decoder::events(gemini::decode_answer::Reader::new(call)),
        }
    }

    /// The models in the provider's list.
    ///
    /// # Errors
    /// [`Failure`] of kind `Malformed` when it is no list of this dialect.
    pub fn decode_models(self, body: &[u8]) -> Result<Vec<ModelEntry>, Failure> {
        match self {
            Self::OpenAiChat
            | Self::Compatible
            | Self::OpenAiResponses
            | Self::LmStudioV0
            | Self::LlamaCpp => models::decode_openai(body),
            Self::LmStudioV1 => lm_studio_v1::decode_models(body),
            Self::Anthropic => models::decode_anthropic(body),
            Self::Ollama => ollama::lists::decode_models(body),
            Self::Gemini => gemini::lists::decode_models(body),
        }
    }

    /// The body of an embedding request.
    ///
    /// # Errors
    /// [`Failure`] of kind `Invalid` when the provider makes no embeddings, or none of tokens.
    pub fn encode_embed(self, request: &EmbedRequest) -> Result<Vec<u8>, Failure> {
        match self {
            Self::OpenAiChat
            | Self::Compatible
            | Self::OpenAiResponses
            | Self::LmStudioV0
            | Self::LlamaCpp => Ok(embeddings::encode_openai_request(request)),
            Self::Ollama => ollama::lists::encode_embed(request),
            Self::Gemini => gemini::lists::encode_embed(request),
            Self::Anthropic => Err(invalid("Anthropic makes no embeddings: ask a model of another provider")),
            Self::LmStudioV1 => {
                Err(invalid("LM Studio's v1 makes no embeddings; its v0 and OpenAI dialects do"))
            }
        }
    }

    /// The vectors of its answer.
    ///
    /// # Errors
    /// [`Failure`] of kind `Malformed` when it is no answer of this dialect.
    pub fn decode_embed(self, body: &[u8]) -> Result<EmbedResult, Failure> {
        match self {
            Self::Ollama => ollama::lists::decode_embed(body),
            Self::Gemini => gemini::lists::decode_embed(body),
            _ => embeddings::decode_openai_answer(body),
        }
    }

    /// Path and body of a request that loads a model into memory, for servers that can be told to. `ttl_s`: for how
    /// long after its last use (Ollama); `context_length`: with room for so many tokens (LM Studio).
    #[must_use]
    pub fn encode_load(
        self,
        model: &str,
        ttl_s: Option<u64>,
        context_length: Option<u64>,
    ) -> Option<(&'static str, Vec<u8>)> {
        match self {
            Self::LmStudioV1 => Some(("models/load", lm_studio_v1::encode_load(model, context_length))),
            Self::Ollama => Some(("generate", ollama::lists::encode_keep(model, ttl_s))),
            _ => None,
        }
    }

    /// Path and body of a request that unloads a model: LM Studio wants the name of its copy in memory
    /// ([`ModelEntry::instances`]), Ollama the model's own.
    #[must_use]
    pub fn encode_unload(self, name: &str) -> Option<(&'static str, Vec<u8>)> {
        match self {
            Self::LmStudioV1 => Some(("models/unload", lm_studio_v1::encode_unload(name))),
            Self::Ollama => Some(("generate", ollama::lists::encode_keep(name, Some(0)))),
            _ => None,
        }
    }

    /// What a server says that it loaded: the name of the copy in memory, and the seconds it took, where it says so.
    ///
    /// # Errors
    /// [`Failure`] of kind `Malformed` when it is no answer of this dialect.
    pub fn decode_load(self, body: &[u8]) -> Result<(Option<String>, Option<f64>), Failure> {
        match self {
            Self::LmStudioV1 => lm_studio_v1::decode_load(body),
            _ => ollama::lists::decode_load(body),
        }
    }
}

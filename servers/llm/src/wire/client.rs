//! The dialects that clients speak to us.

use super::embeddings::{EmbedRequest, EmbedResult};
use super::models::{self, ModelEntry};
use super::{anthropic, json, openai_chat, openai_responses, sse};
use crate::chat::{ChatRequest, ChatResult, Failure, Piece};

/// A dialect that clients speak to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientDialect {
    /// `POST /v1/chat/completions`, with `/v1/models` and `/v1/embeddings`.
    OpenAiChat,
    /// `POST /v1/responses`, without what OpenAI keeps between requests.
    OpenAiResponses,
    /// `POST /v1/messages`.
    Anthropic,
}

/// What an answer says of itself, besides what the model says.
#[derive(Debug, Clone, Default)]
pub struct Answer {
    /// A name that no other answer has; the dialect puts its own prefix before it.
    pub id: String,
    /// The model, as the client called it.
    pub model: String,
    /// Seconds from 1970 to its beginning.
    pub created_s: i64,
    /// Whether a stream ends with its usage; only chat completions ask for it.
    pub include_usage: bool,
}

impl Answer {
    pub(crate) fn named(&self, prefix: &str) -> Self {
        Self { id: format!("{prefix}{}", self.id), ..self.clone() }
    }
}

impl ClientDialect {
    /// The question in a request's body.
    ///
    /// # Errors
    /// [`Failure`] of kind `Invalid` that says what cannot be read or translated.
    pub fn decode_chat(self, body: &[u8]) -> Result<ChatRequest, Failure> {
        match self {
            Self::OpenAiChat => openai_chat::decode_request::decode(body),
            Self::OpenAiResponses => openai_responses::decode_request::decode(body),
            Self::Anthropic => anthropic::decode_request::decode(body),
        }
    }

    /// The body of a whole answer.
    #[must_use]
    pub fn encode_chat(self, result: &ChatResult, answer: &Answer) -> Vec<u8> {
        match self {
            Self::OpenAiChat => openai_chat::encode_answer::encode(result, answer),
            Self::OpenAiResponses => openai_responses::encode_answer::encode(result, answer),
            Self::Anthropic => anthropic::encode_answer::encode(result, answer),
        }
    }

    /// What writes an answer piece by piece.
    #[must_use]
    pub fn encoder(self, answer: Answer) -> Encoder {
        Encoder(match self {
            Self::OpenAiChat => Writer::OpenAiChat(openai_chat::encode_answer::Writer::new(&answer)),
            Self::OpenAiResponses => {
                Writer::OpenAiResponses(openai_responses::encode_answer::Writer::new(&answer))
            }
            Self::Anthropic => Writer::Anthropic(anthropic::encode_answer::Writer::new(&answer)),
        })
    }

    /// Status and body of an error.
    #[must_use]
    pub fn encode_failure(self, failure: &Failure) -> (u16, Vec<u8>) {
        let (status, value) = match self {
            Self::OpenAiChat | Self::OpenAiResponses => {
                (failure.status_for_callers(), openai_chat::encode_answer::error_value(failure))
            }
            Self::Anthropic => {
                (anthropic::encode_answer::status(failure), anthropic::encode_answer::error_value(failure))
            }
        };
        (status, json::body(&value))
    }

    /// The event that ends a stream, of which a part has been sent on, with an error.
    #[must_use]
    pub fn encode_failure_event(self, failure: &Failure) -> Vec<u8> {
        let mut out = Vec::new();
        match self {
            Self::OpenAiChat => sse::write(&mut out, "", &openai_chat::encode_answer::error_value(failure)),
            Self::OpenAiResponses => {
                let code = openai_chat::encode_answer::error_value(failure)["error"]["code"].take();
                let words = &failure.message;
                let event =
                    serde_json::json!({ "type": "error", "code": code, "message": words, "param": null });
                sse::write(&mut out, "error", &event);
            }
            Self::Anthropic => {
                sse::write(&mut out, "error", &anthropic::encode_answer::error_value(failure));
            }
        }
        out
    }

    /// The body of a list of models.
    #[must_use]
    pub fn encode_models(self, entries: &[ModelEntry]) -> Vec<u8> {
        match self {
            Self::OpenAiChat | Self::OpenAiResponses => models::encode_openai(entries),
            Self::Anthropic => models::encode_anthropic(entries),
        }
    }

    /// The body of one model.
    #[must_use]
    pub fn encode_model(self, entry: &ModelEntry) -> Vec<u8> {
        match self {
            Self::OpenAiChat | Self::OpenAiResponses => json::body(&models::openai(entry)),
            Self::Anthropic => json::body(&models::anthropic(entry)),
        }
    }

    /// The question in the body of an embedding request: OpenAI's only, whatever the dialect.
    ///
    /// # Errors
    /// [`Failure`] of kind `Invalid` that says what cannot be read or translated.
    pub fn decode_embed(body: &[u8]) -> Result<EmbedRequest, Failure> {
        super::embeddings::decode_openai_request(body)
    }

    /// The body of the answer to it.
    #[must_use]
    pub fn encode_embed(result: &EmbedResult, request: &EmbedRequest) -> Vec<u8> {
        super::embeddings::encode_openai_answer(result, request)
    }
}

/// Writes an answer piece by piece: bytes that can be sent at once.
#[derive(Debug)]
pub struct Encoder(Writer);

#[derive(Debug)]
enum Writer {
    OpenAiChat(openai_chat::encode_answer::Writer),
    OpenAiResponses(openai_responses::encode_answer::Writer),
    Anthropic(anthropic::encode_answer::Writer),
}

impl Encoder {
    /// Appends what `piece` adds to the stream. After [`Piece::Failed`] nothing more is written.
    pub fn push(&mut self, piece: &Piece, out: &mut Vec<u8>) {
        match &mut self.0 {
            Writer::OpenAiChat(writer) => writer.piece(piece, out),
            Writer::OpenAiResponses(writer) => writer.piece(piece, out),
            Writer::Anthropic(writer) => writer.piece(piece, out),
        }
    }

    /// Appends the end of the stream.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        match &mut self.0 {
            Writer::OpenAiChat(writer) => writer.finish(out),
            Writer::OpenAiResponses(writer) => writer.finish(out),
            Writer::Anthropic(writer) => writer.finish(out),
        }
    }
}

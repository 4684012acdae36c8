//! The dialects that we speak to providers.

use std::fmt;

use super::anthropic;
use super::embeddings::{self, EmbedRequest, EmbedResult};
use super::lines::{Ends, LineTooLong, Lines};
use super::models::{self, ModelEntry};
use super::openai_chat::{self, Flavour};
use super::sse::{Event, Events};
use crate::chat::{ChatRequest, Failure, FailureKind, Piece};

/// A dialect that we speak to providers. Paths begin at the provider's address, which includes the version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProviderDialect {
    /// OpenAI's chat completions, at `https://api.openai.com/v1`.
    OpenAiChat,
    /// The same, spoken by others.
    Compatible,
    /// LM Studio's first own dialect, at `http://127.0.0.1:1234/api/v0`.
    LmStudioV0,
    /// llama.cpp's server, at `http://127.0.0.1:8080/v1`.
    LlamaCpp,
    /// Anthropic's messages, at `https://api.anthropic.com/v1`.
    Anthropic,
}

/// Reads an answer that comes piece by piece. One at a time: each answer needs its own.
pub struct Decoder {
    frames: Frames,
    reader: Box<dyn ReadAnswer>,
    over: bool,
}

/// How a dialect cuts its stream.
enum Frames {
    Events(Events),
    Lines(Lines),
}

/// Makes pieces of a dialect's events.
pub(crate) trait ReadAnswer: Send {
    /// Takes in one event, or one line.
    fn event(&mut self, event: Event<'_>, out: &mut Vec<Piece>);
    /// Whether the answer has come to its end, so that the stream may end too.
    fn is_ended(&self) -> bool;
}

impl ProviderDialect {
    /// Where chats are asked for.
    #[must_use]
    pub fn chat_path(self, _model: &str, _stream: bool) -> String {
        match self {
            Self::OpenAiChat | Self::Compatible | Self::LmStudioV0 | Self::LlamaCpp => {
                "chat/completions".to_owned()
            }
            Self::Anthropic => "messages".to_owned(),
        }
    }

    /// Where models are listed.
    #[must_use]
    pub fn models_path(self) -> &'static str {
        "models"
    }

    /// Where embeddings are asked for, if there is such a place.
    #[must_use]
    pub fn embed_path(self, _model: &str) -> Option<String> {
        match self {
            Self::OpenAiChat | Self::Compatible | Self::LmStudioV0 | Self::LlamaCpp => {
                Some("embeddings".to_owned())
            }
            Self::Anthropic => None,
        }
    }

    /// The header that carries the key, and what stands before it.
    #[must_use]
    pub fn key_header(self) -> (&'static str, &'static str) {
        match self {
            Self::OpenAiChat | Self::Compatible | Self::LmStudioV0 | Self::LlamaCpp => {
                ("authorization", "Bearer ")
            }
            Self::Anthropic => ("x-api-key", ""),
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
        !matches!(self, Self::LmStudioV0)
    }

    /// The body of a chat request.
    ///
    /// # Errors
    /// [`Failure`] of kind `Invalid` when the dialect has no words for something that cannot be left out.
    pub fn encode_chat(self, request: &ChatRequest) -> Result<Vec<u8>, Failure> {
        if !self.takes_image_urls() && request.has_image_urls() {
            return Err(super::json::invalid(
                "this provider takes no addresses of images: give the image itself, as data:image/…;base64,…",
            ));
        }
        match self {
            Self::OpenAiChat => Ok(openai_chat::encode_request::encode(request, Flavour::OpenAi)),
            Self::Compatible => Ok(openai_chat::encode_request::encode(request, Flavour::Compatible)),
            Self::LmStudioV0 => Ok(openai_chat::encode_request::encode(request, Flavour::LmStudio)),
            Self::LlamaCpp => Ok(openai_chat::encode_request::encode(request, Flavour::LlamaCpp)),
            Self::Anthropic => Ok(anthropic::encode_request::encode(request)),
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
            Self::Anthropic => anthropic::decode_answer::decode(body, call),
        }
    }

    /// What reads an answer that comes piece by piece; `call` as above.
    #[must_use]
    pub fn decoder(self, call: &str) -> Decoder {
        match self {
            Self::OpenAiChat | Self::Compatible | Self::LmStudioV0 | Self::LlamaCpp => {
                Decoder::events(openai_chat::decode_answer::Reader::new(call))
            }
            Self::Anthropic => Decoder::events(anthropic::decode_answer::Reader::new(call)),
        }
    }

    /// The models in the provider's list.
    ///
    /// # Errors
    /// [`Failure`] of kind `Malformed` when it is no list of this dialect.
    pub fn decode_models(self, body: &[u8]) -> Result<Vec<ModelEntry>, Failure> {
        match self {
            Self::Anthropic => models::decode_anthropic(body),
            _ => models::decode_openai(body),
        }
    }

    /// The body of an embedding request.
    ///
    /// # Errors
    /// [`Failure`] of kind `Invalid` when the provider makes no embeddings.
    pub fn encode_embed(self, request: &EmbedRequest) -> Result<Vec<u8>, Failure> {
        match self {
            Self::Anthropic => {
                Err(super::json::invalid("Anthropic makes no embeddings: ask a model of another provider"))
            }
            _ => Ok(embeddings::encode_openai_request(request)),
        }
    }

    /// The vectors of its answer.
    ///
    /// # Errors
    /// [`Failure`] of kind `Malformed` when it is no answer of this dialect.
    pub fn decode_embed(self, body: &[u8]) -> Result<EmbedResult, Failure> {
        embeddings::decode_openai_answer(body)
    }
}

impl Decoder {
    fn events(reader: impl ReadAnswer + 'static) -> Self {
        Self { frames: Frames::Events(Events::default()), reader: Box::new(reader), over: false }
    }

    #[expect(dead_code, reason = "Ollama's dialect is next")]
    fn lines(reader: impl ReadAnswer + 'static) -> Self {
        Self { frames: Frames::Lines(Lines::new(Ends::LineFeed)), reader: Box::new(reader), over: false }
    }

    /// Takes in bytes as they come, cut anywhere, and appends the pieces that they complete. After [`Piece::Failed`]
    /// there are no more.
    pub fn push(&mut self, bytes: &[u8], out: &mut Vec<Piece>) {
        let Self { frames, reader, over } = self;
        if *over {
            return;
        }
        let mut take = |event: Event<'_>| read(reader.as_mut(), over, event, out);
        let cut = match frames {
            Frames::Events(events) => events.push(bytes, take),
            Frames::Lines(lines) => lines.push(bytes, |data| take(Event { name: "", data })),
        };
        if let Err(error) = cut {
            self.give_up(error, out);
        }
    }

    /// The stream has ended: appends its last pieces, and [`Piece::Failed`] if it ended too early.
    pub fn finish(&mut self, out: &mut Vec<Piece>) {
        let Self { frames, reader, over } = self;
        let mut take = |event: Event<'_>| read(reader.as_mut(), over, event, out);
        match frames {
            Frames::Events(events) => events.finish(take),
            Frames::Lines(lines) => lines.finish(|data| take(Event { name: "", data })),
        }
        if !self.over && !self.reader.is_ended() {
            out.push(Piece::Failed(Failure::cut()));
        }
        self.over = true;
    }

    fn give_up(&mut self, error: LineTooLong, out: &mut Vec<Piece>) {
        if !self.over {
            out.push(Piece::Failed(Failure::new(FailureKind::Malformed, error.to_string())));
        }
        self.over = true;
    }
}

fn read(reader: &mut dyn ReadAnswer, over: &mut bool, event: Event<'_>, out: &mut Vec<Piece>) {
    if *over || event.data.is_empty() {
        return;
    }
    let from = out.len();
    reader.event(event, out);
    if let Some(at) = out[from..].iter().position(|piece| matches!(piece, Piece::Failed(_))) {
        out.truncate(from + at + 1);
        *over = true;
    }
}

impl fmt::Debug for Decoder {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Decoder").field("over", &self.over).finish_non_exhaustive()
    }
}

//! Dialects tried with streams of the shape that their documentation shows: our own words in their order of events.

mod anthropic;
mod documents;
mod errors_in_streams;
mod gemini;
mod limits;
mod local;
mod openai_chat;
mod openai_responses;
mod requests;
mod round;
mod splits;

use std::time::Duration;

use super::{Answer, ClientDialect, ProviderDialect};
use crate::chat::{Accumulator, ChatResult, Failure, Piece};

/// A stream of each dialect.
const STREAMS: &[(ProviderDialect, &str)] = &[
    (ProviderDialect::OpenAiChat, include_str!("streams/openai_chat.sse")),
    (ProviderDialect::LlamaCpp, include_str!("streams/llama_cpp.sse")),
    (ProviderDialect::Anthropic, include_str!("streams/anthropic.sse")),
    (ProviderDialect::OpenAiResponses, include_str!("streams/openai_responses.sse")),
    (ProviderDialect::Ollama, include_str!("streams/ollama.ndjson")),
    (ProviderDialect::Gemini, include_str!("streams/gemini.sse")),
    (ProviderDialect::LmStudioV1, include_str!("streams/lm_studio_v1.sse")),
];

/// Each client dialect with the provider dialect that reads it.
const PAIRS: &[(ClientDialect, ProviderDialect)] = &[
    (ClientDialect::OpenAiChat, ProviderDialect::Compatible),
    (ClientDialect::OpenAiResponses, ProviderDialect::OpenAiResponses),
    (ClientDialect::Anthropic, ProviderDialect::Anthropic),
];

fn stream_of(dialect: ProviderDialect) -> &'static str {
    STREAMS.iter().find(|(of, _)| *of == dialect).unwrap().1
}

/// The pieces of a stream that comes in these chunks.
fn pieces<'a>(dialect: ProviderDialect, chunks: impl IntoIterator<Item = &'a [u8]>) -> Vec<Piece> {
    let mut decoder = dialect.decoder("t");
    let mut pieces = Vec::new();
    for chunk in chunks {
        decoder.push(chunk, &mut pieces);
    }
    decoder.finish(&mut pieces);
    pieces
}

fn gathered(pieces: &[Piece]) -> (ChatResult, Option<Failure>) {
    let mut accumulator = Accumulator::with("asked".into(), 0);
    for piece in pieces {
        accumulator.push(piece, Duration::ZERO).unwrap();
    }
    let failure = accumulator.failure().cloned();
    (accumulator.finish(Duration::ZERO), failure)
}

fn read(dialect: ProviderDialect, stream: &str) -> (ChatResult, Option<Failure>) {
    gathered(&pieces(dialect, [stream.as_bytes()]))
}

/// An answer whose stream has no error.
fn whole(dialect: ProviderDialect, stream: &str) -> ChatResult {
    let (result, failure) = read(dialect, stream);
    assert_eq!(failure, None);
    result
}

fn answer() -> Answer {
    Answer { id: "1".into(), model: "m".into(), created_s: 1_700_000_000, include_usage: true }
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap()
}

/// `pieces` as the client's dialect streams them.
fn streamed(dialect: ClientDialect, pieces: &[Piece]) -> String {
    let mut encoder = dialect.encoder(answer());
    let mut out = Vec::new();
    for piece in pieces {
        encoder.push(piece, &mut out);
    }
    encoder.finish(&mut out);
    text(out)
}

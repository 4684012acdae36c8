//! The APIs that programs already speak, answered here: with our keys, limits and providers behind them.
//!
//! ```text
//! chat    questions in any client dialect: translated, or passed on where the provider speaks it too
//! relay   an answer that is passed on as it comes
//! embed   texts made into vectors
//! lm_query  the older clients' one prompt and one answer
//! ```

mod chat;
mod embed;
mod lm_query;
mod relay;

use std::sync::Arc;

use bytes::Bytes;
use drawbridge_contract::{
    BoxFuture, Context, ExchangeMethod, ExchangeRefusal, ExchangeReply, ExchangeRequest, ExchangeRoute,
    Exchanges, ToolError,
};

use crate::chat::{Failure, FailureKind};
use crate::models::{Asker, Models, Unanswered};
use crate::tools::{CHAT, EMBED, MODELS};
use crate::wire::{ClientDialect, encode_lm_failure};

/// How large a question may be, in bytes: pictures are in it.
pub const QUESTION_BYTES_MAX: usize = 32 << 20;

/// Where MCP LM Terminal's clients ask.
const LM_QUERY: &str = "/lm/query";
/// One model.
const MODEL: &str = "/v1/models/{*rest}";
/// What clients of Anthropic and OpenAI send along to switch on what is not everybody's yet.
const BETA: &[&str] = &["anthropic-beta", "openai-beta"];

const fn post(path: &'static str, tool: &'static str, title: &'static str) -> ExchangeRoute {
    let (method, body_bytes_max) = (ExchangeMethod::Post, QUESTION_BYTES_MAX);
    ExchangeRoute { path, method, tool, body_bytes_max, headers: BETA, title }
}

const fn get(path: &'static str, title: &'static str) -> ExchangeRoute {
    ExchangeRoute {
        path,
        method: ExchangeMethod::Get,
        tool: MODELS,
        body_bytes_max: 0,
        headers: SHAPE,
        title,
    }
}

/// By this header a client of Anthropic is known where both have the same path.
const SHAPE: &[&str] = &["anthropic-version"];

/// Every route, and the tool that a request to it counts as.
const TABLE: &[ExchangeRoute] = &[
    post("/v1/chat/completions", CHAT, "Ask a model, as OpenAI's chat completions"),
    get("/v1/models", "All models, as OpenAI or Anthropic list them"),
    get(MODEL, "One model"),
    post("/v1/embeddings", EMBED, "Make texts into vectors, as OpenAI does"),
    post("/v1/messages", CHAT, "Ask a model, as Anthropic's messages"),
    post("/v1/responses", CHAT, "Ask a model, as OpenAI's responses"),
    // The older clients' route.
    post(LM_QUERY, CHAT, "Ask a model one thing, as MCP LM Terminal"),
];

/// The exchanges of this server.
pub(crate) struct Proxy {
    pub(crate) models: Arc<Models>,
}

impl Exchanges for Proxy {
    fn table(&self) -> &'static [ExchangeRoute] {
        TABLE
    }

    fn exchange<'a>(
        &'a self,
        request: &'a ExchangeRequest,
        context: &'a Context,
    ) -> BoxFuture<'a, Result<ExchangeReply, ToolError>> {
        Box::pin(async move {
            let asker = Asker { caller: context.caller.clone(), on_place: &|_, _| {} };
            let dialect = dialect_of(request);
            let reply = match &*request.path {
                "/v1/models" => Ok(ExchangeReply::json(200, self.list(&asker, dialect).await)),
                MODEL => self.show(&asker, dialect, &request.rest).await,
                "/v1/embeddings" => embed::answer(&self.models, &asker, &request.body).await,
                LM_QUERY => Ok(lm_query::answer(&self.models, &asker, &request.body).await),
                _ => chat::answer(&self.models, &asker, dialect, request).await,
            };
            Ok(reply.unwrap_or_else(|unanswered| refused(dialect, &unanswered)))
        })
    }

    fn refusal(&self, path: &str, refused: &ExchangeRefusal<'_>) -> Option<Bytes> {
        if path == LM_QUERY {
            return Some(encode_lm_failure(&Failure::new(FailureKind::Broken, refused.message)).1.into());
        }
        let kind = match refused.status {
            401 => FailureKind::Unknown,
            403 | 423 | 428 => FailureKind::NotAllowed,
            404 => FailureKind::NotFound,
            429 => FailureKind::RateLimited,
            503 => FailureKind::Overloaded,
            504 => FailureKind::TimedOut,
            400..=499 => FailureKind::Invalid,
            _ => FailureKind::Broken,
        };
        let failure = Failure::new(kind, refused.message).with_code(Some(refused.kind.to_owned()));
        Some(dialect_of_path(path).encode_failure(&failure).1.into())
    }
}

/// What a request is written in.
fn dialect_of(request: &ExchangeRequest) -> ClientDialect {
    let is_anthropic = request.headers.iter().any(|(name, _)| *name == "anthropic-version");
    if is_anthropic { ClientDialect::Anthropic } else { dialect_of_path(&request.path) }
}

/// What is spoken at a path.
fn dialect_of_path(path: &str) -> ClientDialect {
    match path {
        "/v1/messages" => ClientDialect::Anthropic,
        "/v1/responses" => ClientDialect::OpenAiResponses,
        _ => ClientDialect::OpenAiChat,
    }
}

/// An error in the words of the dialect.
fn refused(dialect: ClientDialect, unanswered: &Unanswered) -> ExchangeReply {
    let (_, body) = dialect.encode_failure(&unanswered.failure);
    let reply = ExchangeReply::json(unanswered.status, body);
    ExchangeReply { retry_after: unanswered.failure.retry_after, ..reply }
}

impl Proxy {
    /// Every model that this caller may use, aliases first.
    async fn list(&self, asker: &Asker<'_>, dialect: ClientDialect) -> Vec<u8> {
        dialect.encode_models(&self.models.all_models(&asker.caller).await)
    }

    /// One of them.
    async fn show(
        &self,
        asker: &Asker<'_>,
        dialect: ClientDialect,
        id: &str,
    ) -> Result<ExchangeReply, Unanswered> {
        let all = self.models.all_models(&asker.caller).await;
        let Some(entry) = all.iter().find(|entry| entry.id == id) else {
            let words = format!("there is no model {id:?} here, or none that this key may use");
            return Err(Failure::new(FailureKind::NotFound, words).into());
        };
        Ok(ExchangeReply::json(200, dialect.encode_model(entry)))
    }
}

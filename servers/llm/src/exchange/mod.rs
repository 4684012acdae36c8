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

const fn post(path: &'static str, tool: &'static str) -> ExchangeRoute {
    ExchangeRoute { path, method: ExchangeMethod::Post, tool, body_bytes_max: QUESTION_BYTES_MAX }
}

/// Where MCP LM Terminal's clients ask.
const LM_QUERY: &str = "/lm/query";

/// Every route, and the tool that a request to it counts as.
const TABLE: &[ExchangeRoute] = &[
    post("/v1/chat/completions", CHAT),
    ExchangeRoute { path: "/v1/models", method: ExchangeMethod::Get, tool: MODELS, body_bytes_max: 0 },
    post("/v1/embeddings", EMBED),
    post("/v1/messages", CHAT),
    post("/v1/responses", CHAT),
    // The older clients' route.
    post(LM_QUERY, CHAT),
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
            let asker = Asker { caller: context.caller.id.clone(), on_place: &|_, _| {} };
            let dialect = dialect_of(&request.path);
            let reply = match &*request.path {
                "/v1/models" => Ok(ExchangeReply::json(200, self.list(&asker, dialect).await)),
                "/v1/embeddings" => embed::answer(&self.models, &asker, &request.body).await,
                LM_QUERY => Ok(lm_query::answer(&self.models, &asker, &request.body).await),
                _ => chat::answer(&self.models, &asker, dialect, &request.body).await,
            };
            Ok(reply.unwrap_or_else(|unanswered| refused(dialect, &unanswered)))
        })
    }

    fn refusal(&self, path: &str, refused: &ExchangeRefusal<'_>) -> Option<Bytes> {
        if path == LM_QUERY {
            return Some(encode_lm_failure(&Failure::new(FailureKind::Broken, refused.message)).1.into());
        }
        let kind = match refused.status {
            401 => FailureKind::Key,
            403 | 423 | 428 => FailureKind::Forbidden,
            404 => FailureKind::NotFound,
            429 => FailureKind::RateLimited,
            503 => FailureKind::Overloaded,
            504 => FailureKind::TimedOut,
            400..=499 => FailureKind::Invalid,
            _ => FailureKind::Broken,
        };
        let failure = Failure::new(kind, refused.message).with_code(Some(refused.kind.to_owned()));
        Some(dialect_of(path).encode_failure(&failure).1.into())
    }
}

/// What is spoken at a path.
fn dialect_of(path: &str) -> ClientDialect {
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
}

//! Questions in the dialects of clients.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use drawbridge_contract::{ExchangeBody, ExchangeReply, ExchangeRequest};
use futures::StreamExt as _;
use futures::stream::{self, BoxStream};

use super::relay::{self, Relay};
use crate::answering::{Answering, uuid};
use crate::cache::Key;
use crate::chat::{ChatRequest, Failure, FailureKind, OwnTool};
use crate::directory::Target;
use crate::models::{Asker, Models, Unanswered};
use crate::quota::{Coming, Wanted};
use crate::wire::{Answer, ClientDialect, Encoder, Head, ProviderDialect, own_tools};

/// Server-sent events (WHATWG HTML).
const EVENTS: &str = "text/event-stream";

/// Answers a question.
///
/// # Errors
/// [`Unanswered`], to be told in the words of the dialect.
pub(super) async fn answer(
    models: &Arc<Models>,
    asker: &Asker<'_>,
    dialect: ClientDialect,
    request: &ExchangeRequest,
) -> Result<ExchangeReply, Unanswered> {
    let head = Head::read(&request.body)?;
    let question = Question { models, asker, dialect, request, head: &head };
    models.first_of(asker, &head.model, |target| question.ask(target)).await
}

/// One question, as it came.
struct Question<'a> {
    models: &'a Arc<Models>,
    asker: &'a Asker<'a>,
    dialect: ClientDialect,
    request: &'a ExchangeRequest,
    head: &'a Head,
}

impl Question<'_> {
    async fn ask(&self, target: Target) -> Result<ExchangeReply, Unanswered> {
        let Some(key) = self.cache_key(&target) else { return self.ask_now(target).await };
        if let Some(answer) = self.models.cache.get(&key, Instant::now()) {
            self.models.ledger.check_model(&self.asker.caller, &[&target.full, &self.head.model])?;
            self.models.ledger.count_cached(self.models.ledger.account(&self.asker.caller), &target.full);
            return Ok(ExchangeReply::json(200, answer));
        }
        let reply = self.ask_now(target).await?;
        if let (200, ExchangeBody::Whole(answer)) = (reply.status, &reply.body) {
            self.models.cache.put(key, answer.clone(), Instant::now());
        }
        Ok(reply)
    }

    /// By what the answer is kept, if it may be: whole, asked for without any freedom, and of no conversation that its
    /// provider keeps.
    fn cache_key(&self, target: &Target) -> Option<Key> {
        let is_free = self.head.temperature.is_none_or(|warmth| warmth != 0.0);
        if !self.models.cache.is_on() || self.head.stream || is_free || self.head.is_kept_elsewhere {
            return None;
        }
        let ExchangeRequest { path, headers, body, .. } = self.request.clone();
        Some(Key { caller: self.asker.caller.id.clone(), path, model: target.full.clone(), headers, body })
    }

    async fn ask_now(&self, target: Target) -> Result<ExchangeReply, Unanswered> {
        match target.provider.native(self.dialect).filter(|_| !self.head.reaches_further) {
            Some((dialect, version)) => self.pass(target, dialect, version).await,
            None => self.translate(target).await,
        }
    }

    /// Passes the question on as it is, but for the model's name and the limit of a quota, and the answer too.
    async fn pass(
        &self,
        target: Target,
        dialect: ProviderDialect,
        version: &str,
    ) -> Result<ExchangeReply, Unanswered> {
        if self.head.background {
            let words = "answers do not wait in the background here: ask without background";
            return Err(Failure::new(FailureKind::Invalid, words).into());
        }
        let prompt_tokens = self.head.estimated_prompt_tokens(&self.request.body, self.dialect);
        let own_tools = self.own_tools(&target.model);
        let wanted = Wanted { own_tools: &own_tools, ..Wanted::of(prompt_tokens, self.wanted_tokens()) };
        let mut admitted = self.models.admit(self.asker, &self.head.model, target, wanted).await?;
        let asks_usage = self.dialect == ClientDialect::OpenAiChat;
        let bound = self.bound(dialect, admitted.reservation.max_tokens);
        let body = self.head.spliced(&self.request.body, &admitted.target.model, asks_usage, bound);
        let path = dialect.chat_path(&admitted.target.model, self.head.stream);
        let coming = if self.head.stream { Coming::InPieces } else { Coming::Whole };
        let headers = &self.request.headers;
        let sent = self.models.send(&mut admitted, coming, version, &path, body.into(), headers).await?;
        if self.head.stream && sent.is_events() {
            let hides_usage = !self.head.include_usage;
            let relay = Relay::new(admitted, sent, prompt_tokens, self.dialect, hides_usage);
            return Ok(ExchangeReply::stream(EVENTS, relay.into_stream()));
        }
        relay::whole(admitted, sent, prompt_tokens, self.dialect).await
    }

    /// The limit that has to be written into the question, and the dialect's word for it: none where the question asks
    /// for no more than it may have.
    fn bound(&self, dialect: ProviderDialect, max_tokens: Option<u64>) -> Option<(&'static str, u64)> {
        let max = max_tokens.filter(|max| self.wanted_tokens().is_none_or(|asked| asked > *max))?;
        Some((dialect.limit_word(), max / self.head.choices.max(1)))
    }

    /// Tools that the provider runs itself, where it matters which.
    fn own_tools(&self, model: &str) -> Vec<OwnTool> {
        match self.models.ledger.counts_tools(&self.asker.caller) {
            true => own_tools(&self.request.body, self.dialect, model),
            false => Vec::new(),
        }
    }

    fn wanted_tokens(&self) -> Option<u64> {
        self.head.max_tokens.map(|max| max.saturating_mul(self.head.choices.max(1)))
    }

    /// Puts the question into the provider's words, and the answer into the client's.
    async fn translate(&self, target: Target) -> Result<ExchangeReply, Unanswered> {
        let mut request = self.dialect.decode_chat(&self.request.body)?;
        request.model = target.full.to_string();
        let stream = request.stream;
        let answering = self.models.ask_at(self.asker, &self.head.model, target, &request).await?;
        if stream { Ok(self.stream(answering)) } else { self.whole(answering, &request).await }
    }

    fn answer(&self) -> Answer {
        Answer {
            id: uuid(),
            model: self.head.model.clone(),
            created_s: drawbridge_store::now_us() / 1_000_000,
            include_usage: self.head.include_usage,
        }
    }

    fn stream(&self, answering: Answering) -> ExchangeReply {
        ExchangeReply::stream(EVENTS, encoded(answering, self.dialect.encoder(self.answer())))
    }

    async fn whole(&self, answering: Answering, _: &ChatRequest) -> Result<ExchangeReply, Unanswered> {
        let finished = answering.complete().await;
        match finished.failure {
            Some(failure) => Err(failure.into()),
            None => Ok(ExchangeReply::json(200, self.dialect.encode_chat(&finished.result, &self.answer()))),
        }
    }
}

/// Pieces in the words of the client, each as soon as it comes.
fn encoded(answering: Answering, encoder: Encoder) -> BoxStream<'static, Bytes> {
    stream::unfold(Some((answering, encoder)), |state| async {
        let (mut answering, mut encoder) = state?;
        let mut out = Vec::new();
        loop {
            match answering.next().await {
                Some(piece) => encoder.push(&piece, &mut out),
                None => {
                    encoder.finish(&mut out);
                    answering.finish();
                    return (!out.is_empty()).then(|| (out.into(), None));
                }
            }
            if !out.is_empty() {
                return Some((out.into(), Some((answering, encoder))));
            }
        }
    })
    .boxed()
}

//! Questions in the dialects of clients.

use std::sync::Arc;

use bytes::Bytes;
use drawbridge_contract::ExchangeReply;
use futures::StreamExt as _;
use futures::stream::{self, BoxStream};

use super::relay::{self, Relay};
use crate::answering::{Answering, uuid};
use crate::chat::ChatRequest;
use crate::directory::Target;
use crate::models::{Asker, Models, Unanswered};
use crate::quota::Wanted;
use crate::wire::{Answer, ClientDialect, Encoder, Head, ProviderDialect};

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
    body: &Bytes,
) -> Result<ExchangeReply, Unanswered> {
    let head = Head::read(body)?;
    let question = Question { models, asker, dialect, body, head: &head };
    models.first_of(&head.model, |target| question.ask(target)).await
}

/// One question, as it came.
struct Question<'a> {
    models: &'a Arc<Models>,
    asker: &'a Asker<'a>,
    dialect: ClientDialect,
    body: &'a Bytes,
    head: &'a Head,
}

impl Question<'_> {
    async fn ask(&self, target: Target) -> Result<ExchangeReply, Unanswered> {
        if self.is_same_dialect(target.provider.dialect) {
            self.pass(target).await
        } else {
            self.translate(target).await
        }
    }

    /// Whether client and provider speak the same, so that nothing has to be translated.
    fn is_same_dialect(&self, provider: ProviderDialect) -> bool {
        use ProviderDialect::{Compatible, LlamaCpp, LmStudioV0, OpenAiChat};
        self.dialect == ClientDialect::OpenAiChat
            && matches!(provider, OpenAiChat | Compatible | LlamaCpp | LmStudioV0)
    }

    /// Passes the question on as it is, and the answer too.
    async fn pass(&self, target: Target) -> Result<ExchangeReply, Unanswered> {
        let prompt_tokens = self.head.estimated_prompt_tokens(self.body, self.dialect);
        let wanted = Wanted { prompt_tokens, max_tokens: self.wanted_tokens() };
        let mut admitted = self.models.admit(self.asker, &self.head.model, target, wanted).await?;
        if admitted
            .reservation
            .max_tokens
            .is_some_and(|max| self.head.max_tokens.is_none_or(|asked| asked > max))
        {
            // A bound has to be written into the question.
            let target = admitted.target.clone();
            drop(admitted);
            return self.translate(target).await;
        }
        let body = self.head.spliced(self.body, &admitted.target.model, true);
        let provider = admitted.target.provider.clone();
        let path = provider.dialect.chat_path(&admitted.target.model, self.head.stream);
        let sent = self.models.send(&mut admitted, provider.version, &path, body.into()).await?;
        if self.head.stream && sent.is_events() {
            let hides_usage = !self.head.include_usage;
            return Ok(ExchangeReply::stream(
                EVENTS,
                Relay::new(admitted, sent, prompt_tokens, hides_usage).into_stream(),
            ));
        }
        relay::whole(admitted, sent, prompt_tokens).await
    }

    fn wanted_tokens(&self) -> Option<u64> {
        self.head.max_tokens.map(|max| max.saturating_mul(self.head.choices.max(1)))
    }

    /// Puts the question into the provider's words, and the answer into the client's.
    async fn translate(&self, target: Target) -> Result<ExchangeReply, Unanswered> {
        let mut request = self.dialect.decode_chat(self.body)?;
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

//! Texts made into vectors.

use crate::chat::Usage;
use crate::directory::Target;
use crate::models::{Asker, Models, Unanswered};
use crate::quota::{Coming, Wanted};
use crate::wire::{EmbedRequest, EmbedResult};

/// The largest answer that is read.
const VECTORS_BYTES_MAX: usize = 64 << 20;

impl Models {
    /// Asks the model of `request` for vectors; gives what it cost in millionths, too.
    ///
    /// # Errors
    /// [`Unanswered`] by the last provider that was asked.
    pub(crate) async fn embed(
        &self,
        asker: &Asker<'_>,
        request: &EmbedRequest,
    ) -> Result<(EmbedResult, u64), Unanswered> {
        self.first_of(asker, &request.model, |target| self.embed_at(asker, target, request)).await
    }

    async fn embed_at(
        &self,
        asker: &Asker<'_>,
        target: Target,
        request: &EmbedRequest,
    ) -> Result<(EmbedResult, u64), Unanswered> {
        let prompt_tokens = request.input.tokens();
        let wanted = Wanted::of(prompt_tokens, Some(0));
        let mut admitted = self.admit(asker, &request.model, target, wanted).await?;
        let provider = admitted.target.provider.clone();
        let of_provider = EmbedRequest { model: admitted.target.model.to_string(), ..request.clone() };
        let (dialect, version) = provider.for_vectors();
        let body = dialect.encode_embed(&of_provider)?.into();
        let path = dialect.embed_path(&of_provider.model);
        let path = path.as_deref().unwrap_or("embeddings");
        let sent = self.send(&mut admitted, Coming::Whole, version, path, body, &[]).await?;
        if let Some(turn) = &admitted.turn {
            turn.answered();
        }
        let answer = sent.whole(VECTORS_BYTES_MAX).await.and_then(|body| dialect.decode_embed(&body));
        let estimated = Usage::of(prompt_tokens, 0);
        let known = answer.as_ref().ok().and_then(|result| result.usage.prompt_tokens);
        let usage = known.map_or(estimated, |tokens| Usage::of(tokens, 0));
        let micros = admitted.reservation.settle(&usage, known.is_none());
        Ok((answer.map_err(|failure| provider.named(failure))?, micros))
    }
}

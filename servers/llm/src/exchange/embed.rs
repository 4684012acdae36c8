//! Texts made into vectors, in OpenAI's words.

use bytes::Bytes;
use drawbridge_contract::ExchangeReply;

use crate::models::{Asker, Models, Unanswered};
use crate::wire::ClientDialect;

/// Answers a question for vectors.
///
/// # Errors
/// [`Unanswered`], to be told in the words of the dialect.
pub(super) async fn answer(
    models: &Models,
    asker: &Asker<'_>,
    body: &Bytes,
) -> Result<ExchangeReply, Unanswered> {
    let request = ClientDialect::decode_embed(body)?;
    let (result, _) = models.embed(asker, &request).await?;
    Ok(ExchangeReply::json(200, ClientDialect::encode_embed(&result, &request)))
}

//! `POST /lm/query` of MCP LM Terminal: one prompt, one answer, in the shape that its clients know.

use bytes::Bytes;
use drawbridge_contract::ExchangeReply;

use crate::models::{Asker, Models, Unanswered};
use crate::settings::ProviderKind;
use crate::wire::{LmVersion, decode_lm_query, encode_lm_answer, encode_lm_failure};

/// The status with which the older server refused a body.
const UNPROCESSABLE: u16 = 422;
/// The status with which it told every other failure.
const FAILED: u16 = 500;

/// Answers a prompt, or says in the old words why not.
pub(super) async fn answer(models: &Models, asker: &Asker<'_>, body: &Bytes) -> ExchangeReply {
    // The owner's default, or whatever runs, where the question names no model.
    let request = match decode_lm_query(body, "") {
        Ok(request) => request,
        Err(refused) => return ExchangeReply::json(UNPROCESSABLE, refused),
    };
    let answering = match models.ask(asker, request).await {
        Ok(answering) => answering,
        Err(unanswered) => return failed(&unanswered),
    };
    let version = match answering.kind() {
        ProviderKind::LmStudioV1 => LmVersion::V1,
        _ => LmVersion::V0,
    };
    let finished = answering.complete().await;
    match finished.failure {
        Some(failure) => failed(&failure.into()),
        None => ExchangeReply::json(200, encode_lm_answer(&finished.result, version)),
    }
}

/// Limits keep their status, so that programs can tell them; everything else was 500.
fn failed(unanswered: &Unanswered) -> ExchangeReply {
    let status = if matches!(unanswered.status, 403 | 429) { unanswered.status } else { FAILED };
    let reply = ExchangeReply::json(status, encode_lm_failure(&unanswered.failure).1);
    ExchangeReply { retry_after: unanswered.failure.retry_after, ..reply }
}

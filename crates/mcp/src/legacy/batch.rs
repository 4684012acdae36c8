//! Batches, which only 2025-03-26 has.

use bytes::Bytes;
use drawbridge_contract::BoxFuture;

use crate::core::Work;
use crate::encode::Reply;
use crate::envelope::Id;
use crate::error::WireError;
use crate::running::Step;

/// One request of a batch, until its reply is there.
pub(crate) fn part_of_batch(id: Id, work: Result<Work, WireError>) -> BoxFuture<'static, Option<Bytes>> {
    let ready = |reply: Reply| Box::pin(std::future::ready(Some(reply.message)));
    match work {
        Ok(Work::Ready(reply)) => ready(reply),
        Ok(Work::Running(mut running)) => Box::pin(async move {
            loop {
                if let Step::Over(reply) = running.step().await {
                    return reply.map(|reply| reply.message);
                }
            }
        }),
        Ok(Work::Listening(_)) => ready(Reply::error(
            Some(&id),
            &WireError::invalid_request("a subscription cannot be part of a batch"),
        )),
        Err(error) => ready(Reply::error(Some(&id), &error)),
    }
}

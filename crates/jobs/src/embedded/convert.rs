//! Between what callers write and what the writer's desk understands.

use super::claim::{Ask, Handed, Told};
use super::command::Reply;
use super::desk::key_of;
use super::key::Key;
use super::read;
use super::say::{End, Spoken};
use super::shared::Shared;
use super::submit::Taken;
use crate::bounds::{CLAIM_MAX, LEASE_MS_MAX};
use crate::{AttemptEnd, Claim, EngineError, Exchange, Exchanged, Lease, Progress, Said, Submitted, Work};

pub(super) fn submitted((key, existed): Taken) -> Submitted {
    Submitted { id: key.job_id(), existed }
}

/// A worker's message. An id that is none is refused with the whole message: no engine gave it out.
pub(super) fn ask_of(message: Exchange, reply: Reply<Told>) -> Result<Ask, EngineError> {
    let Exchange { worker, in_process, said, claim } = message;
    let said = said.into_iter().map(spoken).collect::<Result<_, _>>()?;
    let claim = claim.unwrap_or(Claim::now(0, 1));
    Ok(Ask {
        worker,
        in_process,
        said,
        max: claim.max.min(CLAIM_MAX),
        queues: claim.queues,
        tools: claim.tools,
        lease_ms: bounded_lease(claim.lease_ms),
        wait_ms: claim.wait_ms,
        reply,
    })
}

pub(super) fn bounded_lease(lease_ms: u32) -> i64 {
    lease_ms.clamp(1, LEASE_MS_MAX).into()
}

pub(super) fn spoken(said: Said) -> Result<Spoken, EngineError> {
    let Said { lease, end, progress } = said;
    let end = match end.fitted() {
        AttemptEnd::Completed(result) => End::Completed(result.into()),
        AttemptEnd::Failed(failure) => End::Failed(failure),
        AttemptEnd::Stopped => End::Stopped,
        AttemptEnd::Released => End::Released,
        AttemptEnd::AskedInput(question) => End::AskedInput(question.into()),
        AttemptEnd::AwaitsChildren => End::AwaitsChildren,
    };
    let progress = progress.map(Progress::fitted);
    Ok(Spoken { key: key_of(&lease.id)?, token: lease.token, end, progress })
}

pub(super) fn exchanged(told: Told, names: &Shared) -> Result<Exchanged, EngineError> {
    let work: Result<Vec<Work>, EngineError> =
        told.work.into_iter().map(|handed| work_of(handed, names)).collect();
    Ok(Exchanged { said: told.said, work: work? })
}

pub(super) fn work_of(handed: Handed, shared: &Shared) -> Result<Work, EngineError> {
    let Handed { row, arguments, attributes, checkpoint, answer } = handed;
    Ok(Work {
        lease: Lease { id: row.key.job_id(), token: row.job.token },
        queue: shared.names.text(row.lane.queue),
        tool: shared.names.text(row.lane.tool),
        caller: shared.names.text(row.caller),
        arguments: read::raw(arguments)?,
        attributes: attributes.map(read::raw).transpose()?,
        attempt: row.job.attempt,
        attempts_max: row.job.attempts_max,
        deadline_ms: row.job.deadline_ms,
        checkpoint: checkpoint.map(read::raw).transpose()?,
        answer: answer.map(read::raw).transpose()?,
    })
}

pub(super) fn keys_of(leases: &[Lease]) -> Vec<(Key, u64)> {
    // An id that is none has the number of no job, and so is lost.
    const NONE: Key = Key { id: 0, nonce: 0 };
    leases.iter().map(|lease| (Key::of(&lease.id).unwrap_or(NONE), lease.token)).collect()
}

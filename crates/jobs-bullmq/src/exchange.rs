//! What workers say and get, as the script reads and writes it.

use drawbridge_contract::RawValue;
use drawbridge_jobs::bounds::{CLAIM_MAX, LEASE_MS_MAX};
use drawbridge_jobs::{AttemptEnd, Claim, EngineError, Failure, JobId, Lease, Progress, Said, State, Work};
use redis::ScriptInvocation;

use crate::admit::{admit, altered};
use crate::link::Link;
use crate::names::{inner, outer, queue_in, queue_out};
use crate::seal::{Place, Sealing, What};
use crate::{Settings, scripts, submit, view};

const DOING: &str = "take or give jobs";

/// How many fields a job for a worker has.
const HANDED: usize = 11;

/// What the script answers: what it heard, work, and in how many milliseconds there may be more (0: unknown).
type Answer = (Vec<Vec<String>>, Vec<Vec<String>>, u64);

/// What came of one message.
pub(crate) struct Told {
    pub(crate) said: Vec<Result<State, EngineError>>,
    pub(crate) work: Vec<Work>,
    /// Jobs that we got and that must not run, with how they are to fail.
    pub(crate) refused: Vec<Said>,
    /// Whether there were some.
    pub(crate) has_refused: bool,
    pub(crate) due_ms: u64,
}

pub(crate) fn bounded_lease(lease_ms: u32) -> u32 {
    lease_ms.clamp(1, LEASE_MS_MAX)
}

/// Sends one message.
pub(crate) async fn send(
    link: &Link,
    settings: &Settings,
    worker: &str,
    said: Vec<Said>,
    claim: Option<&Claim>,
) -> Result<Told, EngineError> {
    let mut script = link.script(&scripts::EXCHANGE);
    script.arg(said.len());
    let leases: Vec<Lease> = said.iter().map(|said| said.lease.clone()).collect();
    for said in said {
        write_end(&mut script, &settings.sealing, said);
    }
    if let Some(claim) = claim {
        write_claim(&mut script, worker, claim);
    }
    let (heard, work, due_ms): Answer = link.run(&script, DOING).await?;
    let answers = leases.into_iter().zip(heard);
    let said = answers.map(|(lease, answer)| view::answered(lease.id, &answer, "end like this")).collect();
    let mut told = Told { said, work: Vec::new(), refused: Vec::new(), has_refused: false, due_ms };
    for row in work {
        match handed(settings, row)? {
            Ok(work) => told.work.push(work),
            Err(refused) => told.refused.push(refused),
        }
    }
    Ok(told)
}

fn write_end(script: &mut ScriptInvocation<'_>, sealing: &Sealing, said: Said) {
    let Said { lease, end, progress } = said;
    let (kind, value, failure) = match end.fitted() {
        AttemptEnd::Completed(result) => ("completed", Some(result), None),
        AttemptEnd::Failed(failure) => ("failed", Some(drawbridge_contract::raw(&failure)), Some(failure)),
        AttemptEnd::Stopped => ("stopped", None, None),
        AttemptEnd::Released => ("released", None, None),
        AttemptEnd::AskedInput(question) => ("asked", Some(question), None),
        AttemptEnd::AwaitsChildren => ("awaits", None, None),
    };
    script.arg(lease.id.as_str()).arg(lease.token).arg(kind);
    let value = value.as_deref().map_or("", RawValue::get);
    if kind == "asked" {
        script.arg(sealing.close(What::Question, inner(&lease.id), value));
    } else {
        script.arg(value);
    }
    let Failure { code, message, retryable, retry_after_ms, .. } =
        failure.unwrap_or_else(|| Failure::last("", String::new()));
    script.arg(&*code).arg(message).arg(u8::from(retryable));
    script.arg(retry_after_ms.map(|ms| ms.to_string()).unwrap_or_default());
    script.arg(rand::random::<u32>());
    let progress = progress.map(Progress::fitted);
    script.arg(
        progress.map(|progress| drawbridge_contract::raw(&progress).get().to_owned()).unwrap_or_default(),
    );
}

fn write_claim(script: &mut ScriptInvocation<'_>, worker: &str, claim: &Claim) {
    script.arg(worker).arg(claim.max.min(CLAIM_MAX)).arg(bounded_lease(claim.lease_ms));
    script.arg(claim.queues.len());
    for queue in &claim.queues {
        script.arg(queue_in(queue));
    }
    script.arg(claim.tools.len());
    for tool in &claim.tools {
        script.arg(&*tool.0);
    }
}

/// A job for the worker; or how it is to fail, because it must not run as its caller.
fn handed(settings: &Settings, row: Vec<String>) -> Result<Result<Work, Said>, EngineError> {
    let row: [String; HANDED] = row.try_into().map_err(|_| EngineError::Damaged {
        problem: "Redis answered with a job that has other fields than ours".into(),
    })?;
    let [queue, id, token, tool, data, options, attempt, deadline, checkpoint, answer, attempts] = row;
    let lease = Lease { id: outer(&queue, &id), token: token.parse().unwrap_or(0) };
    let read = submit::read(&data);
    let place = (&*queue, &*id);
    let kept = admit(settings, place, &tool, &read).and_then(|()| {
        let checkpoint =
            opened(settings, What::Checkpoint, place, &checkpoint, "what it kept for this attempt")?;
        Ok((checkpoint, opened(settings, What::Answer, place, &answer, "the answer to it")?))
    });
    let (checkpoint, answer) = match kept {
        Ok(kept) => kept,
        Err(failure) => {
            tracing::warn!(job = %lease.id, %tool, reason = %failure.message, "a job was refused");
            return Ok(Err(Said { lease, end: AttemptEnd::Failed(failure), progress: None }));
        }
    };
    Ok(Ok(Work {
        lease,
        queue: queue_out(&queue),
        tool: tool.into(),
        caller: read.caller.unwrap_or_default().into(),
        arguments: read.arguments,
        attributes: read.attributes,
        attempt: attempt.parse().unwrap_or(1),
        attempts_max: view::attempts_max(&attempts, &options),
        deadline_ms: deadline.parse().ok(),
        checkpoint,
        answer,
    }))
}

/// What was kept with a job under a seal, if anything was.
fn opened(
    settings: &Settings,
    what: What,
    place: Place<'_>,
    sealed: &str,
    name: &str,
) -> Result<Option<Box<RawValue>>, Failure> {
    match settings.sealing.open(what, place, sealed) {
        Some(text) => Ok(RawValue::from_string(text.to_owned()).ok()),
        None if sealed.is_empty() => Ok(None),
        None => Err(altered(name)),
    }
}

/// Says of jobs that must not run how they failed. Where that is not heard, they are taken and refused again.
pub(crate) async fn refuse(link: &Link, settings: &Settings, worker: &str, refused: Vec<Said>) {
    if refused.is_empty() {
        return;
    }
    if let Err(error) = send(link, settings, worker, refused, None).await {
        tracing::warn!(%error, "jobs that were refused are not marked as failed; they are refused again");
    }
}

/// Gives jobs back that nobody waits for any more.
pub(crate) async fn give_back(link: &Link, settings: &Settings, worker: &str, work: Vec<Work>) {
    let said: Vec<Said> = work
        .into_iter()
        .map(|work| Said { lease: work.lease, end: AttemptEnd::Released, progress: None })
        .collect();
    let jobs: Vec<JobId> = said.iter().map(|said| said.lease.id.clone()).collect();
    if let Err(error) = send(link, settings, worker, said, None).await {
        tracing::warn!(?jobs, %error, "jobs were not given back; they are free when their leases end");
    }
}

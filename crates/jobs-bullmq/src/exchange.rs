//! What workers say and get, as the script reads and writes it.

use drawbridge_contract::RawValue;
use drawbridge_jobs::bounds::{CLAIM_MAX, LEASE_MS_MAX};
use drawbridge_jobs::{AttemptEnd, Claim, EngineError, Failure, JobId, Lease, Progress, Said, State, Work};
use redis::ScriptInvocation;

use crate::link::Link;
use crate::names::{outer, queue_in, queue_out};
use crate::{scripts, submit, view};

const DOING: &str = "take or give jobs";

/// How many fields a job for a worker has.
const HANDED: usize = 11;

/// What the script answers: what it heard, work, and in how many milliseconds there may be more (0: unknown).
type Answer = (Vec<Vec<String>>, Vec<Vec<String>>, u64);

/// What came of one message.
pub(crate) struct Told {
    pub(crate) said: Vec<Result<State, EngineError>>,
    pub(crate) work: Vec<Work>,
    pub(crate) due_ms: u64,
}

pub(crate) fn bounded_lease(lease_ms: u32) -> u32 {
    lease_ms.clamp(1, LEASE_MS_MAX)
}

/// Sends one message.
pub(crate) async fn send(
    link: &Link,
    worker: &str,
    said: Vec<Said>,
    claim: Option<&Claim>,
) -> Result<Told, EngineError> {
    let mut script = link.script(&scripts::EXCHANGE);
    script.arg(said.len());
    let leases: Vec<Lease> = said.iter().map(|said| said.lease.clone()).collect();
    for said in said {
        write_end(&mut script, said);
    }
    if let Some(claim) = claim {
        write_claim(&mut script, worker, claim);
    }
    let (heard, work, due_ms): Answer = link.run(&script, DOING).await?;
    let answers = leases.into_iter().zip(heard);
    Ok(Told {
        said: answers.map(|(lease, answer)| view::answered(lease.id, &answer, "end like this")).collect(),
        work: work.into_iter().map(handed).collect::<Result<_, _>>()?,
        due_ms,
    })
}

fn write_end(script: &mut ScriptInvocation<'_>, said: Said) {
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
    script.arg(value.as_deref().map_or("", RawValue::get));
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

fn handed(row: Vec<String>) -> Result<Work, EngineError> {
    let row: [String; HANDED] = row.try_into().map_err(|_| EngineError::Damaged {
        problem: "Redis answered with a job that has other fields than ours".into(),
    })?;
    let [queue, id, token, tool, data, options, attempt, deadline, checkpoint, answer, attempts] = row;
    let read = submit::read(&data);
    let raw = |text: String| (!text.is_empty()).then(|| RawValue::from_string(text).ok()).flatten();
    Ok(Work {
        lease: Lease { id: outer(&queue, &id), token: token.parse().unwrap_or(0) },
        queue: queue_out(&queue),
        tool: tool.into(),
        caller: read.caller.unwrap_or_default().into(),
        arguments: read.arguments,
        attributes: read.attributes,
        attempt: attempt.parse().unwrap_or(1),
        attempts_max: view::attempts_max(&attempts, &options),
        deadline_ms: deadline.parse().ok(),
        checkpoint: raw(checkpoint),
        answer: raw(answer),
    })
}

/// Gives jobs back that nobody waits for any more.
pub(crate) async fn give_back(link: &Link, worker: &str, work: Vec<Work>) {
    let said: Vec<Said> = work
        .into_iter()
        .map(|work| Said { lease: work.lease, end: AttemptEnd::Released, progress: None })
        .collect();
    let jobs: Vec<JobId> = said.iter().map(|said| said.lease.id.clone()).collect();
    if let Err(error) = send(link, worker, said, None).await {
        tracing::warn!(?jobs, %error, "jobs were not given back; they are free when their leases end");
    }
}

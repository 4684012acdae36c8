//! A call that passed the door becomes a job.

use std::time::Duration;

use drawbridge_contract::{JobAccepted, JobOptions, JobRequest, RawValue, Refusal, ToolError};
use drawbridge_jobs::bounds::{ATTEMPTS_MAX, PRIORITY_MAX};
use drawbridge_jobs::{DEFAULT_QUEUE, NewJob, Policies, Policy, Start};

use crate::Background;
use crate::attributes::Attributes;
use crate::error::refusal;

/// How long one attempt may take at most: a day.
pub const ATTEMPT_TIME_MAX: Duration = Duration::from_secs(24 * 3600);

/// How far ahead a job may be put off, in milliseconds: ten years.
const DELAY_MS_MAX: u64 = 10 * 366 * 24 * 3600 * 1000;

impl Background {
    pub(crate) async fn take(&self, request: JobRequest) -> Result<JobAccepted, Refusal> {
        let job = new_job(&request, &self.0.settings.policies)?;
        if let Some(url) = &job.callback_url {
            self.check_callback(url)?;
        }
        let submitted = self.0.engine.submit(job).await.map_err(refusal)?;
        Ok(JobAccepted { id: submitted.id.as_str().into(), existed: submitted.existed })
    }
}

fn new_job(request: &JobRequest, policies: &Policies) -> Result<NewJob, Refusal> {
    let JobRequest { caller, tool, arguments, options, .. } = request;
    check(options)?;
    let policy = policy(request, policies)?;
    let text = |text: &Option<Box<str>>| text.as_deref().map(Into::into);
    Ok(NewJob {
        queue: options.queue.as_deref().unwrap_or(DEFAULT_QUEUE).into(),
        attributes: Some(Attributes::of(request).write()),
        priority: options.priority,
        start: options.delay_ms.map_or(Start::Now, Start::After),
        policy: Some(policy),
        idempotency_key: text(&options.idempotency_key),
        deduplication_key: text(&options.deduplication_key),
        callback_url: text(&options.callback_url),
        ..NewJob::new(tool, &caller.id, owned(arguments.text()))
    })
}

/// The arguments came as JSON, and are written as they came.
fn owned(text: &str) -> Box<RawValue> {
    RawValue::from_string(text.to_owned()).unwrap_or_else(|_| drawbridge_contract::raw(&()))
}

fn check(options: &JobOptions) -> Result<(), Refusal> {
    let within = |what: &str, value: u64, max: u64| {
        if value <= max {
            Ok(())
        } else {
            Err(invalid(format!("{what} is {value}, at most {max} is allowed")))
        }
    };
    if options.queue.as_deref().is_some_and(str::is_empty) {
        return Err(invalid("queue is empty; leave it out, or give it a name".to_owned()));
    }
    if options.attempts == Some(0) {
        return Err(invalid("attempts is 0; a job is tried once at least".to_owned()));
    }
    within("attempts", options.attempts.unwrap_or(1).into(), ATTEMPTS_MAX.into())?;
    within("priority", options.priority.unsigned_abs().into(), PRIORITY_MAX.unsigned_abs().into())?;
    within("delay_ms", options.delay_ms.unwrap_or(0), DELAY_MS_MAX)?;
    within("deadline_ms", options.deadline_ms.unwrap_or(0), DELAY_MS_MAX)?;
    let timeout_ms_max = u64::try_from(ATTEMPT_TIME_MAX.as_millis()).unwrap_or(u64::MAX);
    within("timeout_ms", options.timeout_ms.unwrap_or(0), timeout_ms_max)
}

/// A tool that changes nothing, or changes nothing more a second time, may be tried again. Any other one may only if
/// its caller says so: its effects would happen twice.
fn policy(request: &JobRequest, policies: &Policies) -> Result<Policy, Refusal> {
    let JobRequest { tool, annotations, options, .. } = request;
    let is_safe = annotations.read_only || annotations.idempotent || options.retry_safe;
    let usual = if is_safe { policies.of(tool) } else { Policy::ONCE };
    match options.attempts {
        Some(attempts) if attempts > 1 && !is_safe => Err(invalid(format!(
            "{tool} does not say that it can be run twice without harm, so it has one attempt; say `retry_safe: true` if \
             these arguments can"
        ))),
        attempts => Ok(Policy {
            attempts_max: attempts.unwrap_or(usual.attempts_max),
            deadline_after_ms: options.deadline_ms.or(usual.deadline_after_ms),
            ..usual
        }),
    }
}

fn invalid(why: String) -> Refusal {
    ToolError::Invalid(why).into()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use drawbridge_contract::{Annotations, Arguments, CallId, Caller, CallerKind, Origin};

    use super::*;

    fn request(annotations: Annotations, options: JobOptions) -> JobRequest {
        JobRequest {
            caller: Arc::new(Caller::new("owner", CallerKind::Owner)),
            tool: "t".into(),
            annotations,
            arguments: Arguments::none(),
            origin: Origin::default(),
            call: CallId::new(),
            options,
        }
    }

    fn attempts(annotations: Annotations, options: JobOptions) -> Option<u32> {
        let job = new_job(&request(annotations, options), &Policies::default());
        job.ok().and_then(|job| job.policy).map(|policy| policy.attempts_max)
    }

    #[test]
    fn only_what_is_safe_is_tried_again() {
        let options = JobOptions::default;
        let safe = JobOptions { retry_safe: true, ..options() };
        let twice = JobOptions { attempts: Some(2), ..options() };
        assert_eq!(attempts(Annotations::READS, options()), Some(3));
        assert_eq!(attempts(Annotations { idempotent: true, ..Annotations::DESTROYS }, options()), Some(3));
        assert_eq!(attempts(Annotations::CHANGES, options()), Some(1));
        assert_eq!(attempts(Annotations::CHANGES, safe), Some(3));
        assert_eq!(attempts(Annotations::READS, twice.clone()), Some(2));
        assert_eq!(attempts(Annotations::DESTROYS, twice), None);
    }

    #[test]
    fn options_hold_to_their_bounds() {
        let fits = |options| new_job(&request(Annotations::READS, options), &Policies::default()).is_ok();
        let options = JobOptions::default;
        assert!(fits(JobOptions { attempts: Some(ATTEMPTS_MAX), ..options() }));
        assert!(!fits(JobOptions { attempts: Some(ATTEMPTS_MAX + 1), ..options() }));
        assert!(!fits(JobOptions { attempts: Some(0), ..options() }));
        assert!(fits(JobOptions { priority: -PRIORITY_MAX, ..options() }));
        assert!(!fits(JobOptions { priority: i32::MIN, ..options() }));
        assert!(fits(JobOptions { timeout_ms: Some(24 * 3600 * 1000), ..options() }));
        assert!(!fits(JobOptions { timeout_ms: Some(24 * 3600 * 1000 + 1), ..options() }));
        assert!(fits(JobOptions { delay_ms: Some(DELAY_MS_MAX), ..options() }));
        assert!(!fits(JobOptions { delay_ms: Some(DELAY_MS_MAX + 1), ..options() }));
        assert!(!fits(JobOptions { queue: Some("".into()), ..options() }));
    }
}

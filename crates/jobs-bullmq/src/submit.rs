//! A job in BullMQ's words: what the old system's workers read, and nothing secret.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use drawbridge_contract::RawValue;
use drawbridge_jobs::{Backoff, EngineError, JobId, NewJob, Policies, Policy, Start, Submitted};
use redis::ScriptInvocation;
use serde::{Deserialize, Deserializer, Serialize};
use uuid::Uuid;

use crate::names::{check_queue, inner, queue_in};
use crate::seal::{Place, Sealing, What};
use crate::settings::Settings;

/// What is in a job's `data`. The first five are the old system's.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Data<'a> {
    params: &'a RawValue,
    auth: Auth<'a>,
    task_id: &'a str,
    tool_name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    cb_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attributes: Option<&'a RawValue>,
}

/// Who asks: the id of a key, which opens nothing.
#[derive(Serialize)]
struct Auth<'a> {
    id: &'a str,
    r#type: &'static str,
    /// Says that it was us who wrote this; it opens nothing either.
    seal: String,
}

/// What we look for in a job's `data`, whoever wrote it.
#[derive(Deserialize)]
struct Written {
    #[serde(default, deserialize_with = "as_it_is")]
    params: Option<Box<RawValue>>,
    #[serde(default)]
    auth: Option<WrittenAuth>,
    #[serde(default, deserialize_with = "as_it_is")]
    attributes: Option<Box<RawValue>>,
}

#[derive(Deserialize)]
struct WrittenAuth {
    id: Option<String>,
    seal: Option<String>,
}

/// Also a `null`, which is something else than nothing where it is sealed.
fn as_it_is<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Box<RawValue>>, D::Error> {
    Box::<RawValue>::deserialize(from).map(Some)
}

/// What attributes may say of a callback.
#[derive(Deserialize)]
struct Callback {
    callback_url: Option<String>,
}

/// BullMQ's options of a job, as the old system set them where nothing else was asked for.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Options<'a> {
    attempts: u32,
    backoff: Pause,
    job_id: &'a str,
    remove_on_complete: Keep,
    remove_on_fail: Keep,
    #[serde(skip_serializing_if = "is_zero")]
    priority: u32,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    lifo: bool,
}

#[derive(Serialize)]
struct Pause {
    r#type: &'static str,
    delay: u32,
}

#[derive(Serialize)]
struct Keep {
    count: u32,
    /// In seconds.
    age: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks with a reference")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// Arguments, caller and attributes of a job, from its `data`, and the seal upon them.
pub(crate) struct Read {
    pub(crate) arguments: Box<RawValue>,
    pub(crate) caller: Option<String>,
    pub(crate) attributes: Option<Box<RawValue>>,
    pub(crate) seal: Option<String>,
}

impl Read {
    /// What the seal is for.
    pub(crate) fn parts<'a>(&'a self, tool: &'a str) -> [&'a str; 4] {
        let caller = self.caller.as_deref().unwrap_or_default();
        parts(tool, caller, &self.arguments, self.attributes.as_deref())
    }
}

/// All that decides what a job does, and as whom.
fn parts<'a>(
    tool: &'a str,
    caller: &'a str,
    arguments: &'a RawValue,
    attributes: Option<&'a RawValue>,
) -> [&'a str; 4] {
    // No JSON is an empty text.
    [tool, caller, arguments.get(), attributes.map_or("", RawValue::get)]
}

/// Reads a job's `data`. What is not in the old system's shape is the arguments as a whole.
pub(crate) fn read(data: &str) -> Read {
    let whole = || RawValue::from_string(data.to_owned()).unwrap_or_else(|_| RawValue::NULL.to_owned());
    match serde_json::from_str::<Written>(data) {
        Ok(Written { params: Some(arguments), auth, attributes }) => {
            let (caller, seal) = auth.map_or((None, None), |auth| (auth.id, auth.seal));
            Read { arguments, caller, attributes, seal }
        }
        _ => Read { arguments: whole(), caller: None, attributes: None, seal: None },
    }
}

/// A job's `data` with other arguments, and everything else as it was. What has a seal gets a new one; what has none stays
/// as it is, the work of others.
///
/// # Errors
/// [`EngineError::Damaged`]: it has a seal that does not fit, and is not to get a good one from us.
pub(crate) fn edited(
    sealing: &Sealing,
    id: &JobId,
    tool: &str,
    data: &str,
    arguments: Box<RawValue>,
) -> Result<String, EngineError> {
    let before = read(data);
    let Some(seal) = &before.seal else { return Ok(with_arguments(data, arguments, None)) };
    if !sealing.fits(seal, What::Job, inner(id), &before.parts(tool)) {
        let problem = format!("the job {id} was changed or copied in Redis; submit it again");
        return Err(EngineError::Damaged { problem });
    }
    let after = Read { arguments: arguments.clone(), ..before };
    let seal = sealing.seal(What::Job, inner(id), &after.parts(tool));
    Ok(with_arguments(data, arguments, Some(&seal)))
}

fn with_arguments(data: &str, arguments: Box<RawValue>, seal: Option<&str>) -> String {
    match serde_json::from_str::<BTreeMap<String, Box<RawValue>>>(data) {
        Ok(mut fields) if fields.contains_key("params") => {
            fields.insert("params".into(), arguments);
            if let (Some(seal), Some(auth)) = (seal, fields.get_mut("auth")) {
                *auth = with_seal(auth, seal);
            }
            drawbridge_contract::raw(&fields).get().to_owned()
        }
        _ => arguments.get().to_owned(),
    }
}

fn with_seal(auth: &RawValue, seal: &str) -> Box<RawValue> {
    let mut fields: BTreeMap<String, Box<RawValue>> = serde_json::from_str(auth.get()).unwrap_or_default();
    fields.insert("seal".into(), drawbridge_contract::raw(&seal));
    drawbridge_contract::raw(&fields)
}

/// Whether an id looks like those that we give: 32 digits of a UUID of version 7.
pub(crate) fn is_ours(id: &str) -> bool {
    id.len() == 32 && Uuid::try_parse(id).is_ok_and(|id| id.get_version_num() == 7)
}

/// A job that was checked, ready for the script.
pub(crate) struct Prepared {
    job: NewJob,
    id: String,
    policy: Policy,
}

impl Prepared {
    /// # Errors
    /// Something is too large, missing, or cannot be said in BullMQ's words.
    pub(crate) fn new(job: NewJob, policies: &Policies) -> Result<Self, EngineError> {
        job.check()?;
        check_queue(&job.queue)?;
        let policy = job.policy.unwrap_or_else(|| policies.of(&job.tool)).bounded();
        Ok(Self { job, id: Uuid::now_v7().simple().to_string(), policy })
    }

    /// How large its arguments are, in bytes of JSON.
    pub(crate) fn bytes(&self) -> usize {
        self.job.arguments.get().len()
    }

    /// Whether nothing about it but too many jobs could make the script refuse it.
    pub(crate) fn is_plain(&self) -> bool {
        let NewJob { idempotency_key, deduplication_key, parent, .. } = &self.job;
        idempotency_key.is_none() && deduplication_key.is_none() && parent.is_none()
    }

    fn place(&self) -> Place<'_> {
        (queue_in(&self.job.queue), &self.id)
    }

    fn data(&self, sealing: &Sealing) -> String {
        let attributes = self.job.attributes.as_deref();
        let callback = attributes.and_then(|text| serde_json::from_str::<Callback>(text.get()).ok());
        let parts = parts(&self.job.tool, &self.job.caller, &self.job.arguments, attributes);
        let seal = sealing.seal(What::Job, self.place(), &parts);
        let data = Data {
            params: &self.job.arguments,
            auth: Auth { id: &self.job.caller, r#type: "Drawbridge", seal },
            task_id: &self.id,
            tool_name: &self.job.tool,
            cb_url: callback.and_then(|callback| callback.callback_url),
            attributes,
        };
        drawbridge_contract::raw(&data).get().to_owned()
    }

    /// BullMQ counts down from 0, the most urgent, which we give to the usual ones; what is more urgent goes first.
    fn priority(&self) -> u32 {
        u32::try_from(-self.job.priority).unwrap_or(0)
    }

    fn options(&self, settings: &Settings) -> String {
        let keep = |kept: crate::Kept| Keep { count: kept.count, age: kept.age.as_secs() };
        let options = Options {
            attempts: self.policy.attempts_max,
            backoff: Pause { r#type: "exponential", delay: self.policy.backoff.base_ms },
            job_id: &self.id,
            remove_on_complete: keep(settings.keep_completed),
            remove_on_fail: keep(settings.keep_failed),
            priority: self.priority(),
            lifo: self.job.priority > 0,
        };
        drawbridge_contract::raw(&options).get().to_owned()
    }

    /// In how many milliseconds it is due for something at the earliest, as far as that is known here.
    pub(crate) fn due_ms(&self) -> u64 {
        let after = match self.job.start {
            Start::After(ms) => ms,
            _ => u64::MAX,
        };
        after.min(self.policy.deadline_after_ms.unwrap_or(u64::MAX))
    }

    /// Adds its twenty-two arguments.
    pub(crate) fn write(&self, script: &mut ScriptInvocation<'_>, settings: &Settings) {
        let job = &self.job;
        let (after_ms, run_at_ms) = match job.start {
            Start::Now => (0, 0),
            Start::After(ms) => (ms, 0),
            Start::At(ms) => (0, ms.max(0)),
        };
        let Backoff { base_ms, max_ms, jitter_percent } = self.policy.backoff;
        script.arg(queue_in(&job.queue)).arg(&self.id).arg(&*job.tool);
        script.arg(self.data(&settings.sealing));
        script.arg(self.options(settings)).arg(self.priority()).arg(u8::from(job.priority > 0));
        script.arg(job.priority).arg(after_ms).arg(run_at_ms).arg(self.policy.attempts_max);
        script.arg(format!("{base_ms} {max_ms} {jitter_percent}"));
        script.arg(job.deadline_ms.unwrap_or(0)).arg(self.policy.deadline_after_ms.unwrap_or(0));
        script.arg(&*job.caller).arg(job.idempotency_key.as_deref().unwrap_or_default());
        script.arg(if job.idempotency_key.is_some() { hex(&job.fingerprint()) } else { String::new() });
        script.arg(job.deduplication_key.as_deref().unwrap_or_default());
        script.arg(job.parent.as_ref().map_or("", JobId::as_str)).arg(u8::from(job.fails_with_children));
        script.arg(job.callback_url.as_deref().unwrap_or_default());
        script.arg(settings.sealing.seal(What::Caller, self.place(), &[&job.caller]));
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// What the script answers.
pub(crate) fn submitted(answer: &[String]) -> Result<Vec<Submitted>, EngineError> {
    let text = |index: usize| answer.get(index).map_or("", String::as_str);
    match text(0) {
        "ok" => Ok(answer[1..]
            .chunks_exact(2)
            .map(|two| Submitted { id: JobId::new(&two[0]), existed: two[1] == "1" })
            .collect()),
        "key_reused" => Err(EngineError::KeyReused { key: text(1).into(), id: JobId::new(text(2)) }),
        "child_key" => {
            let problem = "was used for another job already; use a new one".to_owned();
            Err(EngineError::Invalid { what: "a child's key", problem })
        }
        "no_parent" => Err(EngineError::NotFound { id: JobId::new(text(1)) }),
        "parent_ended" => {
            let state = crate::view::state(text(2)).0;
            Err(crate::view::misfit(JobId::new(text(1)), state, "get another child"))
        }
        "too_many_children" => Err(EngineError::TooMany {
            what: "open children of a job",
            count_max: drawbridge_jobs::bounds::CHILDREN_MAX.into(),
        }),
        _ => Err(EngineError::TooMany { what: "jobs that have not ended", count_max: 2_000_000 }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealing() -> Sealing {
        Sealing::new(&[7; 32])
    }

    fn json(text: &str) -> Box<RawValue> {
        RawValue::from_string(text.to_owned()).unwrap()
    }

    #[test]
    fn an_old_worker_understands_the_data() {
        let job = NewJob {
            attributes: Some(json(r#"{"callback_url":"https://example.org/done"}"#)),
            ..NewJob::new("files_read", "key:laptop", json(r#"{"path":"a  b"}"#))
        };
        let prepared = Prepared::new(job, &Policies::default()).unwrap();
        let id = &prepared.id;
        let parts = [
            "files_read",
            "key:laptop",
            r#"{"path":"a  b"}"#,
            r#"{"callback_url":"https://example.org/done"}"#,
        ];
        let seal = sealing().seal(What::Job, ("async-tasks", id), &parts);
        assert_eq!(
            prepared.data(&sealing()),
            format!(
                r#"{{"params":{{"path":"a  b"}},"auth":{{"id":"key:laptop","type":"Drawbridge","seal":"{seal}"}},"taskId":"{id}","toolName":"files_read","cbUrl":"https://example.org/done","attributes":{{"callback_url":"https://example.org/done"}}}}"#
            )
        );
        assert_eq!(
            prepared.options(&Settings::new("redis://localhost", sealing())),
            format!(
                r#"{{"attempts":3,"backoff":{{"type":"exponential","delay":5000}},"jobId":"{id}","removeOnComplete":{{"count":1000,"age":86400}},"removeOnFail":{{"count":5000,"age":604800}}}}"#
            )
        );
        let back = read(&prepared.data(&sealing()));
        assert_eq!(
            (back.arguments.get(), back.caller.as_deref()),
            (r#"{"path":"a  b"}"#, Some("key:laptop"))
        );
    }

    #[test]
    fn what_others_wrote_is_the_arguments_as_a_whole() {
        let back = read(r#"{"durationMs": 5}"#);
        assert_eq!((back.arguments.get(), back.caller), (r#"{"durationMs": 5}"#, None));
        assert_eq!(read("no json").arguments.get(), "null");
    }

    #[test]
    fn a_null_is_sealed_as_it_is() {
        let job = NewJob { attributes: Some(json("null")), ..NewJob::new("t", "owner", json("null")) };
        let prepared = Prepared::new(job, &Policies::default()).unwrap();
        let back = read(&prepared.data(&sealing()));
        assert!(sealing().fits(back.seal.as_deref().unwrap(), What::Job, prepared.place(), &back.parts("t")));
    }

    #[test]
    fn other_arguments_leave_the_rest_of_others_jobs_as_it_was() {
        let edited = |data: &str| edited(&sealing(), &JobId::new("1"), "t", data, json("[2]")).unwrap();
        let changed = edited(r#"{"params":1,"taskId":"x","auth":{"id":"me"}}"#);
        assert_eq!(changed, r#"{"auth":{"id":"me"},"params":[2],"taskId":"x"}"#);
        assert_eq!(edited("7"), "[2]");
    }

    #[test]
    fn our_own_get_a_new_seal_with_other_arguments_and_changed_ones_get_none() {
        let job = NewJob { queue: "night".into(), ..NewJob::new("t", "owner", json("[1]")) };
        let prepared = Prepared::new(job, &Policies::default()).unwrap();
        let (data, id) = (prepared.data(&sealing()), crate::names::outer("night", &prepared.id));
        let changed = read(&edited(&sealing(), &id, "t", &data, json("[2]")).unwrap());
        let fits = |read: &Read| {
            sealing().fits(read.seal.as_deref().unwrap(), What::Job, inner(&id), &read.parts("t"))
        };
        assert!(
            fits(&changed) && changed.arguments.get() == "[2]" && changed.caller.as_deref() == Some("owner")
        );
        assert!(!fits(&Read { arguments: json("[1]"), ..changed }));
        for (tool, data) in
            [("u", data.clone()), ("t", data.replace("owner", "other")), ("t", data.replace("[1]", "[3]"))]
        {
            let refused = edited(&sealing(), &id, tool, &data, json("[2]")).unwrap_err();
            assert!(refused.to_string().contains("changed or copied"), "{refused}");
        }
    }

    #[test]
    fn our_ids_are_known_by_their_look() {
        let ours = Uuid::now_v7();
        assert!(is_ours(&ours.simple().to_string()));
        for other in ["task-7", "", &ours.to_string(), "0198c0de00004000800000000000abcd"] {
            assert!(!is_ours(other), "{other}");
        }
    }

    #[test]
    fn urgency_is_turned_round() {
        let of = |priority| {
            let job = NewJob { priority, ..NewJob::new("t", "owner", json("1")) };
            Prepared::new(job, &Policies::default()).unwrap().priority()
        };
        assert_eq!([of(5), of(0), of(-1), of(-1_000_000)], [0, 0, 1, 1_000_000]);
    }
}

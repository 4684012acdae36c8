//! Jobs, as clients see them: MCP's tasks, in the words of 2026-07-28 (an extension) and of 2025-11-25 (an experiment).

use std::borrow::Cow;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use chrono::{DateTime, SecondsFormat};
use drawbridge_contract::{
    Abilities, Answers, InputRequest, JobEnd, JobProgress, JobState, JobView, ToolResult,
};
use serde_json::Value;

use super::ask::can_ask;
use super::result::{begin, end, tool, write_request, write_tool};
use crate::encode::{Object, Reply, notification};
use crate::envelope::Id;
use crate::error::WireError;
use crate::limits::{TASK_POLL_MAX, TASK_POLL_MIN};
use crate::version::Version;

const MODERN: Version = Version::V2026_07_28;
const LEGACY: Version = Version::V2025_11_25;

/// The `_meta` of whatever belongs to a task (2025-11-25).
pub(crate) const RELATED_TASK: &str = "io.modelcontextprotocol/related-task";

/// A job, with what came of it, for a host that can be asked some things and not others.
pub(crate) struct Seen {
    pub(crate) view: JobView,
    /// What came of it, if it has ended.
    pub(crate) end: Option<JobEnd>,
    pub(crate) able: Abilities,
}

impl Seen {
    /// What this host can be asked of what the job asks.
    fn questions(&self) -> impl Iterator<Item = (&String, &InputRequest)> {
        let needed = self.view.needed.iter().filter(|_| self.view.state == JobState::WaitingForInput);
        needed.flat_map(|needed| &needed.requests).filter(|(_, request)| can_ask(request, self.able))
    }

    /// What the tool answered, if it did. It can have answered with an error of its own.
    fn answer(&self) -> Option<&ToolResult> {
        match &self.end {
            Some(JobEnd::Answered(result)) if self.view.state.has_ended() => Some(result),
            _ => None,
        }
    }

    /// The status, in the words of both revisions.
    fn status(&self, version: Version) -> &'static str {
        match (self.view.state, self.answer()) {
            // It can become nothing else, and 2025-11-25 wants to see that at once.
            _ if self.view.stopping && !version.is_modern() => "cancelled",
            (JobState::Cancelled, _) => "cancelled",
            // To 2025-11-25 an error of the tool is a failure of the task; later only an error of the protocol is.
            (_, Some(answer)) if answer.is_error && !version.is_modern() => "failed",
            (JobState::Completed, _) | (_, Some(_)) => "completed",
            (JobState::Failed | JobState::Dead, None) if self.view.is_error && version.is_modern() => {
                "completed"
            }
            (JobState::Failed | JobState::Dead, None) => "failed",
            (JobState::WaitingForInput, _) if self.questions().next().is_some() => "input_required",
            _ => "working",
        }
    }

    /// Why there is no answer.
    fn failure(&self) -> &str {
        match (&self.end, &self.view.message) {
            (Some(JobEnd::Failed { message, .. }), _) | (_, Some(message)) => message,
            _ => "the job failed",
        }
    }

    /// For people: what it does, what it waits for, or why it did not go well.
    fn message(&self) -> Option<Cow<'_, str>> {
        let view = &self.view;
        if view.stopping && !view.state.has_ended() {
            return Some("It is being stopped.".into());
        }
        if let Some(message) = &view.message {
            return Some(message.into());
        }
        match view.state {
            JobState::Queued | JobState::Scheduled => Some("It waits for its turn.".into()),
            JobState::Running => view.progress.as_ref().map(progress_in_words),
            JobState::WaitingForInput if self.questions().next().is_none() => {
                Some("It waits for an answer that this host cannot be asked for.".into())
            }
            _ => None,
        }
    }
}

fn progress_in_words(progress: &JobProgress) -> Cow<'_, str> {
    let far = match progress.total {
        Some(total) => format!("{} of {total}", progress.progress),
        None => progress.progress.to_string(),
    };
    match &progress.message {
        Some(message) => format!("{message} ({far})").into(),
        None => far.into(),
    }
}

/// The members of a task that every shape of it has.
fn write_task(version: Version, object: &mut Object<'_>, seen: &Seen) {
    let view = &seen.view;
    object.value("taskId", &view.id);
    object.raw("status", &format!("{:?}", seen.status(version)));
    if let Some(message) = seen.message() {
        object.value("statusMessage", &message);
    }
    object.value("createdAt", &timestamp(view.created_ms));
    object.value("lastUpdatedAt", &timestamp(view.updated_ms.max(view.created_ms)));
    let (ttl, poll) = if version.is_modern() { ("ttlMs", "pollIntervalMs") } else { ("ttl", "pollInterval") };
    object.value(ttl, &ttl_ms(view));
    object.value(poll, &u64::try_from(poll_interval(view, now_ms()).as_millis()).unwrap_or(u64::MAX));
}

/// A whole task, with its result, its error or its questions (2026-07-28).
pub(crate) fn write_detailed(object: &mut Object<'_>, seen: &Seen) {
    write_task(MODERN, object, seen);
    match seen.status(MODERN) {
        "completed" => {
            let unknown = ToolResult::error("the result cannot be read any more");
            object.object("result", |inner| write_inner(inner, seen.answer().unwrap_or(&unknown)));
        }
        "failed" => write_failure(object, seen.failure()),
        "input_required" => object.object("inputRequests", |requests| {
            for (key, request) in seen.questions() {
                write_request(MODERN, &keyed(&seen.view, key), request, requests);
            }
        }),
        _ => {}
    }
}

fn write_inner(inner: &mut Object<'_>, result: &ToolResult) {
    begin(MODERN, inner);
    write_tool(MODERN, inner, result);
    if let Some(meta) = &result.meta {
        inner.raw("_meta", meta.get());
    }
}

fn write_failure(object: &mut Object<'_>, message: &str) {
    object.object("error", |error| {
        error.value("code", &crate::error::INTERNAL_ERROR);
        error.value("message", message);
    });
}

/// The answer to `tasks/get` (2026-07-28).
pub(crate) fn task(id: &Id, seen: &Seen) -> Reply {
    Reply::object(id, size_hint(seen), |object| {
        begin(MODERN, object);
        write_detailed(object, seen);
        end(MODERN, object, None);
    })
}

/// The answer to a call that became a task (2026-07-28).
pub(crate) fn task_created(id: &Id, seen: &Seen) -> Reply {
    Reply::object(id, 512, |object| {
        object.raw("resultType", r#""task""#);
        write_task(MODERN, object, seen);
        end(MODERN, object, None);
    })
}

/// The answer to `tasks/get` and `tasks/cancel` (2025-11-25).
pub(crate) fn task_legacy(id: &Id, seen: &Seen) -> Reply {
    Reply::object(id, 512, |object| write_task(LEGACY, object, seen))
}

/// The answer to a call that was asked to be a task (2025-11-25).
pub(crate) fn task_created_legacy(id: &Id, seen: &Seen) -> Reply {
    Reply::object(id, 512, |object| object.object("task", |task| write_task(LEGACY, task, seen)))
}

/// `notifications/tasks/status` (2025-11-25).
pub(crate) fn task_status(seen: &Seen) -> Bytes {
    notification("notifications/tasks/status", |params| write_task(LEGACY, params, seen))
}

/// One page of `tasks/list` (2025-11-25).
pub(crate) fn tasks_page(id: &Id, tasks: &[Seen], next: Option<&str>) -> Reply {
    Reply::object(id, 256 * tasks.len(), |object| {
        object.list("tasks", tasks, |out, seen| {
            let mut task = Object::open(out);
            write_task(LEGACY, &mut task, seen);
            task.close();
        });
        if let Some(next) = next {
            object.value("nextCursor", next);
        }
    })
}

/// The answer to `tasks/result`: what the call itself would have been answered with (2025-11-25).
pub(crate) fn task_result(id: &Id, job: &str, end: &JobEnd) -> Reply {
    match end {
        JobEnd::Answered(result) => related(id, job, result),
        JobEnd::Cancelled => related(id, job, &ToolResult::error("cancelled")),
        JobEnd::Failed { message, .. } => Reply::error(Some(id), &WireError::internal(message.clone())),
        JobEnd::Open(_) => {
            Reply::error(Some(id), &WireError::internal("the task was begun anew; ask for its result again"))
        }
    }
}

fn related(id: &Id, job: &str, result: &ToolResult) -> Reply {
    let mut meta: Value =
        result.meta.as_ref().and_then(|meta| serde_json::from_str(meta.get()).ok()).unwrap_or_default();
    meta[RELATED_TASK]["taskId"] = job.into();
    let meta = Some(drawbridge_contract::raw(&meta));
    tool(LEGACY, id, &ToolResult { meta, ..result.clone() })
}

/// The name under which a client sees a question. A tool may ask the same thing in several rounds; to a client a key means
/// one question for as long as the task lives, so it carries the moment at which the job began to ask.
fn keyed(view: &JobView, key: &str) -> String {
    format!("{:x}.{key}", view.updated_ms)
}

/// The answers to what the job asks now, by its own keys. Those to other questions are ignored, as the extension says.
pub(crate) fn asked_by_key(view: &JobView, answers: Answers) -> Answers {
    let asked = view.needed.iter().flat_map(|needed| needed.requests.keys());
    let mut responses = answers.responses;
    let given = asked.filter_map(|key| Some((key.clone(), responses.remove(&keyed(view, key))?)));
    Answers { responses: given.collect(), state: None }
}

/// From its submission to when it is forgotten. As long as it has not ended, that is unknown: it is not forgotten.
fn ttl_ms(view: &JobView) -> Option<u64> {
    let lived_ms = u64::try_from(view.ended_ms? - view.created_ms).unwrap_or(0);
    // A ttl of nothing would mean that it is gone already.
    Some(lived_ms.saturating_add(view.ttl_ms?).max(1))
}

/// A young task is asked for often, an old one less: each time after a tenth of its age.
fn poll_interval(view: &JobView, now_ms: i64) -> Duration {
    let age = Duration::from_millis(u64::try_from(now_ms - view.created_ms).unwrap_or(0));
    (age / 10).clamp(TASK_POLL_MIN, TASK_POLL_MAX)
}

fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// RFC 3339, UTC.
fn timestamp(time_ms: i64) -> String {
    DateTime::from_timestamp_millis(time_ms).unwrap_or_default().to_rfc3339_opts(SecondsFormat::Millis, true)
}

fn size_hint(seen: &Seen) -> usize {
    match &seen.end {
        Some(JobEnd::Answered(result)) => result.size_bytes() + 768,
        _ => 768,
    }
}

#[cfg(test)]
mod tests {
    use drawbridge_contract::{InputRequired, RawValue, raw};
    use serde_json::json;

    use super::*;

    fn view(state: JobState) -> JobView {
        JobView {
            id: "j1".into(),
            tool: "t".into(),
            caller: "owner".into(),
            queue: "default".into(),
            state,
            stopping: false,
            priority: 0,
            attempt: 1,
            attempts_max: 1,
            created_ms: 1_000,
            updated_ms: 2_500,
            run_at_ms: None,
            started_ms: None,
            ended_ms: state.has_ended().then_some(2_500),
            deadline_ms: None,
            ttl_ms: Some(60_000),
            progress: None,
            message: None,
            is_error: false,
            arguments: None,
            worker: None,
            needed: None,
        }
    }

    fn seen(view: JobView, end: Option<JobEnd>) -> Seen {
        Seen { view, end, able: Abilities { elicit_form: true, ..Abilities::default() } }
    }

    fn shown(reply: &Reply) -> Value {
        serde_json::from_slice::<Value>(&reply.message).unwrap()["result"].take()
    }

    fn id() -> Id {
        Id::read(&RawValue::from_string("1".to_owned()).unwrap()).unwrap()
    }

    fn form() -> InputRequest {
        InputRequest::ElicitForm { message: "m".to_owned(), schema: raw(&json!({ "type": "object" })) }
    }

    fn asks(requests: &[(&str, InputRequest)]) -> JobView {
        let requests = requests.iter().map(|(key, request)| ((*key).to_owned(), request.clone())).collect();
        JobView { needed: Some(InputRequired { requests, state: None }), ..view(JobState::WaitingForInput) }
    }

    #[test]
    fn each_revision_has_its_own_names_and_no_others() {
        let of = seen(view(JobState::Completed), None);
        let modern = shown(&task_created(&id(), &of));
        assert_eq!((&modern["resultType"], &modern["ttlMs"]), (&json!("task"), &json!(61_500)));
        assert_eq!(modern["createdAt"], "1970-01-01T00:00:01.000Z");
        assert!(modern["pollIntervalMs"].is_u64());
        let legacy = shown(&task_created_legacy(&id(), &of))["task"].take();
        assert_eq!((&legacy["taskId"], &legacy["ttl"]), (&json!("j1"), &json!(61_500)));
        assert!(
            legacy["pollInterval"].is_u64() && legacy.get("ttlMs").is_none() && modern.get("ttl").is_none()
        );
    }

    #[test]
    fn a_task_that_has_not_ended_is_not_forgotten() {
        assert_eq!(shown(&task(&id(), &seen(view(JobState::Running), None)))["ttlMs"], Value::Null);
    }

    #[test]
    fn states_are_told_in_the_words_of_each_revision() {
        let status = |version, view: JobView| seen(view, None).status(version);
        for (state, word) in [
            (JobState::Queued, "working"),
            (JobState::Scheduled, "working"),
            (JobState::Running, "working"),
            (JobState::Completed, "completed"),
            (JobState::Failed, "failed"),
            (JobState::Dead, "failed"),
            (JobState::Cancelled, "cancelled"),
        ] {
            assert_eq!((status(MODERN, view(state)), status(LEGACY, view(state))), (word, word));
        }
        let stopping = JobView { stopping: true, ..view(JobState::Running) };
        assert_eq!((status(MODERN, stopping.clone()), status(LEGACY, stopping)), ("working", "cancelled"));
        for state in [JobState::Completed, JobState::Failed, JobState::Dead] {
            let erred = seen(view(state), Some(JobEnd::Answered(ToolResult::error("no"))));
            assert_eq!((erred.status(MODERN), erred.status(LEGACY)), ("completed", "failed"));
        }
    }

    #[test]
    fn results_and_failures_are_inlined_and_never_both() {
        let answered = JobEnd::Answered(ToolResult { is_error: true, ..ToolResult::text("no") });
        let done = shown(&task(&id(), &seen(view(JobState::Completed), Some(answered))));
        assert_eq!((&done["resultType"], &done["status"]), (&json!("complete"), &json!("completed")));
        assert_eq!(done["result"]["isError"], true);
        assert!(done["result"].get("_meta").is_none() && done.get("error").is_none());
        let failed = JobEnd::Failed { code: "stalled".into(), message: "lost".to_owned() };
        for end in [Some(failed), None] {
            let failed = shown(&task(&id(), &seen(view(JobState::Dead), end)));
            assert_eq!((&failed["status"], &failed["error"]["code"]), (&json!("failed"), &json!(-32603)));
            assert!(failed.get("result").is_none());
        }
    }

    #[test]
    fn a_host_is_asked_only_what_it_can_answer() {
        let both = asks(&[("a", form()), ("b", InputRequest::ListRoots)]);
        let shown_both = shown(&task(&id(), &seen(both, None)));
        assert_eq!(shown_both["status"], "input_required");
        let keys: Vec<&String> = shown_both["inputRequests"].as_object().unwrap().keys().collect();
        assert_eq!(keys, ["9c4.a"]);
        let none = shown(&task(&id(), &seen(asks(&[("b", InputRequest::ListRoots)]), None)));
        assert_eq!((&none["status"], none.get("inputRequests")), (&json!("working"), None));
        assert!(none["statusMessage"].as_str().unwrap().contains("cannot be asked"));
    }

    #[test]
    fn a_key_means_one_question_however_often_a_tool_asks() {
        let first = asks(&[("a", form())]);
        let second = JobView { updated_ms: first.updated_ms + 1, ..first.clone() };
        let answers = |key: &str| Answers { responses: [(key.to_owned(), json!({}))].into(), state: None };
        let key = keyed(&first, "a");
        assert!(asked_by_key(&first, answers(&key)).responses.contains_key("a"));
        assert!(asked_by_key(&second, answers(&key)).responses.is_empty());
        assert!(asked_by_key(&first, answers("a")).responses.is_empty());
    }

    #[test]
    fn an_old_task_is_asked_for_less_often() {
        let at = |age_ms: i64| poll_interval(&view(JobState::Running), 1_000 + age_ms);
        assert_eq!(at(-1), TASK_POLL_MIN);
        assert_eq!(at(5_000), TASK_POLL_MIN);
        assert_eq!(at(20_000), Duration::from_secs(2));
        assert_eq!(at(10_000_000), TASK_POLL_MAX);
    }

    #[test]
    fn a_result_of_2025_11_25_says_whose_it_is() {
        let result = ToolResult { meta: Some(raw(&json!({ "a": 1 }))), ..ToolResult::text("x") };
        let told = shown(&task_result(&id(), "j1", &JobEnd::Answered(result)));
        assert_eq!(told["_meta"], json!({ "a": 1, RELATED_TASK: { "taskId": "j1" } }));
        assert_eq!(shown(&task_result(&id(), "j1", &JobEnd::Cancelled))["isError"], true);
    }
}

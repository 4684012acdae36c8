//! Schedules: jobs that are begun again and again, as servers and wires know them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{Arguments, Caller, JobFuture, JobOptions, RawValue};

/// When something is to be done, and what of times that passed while nobody was there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Timetable {
    /// A cron pattern: minute, hour, day of the month, month, day of the week; seconds may stand in front. Either this or
    /// `every_seconds`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cron: Option<Box<str>>,
    /// The time zone of the pattern, such as `Europe/Berlin`; UTC unless said otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<Box<str>>,
    /// Again and again after so many seconds, from now on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 31_622_400))]
    pub every_seconds: Option<u64>,
    /// What to do about times that passed while the hub was not there.
    #[serde(default)]
    pub missed: MissedTimes,
    /// With `missed: all`: how many of them, the latest; 10 unless said otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100))]
    pub missed_max: Option<u64>,
    /// By how many seconds chance may delay each time.
    #[serde(default)]
    #[schemars(range(max = 3600))]
    pub jitter_seconds: u64,
}

/// What to do about times that passed while the hub was not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum MissedTimes {
    /// Nothing.
    Skip,
    /// Once, for the latest of them.
    #[default]
    Once,
    /// Once for each, up to a bound.
    All,
}

/// A schedule to be.
#[derive(Debug, Clone)]
pub struct NewScheduleRequest {
    /// What its caller calls it.
    pub name: Box<str>,
    /// Which tool.
    pub tool: Box<str>,
    /// With which arguments.
    pub arguments: Arguments,
    /// How each job is to be treated.
    pub options: JobOptions,
    /// When.
    pub when: Timetable,
}

/// What is to be different about a schedule. What is left out stays.
#[derive(Debug, Clone, Default)]
pub struct ScheduleChange {
    /// What its caller calls it.
    pub new_name: Option<Box<str>>,
    /// Which tool.
    pub tool: Option<Box<str>>,
    /// With which arguments: all of them.
    pub arguments: Option<Map<String, Value>>,
    /// What is different about how each job is to be treated: members of [`JobOptions`]; `null` takes one away.
    pub options: Option<Map<String, Value>>,
    /// What is different about its times.
    pub when: Option<TimetableChange>,
}

/// What is to be different about the times of a schedule. What is left out stays; a pattern takes the place of an interval,
/// and an interval that of a pattern.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TimetableChange {
    /// A cron pattern.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cron: Option<Box<str>>,
    /// The time zone of the pattern.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<Box<str>>,
    /// Again and again after so many seconds, from now on.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 31_622_400))]
    pub every_seconds: Option<u64>,
    /// What to do about times that passed while the hub was not there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub missed: Option<MissedTimes>,
    /// With `missed: all`: how many of them, the latest.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100))]
    pub missed_max: Option<u64>,
    /// By how many seconds chance may delay each time.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = 3600))]
    pub jitter_seconds: Option<u64>,
}

/// A schedule as it is now. Times are milliseconds since 1970, and `next` is also written out.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ScheduleView {
    /// Its id.
    pub id: Box<str>,
    /// What its caller calls it.
    pub name: Box<str>,
    /// Whose it is.
    pub caller: Box<str>,
    /// Which tool.
    pub tool: Box<str>,
    /// When.
    pub when: Timetable,
    /// The arguments as people may see them: secrets masked, long values cut. Only where one schedule is answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<serde_json::Value>")]
    pub arguments: Option<Box<RawValue>>,
    /// How each job is treated. Only where one schedule is answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<serde_json::Value>")]
    pub options: Option<Box<RawValue>>,
    /// Nothing is begun until it is resumed.
    pub paused: bool,
    /// The next planned time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub due_ms: Option<i64>,
    /// The same, on the clocks of its time zone (RFC 3339).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<Box<str>>,
    /// The job that was begun last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_job: Option<Box<str>>,
    /// Its planned time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_due_ms: Option<i64>,
    /// Why the latest beginning failed, if it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_error: Option<Box<str>>,
    /// How many jobs were begun.
    pub begun: u64,
    /// How many planned times were left out.
    pub left_out: u64,
    /// When it was made.
    pub created_ms: i64,
}

/// The schedules of a hub. Each method takes who asks: the schedules of others are not there for them
/// ([`ToolError::NotFound`](crate::ToolError::NotFound)), and the owner sees all. A schedule is named by its id or name.
pub trait Schedules: Send + Sync + 'static {
    /// Takes a schedule. Its jobs are submitted through the door, as this caller, when their time has come.
    fn add<'a>(&'a self, caller: &'a Caller, new: NewScheduleRequest) -> JobFuture<'a, ScheduleView>;
    /// The schedules, by name.
    fn list<'a>(&'a self, caller: &'a Caller) -> JobFuture<'a, Vec<ScheduleView>>;
    /// One schedule.
    fn get<'a>(&'a self, caller: &'a Caller, name: &'a str) -> JobFuture<'a, ScheduleView>;
    /// Changes one. Its id, what it began and whether it is paused stay; other times count from now on.
    fn update<'a>(
        &'a self,
        caller: &'a Caller,
        name: &'a str,
        change: ScheduleChange,
    ) -> JobFuture<'a, ScheduleView>;
    /// The next planned times, on the clocks of the schedule's time zone (RFC 3339); at most a hundred.
    fn next<'a>(&'a self, caller: &'a Caller, name: &'a str, count: usize) -> JobFuture<'a, Vec<Box<str>>>;
    /// Pauses a schedule, or resumes it. Times that pass meanwhile are left out.
    fn pause<'a>(&'a self, caller: &'a Caller, name: &'a str, paused: bool) -> JobFuture<'a, ScheduleView>;
    /// Removes a schedule. Jobs that it began go on.
    fn remove<'a>(&'a self, caller: &'a Caller, name: &'a str) -> JobFuture<'a, ()>;
    /// Begins one now, besides its plan. Answers with the job.
    fn run<'a>(&'a self, caller: &'a Caller, name: &'a str) -> JobFuture<'a, Box<str>>;
}

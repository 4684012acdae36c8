//! What is begun again and again, as callers see and steer it; and how a time that has come becomes a job: by a call
//! through the door, as the caller whose schedule it is.

use std::sync::Arc;

use chrono::{DateTime, SecondsFormat, Utc};
use chrono_tz::Tz;
use drawbridge_contract::{
    Arguments, BoxFuture, Call, Caller, Handler, JobFuture, JobOptions, Live, MissedTimes,
    NewScheduleRequest, Origin, Outcome, RawValue, Refusal, Run, ScheduleView, Schedules as Seam, Target,
    Timetable, ToolError, raw,
};
use drawbridge_jobs::schedule::{
    Firing, Missed, NewSchedule, Plan, Schedule, ScheduleError, Schedules, Trigger, TriggerError, When,
};

use crate::error::refusal;
use crate::webhooks::whose;

/// How many missed times are made up for, unless the caller says otherwise.
const MISSED_DEFAULT: u64 = 10;
const UTC: &str = "UTC";

/// The schedules of a hub, behind the door.
pub(crate) struct Planned {
    pub(crate) schedules: Arc<Schedules>,
    pub(crate) door: Arc<dyn Handler>,
}

impl Seam for Planned {
    fn add<'a>(&'a self, caller: &'a Caller, new: NewScheduleRequest) -> JobFuture<'a, ScheduleView> {
        Box::pin(async move {
            self.check_tool(caller, &new.tool)?;
            let new = new_schedule(caller, new)?;
            self.schedules.add(new).await.map(view).map_err(told)
        })
    }

    fn list<'a>(&'a self, caller: &'a Caller) -> JobFuture<'a, Vec<ScheduleView>> {
        Box::pin(async move {
            let found = self.schedules.list(whose(caller)).map_err(told)?;
            Ok(found.into_iter().map(view).collect())
        })
    }

    fn next<'a>(&'a self, caller: &'a Caller, name: &'a str, count: usize) -> JobFuture<'a, Vec<Box<str>>> {
        Box::pin(async move {
            let zone = zone(&self.schedules.get(whose(caller), name).map_err(told)?.plan);
            let times = self.schedules.next(whose(caller), name, count).map_err(told)?;
            Ok(times.into_iter().map(|time| written(time, zone)).collect())
        })
    }

    fn pause<'a>(&'a self, caller: &'a Caller, name: &'a str, paused: bool) -> JobFuture<'a, ScheduleView> {
        Box::pin(
            async move { self.schedules.pause(whose(caller), name, paused).await.map(view).map_err(told) },
        )
    }

    fn remove<'a>(&'a self, caller: &'a Caller, name: &'a str) -> JobFuture<'a, ()> {
        Box::pin(async move { self.schedules.remove(whose(caller), name).await.map_err(told) })
    }

    fn run<'a>(&'a self, caller: &'a Caller, name: &'a str) -> JobFuture<'a, Box<str>> {
        Box::pin(async move {
            let trigger = ThroughDoor(self.door.clone());
            self.schedules.run(whose(caller), name, &trigger).await.map(Into::into).map_err(told)
        })
    }
}

impl Planned {
    /// A tool that its caller does not see is none. Whether it may be called is asked each time that it is.
    fn check_tool(&self, caller: &Caller, tool: &str) -> Result<(), Refusal> {
        let sees = self.door.view(caller).tools.iter().any(|one| one.spec().name == tool);
        if sees { Ok(()) } else { Err(Refusal::NotFound { kind: "tool", name: tool.into() }) }
    }
}

/// Submits through the door.
pub(crate) struct ThroughDoor(pub(crate) Arc<dyn Handler>);

impl Trigger for ThroughDoor {
    fn submit(&self, firing: Firing) -> BoxFuture<'_, Result<String, TriggerError>> {
        Box::pin(async move {
            let caller = self.0.recall(&firing.caller).ok_or_else(|| {
                TriggerError::NoCaller(format!("{} may not call any more: its key is gone", firing.caller))
            })?;
            let call = call(caller, &firing)?;
            match self.0.clone().call(call, Live::default()).await {
                Ok(Outcome::Accepted(id)) => Ok(id.into()),
                Ok(_) => Err(TriggerError::Refused("it was not put into the background".to_owned())),
                Err(refusal) => Err(trigger_error(&refusal)),
            }
        })
    }
}

fn call(caller: Arc<Caller>, firing: &Firing) -> Result<Call, TriggerError> {
    let unreadable = |what: &str| TriggerError::Refused(format!("its {what} cannot be read; make it anew"));
    let options: JobOptions =
        serde_json::from_str(firing.options.get()).map_err(|_| unreadable("options"))?;
    let arguments = Arguments::decode(&firing.arguments).map_err(|_| unreadable("arguments"))?;
    let options = JobOptions { idempotency_key: Some(firing.key.as_str().into()), ..options };
    let origin = Origin { entrance: "schedule", ..Origin::default() };
    let call = Call::new(caller, Target::Tool(firing.tool.as_str().into()), arguments, origin);
    Ok(Call { run: Run::Later(Box::new(options)), ..call })
}

/// What passes by itself keeps the time; what a rule or the tool says leaves it out.
fn trigger_error(refusal: &Refusal) -> TriggerError {
    let why = refusal.to_string();
    match refusal {
        Refusal::Raised
        | Refusal::RateLimited { .. }
        | Refusal::TierSpent { .. }
        | Refusal::Tool(ToolError::Failed(_)) => TriggerError::Passing(why),
        Refusal::NotFound { .. }
        | Refusal::InvalidArguments { .. }
        | Refusal::Denied(_)
        | Refusal::NeedsApproval(_)
        | Refusal::Tool(_)
        | Refusal::TooDeep(_) => TriggerError::Refused(why),
        _ => TriggerError::Passing(why),
    }
}

fn new_schedule(caller: &Caller, new: NewScheduleRequest) -> Result<NewSchedule, Refusal> {
    if new.options.idempotency_key.is_some() {
        return Err(invalid("a schedule gives each job a key of its own; leave out idempotency_key"));
    }
    let arguments = RawValue::from_string(new.arguments.text().to_owned());
    Ok(NewSchedule {
        caller: caller.id.as_ref().into(),
        name: new.name.into(),
        tool: new.tool.into(),
        arguments: arguments.map_err(|_| invalid("the arguments are no JSON"))?,
        options: raw(&new.options),
        plan: plan(&new.when)?,
    })
}

fn plan(when: &Timetable) -> Result<Plan, Refusal> {
    let missed = match when.missed {
        MissedTimes::Skip => Missed::Skip,
        MissedTimes::Once => Missed::Once,
        MissedTimes::All => Missed::All(when.missed_max.unwrap_or(MISSED_DEFAULT)),
    };
    let jitter_ms = when.jitter_seconds.saturating_mul(1000);
    let when = match (&when.cron, when.every_seconds) {
        (Some(pattern), None) => {
            let zone = when.time_zone.as_deref().unwrap_or(UTC).to_owned();
            When::Cron { pattern: pattern.to_string(), zone }
        }
        (None, Some(seconds)) => {
            let from_ms = Utc::now().timestamp_millis().saturating_add_unsigned(seconds.saturating_mul(1000));
            When::Every { every_ms: seconds.saturating_mul(1000), from_ms }
        }
        _ => return Err(invalid("say when: either cron or every_seconds, and one of them only")),
    };
    Ok(Plan { when, missed, jitter_ms })
}

fn view(schedule: Schedule) -> ScheduleView {
    let zone = zone(&schedule.plan);
    ScheduleView {
        id: schedule.id.into(),
        name: schedule.name.into(),
        caller: schedule.caller.into(),
        tool: schedule.tool.into(),
        when: timetable(&schedule.plan),
        paused: schedule.paused,
        due_ms: schedule.due_ms,
        next: schedule.due_ms.filter(|_| !schedule.paused).map(|due_ms| written(due_ms, zone)),
        last_job: schedule.last_job.map(Into::into),
        last_due_ms: schedule.last_due_ms,
        last_error: schedule.last_error.map(Into::into),
        begun: schedule.begun,
        left_out: schedule.left_out,
        created_ms: schedule.created_ms,
    }
}

fn timetable(plan: &Plan) -> Timetable {
    let (cron, time_zone, every_seconds) = match &plan.when {
        When::Cron { pattern, zone } => (Some(pattern.as_str().into()), Some(zone.as_str().into()), None),
        When::Every { every_ms, .. } => (None, None, Some(every_ms / 1000)),
    };
    let (missed, missed_max) = match plan.missed {
        Missed::Skip => (MissedTimes::Skip, None),
        Missed::Once => (MissedTimes::Once, None),
        Missed::All(count) => (MissedTimes::All, Some(count)),
    };
    Timetable { cron, time_zone, every_seconds, missed, missed_max, jitter_seconds: plan.jitter_ms / 1000 }
}

fn zone(plan: &Plan) -> Tz {
    match &plan.when {
        When::Cron { zone, .. } => zone.parse().unwrap_or(Tz::UTC),
        When::Every { .. } => Tz::UTC,
    }
}

fn written(time_ms: i64, zone: Tz) -> Box<str> {
    let time = DateTime::<Utc>::from_timestamp_millis(time_ms).unwrap_or_default();
    time.with_timezone(&zone).to_rfc3339_opts(SecondsFormat::Secs, true).into()
}

fn invalid(why: &str) -> Refusal {
    ToolError::Invalid(why.to_owned()).into()
}

fn told(error: ScheduleError) -> Refusal {
    let message = error.to_string();
    match error {
        ScheduleError::Engine(error) => refusal(error),
        ScheduleError::Plan(_) => ToolError::Invalid(message).into(),
        ScheduleError::NotFound { .. } => ToolError::NotFound(message).into(),
        ScheduleError::Taken { .. } | ScheduleError::Trigger(_) => ToolError::Refused(message).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn when(cron: Option<&str>, every_seconds: Option<u64>) -> Timetable {
        let (missed, missed_max) = (MissedTimes::All, None);
        let (cron, time_zone) = (cron.map(Into::into), None);
        Timetable { cron, time_zone, every_seconds, missed, missed_max, jitter_seconds: 5 }
    }

    #[test]
    fn a_timetable_is_a_pattern_or_an_interval() {
        let cron = plan(&when(Some("0 7 * * *"), None)).unwrap();
        assert_eq!((cron.jitter_ms, cron.missed), (5_000, Missed::All(10)));
        assert_eq!(timetable(&cron).time_zone.as_deref(), Some("UTC"));
        assert_eq!(timetable(&plan(&when(None, Some(90))).unwrap()).every_seconds, Some(90));
        assert!(plan(&when(None, None)).is_err());
        assert!(plan(&when(Some("* * * * *"), Some(1))).is_err());
    }

    #[test]
    fn only_what_passes_by_itself_keeps_its_time() {
        assert!(matches!(trigger_error(&Refusal::Raised), TriggerError::Passing(_)));
        assert!(matches!(trigger_error(&Refusal::Denied("no".into())), TriggerError::Refused(_)));
        let gone = Refusal::NotFound { kind: "tool", name: "x".into() };
        assert!(matches!(trigger_error(&gone), TriggerError::Refused(_)));
    }
}

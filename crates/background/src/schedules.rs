//! What is begun again and again, as callers see and steer it; and how a time that has come becomes a job: by a call
//! through the door, as the caller whose schedule it is.

use std::sync::Arc;

use drawbridge_contract::{
    Arguments, BoxFuture, Call, Caller, Handler, JobFuture, JobOptions, Live, NewScheduleRequest, Origin,
    Outcome, RawValue, Refusal, Run, ScheduleChange, ScheduleView, Schedules as Seam, Target, ToolError, raw,
};
use drawbridge_jobs::schedule::{
    Firing, NewSchedule, Schedule, ScheduleChange as Change, ScheduleError, Schedules, Trigger, TriggerError,
};
use serde_json::{Map, Value};

use crate::error::refusal;
use crate::timetable::{changed, plan, timetable, written, zone};
use crate::view::as_shown;
use crate::webhooks::whose;

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
            self.schedules.add(new).await.map(whole).map_err(told)
        })
    }

    fn list<'a>(&'a self, caller: &'a Caller) -> JobFuture<'a, Vec<ScheduleView>> {
        Box::pin(async move {
            let found = self.schedules.list(whose(caller)).map_err(told)?;
            Ok(found.into_iter().map(view).collect())
        })
    }

    fn get<'a>(&'a self, caller: &'a Caller, name: &'a str) -> JobFuture<'a, ScheduleView> {
        Box::pin(async move { self.schedules.get(whose(caller), name).map(whole).map_err(told) })
    }

    fn update<'a>(
        &'a self,
        caller: &'a Caller,
        name: &'a str,
        change: ScheduleChange,
    ) -> JobFuture<'a, ScheduleView> {
        Box::pin(async move {
            let change = |schedule: &Schedule| self.change(schedule, change);
            self.schedules.update(whose(caller), name, change).await.map(whole).map_err(told)
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
            async move { self.schedules.pause(whose(caller), name, paused).await.map(whole).map_err(told) },
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

    /// What is different about a schedule. Another tool is one that the schedule's caller sees, whoever asks.
    fn change(&self, schedule: &Schedule, change: ScheduleChange) -> Result<Change, ScheduleError> {
        let wrong = |problem: String| ScheduleError::Change { problem };
        if let Some(tool) = &change.tool {
            let caller = self.door.recall(&schedule.caller).ok_or_else(|| wrong(gone(&schedule.caller)))?;
            self.check_tool(&caller, tool).map_err(|refusal| wrong(refusal.to_string()))?;
        }
        Ok(Change {
            name: change.new_name.map(Into::into),
            tool: change.tool.map(Into::into),
            arguments: change.arguments.map(|arguments| raw(&arguments)),
            options: change.options.map(|options| merged(&schedule.options, options)).transpose()?,
            plan: change.when.map(|when| changed(&schedule.plan, when)).transpose().map_err(wrong)?,
        })
    }
}

fn gone(caller: &str) -> String {
    format!("{caller} may not call any more: its key is gone")
}

/// Options, of which some are said anew; those that are `null` are taken away.
fn merged(options: &RawValue, change: Map<String, Value>) -> Result<Box<RawValue>, ScheduleError> {
    let wrong = |problem: String| ScheduleError::Change { problem };
    let mut options: Map<String, Value> = serde_json::from_str(options.get()).unwrap_or_default();
    options.extend(change);
    options.retain(|_, value| !value.is_null());
    let options: JobOptions = serde_json::from_value(Value::Object(options))
        .map_err(|error| wrong(format!("the options cannot be read: {error}")))?;
    check_options(&options).map_err(|problem| wrong(problem.to_owned()))?;
    Ok(raw(&options))
}

fn check_options(options: &JobOptions) -> Result<(), &'static str> {
    match options.idempotency_key {
        Some(_) => Err("a schedule gives each job a key of its own; leave out idempotency_key"),
        None => Ok(()),
    }
}

/// Submits through the door.
pub(crate) struct ThroughDoor(pub(crate) Arc<dyn Handler>);

impl Trigger for ThroughDoor {
    fn submit(&self, firing: Firing) -> BoxFuture<'_, Result<String, TriggerError>> {
        Box::pin(async move {
            let caller =
                self.0.recall(&firing.caller).ok_or_else(|| TriggerError::NoCaller(gone(&firing.caller)))?;
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
    check_options(&new.options).map_err(invalid)?;
    let arguments = RawValue::from_string(new.arguments.text().to_owned());
    Ok(NewSchedule {
        caller: caller.id.as_ref().into(),
        name: new.name.into(),
        tool: new.tool.into(),
        arguments: arguments.map_err(|_| invalid("the arguments are no JSON"))?,
        options: raw(&new.options),
        plan: plan(&new.when).map_err(|problem| invalid(&problem))?,
    })
}

/// A schedule with what its jobs are given.
fn whole(schedule: Schedule) -> ScheduleView {
    let [arguments, options] = [&schedule.arguments, &schedule.options].map(|text| as_shown(text));
    ScheduleView { arguments, options, ..view(schedule) }
}

fn view(schedule: Schedule) -> ScheduleView {
    let zone = zone(&schedule.plan);
    ScheduleView {
        id: schedule.id.into(),
        name: schedule.name.into(),
        caller: schedule.caller.into(),
        tool: schedule.tool.into(),
        when: timetable(&schedule.plan),
        arguments: None,
        options: None,
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

fn invalid(why: &str) -> Refusal {
    ToolError::Invalid(why.to_owned()).into()
}

fn told(error: ScheduleError) -> Refusal {
    let message = error.to_string();
    match error {
        ScheduleError::Engine(error) => refusal(error),
        ScheduleError::Plan(_) | ScheduleError::Change { .. } => ToolError::Invalid(message).into(),
        ScheduleError::NotFound { .. } => ToolError::NotFound(message).into(),
        ScheduleError::Taken { .. } | ScheduleError::Trigger(_) => ToolError::Refused(message).into(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_passes_by_itself_keeps_its_time() {
        assert!(matches!(trigger_error(&Refusal::Raised), TriggerError::Passing(_)));
        assert!(matches!(trigger_error(&Refusal::Denied("no".into())), TriggerError::Refused(_)));
        let gone = Refusal::NotFound { kind: "tool", name: "x".into() };
        assert!(matches!(trigger_error(&gone), TriggerError::Refused(_)));
    }

    #[test]
    fn options_are_said_anew_taken_away_or_stay() {
        let before = raw(&json!({ "queue": "night", "priority": 5, "callback_url": "https://example.com/" }));
        let change = json!({ "priority": 7, "callback_url": null, "timeout_ms": 1000 });
        let after = merged(&before, change.as_object().unwrap().clone()).unwrap();
        let after: JobOptions = serde_json::from_str(after.get()).unwrap();
        let expected = JobOptions {
            queue: Some("night".into()),
            priority: 7,
            timeout_ms: Some(1000),
            ..JobOptions::default()
        };
        assert_eq!(after, expected);
        for wrong in
            [json!({ "prioritty": 1 }), json!({ "priority": "high" }), json!({ "idempotency_key": "x" })]
        {
            assert!(merged(&before, wrong.as_object().unwrap().clone()).is_err(), "{wrong}");
        }
    }
}

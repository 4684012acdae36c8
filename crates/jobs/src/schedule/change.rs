//! Changing a schedule in its place: its id, what it has begun and whether it is paused stay.

use drawbridge_contract::RawValue;

use super::schedules::{check_jobs, check_name, jitter_ms};
use super::{Plan, Schedule, ScheduleError, Schedules};

/// What is to be different about a schedule; what is `None` stays.
#[derive(Debug, Clone, Default)]
pub struct ScheduleChange {
    /// What its caller calls it.
    pub name: Option<String>,
    /// Which tool.
    pub tool: Option<String>,
    /// With which arguments: all of them.
    pub arguments: Option<Box<RawValue>>,
    /// How each job is to be treated: all of it.
    pub options: Option<Box<RawValue>>,
    /// When.
    pub plan: Option<Plan>,
}

/// A plan that takes the place of another, and what comes next by it.
pub(crate) struct NewPlan {
    pub(crate) plan: Plan,
    pub(crate) due_ms: Option<i64>,
    pub(crate) next_ms: Option<i64>,
}

impl Schedules {
    /// Changes a schedule. `change` is shown what it is now, and nobody else changes it meanwhile. Other times count from now
    /// on: what was due by those before and was not begun is left out. With the same times, what is due stays so.
    ///
    /// # Errors
    /// [`ScheduleError::NotFound`], [`ScheduleError::Plan`], [`ScheduleError::Taken`], those of `change`, and the engine's.
    pub async fn update(
        &self,
        caller: Option<&str>,
        name: &str,
        change: impl FnOnce(&Schedule) -> Result<ScheduleChange, ScheduleError>,
    ) -> Result<Schedule, ScheduleError> {
        let _alone = self.changing.lock().await;
        let schedule = self.get(caller, name)?;
        let mut change = change(&schedule)?;
        check(&schedule, &change)?;
        let plan = change.plan.take().filter(|plan| *plan != schedule.plan);
        let plan = plan.map(|plan| self.planned(&schedule, plan)).transpose()?;
        let taken = change.name.clone().unwrap_or_default();
        if !self.engine.schedule_update(schedule.id.clone(), change, plan).await? {
            return Err(ScheduleError::Taken { name: taken });
        }
        self.changed.notify_one();
        self.get(caller, &schedule.id)
    }

    fn planned(&self, schedule: &Schedule, plan: Plan) -> Result<NewPlan, ScheduleError> {
        let now_ms = self.engine.now().wall_ms;
        plan.check(now_ms)?;
        let due_ms = match plan.when == schedule.plan.when {
            true => schedule.due_ms,
            false => plan.when.calendar()?.next(now_ms),
        };
        let next_ms = due_ms.map(|due_ms| due_ms + jitter_ms(&plan));
        Ok(NewPlan { plan, due_ms, next_ms })
    }
}

fn check(schedule: &Schedule, change: &ScheduleChange) -> Result<(), ScheduleError> {
    check_name("the schedule's name", change.name.as_deref().unwrap_or(&schedule.name))?;
    check_name("the tool's name", change.tool.as_deref().unwrap_or(&schedule.tool))?;
    let arguments = change.arguments.as_deref().unwrap_or(&schedule.arguments);
    Ok(check_jobs(arguments, change.options.as_deref().unwrap_or(&schedule.options))?)
}

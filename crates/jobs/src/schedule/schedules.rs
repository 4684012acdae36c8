//! The whole, for whoever manages schedules; and the task that waits for the next time and begins.

use std::sync::Arc;
use std::time::Duration;

use drawbridge_contract::{BoxFuture, CancellationToken, RawValue};
use serde::Serialize;
use tokio::sync::{Mutex, Notify};
use tokio::task::JoinHandle;

use super::{BadPlan, Beginning, Plan, begin};
use crate::bounds::{ARGUMENTS_BYTES_MAX, ATTRIBUTES_BYTES_MAX, NAME_BYTES_MAX};
use crate::error::at_most;
use crate::{Embedded, EngineError};

/// How many of the next times are shown at most.
pub const NEXT_SHOWN_MAX: usize = 100;
/// While something waits for a time of day, we look at the clock at least so often: somebody may set it.
const LOOK_AT_CLOCK: Duration = Duration::from_secs(30);
/// How long to wait after something failed that may pass.
const RETRY_AFTER_MS: i64 = 10_000;
/// How many schedules one turn begins.
const AT_ONCE: usize = 100;

/// A schedule to be.
#[derive(Debug, Clone)]
pub struct NewSchedule {
    /// Whose it is, and as whom its jobs run.
    pub caller: Arc<str>,
    /// What that caller calls it; no other of the same caller is called so.
    pub name: String,
    /// Which tool.
    pub tool: String,
    /// With which arguments. Never a secret: they are written to disk as they are.
    pub arguments: Box<RawValue>,
    /// How each job is to be treated, for the [`Trigger`]: JSON.
    pub options: Box<RawValue>,
    /// When.
    pub plan: Plan,
}

/// A schedule as it is now. Times are milliseconds since 1970.
#[derive(Debug, Clone, Serialize)]
pub struct Schedule {
    /// Its id.
    pub id: String,
    /// Whose it is.
    pub caller: String,
    /// What that caller calls it.
    pub name: String,
    /// Which tool.
    pub tool: String,
    /// With which arguments.
    pub arguments: Box<RawValue>,
    /// How each job is treated.
    pub options: Box<RawValue>,
    /// When.
    pub plan: Plan,
    /// Nothing is begun until somebody resumes it.
    pub paused: bool,
    /// The next planned time; `None`: there is none any more.
    pub due_ms: Option<i64>,
    /// When that is begun: somewhat later, by chance, where the plan says so.
    pub next_ms: Option<i64>,
    /// When it was made.
    pub created_ms: i64,
    /// The planned time that was begun last.
    pub last_due_ms: Option<i64>,
    /// The job that was begun last.
    pub last_job: Option<String>,
    /// Why the latest beginning failed, if it did.
    pub last_error: Option<String>,
    /// How many jobs were begun.
    pub begun: u64,
    /// How many planned times were left out.
    pub left_out: u64,
}

/// What a trigger is to submit.
#[derive(Debug, Clone)]
pub struct Firing {
    /// The schedule's id.
    pub schedule: String,
    /// Whose job it will be.
    pub caller: String,
    /// Which tool.
    pub tool: String,
    /// With which arguments.
    pub arguments: Box<RawValue>,
    /// How the job is to be treated.
    pub options: Box<RawValue>,
    /// The idempotency key: the same for the same planned time, whatever happens.
    pub key: String,
}

/// Submits the jobs of schedules.
pub trait Trigger: Send + Sync + 'static {
    /// Submits one, and answers with the job's id. May be asked again for the same key.
    fn submit(&self, firing: Firing) -> BoxFuture<'_, Result<String, TriggerError>>;
}

/// Why a job could not be submitted.
#[derive(Debug, Clone, thiserror::Error)]
pub enum TriggerError {
    /// It may go well later: the time is kept, and tried again.
    #[error("{0}")]
    Passing(String),
    /// It was refused: this time is left out, and the next is tried.
    #[error("{0}")]
    Refused(String),
    /// The caller is nobody any more: the schedule is paused.
    #[error("{0}")]
    NoCaller(String),
}

/// Why something could not be done with schedules.
#[derive(Debug, thiserror::Error)]
pub enum ScheduleError {
    /// The plan makes no sense.
    #[error(transparent)]
    Plan(#[from] BadPlan),
    /// No such schedule.
    #[error("there is no schedule {name:?}; list those that there are")]
    NotFound {
        /// As it was asked for.
        name: String,
    },
    /// What was to be different about it makes no sense.
    #[error("{problem}")]
    Change {
        /// What is wrong.
        problem: String,
    },
    /// The name is taken.
    #[error("there is a schedule {name:?} already; remove it first, or take another name")]
    Taken {
        /// The name.
        name: String,
    },
    /// The job of a schedule could not be submitted.
    #[error(transparent)]
    Trigger(#[from] TriggerError),
    /// The engine refused or failed.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

/// A schedule, as it is written.
pub(crate) struct ScheduleRow {
    pub(crate) id: String,
    pub(crate) new: NewSchedule,
    pub(crate) due_ms: Option<i64>,
    pub(crate) next_ms: Option<i64>,
    pub(crate) created_ms: i64,
}

/// What a turn makes of a schedule: written only if `was_due_ms` is still the next planned time.
#[derive(Debug, Clone, Default)]
pub(crate) struct Step {
    pub(crate) was_due_ms: Option<i64>,
    pub(crate) due_ms: Option<i64>,
    pub(crate) next_ms: Option<i64>,
    pub(crate) last_due_ms: Option<i64>,
    pub(crate) last_job: Option<String>,
    pub(crate) last_error: Option<String>,
    pub(crate) begun: u64,
    pub(crate) left_out: u64,
    pub(crate) pause: bool,
}

/// Schedules, and what begins them. Who may ask for what is decided before: methods take the caller whose schedules are
/// meant, `None` for everybody's. A schedule is named by its id, or by its name.
pub struct Schedules {
    pub(super) engine: Embedded,
    /// Something changed: look again.
    pub(super) changed: Notify,
    /// Held while one is read, changed and written.
    pub(super) changing: Mutex<()>,
}

impl Schedules {
    /// The schedules in an engine's file.
    pub fn new(engine: Embedded) -> Arc<Self> {
        Arc::new(Self { engine, changed: Notify::new(), changing: Mutex::default() })
    }

    /// Begins what is due, until the token is cancelled.
    pub fn start(self: &Arc<Self>, trigger: Arc<dyn Trigger>, stop: CancellationToken) -> JoinHandle<()> {
        let schedules = Arc::clone(self);
        tokio::spawn(async move {
            while !stop.is_cancelled() {
                let pause = schedules.turn(&*trigger).await;
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = schedules.changed.notified() => {}
                    () = tokio::time::sleep(pause) => {}
                }
            }
        })
    }

    /// Takes a schedule.
    ///
    /// # Errors
    /// [`ScheduleError::Plan`] and [`ScheduleError::Taken`], and the engine's.
    pub async fn add(&self, new: NewSchedule) -> Result<Schedule, ScheduleError> {
        check(&new)?;
        let now_ms = self.engine.now().wall_ms;
        new.plan.check(now_ms)?;
        let due_ms = new.plan.when.calendar()?.next(now_ms);
        let next_ms = due_ms.map(|due_ms| due_ms + jitter_ms(&new.plan));
        let id = format!("sch_{:016x}", rand::random::<u64>());
        let (caller, name) = (Arc::clone(&new.caller), new.name.clone());
        let row = ScheduleRow { id: id.clone(), new, due_ms, next_ms, created_ms: now_ms };
        if !self.engine.schedule_add(row).await? {
            return Err(ScheduleError::Taken { name });
        }
        self.changed.notify_one();
        self.get(Some(&caller), &id)
    }

    /// The schedules, by name.
    ///
    /// # Errors
    /// The engine's.
    pub fn list(&self, caller: Option<&str>) -> Result<Vec<Schedule>, ScheduleError> {
        Ok(self.engine.schedules(caller)?)
    }

    /// One schedule.
    ///
    /// # Errors
    /// [`ScheduleError::NotFound`], and the engine's.
    pub fn get(&self, caller: Option<&str>, name: &str) -> Result<Schedule, ScheduleError> {
        let found = self.engine.schedules(caller)?;
        let by_id = found.iter().position(|one| one.id == name);
        let index = by_id.or_else(|| found.iter().position(|one| one.name == name));
        let found = index.and_then(|index| found.into_iter().nth(index));
        found.ok_or_else(|| ScheduleError::NotFound { name: name.to_owned() })
    }

    /// The next planned times, at most [`NEXT_SHOWN_MAX`].
    ///
    /// # Errors
    /// [`ScheduleError::NotFound`], and the engine's.
    pub fn next(&self, caller: Option<&str>, name: &str, count: usize) -> Result<Vec<i64>, ScheduleError> {
        let schedule = self.get(caller, name)?;
        let Some(due_ms) = schedule.due_ms else { return Ok(Vec::new()) };
        Ok(schedule.plan.next(due_ms - 1, count.clamp(1, NEXT_SHOWN_MAX))?)
    }

    /// Pauses a schedule, or resumes it. Times that pass while it is paused are left out.
    ///
    /// # Errors
    /// [`ScheduleError::NotFound`], and the engine's.
    pub async fn pause(
        &self,
        caller: Option<&str>,
        name: &str,
        paused: bool,
    ) -> Result<Schedule, ScheduleError> {
        let _alone = self.changing.lock().await;
        let schedule = self.get(caller, name)?;
        let now_ms = self.engine.now().wall_ms;
        let due_ms = schedule.plan.when.calendar()?.next(now_ms);
        let next_ms = due_ms.map(|due_ms| due_ms + jitter_ms(&schedule.plan));
        self.engine.schedule_pause(schedule.id.clone(), paused, due_ms, next_ms).await?;
        self.changed.notify_one();
        self.get(caller, &schedule.id)
    }

    /// Removes a schedule. Jobs that it began go on.
    ///
    /// # Errors
    /// [`ScheduleError::NotFound`], and the engine's.
    pub async fn remove(&self, caller: Option<&str>, name: &str) -> Result<(), ScheduleError> {
        let _alone = self.changing.lock().await;
        let schedule = self.get(caller, name)?;
        Ok(self.engine.schedule_remove(schedule.id).await?)
    }

    /// Begins one now, besides its plan. Answers with the job.
    ///
    /// # Errors
    /// [`ScheduleError::NotFound`], [`ScheduleError::Trigger`], and the engine's.
    pub async fn run(
        &self,
        caller: Option<&str>,
        name: &str,
        trigger: &dyn Trigger,
    ) -> Result<String, ScheduleError> {
        let schedule = self.get(caller, name)?;
        let time = format!("now:{}", self.engine.now().wall_ms);
        Ok(trigger.submit(firing(&schedule, &time)).await?)
    }

    /// Begins what is due. Says how long there is nothing to do. For whoever set the clock; the task does it by itself.
    pub async fn turn(&self, trigger: &dyn Trigger) -> Duration {
        match self.try_turn(trigger).await {
            Ok(pause) => pause,
            Err(error) => {
                tracing::warn!(%error, "the schedules could not be read or written; trying again");
                Duration::from_millis(RETRY_AFTER_MS.unsigned_abs())
            }
        }
    }

    async fn try_turn(&self, trigger: &dyn Trigger) -> Result<Duration, ScheduleError> {
        let due = self.engine.schedules_due(self.engine.now().wall_ms, AT_ONCE)?;
        for schedule in &due {
            let step = self.begin(schedule, trigger).await?;
            self.engine.schedule_step(schedule.id.clone(), step).await?;
        }
        let now_ms = self.engine.now().wall_ms;
        let wait_ms = self.engine.schedules_next()?.map(|next_ms| (next_ms - now_ms).max(0).unsigned_abs());
        Ok(wait_ms.map_or(LOOK_AT_CLOCK, |ms| Duration::from_millis(ms).min(LOOK_AT_CLOCK)))
    }

    /// Submits what a schedule's time has come for.
    async fn begin(&self, schedule: &Schedule, trigger: &dyn Trigger) -> Result<Step, ScheduleError> {
        let Some(due_ms) = schedule.due_ms else { return Ok(Step::default()) };
        let now_ms = self.engine.now().wall_ms;
        let plan = &schedule.plan;
        let slack_ms = i64::try_from(plan.jitter_ms).unwrap_or(0);
        let calendar = plan.when.calendar()?;
        let Beginning { times, left_out, next_ms } = begin(&calendar, plan.missed, due_ms, now_ms, slack_ms);
        let mut step = Step {
            was_due_ms: Some(due_ms),
            due_ms: next_ms,
            next_ms: next_ms.map(|next_ms| next_ms + jitter_ms(plan)),
            left_out,
            ..Step::default()
        };
        for time in times {
            match trigger.submit(firing(schedule, &time.to_string())).await {
                Ok(job) => {
                    step.begun += 1;
                    (step.last_job, step.last_error) = (Some(job), None);
                }
                Err(TriggerError::Passing(why)) => return Ok(later(schedule, now_ms, why)),
                Err(error) => {
                    step.left_out += 1;
                    step.pause |= matches!(error, TriggerError::NoCaller(_));
                    step.last_error = Some(error.to_string());
                }
            }
            step.last_due_ms = Some(time);
        }
        Ok(step)
    }
}

/// The same times are tried again: those that were submitted already have their key.
fn later(schedule: &Schedule, now_ms: i64, why: String) -> Step {
    Step {
        was_due_ms: schedule.due_ms,
        due_ms: schedule.due_ms,
        next_ms: Some(now_ms + RETRY_AFTER_MS),
        last_error: Some(why),
        ..Step::default()
    }
}

fn firing(schedule: &Schedule, time: &str) -> Firing {
    Firing {
        schedule: schedule.id.clone(),
        caller: schedule.caller.clone(),
        tool: schedule.tool.clone(),
        arguments: schedule.arguments.clone(),
        options: schedule.options.clone(),
        key: format!("cron:{}:{time}", schedule.id),
    }
}

fn check(new: &NewSchedule) -> Result<(), EngineError> {
    check_name("the schedule's name", &new.name)?;
    check_name("the tool's name", &new.tool)?;
    check_jobs(&new.arguments, &new.options)
}

pub(super) fn check_name(what: &'static str, name: &str) -> Result<(), EngineError> {
    at_most(what, name.len(), NAME_BYTES_MAX)?;
    if name.trim().is_empty() {
        return Err(EngineError::Invalid { what, problem: "is empty; give one".into() });
    }
    Ok(())
}

pub(super) fn check_jobs(arguments: &RawValue, options: &RawValue) -> Result<(), EngineError> {
    at_most("the arguments", arguments.get().len(), ARGUMENTS_BYTES_MAX)?;
    at_most("the options", options.get().len(), ATTRIBUTES_BYTES_MAX)
}

pub(super) fn jitter_ms(plan: &Plan) -> i64 {
    let share = f64::from(rand::random::<u32>()) / f64::from(u32::MAX);
    #[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "at most an hour")]
    let ms = (plan.jitter_ms as f64 * share) as i64;
    ms
}

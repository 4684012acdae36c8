//! Schedules in the file.

use rusqlite::{Connection, OptionalExtension, Row as SqlRow, params};

use super::desk::Desk;
use super::read::raw;
use super::row::at_most_rows;
use crate::EngineError;
use crate::schedule::{NewPlan, Plan, Schedule, ScheduleChange, ScheduleRow, Step};

const DOING: &str = "write a schedule";
const READING: &str = "read the schedules";

/// How many schedules there may be.
const SCHEDULES_MAX: u64 = 10_000;
/// How many schedules one caller may have.
const SCHEDULES_EACH_MAX: u64 = 1_000;

/// The columns in the order that [`read`] wants them.
const COLUMNS: &str = "id, caller, name, tool, arguments, options, plan, paused, due, next_at, created, last_due, last_job, \
                       last_error, fired, missed";

impl Desk {
    /// Writes a new schedule. `false`: its caller has one of that name.
    pub(super) fn add_schedule(&mut self, row: &ScheduleRow) -> Result<bool, EngineError> {
        let count = |caller: Option<&str>| -> Result<u64, EngineError> {
            self.connection
                .query_row("SELECT count(*) FROM schedule WHERE ?1 IS NULL OR caller = ?1", [caller], |row| {
                    row.get::<_, i64>(0)
                })
                .map(i64::unsigned_abs)
                .map_err(EngineError::sql(DOING))
        };
        for (caller, count_max) in [(None, SCHEDULES_MAX), (Some(&*row.new.caller), SCHEDULES_EACH_MAX)] {
            if count(caller)? >= count_max {
                return Err(EngineError::TooMany { what: "schedules", count_max });
            }
        }
        let new = &row.new;
        self.connection
            .execute(
                "INSERT OR IGNORE INTO schedule VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 0, ?8, ?9, ?10, NULL, NULL, NULL, 0, 0)",
                params![
                    row.id,
                    &*new.caller,
                    new.name,
                    new.tool,
                    new.arguments.get(),
                    new.options.get(),
                    drawbridge_contract::raw(&new.plan).get(),
                    row.due_ms,
                    row.next_ms,
                    row.created_ms
                ],
            )
            .map(|written| written > 0)
            .map_err(EngineError::sql(DOING))
    }

    /// Writes what is different. `false`: its caller has another one of that name.
    fn update_schedule(
        &mut self,
        id: &str,
        change: &ScheduleChange,
        plan: Option<&NewPlan>,
    ) -> Result<bool, EngineError> {
        let text = plan.map(|plan| drawbridge_contract::raw(&plan.plan));
        let update = "UPDATE OR IGNORE schedule SET name = coalesce(?2, name), tool = coalesce(?3, tool), \
                      arguments = coalesce(?4, arguments), options = coalesce(?5, options), plan = coalesce(?6, plan), \
                      due = CASE WHEN ?6 IS NULL THEN due ELSE ?7 END, \
                      next_at = CASE WHEN ?6 IS NULL THEN next_at ELSE ?8 END WHERE id = ?1";
        self.connection
            .execute(
                update,
                params![
                    id,
                    change.name,
                    change.tool,
                    change.arguments.as_ref().map(|arguments| arguments.get()),
                    change.options.as_ref().map(|options| options.get()),
                    text.as_ref().map(|text| text.get()),
                    plan.and_then(|plan| plan.due_ms),
                    plan.and_then(|plan| plan.next_ms)
                ],
            )
            .map(|written| written > 0)
            .map_err(EngineError::sql(DOING))
    }

    /// What a turn made of a schedule. What comes next is written only if nobody planned it anew meanwhile.
    fn step_schedule(&mut self, id: &str, step: &Step) -> Result<(), EngineError> {
        self.connection
            .prepare_cached(
                "UPDATE schedule SET due = CASE WHEN due IS ?2 THEN ?3 ELSE due END, \
                 next_at = CASE WHEN due IS ?2 THEN ?4 ELSE next_at END, last_due = coalesce(?5, last_due), \
                 last_job = coalesce(?6, last_job), last_error = ?7, fired = fired + ?8, missed = missed + ?9, \
                 paused = paused OR ?10 WHERE id = ?1",
            )
            .and_then(|mut update| {
                update.execute(params![
                    id,
                    step.was_due_ms,
                    step.due_ms,
                    step.next_ms,
                    step.last_due_ms,
                    step.last_job,
                    step.last_error,
                    step.begun.cast_signed(),
                    step.left_out.cast_signed(),
                    step.pause
                ])
            })
            .map(drop)
            .map_err(EngineError::sql(DOING))
    }

    fn pause_schedule(
        &mut self,
        id: &str,
        paused: bool,
        due_ms: Option<i64>,
        next_ms: Option<i64>,
    ) -> Result<(), EngineError> {
        // What comes next is planned anew only if it was paused: resuming what runs changes nothing.
        let sql = "UPDATE schedule SET due = CASE WHEN paused THEN ?3 ELSE due END, \
                   next_at = CASE WHEN paused THEN ?4 ELSE next_at END, paused = ?2 WHERE id = ?1";
        self.connection
            .execute(sql, params![id, paused, due_ms, next_ms])
            .map(drop)
            .map_err(EngineError::sql(DOING))
    }

    fn remove_schedule(&mut self, id: &str) -> Result<(), EngineError> {
        let removed = self.connection.execute("DELETE FROM schedule WHERE id = ?1", [id]);
        removed.map(drop).map_err(EngineError::sql(DOING))
    }
}

/// For the schedules that use this engine's file.
impl super::Embedded {
    pub(crate) async fn schedule_add(&self, row: ScheduleRow) -> Result<bool, EngineError> {
        self.change(move |desk| desk.add_schedule(&row)).await
    }

    pub(crate) async fn schedule_update(
        &self,
        id: String,
        change: ScheduleChange,
        plan: Option<NewPlan>,
    ) -> Result<bool, EngineError> {
        self.change(move |desk| desk.update_schedule(&id, &change, plan.as_ref())).await
    }

    pub(crate) async fn schedule_step(&self, id: String, step: Step) -> Result<(), EngineError> {
        self.change(move |desk| desk.step_schedule(&id, &step)).await
    }

    pub(crate) async fn schedule_pause(
        &self,
        id: String,
        paused: bool,
        due_ms: Option<i64>,
        next_ms: Option<i64>,
    ) -> Result<(), EngineError> {
        self.change(move |desk| desk.pause_schedule(&id, paused, due_ms, next_ms)).await
    }

    pub(crate) async fn schedule_remove(&self, id: String) -> Result<(), EngineError> {
        self.change(move |desk| desk.remove_schedule(&id)).await
    }

    pub(crate) fn schedules(&self, caller: Option<&str>) -> Result<Vec<Schedule>, EngineError> {
        self.read(|connection| {
            let sql =
                format!("SELECT {COLUMNS} FROM schedule WHERE ?1 IS NULL OR caller = ?1 ORDER BY name, id");
            read_all(connection, &sql, params![caller])
        })
    }

    pub(crate) fn schedules_due(&self, now_ms: i64, count_max: usize) -> Result<Vec<Schedule>, EngineError> {
        self.read(|connection| {
            let sql = format!(
                "SELECT {COLUMNS} FROM schedule WHERE paused = 0 AND next_at IS NOT NULL AND next_at <= ?1 \
                 ORDER BY next_at LIMIT ?2"
            );
            read_all(connection, &sql, params![now_ms, at_most_rows(count_max)])
        })
    }

    /// When the next one is to be begun.
    pub(crate) fn schedules_next(&self) -> Result<Option<i64>, EngineError> {
        let sql =
            "SELECT next_at FROM schedule WHERE paused = 0 AND next_at IS NOT NULL ORDER BY next_at LIMIT 1";
        self.read(|connection| {
            connection.query_row(sql, (), |row| row.get(0)).optional().map_err(EngineError::sql(READING))
        })
    }
}

fn read_all(
    connection: &Connection,
    sql: &str,
    parameters: impl rusqlite::Params,
) -> Result<Vec<Schedule>, EngineError> {
    let rows = || -> rusqlite::Result<Vec<Result<Schedule, EngineError>>> {
        connection.prepare_cached(sql)?.query_map(parameters, read)?.collect()
    };
    rows().map_err(EngineError::sql(READING))?.into_iter().collect()
}

/// The outer error is the database's, the inner one is about what it holds.
fn read(row: &SqlRow<'_>) -> rusqlite::Result<Result<Schedule, EngineError>> {
    let (arguments, options, plan): (String, String, String) = (row.get(4)?, row.get(5)?, row.get(6)?);
    let count = |index| row.get::<_, i64>(index).map(i64::unsigned_abs);
    let (id, caller, name, tool) = (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?);
    let (paused, due_ms, next_ms, created_ms) = (row.get(7)?, row.get(8)?, row.get(9)?, row.get(10)?);
    let (last_due_ms, last_job, last_error) = (row.get(11)?, row.get(12)?, row.get(13)?);
    let (begun, left_out) = (count(14)?, count(15)?);
    let parsed = raw(arguments).and_then(|arguments| Ok((arguments, raw(options)?, read_plan(&plan)?)));
    Ok(parsed.map(|(arguments, options, plan)| Schedule {
        id,
        caller,
        name,
        tool,
        arguments,
        options,
        plan,
        paused,
        due_ms,
        next_ms,
        created_ms,
        last_due_ms,
        last_job,
        last_error,
        begun,
        left_out,
    }))
}

fn read_plan(text: &str) -> Result<Plan, EngineError> {
    serde_json::from_str(text).map_err(|error| EngineError::Damaged {
        problem: format!("a schedule's plan cannot be read ({error})"),
    })
}

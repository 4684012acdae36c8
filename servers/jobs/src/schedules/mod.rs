//! What is begun again and again: the server `schedules`.

mod add;
mod list;
mod next;
mod pause;
mod remove;
mod resume;
mod run;
mod show;
mod update;

use std::sync::Arc;

use drawbridge_contract::{Context, Example, ScheduleView, Schedules as Kept, Server, ToolError, bind};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ToolsAlone;
use crate::error::jobs_of;

/// The server `schedules`.
pub fn schedules() -> impl Server {
    let nothing = &Arc::new(());
    let tools = vec![
        bind::<_, add::Add>(nothing),
        bind::<_, list::List>(nothing),
        bind::<_, show::Show>(nothing),
        bind::<_, next::Next>(nothing),
        bind::<_, update::Update>(nothing),
        bind::<_, pause::Pause>(nothing),
        bind::<_, resume::Resume>(nothing),
        bind::<_, run::Run>(nothing),
        bind::<_, remove::Remove>(nothing),
    ];
    let instructions =
        "The schedules_ tools begin jobs at the times of a cron pattern, or again and again after a while.";
    ToolsAlone { name: "schedules", instructions, tools }
}

/// The schedules of this hub.
fn schedules_of(context: &Context) -> Result<Arc<dyn Kept>, ToolError> {
    jobs_of(context)?.schedules().ok_or_else(|| {
        ToolError::Failed("this hub keeps no schedules; `drawbridge serve` runs one that does".to_owned())
    })
}

/// The schedule that a tool is about.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Which {
    /// Its name, or its id.
    name: Box<str>,
}

/// One schedule, as the tools answer it.
#[derive(Serialize, JsonSchema)]
pub(crate) struct One {
    /// The schedule.
    schedule: ScheduleView,
}

/// A name that nobody gave.
const NO_SUCH_SCHEDULE: &[Example] = &[Example {
    says: "Asks for a schedule that is not there.",
    args: r#"{"name": "no-such-schedule"}"#,
    gives: "there is no schedule",
}];

/// Such as `Schedule backup (sync_run): next at 2026-11-21T03:00:00+01:00.`
fn line(schedule: &ScheduleView) -> String {
    let head = format!("Schedule {} ({})", schedule.name, schedule.tool);
    let problem =
        schedule.last_error.as_deref().map_or_else(String::new, |why| format!(" Last time: {why}."));
    match &schedule.next {
        _ if schedule.paused => format!("{head} is paused.{problem}"),
        Some(next) => format!("{head}: next at {next}.{problem}"),
        None => format!("{head} has no further time.{problem}"),
    }
}

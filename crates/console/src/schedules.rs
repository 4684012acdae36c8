//! `/api/console/schedules/preview`: when a schedule would come, before there is one. Schedules themselves are made and changed
//! by tools, as everywhere.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use drawbridge_contract::Timetable;
use serde::Deserialize;
use serde_json::json;

use crate::answer::answer;
use crate::body;
use crate::limits::TIMES_SHOWN;
use crate::problem::Problem;
use crate::shared::Shared;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Looked {
    when: Timetable,
}

/// The next times, on the clocks of the timetable's zone. What is wrong with it is the problem's detail.
pub(crate) async fn preview(
    State(console): State<Arc<Shared>>,
    request: Request,
) -> Result<Response, Problem> {
    let Looked { when } = body::json(request).await?;
    let times = console.program.next_times(&when, TIMES_SHOWN).map_err(Problem::invalid)?;
    Ok(answer(&json!({"times": times})))
}

//! `GET /api/jobs…`: which jobs there are, where they are, and what came of them.

use std::sync::Arc;

use axum::Extension;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use drawbridge_contract::{Caller, JobEnd, JobFilter, JobState, raw};
use http::StatusCode;
use serde::Deserialize;
use serde_json::json;

use super::looked_at;
use crate::problem::{Kind, Problem};
use crate::rest::{json, requests, tool_result};
use crate::web::Shared;

/// How many jobs a page holds, unless the client says otherwise.
const PAGE_DEFAULT: usize = 50;
/// How many lines of a log come at once, unless the client says otherwise.
const LINES_DEFAULT: usize = 200;

/// What a listing can be asked for.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Wanted {
    /// Several are separated by commas.
    state: Option<String>,
    tool: Option<Box<str>>,
    queue: Option<Box<str>>,
    caller: Option<Box<str>>,
    cursor: Option<String>,
    limit: Option<usize>,
}

/// Which lines of a log.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Lines {
    after: u64,
    limit: Option<usize>,
}

/// All jobs of the caller, newest first.
pub(crate) async fn list(
    State(web): State<Arc<Shared>>,
    Extension(caller): Extension<Arc<Caller>>,
    wanted: Result<Query<Wanted>, QueryRejection>,
) -> Response {
    let served = async {
        let Query(wanted) = wanted.map_err(|why| invalid(why.body_text()))?;
        let Wanted { state, tool, queue, caller: of, cursor, limit } = wanted;
        let filter = JobFilter { states: states(state.as_deref())?, queue, tool, caller: of };
        let jobs = looked_at(&web, &caller)?;
        let page = jobs.list(&caller, filter, cursor.as_deref(), limit.unwrap_or(PAGE_DEFAULT)).await?;
        Ok::<_, Problem>(json(StatusCode::OK, raw(&page).get().to_owned()))
    };
    served.await.unwrap_or_else(Problem::into_response)
}

fn states(words: Option<&str>) -> Result<Vec<JobState>, Problem> {
    let word = |word: &str| {
        let known = JobState::ALL.into_iter().find(|state| raw(state).get().trim_matches('"') == word);
        known.ok_or_else(|| invalid(format!("{word:?} is no state of a job, such as `running` or `dead`")))
    };
    words.map_or_else(|| Ok(Vec::new()), |words| words.split(',').map(word).collect())
}

/// One job.
pub(crate) async fn show(
    State(web): State<Arc<Shared>>,
    Extension(caller): Extension<Arc<Caller>>,
    Path(id): Path<String>,
) -> Response {
    let served = async {
        let job = looked_at(&web, &caller)?.get(&caller, &id).await?;
        let mut told = json!({ "job": job });
        if let Some(needed) = &job.needed {
            told["requests"] = requests(needed);
        }
        Ok::<_, Problem>(json(StatusCode::OK, told.to_string()))
    };
    served.await.unwrap_or_else(Problem::into_response)
}

/// What came of it: as the tool would have answered, or why it did not.
pub(crate) async fn result(
    State(web): State<Arc<Shared>>,
    Extension(caller): Extension<Arc<Caller>>,
    Path(id): Path<String>,
) -> Response {
    let served = async {
        match looked_at(&web, &caller)?.result(&caller, &id).await? {
            JobEnd::Answered(result) => Ok(json(StatusCode::OK, tool_result(&result))),
            JobEnd::Open(state) => {
                let why = "the job has not ended; /events tells when it has";
                Err(Problem::new(Kind::Conflict, why).and("state", json!(state)))
            }
            JobEnd::Failed { code, message } => {
                Err(Problem::new(Kind::Conflict, message).and("state", "failed").and("code", json!(code)))
            }
            JobEnd::Cancelled => {
                Err(Problem::new(Kind::Conflict, "the job was cancelled").and("state", "cancelled"))
            }
        }
    };
    served.await.unwrap_or_else(Problem::into_response)
}

/// The lines of its log.
pub(crate) async fn log(
    State(web): State<Arc<Shared>>,
    Extension(caller): Extension<Arc<Caller>>,
    Path(id): Path<String>,
    wanted: Result<Query<Lines>, QueryRejection>,
) -> Response {
    let served = async {
        let Query(Lines { after, limit }) = wanted.map_err(|why| invalid(why.body_text()))?;
        let jobs = looked_at(&web, &caller)?;
        let lines = jobs.lines(&caller, &id, after, limit.unwrap_or(LINES_DEFAULT)).await?;
        Ok::<_, Problem>(json(StatusCode::OK, json!({ "lines": lines }).to_string()))
    };
    served.await.unwrap_or_else(Problem::into_response)
}

fn invalid(why: String) -> Problem {
    Problem::new(Kind::InvalidRequest, why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_are_words_between_commas() {
        assert_eq!(states(None).unwrap(), []);
        assert_eq!(states(Some("running,dead")).unwrap(), [JobState::Running, JobState::Dead]);
        for bad in ["", "Running", "running,", "gone"] {
            assert!(states(Some(bad)).is_err(), "{bad:?}");
        }
    }
}

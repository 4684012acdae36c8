//! What the routes of jobs, schedules and webhooks share: each is the call of a tool through the door, with the tool's
//! rules and its record.

use std::sync::Arc;

use axum::response::Response;
use bytes::Bytes;
use drawbridge_contract::{Answer, Arguments, Call, Caller, Live, Outcome, Target, ToolResult, parse_strict};
use http::{HeaderMap, StatusCode};
use serde_json::{Map, Value};

use super::looked_at;
use crate::problem::{Kind, Problem};
use crate::rest::{json as respond, origin, tool_result};
use crate::web::Shared;

/// Calls a tool, and gives its result, which may be an error.
///
/// # Errors
/// Those of the door, and [`Kind::Unavailable`] where no jobs are kept.
pub(super) async fn ask(
    web: &Shared,
    caller: &Arc<Caller>,
    tool: &str,
    arguments: Value,
    headers: &HeaderMap,
) -> Result<ToolResult, Problem> {
    let Value::Object(arguments) = arguments else {
        return Err(Problem::new(Kind::InvalidRequest, "the body is not an object"));
    };
    looked_at(web, caller)?;
    let (target, arguments) = (Target::Tool(tool.into()), Arguments::from_map(arguments));
    let call = Call::new(caller.clone(), target, arguments, origin(headers)?);
    match web.handler.clone().call(call, Live::default()).await? {
        Outcome::Complete(Answer::Tool(result)) => Ok(result),
        Outcome::InputRequired(_) => Err(Problem::new(
            Kind::NeedsApproval,
            format!("the owner must approve this; call the tool {tool} to be asked"),
        )),
        _ => Err(Problem::new(Kind::Internal, "the tool gave no answer")),
    }
}

/// Calls a tool, and answers with what it gives to programs.
///
/// # Errors
/// Those of the door, and [`Kind::Conflict`] when the tool could not do it.
pub(super) async fn call(
    web: &Shared,
    caller: &Arc<Caller>,
    tool: &str,
    arguments: Value,
    headers: &HeaderMap,
) -> Result<Response, Problem> {
    let result = ask(web, caller, tool, arguments, headers).await?;
    if result.is_error {
        return Err(Problem::new(Kind::Conflict, result.content.plain_text()));
    }
    Ok(answer(StatusCode::OK, &result))
}

/// What a tool gives to programs, or all that it says.
pub(super) fn answer(status: StatusCode, result: &ToolResult) -> Response {
    let text = result.structured.as_ref().map(|structured| structured.get().to_owned());
    respond(status, text.unwrap_or_else(|| tool_result(result)))
}

/// A body as an object without members of the same name.
pub(super) fn object(body: &Bytes) -> Result<Map<String, Value>, Problem> {
    let invalid = |why: String| Problem::new(Kind::InvalidRequest, why);
    let text = std::str::from_utf8(body).map_err(|_| invalid("the body is not UTF-8".to_owned()))?;
    match parse_strict(text) {
        Ok(Value::Object(map)) => Ok(map),
        Ok(_) => Err(invalid("the body is not a JSON object".to_owned())),
        Err(error) => Err(invalid(error.to_string())),
    }
}

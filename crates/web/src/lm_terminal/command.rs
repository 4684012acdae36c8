//! `POST /terminal/cmd`.

use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use drawbridge_contract::{Caller, parse_strict};
use http::StatusCode;
use serde_json::{Value, json};

use super::door::{Door, Fault};
use super::tools::{DEFAULT_TIMEOUT, RUN, Ran, TIMEOUT_MAX, run};
use crate::problem::Problem;
use crate::rest;
use crate::web::Shared;

/// What the old answer says instead of an exit code when there is none: stopped at its time, or ended by a signal.
const NO_EXIT_CODE: i32 = -1;

/// Runs one command and waits for its end.
pub(crate) async fn command(
    State(web): State<Arc<Shared>>,
    Extension(caller): Extension<Arc<Caller>>,
    request: Request,
) -> Response {
    let served = async {
        let received = rest::json_body(request).await?;
        let asked = match Asked::read(&received.body) {
            Ok(asked) => asked,
            Err(invalid) => return Ok(invalid.into_response()),
        };
        let door = Door { handler: web.handler.clone(), caller, origin: rest::origin(&received.headers)? };
        match door.call::<Ran>(RUN, run(&asked.cmd, asked.timeout)).await {
            Ok(ran) => Ok(rest::json(StatusCode::OK, old_words(&asked, &ran).to_string())),
            Err(Fault::Refused(refusal)) => Err(Problem::from(refusal)),
            Err(Fault::Failed(why)) => Ok(failed(&why)),
        }
    };
    served.await.unwrap_or_else(Problem::into_response)
}

/// The body of the request.
struct Asked {
    cmd: String,
    timeout: Duration,
}

impl Asked {
    fn read(body: &[u8]) -> Result<Self, Invalid> {
        let text = std::str::from_utf8(body).map_err(|error| Invalid::json(error.to_string()))?;
        let value = parse_strict(text).map_err(|error| Invalid::json(error.to_string()))?;
        let cmd = match &value["cmd"] {
            Value::String(cmd) => cmd.clone(),
            Value::Null => return Err(Invalid::field("missing", "cmd", "Field required", &value)),
            other => {
                return Err(Invalid::field("string_type", "cmd", "Input should be a valid string", other));
            }
        };
        let timeout = match &value["timeout"] {
            Value::Null => DEFAULT_TIMEOUT,
            seconds => match seconds.as_u64() {
                Some(0) => DEFAULT_TIMEOUT,
                Some(seconds) => Duration::from_secs(seconds).min(TIMEOUT_MAX),
                None => {
                    let why = "Input should be a whole number of seconds, 0 or more";
                    return Err(Invalid::field("int_type", "timeout", why, seconds));
                }
            },
        };
        Ok(Self { cmd, timeout })
    }
}

/// A body that is not as it should be, in the old form: 422 and a list of places.
#[derive(Debug)]
struct Invalid {
    kind: &'static str,
    place: Vec<&'static str>,
    why: String,
    input: Value,
}

impl Invalid {
    fn json(why: String) -> Self {
        Self { kind: "json_invalid", place: vec!["body"], why, input: json!({}) }
    }

    fn field(kind: &'static str, name: &'static str, why: &str, input: &Value) -> Self {
        Self { kind, place: vec!["body", name], why: why.to_owned(), input: input.clone() }
    }
}

impl IntoResponse for Invalid {
    fn into_response(self) -> Response {
        let Self { kind, place, why, input } = self;
        let body = json!({ "detail": [{ "type": kind, "loc": place, "msg": why, "input": input }] });
        rest::json(StatusCode::UNPROCESSABLE_ENTITY, body.to_string())
    }
}

/// The old form of "it could not be run".
fn failed(why: &str) -> Response {
    rest::json(
        StatusCode::INTERNAL_SERVER_ERROR,
        json!({ "detail": format!("Terminal error: {why}") }).to_string(),
    )
}

fn old_words(asked: &Asked, ran: &Ran) -> Value {
    let exit_code = ran.exit_code.filter(|_| !ran.timed_out).unwrap_or(NO_EXIT_CODE);
    let said = ran.stderr.trim();
    let stderr = if ran.timed_out {
        format!("[TIMEOUT] the command was stopped after {} s\n{said}", asked.timeout.as_secs())
    } else {
        said.to_owned()
    };
    json!({
        "success": ran.success,
        "command": asked.cmd,
        "stdout": ran.stdout.trim(),
        "stderr": stderr.trim_end(),
        "exit_code": exit_code,
        "execution_time": ran.duration_ms / 1000.0,
    })
}

/// The answer, for the OpenAPI document.
pub(crate) fn schema() -> Value {
    let text = json!({ "type": "string" });
    json!({
        "type": "object",
        "properties": {
            "success": { "type": "boolean", "description": "Whether it ended by itself with exit code 0." },
            "command": text,
            "stdout": text,
            "stderr": text,
            "exit_code": { "type": "integer", "description": "-1 when it was stopped." },
            "execution_time": { "type": "number", "description": "In seconds." },
        },
        "required": ["success", "command", "stdout", "stderr", "exit_code", "execution_time"],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_needs_its_text_and_knows_its_time() {
        let read = |text: &str| Asked::read(text.as_bytes());
        assert_eq!(read(r#"{"cmd": "ls"}"#).unwrap().timeout, DEFAULT_TIMEOUT);
        assert_eq!(read(r#"{"cmd": "ls", "timeout": 0}"#).unwrap().timeout, DEFAULT_TIMEOUT);
        assert_eq!(read(r#"{"cmd": "ls", "timeout": 3}"#).unwrap().timeout, Duration::from_secs(3));
        for (seconds, expected) in [(599, 599), (600, 600), (601, 600), (u64::MAX, 600)] {
            let asked = read(&format!(r#"{{"cmd": "ls", "timeout": {seconds}}}"#)).unwrap();
            assert_eq!(asked.timeout.as_secs(), expected);
        }
        for (bad, kind) in [
            ("{}", "missing"),
            ("[]", "missing"),
            ("{", "json_invalid"),
            (r#"{"cmd": 1}"#, "string_type"),
            (r#"{"cmd": "a", "cmd": "b"}"#, "json_invalid"),
            (r#"{"cmd": "ls", "timeout": -1}"#, "int_type"),
            (r#"{"cmd": "ls", "timeout": 1.5}"#, "int_type"),
        ] {
            assert_eq!(read(bad).err().unwrap().kind, kind, "{bad}");
        }
    }

    #[test]
    fn success_tells_the_truth() {
        let asked = Asked { cmd: "x".to_owned(), timeout: Duration::from_secs(1) };
        let said = |exit_code, timed_out| {
            let (stdout, stderr, success) = ("out\n".into(), "e\n".into(), exit_code == Some(0));
            let ran = Ran { success, stdout, stderr, exit_code, timed_out, duration_ms: 1500.0 };
            old_words(&asked, &ran)
        };
        assert_eq!(
            said(Some(0), false),
            json!({"success": true, "command": "x", "stdout": "out", "stderr": "e", "exit_code": 0, "execution_time": 1.5})
        );
        assert_eq!(
            (&said(Some(3), false)["success"], &said(Some(3), false)["exit_code"]),
            (&json!(false), &json!(3))
        );
        assert_eq!(said(None, false)["exit_code"], -1);
        let late = said(None, true);
        assert_eq!((&late["success"], &late["exit_code"]), (&json!(false), &json!(-1)));
        assert!(late["stderr"].as_str().unwrap().starts_with("[TIMEOUT]"));
    }
}

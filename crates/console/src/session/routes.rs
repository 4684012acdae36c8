//! `/api/console/session`: sign in, look, sign out.

use std::sync::Arc;

use axum::extract::{Extension, Request, State};
use axum::response::{IntoResponse, Response};
use drawbridge_contract::{SESSION_COOKIE, Session};
use http::header::{CACHE_CONTROL, ORIGIN, SET_COOKIE};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::link;
use crate::answer::answer;
use crate::body;
use crate::limits::{ATTEMPT_FAILED, SECRET_BYTES_MAX, SESSION_IDLE_US, SESSION_LASTS_US};
use crate::problem::Problem;
use crate::shared::Shared;

/// What a person brings.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Brought {
    /// The secret of a link of `drawbridge console`.
    Link(String),
    /// The owner's key.
    Key(String),
}

/// Signs in. The session is always a new one: what cookie the browser had before does not matter.
pub(crate) async fn sign_in(
    State(console): State<Arc<Shared>>,
    request: Request,
) -> Result<Response, Problem> {
    let is_https = is_https(request.headers());
    let brought = body::json::<Brought>(request).await?;
    let attempt = console.attempts.try_acquire();
    let attempt =
        attempt.map_err(|_| Problem::too_often("too many try to sign in at this moment: try again"))?;
    if let Err(problem) = check(&console, &brought).await {
        tracing::warn!("somebody could not sign in at the console");
        tokio::time::sleep(ATTEMPT_FAILED).await;
        return Err(problem);
    }
    drop(attempt);
    let begun = console.sessions.begin().await?;
    let mut response = answer(&described(begun.expires_us));
    response.headers_mut().insert(SET_COOKIE, cookie(&begun.secret, SESSION_LASTS_US / 1_000_000, is_https)?);
    Ok(response)
}

async fn check(console: &Shared, brought: &Brought) -> Result<(), Problem> {
    let (Brought::Link(secret) | Brought::Key(secret)) = brought;
    if secret.len() > SECRET_BYTES_MAX {
        return Err(Problem::unknown("that is no link and no key of ours"));
    }
    match brought {
        Brought::Link(link) if link::redeem(&console.store, link).await? => Ok(()),
        Brought::Link(_) => Err(Problem::unknown(
            "this link was used or is older than two minutes: `drawbridge console` makes another",
        )),
        Brought::Key(key) => match console.sessions.is_owner_key(key.trim())? {
            Some(true) => Ok(()),
            Some(false) => {
                Err(Problem::denied("the console is the owner's alone, and this is another caller's key"))
            }
            None => Err(Problem::unknown("this key is not valid: it may be mistyped, revoked or expired")),
        },
    }
}

/// Who is signed in, and until when.
pub(crate) async fn show(
    State(console): State<Arc<Shared>>,
    Extension(session): Extension<Session>,
) -> Result<Response, Problem> {
    let expires_us = console.sessions.expires_us(&session);
    let expires_us = expires_us.ok_or_else(|| Problem::unknown("this session has ended: sign in again"))?;
    Ok(answer(&described(expires_us)))
}

/// Signs out: the session opens nothing any more, and the browser forgets it.
pub(crate) async fn sign_out(
    State(console): State<Arc<Shared>>,
    Extension(session): Extension<Session>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    console.sessions.end(&session).await?;
    let mut response = StatusCode::NO_CONTENT.into_response();
    response.headers_mut().insert(SET_COOKIE, cookie("", 0, is_https(&headers))?);
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

fn described(expires_us: i64) -> Value {
    json!({
        "caller": {"id": "owner", "kind": "owner"}, "expires_at_ms": expires_us / 1000,
        "idle_ms": SESSION_IDLE_US / 1000,
    })
}

/// Whether the page came over TLS, which something in front of us ended. The guard has checked the header.
fn is_https(headers: &HeaderMap) -> bool {
    headers.get(ORIGIN).is_some_and(|origin| origin.as_bytes().starts_with(b"https://"))
}

/// RFC 6265, section 4.1, and `SameSite` of its successor.
fn cookie(value: &str, seconds_max: i64, is_https: bool) -> Result<HeaderValue, Problem> {
    let secure = if is_https { "; Secure" } else { "" };
    let text =
        format!("{SESSION_COOKIE}={value}; Path=/; Max-Age={seconds_max}; HttpOnly; SameSite=Strict{secure}");
    HeaderValue::from_str(&text).map_err(|_| Problem::internal("the session's secret is no header"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_for_no_script_and_no_other_site() {
        let text = |is_https| cookie("abc", 60, is_https).unwrap().to_str().unwrap().to_owned();
        assert_eq!(text(false), "drawbridge_console=abc; Path=/; Max-Age=60; HttpOnly; SameSite=Strict");
        assert!(text(true).ends_with("; Secure"));
    }

    #[test]
    fn a_link_or_a_key_and_nothing_else_is_brought() {
        let read = |text: &str| serde_json::from_str::<Brought>(text).is_ok();
        assert!(read(r#"{"link": "a"}"#) && read(r#"{"key": "a"}"#));
        for bad in [r#"{"link": "a", "key": "b"}"#, "{}", r#"{"link": 1}"#, r#"{"password": "a"}"#] {
            assert!(!read(bad), "{bad}");
        }
    }
}

//! WebSocket `/terminal/stream`: one command line in each text frame, answers as JSON.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::extract::ws::WebSocket;
use axum::response::{IntoResponse, Response};
use drawbridge_contract::{CancellationToken, Target};
use futures::StreamExt as _;
use http::HeaderMap;
use serde_json::json;

use super::door::{Door, Fault};
use super::lines::Lines;
use super::shell::{Shell, Shown};
use super::tools::OPEN;
use crate::problem::Problem;
use crate::rest;
use crate::stream::{End, Opening, Right, say_goodbye};
use crate::web::Shared;

/// For pages in browsers, which must be answered with one of the protocols that they offer.
const PROTOCOL: &str = "drawbridge.lines.v1";

/// How long a line waits for the answer to the one before it. After that it is an input of the command that still runs.
const PATIENCE: Duration = Duration::from_secs(1);

/// Words that end the session.
const FAREWELLS: [&str; 3] = ["exit", "quit", "bye"];

/// Opens a shell of its own for whoever comes.
pub(crate) async fn stream(
    State(web): State<Arc<Shared>>,
    opening: Result<Opening, Problem>,
    headers: HeaderMap,
) -> Response {
    let opened = async {
        let opening = opening?;
        let (handler, caller) = (web.handler.clone(), opening.credential.caller.clone());
        let door = Door { handler: handler.clone(), caller, origin: rest::origin(&headers)? };
        let right =
            Right { handler, credential: opening.credential.clone(), target: Target::Tool(OPEN.into()) };
        let shutdown = web.shutdown.clone();
        Ok(opening.upgrade(PROTOCOL, move |socket| serve(socket, door, right, shutdown)))
    };
    opened.await.unwrap_or_else(Problem::into_response)
}

async fn serve(socket: WebSocket, door: Door, right: Right, shutdown: CancellationToken) {
    let (viewer, frames) = socket.split();
    let mut lines = Lines::new(viewer, frames);
    let mut shell = None;
    let end = tokio::select! {
        biased;
        () = shutdown.cancelled() => End::GoingAway,
        end = right.ended() => end,
        end = converse(&mut lines, door, &mut shell) => end,
    };
    if let End::Failed(why) | End::KeyGone(why) | End::NotAllowed(why) = &end {
        // One who is gone hears nothing; there is nobody else to tell.
        let _ = lines.tell(&json!({ "type": "error", "message": why })).await;
    }
    if let Some(shell) = shell {
        shell.close().await;
    }
    say_goodbye(lines.viewer, lines.frames, &end).await;
}

/// Talks until one of both has had enough. The shell is left in `shell`, to be closed.
async fn converse(lines: &mut Lines, door: Door, shell: &mut Option<Shell>) -> End {
    let Err(Stop(end)) = talk(lines, door, shell).await;
    if end == End::Over {
        let _ = lines.tell(&json!({ "type": "info", "message": "The terminal session is closed" })).await;
    }
    end
}

async fn talk(lines: &mut Lines, door: Door, shell: &mut Option<Shell>) -> Result<Infallible, Stop> {
    let shell = shell.insert(Shell::open(door).await?);
    lines.tell(&json!({ "type": "connected", "message": "The terminal session is open" })).await?;
    let mut held = None;
    loop {
        let line = tokio::select! {
            biased;
            shown = shell.output() => {
                tell(lines, shown?).await?;
                held.take_if(|_| !shell.may_answer_soon())
            }
            line = lines.next(), if held.is_none() => Some(line?).filter(|line| !hold(line, shell, &mut held)),
            () = tokio::time::sleep(PATIENCE), if held.is_some() => held.take(),
        };
        if let Some(line) = line
            && let Some(shown) = enter(shell, &line).await?
        {
            tell(lines, shown).await?;
        }
    }
}

/// Keeps a line back that came while the one before it is still being answered.
fn hold(line: &str, shell: &Shell, held: &mut Option<String>) -> bool {
    let waits = shell.may_answer_soon();
    *held = waits.then(|| line.to_owned());
    waits
}

async fn enter(shell: &mut Shell, line: &str) -> Result<Option<Shown>, Stop> {
    if FAREWELLS.contains(&line.trim().to_lowercase().as_str()) {
        return Err(Stop(End::Over));
    }
    Ok(shell.enter(line.trim_end_matches(['\r', '\n'])).await?)
}

async fn tell(lines: &mut Lines, shown: Shown) -> Result<(), Stop> {
    lines.tell(&json!({ "type": "output", "command": shown.line, "result": shown.output })).await?;
    if shown.is_last { Err(Stop(End::Over)) } else { Ok(()) }
}

/// Why talking stops.
struct Stop(End);

impl From<End> for Stop {
    fn from(end: End) -> Self {
        Self(end)
    }
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self(End::Failed(fault.to_string()))
    }
}

//! Live streams over WebSocket (RFC 6455): a terminal's bytes, both ways, for as long as somebody looks.
//!
//! The door is asked once, before the upgrade, so that a refusal is an HTTP answer like any other. Whether the right
//! still holds is asked again every second for as long as the stream is open.

mod end;
mod message;
mod open;
mod pump;
mod right;

use std::sync::Arc;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use drawbridge_contract::{
    Answer, Arguments, Call, Caller, Live, Origin, Outcome, Refusal, StreamHandle, StreamMode, Target,
};
use http::HeaderMap;
use serde::Deserialize;
use serde_json::{Map, Value};

pub(crate) use end::{End, cut};
pub(crate) use open::Opening;
pub(crate) use pump::{Frames, Viewer, say_goodbye};
pub(crate) use right::Right;

use crate::problem::{Kind, Problem};
use crate::rest::origin;
use crate::web::Shared;

/// The streams of one server, and the protocol that viewers speak.
struct StreamsOf {
    /// The server's name in the catalog.
    server: &'static str,
    /// What a viewer names in `Sec-WebSocket-Protocol`.
    protocol: &'static str,
}

const TERMINALS: StreamsOf = StreamsOf { server: "terminal", protocol: "drawbridge.terminal.v1" };

/// `GET /api/terminals/{id}/stream`.
pub(crate) async fn terminal(
    State(web): State<Arc<Shared>>,
    Path(id): Path<String>,
    asked: Result<Query<Asked>, QueryRejection>,
    opening: Result<Opening, Problem>,
    headers: HeaderMap,
) -> Response {
    join(&TERMINALS, &web, id, asked, opening, &headers).await.unwrap_or_else(Problem::into_response)
}

/// What a viewer wants.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Asked {
    #[serde(default)]
    mode: Mode,
}

#[derive(Default, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Mode {
    Watch,
    #[default]
    Type,
}

impl Mode {
    fn word(self) -> &'static str {
        match self {
            Self::Watch => "watch",
            Self::Type => "type",
        }
    }
}

impl From<Mode> for StreamMode {
    fn from(mode: Mode) -> Self {
        match mode {
            Mode::Watch => Self::Watch,
            Mode::Type => Self::Type,
        }
    }
}

async fn join(
    of: &StreamsOf,
    web: &Arc<Shared>,
    id: String,
    asked: Result<Query<Asked>, QueryRejection>,
    opening: Result<Opening, Problem>,
    headers: &HeaderMap,
) -> Result<Response, Problem> {
    let Query(Asked { mode }) = asked.map_err(|_| {
        Problem::new(Kind::InvalidRequest, "`mode` is `watch` or `type`, and there is nothing else to ask")
    })?;
    let opening = opening?;
    let target = Target::Stream { server: of.server.into(), id: id.into(), mode: mode.into() };
    let handle = reach(web, &opening.credential.caller, &target, mode, origin(headers)?).await?;
    let right = Right { handler: web.handler.clone(), credential: opening.credential.clone(), target };
    let shutdown = web.shutdown.clone();
    Ok(opening.upgrade(of.protocol, move |socket| pump::run(socket, handle.0.attach(), right, shutdown)))
}

/// Asks the door for a stream. The mode is an argument too, so that an approval to look is none to type.
async fn reach(
    web: &Arc<Shared>,
    caller: &Arc<Caller>,
    target: &Target,
    mode: Mode,
    origin: Origin,
) -> Result<StreamHandle, Problem> {
    let arguments: Map<String, Value> = [("mode".to_owned(), mode.word().into())].into_iter().collect();
    let call = Call::new(caller.clone(), target.clone(), Arguments::from_map(arguments), origin);
    match web.handler.clone().call(call, Live::default()).await? {
        Outcome::Complete(Answer::Stream(handle)) => Ok(handle),
        Outcome::InputRequired(_) => Err(needs_approval(target)),
        _ => Err(Refusal::Internal("stream".into()).into()),
    }
}

/// A WebSocket has no way to answer in the middle of its handshake.
fn needs_approval(target: &Target) -> Problem {
    let why = format!(
        "the owner must approve {target} first: `drawbridge approvals list` shows the question; then open the stream again"
    );
    Problem::new(Kind::NeedsApproval, why)
}

impl axum::extract::FromRequestParts<Arc<Shared>> for Opening {
    type Rejection = Problem;

    async fn from_request_parts(
        parts: &mut http::request::Parts,
        web: &Arc<Shared>,
    ) -> Result<Self, Problem> {
        Self::prepare(parts, web).await
    }
}

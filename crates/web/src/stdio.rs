//! `GET /mcp/stdio`: the connection becomes a pipe that carries what a host says and hears on standard input and output.
//!
//! For `drawbridge stdio`, which hands its host on to the running hub. What is spoken in the pipe is not known here. The
//! key is asked for before the pipe opens, and again every second for as long as it is open.

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::response::IntoResponse;
use axum::routing::get;
use drawbridge_contract::{Caller, CancellationToken};
use http::header::{CONNECTION, UPGRADE};
use http::{HeaderMap, StatusCode};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::credential::Credential;
use crate::limits::{PIPES_MAX, RECHECK_EVERY};
use crate::problem::{Kind, Problem};

/// Where a pipe is opened.
pub const STDIO_PATH: &str = "/mcp/stdio";
/// What a client names in `Upgrade`, and in what follows it speaks.
pub const STDIO_PROTOCOL: &str = "drawbridge-stdio";

/// An open pipe.
pub type Pipe = TokioIo<Upgraded>;

/// The route, to be put among the entrances of [`routes()`](crate::routes()). `serve` serves the caller at the other end of a
/// pipe until that ends, or the token is cancelled: when the key is gone, or with `shutdown`.
pub fn stdio<S, F>(shutdown: CancellationToken, serve: S) -> Router
where
    S: Fn(Arc<Caller>, Pipe, CancellationToken) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    let permits = Arc::new(Semaphore::new(PIPES_MAX));
    let open = move |request: Request| {
        let opening = Opening::of(request, &permits);
        let (serve, end) = (serve.clone(), shutdown.child_token());
        async move {
            match opening {
                Ok(opening) => {
                    tokio::spawn(opening.run(serve, end));
                    let headers = [(CONNECTION, "upgrade"), (UPGRADE, STDIO_PROTOCOL)];
                    (StatusCode::SWITCHING_PROTOCOLS, headers).into_response()
                }
                Err(problem) => problem.into_response(),
            }
        }
    };
    Router::new().route(STDIO_PATH, get(open))
}

/// Whether a request wants to become a pipe.
pub(crate) fn is_pipe(headers: &HeaderMap) -> bool {
    headers.get(UPGRADE).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(STDIO_PROTOCOL.as_bytes()))
}

/// A pipe that opens as soon as its request is answered.
struct Opening {
    pipe: OnUpgrade,
    credential: Credential,
    /// Held for as long as the pipe is open.
    permit: OwnedSemaphorePermit,
}

impl Opening {
    fn of(mut request: Request, permits: &Arc<Semaphore>) -> Result<Self, Problem> {
        let asks = is_pipe(request.headers());
        let extensions = request.extensions_mut();
        let (pipe, credential) = (extensions.remove::<OnUpgrade>(), extensions.remove::<Credential>());
        match (pipe, credential) {
            (Some(pipe), Some(credential)) if asks => {
                let permit = permits.clone().try_acquire_owned().map_err(|_| too_many())?;
                Ok(Self { pipe, credential, permit })
            }
            _ => Err(no_pipe()),
        }
    }

    async fn run<S, F>(self, serve: S, end: CancellationToken)
    where
        S: Fn(Arc<Caller>, Pipe, CancellationToken) -> F,
        F: Future<Output = ()>,
    {
        let Self { pipe, credential, permit } = self;
        let pipe = match pipe.await {
            Ok(pipe) => TokioIo::new(pipe),
            Err(error) => return tracing::debug!(%error, "a pipe did not open"),
        };
        let serving = serve(credential.caller.clone(), pipe, end.clone());
        tokio::pin!(serving);
        tokio::select! {
            () = &mut serving => {}
            () = gone(&credential) => {
                tracing::info!(caller = %credential.caller.id, "the key of a pipe is gone: it ends");
                end.cancel();
                serving.await;
            }
        }
        drop(permit);
    }
}

fn no_pipe() -> Problem {
    let why = format!(
        "this is for `drawbridge stdio`, by HTTP/1.1 with `Upgrade: {STDIO_PROTOCOL}`; MCP is at /mcp"
    );
    Problem::new(Kind::InvalidRequest, why)
}

fn too_many() -> Problem {
    let why = format!("{PIPES_MAX} hosts are connected by stdio, which is the limit: end one and try again");
    Problem::new(Kind::Unavailable, why)
}

/// Waits until the key is good no more.
async fn gone(credential: &Credential) {
    let mut again = tokio::time::interval(RECHECK_EVERY);
    loop {
        again.tick().await;
        if credential.still_holds().is_err() {
            return;
        }
    }
}

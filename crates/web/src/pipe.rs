//! Connections that become pipes, for other processes of this program: `GET /mcp/stdio` carries what a host says and hears
//! on standard input and output, for `drawbridge stdio`, which hands its host on to the running hub; `GET /api/worker`
//! carries jobs, for `drawbridge worker`, and is the owner's alone, because it runs jobs of everybody.
//!
//! What is spoken in a pipe is not known here. The key is asked for before it opens, and again every second for as long
//! as it is open.

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
use crate::limits::{PIPES_MAX, RECHECK_EVERY, WORKERS_MAX};
use crate::problem::{Kind, Problem};

/// Where `drawbridge stdio` opens its pipe.
pub const STDIO_PATH: &str = STDIO.path;
/// What it names in `Upgrade`, and in what follows it speaks.
pub const STDIO_PROTOCOL: &str = STDIO.protocol;
/// Where `drawbridge worker` opens its pipe.
pub const WORKER_PATH: &str = WORKER.path;
/// What it names in `Upgrade`, and in what follows it speaks.
pub const WORKER_PROTOCOL: &str = WORKER.protocol;

/// An open pipe.
pub type Pipe = TokioIo<Upgraded>;

/// One kind of pipe.
#[derive(Clone, Copy)]
struct PipeKind {
    path: &'static str,
    protocol: &'static str,
    /// The command that opens it.
    command: &'static str,
    /// How many may be open.
    count_max: usize,
    /// Nobody else may open it.
    owner_only: bool,
}

const STDIO: PipeKind = PipeKind {
    path: "/mcp/stdio",
    protocol: "drawbridge-stdio",
    command: "drawbridge stdio",
    count_max: PIPES_MAX,
    owner_only: false,
};

const WORKER: PipeKind = PipeKind {
    path: "/api/worker",
    protocol: "drawbridge-worker",
    command: "drawbridge worker",
    count_max: WORKERS_MAX,
    owner_only: true,
};

/// The route for hosts, to be put among the entrances of [`routes()`](crate::routes()). `serve` serves the caller at the
/// other end of a pipe until that ends, or the token is cancelled: when the key is gone, or with `shutdown`.
pub fn stdio<S, F>(shutdown: CancellationToken, serve: S) -> Router
where
    S: Fn(Arc<Caller>, Pipe, CancellationToken) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    pipes(STDIO, shutdown, serve)
}

/// The route for workers of the hub's jobs, in the same way. Only the owner gets through.
pub fn worker<S, F>(shutdown: CancellationToken, serve: S) -> Router
where
    S: Fn(Arc<Caller>, Pipe, CancellationToken) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    pipes(WORKER, shutdown, serve)
}

fn pipes<S, F>(kind: PipeKind, shutdown: CancellationToken, serve: S) -> Router
where
    S: Fn(Arc<Caller>, Pipe, CancellationToken) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    let permits = Arc::new(Semaphore::new(kind.count_max));
    let open = move |request: Request| {
        let opening = Opening::of(kind, request, &permits);
        let (serve, end) = (serve.clone(), shutdown.child_token());
        async move {
            match opening {
                Ok(opening) => {
                    tokio::spawn(opening.run(serve, end));
                    let headers = [(CONNECTION, "upgrade"), (UPGRADE, kind.protocol)];
                    (StatusCode::SWITCHING_PROTOCOLS, headers).into_response()
                }
                Err(problem) => problem.into_response(),
            }
        }
    };
    Router::new().route(kind.path, get(open))
}

/// Whether a request wants to become a pipe.
pub(crate) fn is_pipe(headers: &HeaderMap) -> bool {
    names(headers, STDIO.protocol) || names(headers, WORKER.protocol)
}

fn names(headers: &HeaderMap, protocol: &str) -> bool {
    headers.get(UPGRADE).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(protocol.as_bytes()))
}

/// A pipe that opens as soon as its request is answered.
struct Opening {
    pipe: OnUpgrade,
    credential: Credential,
    /// Held for as long as the pipe is open.
    permit: OwnedSemaphorePermit,
}

impl Opening {
    fn of(kind: PipeKind, mut request: Request, permits: &Arc<Semaphore>) -> Result<Self, Problem> {
        let asks = names(request.headers(), kind.protocol);
        let extensions = request.extensions_mut();
        let (pipe, credential) = (extensions.remove::<OnUpgrade>(), extensions.remove::<Credential>());
        match (pipe, credential) {
            (Some(pipe), Some(credential)) if asks => {
                if kind.owner_only && !credential.caller.is_owner() {
                    let why = format!("only the owner opens this: it is for `{}`", kind.command);
                    return Err(Problem::new(Kind::Denied, why));
                }
                let permit = permits.clone().try_acquire_owned().map_err(|_| too_many(kind))?;
                Ok(Self { pipe, credential, permit })
            }
            _ => Err(no_pipe(kind)),
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

fn no_pipe(kind: PipeKind) -> Problem {
    let PipeKind { command, protocol, .. } = kind;
    let why = format!("this is for `{command}`, by HTTP/1.1 with `Upgrade: {protocol}`; MCP is at /mcp");
    Problem::new(Kind::InvalidRequest, why)
}

fn too_many(kind: PipeKind) -> Problem {
    let PipeKind { command, count_max, .. } = kind;
    let why =
        format!("{count_max} times `{command}` is connected, which is the limit: end one and try again");
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

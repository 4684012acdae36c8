//! What the listener hands requests to: the routes, and a short way for the requests that come most.

use std::convert::Infallible;
use std::sync::Arc;

use axum::Router;
use axum::response::Response;
use drawbridge_contract::{BoxFuture, Caller, CancellationToken, Handler};
use futures::future::{Either, ready};
use http::header::{AUTHORIZATION, UPGRADE};
use http::{HeaderMap, Method, Request};
use hyper::body::Incoming;
use hyper::service::Service;
use hyper_util::service::{TowerToHyperService, TowerToHyperServiceFuture};

use crate::credential::X_API_KEY;
use crate::exchange::{self, Entrance, Paths};
use crate::guard::{Guard, refuse};

type Answer = BoxFuture<'static, Result<Response, Infallible>>;

/// All that the listener serves.
#[derive(Clone)]
pub struct Front {
    routes: TowerToHyperService<Router>,
    shorts: Arc<[Arc<Short>]>,
}

/// The way of a POST to one path, past the router but not past the guard.
struct Short {
    guard: Guard,
    path: &'static str,
    /// Whether a request without a key goes to the routes, which alone know the sessions of browsers.
    needs_key: bool,
    post: Box<dyn Fn(Arc<Caller>, Request<Incoming>) -> Answer + Send + Sync>,
}

impl From<Router> for Front {
    fn from(routes: Router) -> Self {
        Self { routes: TowerToHyperService::new(routes), shorts: Arc::default() }
    }
}

impl Front {
    /// Answers what is posted to `path` with `post` once `guard` has let it in; `routes` answer everything else.
    ///
    /// A router looks up, boxes and copies more for one request than the door does for the call in it.
    pub fn with_post<F>(
        self,
        guard: Guard,
        path: &'static str,
        post: impl Fn(Arc<Caller>, Request<Incoming>) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Response> + Send + 'static,
    {
        let post = Box::new(move |caller, request| -> Answer {
            let answer = post(caller, request);
            Box::pin(async { Ok(answer.await) })
        });
        self.with([Short { guard, path, needs_key: false, post }])
    }

    /// Answers what is posted to the routes of servers that answer in other protocols, once `guard` has let it in; what
    /// brings no key still goes to the routes. `shutdown` is cancelled when the hub ends.
    pub fn with_exchanges(
        self,
        guard: Guard,
        handler: &Arc<dyn Handler>,
        shutdown: &CancellationToken,
    ) -> Self {
        let guard = guard.taking_api_keys_at(Paths::of(handler));
        let entrance = Entrance { handler: handler.clone(), shutdown: shutdown.clone() };
        let shorts: Vec<Short> = exchange::posts(handler)
            .map(|(path, mount)| {
                let entrance = entrance.clone();
                let post = Box::new(move |caller, request| -> Answer {
                    let (mount, entrance) = (mount.clone(), entrance.clone());
                    Box::pin(async move { Ok(mount.answer(&entrance, caller, request).await) })
                });
                Short { guard: guard.clone(), path, needs_key: true, post }
            })
            .collect();
        self.with(shorts)
    }

    fn with(self, more: impl IntoIterator<Item = Short>) -> Self {
        let before = self.shorts.iter().cloned();
        Self { shorts: before.chain(more.into_iter().map(Arc::new)).collect(), ..self }
    }
}

impl Short {
    fn takes(&self, request: &Request<Incoming>) -> bool {
        request.method() == Method::POST
            && request.uri().path() == self.path
            && !request.headers().contains_key(UPGRADE)
            && (!self.needs_key || brings_key(request.headers()))
    }

    fn answer(&self, request: Request<Incoming>) -> Answer {
        match self.guard.caller_of(request.uri(), request.headers()) {
            Ok(caller) => (self.post)(caller, request),
            Err(refusal) => Box::pin(ready(Ok(refuse(refusal)))),
        }
    }
}

/// Whether a request brings a key in a header of its own.
fn brings_key(headers: &HeaderMap) -> bool {
    headers.contains_key(AUTHORIZATION) || headers.contains_key(X_API_KEY)
}

impl Service<Request<Incoming>> for Front {
    type Response = Response;
    type Error = Infallible;
    type Future = Either<Answer, TowerToHyperServiceFuture<Router, Request<Incoming>>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        match self.shorts.iter().find(|short| short.takes(&request)) {
            Some(short) => Either::Left(short.answer(request)),
            None => Either::Right(self.routes.call(request)),
        }
    }
}

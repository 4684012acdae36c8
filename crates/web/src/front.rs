//! What the listener hands requests to: the routes, and a short way for the request that comes most.

use std::convert::Infallible;
use std::sync::Arc;

use axum::Router;
use axum::response::Response;
use drawbridge_contract::{BoxFuture, Caller};
use futures::future::{Either, ready};
use http::header::UPGRADE;
use http::{Method, Request};
use hyper::body::Incoming;
use hyper::service::Service;
use hyper_util::service::{TowerToHyperService, TowerToHyperServiceFuture};

use crate::guard::{Guard, refuse};

type Answer = BoxFuture<'static, Result<Response, Infallible>>;

/// All that the listener serves.
#[derive(Clone)]
pub struct Front {
    routes: TowerToHyperService<Router>,
    short: Option<Arc<Short>>,
}

/// The way of a POST to one path, past the router but not past the guard.
struct Short {
    guard: Guard,
    path: &'static str,
    post: Box<dyn Fn(Arc<Caller>, Request<Incoming>) -> Answer + Send + Sync>,
}

impl From<Router> for Front {
    fn from(routes: Router) -> Self {
        Self { routes: TowerToHyperService::new(routes), short: None }
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
        Self { short: Some(Arc::new(Short { guard, path, post })), ..self }
    }
}

impl Short {
    fn takes(&self, request: &Request<Incoming>) -> bool {
        request.method() == Method::POST
            && request.uri().path() == self.path
            && !request.headers().contains_key(UPGRADE)
    }

    fn answer(&self, request: Request<Incoming>) -> Answer {
        match self.guard.caller_of(request.uri(), request.headers()) {
            Ok(caller) => (self.post)(caller, request),
            Err(refusal) => Box::pin(ready(Ok(refuse(refusal)))),
        }
    }
}

impl Service<Request<Incoming>> for Front {
    type Response = Response;
    type Error = Infallible;
    type Future = Either<Answer, TowerToHyperServiceFuture<Router, Request<Incoming>>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        match &self.short {
            Some(short) if short.takes(&request) => Either::Left(short.answer(request)),
            _ => Either::Right(self.routes.call(request)),
        }
    }
}

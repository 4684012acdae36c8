//! What schedules and webhooks have in common: lists of things that callers keep beside their jobs, each with tools of its
//! own. Every route is the call of such a tool.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, patch, post};
use drawbridge_contract::{Caller, ToolResult};
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};

use super::door::{answer, ask, object};
use crate::problem::{Kind, Problem};
use crate::rest::{json as respond, json_body, no_body};
use crate::web::Shared;

type Routed = MethodRouter<Arc<Shared>>;

/// A list of things that callers keep.
pub(crate) struct Shelf {
    /// What one of them is called, also in answers.
    pub(super) one: &'static str,
    /// What all of them are called, in answers and in the path.
    pub(super) all: &'static str,
    /// The tool that lists them.
    pub(super) list: &'static str,
    /// The tool that takes another.
    pub(super) add: &'static str,
    /// The tool that shows one with more than the list has of it, if there is one.
    pub(super) show: Option<&'static str>,
    /// The argument of their tools that says which one.
    pub(super) which: &'static str,
    /// The fields that one may be called by, the surest first.
    pub(super) known_by: &'static [&'static str],
    /// A name that stands for one that need not be listed yet.
    pub(super) unlisted: Option<&'static str>,
}

impl Shelf {
    /// `GET /api/…`: all of the caller.
    pub(crate) fn listed(&'static self) -> Routed {
        get(
            async |State(web): State<Arc<Shared>>,
                   Extension(caller): Extension<Arc<Caller>>,
                   headers: HeaderMap| {
                match self.ask_all(&web, &caller, &headers).await {
                    Ok(listed) => answer(StatusCode::OK, &listed),
                    Err(problem) => problem.into_response(),
                }
            },
        )
    }

    /// `POST /api/…`: another; the body is the tool's arguments.
    pub(crate) fn added(&'static self) -> Routed {
        post(
            async |State(web): State<Arc<Shared>>,
                   Extension(caller): Extension<Arc<Caller>>,
                   request: Request| {
                self.take(&web, &caller, request).await.unwrap_or_else(Problem::into_response)
            },
        )
    }

    async fn take(&self, web: &Shared, caller: &Arc<Caller>, request: Request) -> Result<Response, Problem> {
        let received = json_body(request).await?;
        let arguments = Value::Object(object(&received.body)?);
        let added = ask(web, caller, self.add, arguments, &received.headers).await?;
        match added.is_error {
            true => Err(Problem::new(Kind::InvalidRequest, added.content.plain_text())),
            false => Ok(answer(StatusCode::CREATED, &added)),
        }
    }

    /// `GET /api/…/{id}`: one.
    pub(crate) fn shown(&'static self) -> Routed {
        get(
            async |State(web): State<Arc<Shared>>,
                   Extension(caller): Extension<Arc<Caller>>,
                   Path(id): Path<String>,
                   headers: HeaderMap| {
                let shown = match self.show {
                    Some(tool) => self.ask_about(&web, &caller, tool, &id, json!({}), &headers).await,
                    None => self
                        .find(&web, &caller, &id, &headers)
                        .await
                        .map(|found| respond(StatusCode::OK, json!({ self.one: found }).to_string())),
                };
                shown.unwrap_or_else(Problem::into_response)
            },
        )
    }

    /// `PATCH /api/…/{id}`: what `tool` makes different about one; the body is its other arguments.
    pub(crate) fn changed(&'static self, tool: &'static str) -> Routed {
        patch(
            async move |State(web): State<Arc<Shared>>,
                        Extension(caller): Extension<Arc<Caller>>,
                        Path(id): Path<String>,
                        request: Request| {
                let served = async {
                    let received = json_body(request).await?;
                    let arguments = Value::Object(object(&received.body)?);
                    self.ask_about(&web, &caller, tool, &id, arguments, &received.headers).await
                };
                served.await.unwrap_or_else(Problem::into_response)
            },
        )
    }

    /// `POST /api/…/{id}/…`: what `tool` does with one.
    pub(crate) fn steered(&'static self, tool: &'static str) -> Routed {
        post(
            async move |State(web): State<Arc<Shared>>,
                        Extension(caller): Extension<Arc<Caller>>,
                        Path(id): Path<String>,
                        request: Request| {
                let served = async {
                    let headers = no_body(request).await?;
                    self.ask_about(&web, &caller, tool, &id, json!({}), &headers).await
                };
                served.await.unwrap_or_else(Problem::into_response)
            },
        )
    }

    /// The call of a tool about one. One that is not there is told apart from one with which the tool cannot do it.
    pub(super) async fn ask_about(
        &self,
        web: &Shared,
        caller: &Arc<Caller>,
        tool: &str,
        id: &str,
        mut arguments: Value,
        headers: &HeaderMap,
    ) -> Result<Response, Problem> {
        if !arguments[self.which].is_null() {
            let why = format!("the path names the {}: leave out `{}`", self.one, self.which);
            return Err(Problem::new(Kind::InvalidRequest, why));
        }
        arguments[self.which] = id.into();
        let result = ask(web, caller, tool, arguments, headers).await?;
        if !result.is_error {
            return Ok(answer(StatusCode::OK, &result));
        }
        if self.unlisted != Some(id) {
            self.find(web, caller, id, headers).await?;
        }
        Err(Problem::new(Kind::Conflict, result.content.plain_text()))
    }

    /// All of the caller's. What lists them fails only where none are kept.
    async fn ask_all(
        &self,
        web: &Shared,
        caller: &Arc<Caller>,
        headers: &HeaderMap,
    ) -> Result<ToolResult, Problem> {
        let listed = ask(web, caller, self.list, json!({}), headers).await?;
        match listed.is_error {
            true => Err(Problem::new(Kind::Unavailable, listed.content.plain_text())),
            false => Ok(listed),
        }
    }

    /// One of the caller's, as the list has it.
    pub(super) async fn find(
        &self,
        web: &Shared,
        caller: &Arc<Caller>,
        id: &str,
        headers: &HeaderMap,
    ) -> Result<Value, Problem> {
        let listed = self.ask_all(web, caller, headers).await?;
        let text = listed.structured.as_ref().map_or("{}", |structured| structured.get());
        let mut listed: Value = serde_json::from_str(text).unwrap_or_default();
        let rows = listed[self.all].as_array_mut().map(std::mem::take).unwrap_or_default();
        let of = |field: &&str| rows.iter().find(|row| row[*field] == id).cloned();
        self.known_by.iter().find_map(of).ok_or_else(|| {
            let why = format!("there is no {} {id:?}; GET /api/{} lists them", self.one, self.all);
            Problem::new(Kind::NotFound, why)
        })
    }
}

//! All routes, in one table: the router, the OpenAPI document and the tests that ask each route as a stranger come from it.

use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{MethodRouter, get, post};

use crate::guard::{Guard, HEALTH};
use crate::jobs::{SCHEDULES, WEBHOOKS};
use crate::openapi::{self, Described, beside, operation};
use crate::problem::{Kind, Problem};
use crate::web::{Shared, Web};
use crate::ws::WS_PATH;
use crate::{exchange, health, jobs, lm_terminal, rest, stream};

/// One route: where it is, who serves it, and how the OpenAPI document tells of it.
pub(crate) struct Route {
    pub(crate) method: &'static str,
    pub(crate) path: &'static str,
    pub(crate) serve: fn() -> MethodRouter<Arc<Shared>>,
    pub(crate) described: Described,
}

const fn get_route(
    path: &'static str,
    serve: fn() -> MethodRouter<Arc<Shared>>,
    described: Described,
) -> Route {
    Route { method: "get", path, serve, described }
}

const fn post_route(
    path: &'static str,
    serve: fn() -> MethodRouter<Arc<Shared>>,
    described: Described,
) -> Route {
    Route { method: "post", path, serve, described }
}

const fn patch_route(
    path: &'static str,
    serve: fn() -> MethodRouter<Arc<Shared>>,
    described: Described,
) -> Route {
    Route { method: "patch", path, serve, described }
}

/// Every route but those of the other entrances.
pub(crate) const ROUTES: &[Route] = &[
    get_route(HEALTH, || get(health::health), Described::Once(operation::health)),
    get_route("/api/status", || get(health::status), Described::Once(operation::status)),
    get_route("/openapi.json", || get(openapi::serve), Described::Once(operation::openapi)),
    get_route("/api/tools", || get(rest::list), Described::Once(operation::tools)),
    get_route("/api/tools/{name}", || get(rest::show), Described::Once(operation::tool)),
    post_route("/api/tools/{name}", || post(rest::call), Described::ForEachTool(operation::call)),
    post_route("/api/tools/{name}/answer", || post(rest::answer), Described::Once(operation::answer)),
    get_route("/api/jobs", || get(jobs::list), Described::Once(operation::jobs)),
    post_route("/api/jobs", || post(jobs::submit), Described::Once(operation::submit_job)),
    post_route("/api/jobs/replay", || post(jobs::replay), Described::Once(operation::replay_jobs)),
    get_route("/api/jobs/{id}", || get(jobs::show), Described::Once(operation::job)),
    get_route("/api/jobs/{id}/result", || get(jobs::result), Described::Once(operation::job_result)),
    get_route("/api/jobs/{id}/log", || get(jobs::log), Described::Once(operation::job_log)),
    get_route("/api/jobs/{id}/events", || get(jobs::events), Described::Once(operation::job_events)),
    post_route("/api/jobs/{id}/answer", || post(jobs::answer), Described::Once(operation::answer_job)),
    post_route("/api/jobs/{id}/cancel", || post(jobs::cancel), Described::Once(operation::cancel_job)),
    post_route("/api/jobs/{id}/retry", || post(jobs::retry), Described::Once(operation::retry_job)),
    post_route("/api/jobs/{id}/arguments", || post(jobs::edit), Described::Once(operation::edit_job)),
    post_route("/api/jobs/{id}/discard", || post(jobs::discard), Described::Once(operation::discard_job)),
    get_route("/api/schedules", || SCHEDULES.listed(), Described::Once(beside::schedules)),
    post_route("/api/schedules", || SCHEDULES.added(), Described::Once(beside::add_schedule)),
    get_route("/api/schedules/{id}", || SCHEDULES.shown(), Described::Once(beside::schedule)),
    patch_route(
        "/api/schedules/{id}",
        || SCHEDULES.changed("schedules_update"),
        Described::Once(beside::update_schedule),
    ),
    get_route("/api/schedules/{id}/next", || get(jobs::next), Described::Once(beside::schedule_next)),
    post_route(
        "/api/schedules/{id}/pause",
        || SCHEDULES.steered("schedules_pause"),
        Described::Once(beside::pause_schedule),
    ),
    post_route(
        "/api/schedules/{id}/resume",
        || SCHEDULES.steered("schedules_resume"),
        Described::Once(beside::resume_schedule),
    ),
    post_route(
        "/api/schedules/{id}/run",
        || SCHEDULES.steered("schedules_run"),
        Described::Once(beside::run_schedule),
    ),
    post_route(
        "/api/schedules/{id}/remove",
        || SCHEDULES.steered("schedules_remove"),
        Described::Once(beside::remove_schedule),
    ),
    get_route("/api/webhooks", || WEBHOOKS.listed(), Described::Once(beside::webhooks)),
    post_route("/api/webhooks", || WEBHOOKS.added(), Described::Once(beside::add_webhook)),
    get_route("/api/webhooks/deliveries", || get(jobs::deliveries), Described::Once(beside::deliveries)),
    post_route(
        "/api/webhooks/deliveries/{id}/redeliver",
        || post(jobs::redeliver),
        Described::Once(beside::redeliver),
    ),
    get_route("/api/webhooks/{id}", || WEBHOOKS.shown(), Described::Once(beside::webhook)),
    patch_route(
        "/api/webhooks/{id}",
        || WEBHOOKS.changed("webhooks_update"),
        Described::Once(beside::update_webhook),
    ),
    get_route(
        "/api/webhooks/{id}/deliveries",
        || get(jobs::deliveries_of),
        Described::Once(beside::deliveries_of),
    ),
    post_route(
        "/api/webhooks/{id}/pause",
        || WEBHOOKS.steered("webhooks_pause"),
        Described::Once(beside::pause_webhook),
    ),
    post_route(
        "/api/webhooks/{id}/resume",
        || WEBHOOKS.steered("webhooks_resume"),
        Described::Once(beside::resume_webhook),
    ),
    post_route("/api/webhooks/{id}/rotate", || post(jobs::rotate), Described::Once(beside::rotate_webhook)),
    post_route(
        "/api/webhooks/{id}/remove",
        || WEBHOOKS.steered("webhooks_remove"),
        Described::Once(beside::remove_webhook),
    ),
    get_route(
        "/api/terminals/{id}/stream",
        || get(stream::terminal),
        Described::Once(operation::terminal_stream),
    ),
    // The older clients' routes.
    get_route("/status", || get(lm_terminal::status), Described::Once(operation::lm_status)),
    post_route("/terminal/cmd", || post(lm_terminal::command), Described::Once(operation::lm_command)),
    get_route("/terminal/stream", || get(lm_terminal::stream), Described::Once(operation::lm_stream)),
];

/// All routes behind the guard: ours, and those of the other entrances.
pub fn routes(guard: Guard, web: Web, entrances: Router) -> Router {
    let router = ROUTES.iter().fold(Router::new(), |router, route| router.route(route.path, (route.serve)()));
    let guard = guard.taking_api_keys_at(exchange::Paths::of(&web.handler).and(WS_PATH));
    router
        .merge(exchange::router(&web.handler))
        .method_not_allowed_fallback(wrong_method)
        .with_state(web.into())
        .merge(entrances)
        .fallback(nothing_here)
        .layer(from_fn_with_state(guard, Guard::check))
}

async fn nothing_here() -> Problem {
    Problem::new(
        Kind::NotFound,
        "there is nothing here; MCP is at /mcp, REST at /api/tools, and /openapi.json tells all of it",
    )
}

async fn wrong_method() -> Problem {
    Problem::new(Kind::WrongMethod, "this route has other methods; /openapi.json tells which")
}

/// Method and path of each route, for those who ask every one of them: a path's parameters are in braces.
pub fn paths() -> impl Iterator<Item = (&'static str, &'static str)> {
    ROUTES.iter().map(|route| (route.method, route.path))
}

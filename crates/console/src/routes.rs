//! All routes of the console, in one table.

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, delete, get, post, put};
use drawbridge_contract::Session;

use crate::problem::Problem;
use crate::shared::{Console, Shared};
use crate::{
    approvals, assets, audit, bridge, config, events, hosts, kept, keys, now, schedules, secrets, session,
};

/// One route: its method, where it is, and who serves it.
struct Route {
    method: &'static str,
    path: &'static str,
    serve: fn() -> MethodRouter<Arc<Shared>>,
}

const fn route(method: &'static str, path: &'static str, serve: fn() -> MethodRouter<Arc<Shared>>) -> Route {
    Route { method, path, serve }
}

/// What is served to everybody who asks by one of our names.
const OPEN: &[Route] = &[
    route("get", "/console", || get(assets::without_slash)),
    route("get", "/console/", || get(assets::index)),
    route("get", "/console/{*file}", || get(assets::file)),
    route("post", "/api/console/session", || post(session::sign_in)),
];

/// What is served to the owner's browser alone.
const SIGNED_IN: &[Route] = &[
    route("get", "/api/console/session", || get(session::show)),
    route("delete", "/api/console/session", || delete(session::sign_out)),
    route("get", "/api/console/now", || get(now::now)),
    route("get", "/api/console/events", || get(events::events)),
    route("post", "/api/console/bridge", || post(bridge::pull)),
    route("get", "/api/console/approvals", || get(approvals::list)),
    route("post", "/api/console/approvals/{id}", || post(approvals::decide)),
    route("get", "/api/console/audit", || get(audit::page)),
    route("get", "/api/console/audit/chain", || get(audit::chain)),
    route("get", "/api/console/audit/export", || get(audit::export)),
    route("get", "/api/console/audit/calls/{call}", || get(audit::tree)),
    route("get", "/api/console/keys", || get(keys::list)),
    route("post", "/api/console/keys", || post(keys::add)),
    route("delete", "/api/console/keys/{name}", || delete(keys::revoke)),
    route("get", "/api/console/rules", || get(config::list_rules)),
    route("put", "/api/console/rules", || put(config::replace_rules)),
    route("post", "/api/console/rules/preview", || post(config::preview_rules)),
    route("get", "/api/console/tiers", || get(config::list_tiers)),
    route("put", "/api/console/tiers", || put(config::write_tiers)),
    route("post", "/api/console/tiers/preview", || post(config::preview_tiers)),
    route("get", "/api/console/config", || get(config::show)),
    route("put", "/api/console/config", || put(config::write)),
    route("post", "/api/console/config/preview", || post(config::preview)),
    route("get", "/api/console/providers", || get(now::providers)),
    route("post", "/api/console/schedules/preview", || post(schedules::preview)),
    route("get", "/api/console/secrets", || get(secrets::list)),
    route("put", "/api/console/secrets/{name}", || put(secrets::keep)),
    route("delete", "/api/console/secrets/{name}", || delete(secrets::forget)),
    route("get", "/api/console/hosts", || get(hosts::list)),
    route("get", "/api/console/hosts/{name}", || get(hosts::show)),
    route("post", "/api/console/hosts/{name}", || post(hosts::connect)),
    route("delete", "/api/console/hosts/{name}", || delete(hosts::disconnect)),
    route("get", "/api/console/conversations", || get(kept::conversations)),
    route("get", "/api/console/conversations/{id}", || get(kept::conversation)),
    route("put", "/api/console/conversations/{id}", || put(kept::keep_conversation)),
    route("delete", "/api/console/conversations/{id}", || delete(kept::forget_conversation)),
    route("get", "/api/console/preferences", || get(kept::preferences)),
    route("put", "/api/console/preferences", || put(kept::keep_preferences)),
];

/// The console, as an entrance behind the guard.
pub fn router(console: Console) -> Router {
    let add = |router: Router<Arc<Shared>>, route: &Route| router.route(route.path, (route.serve)());
    let signed_in = SIGNED_IN.iter().fold(Router::new(), add).route_layer(from_fn(only_signed_in));
    OPEN.iter().fold(Router::new(), add).merge(signed_in).with_state(console.into())
}

/// A key is no person: whoever decides, changes keys or rules, or reads the audit here, has signed in.
async fn only_signed_in(request: Request, next: Next) -> Response {
    if request.extensions().get::<Session>().is_none() {
        return Problem::denied(
            "this is for the owner's browser alone, and no key opens it: sign in at /console/",
        )
        .into_response();
    }
    next.run(request).await
}

/// Method and path of each route, for those who ask every one of them: a path's parameters are in braces.
pub fn paths() -> impl Iterator<Item = (&'static str, &'static str)> {
    OPEN.iter().chain(SIGNED_IN).map(|route| (route.method, route.path))
}

/// The same, of those that are served to everybody.
pub fn open_paths() -> impl Iterator<Item = (&'static str, &'static str)> {
    OPEN.iter().map(|route| (route.method, route.path))
}

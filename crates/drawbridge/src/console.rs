//! The console's wiring: what it asks of the program.

use std::sync::Arc;

use axum::Router;
use drawbridge_console::{Console, Program, Sessions};
use drawbridge_web::StatusSource;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::config::{Config, Provider};
use crate::hub::Hub;

/// Who is signed in. The guard and the console ask the same one.
pub(crate) fn sessions(hub: &Hub) -> Arc<Sessions> {
    Arc::new(Sessions::new(hub.store.clone(), hub.gateway.clone()))
}

/// The console as an entrance.
pub(crate) fn entrance(
    hub: &Hub,
    sessions: Arc<Sessions>,
    status: StatusSource,
    shutdown: &CancellationToken,
) -> Router {
    drawbridge_console::router(Console {
        store: hub.store.clone(),
        handler: hub.gateway.clone(),
        sessions,
        program: Arc::new(Backstage { status, config: hub.config.clone() }),
        shutdown: shutdown.clone(),
    })
}

/// What only the program knows.
struct Backstage {
    status: StatusSource,
    config: Config,
}

impl Program for Backstage {
    fn status(&self) -> Value {
        (self.status)()
    }

    fn providers(&self) -> Value {
        let one = |(name, provider): (&String, &Provider)| json!({"name": name, "kind": provider.kind, "address": provider.address, "has_key": provider.key.is_some()});
        self.config.llm.provider.iter().map(one).collect()
    }
}

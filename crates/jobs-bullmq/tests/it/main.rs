//! Jobs on BullMQ, with a real Redis, and with BullMQ's own workers on the other side.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod failover;
#[path = "../../../jobs/tests/it/killed.rs"]
#[allow(dead_code, reason = "the embedded engine's tests need more of it")]
mod killed;
mod kills;
mod node;
#[path = "../../../jobs/tests/it/receiver.rs"]
#[allow(dead_code, reason = "the embedded engine's tests need more of it")]
mod receiver;
mod redis_server;
mod sealed;
/// The story that every engine passes.
#[path = "../../../jobs/tests/it/story.rs"]
mod story;
#[path = "../../../jobs/tests/it/support.rs"]
#[allow(dead_code, reason = "the embedded engine's tests need more of it")]
mod support;
mod together;
mod told;

use drawbridge_jobs_bullmq::{BullMq, Sealing, Settings};
use redis_server::RedisServer;

/// The usual settings, and the secret of one state folder. Jobs of the producers in `tests/bullmq…` may run.
pub(crate) fn settings(url: &str) -> Settings {
    let foreign_callers = ["node", "python"].map(str::to_owned).to_vec();
    Settings { foreign_callers, ..Settings::new(url, Sealing::new(&[7; 32])) }
}

/// An engine on a Redis of its own.
pub(crate) async fn engine() -> (RedisServer, BullMq) {
    let server = RedisServer::start();
    let engine = open(&server).await;
    (server, engine)
}

pub(crate) async fn open(server: &RedisServer) -> BullMq {
    let engine = BullMq::open(settings(&server.url())).unwrap();
    engine.listening().await;
    engine
}

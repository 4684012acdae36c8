//! The program as it is built, started in a home of its own, and those who speak to it: as hosts do, or byte by byte.

mod bridge;
mod browser;
mod gate;
mod home;
mod http;
mod hub;
mod modern;
mod receiver;
mod redis;
mod session;
mod stdio;
mod worker;

pub(crate) use bridge::Bridge;
pub(crate) use browser::{Browser, cookie_of, event, link, sign_in};
pub(crate) use gate::Gate;
pub(crate) use home::{CANARY, Home, Ran, canaries};
pub(crate) use http::{Connection, NONE, Request, Response};
pub(crate) use hub::{Hub, resident_bytes};
pub(crate) use modern::{Modern, went_well};
pub(crate) use receiver::{Hook, Told};
pub(crate) use redis::Redis;
pub(crate) use session::Session;
pub(crate) use stdio::StdioHost;
pub(crate) use worker::Worker;

use std::time::{Duration, Instant};

/// How long a test waits for what must come: machines can be busy, and a lost worker's lease lasts half a minute.
pub(crate) const PATIENCE: Duration = Duration::from_secs(90);

/// Looks until `found` finds something.
pub(crate) fn wait_for<T>(what: &str, mut found: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = found() {
            return found;
        }
        assert!(begun.elapsed() < PATIENCE, "it did not come in {PATIENCE:?}: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

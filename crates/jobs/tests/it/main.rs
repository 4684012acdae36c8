//! Jobs as their users see them: every engine's story, and what the embedded one survives.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod clocks;
mod copies;
mod documents;
mod far_workers;
mod files;
mod killed;
mod kills;
mod processes;
mod receiver;
mod remotes;
mod retention;
mod schedules;
mod storms;
mod story;
mod support;
mod webhooks;
mod workers;

/// An engine for the story.
async fn engine() -> (tempfile::TempDir, drawbridge_jobs::Embedded) {
    support::embedded()
}

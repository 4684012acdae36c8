//! Jobs behind a real door, on the embedded engine.
#![expect(clippy::unwrap_used, reason = "a test that is wrong should say so")]

mod asking;
mod beside;
mod callers;
mod hub;
mod lives;

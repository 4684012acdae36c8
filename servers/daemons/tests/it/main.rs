//! Daemons, tried through the seam with sockets and real programs.
#![allow(clippy::unwrap_used, reason = "a test that is wrong should say so")]
#![cfg(unix)]

mod bad;
mod contract;
mod desk;
#[cfg(target_os = "linux")]
mod examples;
mod found;

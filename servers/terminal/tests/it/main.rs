//! Commands and terminals, tried through the seam with real programs.
#![allow(clippy::unwrap_used, reason = "a test that is wrong should say so")]
#![cfg(target_os = "linux")]

mod contract;
mod desk;
mod people;
mod programs;
mod runs;
mod sessions;

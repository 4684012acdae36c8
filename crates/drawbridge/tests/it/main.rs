//! The program as people and hosts start it.
#![expect(clippy::unwrap_used, reason = "a test that fails should say where")]

mod commands;
mod program;
mod serve;
#[cfg(target_os = "linux")]
mod shell;
mod stdio;
#[cfg(target_os = "linux")]
mod terminal;

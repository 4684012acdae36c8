//! The program as people and hosts start it.
#![expect(clippy::unwrap_used, reason = "a test that fails should say where")]

#[cfg(unix)]
mod background;
mod commands;
#[cfg(target_os = "linux")]
mod manage;
mod program;
mod serve;
#[cfg(target_os = "linux")]
mod shell;
mod stdio;
#[cfg(target_os = "linux")]
mod systemd;
#[cfg(target_os = "linux")]
mod terminal;

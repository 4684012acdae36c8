//! The store as its users see it: files in a folder, several processes, and what survives.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod approvals;
mod audit;
mod calls;
mod crash;
mod folder;
mod keys;
mod processes;
mod prune;
mod settings;
mod support;
mod tampering;

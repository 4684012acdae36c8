//! Language models, tried through the seam against providers that behave, and that do not.
#![allow(clippy::unwrap_used, reason = "a test that is wrong should say so")]

mod agent;
mod chat;
mod contract;
mod desk;
mod double;
mod health;
mod native;
mod proxy;
mod refused;
mod shared;

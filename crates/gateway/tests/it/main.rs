//! The door with a real store behind it.
#![expect(clippy::unwrap_used, reason = "a test that fails should say where")]

mod approvals;
mod audit;
mod exchanges;
mod house;
mod limits;
mod policy;
mod tiers;
mod watches;

//! The files server, tried through the seam.

#![expect(clippy::unwrap_used, reason = "a test that is wrong should say so at once")]

mod attacks;
mod changes;
mod contract;
mod disks;
mod edits;
mod everyday;
mod kills;
mod large;
mod listing;
mod paths;
mod reading;
mod resources;
mod sample;
mod searching;
mod swap;
mod trash;

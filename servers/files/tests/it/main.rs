//! The files server, tried through the seam.

mod attacks;
mod changes;
mod contract;
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

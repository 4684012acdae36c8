//! Commands and terminals, tried through the seam with real programs.
#![cfg(target_os = "linux")]

mod contract;
mod desk;
mod people;
mod programs;
mod runs;
mod sessions;

//! Commands and terminals, tried through the seam with real programs.
#![cfg(target_os = "linux")]

mod desk;
mod runs;
mod sessions;

//! What the sandbox promises, tried on the running kernel.
#![cfg(target_os = "linux")]

mod life;
mod tools;

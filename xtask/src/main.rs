//! What people run in this repository: `cargo xtask run | install | test | check | bench`.
//!
//! Each command does all of its set-up first, so that a fresh machine with Rust, Node and a package manager
//! needs nothing else. One file per command in `commands/`; the rules of the house are in `house/`.

mod cargo;
mod commands;
mod failure;
mod house;
mod kits;
mod places;
mod process;

use std::process::ExitCode;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match commands::dispatch(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("\nxtask: {failure}");
            ExitCode::FAILURE
        }
    }
}

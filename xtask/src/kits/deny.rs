//! cargo-deny: one fixed version, the same everywhere, built once into the cache.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use super::stock;
use crate::failure::Result;
use crate::{cargo, places, process};

const VERSION: &str = "0.20.2";

/// How long the advisory database may take to arrive; it is some megabytes.
const FETCH_LIMIT: Duration = Duration::from_secs(120);

/// How cargo-deny is built here. As it is released (whole-program optimisation) it builds for many minutes, to win
/// seconds of run time that nobody notices.
const QUICK_BUILD: [(&str, &str); 3] = [
    ("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1"),
    ("CARGO_PROFILE_RELEASE_LTO", "off"),
    ("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16"),
];

/// The command that checks these things, as `deny.toml` says; installs cargo-deny first where it is missing.
///
/// # Errors
/// cargo-deny cannot be built.
pub(crate) fn check(what: &[&str]) -> Result<Command> {
    let mut deny = program()?;
    deny.arg("check").args(what);
    Ok(deny)
}

/// Fetches the database of known vulnerabilities; false when it is out of reach, which is no failure.
///
/// # Errors
/// cargo-deny cannot be built or started.
pub(crate) fn fetch_advisories() -> Result<bool> {
    process::succeeds_within(program()?.args(["fetch", "db"]), FETCH_LIMIT)
}

fn program() -> Result<Command> {
    let mut deny = Command::new(installed()?);
    // What is checked is the tree of Cargo.lock, and never a newer one that cargo would choose today.
    deny.current_dir(places::checkout()).arg("--locked");
    Ok(deny)
}

fn installed() -> Result<PathBuf> {
    let folder = stock::obtain(&format!("cargo-deny-{VERSION}"), |folder| {
        println!("Building cargo-deny {VERSION}: some minutes, once on this machine");
        let exact = format!("={VERSION}");
        let mut install = cargo::command(&["install", "cargo-deny", "--locked", "--quiet"]);
        install.args(["--version", &exact, "--root"]).arg(folder).envs(QUICK_BUILD);
        // Its hundreds of objects do not belong among ours.
        process::run(install.env_remove("CARGO_TARGET_DIR"))
    })?;
    Ok(folder.join("bin").join(format!("cargo-deny{}", std::env::consts::EXE_SUFFIX)))
}

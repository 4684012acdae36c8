//! `drawbridge manage`: the full-screen menu, and what it has done. Everything in it is what the plain commands do.

mod desk;
mod rows;

use std::io::IsTerminal as _;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Result, bail};

use desk::HubDesk;

/// What to type where no menu can be shown.
const PLAIN: &str = "`drawbridge manage` needs a terminal. The same is done by plain commands: start, stop, restart, status, \
                     raise, lower, logs, config check, config explain, jobs queues, jobs pause, jobs resume, jobs dead-letters, \
                     jobs status, jobs edit, jobs replay, jobs discard, keys add, keys list, keys revoke";

/// Shows the menu until the person leaves it, or somebody ends us.
pub(crate) fn run() -> Result<ExitCode> {
    let is_dumb = std::env::var("TERM").is_ok_and(|term| term == "dumb");
    if is_dumb || !std::io::stdin().is_terminal() || !std::io::stdout().is_terminal() {
        bail!(PLAIN);
    }
    let stop = Arc::new(AtomicBool::new(false));
    let desk = HubDesk::new(stop.clone())?;
    let colours = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    drawbridge_manage::run(desk, colours, &stop)?;
    Ok(if stop.load(Ordering::Relaxed) { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

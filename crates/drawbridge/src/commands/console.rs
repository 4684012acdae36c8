//! `drawbridge console`: opens the console in a browser, signed in.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context as _, Result, bail};
use drawbridge_console::{LINK_LASTS_US, make_link};
use serde_json::json;

use crate::{home, hub, output, running};

/// Makes a link that signs in once, shows it, and opens it where there is a browser.
pub(crate) async fn run(no_open: bool, json: bool) -> Result<ExitCode> {
    let state = home::state()?;
    let Some(hub) = running::find(&state) else {
        bail!(
            "no hub runs, and the console is served by it: start one with `drawbridge serve`, then try again"
        )
    };
    let address = hub.address().context("the hub says no address")?;
    let store = hub::open_store(&state)?;
    let secret = make_link(&store).await?;
    store.close().await?;
    // What follows `#` stays in the browser: no server and no log ever sees it.
    let link = format!("http://{address}/console/#link={secret}");
    let minutes = LINK_LASTS_US / 60_000_000;
    if json {
        output::json(&json!({"link": link, "minutes": minutes}))?;
    } else {
        output::line(format!("{link}\n\nIt signs one browser in, once, within {minutes} minutes."))?;
    }
    if !no_open && !json && !open(&state, &link) {
        output::line("No browser could be opened here: copy the link into one.")?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The file that leads a browser to the link: what is on a command line, other users of this machine can read.
const FILE: &str = "console.html";

/// Hands the link to the desktop's browser; says whether there was something that took it.
fn open(state: &Path, link: &str) -> bool {
    let Some(program) = opener() else { return false };
    let Ok(file) = write(state, link) else { return false };
    let mut command = Command::new(program);
    command.arg(file).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// What opens a file as the desktop would; nothing where there is no desktop.
fn opener() -> Option<&'static str> {
    let has_desktop = || ["DISPLAY", "WAYLAND_DISPLAY"].iter().any(|name| std::env::var_os(name).is_some());
    match std::env::consts::OS {
        "macos" => Some("open"),
        "windows" => Some("explorer"),
        _ => has_desktop().then_some("xdg-open"),
    }
}

/// Only the owner can read it: a temporary file is so from its first byte. The link in it is of no use once it was used.
fn write(state: &Path, link: &str) -> Result<PathBuf> {
    let mut file = tempfile::NamedTempFile::new_in(state)?;
    writeln!(
        file,
        "<!doctype html><meta http-equiv=\"refresh\" content=\"0; url={link}\"><title>Drawbridge</title>"
    )?;
    let path = state.join(FILE);
    file.persist(&path)?;
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_with_the_link_is_the_owners_alone_and_of_the_last_one() {
        let state = tempfile::tempdir().unwrap();
        write(state.path(), "http://127.0.0.1:1/console/#link=first").unwrap();
        let path = write(state.path(), "http://127.0.0.1:1/console/#link=second").unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains("#link=second") && !text.contains("first"), "{text}");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        }
    }
}

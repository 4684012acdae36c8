//! `drawbridge service`: the hub as a service of the operating system, started with this user's session.

mod launchd;
mod systemd;
mod windows;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context as _, Result, bail};
use clap::{Args, Subcommand, ValueEnum};

use crate::{home, output};

/// Stands in what we wrote: a file without it is somebody else's, and is left alone.
const OURS: &str = "Written by `drawbridge service install`";

#[derive(Debug, Subcommand)]
pub(crate) enum ServiceCommand {
    /// Write the service's file and start the service.
    #[command(after_help = "Example:\n  drawbridge service install --print")]
    Install(Install),
    /// Say whether the service is installed, and how it is.
    Status,
    /// Stop the service and remove its file.
    Remove,
}

#[derive(Debug, Args)]
pub(crate) struct Install {
    /// Print what would be written, and change nothing.
    #[arg(long)]
    print: bool,
    /// For which service manager; this system's own, if not given. Others can be printed only.
    #[arg(long = "for", value_name = "MANAGER")]
    kind: Option<Kind>,
    /// Write the file, and start nothing.
    #[arg(long)]
    no_start: bool,
}

/// Whoever starts services.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// Linux: a unit of this user.
    Systemd,
    /// macOS: an agent of this user. Written by the book, and not tried yet.
    Launchd,
    /// Windows: a task at logon. Written by the book, and not tried yet.
    Windows,
}

/// What a file of a service is made of.
pub(crate) struct Service {
    /// This program.
    pub(crate) program: PathBuf,
    /// The state folder, where it was chosen by the environment.
    pub(crate) home: Option<PathBuf>,
}

impl Kind {
    fn native() -> Self {
        if cfg!(target_os = "macos") {
            Self::Launchd
        } else if cfg!(windows) {
            Self::Windows
        } else {
            Self::Systemd
        }
    }

    fn text(self, service: &Service) -> Result<String> {
        match self {
            Self::Systemd => systemd::unit(service),
            Self::Launchd => launchd::agent(service),
            Self::Windows => windows::task(service),
        }
    }

    fn place(self, state: &Path) -> Result<PathBuf> {
        match self {
            Self::Systemd => systemd::place(),
            Self::Launchd => launchd::place(),
            Self::Windows => Ok(windows::place(state)),
        }
    }

    /// What starts it after its file was written, in order.
    fn starting(self, place: &Path) -> Vec<Vec<String>> {
        match self {
            Self::Systemd => systemd::STARTING.iter().map(|words| owned(words)).collect(),
            Self::Launchd => vec![launchd::starting(place)],
            Self::Windows => vec![windows::starting(place)],
        }
    }

    /// What stops it before its file is removed, in order.
    fn stopping(self) -> Vec<Vec<String>> {
        match self {
            Self::Systemd => vec![owned(systemd::STOPPING)],
            Self::Launchd => vec![launchd::stopping()],
            Self::Windows => vec![owned(windows::STOPPING)],
        }
    }

    /// What says how it is.
    fn asking(self) -> Vec<String> {
        match self {
            Self::Systemd => owned(systemd::ASKING),
            Self::Launchd => launchd::asking(),
            Self::Windows => owned(windows::ASKING),
        }
    }
}

fn owned(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// Runs one of them.
pub(crate) fn run(command: ServiceCommand, json: bool) -> Result<ExitCode> {
    let native = Kind::native();
    match command {
        ServiceCommand::Install(Install { print: true, kind, .. }) => {
            output::line(kind.unwrap_or(native).text(&service()?)?.trim_end())?;
        }
        ServiceCommand::Install(Install { kind: Some(kind), .. }) if kind != native => {
            bail!("this system has another service manager; `--print` shows the file, to be taken there")
        }
        ServiceCommand::Install(Install { no_start, .. }) => install(native, no_start)?,
        ServiceCommand::Status => return status(native, json),
        ServiceCommand::Remove => remove(native)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn service() -> Result<Service> {
    let program = std::env::current_exe().context("where this program is cannot be told")?;
    let home = if home::is_moved() { Some(home::state()?) } else { None };
    Ok(Service { program, home })
}

fn install(kind: Kind, no_start: bool) -> Result<()> {
    let (text, place) = (kind.text(&service()?)?, kind.place(&home::state()?)?);
    refuse_if_not_ours(&place)?;
    write(&place, &text)?;
    output::line(format!("{} is written.", place.display()))?;
    let starting = kind.starting(&place);
    if no_start {
        let words: Vec<String> = starting.iter().map(|words| format!("  {}", words.join(" "))).collect();
        return output::line(format!("To start it:\n{}", words.join("\n")));
    }
    starting.iter().try_for_each(|words| execute(words))?;
    output::line("The hub starts with your session, and now; `drawbridge service status` shows how it is.")
}

fn refuse_if_not_ours(place: &Path) -> Result<()> {
    match std::fs::read_to_string(place) {
        Ok(text) if !text.contains(OURS) => {
            bail!("{} was not written by us, so it is left as it is; move it away first", place.display())
        }
        _ => Ok(()),
    }
}

/// Writes the whole file, or leaves the one before.
fn write(place: &Path, text: &str) -> Result<()> {
    let folder = place.parent().context("the file has no folder")?;
    std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let mut file = tempfile::NamedTempFile::new_in(folder)
        .with_context(|| format!("cannot write in {}", folder.display()))?;
    file.write_all(text.as_bytes())?;
    file.persist(place).with_context(|| format!("cannot write {}", place.display()))?;
    Ok(())
}

/// Runs a word of the service manager's. What it says is shown as it comes.
fn execute(words: &[String]) -> Result<()> {
    let (program, arguments) = words.split_first().context("there is nothing to run")?;
    let line = words.join(" ");
    let status = Command::new(program).args(arguments).status().with_context(|| {
        format!("`{line}` cannot be run; without {program}, `drawbridge start` starts a hub")
    })?;
    if status.success() { Ok(()) } else { bail!("`{line}` did not work ({status})") }
}

fn status(kind: Kind, json: bool) -> Result<ExitCode> {
    let place = kind.place(&home::state()?)?;
    let installed = place.exists();
    let words = kind.asking();
    let asked = words
        .split_first()
        .and_then(|(program, arguments)| Command::new(program).args(arguments).output().ok());
    let state =
        asked.filter(|_| installed).map(|asked| String::from_utf8_lossy(&asked.stdout).trim().to_owned());
    if json {
        output::json(&serde_json::json!({ "installed": installed, "file": place, "state": state }))?;
    } else if installed {
        output::line(format!("installed  {}", place.display()))?;
        let state = state.filter(|state| !state.is_empty());
        output::line(format!(
            "state      {}",
            output::plain_line(&state.unwrap_or_else(|| "unknown".to_owned()))
        ))?;
    } else {
        output::line("It is not installed; `drawbridge service install` does that.")?;
    }
    Ok(if installed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn remove(kind: Kind) -> Result<()> {
    let place = kind.place(&home::state()?)?;
    if !place.exists() {
        return output::line("It is not installed.");
    }
    refuse_if_not_ours(&place)?;
    for words in kind.stopping() {
        if let Err(error) = execute(&words) {
            eprintln!("{}", output::plain(&format!("{error:#}")));
        }
    }
    std::fs::remove_file(&place).with_context(|| format!("cannot remove {}", place.display()))?;
    output::line(format!("{} is removed. Keys, jobs and everything else stay.", place.display()))
}

#[cfg(test)]
mod tests;

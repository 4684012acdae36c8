//! Configuration, in layers: defaults < `config.toml` < `DRAWBRIDGE_*` environment < flags.

mod check;
mod daemons;
mod environment;
mod explain;
mod file;
mod jobs;
mod licence;
mod llm;
mod terminal;
mod webhooks;

use std::path::{Path, PathBuf};

pub(crate) use check::{Problem, parse};
pub(crate) use daemons::{Daemon, Socket, Variable};
pub(crate) use environment::{HOME, OWNER_KEY, REDIS_PASSWORD};
pub(crate) use explain::{Setting, settings};
pub(crate) use file::{Access, Config, Listen, LogFormat, Root};
pub(crate) use jobs::{Durability, Engine, Jobs};
pub(crate) use licence::Licence;
pub(crate) use llm::{KeyPlace, Llm, Price, Provider, Quota};
pub(crate) use terminal::{Confinement, Network};

/// The file's name in the state folder.
pub(crate) const CONFIG_FILE: &str = "config.toml";

/// Why there is no configuration to start with.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    #[error("cannot read {}: {source}", path.display())]
    Read { path: PathBuf, source: std::io::Error },
    #[error(
        "{} can be changed by other users (its mode is {mode:03o}), who could give away everything with it; `chmod 600` it",
        path.display()
    )]
    Unsafe { path: PathBuf, mode: u32 },
    #[error("the configuration has {} at fault; nothing was started:\n{}", count(problems), lines(problems))]
    Wrong { problems: Vec<Problem> },
}

impl Config {
    /// The configuration of the state folder `home`, with the environment on top.
    pub(crate) fn load(home: &Path) -> Result<Self, ConfigError> {
        let path = home.join(CONFIG_FILE);
        refuse_if_others_can_change(&path)?;
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(source) => return Err(ConfigError::Read { path, source }),
        };
        let mut config = check::parse(&text).map_err(|problems| ConfigError::Wrong { problems })?;
        environment::apply(&mut config, |name| std::env::var(name).ok())
            .map_err(|problem| ConfigError::Wrong { problems: vec![problem] })?;
        Ok(config)
    }
}

/// Whoever can change the configuration can open every folder to every caller (attack C7).
#[cfg(unix)]
fn refuse_if_others_can_change(path: &Path) -> Result<(), ConfigError> {
    /// The right to write, for the group and for others.
    const OTHERS_WRITE: u32 = 0o022;
    // What cannot be looked at cannot be read either, and that is told when it is tried.
    let Ok(meta) = std::fs::metadata(path) else { return Ok(()) };
    let mode = std::os::unix::fs::PermissionsExt::mode(&meta.permissions()) & 0o777;
    if mode & OTHERS_WRITE == 0 {
        return Ok(());
    }
    Err(ConfigError::Unsafe { path: path.to_owned(), mode })
}

#[cfg(not(unix))]
fn refuse_if_others_can_change(_: &Path) -> Result<(), ConfigError> {
    Ok(())
}

fn count(problems: &[Problem]) -> String {
    match problems.len() {
        1 => "one field".to_owned(),
        many => format!("{many} fields"),
    }
}

fn lines(problems: &[Problem]) -> String {
    problems.iter().map(|problem| format!("  {problem}")).collect::<Vec<_>>().join("\n")
}

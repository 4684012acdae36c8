//! `drawbridge secrets`: keys of services, kept encrypted.

use std::io::{IsTerminal as _, Read as _};
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use clap::Subcommand;

use crate::{home, output, secrets};

#[derive(Debug, Subcommand)]
pub(crate) enum SecretsCommand {
    /// Keep a secret; it is read from standard input, or asked for, and never an argument.
    #[command(after_help = "Example:\n  drawbridge secrets set openai < key.txt")]
    Set {
        /// What to call it; the configuration then says `secret:NAME`.
        name: String,
    },
    /// List the names of the secrets.
    List,
    /// Forget a secret.
    Remove {
        /// Its name.
        name: String,
    },
}

pub(crate) fn run(command: SecretsCommand, json: bool) -> Result<ExitCode> {
    let state = home::state()?;
    match command {
        SecretsCommand::Set { name } => set(&state, &name)?,
        SecretsCommand::Remove { name } if secrets::remove(&state, &name)? => {
            output::line(format!("{name} is forgotten; a running hub keeps it until it starts again."))?;
        }
        SecretsCommand::Remove { name } => bail!("there is no secret {name:?}"),
        SecretsCommand::List if json => output::json(&secrets::names(&state)?)?,
        SecretsCommand::List => secrets::names(&state)?.iter().try_for_each(output::line)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn set(state: &Path, name: &str) -> Result<()> {
    secrets::set(state, name, read()?.trim())?;
    output::line(format!(
        "{name} is kept. In the configuration it is `secret:{name}`; a running hub sees it when it starts again."
    ))
}

/// A secret from standard input: typed by a person, or from a file.
pub(super) fn read() -> Result<String> {
    if std::io::stdin().is_terminal() {
        return super::ask("The secret (it is shown as you type; clear the screen afterwards):")?
            .context("nobody typed a secret");
    }
    let mut text = String::new();
    let bytes_max = secrets::SECRET_BYTES_MAX as u64 + 2;
    std::io::stdin().take(bytes_max).read_to_string(&mut text).context("standard input cannot be read")?;
    Ok(text)
}

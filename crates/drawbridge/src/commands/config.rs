//! `drawbridge config`.

use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;
use serde_json::json;

use crate::config::{CONFIG_FILE, Config, ConfigError, settings};
use crate::{home, output};

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Print the whole configuration as it is in force, defaults included.
    Show,
    /// Name each field that is wrong.
    Check,
    /// Say what each field and each variable is for, and what is in force.
    Explain,
    /// Print where the configuration file is.
    Path,
}

/// Runs one of them.
pub(crate) fn run(command: ConfigCommand, json: bool) -> Result<ExitCode> {
    let state = home::state()?;
    match command {
        ConfigCommand::Show => {
            let config = Config::load(&state)?;
            if json { output::json(&config)? } else { output::line(toml::to_string(&config)?.trim_end())? }
        }
        ConfigCommand::Path => output::line(state.join(CONFIG_FILE).display().to_string())?,
        ConfigCommand::Explain => explain(&state, json)?,
        ConfigCommand::Check => return check(&Config::load(&state), json),
    }
    Ok(ExitCode::SUCCESS)
}

fn explain(state: &std::path::Path, json: bool) -> Result<()> {
    let settings = settings(&Config::load(state), |name| std::env::var(name).ok());
    if json {
        return output::json(&settings);
    }
    settings.iter().try_for_each(|setting| {
        let variable = setting.variable.map_or_else(String::new, |name| format!(" ({name})"));
        output::line(format!(
            "{}{variable} = {}",
            output::bold(&setting.name),
            output::plain_line(&setting.value)
        ))?;
        if let Some(problem) = &setting.problem {
            output::line(format!("    {} {}", output::red("✗"), output::plain_line(problem)))?;
        }
        output::line(format!("    {}", setting.says))
    })
}

fn check(loaded: &Result<Config, ConfigError>, json: bool) -> Result<ExitCode> {
    let problems = match loaded {
        Err(ConfigError::Wrong { problems }) => problems.as_slice(),
        _ => &[],
    };
    match loaded {
        _ if json => output::json(&json!({"ok": loaded.is_ok(), "problems": problems}))?,
        Ok(_) => output::line(output::green("The configuration is right."))?,
        Err(ConfigError::Wrong { problems }) => {
            problems
                .iter()
                .try_for_each(|problem| output::line(format!("{} {problem}", output::red("✗"))))?;
        }
        Err(error) => output::line(format!("{} {error}", output::red("✗")))?,
    }
    Ok(if loaded.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

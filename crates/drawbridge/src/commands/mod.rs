//! The commands: one file each.

pub(crate) mod approvals;
pub(crate) mod audit;
mod beside;
mod bridge;
mod call;
pub(crate) mod config;
mod connect;
mod console;
#[cfg(unix)]
pub(crate) mod daemon;
mod doctor;
pub(crate) mod jobs;
pub(crate) mod keys;
pub(crate) mod licence;
pub(crate) mod llm;
pub(crate) mod logs;
mod manage;
mod papers;
pub(crate) mod schedule;
pub(crate) mod secrets;
mod serve;
pub(crate) mod service;
pub(crate) mod shell;
mod start;
mod status;
mod stdio;
pub(crate) mod terminal;
mod tools;
pub(crate) mod webhooks;
mod worker;

use std::process::ExitCode;

use anyhow::{Context as _, Result};

use crate::cli::{Cli, Command, Ending, StartArguments};
use crate::{home, hub};

pub(crate) use connect::entry;

/// Runs one command to its end.
pub(crate) fn run(cli: Cli) -> Result<ExitCode> {
    match cli.command {
        Command::Serve(arguments) => serve::run(arguments),
        Command::Stdio => stdio::run(),
        Command::Shell(arguments) => shell::run(arguments),
        Command::Worker(arguments) => worker::run(arguments),
        Command::Manage => manage::run(),
        Command::Completions { shell } => papers::completions(shell),
        Command::Man { folder } => papers::man(&folder),
        other => {
            crate::logs::start_on_terminal();
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(run_briefly(other, cli.json))
        }
    }
}

async fn run_briefly(command: Command, json: bool) -> Result<ExitCode> {
    match command {
        Command::Tools { name } => tools::run(name.as_deref(), json).await,
        Command::Call { name, arguments } => call::run(&name, &arguments, json).await,
        Command::Connect(arguments) => connect::run(&arguments, json),
        Command::Doctor => doctor::run(json).await,
        Command::Config(command) => config::run(command, json),
        Command::Console { no_open } => console::run(no_open, json).await,
        Command::Keys(command) => keys::run(command, json).await,
        Command::Licence(command) => licence::run(command, json),
        Command::Approvals(command) => approvals::run(command, json).await,
        Command::Raise => bridge::raise().await,
        Command::Lower => bridge::lower().await,
        Command::Audit(command) => audit::run(command, json).await,
        Command::Status => status::run(json).await,
        Command::Start(StartArguments { listen }) => start::start(&listen).await,
        Command::Stop(Ending { seconds, force }) => start::stop(seconds, force),
        Command::Restart { start, ending } => {
            start::restart(&start.listen, ending.seconds, ending.force).await
        }
        Command::Logs(arguments) => self::logs::run(arguments).await,
        Command::Service(command) => service::run(command, json),
        Command::Llm(command) => llm::run(command, json).await,
        Command::Secrets(command) => secrets::run(command, json),
        Command::Jobs(command) => jobs::run(command, json).await,
        Command::Schedule(command) => schedule::run(command, json).await,
        Command::Webhooks(command) => webhooks::run(command, json).await,
        #[cfg(unix)]
        Command::Daemon(command) => daemon::run(command, json).await,
        Command::Terminal(command) => terminal::run(command, json).await,
        Command::Serve(_)
        | Command::Stdio
        | Command::Shell(_)
        | Command::Worker(_)
        | Command::Manage
        | Command::Completions { .. }
        | Command::Man { .. } => Ok(ExitCode::SUCCESS),
    }
}

/// The store of the state folder, for commands that need no server.
fn store() -> Result<drawbridge_store::Store> {
    hub::open_store(&home::state()?)
}

/// A span of time as people write it: `90s`, `15m`, `12h`, `30d`. Gives microseconds.
fn span_us(text: &str) -> Result<i64, String> {
    let wrong = || format!("{text:?} is not a time such as 90s, 15m, 12h or 30d");
    let unit = text.chars().last().ok_or_else(wrong)?;
    let seconds: i64 = match unit {
        's' => 1,
        'm' => 60,
        'h' => 60 * 60,
        'd' => 24 * 60 * 60,
        _ => return Err(wrong()),
    };
    let count: i64 = text[..text.len() - unit.len_utf8()].parse().map_err(|_| wrong())?;
    if count < 1 {
        return Err(wrong());
    }
    count
        .checked_mul(seconds * 1_000_000)
        .filter(|&span| span <= SPAN_US_MAX)
        .ok_or_else(|| format!("{text} is longer than 100 years"))
}

/// The longest span that can be given, in microseconds: 100 years.
const SPAN_US_MAX: i64 = 100 * 365 * 24 * 60 * 60 * 1_000_000;

/// Asks on the terminal; `None` where no person sits there.
fn ask(question: &str) -> Result<Option<String>> {
    use std::io::{BufRead as _, IsTerminal as _, Write as _};
    if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
        return Ok(None);
    }
    eprint!("{question} ");
    std::io::stderr().flush()?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer).context("the answer cannot be read")?;
    Ok(Some(answer.trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::span_us;

    #[test]
    fn spans_are_read_as_people_write_them() {
        assert_eq!(span_us("90s"), Ok(90_000_000));
        assert_eq!(span_us("2h"), Ok(7_200_000_000));
        assert_eq!(span_us("36500d"), Ok(36_500 * 86_400_000_000));
        for bad in ["", "5", "d", "-1d", "0m", "1w", "1 d", "é", "36501d", "99999999999999999d"] {
            assert!(span_us(bad).is_err(), "{bad:?}");
        }
    }
}

//! Where the log goes: a file a day in `logs/`, the oldest removed; and warnings to the terminal.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use tracing_appender::rolling::{RollingFileAppender, Rotation};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer};

use crate::config::{Config, LogFormat};

/// The folder of log files, in the state folder.
const FOLDER: &str = "logs";
/// How the name of a log file begins and ends; the day is between.
pub(crate) const PREFIX: &str = "drawbridge";
pub(crate) const SUFFIX: &str = "log";

/// Where the log files of a state folder are.
pub(crate) fn folder_of(state: &Path) -> PathBuf {
    state.join(FOLDER)
}

/// The same, made if it is not there yet.
pub(crate) fn folder(state: &Path) -> Result<PathBuf> {
    let folder = folder_of(state);
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    Ok(folder)
}

/// Starts the log of a process that serves: hub or stdio.
pub(crate) fn start(config: &Config, state: &Path) -> Result<()> {
    let filter = EnvFilter::try_new(&config.log.level)
        .with_context(|| format!("log.level {:?} is not a level or filter", config.log.level))?;
    let folder = folder(state)?;
    let file = RollingFileAppender::builder()
        .rotation(Rotation::DAILY)
        .filename_prefix(PREFIX)
        .filename_suffix(SUFFIX)
        .max_log_files(config.log.days)
        .build(&folder)
        .with_context(|| format!("cannot write logs in {}", folder.display()))?;
    let to_file = tracing_subscriber::fmt::layer().with_writer(file).with_ansi(false);
    let to_file = match config.log.format {
        LogFormat::Text => to_file.boxed(),
        LogFormat::Json => to_file.json().boxed(),
    };
    tracing_subscriber::registry().with(to_file.with_filter(filter)).with(to_terminal()).init();
    Ok(())
}

/// Starts the log of a command that ends soon.
pub(crate) fn start_on_terminal() {
    tracing_subscriber::registry().with(to_terminal()).init();
}

fn to_terminal<S>() -> impl Layer<S>
where
    S: tracing::Subscriber + for<'a> tracing_subscriber::registry::LookupSpan<'a>,
{
    tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .without_time()
        .with_target(false)
        // What is wrong with a certificate is said in words where it is refused, and not twice.
        .with_filter(
            Targets::new()
                .with_default(LevelFilter::WARN)
                .with_target("rustls_platform_verifier", LevelFilter::OFF),
        )
}

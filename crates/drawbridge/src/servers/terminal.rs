//! `terminal`, from its part of the configuration and the roots of files.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use drawbridge_sandbox::Sandbox;
use drawbridge_terminal::{Bounds, Terminal, TerminalSettings};

use crate::config::{self, Access, Config};
use crate::home;

/// The server's own folder in the state.
const FOLDER: &str = "terminal";

/// Opens the server: its commands work in the roots of files, as far as they are given.
pub(crate) fn open(config: &Config, state: &Path) -> Result<Terminal> {
    Ok(Terminal::open(settings(config, state)?, Arc::new(Sandbox::new()))?)
}

fn settings(config: &Config, state: &Path) -> Result<TerminalSettings> {
    let terminal = &config.terminal;
    let (writable, readable) = roots(config)?;
    let first = || writable.first().or(readable.first()).cloned();
    let folder = match &terminal.folder {
        Some(folder) => home::expand(folder)?,
        None => first().map_or_else(|| home::expand(Path::new("~")), Ok)?,
    };
    Ok(TerminalSettings {
        shell: terminal.shell.clone(),
        run_shell: terminal.run_shell.clone(),
        confinement: match terminal.confinement {
            config::Confinement::Required => drawbridge_terminal::Confinement::Required,
            config::Confinement::Preferred => drawbridge_terminal::Confinement::Preferred,
            config::Confinement::Off => drawbridge_terminal::Confinement::Off,
        },
        read: readable.into_iter().chain(expanded(&terminal.read)?).collect(),
        write: writable.into_iter().chain(expanded(&terminal.write)?).collect(),
        denied: home::own_folders(state)
            .into_iter()
            .chain(super::daemon_folders(config)?)
            .chain(expanded(&terminal.also_denied)?)
            .collect(),
        network: match terminal.network {
            config::Network::None => drawbridge_terminal::Network::None,
            config::Network::All => drawbridge_terminal::Network::All,
        },
        unix_sockets: terminal.unix_sockets,
        environment: terminal.environment.clone(),
        bounds: Bounds {
            sessions_max: terminal.sessions_max,
            sessions_per_caller_max: terminal.sessions_per_caller_max,
            idle_max: Duration::from_secs(terminal.idle_minutes.saturating_mul(60)),
            ..Bounds::default()
        },
        ..TerminalSettings::new(state.join(FOLDER), folder)
    })
}

/// The roots that can be changed, and those that can be read.
fn roots(config: &Config) -> Result<(Vec<PathBuf>, Vec<PathBuf>)> {
    let (mut writable, mut readable) = (Vec::new(), Vec::new());
    for root in &config.files.roots {
        let folder = home::expand(&root.path)?;
        match root.access {
            Access::ReadWrite => writable.push(folder),
            Access::ReadOnly => readable.push(folder),
        }
    }
    Ok((writable, readable))
}

fn expanded(paths: &[PathBuf]) -> Result<Vec<PathBuf>> {
    paths.iter().map(|path| home::expand(path)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_configured_is_as_the_server_has_it() {
        let settings = settings(&Config::default(), Path::new("/state")).unwrap();
        let own = TerminalSettings::new("/state/terminal", settings.folder.clone());
        assert!(settings.folder.ends_with("Drawbridge"), "{}", settings.folder.display());
        let denied = TerminalSettings { denied: home::own_folders(Path::new("/state")), ..own };
        assert_eq!(format!("{settings:?}"), format!("{denied:?}"));
    }

    #[test]
    fn the_roots_of_files_are_where_commands_work() {
        let text = "[[files.roots]]\nname = 'a'\npath = '/a'\naccess = 'read_only'\n[[files.roots]]\nname = 'b'\npath = '/b'\n\
                    [terminal]\nread = ['/r']\nwrite = ['/w']\nnetwork = 'all'\n";
        let settings = settings(&toml::from_str(text).unwrap(), Path::new("/state")).unwrap();
        assert_eq!(settings.folder, Path::new("/b"));
        assert_eq!(settings.write, ["/b", "/w"].map(PathBuf::from));
        assert_eq!(settings.read, ["/a", "/r"].map(PathBuf::from));
    }
}

//! `daemons`, from its part of the configuration.

use std::collections::BTreeMap;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Result;
use drawbridge_contract::Server;
use drawbridge_daemons::{Daemons, DaemonsSettings, Environment, ProcessSettings, SocketKind};

use crate::config::{self, Config, KeyPlace, Socket, Variable};
use crate::{home, secrets};

/// The folder of descriptions, in the runtime folder, and that of the daemons which the hub runs.
const FOUND: &str = "daemons";
const OWN: &str = "own-daemons";

/// The folder of all logs, in the state folder.
const LOGS: &str = "logs";

/// Groups of methods of the older dialect that are ours and no server's name.
const METHODS: &[&str] = &["auth", "daemons", "file", "fs", "hello", "kv", "licence", "listCapabilities"];

/// Opens the server. Its daemons may not be called as one of `servers`.
pub(crate) fn open(config: &Config, state: &Path, servers: &[Arc<dyn Server>]) -> Result<Arc<Daemons>> {
    let settings = settings(config, state, servers)?;
    make(&settings.folders[0]);
    Ok(Arc::new(Daemons::open(&settings)?))
}

/// Makes the folder of descriptions, so that it is watched before there are any.
fn make(folder: &Path) {
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
    if let Err(error) = made {
        tracing::warn!(%error, folder = %folder.display(), "the folder of daemons cannot be made");
    }
}

/// The folders of descriptions that the owner named, as far as they are there. No caller may write there: what stands
/// there becomes tools.
pub(crate) fn folders(config: &Config) -> Result<Vec<PathBuf>> {
    Ok(named(config)?.into_iter().filter(|folder| folder.is_dir()).collect())
}

fn named(config: &Config) -> Result<Vec<PathBuf>> {
    config.daemons.folders.iter().map(|folder| home::expand(folder)).collect()
}

fn settings(config: &Config, state: &Path, servers: &[Arc<dyn Server>]) -> Result<DaemonsSettings> {
    let runtime = home::runtime(state);
    let mut folders = named(config)?;
    folders.insert(0, runtime.join(FOUND));
    let reserved = servers.iter().map(|server| server.name()).chain(METHODS.iter().copied());
    let process = |(name, daemon): (&String, &config::Daemon)| process(name, daemon, state);
    Ok(DaemonsSettings {
        reserved: reserved.map(str::to_owned).collect(),
        processes: config.daemon.iter().map(process).collect::<Result<_>>()?,
        own_folders: runtime.join(OWN),
        logs: state.join(LOGS),
        folders,
        ..DaemonsSettings::new(state)
    })
}

fn process(name: &str, daemon: &config::Daemon, state: &Path) -> Result<ProcessSettings> {
    let expanded =
        |paths: &[PathBuf]| paths.iter().map(|path| home::expand(path)).collect::<Result<Vec<_>>>();
    let (variables, state) = (daemon.environment.clone(), state.to_owned());
    Ok(ProcessSettings {
        after: daemon.after.clone(),
        folder: daemon.folder.as_deref().map(home::expand).transpose()?,
        confinement: match daemon.confinement {
            config::Confinement::Required => drawbridge_daemons::Confinement::Required,
            config::Confinement::Preferred => drawbridge_daemons::Confinement::Preferred,
            config::Confinement::Off => drawbridge_daemons::Confinement::Off,
        },
        read: expanded(&daemon.read)?,
        write: expanded(&daemon.write)?,
        network: match daemon.network {
            config::Network::None => drawbridge_daemons::Network::None,
            config::Network::All => drawbridge_daemons::Network::All,
        },
        socket: match daemon.socket {
            Socket::Given => SocketKind::Given,
            Socket::Own => SocketKind::Own,
        },
        environment: Environment::new(move || values(&variables, &state)),
        ..ProcessSettings::new(name, daemon.command.iter().map(|word| at_home(word)).collect::<Result<_>>()?)
    })
}

/// A word of a command: `~/` is the owner's home, as everywhere in the configuration.
fn at_home(word: &str) -> Result<String> {
    match word.starts_with("~/") {
        true => Ok(home::expand(Path::new(word))?.to_string_lossy().into_owned()),
        false => Ok(word.to_owned()),
    }
}

/// The values of variables now. What is missing is named, and never what was found.
fn values(variables: &BTreeMap<String, Variable>, state: &Path) -> Result<Vec<(String, String)>, String> {
    let value = |(name, variable): (&String, &Variable)| {
        let found = match variable {
            Variable::Plain(text) => Ok(Some(text.clone())),
            Variable::Place(KeyPlace::Environment(name)) => Ok(std::env::var(name).ok()),
            Variable::Place(KeyPlace::Secret(secret)) => secrets::get(state, secret),
        };
        let found =
            found.map_err(|error| format!("the secret for its variable {name} cannot be read: {error:#}"))?;
        let value = found.ok_or_else(|| {
            format!("its variable {name} is {}, which is not there", String::from(variable.clone()))
        })?;
        Ok((name.clone(), value))
    };
    variables.iter().map(value).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_configured_arrives() {
        let text = "[daemons]\nfolders = ['~/more']\n[daemon.a]\ncommand = ['~/a.py', 'x']\nafter = ['b']\n\
                    socket = 'own'\nnetwork = 'all'\n[daemon.b]\ncommand = ['b']\n";
        let settings = settings(&toml::from_str(text).unwrap(), Path::new("/state"), &[]).unwrap();
        assert!(settings.folders.iter().any(|folder| folder.ends_with("more")), "{settings:?}");
        let [a, b] = &settings.processes[..] else { panic!("{settings:?}") };
        assert!(a.command[0].ends_with("/a.py") && !a.command[0].starts_with('~'));
        assert_eq!(
            (a.socket, a.network, &a.after[..]),
            (SocketKind::Own, drawbridge_daemons::Network::All, &["b".to_owned()][..])
        );
        let usual = ProcessSettings::new("b", vec!["b".to_owned()]);
        assert_eq!(format!("{b:?}"), format!("{usual:?}"));
    }

    #[test]
    fn a_secret_that_is_missing_is_named() {
        let state = tempfile::tempdir().unwrap();
        drop(crate::hub::open_store(state.path()).unwrap());
        let missing =
            BTreeMap::from([("KEY".to_owned(), Variable::try_from("secret:x".to_owned()).unwrap())]);
        assert!(values(&missing, state.path()).unwrap_err().contains("KEY is secret:x"));
        secrets::set(state.path(), "x", "value").unwrap();
        assert_eq!(values(&missing, state.path()).unwrap(), [("KEY".to_owned(), "value".to_owned())]);
    }
}

//! The fields of `[daemons]` and `[daemon.NAME]`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::llm::KeyPlace;
use super::terminal::{Confinement, Network};

#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct Daemons {
    /// Where `NAME.cap.json` are looked for, beside `daemons` in the runtime folder.
    pub(crate) folders: Vec<PathBuf>,
}

/// A daemon that `drawbridge serve` runs itself.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub(crate) struct Daemon {
    /// The program and its arguments; no shell reads them.
    pub(crate) command: Vec<String>,
    /// Daemons that must be ready before.
    #[serde(default)]
    pub(crate) after: Vec<String>,
    /// Where it works; absent is a folder of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) folder: Option<PathBuf>,
    #[serde(default = "preferred")]
    pub(crate) confinement: Confinement,
    /// What it may read, and what it may change, beside what it needs to run.
    #[serde(default)]
    pub(crate) read: Vec<PathBuf>,
    #[serde(default)]
    pub(crate) write: Vec<PathBuf>,
    #[serde(default = "no_network")]
    pub(crate) network: Network,
    #[serde(default)]
    pub(crate) socket: Socket,
    /// Variables: their values, or where those are.
    #[serde(default)]
    pub(crate) environment: BTreeMap<String, Variable>,
}

fn preferred() -> Confinement {
    Confinement::Preferred
}

fn no_network() -> Network {
    Network::None
}

/// Who makes the socket.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Socket {
    /// The hub, which hands it over.
    #[default]
    Given,
    /// The daemon.
    Own,
}

/// A variable's value. A secret is named and never written here.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) enum Variable {
    /// As it is written.
    Plain(String),
    /// From the secrets or our own environment.
    Place(KeyPlace),
}

impl TryFrom<String> for Variable {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, &'static str> {
        if text.starts_with("secret:") || text.starts_with("env:") {
            KeyPlace::try_from(text).map(Self::Place)
        } else {
            Ok(Self::Plain(text))
        }
    }
}

impl From<Variable> for String {
    fn from(variable: Variable) -> Self {
        match variable {
            Variable::Plain(text) => text,
            Variable::Place(place) => place.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_a_place_and_anything_else_is_itself() {
        let daemon: Daemon =
            toml::from_str("command = ['x']\nenvironment = { A = 'secret:a', B = 'b:c', C = 'env:HOME' }")
                .unwrap();
        assert_eq!(daemon.environment["A"], Variable::Place(KeyPlace::Secret("a".to_owned())));
        assert_eq!(daemon.environment["B"], Variable::Plain("b:c".to_owned()));
        assert_eq!(daemon.environment["C"], Variable::Place(KeyPlace::Environment("HOME".to_owned())));
        assert!(toml::from_str::<Daemon>("command = ['x']\nenvironment = { A = 'secret:' }").is_err());
    }
}

//! The fields of `config.toml`. Each has a default that works; `drawbridge config show` prints them all.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use drawbridge_gateway::RuleSettings;
use serde::{Deserialize, Serialize};

use super::daemons::{Daemon, Daemons};
use super::jobs::Jobs;
use super::licence::Licence;
use super::llm::Llm;
use super::terminal::Terminal;
use super::webhooks::Webhooks;

/// Everything that can be configured.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct Config {
    /// Where to listen: one address or several.
    pub(crate) listen: Listen,
    /// Names beyond `localhost` under which this machine may be addressed.
    pub(crate) allowed_hosts: Vec<String>,
    pub(crate) limits: Limits,
    pub(crate) log: Log,
    /// How long the audit is kept, in days; 0 keeps all of it.
    pub(crate) audit_days: u32,
    /// Allow, ask or deny, in their order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) rules: Vec<RuleSettings>,
    pub(crate) licence: Licence,
    pub(crate) files: Files,
    pub(crate) terminal: Terminal,
    pub(crate) llm: Llm,
    pub(crate) daemons: Daemons,
    /// The daemons that the hub runs, by name.
    pub(crate) daemon: BTreeMap<String, Daemon>,
    pub(crate) jobs: Jobs,
    pub(crate) webhooks: Webhooks,
}

/// One address, or several.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(untagged)]
pub(crate) enum Listen {
    One(SocketAddr),
    Several(Vec<SocketAddr>),
}

impl Default for Listen {
    fn default() -> Self {
        Self::One(SocketAddr::from(([127, 0, 0, 1], 4747)))
    }
}

impl Listen {
    pub(crate) fn addresses(&self) -> &[SocketAddr] {
        match self {
            Self::One(address) => std::slice::from_ref(address),
            Self::Several(addresses) => addresses,
        }
    }
}

#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct Limits {
    /// For keys that name no rate of their own; absent is no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) calls_per_minute: Option<u32>,
}

#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct Log {
    /// `error`, `warn`, `info`, `debug` or `trace`, or a filter such as `info,drawbridge_mcp=debug`.
    pub(crate) level: String,
    pub(crate) format: LogFormat,
    /// How many days' files are kept.
    pub(crate) days: usize,
}

impl Default for Log {
    fn default() -> Self {
        Self { level: "info".to_owned(), format: LogFormat::Text, days: 7 }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum LogFormat {
    Text,
    Json,
}

#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct Files {
    /// The folders that callers may use.
    pub(crate) roots: Vec<Root>,
    /// Names that are neither read nor written, besides the built-in ones.
    pub(crate) also_secret: Vec<String>,
    /// Names that are read but not written, besides the built-in ones.
    pub(crate) also_protected: Vec<String>,
}

impl Default for Files {
    /// One folder, `Drawbridge` in the home.
    fn default() -> Self {
        let root =
            Root { name: "Drawbridge".to_owned(), path: "~/Drawbridge".into(), access: Access::ReadWrite };
        Self { roots: vec![root], also_secret: Vec::new(), also_protected: Vec::new() }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) struct Root {
    /// What callers call it.
    pub(crate) name: String,
    /// Where it is; `~/` is the owner's home.
    pub(crate) path: PathBuf,
    #[serde(default)]
    pub(crate) access: Access,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Access {
    ReadOnly,
    #[default]
    ReadWrite,
}

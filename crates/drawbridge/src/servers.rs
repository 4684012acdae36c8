//! The servers that are built in: one line each.

use std::path::Path;
use std::sync::Arc;

use anyhow::Result;
use drawbridge_contract::Server;
use drawbridge_llm::Llm;

use crate::config::Config;

#[cfg(unix)]
mod daemons;
mod files;
mod llm;
mod terminal;

#[cfg(unix)]
pub(crate) use daemons::{folders as daemon_folders, open as daemons};

/// Folders of descriptions: there are none without daemons.
#[cfg(not(unix))]
pub(crate) fn daemon_folders(_: &Config) -> Result<Vec<std::path::PathBuf>> {
    Ok(Vec::new())
}

/// The server of language models, of which the console asks what was used.
pub(crate) fn language_models(config: &Config, state: &Path) -> Result<Arc<Llm>> {
    Ok(Arc::new(llm::open(&config.llm, state)?))
}

/// Every built-in server, as configured. `state` is the folder that no caller may reach.
pub(crate) fn all(config: &Config, state: &Path, llm: &Arc<Llm>) -> Result<Vec<Arc<dyn Server>>> {
    Ok(vec![
        Arc::new(files::open(config, state)?),
        Arc::new(terminal::open(config, state)?),
        llm.clone(),
        Arc::new(drawbridge_kv::Kv::open(state)?),
        Arc::new(drawbridge_server_jobs::jobs()),
        Arc::new(drawbridge_server_jobs::schedules()),
        Arc::new(drawbridge_server_jobs::webhooks()),
    ])
}

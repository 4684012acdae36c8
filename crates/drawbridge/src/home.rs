//! The state folder.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use etcetera::{AppStrategy, AppStrategyArgs};

use crate::config::HOME;

/// The state folder: `$DRAWBRIDGE_HOME`, else `drawbridge` in the platform's folder for data.
pub(crate) fn state() -> Result<PathBuf> {
    if let Some(home) = std::env::var_os(HOME).filter(|home| !home.is_empty()) {
        return std::path::absolute(PathBuf::from(home)).with_context(|| format!("{HOME} is not a path"));
    }
    let names = AppStrategyArgs {
        top_level_domain: "org".into(),
        author: "Drawbridge".into(),
        app_name: "drawbridge".into(),
    };
    let strategy = etcetera::app_strategy::choose_native_strategy(names)
        .context("there is no home folder; set DRAWBRIDGE_HOME")?;
    Ok(strategy.data_dir())
}

/// The folder for what lives as long as the hub, such as sockets: `drawbridge` in the platform's folder for that, or `run`
/// in the state where there is none, or where the state was moved.
pub(crate) fn runtime(state: &Path) -> PathBuf {
    match std::env::var_os("XDG_RUNTIME_DIR")
        .map(PathBuf::from)
        .filter(|folder| folder.is_absolute() && folder.is_dir())
    {
        Some(folder) if !is_moved() => folder.join("drawbridge"),
        _ => state.join("run"),
    }
}

/// What is ours alone, and kept from callers: the state, and the runtime folder where that is elsewhere.
pub(crate) fn own_folders(state: &Path) -> Vec<PathBuf> {
    let runtime = runtime(state);
    let mut own = vec![state.to_owned()];
    // One that cannot be made holds nothing that has to be kept from anybody.
    if !runtime.starts_with(state) && make_private(&runtime).is_ok() {
        own.push(runtime);
    }
    own
}

fn make_private(folder: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Whether the state folder was chosen by the environment, so that what starts us later must be told of it.
pub(crate) fn is_moved() -> bool {
    std::env::var_os(HOME).is_some_and(|home| !home.is_empty())
}

/// `path`, with `~/` as the owner's home.
pub(crate) fn expand(path: &Path) -> Result<PathBuf> {
    match path.strip_prefix("~") {
        Ok(rest) => Ok(etcetera::home_dir().context("there is no home folder for ~")?.join(rest)),
        Err(_) => Ok(path.to_owned()),
    }
}

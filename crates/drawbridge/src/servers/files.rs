//! `files`, from its part of the configuration.

use std::path::Path;

use anyhow::{Context as _, Result};
use drawbridge_files::{Files, FilesSettings, RootSettings};

use crate::config::{self, Config};
use crate::home;

/// Opens the roots. The default root is made when it is missing; one that the owner named is not: a mistyped path
/// should not become an empty folder.
pub(crate) fn open(config: &Config, state: &Path) -> Result<Files> {
    let files = &config.files;
    let is_default = files.roots == Config::default().files.roots;
    let roots = files.roots.iter().map(|root| settings(root, is_default)).collect::<Result<Vec<_>>>()?;
    let mut settings = FilesSettings::of(roots);
    settings.secret_names.extend(files.also_secret.iter().cloned());
    settings.protected_names.extend(files.also_protected.iter().cloned());
    settings.denied_folders.extend(home::own_folders(state));
    settings.denied_folders.extend(super::daemon_folders(config)?);
    Ok(Files::open(settings)?)
}

fn settings(root: &config::Root, make: bool) -> Result<RootSettings> {
    let folder = home::expand(&root.path)?;
    if make {
        std::fs::create_dir_all(&folder)
            .with_context(|| format!("cannot make the folder {}", folder.display()))?;
    }
    let settings = RootSettings::new(&root.name, folder);
    Ok(match root.access {
        config::Access::ReadWrite => settings,
        config::Access::ReadOnly => settings.read_only(),
    })
}

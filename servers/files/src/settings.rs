//! What the owner decides about files.

use std::path::PathBuf;

use crate::disk::denied::{PROTECTED_NAMES, SECRET_NAMES};

/// What the owner decides about files.
#[derive(Debug, Clone)]
pub struct FilesSettings {
    /// The folders that callers may use; at least one.
    pub roots: Vec<RootSettings>,
    /// Names that are neither read nor written, at any depth: each a name, or several joined by `/`. Case is ignored.
    pub secret_names: Vec<String>,
    /// Names that are read but not written, in the same form.
    pub protected_names: Vec<String>,
    /// Folders that no path may reach, such as Drawbridge's own state. They must exist.
    pub denied_folders: Vec<PathBuf>,
    /// How much is kept of what was removed or replaced.
    pub trash: TrashSettings,
    /// How many files and folders may be watched at a time.
    pub watches_max: usize,
    /// How many threads one search uses.
    pub threads_max: usize,
}

/// A folder that callers may use.
#[derive(Debug, Clone)]
pub struct RootSettings {
    /// What callers call it: the first part of its paths. 1 to 64 characters, without `/` and control characters.
    pub name: String,
    /// Where it is. It must exist.
    pub folder: PathBuf,
    /// What callers may do with it.
    pub access: Access,
}

/// What callers may do with a root.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Access {
    /// Look at it.
    ReadOnly,
    /// Look at it and change it.
    ReadWrite,
}

/// How much each root keeps of what was removed or replaced. The oldest goes first, for good; what was put in last is
/// kept even if it alone is larger.
#[derive(Debug, Clone, Copy)]
pub struct TrashSettings {
    /// How many bytes, as far as they were counted.
    pub bytes_max: u64,
    /// How many entries.
    pub entries_max: usize,
    /// How many days.
    pub days_max: u32,
}

impl FilesSettings {
    /// These roots, and the defaults for everything else.
    pub fn of(roots: Vec<RootSettings>) -> Self {
        let own = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        Self {
            roots,
            secret_names: own(SECRET_NAMES),
            protected_names: own(PROTECTED_NAMES),
            denied_folders: Vec::new(),
            trash: TrashSettings::default(),
            watches_max: 256,
            threads_max: 8,
        }
    }
}

impl RootSettings {
    /// A root that callers may change.
    pub fn new(name: impl Into<String>, folder: impl Into<PathBuf>) -> Self {
        Self { name: name.into(), folder: folder.into(), access: Access::ReadWrite }
    }

    /// The same, for reading only.
    pub fn read_only(self) -> Self {
        Self { access: Access::ReadOnly, ..self }
    }
}

impl Default for TrashSettings {
    /// 2 GiB, 2 000 entries, 30 days.
    fn default() -> Self {
        Self { bytes_max: 2 << 30, entries_max: 2_000, days_max: 30 }
    }
}

/// Why the roots cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum FilesError {
    /// No root is configured.
    #[error("no folder is given to callers: name at least one root under [files] in the configuration")]
    NoRoots,
    /// A root has a name that cannot be part of a path, or that another root has.
    #[error("the root's name {name:?} cannot be used: {why}")]
    BadName {
        /// The name.
        name: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A folder cannot be opened.
    #[error("cannot open {}: {source}; make the folder, or correct its path in the configuration", path.display())]
    Open {
        /// The folder.
        path: PathBuf,
        /// What the operating system says.
        source: std::io::Error,
    },
    /// A root lies in a folder that callers must not reach.
    #[error("{} cannot be a root: it belongs to Drawbridge itself", path.display())]
    Ours {
        /// The folder.
        path: PathBuf,
    },
}

//! What `.gitignore` and `.ignore` files exclude. They are read through handles like every other file.

use std::ffi::{OsStr, OsString};
use std::io::{self, Read as _};
use std::path::PathBuf;
use std::sync::Arc;

use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder};

use crate::disk::folder::Folder;
use crate::disk::locate::Here;
use crate::disk::name::Name;
use crate::error::{FileError, Result};
use crate::work::Work;

/// The files with rules; a later one wins.
pub(crate) const RULE_FILES: [&str; 2] = [".gitignore", ".ignore"];
/// How much of such a file is read.
const RULES_BYTES_MAX: u64 = 1024 * 1024;

/// The rules that hold in one folder: its own, and those of the folders above up to the root.
#[derive(Clone)]
pub(crate) struct Rules {
    /// The nearest rules of this folder or above; `None` when there are none.
    nearest: Option<Arc<Node>>,
    /// This folder, from the root down.
    path: PathBuf,
}

struct Node {
    above: Option<Arc<Node>>,
    matcher: Gitignore,
}

impl Rules {
    /// The rules for `here`: reads the files of every folder from the root down.
    pub(crate) fn at(here: &Here<'_>, work: &Work) -> Result<Self> {
        let failed = |error| FileError::io("read the ignore files of", here.show(), error);
        let mut rules = Self { nearest: None, path: PathBuf::new() }.with_files_of(&here.root.folder);
        let mut folder = here.root.folder.clone();
        for part in &here.parts {
            let next = Name::of(part).and_then(|name| folder.folder(name, work.reach())).map_err(failed)?;
            folder = Arc::new(next);
            rules = rules.below(part, &folder);
        }
        Ok(rules)
    }

    /// The rules in the folder `name` below.
    pub(crate) fn below(&self, name: &OsStr, folder: &Folder) -> Self {
        let rules = Self { nearest: self.nearest.clone(), path: self.path.join(name) };
        rules.with_files_of(folder)
    }

    /// Whether the entry `name` is excluded.
    pub(crate) fn ignores(&self, name: &OsStr, is_directory: bool) -> bool {
        let path = self.path.join(name);
        let mut node = self.nearest.as_ref();
        while let Some(rules) = node {
            match rules.matcher.matched(&path, is_directory) {
                Match::Ignore(_) => return true,
                Match::Whitelist(_) => return false,
                Match::None => node = rules.above.as_ref(),
            }
        }
        false
    }

    fn with_files_of(self, folder: &Folder) -> Self {
        let mut builder = GitignoreBuilder::new(&self.path);
        let mut found = false;
        for file in RULE_FILES {
            let Ok(text) = read(folder, &OsString::from(file)) else { continue };
            found = true;
            for line in text.lines() {
                // A rule that cannot be read excludes nothing, as in git.
                let _ = builder.add_line(None, line);
            }
        }
        match builder.build() {
            Ok(matcher) if found && !matcher.is_empty() => {
                let node = Node { above: self.nearest, matcher };
                Self { nearest: Some(Arc::new(node)), path: self.path }
            }
            _ => self,
        }
    }
}

fn read(folder: &Folder, name: &OsStr) -> io::Result<String> {
    let (file, _) = folder.file(Name::of(name)?)?;
    let mut bytes = Vec::new();
    file.take(RULES_BYTES_MAX).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

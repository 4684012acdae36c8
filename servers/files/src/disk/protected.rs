//! Folders that no path reaches, by what they are and not by what they are called (attack D3): Drawbridge's own
//! state. Compared by device and inode, so that no link, bind mount or other spelling leads there.

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};

use super::entries::Entries;
use super::folder::{Folder, Reach};
use super::name::Name;
use super::stat::{Identity, Kind, Stat};

/// How many entries of a protected folder are looked at to recognise a file that has a second name elsewhere. With
/// more than this in it, every file with several names is refused: never the other way round.
const ENTRIES_MAX: usize = 100_000;
/// How deep a protected folder is looked into for the same.
const DEPTH_MAX: usize = 32;
/// How many folders may lie above a protected one.
const ABOVE_MAX: usize = 256;

/// Folders that no path reaches.
pub(crate) struct Protected {
    folders: Vec<Guarded>,
}

struct Guarded {
    identity: Identity,
    /// Kept open: while it is, no other folder can get the same number.
    folder: Folder,
    path: PathBuf,
}

impl Protected {
    /// Opens the folders.
    ///
    /// # Errors
    /// When one cannot be opened: it could not be recognised later.
    pub(crate) fn open(paths: &[PathBuf]) -> Result<Self, (PathBuf, io::Error)> {
        let open = |path: &PathBuf| -> io::Result<Guarded> {
            let folder = Folder::open_root(path)?;
            Ok(Guarded { identity: folder.stat_self()?.identity, folder, path: path.canonicalize()? })
        };
        let open = |path: &PathBuf| open(path).map_err(|error| (path.clone(), error));
        Ok(Self { folders: paths.iter().map(open).collect::<Result<_, _>>()? })
    }

    /// Whether there are any.
    pub(crate) fn is_empty(&self) -> bool {
        self.folders.is_empty()
    }

    /// Whether this is one of them.
    pub(crate) fn is(&self, identity: Identity) -> bool {
        self.folders.iter().any(|guarded| guarded.identity == identity)
    }

    /// Whether `path`, which is absolute and has no links in it, lies in one of them.
    pub(crate) fn holds_path(&self, path: &Path) -> bool {
        self.folders.iter().any(|guarded| path.starts_with(&guarded.path))
    }

    /// Whether this file is one of theirs under a second name.
    pub(crate) fn holds_file(&self, stat: &Stat) -> bool {
        let by_second_name = stat.links > 1 && stat.kind != Kind::Directory;
        by_second_name && self.files().is_none_or(|files| files.contains(&stat.identity))
    }

    /// Every file with several names in them; `None` when there are too many entries to tell.
    pub(crate) fn files(&self) -> Option<HashSet<Identity>> {
        let mut files = HashSet::new();
        let mut entries_left = ENTRIES_MAX;
        for guarded in &self.folders {
            collect(&guarded.folder, DEPTH_MAX, &mut entries_left, &mut files)?;
        }
        Some(files)
    }

    /// The folders above them, up to the top: none of these may be moved or removed.
    pub(crate) fn above(&self) -> HashSet<Identity> {
        self.folders.iter().flat_map(|guarded| up_from(&guarded.path)).collect()
    }
}

/// The folder at an absolute path and those above it, up to the top, by what they are.
pub(crate) fn up_from(path: &Path) -> impl Iterator<Item = Identity> {
    let stat = |path: &Path| Folder::open_root(path).and_then(|folder| folder.stat_self());
    path.ancestors().take(ABOVE_MAX).filter_map(move |path| stat(path).ok()).map(|stat| stat.identity)
}

fn collect(folder: &Folder, depth: usize, left: &mut usize, files: &mut HashSet<Identity>) -> Option<()> {
    // A folder of theirs that cannot be read cannot be vouched for.
    let entries: Entries = folder.entries().ok()?;
    let mut inner = Vec::new();
    let each = entries.each(
        |error| error,
        |name, _| {
            *left = left.checked_sub(1).ok_or(io::ErrorKind::QuotaExceeded)?;
            let Some(stat) = folder.stat_if_there(Name::of(name)?)? else { return Ok(()) };
            match stat.kind {
                Kind::Directory => inner.push(name.to_owned()),
                _ if stat.links > 1 => drop(files.insert(stat.identity)),
                _ => {}
            }
            Ok(())
        },
    );
    each.ok()?;
    for name in inner {
        let below = folder.folder(Name::of(&name).ok()?, Reach::Any).ok()?;
        collect(&below, depth.checked_sub(1)?, left, files)?;
    }
    Some(())
}

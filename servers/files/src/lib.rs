//! Files below the folders that the owner gives.
//!
//! Everything goes through directory handles: a path that a caller writes becomes a root and names below it
//! ([`disk::roots`]), each name is opened in the folder before it without following a link ([`disk::locate`]), and
//! only then is anything read or written. No path is ever checked and then opened by name.
//!
//! **Adding a tool**: one file in `tools/`, one line in `tools::all`.

mod disk;
mod docx;
mod error;
mod listing;
mod reading;
mod resources;
mod searching;
mod settings;
mod text;
mod tools;
mod uri;
mod walk;
mod watching;
mod work;

use std::sync::Arc;
use std::time::{Duration, Instant};

use drawbridge_contract::{CancellationToken, Change, Resources, Server, Tool, broadcast};

pub use disk::denied::{PROTECTED_NAMES, SECRET_NAMES};
pub use settings::{Access, FilesError, FilesSettings, RootSettings, TrashSettings};

use disk::roots::Roots;
use resources::FileResources;
use watching::Watching;
use work::Work;

/// How long the trash is tidied at the start; the rest is done later.
const PRUNE_AT_START_MAX: Duration = Duration::from_secs(60);

/// The server `files`.
pub struct Files {
    tools: Vec<Arc<dyn Tool>>,
    resources: Arc<FileResources>,
}

impl Files {
    /// Opens the roots, and removes what a process that was killed left half-written.
    ///
    /// # Errors
    /// [`FilesError`], which names the root or folder at fault.
    pub fn open(settings: FilesSettings) -> Result<Self, FilesError> {
        let roots = Arc::new(Roots::open(settings)?);
        for root in roots.each().filter(|root| root.access == Access::ReadWrite) {
            disk::replace::remove_left_over(root)
                .map_err(|source| FilesError::Open { path: root.real.clone(), source })?;
        }
        prune_trash(roots.clone());
        let tools = tools::all(&roots);
        Ok(Self { tools, resources: Arc::new(FileResources { roots, watching: Watching::new() }) })
    }
}

/// Drops what is past its bounds, aside: the start does not wait for it.
fn prune_trash(roots: Arc<Roots>) {
    let work = move || {
        let deadline = Instant::now() + PRUNE_AT_START_MAX;
        disk::trash::prune_all(&roots, &Work::patient(CancellationToken::new(), deadline));
    };
    // Without a thread it is done after the next entries.
    let _ = std::thread::Builder::new().name("files-trash".to_owned()).spawn(work);
}

impl Server for Files {
    fn name(&self) -> &str {
        "files"
    }

    fn instructions(&self) -> &str {
        "The files_ tools work on this machine's own files, below the owner's roots. Paths begin with a root's name \
         (files_roots lists them). Removed and replaced files go to a trash, from which files_restore brings them back."
    }

    fn tools(&self) -> Vec<Arc<dyn Tool>> {
        self.tools.clone()
    }

    fn resources(&self) -> Option<Arc<dyn Resources>> {
        Some(self.resources.clone())
    }

    fn changes(&self) -> Option<broadcast::Receiver<Change>> {
        Some(self.resources.watching.changes())
    }
}

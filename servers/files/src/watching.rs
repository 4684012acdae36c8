//! Telling when a file or folder changes. What is watched is the folder around it, because a file that is replaced by
//! renaming is another file; on Linux it is watched by its handle, so that no exchange of names leads elsewhere.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use drawbridge_contract::{Cancellation, Change, Watch, broadcast};
use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};

use crate::disk::denied::Want;
use crate::disk::folder::Folder;
use crate::disk::locate::Last;
use crate::disk::roots::Roots;
use crate::disk::stat::Kind;
use crate::error::{FileError, Result};
use crate::work::Work;

/// How long changes are gathered before they are told: many programs write a file in several steps.
const GATHERED_FOR: Duration = Duration::from_millis(100);
/// How long starting a watch may take.
const START_TIME_MAX: Duration = Duration::from_secs(5);
/// How many changes a slow reader may be behind before it misses some, which it is told.
const CHANGES_KEPT: usize = 1024;

/// Everything that is watched.
pub(crate) struct Watching {
    changes: broadcast::Sender<Change>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Started with the first watch.
    watcher: Option<RecommendedWatcher>,
    /// By the path that the system watches.
    folders: HashMap<PathBuf, Watched>,
    count: usize,
}

/// A folder that the system watches for us.
struct Watched {
    /// Kept open: on Linux it is watched by the number of this handle.
    folder: Arc<Folder>,
    /// What is told, by the name that changes; without a name for any.
    uris: HashMap<Option<OsString>, HashMap<String, usize>>,
}

/// Ends a watch when it is dropped.
struct Guard {
    watching: Arc<Watching>,
    folder: PathBuf,
    name: Option<OsString>,
    uri: String,
}

impl Watching {
    pub(crate) fn new() -> Arc<Self> {
        let changes = broadcast::channel(CHANGES_KEPT).0;
        Arc::new(Self { changes, state: Mutex::default() })
    }

    /// Where changes are told.
    pub(crate) fn changes(&self) -> broadcast::Receiver<Change> {
        self.changes.subscribe()
    }

    /// Watches what `uri` names; `path` is its path for callers.
    pub(crate) fn watch(watching: &Arc<Self>, roots: &Roots, uri: &str, path: &str) -> Result<Watch> {
        let work = Work::patient(Cancellation::new(), Instant::now() + START_TIME_MAX);
        let place = roots.place(path, Last::Follow, Want::Read, &work)?;
        let stat = place.there()?;
        let (folder, real, name) = if stat.kind == Kind::Directory {
            let here = roots.open_folder(&place, &work)?;
            (here.folder, here.parts, None)
        } else {
            let (mut above, name) = (place.parts.clone(), place.parts.last().cloned());
            above.pop();
            (place.parent.clone(), above, name)
        };
        let real: PathBuf =
            [place.root.real.clone()].into_iter().chain(real.iter().map(PathBuf::from)).collect();
        let failed = |error: notify::Error| {
            FileError::io("watch", place.show(), std::io::Error::other(error.to_string()))
        };
        let mut state = watching.state();
        if state.count >= roots.settings.watches_max {
            let max = roots.settings.watches_max;
            return Err(FileError::TooLarge(format!(
                "{max} files are watched already; end a subscription first"
            )));
        }
        let key = state.add(watching, folder, real).map_err(failed)?;
        let uris = state.folders.get_mut(&key).map(|watched| watched.uris.entry(name.clone()).or_default());
        if let Some(uris) = uris {
            *uris.entry(uri.to_owned()).or_default() += 1;
        }
        state.count += 1;
        Ok(Watch::new(Guard { watching: watching.clone(), folder: key, name, uri: uri.to_owned() }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is to be told when something happens at these paths.
    fn uris(&self, paths: &HashSet<PathBuf>) -> BTreeSet<String> {
        let state = self.state();
        let mut uris = BTreeSet::new();
        for path in paths {
            // An event names the folder that is watched, or an entry of it.
            let own = state.folders.get(path).map(|watched| (watched, None));
            let above = path.parent().and_then(|above| state.folders.get(above));
            let entry = above.map(|watched| (watched, path.file_name().map(OsString::from)));
            for (watched, name) in [own, entry].into_iter().flatten() {
                let whole = watched.uris.get(&None);
                let named = name.as_ref().and_then(|_| watched.uris.get(&name));
                uris.extend([whole, named].into_iter().flatten().flat_map(|uris| uris.keys().cloned()));
            }
        }
        uris
    }
}

impl State {
    /// Has the system watch a folder, if it does not yet; the path by which it does.
    fn add(
        &mut self,
        watching: &Arc<Watching>,
        folder: Arc<Folder>,
        real: PathBuf,
    ) -> notify::Result<PathBuf> {
        if let Some(known) = self.known(&folder) {
            return Ok(known);
        }
        let path = watched_path(&folder, real);
        let watcher = match &mut self.watcher {
            Some(watcher) => watcher,
            none => none.insert(start(watching)?),
        };
        watcher.watch(&path, RecursiveMode::NonRecursive)?;
        if !is_that_folder(&path, &folder) {
            let _ = watcher.unwatch(&path);
            return Err(notify::Error::generic("it was exchanged while the watch began; try again"));
        }
        self.folders.insert(path.clone(), Watched { folder, uris: HashMap::new() });
        Ok(path)
    }

    fn known(&self, folder: &Folder) -> Option<PathBuf> {
        let identity = folder.stat_self().ok()?.identity;
        let is_it =
            |watched: &Watched| watched.folder.stat_self().is_ok_and(|stat| stat.identity == identity);
        self.folders.iter().find(|(_, watched)| is_it(watched)).map(|(path, _)| path.clone())
    }

    fn remove(&mut self, guard: &Guard) {
        self.count -= 1;
        let Some(watched) = self.folders.get_mut(&guard.folder) else { return };
        if let Some(uris) = watched.uris.get_mut(&guard.name) {
            match uris.get_mut(&guard.uri) {
                Some(count) if *count > 1 => *count -= 1,
                _ => drop(uris.remove(&guard.uri)),
            }
            if uris.is_empty() {
                watched.uris.remove(&guard.name);
            }
        }
        if watched.uris.is_empty() {
            self.folders.remove(&guard.folder);
            // It may be gone with its folder.
            let _ = self.watcher.as_mut().map(|watcher| watcher.unwatch(&guard.folder));
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.watching.state().remove(self);
    }
}

/// The path by which a folder is watched: its handle, where the system has paths for handles.
#[cfg(fast)]
fn watched_path(folder: &Folder, real: PathBuf) -> PathBuf {
    let handle = folder.handle_path();
    if is_that_folder(&handle, folder) { handle } else { real }
}

#[cfg(not(fast))]
fn watched_path(_: &Folder, real: PathBuf) -> PathBuf {
    real
}

/// Whether the path still leads to this folder, now that it is watched.
fn is_that_folder(path: &Path, folder: &Folder) -> bool {
    let identity = |folder: &Folder| folder.stat_self().map(|stat| stat.identity).ok();
    Folder::open_root(path).is_ok_and(|now| identity(&now).is_some() && identity(&now) == identity(folder))
}

/// Starts the system's watcher, and the thread that gathers and tells what it sees.
fn start(watching: &Arc<Watching>) -> notify::Result<RecommendedWatcher> {
    let (sender, receiver) = channel::<PathBuf>();
    let watcher = notify::recommended_watcher(move |event| pass_on(&sender, event))?;
    let watching = Arc::downgrade(watching);
    let tell = move || {
        while let Some(paths) = gathered(&receiver) {
            let Some(watching) = watching.upgrade() else { return };
            for uri in watching.uris(&paths) {
                // Nobody may be listening.
                let _ = watching.changes.send(Change::Resource(uri));
            }
        }
    };
    std::thread::Builder::new().name("files-watch".to_owned()).spawn(tell).map_err(notify::Error::io)?;
    Ok(watcher)
}

fn pass_on(sender: &Sender<PathBuf>, event: notify::Result<notify::Event>) {
    let Ok(event) = event else { return };
    if matches!(event.kind, EventKind::Access(_)) {
        return;
    }
    for path in event.paths {
        // The receiver lives as long as the watcher does.
        let _ = sender.send(path);
    }
}

/// Waits for a change, and then a little for those that belong to it; `None` at the end.
fn gathered(receiver: &Receiver<PathBuf>) -> Option<HashSet<PathBuf>> {
    let mut paths = HashSet::from([receiver.recv().ok()?]);
    let until = Instant::now() + GATHERED_FOR;
    loop {
        match receiver.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok(path) => drop(paths.insert(path)),
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return Some(paths),
        }
    }
}

//! Looking again when something happened in a folder, and now and then.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Weak};
use std::time::Duration;

use notify::event::{AccessKind, AccessMode};
use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::Notify;

use crate::registry::Registry;

/// How long changes are gathered: a file is written in several steps, and nobody can make us look more often.
const GATHERED_FOR: Duration = Duration::from_millis(150);

/// Looks for as long as the registry lives.
pub(crate) async fn run(registry: Weak<Registry>, every: Duration) {
    let happened = Arc::new(Notify::new());
    let mut watcher = watcher(happened.clone());
    let mut watched = HashMap::new();
    loop {
        {
            let Some(registry) = registry.upgrade() else { return };
            if let Some(watcher) = &mut watcher {
                watch(watcher, &mut watched, &registry);
            }
            // A thread that panics has told so; the next look is another.
            let _ = tokio::task::spawn_blocking(move || registry.rescan()).await;
        }
        let _ = tokio::time::timeout(every, happened.notified()).await;
        tokio::time::sleep(GATHERED_FOR).await;
    }
}

/// Without it, as where the system has no more watches, looking now and then is all there is.
fn watcher(happened: Arc<Notify>) -> Option<RecommendedWatcher> {
    let told = move |event: notify::Result<notify::Event>| {
        if event.is_ok_and(|event| is_news(event.kind)) {
            happened.notify_one();
        }
    };
    notify::recommended_watcher(told)
        .inspect_err(|error| tracing::warn!(%error, "folders of daemons are only looked at now and then"))
        .ok()
}

/// Reading is none, or our own looking would be news to us.
fn is_news(kind: EventKind) -> bool {
    !kind.is_access() || kind == EventKind::Access(AccessKind::Close(AccessMode::Write))
}

/// Watches folders that are there and were not. One that was removed and made again is another.
fn watch(watcher: &mut RecommendedWatcher, watched: &mut HashMap<PathBuf, u64>, registry: &Registry) {
    use std::os::unix::fs::MetadataExt as _;
    for path in registry.folders() {
        let Ok(meta) = std::fs::symlink_metadata(path) else { continue };
        if meta.is_dir() && watched.get(path) != Some(&meta.ino()) {
            match watcher.watch(path, RecursiveMode::NonRecursive) {
                Ok(()) => drop(watched.insert(path.to_owned(), meta.ino())),
                Err(error) => {
                    tracing::warn!(%error, path = %path.display(), "a folder of daemons cannot be watched");
                }
            }
        }
    }
}

//! A hub on the embedded engine, in a process of its own, that is killed.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use drawbridge_jobs::worker::WorkerSettings;
use drawbridge_jobs::{Embedded, NewJob, Settings};

use crate::killed::{Hub, work_until_killed};
use crate::support::{job, quick};

const FOLDER: &str = "DRAWBRIDGE_TEST_FOLDER";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a process that others kill"]
async fn child_works_until_killed() {
    let folder = PathBuf::from(std::env::var_os(FOLDER).expect("started by its parent"));
    let engine = Embedded::open(&folder, Settings::default()).unwrap();
    let new = |_| NewJob { policy: Some(quick(1_000)), ..job("moody") };
    work_until_killed(Arc::new(engine), WorkerSettings::new("child", 8), 0, new).await;
}

/// A hub with its jobs in that folder.
pub(crate) fn hub(folder: &Path) -> Hub {
    Hub::running("processes::child_works_until_killed", &[(FOLDER, folder.as_os_str())])
}

/// Lets one good worker finish everything.
pub(crate) async fn finish(engine: &Embedded) {
    crate::killed::finish(Arc::new(engine.clone())).await;
}

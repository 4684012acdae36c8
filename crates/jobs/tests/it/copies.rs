//! A power cut, simulated: the files as they are at any moment open, and are consistent. (That commits wait for the disk is
//! another matter; the file's own tests look at the setting.)

use std::path::Path;
use std::time::{Duration, Instant};

use drawbridge_jobs::{Embedded, Engine, JOBS_FILE, Settings};
use rusqlite::Connection;
use rustix::process::{Pid, Signal, kill_process};

use crate::files::check_whole;
use crate::killed::{Hub, check_kept, count};
use crate::processes::{finish, hub};

const COPIES: u64 = 25;

/// Copies what a power cut would leave. The process stands still meanwhile, so that this is one moment.
fn copy(hub: &Hub, from: &Path, to: &Path) {
    let process = Pid::from_child(&hub.process);
    kill_process(process, Signal::STOP).unwrap();
    std::thread::sleep(Duration::from_millis(20)); // what it told before arrives
    for name in [JOBS_FILE, "jobs.db-wal"] {
        std::fs::copy(from.join(name), to.join(name)).unwrap();
    }
}

fn go_on(hub: &Hub) {
    kill_process(Pid::from_child(&hub.process), Signal::CONT).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_of_any_moment_is_whole() {
    let folder = tempfile::tempdir().unwrap();
    let hub = hub(folder.path());
    let until = Instant::now() + Duration::from_secs(60);
    while count(&hub.told(), "completed") < 3 {
        assert!(Instant::now() < until, "nothing is completed");
        std::thread::sleep(Duration::from_millis(5));
    }
    for round in 0..COPIES {
        std::thread::sleep(Duration::from_millis(round * 7919 % 61));
        let copied = tempfile::tempdir().unwrap();
        copy(&hub, folder.path(), copied.path());
        let told = hub.told();
        go_on(&hub);
        let engine = Embedded::open(copied.path(), Settings::default()).unwrap();
        check_kept(&engine, &told).await;
        if round % 8 == 0 {
            finish(&engine).await;
            check_kept(&engine, &told).await;
        }
        engine.close().await.unwrap();
        check_whole(&Connection::open(copied.path().join(JOBS_FILE)).unwrap());
    }
    let told = hub.kill();
    assert!(count(&told, "completed") as u64 > COPIES, "it hardly worked");
}

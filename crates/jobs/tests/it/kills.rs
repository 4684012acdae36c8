//! `kill -9` of the hub and its worker at any moment, again and again.

use std::time::Duration;

use drawbridge_jobs::{Embedded, Engine, JOBS_FILE, Settings};
use rusqlite::Connection;

use crate::files::check_whole;
use crate::killed::{Told, check_kept, count};
use crate::processes::{finish, hub};

/// How often; more with `DRAWBRIDGE_TEST_KILLS`. Fewer than a job has attempts: the oldest may be killed each time.
const KILLS: u64 = 90;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_and_nothing_is_done_twice() {
    let kills =
        std::env::var("DRAWBRIDGE_TEST_KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(KILLS);
    let folder = tempfile::tempdir().unwrap();
    let mut told = Told::new();
    for round in 0..kills {
        let hub = hub(folder.path());
        // From the very start, when it opens the file, to the middle of its work.
        std::thread::sleep(Duration::from_millis(round * 7919 % 31));
        hub.until_completed(usize::try_from(round % 4).unwrap());
        told.extend(hub.kill());
    }
    let engine = Embedded::open(folder.path(), Settings::default()).unwrap();
    check_kept(&engine, &told).await;
    finish(&engine).await;
    check_kept(&engine, &told).await;
    engine.close().await.unwrap();
    check_whole(&Connection::open(folder.path().join(JOBS_FILE)).unwrap());
    let counts = ["submitted", "completed", "cancelled"].map(|kind| count(&told, kind));
    println!("{kills} kills: {counts:?} submitted, completed, cancelled");
    // Few are cancelled: how many depends on what the machine did in which order.
    let enough = [kills, kills, kills / 10];
    let is_enough = counts.iter().zip(enough).all(|(count, enough)| *count as u64 > enough);
    assert!(is_enough, "the hubs hardly worked: {counts:?}");
}

//! The file: whose it is, who may have it open, and a disk that is full.

use std::os::unix::fs::PermissionsExt;

use drawbridge_jobs::{Embedded, Engine, EngineError, Filter, JOBS_FILE, NewJob, Scope, Settings, State};
use rusqlite::Connection;

use crate::support::{LEASE_MS, claim, claim_one, complete, embedded, job, json};

#[tokio::test]
async fn everything_is_there_after_a_restart() {
    let (folder, engine) = embedded();
    let ids = engine.submit_many(vec![job("a"), job("b"), job("c")]).await.unwrap();
    engine.pause("default".into()).await.unwrap();
    engine
        .limit(Scope::Tool(None), drawbridge_jobs::Limit { running_max: Some(9), rate: None })
        .await
        .unwrap();
    engine.close().await.unwrap();
    assert!(matches!(engine.submit(job("late")).await, Err(EngineError::Closed)));
    assert!(matches!(engine.check_health().await, Err(EngineError::Closed)));
    assert!(engine.close().await.is_ok(), "twice is fine");

    let engine = Embedded::open(folder.path(), Settings::default()).unwrap();
    assert!(engine.counts().await.unwrap()[0].paused);
    assert_eq!(engine.limits().await.unwrap().len(), 1);
    engine.resume("default".into()).await.unwrap();
    let work = claim(&engine, "one", 10).await;
    assert_eq!(
        work.iter().map(|work| &work.lease.id).collect::<Vec<_>>(),
        ids.iter().map(|one| &one.id).collect::<Vec<_>>()
    );
    let next = engine.submit(job("d")).await.unwrap().id;
    assert!(ids.iter().all(|one| one.id != next));
}

#[tokio::test]
async fn a_number_is_never_given_twice() {
    let (folder, engine) = embedded();
    let id = engine.submit(job("a")).await.unwrap().id;
    engine.cancel(id.clone()).await.unwrap();
    engine.discard(id.clone()).await.unwrap();
    engine.close().await.unwrap();
    let engine = Embedded::open(folder.path(), Settings::default()).unwrap();
    let next = engine.submit(job("b")).await.unwrap().id;
    let number = |id: &drawbridge_jobs::JobId| id.as_str().split_once('-').unwrap().0.to_owned();
    assert_ne!(number(&id), number(&next));
}

#[tokio::test]
async fn only_one_process_has_it_open() {
    let (folder, engine) = embedded();
    let second = Embedded::open(folder.path(), Settings::default());
    assert!(matches!(second, Err(EngineError::InUse)));
    drop(engine);
    assert!(Embedded::open(folder.path(), Settings::default()).is_ok());
}

#[tokio::test]
async fn files_are_private_and_others_are_left_alone() {
    let (folder, engine) = embedded();
    for name in [JOBS_FILE, "jobs.db-wal", "jobs.lock"] {
        let mode = std::fs::metadata(folder.path().join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    drop(engine);
    let foreign = tempfile::tempdir().unwrap();
    std::fs::set_permissions(foreign.path(), PermissionsExt::from_mode(0o700)).unwrap();
    let path = foreign.path().join(JOBS_FILE);
    Connection::open(&path).unwrap().execute_batch("CREATE TABLE mine (x)").unwrap();
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
    let before = std::fs::read(&path).unwrap();
    assert!(matches!(Embedded::open(foreign.path(), Settings::default()), Err(EngineError::Open(_))));
    assert_eq!(std::fs::read(&path).unwrap(), before);
    std::fs::write(&path, "this is no database, but a text that is long enough to be looked at").unwrap();
    assert!(matches!(Embedded::open(foreign.path(), Settings::default()), Err(EngineError::Open(_))));
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o644)).unwrap();
    assert!(matches!(Embedded::open(foreign.path(), Settings::default()), Err(EngineError::Open(_))));
}

#[tokio::test]
async fn a_newer_file_is_left_alone() {
    let (folder, engine) = embedded();
    drop(engine);
    let other = Connection::open(folder.path().join(JOBS_FILE)).unwrap();
    other.pragma_update(None, "user_version", 99).unwrap();
    drop(other);
    let opened = Embedded::open(folder.path(), Settings::default());
    assert!(opened.is_err_and(|error| error.to_string().contains("newer")));
}

/// A disk that is full, as the database's own bound makes it: what was told no is not there, what was told yes is,
/// memory agrees with the file, and everything goes on once there is room.
#[tokio::test]
async fn a_full_disk_is_told_and_survived() {
    let folder = tempfile::tempdir().unwrap();
    let bounded = || Settings { file_bytes_max: Some(2 << 20), ..Settings::default() };
    let engine = Embedded::open(folder.path(), bounded()).unwrap();
    let large = || NewJob { arguments: json(&format!("\"{}\"", "x".repeat(100_000))), ..job("large") };
    engine.submit(job("small")).await.unwrap();
    let running = claim_one(&engine, "one", LEASE_MS).await;
    let mut accepted = 0;
    let refusal = loop {
        match engine.submit(large()).await {
            Ok(_) => accepted += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(refusal, EngineError::Full { .. }), "{refusal}");
    assert!(refusal.is_passing() && accepted > 5);
    engine.check_health().await.unwrap(); // there is room for a little
    let counts = engine.counts().await.unwrap().remove(0);
    assert_eq!(counts.of(State::Queued), accepted);
    let beats = drawbridge_jobs::Heartbeat { leases: vec![running.lease.clone()], lease_ms: LEASE_MS };
    assert_eq!(
        engine.heartbeat(beats).await.unwrap(),
        [drawbridge_jobs::Beat::GoOn],
        "workers keep their jobs"
    );

    // One that finds no room takes those down with it that share its commit. Each is told so, and none of them stays.
    for _ in 0..20 {
        let new = |number: usize| if number % 8 == 7 { large() } else { job("small") };
        let asked = (0..32).map(|number| {
            let (engine, new) = (engine.clone(), new(number));
            tokio::spawn(async move { engine.submit(new).await.is_ok() })
        });
        let asked: Vec<_> = asked.collect();
        for one in asked {
            accepted += u64::from(one.await.unwrap());
        }
    }
    assert_eq!(engine.counts().await.unwrap()[0].of(State::Queued), accepted);

    let ours = Filter { tool: Some("large".into()), ..Filter::in_states(&[State::Queued]) };
    let page = engine.list(ours, None, 3).await.unwrap();
    for waiting in page.jobs {
        engine.cancel(waiting.id.clone()).await.unwrap();
        engine.discard(waiting.id).await.unwrap();
        accepted -= 1;
    }
    complete(&engine, &running.lease, "1").await.unwrap();
    engine.submit(large()).await.unwrap();
    accepted += 1;
    assert_eq!(engine.counts().await.unwrap()[0].of(State::Queued), accepted);
    assert_eq!(claim(&engine, "one", 1_000).await.len() as u64, accepted);
    engine.close().await.unwrap();
    check_whole(&Connection::open(folder.path().join(JOBS_FILE)).unwrap());
}

/// The database is whole, and what is counted is there.
pub(crate) fn check_whole(connection: &Connection) {
    let text = |sql: &str| connection.query_row(sql, (), |row| row.get::<_, String>(0)).unwrap();
    assert_eq!(text("PRAGMA integrity_check"), "ok");
    for state in 0..8 {
        let number = |sql: String| connection.query_row(&sql, (), |row| row.get::<_, i64>(0)).unwrap();
        let counted = number(format!("SELECT coalesce(sum(s{state}), 0) FROM tally"));
        assert_eq!(
            counted,
            number(format!("SELECT count(*) FROM job WHERE state = {state}")),
            "state {state}"
        );
    }
    let number = |sql: &str| connection.query_row(sql, (), |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(number("SELECT count(*) FROM job WHERE id NOT IN (SELECT job FROM arguments)"), 0);
    assert_eq!(
        number(
            "SELECT count(*) FROM job WHERE state = 4 AND id NOT IN (SELECT job FROM outcome WHERE result IS NOT NULL)"
        ),
        0,
        "completed without a result"
    );
    assert_eq!(
        number(
            "SELECT count(*) FROM (SELECT job FROM event WHERE what = 3 GROUP BY job HAVING count(*) > 1)"
        ),
        0,
        "completed twice"
    );
    let miscounted = "SELECT count(*) FROM job AS up WHERE state < 4 AND children_open <> \
                      (SELECT count(*) FROM job AS down WHERE down.parent = up.id AND down.flags & 16 <> 0)";
    assert_eq!(number(miscounted), 0, "children are miscounted");
}

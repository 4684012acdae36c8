//! What is forgotten, and what is not.

use std::sync::Arc;

use drawbridge_jobs::{
    AttemptEnd, Embedded, Engine, EngineError, Failure, Keep, NewJob, Retention, Settings, State, bounds,
};
use tempfile::TempDir;

use crate::support::{SetClock, claim, complete, job, say};

fn open(clock: &Arc<SetClock>, retention: Retention) -> (TempDir, Embedded) {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::clone(clock) as _;
    let engine = Embedded::open(folder.path(), Settings { clock, retention, ..Settings::default() }).unwrap();
    (folder, engine)
}

async fn total(engine: &Embedded, state: State) -> u64 {
    engine.counts().await.unwrap().iter().map(|queue| queue.of(state)).sum()
}

async fn end_some(engine: &Embedded, count: usize, well: bool) {
    engine.submit_many((0..count).map(|_| job("x")).collect()).await.unwrap();
    for work in claim(engine, "one", count).await {
        if well {
            complete(engine, &work.lease, "1").await.unwrap();
        } else {
            say(engine, &work.lease, AttemptEnd::Failed(Failure::last("tool", "no"))).await.unwrap();
        }
    }
}

#[tokio::test]
async fn what_is_old_is_forgotten() {
    let clock = SetClock::new();
    let retention = Retention {
        well: Keep { age_ms: 1_000, count: 1_000 },
        badly: Keep { age_ms: 5_000, count: 1_000 },
        ..Retention::default()
    };
    let (_folder, engine) = open(&clock, retention);
    let keyed = NewJob { idempotency_key: Some("k".into()), ..job("x") };
    let first = engine.submit(keyed.clone()).await.unwrap();
    end_some(&engine, 300, true).await;
    clock.pass(500);
    end_some(&engine, 2, true).await;
    end_some(&engine, 3, false).await;
    clock.pass(499);
    engine.tick().await.unwrap();
    assert_eq!(total(&engine, State::Completed).await, 302, "not yet");
    clock.pass(1);
    engine.tick().await.unwrap();
    while total(&engine, State::Completed).await > 2 {
        engine.tick().await.unwrap();
    }
    assert_eq!(total(&engine, State::Completed).await, 2);
    assert_eq!(total(&engine, State::Failed).await, 3);
    assert!(matches!(engine.get(first.id).await, Err(EngineError::NotFound { .. })));
    assert!(!engine.submit(keyed).await.unwrap().existed, "its key is free again");
    clock.pass(5_000);
    engine.tick().await.unwrap();
    assert_eq!(total(&engine, State::Failed).await, 0);
    assert_eq!(total(&engine, State::Queued).await, 2, "what has not ended is never forgotten");
}

#[tokio::test]
async fn what_is_too_much_is_forgotten_oldest_first() {
    let clock = SetClock::new();
    let well = Keep { age_ms: u64::MAX, count: 20 };
    let (_folder, engine) = open(&clock, Retention { well, ..Retention::default() });
    for _ in 0..10 {
        end_some(&engine, 10, true).await;
        clock.pass(1);
    }
    engine.tick().await.unwrap();
    let kept = engine.list(Default::default(), None, 100).await.unwrap().jobs;
    assert!((20..=21).contains(&kept.len()), "{}", kept.len());
    assert!(kept.iter().all(|job| job.created_ms >= kept[0].created_ms - 2), "the newest are kept");
}

#[tokio::test]
async fn the_history_is_shortened_but_not_beyond_its_readers() {
    let clock = SetClock::new();
    let (_folder, engine) = open(&clock, Retention { history: 1_000, ..Retention::default() });
    engine.keep_since("webhooks".into(), 2_000).await.unwrap();
    let fill = async || {
        for _ in 0..6 {
            let jobs = engine.submit_many((0..1_000).map(|_| job("x")).collect()).await.unwrap();
            assert_eq!(jobs.len(), 1_000);
        }
        engine.tick().await.unwrap();
        engine.history(0, None, bounds::PAGE_MAX).await.unwrap()[0].seq
    };
    let first = fill().await;
    assert!(first <= 2_001, "{first}: entries that a reader has not seen are kept");
    engine.keep_since("webhooks".into(), 5_900).await.unwrap();
    engine.tick().await.unwrap();
    let first = engine.history(0, None, 1).await.unwrap()[0].seq;
    assert!((4_001..=5_901).contains(&first), "{first}");
    fill().await;
    let first = fill().await;
    assert!(first > 6_000, "{first}: a reader that never comes back does not keep everything");
}

#[tokio::test]
async fn there_is_a_bound_to_what_waits() {
    let folder = tempfile::tempdir().unwrap();
    let engine = Embedded::open(folder.path(), Settings { open_max: 3, ..Settings::default() }).unwrap();
    engine.submit_many(vec![job("x"); 3]).await.unwrap();
    assert!(matches!(engine.submit(job("x")).await, Err(EngineError::TooMany { .. })));
    let work = claim(&engine, "one", 1).await.remove(0);
    complete(&engine, &work.lease, "1").await.unwrap();
    engine.submit(job("x")).await.unwrap();
}

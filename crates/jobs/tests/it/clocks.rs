//! Time: leases on the steady clock, appointments on the wall's, and somebody who sets it.

use std::sync::Arc;

use drawbridge_jobs::{
    Backoff, Beat, Claim, Embedded, Engine, Exchange, Heartbeat, NewJob, Policy, Settings, Start, State, Work,
};
use tempfile::TempDir;

use crate::support::{SetClock, complete, job};

const HOUR_MS: i64 = 3_600_000;

fn open(clock: &Arc<SetClock>) -> (TempDir, Embedded) {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::clone(clock) as _;
    let engine = Embedded::open(folder.path(), Settings { clock, ..Settings::default() }).unwrap();
    (folder, engine)
}

async fn claim(engine: &Embedded) -> Work {
    let message = Exchange::claim("one", Claim::now(1, 30_000));
    engine.exchange(message).await.unwrap().work.remove(0)
}

async fn state(engine: &Embedded, work: &Work) -> State {
    engine.get(work.lease.id.clone()).await.unwrap().state
}

#[tokio::test]
async fn a_clock_that_is_set_takes_no_job_away() {
    let clock = SetClock::new();
    let (_folder, engine) = open(&clock);
    engine.submit(job("runs")).await.unwrap();
    let work = claim(&engine).await;
    for jump in [24 * HOUR_MS, -48 * HOUR_MS] {
        clock.jump(jump);
        engine.tick().await.unwrap();
        assert_eq!(state(&engine, &work).await, State::Running);
    }
    complete(&engine, &work.lease, "1").await.unwrap();
    assert_eq!(state(&engine, &work).await, State::Completed);
}

#[tokio::test]
async fn a_lease_ends_when_its_time_has_passed_and_not_before() {
    let clock = SetClock::new();
    let (_folder, engine) = open(&clock);
    engine.submit(job("runs")).await.unwrap();
    let work = claim(&engine).await;
    clock.pass(29_999);
    engine.tick().await.unwrap();
    assert_eq!(state(&engine, &work).await, State::Running);
    clock.pass(1);
    engine.tick().await.unwrap();
    assert_eq!(state(&engine, &work).await, State::Queued);
}

/// The machine slept, or was so busy that we did not run. Workers could not reach us, so their silence proves nothing.
#[tokio::test]
async fn whoever_was_away_forgives_silence() {
    let clock = SetClock::new();
    let (_folder, engine) = open(&clock);
    engine.submit(job("runs")).await.unwrap();
    let work = claim(&engine).await;
    engine.tick().await.unwrap(); // it goes to sleep until the lease ends
    crate::support::sleep_ms(20).await;
    clock.pass(HOUR_MS);
    engine.tick().await.unwrap();
    assert_eq!(state(&engine, &work).await, State::Running);
    let beats = Heartbeat { leases: vec![work.lease.clone()], lease_ms: 30_000 };
    assert_eq!(engine.heartbeat(beats).await.unwrap(), [Beat::GoOn]);
}

#[tokio::test]
async fn appointments_follow_the_wall_clock() {
    let clock = SetClock::new();
    let (_folder, engine) = open(&clock);
    let late = NewJob { start: Start::After(HOUR_MS.unsigned_abs()), ..job("late") };
    let id = engine.submit(late).await.unwrap().id;
    let state = async || engine.get(id.clone()).await.unwrap().state;
    clock.jump(-HOUR_MS);
    clock.pass(HOUR_MS);
    engine.tick().await.unwrap();
    assert_eq!(state().await, State::Scheduled, "the clock was set back, so it is not the time yet");
    clock.jump(HOUR_MS);
    engine.tick().await.unwrap();
    assert_eq!(state().await, State::Queued);
}

#[tokio::test]
async fn pauses_grow_between_attempts() {
    let clock = SetClock::new();
    let (_folder, engine) = open(&clock);
    let backoff = Backoff { base_ms: 1_000, max_ms: 3_000, jitter_percent: 0 };
    let policy = Policy { attempts_max: 4, backoff, deadline_after_ms: None };
    engine.submit(NewJob { policy: Some(policy), ..job("fails") }).await.unwrap();
    for pause in [1_000, 2_000, 3_000] {
        let work = claim(&engine).await;
        crate::support::say(&engine, &work.lease, crate::support::broken()).await.unwrap();
        clock.pass(pause - 1);
        engine.tick().await.unwrap();
        assert_eq!(state(&engine, &work).await, State::Scheduled);
        clock.pass(1);
        engine.tick().await.unwrap();
        assert_eq!(state(&engine, &work).await, State::Queued);
    }
}

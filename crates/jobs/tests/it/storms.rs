//! Workers that stall, lose their leases, repeat themselves and come back late, all at once.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use drawbridge_jobs::{
    AttemptEnd, Claim, Embedded, Engine, Exchange, Happening, Heartbeat, JobId, Lease, NewJob, State, bounds,
};

use crate::support::{embedded, job, json, quick, say, sleep_ms};

const JOBS: usize = 120;
const WORKERS: usize = 6;

/// Shorter than most of the work: only signs of life keep a job, and many are left out.
const LEASE_MS: u32 = 40;

#[derive(Default)]
struct Seen {
    accepted: Mutex<HashMap<JobId, Vec<u64>>>,
    refused: AtomicUsize,
}

async fn work_badly(engine: Embedded, seen: Arc<Seen>, name: usize) {
    let worker = format!("worker {name}");
    let mut old: Vec<Lease> = Vec::new();
    for round in 0_usize.. {
        let claim = Claim { wait_ms: 200, ..Claim::now(2, LEASE_MS) };
        let work = engine.exchange(Exchange::claim(&worker, claim)).await.unwrap().work;
        if work.is_empty() && engine.counts().await.unwrap()[0].of(State::Completed) == JOBS as u64 {
            return;
        }
        for (index, work) in work.into_iter().enumerate() {
            let keeps_it = !(round + index + name).is_multiple_of(3);
            for _ in 0..4 {
                sleep_ms(15).await;
                if keeps_it {
                    let beats = Heartbeat { leases: vec![work.lease.clone()], lease_ms: LEASE_MS };
                    engine.heartbeat(beats).await.unwrap();
                }
            }
            finish(&engine, &seen, &work.lease).await;
            old.push(work.lease);
        }
        // Somebody comes back from long ago, and somebody lost our answer.
        if let Some(lease) = old.get(round % old.len().max(1)) {
            finish(&engine, &seen, lease).await;
        }
    }
}

async fn finish(engine: &Embedded, seen: &Seen, lease: &Lease) {
    let result = json(&lease.token.to_string());
    match say(engine, lease, AttemptEnd::Completed(result)).await {
        Ok(state) => {
            assert_eq!(state, State::Completed);
            seen.accepted.lock().unwrap().entry(lease.id.clone()).or_default().push(lease.token);
        }
        Err(_) => drop(seen.refused.fetch_add(1, Ordering::Relaxed)),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_job_is_completed_by_one_claim_only() {
    let (_folder, engine) = embedded();
    let new = || NewJob { policy: Some(quick(100)), ..job("slow") };
    let ids = engine.submit_many((0..JOBS).map(|_| new()).collect()).await.unwrap();
    let seen = Arc::<Seen>::default();
    let workers: Vec<_> =
        (0..WORKERS).map(|name| tokio::spawn(work_badly(engine.clone(), Arc::clone(&seen), name))).collect();
    for worker in workers {
        worker.await.unwrap();
    }
    let accepted = std::mem::take(&mut *seen.accepted.lock().unwrap());
    for one in &ids {
        let mut tokens = accepted[&one.id].clone();
        tokens.dedup();
        assert_eq!(tokens.len(), 1, "{}: accepted from several claims: {tokens:?}", one.id);
        let result = engine.outcome(one.id.clone()).await.unwrap().result.unwrap();
        assert_eq!(result.get(), tokens[0].to_string(), "the result is that of the claim that counted");
        let history = engine.history(0, Some(one.id.clone()), bounds::PAGE_MAX).await.unwrap();
        let times = |what| history.iter().filter(|entry| entry.what == what).count();
        assert_eq!(times(Happening::Completed), 1);
        let tokens: Vec<u64> = history
            .iter()
            .filter(|entry| entry.what == Happening::Started)
            .map(|entry| entry.token)
            .collect();
        assert!(tokens.windows(2).all(|two| two[0] < two[1]), "{tokens:?}");
    }
    let refused = seen.refused.load(Ordering::Relaxed);
    println!("{refused} stale completions were refused");
    assert!(refused > 10, "leases were hardly lost, so this proves nothing: {refused}");
}

//! Prints how many audit records per second the store takes: `cargo run --release -p drawbridge-store --example audit_rate [FOLDER]`.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use drawbridge_store::{AuditOutcome, AuditPhase, AuditRecord, Store};

const BATCHED: u32 = 300_000;
const DURABLE_FOR: Duration = Duration::from_secs(2);

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args_os().nth(1).map_or_else(fresh_folder, PathBuf::from);
    println!("in {}", folder.display());
    let store = Store::open(&folder)?;
    generation(&store);
    sending(&store).await?;
    batched(&store).await?;
    for waiters in [1, 16, 64] {
        durable(&store, waiters).await?;
    }
    verify(&store)?;
    store.close().await?;
    Ok(())
}

fn fresh_folder() -> PathBuf {
    std::env::temp_dir().join(format!("drawbridge-audit-rate-{}", std::process::id()))
}

fn record() -> AuditRecord {
    let mut record = AuditRecord::new(
        "018f7a3e-7b0c-7d31-9f5e-2a6b1c0d4e5f".into(),
        "k7m29x4t0abc".into(),
        "http".into(),
        "files_read".into(),
        AuditPhase::Done,
    );
    record.outcome = Some(AuditOutcome::Ok);
    record.arguments = Some(r#"{"path":"notes/2026/november.md","start_line":1,"line_count":200}"#.into());
    record.duration_us = Some(87);
    record.result_bytes = Some(4096);
    record
}

/// How long one look at the generation takes.
fn generation(store: &Store) {
    const LOOKS: u32 = 1_000_000;
    let start = Instant::now();
    for _ in 0..LOOKS {
        std::hint::black_box(store.generation());
    }
    println!("generation: {:?} a look", start.elapsed() / LOOKS);
}

/// What sending costs the caller's thread, making the record not included.
async fn sending(store: &Store) -> Result<(), Box<dyn std::error::Error>> {
    const BURST: u32 = 2000;
    let mut spent = Duration::ZERO;
    for _ in 0..20 {
        let records: Vec<_> = (0..BURST).map(|_| record()).collect();
        let start = Instant::now();
        for record in records {
            store.audit_batched(record)?;
        }
        spent += start.elapsed();
        store.flush().await?;
    }
    println!("batched: {:?} on the caller's thread", spent / (20 * BURST));
    Ok(())
}

/// How many the writer takes when it is never idle.
async fn batched(store: &Store) -> Result<(), Box<dyn std::error::Error>> {
    let (start, cpu) = (Instant::now(), cpu_time());
    for _ in 0..BATCHED {
        store.audit_batched_wait(record()).await?;
    }
    store.flush().await?;
    let (took, cpu) = (start.elapsed(), cpu_time() - cpu);
    println!(
        "batched: {:.0} records/s, {:?} of processor time each (both sides)",
        f64::from(BATCHED) / took.as_secs_f64(),
        cpu / BATCHED
    );
    Ok(())
}

/// How many records per second `waiters` tasks get to disk, each waiting for its own before it sends the next.
async fn durable(store: &Store, waiters: u32) -> Result<(), Box<dyn std::error::Error>> {
    let commits = store.health().commits;
    let start = Instant::now();
    let tasks: Vec<_> =
        (0..waiters).map(|_| tokio::spawn(wait_again_and_again(store.clone(), start))).collect();
    let mut waits = Vec::new();
    for task in tasks {
        waits.extend(task.await??);
    }
    let took = start.elapsed();
    waits.sort_unstable();
    println!(
        "durable, {waiters} waiting: {:.0} records/s, {:.0} commits/s, p50 {:?}, p99 {:?}",
        waits.len() as f64 / took.as_secs_f64(),
        (store.health().commits - commits) as f64 / took.as_secs_f64(),
        waits[waits.len() / 2],
        waits[waits.len() * 99 / 100],
    );
    Ok(())
}

async fn wait_again_and_again(
    store: Store,
    start: Instant,
) -> Result<Vec<Duration>, drawbridge_store::StoreError> {
    let mut waits = Vec::new();
    while start.elapsed() < DURABLE_FOR {
        let sent = Instant::now();
        store.audit_durable(record()).await?;
        waits.push(sent.elapsed());
    }
    Ok(waits)
}

fn verify(store: &Store) -> Result<(), Box<dyn std::error::Error>> {
    let start = Instant::now();
    let report = store.audit_verify(None)?;
    let rate = report.records as f64 / start.elapsed().as_secs_f64();
    println!("verify: {} records, {rate:.0} records/s, whole: {}", report.records, report.is_whole());
    Ok(())
}

/// Processor time of this process, all threads.
fn cpu_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}

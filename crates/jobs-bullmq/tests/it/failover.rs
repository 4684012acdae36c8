//! The Redis that has the jobs is lost for good, and its replica takes its place under the same address.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use drawbridge_contract::BoxFuture;
use drawbridge_jobs::worker::{RunContext, Runner, Worker, WorkerSettings};
use drawbridge_jobs::{AttemptEnd, Engine, JobId, NewJob, State, Work, wait};
use drawbridge_jobs_bullmq::BullMq;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};

use crate::redis_server::RedisServer;
use crate::support::{job, json, quick, sleep_ms};

const JOBS: usize = 200;
const PATIENCE: Duration = Duration::from_secs(60);

/// What stands before both, as a service name or a virtual address does: leads to one of them.
struct Address {
    port: u16,
    leads_to: Arc<AtomicU16>,
}

impl Address {
    async fn of(redis: &RedisServer) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let leads_to = Arc::new(AtomicU16::new(redis.port));
        let to = Arc::clone(&leads_to);
        tokio::spawn(async move {
            while let Ok((mut near, _)) = listener.accept().await {
                let port = to.load(Ordering::SeqCst);
                tokio::spawn(async move {
                    if let Ok(mut far) = TcpStream::connect(("127.0.0.1", port)).await {
                        let _ = copy_bidirectional(&mut near, &mut far).await;
                    }
                });
            }
        });
        Self { port, leads_to }
    }
}

pub(crate) fn ask(redis: &RedisServer, command: &[&str]) -> String {
    let mut connection = redis::Client::open(redis.url()).unwrap().get_connection().unwrap();
    redis::cmd(command[0]).arg(&command[1..]).query(&mut connection).unwrap()
}

fn field(info: &str, name: &str) -> Option<String> {
    info.lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
        .map(|value| value.trim().to_owned())
}

/// Waits until the replica has what the master has now.
async fn until_equal(master: &RedisServer, replica: &RedisServer) {
    let has = field(&ask(master, &["INFO", "replication"]), "master_repl_offset").unwrap();
    let has: u64 = has.parse().unwrap();
    loop {
        let info = ask(replica, &["INFO", "replication"]);
        let is_up = field(&info, "master_link_status").as_deref() == Some("up");
        let offset = field(&info, "slave_repl_offset").and_then(|offset| offset.parse::<u64>().ok());
        if is_up && offset.is_some_and(|offset| offset >= has) {
            return;
        }
        sleep_ms(10).await;
    }
}

/// Works for a moment.
struct Brief;

impl Runner for Brief {
    fn run(&self, work: Work, _: RunContext) -> BoxFuture<'_, AttemptEnd> {
        Box::pin(async move {
            sleep_ms(20).await;
            AttemptEnd::Completed(json(&format!("\"{}\"", work.lease.id)))
        })
    }
}

async fn submit(engine: &BullMq, key: usize) -> JobId {
    let new = NewJob {
        policy: Some(quick(20)),
        idempotency_key: Some(format!("job-{key}").into()),
        ..job("brief")
    };
    loop {
        match engine.submit(new.clone()).await {
            Ok(taken) => return taken.id,
            Err(error) => assert!(error.is_passing(), "{error}"),
        }
        sleep_ms(50).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_takes_over_and_all_jobs_are_done() {
    let mut master = RedisServer::start();
    let replica = RedisServer::replica_of(&master);
    let address = Address::of(&master).await;
    let settings = || crate::settings(&format!("redis://127.0.0.1:{}", address.port));
    let engine = Arc::new(BullMq::open(settings()).unwrap());
    let mut ids = Vec::new();
    for key in 0..JOBS / 2 {
        ids.push(submit(&engine, key).await);
    }
    let settings = WorkerSettings { lease_ms: 1_500, ..WorkerSettings::new("ours", 4) };
    let worker = Worker::start(Arc::clone(&engine) as _, Arc::new(Brief), settings);
    sleep_ms(200).await;
    until_equal(&master, &replica).await;
    master.kill();
    assert_eq!(ask(&replica, &["REPLICAOF", "NO", "ONE"]), "OK");
    address.leads_to.store(replica.port, Ordering::SeqCst);

    for key in JOBS / 2..JOBS {
        ids.push(submit(&engine, key).await);
    }
    for id in &ids {
        let job = loop {
            // Whoever waits while the connection is away asks again.
            match wait(&*engine, id, PATIENCE).await {
                Ok(job) => break job,
                Err(error) => assert!(error.is_passing(), "{error}"),
            }
            sleep_ms(50).await;
        };
        assert_eq!(job.state, State::Completed, "{job:?}");
        let result = engine.outcome(id.clone()).await.unwrap().result.unwrap();
        assert_eq!(result.get(), format!("\"{id}\""), "its own result");
    }
    worker.drain(PATIENCE).await;
}

//! Several processes with the same folder open. A child is this test binary again, with one ignored test.

use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use drawbridge_store::{KeyKind, NewKey, PAGE_MAX, Store};

use crate::support::{owner, record, store};

const FOLDER: &str = "DRAWBRIDGE_TEST_FOLDER";
const NAME: &str = "DRAWBRIDGE_TEST_NAME";
const RECORDS_EACH: usize = 400;

/// Starts `test`, an ignored test of this binary, as a process with this folder.
pub(crate) fn spawn(test: &str, folder: &Path, name: &str) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--ignored", "--nocapture"])
        .env(FOLDER, folder)
        .env(NAME, name)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// What a child reported with [`tell`], until it ended.
pub(crate) fn told(child: &mut Child) -> Vec<String> {
    let output = BufReader::new(child.stdout.take().unwrap());
    output
        .lines()
        .map_while(Result::ok)
        .filter_map(|line| line.strip_prefix("told ").map(str::to_owned))
        .collect()
}

/// Reports something to the parent, now.
pub(crate) fn tell(what: &str) {
    use std::io::Write;
    let mut out = std::io::stdout().lock();
    writeln!(out, "\ntold {what}").and_then(|()| out.flush()).unwrap();
}

pub(crate) fn child() -> (Store, String) {
    let folder = PathBuf::from(std::env::var_os(FOLDER).expect("started by its parent"));
    (Store::open(&folder).unwrap(), std::env::var(NAME).unwrap())
}

#[tokio::test]
#[ignore = "a child of many_processes_write_one_chain"]
async fn child_writes_records() {
    let (store, name) = child();
    for number in 0..RECORDS_EACH {
        let mut record = record(&number.to_string());
        record.caller = name.as_str().into();
        if number % 4 == 0 {
            store.audit_durable(record).await.unwrap();
        } else {
            store.audit_batched_wait(record).await.unwrap();
        }
    }
    store.close().await.unwrap();
    tell("done");
}

#[tokio::test]
async fn many_processes_write_one_chain() {
    let (folder, store) = store();
    let start = |number: usize| spawn("processes::child_writes_records", folder.path(), &number.to_string());
    let mut children: Vec<_> = (0..3).map(start).collect();
    for _ in 0..RECORDS_EACH {
        let mut record = record("0");
        record.caller = "parent".into();
        store.audit_durable(record).await.unwrap();
    }
    for child in &mut children {
        assert_eq!(told(child), ["done"]);
        assert!(child.wait().unwrap().success());
    }
    let report = store.audit_verify(None).unwrap();
    assert!(report.is_whole(), "{report:?}");
    assert_eq!(report.records, 4 * RECORDS_EACH as u64);
    each_childs_order_holds(&store);
}

fn each_childs_order_holds(store: &Store) {
    let mut next = [0; 3];
    let mut after = 0;
    loop {
        let page = store.audit_follow(after, PAGE_MAX).unwrap();
        let Some(last) = page.last() else { break };
        after = last.seq;
        for entry in &page {
            let Ok(child) = entry.record.caller.parse::<usize>() else { continue };
            assert_eq!(*entry.record.call, *next[child].to_string());
            next[child] += 1;
        }
    }
    assert_eq!(next, [RECORDS_EACH; 3]);
}

/// The lever must work while the hub is as busy as it can be.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_busy_hub_does_not_keep_others_waiting() {
    let (folder, hub) = store();
    let end = Instant::now() + Duration::from_secs(3);
    let busy = |_| {
        let hub = hub.clone();
        tokio::spawn(async move {
            while Instant::now() < end {
                hub.audit_durable(record("busy")).await.unwrap();
            }
        })
    };
    let tasks: Vec<_> = (0..32).map(busy).collect();
    let owners = Store::open(folder.path()).unwrap();
    let mut waits = Vec::new();
    while Instant::now() < end {
        let asked = Instant::now();
        owners.settings().set("bridge", "raised", "bridge.raise", owner()).await.unwrap();
        waits.push(asked.elapsed());
    }
    for task in tasks {
        task.await.unwrap();
    }
    waits.sort_unstable();
    println!(
        "{} changes, median {:?}, longest {:?}",
        waits.len(),
        waits[waits.len() / 2],
        waits[waits.len() - 1]
    );
    assert!(waits[waits.len() - 1] < Duration::from_secs(20), "{waits:?}");
    assert!(hub.audit_verify(None).unwrap().is_whole());
}

#[tokio::test]
#[ignore = "a child of policy_of_a_process_that_died_is_seen"]
async fn child_adds_keys() {
    let (store, name) = child();
    for number in 0.. {
        let name = format!("{name}-{number}");
        let mut hash = [0; 32];
        hash[..name.len()].copy_from_slice(name.as_bytes());
        let key = NewKey {
            id: None,
            name: name.clone(),
            hash,
            kind: KeyKind::Key,
            scopes: Vec::new(),
            tier: None,
            expires_us: None,
            calls_per_minute: None,
        };
        store.keys().add(key, owner()).await.unwrap();
        tell(&name);
    }
}

/// A hub that runs while others change policy and die in the middle: what was acknowledged is there, and what the hub
/// remembers under an equal generation is never older than the database.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn policy_of_a_process_that_died_is_seen() {
    let (folder, hub) = store();
    let mut acknowledged = 0;
    // Where the machine is slow, later children get more time and there are more of them.
    for round in 0..200_u64 {
        if round >= 12 && acknowledged > 12 {
            break;
        }
        let mut child = spawn("processes::child_adds_keys", folder.path(), &round.to_string());
        let (mut generation, mut remembered) = (hub.generation(), hub.keys().list().unwrap().len());
        let end = Instant::now() + Duration::from_millis(60 + 17 * round);
        while Instant::now() < end {
            (generation, remembered) = look(&hub, generation, remembered);
        }
        child.kill().unwrap();
        acknowledged += told(&mut child).len();
        child.wait().unwrap();
        hub.flush().await.unwrap();
        let (_, remembered) = look(&hub, generation, remembered);
        let there = hub.keys().list().unwrap().len();
        assert_eq!(remembered, there, "round {round}: the hub would have gone on with old policy");
        assert!(there >= acknowledged);
        assert_eq!(hub.generation(), hub.generation(), "settled again");
        acknowledged = there;
    }
    assert!(acknowledged > 12, "the children hardly ran: {acknowledged}");
    assert!(hub.audit_verify(None).unwrap().is_whole());
}

/// What the gateway does on each call.
fn look(hub: &Store, generation: u64, remembered: usize) -> (u64, usize) {
    let now = hub.generation();
    if now == generation { (generation, remembered) } else { (now, hub.keys().list().unwrap().len()) }
}

//! `kill -9` at any moment.

use std::time::Duration;

use drawbridge_store::{AuditFilter, Store};

use crate::{
    processes::{child, spawn, tell, told},
    support::record,
};

#[tokio::test]
#[ignore = "a child of a_killed_writer_keeps_its_promises"]
async fn child_writes_until_killed() {
    let (store, name) = child();
    let write = async |task: usize| {
        for number in 0.. {
            let call = format!("{name}-{task}-{number}");
            store.audit_batched_wait(record("batched")).await.unwrap();
            store.audit_durable(record(&call)).await.unwrap();
            tell(&call);
        }
    };
    tokio::join!(write(0), write(1), write(2));
}

const ROUNDS: u64 = 25;
const ROUNDS_MAX: u64 = 300;

#[test]
fn a_killed_writer_keeps_its_promises() {
    let folder = tempfile::tempdir().unwrap();
    let mut promised = 0;
    // Where the machine is slow, later children get more time and there are more of them.
    for round in 0..ROUNDS_MAX {
        if round >= ROUNDS && promised > ROUNDS {
            break;
        }
        let mut child = spawn("crash::child_writes_until_killed", folder.path(), &round.to_string());
        std::thread::sleep(Duration::from_millis(20 + round * 7919 % 130 + round / ROUNDS * 100));
        child.kill().unwrap();
        let calls = told(&mut child);
        child.wait().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let report = store.audit_verify(None).unwrap();
        assert!(report.is_whole(), "round {round}: {report:?}");
        for call in &calls {
            let filter = AuditFilter { call: Some(call.clone()), ..Default::default() };
            assert_eq!(store.audit_page(&filter, 2).unwrap().len(), 1, "round {round}: {call}");
        }
        promised += calls.len() as u64;
    }
    assert!(promised > ROUNDS, "the children hardly ran: {promised}");
}

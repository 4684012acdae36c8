//! Raising the bridge while callers cross it.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::program::{Bridge, Modern, went_well};

const CLIENTS: usize = 8;
const ROUNDS: usize = 5;

/// When a call was begun, and whether it was let through.
type Crossing = (Instant, bool);

/// Calls in a loop until told to stop.
fn cross(bridge: &Bridge, client: usize, stop: &AtomicBool, crossings: &Mutex<Vec<Crossing>>) {
    let mut host = Modern::new(bridge.hub.address(), &bridge.key);
    while !stop.load(Ordering::Relaxed) {
        let begun = Instant::now();
        let answer = match client % 2 {
            0 => host.tool("files_list", json!({"path": "Drawbridge"})),
            _ => {
                host.tool("files_write", json!({"path": format!("Drawbridge/{client}.txt"), "content": "x"}))
            }
        };
        crossings.lock().unwrap().push((begun, went_well(&answer)));
    }
}

/// Waits until something was let through, or refused, that was begun after `since`.
fn wait_for_crossing(crossings: &Mutex<Vec<Crossing>>, since: Instant, passed: bool) {
    crate::program::wait_for("a call", || {
        let all = crossings.lock().unwrap();
        all.iter().any(|(begun, went)| *begun > since && *went == passed).then_some(())
    });
}

#[test]
fn after_raise_returns_no_call_passes_and_after_lower_they_do_again() {
    let bridge = Bridge::start();
    let (stop, crossings) = (AtomicBool::new(false), Mutex::new(Vec::new()));
    let mut closed = Vec::new();
    std::thread::scope(|scope| {
        for client in 0..CLIENTS {
            let (bridge, stop, crossings) = (&bridge, &stop, &crossings);
            scope.spawn(move || cross(bridge, client, stop, crossings));
        }
        for _ in 0..ROUNDS {
            wait_for_crossing(&crossings, Instant::now(), true);
            bridge.home.run(&["raise"]).good();
            let raised = Instant::now();
            wait_for_crossing(&crossings, raised, false);
            std::thread::sleep(Duration::from_millis(200));
            let before_lowering = Instant::now();
            bridge.home.run(&["lower"]).good();
            closed.push((raised, before_lowering));
        }
        wait_for_crossing(&crossings, Instant::now(), true);
        stop.store(true, Ordering::Relaxed);
    });
    let crossings = crossings.into_inner().unwrap();
    for (raised, lowered) in closed {
        let passed =
            crossings.iter().filter(|(begun, passed)| *passed && *begun > raised && *begun < lowered);
        assert_eq!(passed.count(), 0, "calls that were begun after `raise` had returned");
    }
    let raised = bridge.home.run(&["raise"]).good();
    assert!(raised.contains("raised"));
    let hub_says = bridge.home.run(&["status"]).good();
    assert!(hub_says.contains("raised"), "{hub_says}");
    bridge.home.run(&["lower"]).good();
    bridge.holds();
}

#[test]
fn a_raised_bridge_stays_raised_over_restarts() {
    let bridge = Bridge::start();
    let Bridge { home, hub, key, .. } = bridge;
    home.run(&["raise"]).good();
    hub.kill();
    let hub = home.serve();
    let mut host = Modern::new(hub.address(), &key);
    assert!(!went_well(&host.tool("files_list", json!({}))));
    let ran = home.run(&["call", "files_list"]);
    assert_ne!(ran.code(), 0, "the command line is a caller like any other");
    home.run(&["lower"]).good();
    assert!(went_well(&host.tool("files_list", json!({}))));
    home.verify();
}

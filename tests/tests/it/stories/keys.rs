//! Keys that are taken back while they are used.

use std::fs;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::program::{Bridge, Connection, Home, Modern, Request, Session, went_well};

/// How long a stream may stay open, silent, after its key was taken back: it ends at its next sign of life.
const CLOSED_AFTER_MAX: Duration = Duration::from_secs(20);

/// Reads what comes until the end of the stream.
fn rest_of(mut stream: Connection) -> Vec<Value> {
    std::iter::from_fn(|| stream.event()).collect()
}

/// A stream of changes in the modern era, acknowledged.
fn modern_stream(bridge: &Bridge, key: &str) -> Connection {
    let mut host = Modern::new(bridge.hub.address(), key);
    let uri = resource(bridge);
    let notifications =
        json!({"resourcesListChanged": true, "toolsListChanged": true, "resourceSubscriptions": [uri]});
    let request = host.request("subscriptions/listen", json!({"notifications": notifications}));
    let mut stream = bridge.hub.connect();
    stream.send(&request);
    assert_eq!(stream.read_head().unwrap().status, 200);
    let acknowledged = stream.event().unwrap();
    assert_eq!(acknowledged["method"], "notifications/subscriptions/acknowledged", "{acknowledged}");
    stream
}

/// The standalone stream of a session that watches the file.
fn session_stream(bridge: &Bridge, key: &str) -> Connection {
    let mut session = Session::open(bridge.hub.address(), key, "2025-06-18");
    let watching = session.ask("resources/subscribe", json!({"uri": resource(bridge)}));
    assert!(watching["result"].is_object(), "{watching}");
    let request = Request { method: "GET".to_owned(), ..session.raw("GET", "") };
    let mut stream = bridge.hub.connect();
    stream.send(&request);
    assert_eq!(stream.read_head().unwrap().status, 200);
    stream
}

/// The URI of the file that is watched.
fn resource(bridge: &Bridge) -> String {
    let mut owner = Modern::new(bridge.hub.address(), &bridge.key);
    let listed = owner.ask("resources/list", json!({}));
    let found = listed["result"]["resources"].as_array().into_iter().flatten();
    let uris: Vec<&str> = found.filter_map(|one| one["uri"].as_str()).collect();
    match uris.iter().find(|uri| uri.contains("watched.txt")) {
        Some(uri) => (*uri).to_owned(),
        None => format!("file://{}", bridge.home.in_root("watched.txt").display()),
    }
}

#[test]
fn a_key_that_is_taken_back_in_the_middle_of_a_stream() {
    let home = Home::new();
    fs::write(home.in_root("watched.txt"), "0").unwrap();
    let bridge = Bridge::start_in(home);
    let watched = bridge.home.in_root("watched.txt");
    for (name, open) in
        [("modern", modern_stream as fn(&Bridge, &str) -> Connection), ("session", session_stream)]
    {
        let key = bridge.home.add_key(name, &[]);
        let mut stream = open(&bridge, &key);
        fs::write(&watched, name).unwrap();
        let told = stream.event().unwrap();
        assert!(
            told["method"].as_str().is_some_and(|method| method.starts_with("notifications/")),
            "{name}: {told}"
        );
        std::thread::sleep(Duration::from_millis(500));

        bridge.home.run(&["keys", "revoke", name]).good();
        let revoked = Instant::now();
        let writer = {
            let watched = watched.clone();
            std::thread::spawn(move || {
                for index in 0..20 {
                    fs::write(&watched, format!("after revocation {index}")).unwrap();
                    std::thread::sleep(Duration::from_millis(100));
                }
            })
        };
        let told = rest_of(stream);
        writer.join().unwrap();
        assert!(revoked.elapsed() < CLOSED_AFTER_MAX, "{name}: the stream stayed open");
        let updates = told.iter().filter(|message| message["method"] == "notifications/resources/updated");
        assert!(updates.count() <= 1, "{name}: it went on to tell of changes: {told:?}");

        let mut host = Modern::new(bridge.hub.address(), &key);
        let request = host.request("tools/list", json!({}));
        assert_eq!(host.send(&request).status, 401);
    }
    bridge.holds();
}

#[test]
fn while_the_bridge_is_raised_a_stream_tells_of_no_file() {
    let home = Home::new();
    fs::write(home.in_root("watched.txt"), "0").unwrap();
    let bridge = Bridge::start_in(home);
    let key = bridge.home.add_key("laptop", &[]);
    let mut stream = modern_stream(&bridge, &key);
    fs::write(bridge.home.in_root("watched.txt"), "1").unwrap();
    assert!(stream.event().is_some(), "it tells as long as the bridge is down");
    std::thread::sleep(Duration::from_millis(500));

    bridge.home.run(&["raise"]).good();
    fs::write(bridge.home.in_root("watched.txt"), "2").unwrap();
    std::thread::sleep(Duration::from_millis(1_500));
    bridge.home.run(&["lower"]).good();
    bridge.home.run(&["keys", "revoke", "laptop"]).good();
    let told = rest_of(stream);
    let updates = told.iter().filter(|message| message["method"] == "notifications/resources/updated");
    assert_eq!(updates.count(), 0, "{told:?}");
    bridge.holds();
}

#[test]
fn after_revoke_returns_no_call_of_that_key_passes() {
    let bridge = Bridge::start();
    let key = bridge.home.add_key("laptop", &[]);
    let mut host = Modern::new(bridge.hub.address(), &key);
    let mut session = Session::open(bridge.hub.address(), &key, "2025-11-25");
    assert!(went_well(&host.tool("files_list", json!({}))));
    assert_eq!(session.tool("files_list", json!({}))["result"]["isError"], false);
    bridge.home.run(&["keys", "revoke", "laptop"]).good();
    for _ in 0..10 {
        let request = host.request("tools/call", json!({"name": "files_list", "arguments": {}}));
        assert_eq!(host.send(&request).status, 401, "on the connection that was open before");
        let request = session.request("tools/list", json!({}));
        assert_eq!(session.send(&request).status, 401, "in the session that was open before");
    }
    bridge.holds();
}

#[test]
fn a_key_with_few_rights_sees_and_does_little() {
    let bridge = Bridge::start();
    let mut guest =
        bridge.guest("guest", &["--scope", "files_read", "--scope", "files_list", "--per-minute", "20"]);
    fs::write(bridge.home.in_root("a.txt"), "hello").unwrap();
    assert_eq!(guest.ask("tools/list", json!({}))["result"]["tools"].as_array().unwrap().len(), 2);
    assert!(guest.text("files_read", json!({"path": "Drawbridge/a.txt"})).contains("hello"));
    let hidden = guest.tool("files_write", json!({"path": "Drawbridge/a.txt", "content": "x"}));
    assert!(!went_well(&hidden) && fs::read_to_string(bridge.home.in_root("a.txt")).unwrap() == "hello");
    let answers: Vec<bool> = (0..30).map(|_| went_well(&guest.tool("files_list", json!({})))).collect();
    let passed = answers.iter().filter(|passed| **passed).count();
    assert!((15..=22).contains(&passed), "{passed} of 30 passed a limit of 20 a minute");
    bridge.holds();
}

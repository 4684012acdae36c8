//! I: those who hang on, and ends that come at the wrong moment.

use std::fs;
use std::os::unix::process::CommandExt as _;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};
use serde_json::{Value, json};

use crate::program::{
    Bridge, Connection, Home, Hub, Modern, Request, StdioHost, resident_bytes, wait_for, went_well,
};

/// How long a client may take to send the head of a request, with some patience on top.
const HEAD_SENT_MAX: Duration = Duration::from_secs(45);
/// How much memory the hub may hold whatever clients do.
const RESIDENT_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// Checks that another client is served within the time that a person would wait.
fn check_served(bridge: &mut Bridge) {
    let begun = Instant::now();
    let mut other = Modern::new(bridge.hub.address(), &bridge.key);
    other.text("files_list", json!({"path": "Drawbridge"}));
    assert!(begun.elapsed() < Duration::from_secs(30), "another client waited for {:?}", begun.elapsed());
    assert!(bridge.hub.resident_bytes() < RESIDENT_BYTES_MAX, "{} bytes", bridge.hub.resident_bytes());
}

#[test]
fn i2_clients_that_never_read() {
    const CLIENTS: usize = 50;
    const REQUESTS: usize = 100;
    let mut bridge = Bridge::start();
    fs::write(bridge.home.in_root("large.txt"), "x".repeat(1 << 20)).unwrap();
    let read =
        json!({"name": "files_read", "arguments": {"path": "Drawbridge/large.txt", "bytes_max": 1 << 20}});
    let request = bridge.owner.request("tools/call", read);
    let mut clients: Vec<Connection> = (0..CLIENTS).map(|_| bridge.hub.connect()).collect();
    for client in &mut clients {
        (0..REQUESTS).for_each(|_| client.send(&request));
    }
    check_served(&mut bridge);
    assert_eq!(clients[0].read().unwrap().status, 200, "whoever begins to read is served");
    drop(clients);
    check_served(&mut bridge);
    bridge.holds();
}

#[test]
fn i2_clients_that_half_close() {
    let mut bridge = Bridge::start();
    let request = bridge.owner.request("tools/list", json!({}));
    for _ in 0..50 {
        let mut connection = bridge.hub.connect();
        connection.send(&request);
        connection.half_close();
        // Who closes its side may have gone: the answer, or an end at once, but no waiting.
        assert!(connection.read().is_none_or(|answer| answer.status == 200));
        assert!(connection.read().is_none(), "the connection stayed open");
    }
    check_served(&mut bridge);
    bridge.holds();
}

#[test]
fn i2_heads_that_come_byte_by_byte() {
    const CLIENTS: usize = 300;
    let mut bridge = Bridge::start();
    let mut clients: Vec<Connection> = (0..CLIENTS).map(|_| bridge.hub.connect()).collect();
    let begun = Instant::now();
    while begun.elapsed() < HEAD_SENT_MAX {
        for client in &mut clients {
            client.send_raw(if begun.elapsed().as_secs() == 0 { b"POST /mcp HTTP/1.1\r\nX: " } else { b"x" });
        }
        check_served(&mut bridge);
        std::thread::sleep(Duration::from_secs(3));
    }
    for mut client in clients {
        let answer = client.read();
        assert!(answer.as_ref().is_none_or(|answer| answer.status == 408), "it still waits: {answer:?}");
    }
    assert!(begun.elapsed() < HEAD_SENT_MAX + Duration::from_secs(20), "they were not all closed");
    bridge.holds();
}

#[test]
fn i2_connections_that_say_nothing() {
    let mut bridge = Bridge::start();
    let request = bridge.owner.request("tools/list", json!({}));
    let mut silent: Vec<Connection> = (0..20).map(|_| bridge.hub.connect()).collect();
    // Half of them had something to say once.
    for client in &mut silent[..10] {
        assert_eq!(client.ask(&request).status, 200);
    }
    let begun = Instant::now();
    std::thread::sleep(HEAD_SENT_MAX.saturating_sub(Duration::from_secs(10)));
    for (index, mut client) in silent.into_iter().enumerate() {
        let answer = client.read();
        assert!(answer.as_ref().is_none_or(|answer| answer.status == 408), "{answer:?}");
        assert!(begun.elapsed() < HEAD_SENT_MAX, "connection {index} is held although nothing is said on it");
    }
    bridge.holds();
}

#[test]
fn i2_bodies_that_never_end() {
    let mut bridge = Bridge::start();
    let to_mcp = bridge.owner.raw("tools/list", "").and("Content-Length", "1000");
    let to_rest = to_mcp.clone().to("/api/tools/files_list");
    let mut clients: Vec<Connection> = (0..100).map(|_| bridge.hub.connect()).collect();
    for (index, client) in clients.iter_mut().enumerate() {
        client.send(if index % 2 == 0 { &to_mcp } else { &to_rest });
        client.send_raw(b"{");
    }
    check_served(&mut bridge);
    let begun = Instant::now();
    for mut client in clients {
        let answer = client.read();
        assert!(answer.is_none_or(|answer| matches!(answer.status, 400 | 408)));
        assert!(begun.elapsed() < HEAD_SENT_MAX, "a body may take for ever");
    }
    bridge.holds();
}

#[test]
fn i2_more_connections_than_are_taken() {
    let mut bridge = Bridge::start();
    let clients: Vec<Connection> = (0..1_100).map(|_| bridge.hub.connect()).collect();
    assert!(bridge.hub.lives());
    drop(clients);
    check_served(&mut bridge);
    bridge.holds();
}

#[test]
fn i2_a_flood_over_stdio_that_nobody_reads() {
    const REQUESTS: usize = 3_000;
    let home = Home::new();
    fs::write(home.in_root("large.txt"), "x".repeat(256 * 1024)).unwrap();
    let host = StdioHost::start(home.command(&["stdio"]));
    let (mut to, mut from, pid) = host.split();
    let line = |id: usize| {
        let arguments = json!({"path": "Drawbridge/large.txt", "bytes_max": 256 * 1024});
        let params = json!({"name": "files_read", "arguments": arguments});
        format!("{}\n", json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params}))
    };
    let writer = std::thread::spawn(move || {
        (1_000..1_000 + REQUESTS).for_each(|id| to.send_raw(line(id).as_bytes()));
        to
    });
    for _ in 0..30 {
        std::thread::sleep(Duration::from_millis(100));
        let resident = resident_bytes(pid);
        assert!(resident < RESIDENT_BYTES_MAX, "{resident} bytes for answers that nobody reads");
    }
    let answered: std::collections::HashSet<u64> =
        (0..REQUESTS).map(|_| from.next()["id"].as_u64().unwrap()).collect();
    assert_eq!(answered.len(), REQUESTS, "every request has its answer");
    writer.join().unwrap();
    home.verify();
}

#[test]
fn i2_garbage_over_http() {
    let mut bridge = Bridge::start();
    let noise: Vec<u8> =
        (0..100_000_u32).map(|index| (index.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    for bytes in [
        &noise[..],
        b"\r\n\r\n\r\n",
        b"GET\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ] {
        let mut connection = bridge.hub.connect();
        connection.send_raw(bytes);
        connection.half_close();
        let answer = connection.read();
        assert!(answer.as_ref().is_none_or(|answer| answer.status >= 400), "{answer:?}");
    }
    let long = Request::new("GET", "/mcp").and("X", "x".repeat(2_000_000));
    let mut connection = bridge.hub.connect();
    connection.send(&long);
    assert!(connection.read().is_none_or(|answer| matches!(answer.status, 400 | 431)));
    let many =
        (0..5_000).fold(Request::new("GET", "/mcp"), |request, index| request.and(&format!("X{index}"), "x"));
    let mut connection = bridge.hub.connect();
    connection.send(&many);
    assert!(connection.read().is_none_or(|answer| matches!(answer.status, 400 | 431)));
    check_served(&mut bridge);
    bridge.holds();
}

/// How large a file of this hub may become from now on, in bytes; `None`: as large as it likes. A disk that is full
/// answers a write in the same place, and this one can be emptied again (`setrlimit(2)`, RLIMIT_FSIZE).
fn limit_files(hub: &Hub, bytes_max: Option<u64>) {
    let pid = Pid::from_raw(hub.pid().try_into().unwrap());
    let hard = getrlimit(Resource::Fsize).maximum;
    prlimit(pid, Resource::Fsize, Rlimit { current: bytes_max, maximum: hard }).unwrap();
}

/// A hub that is told of a full disk by an error, as from a disk, instead of by the signal that the limit brings.
fn serve_without_signal(home: &Home) -> Hub {
    let command = home.command(&["serve", "--listen", "127.0.0.1:0"]);
    let mut shell = Command::new("/bin/sh");
    shell
        .args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""])
        .arg(command.get_program())
        .args(command.get_args());
    shell.env_clear().envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    shell.arg0("sh");
    Hub::start(shell)
}

#[test]
fn i7_the_disk_of_the_state_is_full() {
    let home = Home::new();
    let hub = serve_without_signal(&home);
    let mut bridge = Bridge::around(home, hub);
    bridge.owner.text("files_write", json!({"path": "Drawbridge/before.txt", "content": "before"}));
    limit_files(&bridge.hub, Some(1));
    let mut refused = 0;
    for index in 0..20 {
        let path = format!("Drawbridge/during-{index}.txt");
        let answer = bridge.owner.tool("files_write", json!({"path": path, "content": ""}));
        // A file of nothing needs no room itself: it is the record that cannot be written.
        let written = bridge.home.in_root(&format!("during-{index}.txt")).exists();
        assert_eq!(went_well(&answer), written, "an answer and the disk disagree: {answer}");
        refused += usize::from(!written);
    }
    assert_eq!(refused, 20, "without a record nothing happens");
    let health = bridge.hub.connect().ask(&Request::new("GET", "/health"));
    assert_eq!((health.status, health.text().as_str()), (503, "audit"));
    limit_files(&bridge.hub, None);
    wait_for("health", || {
        (bridge.hub.connect().ask(&Request::new("GET", "/health")).status == 200).then_some(())
    });
    bridge.owner.text("files_write", json!({"path": "Drawbridge/after.txt", "content": "after"}));
    assert_eq!(fs::read_to_string(bridge.home.in_root("before.txt")).unwrap(), "before");
    bridge.holds();
}

#[test]
fn i7_the_disk_of_a_root_is_full() {
    let home = Home::new();
    let hub = serve_without_signal(&home);
    let mut bridge = Bridge::around(home, hub);
    bridge.owner.text("files_write", json!({"path": "Drawbridge/a.txt", "content": "old"}));
    // The state's own files stay below.
    const ROOM: u64 = 16 << 20;
    limit_files(&bridge.hub, Some(ROOM));
    let file = fs::File::create(bridge.home.in_root("large")).unwrap();
    file.set_len(2 * ROOM).unwrap();
    for (tool, arguments) in [
        ("files_copy", json!({"from": "Drawbridge/large", "to": "Drawbridge/a.txt", "overwrite": true})),
        ("files_copy", json!({"from": "Drawbridge/large", "to": "Drawbridge/b.txt"})),
    ] {
        bridge.refuses(tool, arguments);
    }
    assert_eq!(fs::read_to_string(bridge.home.in_root("a.txt")).unwrap(), "old");
    assert!(!bridge.home.in_root("b.txt").exists());
    limit_files(&bridge.hub, None);
    let mut names: Vec<_> =
        fs::read_dir(bridge.home.in_root("")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.retain(|name| name != ".drawbridge-trash");
    names.sort();
    assert_eq!(names, ["a.txt", "large"], "something half-written was left");
    bridge.holds();
}

/// Writes, one after the other, until the hub is gone. Each content is one letter, so that a mixture shows.
fn write_on(address: std::net::SocketAddr, key: &str, stop: &AtomicBool) -> usize {
    let mut connection = Connection::open(address);
    let mut host = Modern::new(address, key);
    let mut written = 0;
    while !stop.load(Ordering::Relaxed) {
        let letter = ["a", "b"][written % 2].repeat(512 * 1024);
        let arguments = json!({"path": "Drawbridge/target.txt", "content": letter});
        connection.send(&host.request("tools/call", json!({"name": "files_write", "arguments": arguments})));
        match connection.read() {
            Some(answer) => assert!(went_well(&answer.json()), "{}", answer.text()),
            None => break,
        }
        written += 1;
    }
    written
}

#[test]
fn i7_kill_9_during_writes() {
    const ROUNDS: u64 = 12;
    let home = Home::new();
    let hub = home.serve();
    let (key, mut hub, mut total) = (hub.key(), Some(hub), 0);
    for round in 0..ROUNDS {
        let running = hub.take().unwrap_or_else(|| home.serve());
        let (address, stop) = (running.address(), AtomicBool::new(false));
        total += std::thread::scope(|scope| {
            let writer = scope.spawn(|| write_on(address, &key, &stop));
            std::thread::sleep(Duration::from_millis(60 + 37 * round));
            running.kill();
            stop.store(true, Ordering::Relaxed);
            writer.join().unwrap()
        });
        check_after_kill(&home);
    }
    assert!(total > 10, "only {total} writes came before the kills");
    drop(home.serve());
    let left: Vec<_> =
        fs::read_dir(home.in_root("")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(left.iter().all(|name| name == "target.txt" || name == ".drawbridge-trash"), "{left:?}");
}

/// The file is one version or the other, and every write that happened is in an audit that is whole.
fn check_after_kill(home: &Home) {
    home.verify();
    let Ok(text) = fs::read_to_string(home.in_root("target.txt")) else { return };
    assert_eq!(text.len(), 512 * 1024, "half-written");
    assert!(text.bytes().all(|byte| byte == text.as_bytes()[0]), "two versions in one file");
    let told = |record: &Value| record["target"] == "files_write" && record["phase"] == "intent";
    assert!(home.audit().iter().any(told), "a file without a record");
}

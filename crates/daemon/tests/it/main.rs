//! A daemon as its callers see it: its files, its socket, its answers.
#![expect(clippy::unwrap_used, reason = "a test that is wrong should say so")]
#![cfg(unix)]

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::time::{Duration, Instant};

use drawbridge_daemon::{CONNECTIONS_MAX, Daemon, Failure, Method, ServeError};
use serde_json::{Value, json};
use tempfile::TempDir;

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Who {
    /// Who is greeted.
    name: String,
}

fn greeter(folder: &Path) -> Daemon {
    let greet = |who: Who| match who.name.as_str() {
        "nobody" => Err(Failure::new(-32010, "there is nobody")),
        "panic" => panic!("a mistake of the daemon's author"),
        name => Ok(format!("Good morning, {name}.")),
    };
    Daemon::new("greeter", "Greets people.").folder(folder).version("1.0").method(
        Method::new("greet", "Greets.").title("Greet").reads().timeout_seconds(5).gives::<String>(),
        greet,
    )
}

fn started() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let daemon = greeter(folder.path());
    std::thread::spawn(move || daemon.serve().map_err(|error| error.to_string()));
    let begun = Instant::now();
    while !folder.path().join("greeter.cap.json").exists() {
        assert!(begun.elapsed() < Duration::from_secs(60));
        std::thread::sleep(Duration::from_millis(5));
    }
    folder
}

struct Client(BufReader<UnixStream>);

impl Client {
    fn new(folder: &TempDir) -> Self {
        let stream = UnixStream::connect(folder.path().join("greeter.sock")).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        Self(BufReader::new(stream))
    }

    /// `None` when the connection was closed.
    fn ask(&mut self, request: &Value) -> Option<Value> {
        self.0.get_mut().write_all(format!("{request}\0").as_bytes()).ok()?;
        let mut bytes = Vec::new();
        self.0.read_until(0, &mut bytes).ok()?;
        bytes.pop()?;
        Some(serde_json::from_slice(&bytes).unwrap())
    }

    fn greet(&mut self, name: &str) -> Option<Value> {
        self.ask(&json!({"jsonrpc": "2.0", "id": 1, "method": "mcp.greeter.greet", "params": {"name": name}}))
    }
}

#[test]
fn it_describes_itself_and_answers() {
    let folder = started();
    let cap: Value =
        serde_json::from_slice(&fs::read(folder.path().join("greeter.cap.json")).unwrap()).unwrap();
    assert_eq!(cap["service_name"], "greeter");
    let one = &cap["capabilities"][0];
    assert_eq!((&one["method"], &one["title"]), (&json!("mcp.greeter.greet"), &json!("Greet")));
    assert_eq!(one["params_schema"]["required"], json!(["name"]));
    assert_eq!(one["result_schema"], json!({"type": "string"}));
    assert_eq!(one["annotations"], json!({"readOnlyHint": true}));
    assert_eq!(Client::new(&folder).greet("Ada").unwrap()["result"], "Good morning, Ada.");
    assert_eq!(Client::new(&folder).greet("nobody").unwrap()["error"]["code"], -32010);
}

#[test]
fn nobody_else_reads_its_files_or_connects() {
    let folder = started();
    for name in ["greeter.cap.json", "greeter.sock"] {
        let mode = fs::metadata(folder.path().join(name)).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{name}");
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "something was left beside them");
}

#[test]
fn a_second_one_does_not_take_the_socket_of_one_that_lives_and_takes_that_of_one_that_died() {
    let folder = started();
    assert!(matches!(greeter(folder.path()).serve(), Err(ServeError::Taken(_))));
    assert!(Client::new(&folder).greet("Ada").is_some());
    let dead = tempfile::tempdir().unwrap();
    drop(UnixListener::bind(dead.path().join("greeter.sock")).unwrap());
    let daemon = greeter(dead.path());
    std::thread::spawn(move || daemon.serve().map_err(|error| error.to_string()));
    let begun = Instant::now();
    while UnixStream::connect(dead.path().join("greeter.sock")).is_err() {
        assert!(begun.elapsed() < Duration::from_secs(60));
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_bad_name_is_told_before_anything_is_made() {
    let folder = tempfile::tempdir().unwrap();
    for bad in ["", "Greeter", "../x", "a b"] {
        let served = Daemon::new(bad, "").folder(folder.path()).serve();
        assert!(matches!(served, Err(ServeError::Name(_))), "{bad}");
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_method_that_panics_and_callers_that_flood_cost_their_own_connections() {
    let folder = started();
    assert_eq!(Client::new(&folder).greet("panic"), None);
    let mut silent: Vec<Client> = (1..CONNECTIONS_MAX).map(|_| Client::new(&folder)).collect();
    // The place of the one above may be given back a moment after it has ended.
    silent.push(served(&folder));
    assert_eq!(Client::new(&folder).greet("Ada"), None, "one too many");
    drop(silent);
    served(&folder);
}

/// A client that has a place, as soon as there is one.
fn served(folder: &TempDir) -> Client {
    let begun = Instant::now();
    loop {
        let mut client = Client::new(folder);
        if client.greet("Ada").is_some() {
            return client;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "places are not given back");
    }
}

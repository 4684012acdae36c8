//! Programs of the person's own become tools: started by hand while a host looks on, or run by the hub.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::program::{Bridge, Connection, Home, Request, StdioHost, wait_for};

/// The folder of the Python module and its example.
fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/daemons").canonicalize().unwrap()
}

/// The example, started by hand.
struct ByHand(Child);

impl ByHand {
    fn start(home: &Home) -> Self {
        Self::run(home, &examples().join("weather.py"))
    }

    fn run(home: &Home, script: &Path) -> Self {
        let mut command = Command::new("python3");
        command.arg(script).env("PYTHONPATH", examples()).env("DRAWBRIDGE_HOME", home.state());
        Self(command.env("PYTHONDONTWRITEBYTECODE", "1").stdin(Stdio::null()).spawn().unwrap())
    }
}

impl Drop for ByHand {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A hub that runs the example itself, with a secret, and beside it one that always crashes.
fn with_processes() -> Bridge {
    let (home, folder) = (Home::new(), examples());
    home.configure(&format!(
        "[daemon.weather]\ncommand = ['python3', 'weather.py']\nfolder = {folder:?}\n\
         environment = {{ WEATHER_KEY = 'secret:weather' }}\n\
         [daemon.crash]\ncommand = ['/bin/sh', '-c', 'echo my last words; exit 3']\n"
    ));
    let mut keep = home.command(&["secrets", "set", "weather"]);
    let mut keep = keep.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    keep.stdin.take().unwrap().write_all(b"sk-of-the-weather").unwrap();
    assert!(keep.wait().unwrap().success());
    Bridge::start_in(home)
}

fn daemon(home: &Home, name: &str) -> Value {
    let listed: Value = serde_json::from_str(&home.run(&["--json", "daemon", "list"]).good()).unwrap();
    listed["daemons"].as_array().unwrap().iter().find(|one| one["name"] == name).cloned().unwrap_or_default()
}

fn ready(home: &Home) -> u64 {
    wait_for("a daemon that is ready", || {
        let now = daemon(home, "weather");
        (now["state"] == "ready" && now["tools"] == json!(["weather_today"]))
            .then(|| now["process"]["pid"].as_u64())?
    })
}

#[test]
fn a_program_started_by_hand_is_a_tool_of_a_desktop_host() {
    let bridge = Bridge::start();
    let mut host = StdioHost::start(bridge.home.command(&["stdio"]));
    let cap = bridge.home.state().join("run/daemons/weather.cap.json");
    let _weather = ByHand::start(&bridge.home);
    wait_for("its description", || cap.exists().then_some(()));
    let begun = Instant::now();
    wait_for("its tool", || {
        host.request("tools/list", json!({})).to_string().contains("weather_today").then_some(())
    });
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
    let call = json!({"name": "weather_today", "arguments": {"city": "Paris"}});
    assert!(host.request("tools/call", call).to_string().contains("It rains in Paris"));
    fs::remove_file(cap).unwrap();
    wait_for("its end", || {
        (!host.request("tools/list", json!({})).to_string().contains("weather_today")).then_some(())
    });
}

#[test]
fn an_older_client_calls_it_by_its_method_also_where_we_lack_the_server() {
    let bridge = Bridge::start();
    let _weather = ByHand::start(&bridge.home);
    let script = bridge.home.path("mail.py");
    fs::write(
        &script,
        "from drawbridge_daemon import Daemon\nmail = Daemon('mail')\n\
         @mail.method('mcp.mail.listAccounts', reads=True)\ndef accounts():\n    return [{'account_id': 'a'}]\n\
         mail.serve()\n",
    )
    .unwrap();
    assert_eq!(old(&bridge.home, "mcp.mail.listAccounts", json!([]))["error"]["code"], -32601);
    let _mail = ByHand::run(&bridge.home, &script);
    for name in ["weather", "mail"] {
        wait_for("a daemon by hand", || (daemon(&bridge.home, name)["state"] == "ready").then_some(()));
    }
    let rains = old(&bridge.home, "mcp.weather.today", json!(["Rome"]));
    assert_eq!(rains, json!({"jsonrpc": "2.0", "id": 7, "result": "It rains in Rome, at 11 °C."}));
    let accounts = old(&bridge.home, "mcp.mail.listAccounts", json!([]));
    assert_eq!(accounts["result"], json!([{"account_id": "a"}]));
}

/// What a method of the older dialect answers on the unix socket.
fn old(home: &Home, method: &str, params: Value) -> Value {
    let mut socket = UnixStream::connect(home.state().join("run/gateway.sock")).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let ask = json!({"jsonrpc": "2.0", "id": 7, "method": method, "params": params});
    socket.write_all(format!("{ask}\0").as_bytes()).unwrap();
    let mut answer = Vec::new();
    BufReader::new(socket).read_until(0, &mut answer).unwrap();
    assert_eq!(answer.pop(), Some(0));
    serde_json::from_slice(&answer).unwrap()
}

#[test]
fn the_hub_runs_one_beside_another_that_crashes_and_the_owner_sees_and_steers_both() {
    let mut bridge = with_processes();
    let first = ready(&bridge.home);
    assert!(bridge.owner.text("weather_today", json!({"city": "Oslo"})).contains("It rains in Oslo"));
    let crash = wait_for("a crash", || {
        Some(daemon(&bridge.home, "crash")).filter(|one| one["process"]["last_end"].is_string())
    });
    assert_eq!(crash["process"]["last_end"], "it ended with the code 3", "{crash}");
    assert!(bridge.home.run(&["daemon", "logs", "crash"]).good().contains("my last words"));
    // While it is being started again, that is what is told of it.
    let listed = wait_for("why it is not ready", || {
        let listed = bridge.home.run(&["daemon", "list"]).good();
        (listed.contains("weather_today") && listed.contains("code 3")).then_some(listed)
    });
    bridge.home.run(&["daemon", "restart", "weather"]).good();
    wait_for("another process", || {
        (daemon(&bridge.home, "weather")["process"]["pid"].as_u64()? != first).then_some(())
    });
    ready(&bridge.home);
    let status = Request::new("GET", "/api/status").and("Authorization", format!("Bearer {}", bridge.key));
    let status = Connection::open(bridge.hub.address()).ask(&status).text();
    assert!(status.contains("weather_today"), "{status}");
    let environment = fs::read(format!("/proc/{}/environ", ready(&bridge.home))).unwrap();
    assert!(String::from_utf8_lossy(&environment).contains("WEATHER_KEY=sk-of-the-weather"));
    for text in [bridge.home.log(), listed, status] {
        assert!(!text.contains("sk-of-the-weather"), "{text}");
    }
    // The daemon itself restarts, waits, crashes: nobody else is held up.
    assert!(bridge.owner.text("files_list", json!({"path": "Drawbridge"})).len() < 1_000_000);
    bridge.holds();
}

#[test]
fn i1_no_daemon_outlives_a_hub_that_is_killed_and_the_next_hub_starts_it_again() {
    let bridge = with_processes();
    let pid = ready(&bridge.home);
    let Bridge { home, hub, .. } = bridge;
    hub.kill();
    let begun = Instant::now();
    wait_for("its end", || (!Path::new(&format!("/proc/{pid}")).exists()).then_some(()));
    assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", begun.elapsed());
    let _next = home.serve();
    assert_ne!(ready(&home), pid);
    assert!(home.run(&["call", "weather_today", "{\"city\": \"Bern\"}"]).good().contains("Bern"));
}

#[test]
fn d3_no_tool_writes_where_descriptions_are() {
    let home = Home::new();
    fs::create_dir(home.in_root("daemons")).unwrap();
    home.configure(&format!("[daemons]\nfolders = [{:?}]\n", home.in_root("daemons")));
    let mut bridge = Bridge::start_in(home);
    let cap = json!({"capabilities": [{"method": "evil"}]}).to_string();
    let place = "Drawbridge/daemons/evil.cap.json";
    bridge.refuses("files_write", json!({"path": place, "content": cap}));
    assert!(!bridge.home.in_root("daemons/evil.cap.json").exists());
    bridge.holds();
}

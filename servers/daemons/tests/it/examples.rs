//! The examples, run by the hub through the sandbox: alive, killed, and restarted.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use drawbridge_contract::kit::Kit;
use drawbridge_daemons::{
    Bounds, Confinement, Daemons, DaemonsSettings, Environment, ProcessSettings, SocketKind, Supervision,
};
use drawbridge_sandbox::Sandbox;
use serde_json::Value;

use crate::desk::{Desk, until};

/// The folder of the Python module and its example.
fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/daemons").canonicalize().unwrap()
}

/// A daemon in Python: the example, or a script that a test writes.
fn python(name: &str, script: &Path) -> ProcessSettings {
    let command = ["/usr/bin/python3".to_owned(), script.display().to_string()];
    ProcessSettings {
        folder: Some(examples()),
        environment: Environment::new(|| {
            Ok(vec![("PYTHONPATH".to_owned(), examples().display().to_string())])
        }),
        ..ProcessSettings::new(name, command.to_vec())
    }
}

struct Run {
    kit: Kit,
    _supervision: Supervision,
}

fn run(desk: &Desk, processes: Vec<ProcessSettings>) -> Run {
    run_with(desk, processes, desk.settings().bounds)
}

fn run_with(desk: &Desk, processes: Vec<ProcessSettings>, bounds: Bounds) -> Run {
    std::fs::create_dir_all(desk.path("logs")).unwrap();
    let settings = DaemonsSettings { processes, own_folders: desk.path("own"), bounds, ..desk.settings() };
    let daemons = Daemons::open(&settings).unwrap();
    let supervision = daemons.supervise(Arc::new(Sandbox::new()));
    Run { kit: Kit::of(daemons), _supervision: supervision }
}

fn of<'a>(now: &'a Value, name: &str) -> &'a Value {
    now["daemons"].as_array().unwrap().iter().find(|one| one["name"] == name).unwrap_or(&Value::Null)
}

async fn ready(run: &Run, name: &str) -> u64 {
    let is_ready = |now: &Value| of(now, name)["state"] == "ready" && !of(now, name)["tools"][0].is_null();
    of(&until(&run.kit, "ready", is_ready).await, name)["process"]["pid"].as_u64().unwrap()
}

fn kill(pid: u64) {
    let pid = rustix::process::Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_lines_of_python_are_tools_confined_and_with_a_socket_that_they_are_given() {
    let (desk, begun) = (Desk::new(), Instant::now());
    let weather = ProcessSettings {
        confinement: Confinement::Preferred,
        ..python("weather", &examples().join("weather.py"))
    };
    let run = run(&desk, vec![weather]);
    ready(&run, "weather").await;
    assert!(
        begun.elapsed() < Duration::from_secs(60),
        "nobody looked for its description: {:?}",
        begun.elapsed()
    );
    run.kit.check("weather_today", r#"{"city": "Paris"}"#, "It rains in Paris, at 11 °C.").await;
    run.kit.check("weather_today", r#"{"city": "Paris", "unit": "F"}"#, "°F").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i3_one_that_is_killed_is_started_again_and_its_tools_say_so_meanwhile() {
    let desk = Desk::new();
    let run = run(&desk, vec![python("weather", &examples().join("weather.py"))]);
    let first = ready(&run, "weather").await;
    kill(first);
    until(&run.kit, "pausing", |now| of(now, "weather")["state"] != "ready").await;
    run.kit
        .check("weather_today", r#"{"city": "x"}"#, "error: the daemon weather could not be asked: it is")
        .await;
    let second = ready(&run, "weather").await;
    assert_ne!(first, second);
    run.kit.check("weather_today", r#"{"city": "Rome"}"#, "Rome").await;
    run.kit.check("daemons_logs", r#"{"name": "weather"}"#, "it was ended by the signal 9").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_is_restarted_when_the_owner_asks() {
    let desk = Desk::new();
    let own =
        ProcessSettings { socket: SocketKind::Own, ..python("weather", &examples().join("weather.py")) };
    let run = run(&desk, vec![own]);
    let first = ready(&run, "weather").await;
    run.kit.check("daemons_restart", r#"{"name": "weather"}"#, "started again").await;
    until(&run.kit, "another process", |now| {
        let one = of(now, "weather");
        one["process"]["pid"].as_u64().is_some_and(|pid| pid != first)
    })
    .await;
    // With a socket of its own it took its description away when it ended: its tools come a moment after it.
    ready(&run, "weather").await;
    run.kit.check("weather_today", r#"{"city": "Oslo"}"#, "Oslo").await;
    run.kit.check("daemons_restart", r#"{"name": "nobody"}"#, "the hub runs no daemon").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_waits_for_those_that_it_needs() {
    let desk = Desk::new();
    let slow = desk.path("slow.py");
    std::fs::write(
        &slow,
        "import time\nfrom drawbridge_daemon import Daemon\ntime.sleep(0.7)\nd = Daemon('slow')\n\
        @d.method(reads=True)\ndef begun() -> float:\n    return time.time()\nd.serve()\n",
    )
    .unwrap();
    let second = ProcessSettings {
        after: vec!["slow".to_owned()],
        ..python("weather", &examples().join("weather.py"))
    };
    let run = run(&desk, vec![second, python("slow", &slow)]);
    until(&run.kit, "waiting", |now| of(now, "weather")["state"] == "waiting").await;
    ready(&run, "slow").await;
    ready(&run, "weather").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i3_a_crash_loop_slows_down_and_others_do_not_notice() {
    let desk = Desk::new();
    let crash = ProcessSettings::new(
        "crash",
        vec!["/bin/sh".into(), "-c".into(), "echo my last words; exit 7".into()],
    );
    let run = run(&desk, vec![crash, python("weather", &examples().join("weather.py"))]);
    ready(&run, "weather").await;
    let now =
        until(&run.kit, "several starts", |now| of(now, "crash")["process"]["starts"].as_u64() >= Some(2))
            .await;
    assert!(of(&now, "crash")["process"]["last_end"].as_str().unwrap().contains("code 7"), "{now}");
    run.kit.check("daemons_logs", r#"{"name": "crash"}"#, "my last words").await;
    run.kit.check("weather_today", r#"{"city": "x"}"#, "It rains").await;
    assert!(
        of(&now, "crash")["process"]["starts"].as_u64().unwrap() < 6,
        "it is not started without a pause"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn j3_a_secret_of_a_daemon_is_neither_in_its_log_nor_among_its_arguments() {
    let desk = Desk::new();
    let script = desk.path("tell.py");
    std::fs::write(&script, "import os, sys\nfrom drawbridge_daemon import Daemon\nprint('key', os.environ['KEY'], sys.argv)\n\
        d = Daemon('tell')\n@d.method(reads=True)\ndef length() -> int:\n    return len(os.environ['KEY'])\nd.serve()\n").unwrap();
    let path = examples().display().to_string();
    let variables =
        vec![("PYTHONPATH".to_owned(), path), ("KEY".to_owned(), "sk-very-secret-123".to_owned())];
    let tell = ProcessSettings {
        environment: Environment::new(move || Ok(variables.clone())),
        ..python("tell", &script)
    };
    let run = run(&desk, vec![tell]);
    let pid = ready(&run, "tell").await;
    run.kit.check("tell_length", "{}", "18").await;
    let log = run.kit.says("daemons_logs", r#"{"name": "tell"}"#).await;
    assert!(log.contains("key [secret]") && !log.contains("very-secret"), "{log}");
    let arguments = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap();
    assert!(!String::from_utf8_lossy(&arguments).contains("very-secret"));
}

#[tokio::test(flavor = "multi_thread")]
async fn i1_nothing_is_left_when_the_hub_ends() {
    let desk = Desk::new();
    let family = "setsid sleep 1000 & sleep 1000 & exec python3 weather.py";
    let command = vec!["/bin/sh".to_owned(), "-c".to_owned(), family.to_owned()];
    let run = run(&desk, vec![ProcessSettings { command, ..python("weather", Path::new("")) }]);
    let pid = ready(&run, "weather").await;
    let Run { _supervision: supervision, .. } = run;
    let begun = Instant::now();
    supervision.end().await;
    assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", begun.elapsed());
    assert!(!Path::new(&format!("/proc/{pid}")).exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn d9_a_confined_daemon_reaches_neither_other_daemons_nor_files_nor_sockets() {
    let desk = Desk::new();
    std::fs::write(desk.path("precious"), "secret").unwrap();
    let script = desk.path("curious.py");
    let tries = format!(
        "import socket\nfrom drawbridge_daemon import Daemon\nd = Daemon('curious')\n\
         def tried(what):\n    try:\n        what()\n        return 'reached'\n    except OSError as error:\n        return type(error).__name__\n\
         @d.method(reads=True)\ndef reach() -> list:\n    return [tried(lambda: open('{0}/precious').read()), \
         tried(lambda: open('{0}/own/weather/weather.cap.json', 'w')), tried(lambda: socket.socket(socket.AF_UNIX)), \
         tried(lambda: socket.socket())]\nd.serve()\n",
        desk.folder().display()
    );
    std::fs::write(&script, tries).unwrap();
    let run = run(&desk, vec![python("curious", &script), python("weather", &examples().join("weather.py"))]);
    ready(&run, "weather").await;
    ready(&run, "curious").await;
    let reached = run.kit.says("curious_reach", "{}").await;
    assert!(!reached.contains("reached") && reached.matches("Error").count() == 4, "{reached}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_in_python_under_crash_hang_and_flood() {
    let desk = Desk::new();
    let script = desk.path("bad.py");
    std::fs::write(&script, "import os, sys, time\nfrom drawbridge_daemon import Daemon, Failure\nd = Daemon('bad')\n\
        @d.method(reads=True)\ndef fine() -> str:\n    return 'fine'\n\
        @d.method(reads=True)\ndef weird() -> str:\n    return object()\n\
        @d.method(reads=True)\ndef fail() -> str:\n    raise Failure('no such city', -32010)\n\
        @d.method(reads=True)\ndef crash() -> str:\n    os._exit(3)\n\
        @d.method(reads=True)\ndef hang() -> str:\n    time.sleep(1000)\n\
        @d.method(reads=True)\ndef flood() -> str:\n    return 'x' * (17 << 20)\n\
        @d.method(reads=True)\ndef chatter() -> str:\n    print('x' * (2 << 20))\n    return 'printed'\nd.serve()\n").unwrap();
    let run = run(&desk, vec![python("bad", &script)]);
    ready(&run, "bad").await;
    let hanging = run.kit.clone();
    let hanging = tokio::spawn(async move { hanging.says("bad_hang", "{}").await });
    run.kit.check("bad_fine", "{}", "fine").await;
    run.kit.check("bad_fail", "{}", "no such city (error -32010 of the daemon)").await;
    run.kit.check("bad_weird", "{}", "TypeError").await;
    run.kit.check("bad_flood", "{}", "without the end of a message").await;
    run.kit.check("bad_fine", "{}", "fine").await;
    assert!(hanging.await.unwrap().contains("did not answer"));
    run.kit.check("bad_fine", "{}", "fine").await;
    run.kit.check("bad_crash", "{}", "error: the daemon bad could not be asked").await;
    until(&run.kit, "it runs again", |now| of(now, "bad")["process"]["starts"] == 2).await;
    ready(&run, "bad").await;
    run.kit.check("bad_fine", "{}", "fine").await;
    // What it prints is taken slowly, so only this call, which prints, waits for it.
    run.kit.check("bad_chatter", "{}", "did not answer").await;
    run.kit.check("bad_fine", "{}", "fine").await;
}

/// One that stops where it stands, as one does that waits for a lock forever.
#[tokio::test(flavor = "multi_thread")]
async fn i3_one_that_hangs_is_started_again_and_that_is_told() {
    let desk = Desk::new();
    let script = desk.path("stuck.py");
    std::fs::write(
        &script,
        "import os, signal\nfrom drawbridge_daemon import Daemon\nd = Daemon('stuck')\n\
        @d.method(reads=True)\ndef fine() -> str:\n    return 'fine'\n\
        @d.method(reads=True)\ndef freeze() -> str:\n    os.kill(os.getpid(), signal.SIGSTOP)\nd.serve()\n",
    )
    .unwrap();
    // It is the call without an answer that makes us look, and not that the time has come.
    let bounds = Bounds { probe_time_max: Duration::from_secs(2), ..desk.settings().bounds };
    let run = run_with(&desk, vec![python("stuck", &script)], bounds);
    let first = ready(&run, "stuck").await;
    run.kit.check("stuck_freeze", "{}", "did not answer within").await;
    let now = until(&run.kit, "another start", |now| of(now, "stuck")["process"]["starts"] != 1).await;
    let told = of(&now, "stuck")["process"]["last_end"].as_str().unwrap();
    assert_eq!(told, "it hung: it ran, but 2 times it did not answer within 2 s", "{now}");
    assert_ne!(first, ready(&run, "stuck").await);
    run.kit.check("stuck_fine", "{}", "fine").await;
    run.kit.check("daemons_logs", r#"{"name": "stuck"}"#, "it hung: it ran").await;
}

/// One that serves one connection after the other answers nobody else during a long call. It works, and does not hang.
#[tokio::test(flavor = "multi_thread")]
async fn one_that_works_for_long_is_left_alone_and_one_that_hangs_unasked_is_not() {
    let desk = Desk::new();
    let script = desk.path("single.py");
    std::fs::write(
        &script,
        "import json, os, signal, socket, time\n\
        cap = {'capabilities': [{'method': 'wait', 'annotations': {'readOnlyHint': True}, 'timeout_seconds': 60}]}\n\
        path = os.environ['DAEMON_FOLDER'] + '/single.cap.json'\n\
        os.umask(0o077)\nopen(path, 'w').write(json.dumps(cap))\n\
        listener = socket.socket(fileno=os.dup(0))\n\
        while True:\n    connection, _ = listener.accept()\n    request = json.loads(connection.recv(65536)[:-1])\n    \
            if request['method'] == 'wait': time.sleep(10)\n    \
            connection.sendall(json.dumps({'id': request['id'], 'result': 'done'}).encode() + b'\\0')\n    connection.close()\n",
    )
    .unwrap();
    let quick = Bounds {
        call_timeout: Duration::from_secs(60),
        probe_every: Duration::from_millis(200),
        probe_time_max: Duration::from_secs(4),
        ..desk.settings().bounds
    };
    let run = run_with(&desk, vec![python("single", &script)], quick);
    let pid = ready(&run, "single").await;
    run.kit.check("single_wait", "{}", "done").await;
    assert_eq!(ready(&run, "single").await, pid, "it was ended while it worked");
    let stopped = rustix::process::Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    rustix::process::kill_process(stopped, rustix::process::Signal::STOP).unwrap();
    until(&run.kit, "another start", |now| of(now, "single")["process"]["starts"] != 1).await;
    assert_ne!(ready(&run, "single").await, pid);
}

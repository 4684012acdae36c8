//! Work that goes on when the hub is killed, and work that says why it does not.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::program::{Bridge, Gate, Home, Hub, Modern, PATIENCE, Request, StdioHost, went_well};

/// The tools that are tried pass without being asked for.
const ALLOW: &str =
    "[[rules]]\ntools = [\"terminal_*\"]\nthen = \"allow\"\n[terminal]\nconfinement = \"off\"\n";

fn home() -> Home {
    let home = Home::new();
    home.configure(ALLOW);
    home
}

/// Submits by the command line, and gives the job's id.
fn submit(home: &Home, tool: &str, arguments: &Value, options: &[&str]) -> String {
    let arguments = arguments.to_string();
    let words = [&["--json", "jobs", "submit", tool, &arguments], options].concat();
    let job: Value = serde_json::from_str(&home.run(&words).good()).unwrap();
    job["id"].as_str().unwrap().to_owned()
}

/// The job, once it fits.
fn becomes(home: &Home, id: &str, states: &[&str]) -> Value {
    let begun = Instant::now();
    loop {
        let shown: Value = serde_json::from_str(&home.run(&["--json", "jobs", "status", id]).good()).unwrap();
        let job = shown["job"].clone();
        if states.contains(&job["state"].as_str().unwrap()) {
            return job;
        }
        assert!(begun.elapsed() < PATIENCE, "it never became {states:?}: {job}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn held(gate: &Gate) -> Value {
    json!({ "command": gate.command("echo done") })
}

#[test]
fn a_job_survives_kill_9_and_a_host_gets_its_result() {
    let home = home();
    let hub = home.serve();
    let key = hub.key();
    let gate = Gate::new(&home, "mark");
    let id = submit(&home, "terminal_run", &held(&gate), &["--retry-safe"]);
    becomes(&home, &id, &["running"]);
    gate.until_begun(1);
    hub.kill();

    let hub = home.serve();
    gate.until_begun(2);
    gate.open();
    let job = becomes(&home, &id, &["completed"]);
    assert_eq!(job["attempt"], 2, "{job}");
    assert_eq!(gate.marked(), "begun\nbegun\n", "it was begun twice");
    // A host that was never there before asks for it.
    let mut host = Modern::new(hub.address(), &key);
    assert!(host.text("jobs_result", json!({ "id": id })).contains("done"));
    assert!(home.run(&["jobs", "result", &id]).good().contains("done"));
    home.verify();
}

#[test]
fn lists_have_pages_and_a_key_begins_no_second_job() {
    let home = home();
    let _hub = home.serve();
    let later =
        |options: &[&str]| submit(&home, "files_list", &json!({}), &[&["--delay", "1h"], options].concat());
    let first = later(&["--deduplication-key", "one"]);
    assert_eq!(later(&["--deduplication-key", "one"]), first, "it has not ended");
    let second = later(&[]);
    let newest = home.run(&["jobs", "list", "--limit", "1"]).good();
    assert!(newest.contains(&second) && !newest.contains(&first), "{newest}");
    let word = newest.rsplit_once("--cursor ").unwrap().1.trim();
    let older = home.run(&["jobs", "list", "--limit", "1", "--cursor", word]).good();
    assert!(older.contains(&first) && !older.contains(&second), "{older}");
    let of_nobody = home.run(&["jobs", "list", "--caller", "key:nobody"]).good();
    assert!(!of_nobody.contains(&first), "{of_nobody}");

    let lost = submit(&home, "files_read", &json!({ "path": "Drawbridge/nothing.txt" }), &[]);
    becomes(&home, &lost, &["failed"]);
    let other = home.run(&["jobs", "dead-letters", "--failed", "--tool", "terminal_run"]).good();
    assert!(!other.contains(&lost), "{other}");
    let letters =
        home.run(&["jobs", "dead-letters", "--failed", "--tool", "files_read", "--limit", "5"]).good();
    assert!(letters.contains(&lost), "{letters}");
    let replayed = home.run(&["--json", "jobs", "replay", "--tool", "terminal_run"]).good();
    let replayed: Value = serde_json::from_str(&replayed).unwrap();
    assert_eq!(replayed["replayed"], 0, "{replayed}");
}

#[test]
fn what_is_not_safe_to_run_twice_says_so_and_waits_for_a_person() {
    let home = home();
    let hub = home.serve();
    let gate = Gate::new(&home, "mark");
    let id = submit(&home, "terminal_run", &held(&gate), &[]);
    becomes(&home, &id, &["running"]);
    gate.until_begun(1);
    hub.kill();

    let _hub = home.serve();
    let job = becomes(&home, &id, &["dead"]);
    assert!(job["message"].as_str().unwrap().contains("not safe to be run twice"), "{job}");
    assert_eq!(gate.marked(), "begun\n");
    assert!(home.run(&["jobs", "dead-letters"]).good().contains(&id));
    assert_eq!(home.run(&["jobs", "result", &id]).code(), 1);
    gate.open();
    home.run(&["jobs", "replay", &id]).good();
    becomes(&home, &id, &["completed"]);
    assert!(home.run(&["jobs", "result", &id]).good().contains("done"));
}

#[test]
fn a_host_that_goes_away_loses_nothing() {
    let home = home();
    let hub = home.serve();
    let mut first = Modern::new(hub.address(), &hub.key());
    let wanted = json!({ "tool": "terminal_run", "arguments": { "command": "sleep 1; echo late" } });
    let submitted = first.tool("jobs_submit", wanted);
    let id = submitted["result"]["structuredContent"]["job"]["id"].as_str().unwrap().to_owned();
    drop(first);
    let mut second = Modern::new(hub.address(), &hub.key());
    let waited = second.tool("jobs_wait", json!({ "id": id, "timeout_ms": 20_000 }));
    let said = waited["result"]["content"][0]["text"].as_str().unwrap();
    assert!(said.contains("completed") && said.contains("late"), "{said}");
}

/// An event of a stream: its number, its name, and the job's state.
fn events(text: &str) -> Vec<(Option<u64>, String, String)> {
    let field = |frame: &str, name: &str| {
        frame.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().trim().to_owned()
    };
    let frames = text.split("\n\n").filter(|frame| frame.contains("event:"));
    let told = frames.map(|frame| {
        let data: Value = serde_json::from_str(&field(frame, "data:")).unwrap();
        (
            field(frame, "id:").parse().ok(),
            field(frame, "event:"),
            data["job"]["state"].as_str().unwrap().to_owned(),
        )
    });
    told.collect()
}

fn ask(hub: &Hub, method: &str, path: &str, body: &str, more: &[(&str, &str)]) -> (u16, String) {
    let mut request = Request::new(method, path).and("Authorization", format!("Bearer {}", hub.key()));
    request = request.and("Content-Type", "application/json").body(body);
    for (name, value) in more {
        request = request.and(name, *value);
    }
    let answer = hub.connect().ask(&request);
    (answer.status, answer.text())
}

#[test]
fn rest_takes_a_job_and_its_events_go_on_where_a_client_was() {
    let home = home();
    let hub = home.serve();
    let gate = Gate::new(&home, "mark");
    let body = json!({"tool": "terminal_run", "arguments": {"command": gate.command("echo by rest")}});
    let (status, text) = ask(&hub, "POST", "/api/jobs", &body.to_string(), &[]);
    assert_eq!(status, 202, "{text}");
    let job: Value = serde_json::from_str(&text).unwrap();
    let id = job["job"]["id"].as_str().unwrap();
    let (status, text) = ask(&hub, "GET", &format!("/api/jobs/{id}/result"), "", &[]);
    assert_eq!(status, 409, "there is none yet: {text}");
    gate.open();
    let path = format!("/api/jobs/{id}/events");
    let (status, text) = ask(&hub, "GET", &path, "", &[]);
    let told = events(&text);
    let words: Vec<&str> =
        told.iter().filter(|event| event.0.is_some()).map(|event| event.1.as_str()).collect();
    assert_eq!((status, words.join(" ")), (200, "submitted started completed".to_owned()), "{text}");
    let first = told[0].0.unwrap().to_string();
    let (_, rest) = ask(&hub, "GET", &path, "", &[("Last-Event-ID", &first)]);
    assert_eq!(events(&rest).iter().filter(|event| event.0.is_some()).count(), 2, "{rest}");
    let last = told.iter().filter_map(|event| event.0).max().unwrap().to_string();
    assert_eq!(ask(&hub, "GET", &path, "", &[("Last-Event-ID", &last)]).0, 204);
    let (status, text) = ask(&hub, "GET", &format!("/api/jobs/{id}/result"), "", &[]);
    assert!(status == 200 && text.contains("by rest"), "{text}");
    assert_eq!(ask(&hub, "POST", &format!("/api/jobs/{id}/cancel"), "", &[]).0, 409, "it has ended");
    assert_eq!(ask(&hub, "GET", "/api/jobs/1-0000000000000000", "", &[]).0, 404);
    let (_, listed) = ask(&hub, "GET", "/api/jobs?state=completed&limit=5", "", &[]);
    assert!(listed.contains(id), "{listed}");
    let (_, status) = ask(&hub, "GET", "/api/status", "", &[]);
    let status: Value = serde_json::from_str(&status).unwrap();
    assert_eq!(status["jobs"]["queues"][0]["queue"], "default", "{status}");
    assert!(home.run(&["status"]).good().contains("workers busy"));
}

#[test]
fn b9_a_job_of_another_key_is_not_found_by_any_entrance() {
    let bridge = Bridge::start();
    let mut mine = bridge.guest("mine", &[]);
    let mut other = bridge.guest("other", &[]);
    let wanted = json!({ "tool": "files_list", "options": { "delay_ms": 3_600_000 } });
    let submitted = mine.tool("jobs_submit", wanted);
    let id = submitted["result"]["structuredContent"]["job"]["id"].as_str().unwrap().to_owned();
    for tool in ["jobs_status", "jobs_result", "jobs_wait", "jobs_log", "jobs_cancel", "jobs_retry"] {
        let answer = other.tool(tool, json!({ "id": id }));
        assert!(!went_well(&answer) && answer.to_string().contains("there is no job"), "{tool}: {answer}");
    }
    let listed = other.tool("jobs_list", json!({ "caller": "key:mine" }));
    assert_eq!(listed["result"]["structuredContent"]["jobs"], json!([]));
    let asked = Request::new("GET", &format!("/api/jobs/{id}/events"));
    let asked = asked.and("Authorization", format!("Bearer {}", bridge.home.add_key("third", &[])));
    assert_eq!(bridge.hub.connect().ask(&asked).status, 404);
    assert!(went_well(&mine.tool("jobs_status", json!({ "id": id }))));
    bridge.holds();
}

#[test]
fn a_revoked_key_leaves_no_job_that_runs() {
    let home = home();
    let hub = home.serve();
    let secret = home.add_key("laptop", &[]);
    let mut host = Modern::new(hub.address(), &secret);
    let wanted = json!({ "tool": "terminal_run", "arguments": { "command": "echo ran >> ~/ran" }, "options": { "delay_ms": 6_000 } });
    let submitted = host.tool("jobs_submit", wanted);
    let id = submitted["result"]["structuredContent"]["job"]["id"].as_str().unwrap().to_owned();
    home.run(&["keys", "revoke", "laptop"]).good();
    let job = becomes(&home, &id, &["failed"]);
    assert!(job["message"].as_str().unwrap().contains("revoked"), "{job}");
    assert!(!home.path("ran").exists());
}

#[test]
fn one_caller_is_bounded_however_often_it_submits() {
    let home = home();
    home.configure(&format!("{ALLOW}[jobs]\nopen_per_caller_max = 20\n"));
    let hub = home.serve();
    let secret = home.add_key("laptop", &[]);
    let mut host = Modern::new(hub.address(), &secret);
    let later = || json!({ "tool": "files_list", "options": { "delay_ms": 3_600_000 } });
    let taken = (0..50).filter(|_| went_well(&host.tool("jobs_submit", later()))).count();
    assert_eq!(taken, 20);
    let refused = host.tool("jobs_submit", later()).to_string();
    assert!(refused.contains("jobs of this caller"), "{refused}");
    submit(&home, "files_list", &json!({}), &[]);
}

#[test]
fn without_a_hub_jobs_wait_and_a_host_that_starts_the_program_runs_them() {
    let home = home();
    let submitted = home.run(&["jobs", "submit", "terminal_run", r#"{"command": "echo from stdio"}"#]).good();
    assert!(submitted.contains("No hub runs"), "{submitted}");
    let listed: Value = serde_json::from_str(&home.run(&["--json", "jobs", "list"]).good()).unwrap();
    let id = listed["jobs"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(listed["jobs"][0]["state"], "queued");
    let mut host = StdioHost::start(home.command(&["stdio"]));
    let waited = host.tool("jobs_wait", json!({ "id": id, "timeout_ms": 20_000 }));
    assert!(waited.to_string().contains("from stdio"), "{waited}");
}

#[test]
fn every_example_of_the_tools_gives_what_it_says() {
    let home = home();
    home.configure("[[rules]]\ntools = [\"jobs_*\"]\nthen = \"allow\"\n");
    let hub = home.serve();
    let (_, text) = ask(&hub, "GET", "/api/tools", "", &[]);
    let listed: Value = serde_json::from_str(&text).unwrap();
    let mut tried = 0;
    for tool in listed["tools"].as_array().unwrap() {
        let name = tool["name"].as_str().unwrap();
        for example in tool["examples"].as_array().unwrap().iter().filter(|_| name.starts_with("jobs_")) {
            let arguments = example["arguments"].to_string();
            let (_, said) = ask(&hub, "POST", &format!("/api/tools/{name}"), &arguments, &[]);
            let gives = example["gives"].as_str().unwrap();
            assert!(said.contains(gives), "{name} {arguments}\n  said {said}\n  not {gives}");
            tried += 1;
        }
    }
    assert!(tried >= 14, "{tried}");
}

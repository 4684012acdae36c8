//! The program as it is built: tasks over a crash, and the owner's yes in the middle of one.

use serde_json::{Value, json};

use super::until;
use crate::program::{Gate, Home, Hub, Modern, StdioHost};

/// The tools that are tried pass without being asked for.
const ALLOW: &str =
    "[[rules]]\ntools = [\"terminal_*\"]\nthen = \"allow\"\n[terminal]\nconfinement = \"off\"\n";
/// The owner is asked before a command is run.
const ASK: &str = "[[rules]]\ntools = [\"terminal_*\"]\nthen = \"ask\"\n[terminal]\nconfinement = \"off\"\n";

fn home(configuration: &str) -> Home {
    let home = Home::new();
    home.configure(configuration);
    home
}

fn host(hub: &Hub, key: &str) -> Modern {
    let extensions = json!({ "io.modelcontextprotocol/tasks": {} });
    Modern::new(hub.address(), key)
        .with_capabilities(json!({ "elicitation": { "form": {} }, "extensions": extensions }))
}

fn run(host: &mut Modern, command: &str) -> String {
    let created = host.tool("terminal_run", json!({ "command": command }));
    assert_eq!(created["result"]["resultType"], "task", "{created}");
    created["result"]["taskId"].as_str().unwrap().to_owned()
}

fn get(host: &mut Modern, task: &str) -> Value {
    host.ask("tasks/get", json!({ "taskId": task }))
}

#[test]
fn a_host_asks_for_its_tasks_after_kill_9() {
    let home = home(ALLOW);
    let hub = home.serve();
    let key = hub.key();
    let mut before = host(&hub, &key);
    let [kept, lost, safe] = ["kept", "lost", "safe"].map(|name| Gate::new(&home, name));
    let done = run(&mut before, &kept.command("echo kept"));
    kept.open();
    until("completed", || get(&mut before, &done));
    let broken_off = run(&mut before, &lost.command("echo never"));
    let command = safe.command("echo again");
    let wanted = json!({
        "tool": "terminal_run", "arguments": { "command": command }, "options": { "retry_safe": true },
    });
    let submitted = before.tool("jobs_submit", wanted);
    let again = submitted["result"]["structuredContent"]["job"]["id"].as_str().unwrap().to_owned();
    lost.until_begun(1);
    safe.until_begun(1);
    hub.kill();

    let hub = home.serve();
    safe.open();
    let mut after = host(&hub, &key);
    let kept = until("completed", || get(&mut after, &done));
    assert!(kept["result"]["content"][0]["text"].as_str().unwrap().contains("kept"), "{kept}");
    let why = until("failed", || get(&mut after, &broken_off));
    assert!(why["error"]["message"].as_str().unwrap().contains("not safe to be run twice"), "{why}");
    let again = until("completed", || get(&mut after, &again));
    assert!(again["result"]["content"][0]["text"].as_str().unwrap().contains("again"), "{again}");
}

#[test]
fn the_owner_is_asked_in_the_middle_of_a_task() {
    let home = home(ASK);
    let hub = home.serve();
    let mut host = host(&hub, &hub.key());
    for (decision, status) in [("allow_once", "completed"), ("deny", "failed")] {
        let task = run(&mut host, "echo allowed");
        let asked = until("input_required", || get(&mut host, &task));
        let (key, request) = asked["inputRequests"].as_object().unwrap().iter().next().unwrap();
        assert!(request["params"]["message"].as_str().unwrap().contains("terminal_run"), "{request}");
        let answer = json!({ "action": "accept", "content": { "decision": decision } });
        host.ask("tasks/update", json!({ "taskId": task, "inputResponses": { key: answer } }));
        until(status, || get(&mut host, &task));
    }
}

#[test]
fn while_the_bridge_is_raised_no_task_is_told_of() {
    let home = home(ALLOW);
    let hub = home.serve();
    let mut host = host(&hub, &hub.key());
    let gate = Gate::new(&home, "mark");
    let task = run(&mut host, &gate.command("echo done"));
    gate.open();
    until("completed", || get(&mut host, &task));
    home.run(&["raise"]).good();
    let refused = get(&mut host, &task);
    assert!(refused["error"]["message"].as_str().unwrap().contains("raised"), "{refused}");
    home.run(&["lower"]).good();
    until("completed", || get(&mut host, &task));
}

/// Runs a command as a task of 2025-11-25 over stdio, and answers the owner's question on the way.
fn over_stdio(home: &Home) {
    let capabilities = json!({ "elicitation": {} });
    let mut host = StdioHost::start_as(home.command(&["stdio"]), "2025-11-25", capabilities);
    let call = json!({ "name": "terminal_run", "arguments": { "command": "echo by stdio" }, "task": {} });
    let task = host.request("tools/call", call)["result"]["task"]["taskId"].take();
    host.send_raw(
        format!(
            "{}\n",
            json!({
                "jsonrpc": "2.0", "id": "r", "method": "tasks/result", "params": { "taskId": task },
            })
        )
        .as_bytes(),
    );
    let mut told = Vec::new();
    let result = loop {
        let message = host.next();
        match (message["id"].as_str(), message["method"].as_str()) {
            (Some("r"), None) => break message,
            (_, Some("elicitation/create")) => {
                let answer = json!({ "action": "accept", "content": { "decision": "allow_once" } });
                let answer = json!({ "jsonrpc": "2.0", "id": message["id"], "result": answer });
                host.send_raw(format!("{answer}\n").as_bytes());
            }
            (_, Some("notifications/tasks/status")) => told.push(message["params"]["status"].clone()),
            _ => {}
        }
    };
    assert!(result["result"]["content"][0]["text"].as_str().unwrap().contains("by stdio"), "{result}");
    assert!(told.contains(&json!("input_required")), "{told:?}");
    host.hang_up();
}

#[test]
fn a_host_on_stdio_has_tasks_with_a_hub_beside_it_and_without() {
    let home = home(ASK);
    over_stdio(&home);
    let _hub = home.serve();
    over_stdio(&home);
}

#[test]
fn a_host_that_waits_for_many_results_can_still_cancel() {
    const RESULTS_MAX: usize = drawbridge_mcp::TASK_RESULTS_MAX;
    let home = home(ALLOW);
    let mut host = StdioHost::start_as(home.command(&["stdio"]), "2025-11-25", json!({}));
    let call = json!({ "name": "terminal_run", "arguments": { "command": "sleep 60" }, "task": {} });
    let task = host.request("tools/call", call)["result"]["task"]["taskId"].take();
    for id in 0..=RESULTS_MAX {
        let wait = json!({
            "jsonrpc": "2.0", "id": format!("r{id}"), "method": "tasks/result", "params": { "taskId": task },
        });
        host.send_raw(format!("{wait}\n").as_bytes());
    }
    let refused = result_of_wait(&mut host);
    assert_eq!(
        (&refused["id"], &refused["error"]["code"]),
        (&json!(format!("r{RESULTS_MAX}")), &json!(-32603))
    );
    let cancel =
        json!({ "jsonrpc": "2.0", "id": "c", "method": "tasks/cancel", "params": { "taskId": task } });
    host.send_raw(format!("{cancel}\n").as_bytes());
    for _ in 0..RESULTS_MAX {
        assert_eq!(result_of_wait(&mut host)["result"]["isError"], true);
    }
    host.hang_up();
}

/// The next answer to one of those requests; other messages are passed over.
fn result_of_wait(host: &mut StdioHost) -> Value {
    loop {
        let message = host.next();
        if message["id"].as_str().is_some_and(|id| id.starts_with('r')) {
            return message;
        }
    }
}

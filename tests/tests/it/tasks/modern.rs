//! The extension of 2026-07-28, by hand: who sees what, what is told, what is answered in parts.

use drawbridge_tests::fixture::{Fixture, serve};
use serde_json::{Value, json};

use super::until;
use crate::program::{Modern, went_well};

const TASKS: &str = "io.modelcontextprotocol/tasks";

fn host(fixture: &serve::Running, key: &str) -> Modern {
    let capabilities = json!({ "elicitation": { "form": {} }, "extensions": { TASKS: {} } });
    Modern::new(fixture.address(), key).with_capabilities(capabilities)
}

async fn fixture() -> serve::Running {
    serve::start(Fixture::default()).await.unwrap()
}

/// A call that becomes a task.
fn begin(host: &mut Modern, tool: &str, arguments: Value) -> String {
    let created = host.tool(tool, arguments)["result"].take();
    assert_eq!(created["resultType"], "task", "{created}");
    created["taskId"].as_str().unwrap().to_owned()
}

fn get(host: &mut Modern, task: &str) -> Value {
    host.ask("tasks/get", json!({ "taskId": task }))
}

fn update(host: &mut Modern, task: &str, responses: Value) -> Value {
    host.ask("tasks/update", json!({ "taskId": task, "inputResponses": responses }))
}

fn named(name: &str) -> Value {
    json!({ "action": "accept", "content": { "name": name, "confirm": "yes" } })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quick_call_is_answered_directly_and_a_slow_one_is_a_task() {
    let fixture = fixture().await;
    let mut host = host(&fixture, serve::KEY);
    let quick = host.tool("slow_compute", json!({ "seconds": 0, "label": "x" }));
    assert!(went_well(&quick), "{quick}");
    let task = begin(&mut host, "slow_compute", json!({ "seconds": 1, "label": "x" }));
    let done = until("completed", || get(&mut host, &task));
    assert_eq!(done["result"]["content"][0]["text"], "Computed x for 1 s.");
    assert!(done["ttlMs"].as_u64().unwrap() > 24 * 3600 * 1000);
    for refused in ["nonsense", "", &task.to_uppercase()] {
        assert_eq!(get(&mut host, refused)["error"]["code"], -32602);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn c2_a_task_of_another_caller_does_not_exist() {
    let fixture = fixture().await;
    let (mut owner, mut guest) = (host(&fixture, serve::KEY), host(&fixture, serve::GUEST_KEY));
    let task = begin(&mut owner, "multi_input", json!({}));
    let asked = until("input_required", || get(&mut owner, &task));
    let key = asked["inputRequests"].as_object().unwrap().keys().next().unwrap().clone();
    let unknown = get(&mut guest, "nonsense")["error"]["code"].take();
    assert_eq!(get(&mut guest, &task)["error"]["code"], unknown);
    assert_eq!(update(&mut guest, &task, json!({ key: named("x") }))["error"]["code"], unknown);
    assert_eq!(guest.ask("tasks/cancel", json!({ "taskId": task }))["error"]["code"], unknown);
    assert_eq!(get(&mut owner, &task)["result"]["status"], "input_required");
    assert_eq!(get(&mut owner, &task)["result"]["inputRequests"].as_object().unwrap().len(), 2);
    let told = first_events(&mut guest, &task, 1);
    assert_eq!(told[0]["params"]["notifications"].get("taskIds"), None, "{told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn c2_a_task_of_a_guest_does_not_exist_for_the_owner() {
    let fixture = fixture().await;
    let (mut owner, mut guest) = (host(&fixture, serve::KEY), host(&fixture, serve::GUEST_KEY));
    let task = begin(&mut guest, "confirm_delete", json!({ "filename": "a" }));
    assert_eq!(get(&mut owner, &task)["error"]["code"], -32602);
    assert_eq!(owner.ask("tasks/cancel", json!({ "taskId": task }))["error"]["code"], -32602);
    assert_eq!(get(&mut guest, &task)["result"]["status"], "input_required");
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_come_in_parts_and_a_key_is_answered_once() {
    let fixture = fixture().await;
    let mut host = host(&fixture, serve::KEY);
    let task = begin(&mut host, "multi_input", json!({}));
    let asked = until("input_required", || get(&mut host, &task))["inputRequests"].take();
    let keys: Vec<String> = asked.as_object().unwrap().keys().cloned().collect();
    // The tool's own keys, unknown ones and those of nobody are ignored.
    for nothing in [json!({}), json!({ "first": named("x") }), json!({ "0.first": named("x") })] {
        assert_eq!(update(&mut host, &task, nothing)["result"]["resultType"], "complete");
    }
    update(&mut host, &task, json!({ &keys[1]: named("Ben") }));
    update(&mut host, &task, json!({ &keys[1]: named("Carl") }));
    let rest = get(&mut host, &task)["result"]["inputRequests"].take();
    assert_eq!(rest.as_object().unwrap().keys().collect::<Vec<_>>(), [&keys[0]]);
    update(&mut host, &task, json!({ &keys[0]: named("Anna") }));
    let done = until("completed", || get(&mut host, &task));
    assert_eq!(done["result"]["content"][0]["text"], "Anna and Ben.");
    assert_eq!(update(&mut host, &task, json!({ &keys[0]: named("x") }))["result"]["resultType"], "complete");
    for bad in [json!([]), json!({ &keys[0]: 1 }), Value::Null] {
        assert_eq!(update(&mut host, &task, bad.clone())["error"]["code"], -32602, "{bad}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_cannot_be_asked_is_told_that_it_waits() {
    let fixture = fixture().await;
    let mut host =
        Modern::new(fixture.address(), serve::KEY).with_capabilities(json!({ "extensions": { TASKS: {} } }));
    let task = begin(&mut host, "confirm_delete", json!({ "filename": "a" }));
    let seen = get(&mut host, &task)["result"].take();
    assert_eq!((&seen["status"], seen.get("inputRequests")), (&json!("working"), None), "{seen}");
}

/// The first events of a subscription to one task.
fn first_events(host: &mut Modern, task: &str, count: usize) -> Vec<Value> {
    let request = host.request("subscriptions/listen", json!({ "notifications": { "taskIds": [task] } }));
    let mut connection = host.connect();
    connection.send(&request);
    assert_eq!(connection.read_head().unwrap().status, 200);
    (0..count).map(|_| connection.event().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happens_to_a_task_is_told_as_tasks_get_tells_it() {
    let fixture = fixture().await;
    let mut host = host(&fixture, serve::KEY);
    let task = begin(&mut host, "slow_compute", json!({ "seconds": 1, "label": "told" }));
    let request = host.request(
        "subscriptions/listen",
        json!({ "notifications": { "taskIds": [task, "of nobody"], "toolsListChanged": true } }),
    );
    let mut connection = host.connect();
    connection.send(&request);
    assert_eq!(connection.read_head().unwrap().status, 200);
    let acknowledged = connection.event().unwrap();
    assert_eq!(
        acknowledged["params"]["notifications"],
        json!({ "toolsListChanged": true, "taskIds": [task] })
    );
    let mut told = Vec::new();
    while told.last().is_none_or(|last: &Value| last["status"] == "working") {
        let event = connection.event().unwrap();
        assert_eq!(event["method"], "notifications/tasks", "{event}");
        assert!(event["params"]["_meta"]["io.modelcontextprotocol/subscriptionId"].is_u64());
        told.push(event["params"].clone());
    }
    assert_eq!(told[0]["status"], "working", "how it was when the host began to listen");
    let mut last = told.pop().unwrap();
    let mut seen = get(&mut host, &task)["result"].take();
    for changes in ["_meta", "resultType", "pollIntervalMs"] {
        last.as_object_mut().unwrap().remove(changes);
        seen.as_object_mut().unwrap().remove(changes);
    }
    assert_eq!((last["status"].as_str(), &last), (Some("completed"), &seen));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_host_that_knows_tasks_may_listen_to_them() {
    let fixture = fixture().await;
    let mut host = Modern::new(fixture.address(), serve::KEY);
    let refused = host.ask("subscriptions/listen", json!({ "notifications": { "taskIds": ["x"] } }));
    assert_eq!(refused["error"]["code"], -32021, "{refused}");
    assert!(refused["error"]["data"]["requiredCapabilities"]["extensions"][TASKS].is_object());
    let many: Vec<String> =
        (0..=drawbridge_mcp::TASKS_WATCHED_MAX).map(|number| number.to_string()).collect();
    let refused = host.ask("subscriptions/listen", json!({ "notifications": { "taskIds": many } }));
    assert_eq!(refused["error"]["code"], -32602, "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_goes_away_before_it_knows_of_its_task_leaves_none_behind() {
    let fixture = fixture().await;
    let mut host = host(&fixture, serve::KEY);
    let (mut session, _) =
        crate::program::Session::open_with(fixture.address(), serve::KEY, "2025-11-25", json!({}));
    let request = host.request(
        "tools/call",
        json!({ "name": "slow_compute", "arguments": { "seconds": 600, "label": "x" } }),
    );
    // On a busy machine the host may go before the task began, or when it was already told of it: then again.
    let is_cancelled = (0..20).any(|_| {
        let mut connection = host.connect();
        connection.send(&request);
        std::thread::sleep(drawbridge_mcp::TASK_GRACE / 4);
        drop(connection);
        let mut looks = (0..40).map(|_| session.ask("tasks/list", json!({}))["result"]["tasks"].take());
        looks.any(|tasks| {
            std::thread::sleep(drawbridge_mcp::TASK_GRACE / 4);
            tasks.as_array().unwrap().iter().any(|task| task["status"] == "cancelled")
        })
    });
    assert!(is_cancelled, "they go on: {}", session.ask("tasks/list", json!({})));
}

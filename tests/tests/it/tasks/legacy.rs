//! The experiment of 2025-11-25, by hand.

use drawbridge_tests::fixture::{Fixture, serve};
use serde_json::{Value, json};

use super::until;
use crate::program::{Connection, Request, Session};

const REVISION: &str = "2025-11-25";
const RELATED: &str = "io.modelcontextprotocol/related-task";

async fn fixture() -> serve::Running {
    serve::start(Fixture::default()).await.unwrap()
}

fn session(fixture: &serve::Running, key: &str) -> Session {
    Session::open_with(fixture.address(), key, REVISION, json!({ "elicitation": {} })).0
}

fn call(session: &mut Session, tool: &str, arguments: Value) -> Value {
    session.ask("tools/call", json!({ "name": tool, "arguments": arguments, "task": { "ttl": 60_000 } }))
}

fn begin(session: &mut Session, tool: &str, arguments: Value) -> String {
    let created = call(session, tool, arguments)["result"]["task"].take();
    assert_eq!(created["status"], "working", "{created}");
    assert!(created["ttl"].is_null() && created["pollInterval"].is_u64(), "{created}");
    created["taskId"].as_str().unwrap().to_owned()
}

fn of(session: &mut Session, method: &str, task: &str) -> Value {
    session.ask(method, json!({ "taskId": task }))
}

#[tokio::test(flavor = "multi_thread")]
async fn tasks_are_announced_where_the_revision_has_them() {
    let fixture = fixture().await;
    for revision in ["2024-11-05", "2025-03-26", "2025-06-18", REVISION] {
        let (mut session, welcome) = Session::open_with(fixture.address(), serve::KEY, revision, json!({}));
        let is_there = revision == REVISION;
        assert_eq!(welcome["capabilities"]["tasks"]["requests"]["tools"]["call"].is_object(), is_there);
        assert_eq!(welcome["capabilities"].get("extensions"), None);
        let tools = session.ask("tools/list", json!({}))["result"]["tools"].take();
        let support = |name: &str| {
            let tool = tools.as_array().unwrap().iter().find(|tool| tool["name"] == name).unwrap();
            tool["execution"]["taskSupport"].as_str().map(str::to_owned)
        };
        let of = |word: &str| is_there.then(|| word.to_owned());
        assert_eq!((support("slow_compute"), support("failing_job")), (of("optional"), of("required")));
        assert_eq!(support("greet"), None);
        if !is_there {
            assert_eq!(session.ask("tasks/list", json!({}))["error"]["code"], -32601);
            // What they do not know they do not mean.
            let called = call(&mut session, "slow_compute", json!({ "seconds": 0, "label": "x" }));
            assert_eq!(called["result"]["content"][0]["text"], "Computed x for 0 s.");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_is_called_now_and_fetched_later() {
    let fixture = fixture().await;
    let mut session = session(&fixture, serve::KEY);
    let task = begin(&mut session, "slow_compute", json!({ "seconds": 1, "label": "later" }));
    assert_eq!(of(&mut session, "tasks/get", &task)["result"]["status"], "working");
    let fetched = fetch(&mut session, &task, |_| panic!("it asks nothing"));
    assert_eq!(fetched["result"]["content"][0]["text"], "Computed later for 1 s.");
    assert_eq!(fetched["result"]["_meta"][RELATED]["taskId"], task.as_str());
    let done = of(&mut session, "tasks/get", &task)["result"].take();
    assert_eq!((&done["status"], done.get("result")), (&json!("completed"), None));
    assert!(done["ttl"].is_u64());
    let again = of(&mut session, "tasks/result", &task);
    assert_eq!(again["result"]["content"][0]["text"], "Computed later for 1 s.");
}

#[tokio::test(flavor = "multi_thread")]
async fn tools_are_called_in_the_ways_they_say() {
    let fixture = fixture().await;
    let mut session = session(&fixture, serve::KEY);
    assert_eq!(call(&mut session, "greet", json!({ "name": "x" }))["error"]["code"], -32601);
    assert_eq!(call(&mut session, "no_such_tool", json!({}))["error"]["code"], -32601);
    assert_eq!(session.tool("failing_job", json!({}))["error"]["code"], -32601);
    for bad in [json!(1), json!([]), json!({ "ttl": "long" }), json!({ "ttl": -1 })] {
        let params = json!({ "name": "slow_compute", "arguments": {}, "task": bad });
        assert_eq!(session.ask("tools/call", params)["error"]["code"], -32602, "{bad}");
    }
    let plain = session.tool("slow_compute", json!({ "seconds": 0, "label": "x" }));
    assert_eq!(plain["result"]["content"][0]["text"], "Computed x for 0 s.");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_of_the_tool_is_a_failed_task_with_a_result() {
    let fixture = fixture().await;
    let mut session = session(&fixture, serve::KEY);
    let failing = begin(&mut session, "failing_job", json!({}));
    let panicking = begin(&mut session, "protocol_error_job", json!({}));
    let failed = until("failed", || of(&mut session, "tasks/get", &failing));
    assert!(failed["statusMessage"].as_str().unwrap().contains("as it is meant to"), "{failed}");
    assert_eq!(of(&mut session, "tasks/result", &failing)["result"]["isError"], true);
    until("failed", || of(&mut session, "tasks/get", &panicking));
    assert_eq!(of(&mut session, "tasks/result", &panicking)["error"]["code"], -32603);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_cancelled_stays_cancelled() {
    let fixture = fixture().await;
    let mut session = session(&fixture, serve::KEY);
    let task = begin(&mut session, "slow_compute", json!({ "seconds": 60, "label": "x" }));
    assert_eq!(of(&mut session, "tasks/cancel", &task)["result"]["status"], "cancelled");
    assert_eq!(of(&mut session, "tasks/get", &task)["result"]["status"], "cancelled");
    assert_eq!(fetch(&mut session, &task, |_| panic!("it asks nothing"))["result"]["isError"], true);
    assert_eq!(of(&mut session, "tasks/cancel", &task)["error"]["code"], -32602);
    assert_eq!(of(&mut session, "tasks/cancel", "nonsense")["error"]["code"], -32602);
}

#[tokio::test(flavor = "multi_thread")]
async fn c2_a_session_lists_its_callers_tasks_and_no_others() {
    let fixture = fixture().await;
    let (mut owner, mut guest) = (session(&fixture, serve::KEY), session(&fixture, serve::GUEST_KEY));
    let task = begin(&mut guest, "slow_compute", json!({ "seconds": 60, "label": "x" }));
    for method in ["tasks/get", "tasks/result", "tasks/cancel"] {
        assert_eq!(of(&mut owner, method, &task)["error"]["code"], -32602, "{method}");
    }
    assert_eq!(owner.ask("tasks/list", json!({}))["result"]["tasks"], json!([]));
    let mut another = session(&fixture, serve::GUEST_KEY);
    let listed = another.ask("tasks/list", json!({}))["result"].take();
    assert_eq!((&listed["tasks"][0]["taskId"], listed.get("nextCursor")), (&json!(task), None));
    assert_eq!(another.ask("tasks/list", json!({ "cursor": 1 }))["error"]["code"], -32602);
    assert_eq!(another.ask("tasks/list", json!({ "cursor": "nonsense" }))["error"]["code"], -32602);
    assert_eq!(of(&mut another, "tasks/cancel", &task)["result"]["status"], "cancelled");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_becomes_of_a_task_is_told_on_the_sessions_own_stream() {
    let fixture = fixture().await;
    let mut session = session(&fixture, serve::KEY);
    let mut stream = session.connect();
    stream.send(&session.raw("GET", ""));
    assert_eq!(stream.read_head().unwrap().status, 200);
    let params = json!({
        "name": "slow_compute", "arguments": { "seconds": 2, "label": "x" }, "task": {}, "_meta": { "progressToken": "p" },
    });
    let task = session.ask("tools/call", params)["result"]["task"]["taskId"].take();
    let (mut last, mut far) = (String::new(), Vec::new());
    while last != "completed" {
        let told = stream.event().unwrap();
        let params = &told["params"];
        match told["method"].as_str() {
            Some("notifications/tasks/status") => {
                assert_eq!((&params["taskId"], params.get("_meta")), (&task, None));
                last = params["status"].as_str().unwrap().to_owned();
            }
            Some("notifications/progress") => {
                assert_eq!((&params["progressToken"], &params["total"]), (&json!("p"), &json!(2)));
                far.push(params["progress"].as_f64().unwrap());
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(far.len() > 1 && far.is_sorted_by(|one, next| one < next), "{far:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_asks_its_host_on_the_stream_of_tasks_result() {
    let fixture = fixture().await;
    let mut session = session(&fixture, serve::KEY);
    let task = begin(&mut session, "multi_input", json!({}));
    until("input_required", || of(&mut session, "tasks/get", &task));
    let mut asked = 0;
    let fetched = fetch(&mut session, &task, |request| {
        asked += 1;
        assert_eq!(request["method"], "elicitation/create");
        assert_eq!(request["params"]["_meta"][RELATED]["taskId"], task.as_str());
        let is_first = request["params"]["message"].as_str().unwrap().contains("first");
        json!({ "action": "accept", "content": { "name": if is_first { "Anna" } else { "Ben" } } })
    });
    assert_eq!((asked, &fetched["result"]["content"][0]["text"]), (2, &json!("Anna and Ben.")));
}

/// Asks for the result on a connection of its own, and answers what comes on its stream meanwhile. The fixture closes
/// streams early, and is asked for the rest.
fn fetch(session: &mut Session, task: &str, mut answer: impl FnMut(&Value) -> Value) -> Value {
    let mut request = session.request("tasks/result", json!({ "taskId": task }));
    let id = serde_json::from_slice::<Value>(&request.body).unwrap()["id"].take();
    let mut last_event = String::new();
    for _ in 0..200 {
        let mut connection = session.connect();
        connection.send(&request);
        let head = connection.read_head().unwrap();
        if head.header("content-type") == Some("application/json") {
            let length = head.header("content-length").unwrap().parse().unwrap();
            return serde_json::from_slice(&connection.take(length).unwrap()).unwrap();
        }
        if let Some(reply) = read(session, &mut connection, &id, &mut last_event, &mut answer) {
            return reply;
        }
        request = resume(session, &last_event);
    }
    panic!("the result of {task} did not come");
}

fn resume(session: &Session, last_event: &str) -> Request {
    session.raw("GET", "").and("Last-Event-ID", last_event)
}

fn read(
    session: &Session,
    connection: &mut Connection,
    id: &Value,
    last_event: &mut String,
    answer: &mut impl FnMut(&Value) -> Value,
) -> Option<Value> {
    while let Some(chunk) = connection.chunk() {
        let text = String::from_utf8(chunk).unwrap();
        let member = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
        if let Some(event) = member("id:") {
            last_event.replace_range(.., event);
        }
        let Some(data) = member("data:").filter(|data| !data.is_empty()) else { continue };
        let message: Value = serde_json::from_str(data).unwrap();
        if message["id"] == *id && message.get("method").is_none() {
            return Some(message);
        }
        if message.get("id").is_some() {
            let response = json!({ "jsonrpc": "2.0", "id": message["id"], "result": answer(&message) });
            let sent = session.connect().ask(&session.raw("POST", response.to_string()));
            assert_eq!(sent.status, 202, "{}", sent.text());
        }
    }
    None
}

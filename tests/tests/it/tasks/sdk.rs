//! Other people's clients: the Rust SDK for 2026-07-28, the TypeScript SDK for 2025-11-25.

use std::process::Stdio;
use std::time::Duration;

use drawbridge_tests::fixture::{Fixture, serve};
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CancelTaskParams, ClientConfig, GetTaskParams, ProtocolVersion,
    TaskPayload, TaskStatus, UpdateTaskParams,
};
use rmcp::service::RunningService;
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::{ClientHandler, ClientLifecycleMode, ClientServiceExt, RoleClient};
use serde_json::{Value, json};
use tokio::process::Command;
use tokio::time::{sleep, timeout};

const TIME_MAX: Duration = Duration::from_secs(60);

struct Host;

impl ClientHandler for Host {
    fn get_info(&self) -> ClientConfig {
        let mut config = ClientConfig::default();
        let abilities = json!({ "elicitation": {}, "extensions": { "io.modelcontextprotocol/tasks": {} } });
        config.capabilities = serde_json::from_value(abilities).unwrap();
        config
    }
}

type Client = RunningService<RoleClient, Host>;

async fn begin(client: &Client, tool: &'static str, arguments: Value) -> String {
    let arguments = arguments.as_object().cloned().unwrap_or_default();
    let called = client.call_tool_once(CallToolRequestParams::new(tool).with_arguments(arguments)).await;
    match called.unwrap() {
        CallToolResponse::Task(created) => created.task.task_id,
        other => panic!("{tool} did not become a task: {other:?}"),
    }
}

async fn until(client: &Client, task: &str, status: TaskStatus) -> TaskPayload {
    loop {
        let seen = client.get_task(GetTaskParams::new(task)).await.unwrap().task;
        if seen.status() == status {
            return seen.payload;
        }
        assert!(!seen.status().is_terminal(), "{seen:?}");
        sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rust_sdk_follows_answers_and_cancels_tasks() {
    timeout(TIME_MAX, with_the_rust_sdk()).await.expect("the wire answers in time");
}

async fn with_the_rust_sdk() {
    let running = serve::start(Fixture::default()).await.unwrap();
    let transport = StreamableHttpClientTransport::from_uri(running.url());
    let era = ClientLifecycleMode::Discover { preferred_versions: vec![ProtocolVersion::V_2026_07_28] };
    let client = Host.serve_with_lifecycle(transport, era).await.unwrap();
    assert!(client.peer_info().unwrap().capabilities.supports_tasks());

    let slow = begin(&client, "slow_compute", json!({ "seconds": 1, "label": "sdk" })).await;
    let TaskPayload::Completed { result } = until(&client, &slow, TaskStatus::Completed).await else {
        panic!()
    };
    assert_eq!(result["content"][0]["text"], "Computed sdk for 1 s.");

    let asks = begin(&client, "confirm_delete", json!({ "filename": "a" })).await;
    let TaskPayload::InputRequired { input_requests } =
        until(&client, &asks, TaskStatus::InputRequired).await
    else {
        panic!()
    };
    let key = input_requests.keys().next().unwrap().clone();
    let accepted = json!({ key: { "action": "accept", "content": { "confirm": "yes" } } });
    let update = UpdateTaskParams::new(&asks, serde_json::from_value(accepted).unwrap());
    client.update_task(update).await.unwrap();
    let TaskPayload::Completed { result } = until(&client, &asks, TaskStatus::Completed).await else {
        panic!()
    };
    assert_eq!(result["content"][0]["text"], "Would have deleted a.");

    let long = begin(&client, "slow_compute", json!({ "seconds": 60, "label": "x" })).await;
    client.cancel_task(CancelTaskParams::new(&long)).await.unwrap();
    until(&client, &long, TaskStatus::Cancelled).await;
    let broken = begin(&client, "protocol_error_job", json!({})).await;
    until(&client, &broken, TaskStatus::Failed).await;
    client.cancel().await.unwrap();
}

/// The script that drives the TypeScript SDK, which is a part of the pinned suite.
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/conformance/tasks-2025-11-25.cjs");

#[tokio::test(flavor = "multi_thread")]
async fn the_typescript_sdk_streams_tasks_of_2025_11_25() {
    let running = serve::start(Fixture::default()).await.unwrap();
    let from_xtask =
        |name: &str| std::env::var_os(name).unwrap_or_else(|| panic!("run `cargo xtask test`: {name}"));
    let mut node = Command::new(from_xtask("DRAWBRIDGE_TEST_NODE"));
    node.arg(SCRIPT).arg(from_xtask("DRAWBRIDGE_TEST_CONFORMANCE")).arg(running.url());
    let ran =
        timeout(TIME_MAX, node.stdin(Stdio::null()).kill_on_drop(true).output()).await.unwrap().unwrap();
    let said = String::from_utf8_lossy(&ran.stdout);
    assert!(ran.status.success(), "{said}\n{}", String::from_utf8_lossy(&ran.stderr));
    let said: Value = serde_json::from_str(said.trim()).unwrap();
    assert_eq!(said["slow"], json!(["taskCreated", "taskStatus", "result: Computed sdk for 1 s."]));
    assert_eq!(
        said["asks"],
        json!(["taskCreated", "taskStatus", "asked: Delete a?", "result: Would have deleted a."])
    );
    assert_eq!(said["listed"], 3);
    assert_eq!(said["cancelled"], "cancelled");
}

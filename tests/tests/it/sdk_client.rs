//! The Rust SDK's client against the fixture, in both eras: a second opinion on our wire.
//!
//! What the SDK does not understand it drops without a word, so each test looks at what arrived.

#![expect(deprecated, reason = "sampling is deprecated in 2026-07-28, and hosts still have it")]

use std::time::Duration;

use drawbridge_tests::fixture::{Fixture, serve};
use rmcp::model::{
    CallToolRequestParams, ClientConfig, CreateMessageRequestParams, CreateMessageResult,
    ElicitRequestParams, ElicitResult, ElicitationAction, ErrorData, GetPromptRequestParams, ProtocolVersion,
    ReadResourceRequestParams, SamplingMessage,
};
use rmcp::service::{RequestContext, RunningService};
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::{ClientHandler, ClientLifecycleMode, ClientServiceExt, RoleClient};
use serde_json::json;
use tokio::time::timeout;

/// How long all questions of one test may take; they take less than a second.
const TIME_MAX: Duration = Duration::from_secs(60);

/// A host that answers whatever it is asked.
struct Host;

impl ClientHandler for Host {
    fn get_info(&self) -> ClientConfig {
        let mut config = ClientConfig::default();
        let abilities = json!({ "sampling": {}, "elicitation": {}, "roots": {} });
        config.capabilities = serde_json::from_value(abilities).unwrap();
        config
    }

    async fn create_message(
        &self,
        _: CreateMessageRequestParams,
        _: RequestContext<RoleClient>,
    ) -> Result<CreateMessageResult, ErrorData> {
        Ok(CreateMessageResult::new(SamplingMessage::assistant_text("Paris"), "test-model".into()))
    }

    async fn create_elicitation(
        &self,
        _: ElicitRequestParams,
        _: RequestContext<RoleClient>,
    ) -> Result<ElicitResult, ErrorData> {
        let content =
            json!({ "name": "Alice", "color": "blue", "username": "alice", "email": "a@example.com" });
        Ok(ElicitResult::new(ElicitationAction::Accept).with_content(content))
    }
}

type Client = RunningService<RoleClient, Host>;

/// A fixture, and a client that speaks to it in one era.
async fn connected(era: ClientLifecycleMode) -> (serve::Running, Client) {
    let running = serve::start(Fixture::default()).await.unwrap();
    let transport = StreamableHttpClientTransport::from_uri(running.url());
    let client = Host.serve_with_lifecycle(transport, era).await.unwrap();
    (running, client)
}

fn modern() -> ClientLifecycleMode {
    ClientLifecycleMode::Discover { preferred_versions: vec![ProtocolVersion::V_2026_07_28] }
}

async fn says(client: &Client, tool: &'static str, arguments: serde_json::Value) -> String {
    let arguments = arguments.as_object().cloned().unwrap_or_default();
    let result = client.call_tool(CallToolRequestParams::new(tool).with_arguments(arguments)).await.unwrap();
    let texts = result.content.iter().filter_map(|block| block.as_text());
    texts.map(|block| block.text.clone()).collect()
}

async fn check(era: ClientLifecycleMode, version: ProtocolVersion) {
    timeout(TIME_MAX, look_around(era, version)).await.expect("the wire answers in time");
}

async fn look_around(era: ClientLifecycleMode, version: ProtocolVersion) {
    let (_running, client) = connected(era).await;
    assert_eq!(client.peer_info().unwrap().protocol_version, version);

    let tools = client.list_all_tools().await.unwrap();
    assert!(tools.iter().any(|tool| tool.name == "test_simple_text"), "{tools:?}");
    assert_eq!(client.list_all_resources().await.unwrap().len(), 3);
    assert!(client.list_all_prompts().await.unwrap().len() >= 5);

    assert_eq!(
        says(&client, "test_simple_text", json!({})).await,
        "This is a simple text response for testing."
    );
    assert_eq!(says(&client, "test_sampling", json!({ "prompt": "Which?" })).await, "LLM response: Paris");
    assert!(says(&client, "test_elicitation", json!({ "message": "Who?" })).await.contains("alice"));
    let likes = says(&client, "test_input_required_result_multi_round", json!({})).await;
    assert_eq!(likes, "Alice likes blue.");
    let failed = client.call_tool(CallToolRequestParams::new("test_error_handling")).await.unwrap();
    assert_eq!(failed.is_error, Some(true));

    let read = client.read_resource(ReadResourceRequestParams::new("test://template/7/data")).await.unwrap();
    assert!(format!("{read:?}").contains("Data for ID: 7"), "{read:?}");
    let prompt = client.get_prompt(GetPromptRequestParams::new("test_simple_prompt")).await.unwrap();
    assert_eq!(prompt.messages.len(), 1);
    client.cancel().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sdk_understands_2026_07_28() {
    check(modern(), ProtocolVersion::V_2026_07_28).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sdk_understands_2025_11_25() {
    check(ClientLifecycleMode::Initialize, ProtocolVersion::V_2025_11_25).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tool_that_is_not_there_is_an_error() {
    for era in [modern(), ClientLifecycleMode::Initialize] {
        let (_running, client) = connected(era).await;
        let refused = client.call_tool(CallToolRequestParams::new("no_such_tool")).await;
        assert!(refused.unwrap_err().to_string().contains("no_such_tool"));
    }
}

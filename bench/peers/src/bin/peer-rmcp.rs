//! A bare server of the official Rust SDK over Streamable HTTP: `peer-rmcp TOOLS.json [--event-streams]`.
//!
//! It lists the tools of that file, and each of them answers with its `message`; they are called directly rather than
//! through the SDK's router. Answers are plain JSON, which is faster than the SDK's default, event streams.

use std::sync::Arc;

use anyhow::Context;
use axum::Router;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, ListToolsResult,
    PaginatedRequestParams, ServerCapabilities, ServerConfig, Tool,
};
use rmcp::service::RequestContext;
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use rmcp::{ErrorData, RoleServer, ServerHandler};

#[derive(Clone)]
struct Echo {
    tools: Arc<Vec<Tool>>,
}

impl ServerHandler for Echo {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
    }

    async fn list_tools(
        &self,
        _page: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        Ok(ListToolsResult::with_all_items(self.tools.to_vec()))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let arguments = request.arguments.unwrap_or_default();
        let Some(message) = arguments.get("message").and_then(|message| message.as_str()) else {
            return Err(ErrorData::invalid_params("`message` is missing: give it as a string", None));
        };
        Ok(CallToolResult::success(vec![ContentBlock::text(message)]).into())
    }
}

fn tools_of(path: &str) -> anyhow::Result<Vec<Tool>> {
    let json = std::fs::read(path).with_context(|| format!("cannot read the list of tools {path}"))?;
    serde_json::from_slice(&json).with_context(|| format!("{path} is not a list of tools"))
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let path =
        arguments.next().context("name the file with the tools: peer-rmcp TOOLS.json [--event-streams]")?;
    let is_plain = arguments.next().is_none_or(|argument| argument != "--event-streams");
    let echo = Echo { tools: Arc::new(tools_of(&path)?) };
    let config = StreamableHttpServerConfig::default().with_json_response(is_plain);
    let sessions = Arc::new(LocalSessionManager::default());
    let service = StreamableHttpService::new(move || Ok(echo.clone()), sessions, config);
    drawbridge_bench_peers::serve(Router::new().nest_service("/mcp", service)).await
}

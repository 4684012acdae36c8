//! What the wire costs per message, without sockets and without a gateway: the whole way from an HTTP request to its
//! response through the router, with a tool that answers at once.
//!
//!     cargo run --release -p drawbridge-mcp --example hot_path

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::body::{Body, to_bytes};
use drawbridge_contract::{
    Annotations, Answer, BoxFuture, Call, Caller, CallerKind, Change, Completion, Context, Handler, Live,
    Outcome, Refusal, Suggestions, Tool, ToolError, ToolResult, ToolSpec, View, Watch, broadcast,
};
use drawbridge_mcp::http::{HttpSettings, router};
use http::Request;
use schemars::JsonSchema;
use tower::ServiceExt;

/// How often each message is sent.
const ROUNDS: u32 = 200_000;
/// How many tools the list has.
const TOOLS: usize = 500;

#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is used")]
struct Input {
    /// What to say.
    text: String,
}

struct Listed(ToolSpec);

impl Tool for Listed {
    fn spec(&self) -> &ToolSpec {
        &self.0
    }

    fn invoke<'a>(
        &'a self,
        _: &'a drawbridge_contract::Arguments,
        _: &'a Context,
    ) -> BoxFuture<'a, Result<Outcome, ToolError>> {
        Box::pin(async { Ok(ToolResult::text("never called").into()) })
    }
}

/// A door that is not there: every call answers at once.
struct Open {
    view: Arc<View>,
    changes: broadcast::Sender<Change>,
}

impl Handler for Open {
    fn call(self: Arc<Self>, call: Call, _: Live) -> BoxFuture<'static, Result<Outcome<Answer>, Refusal>> {
        Box::pin(async move {
            let text = call.arguments.value()["text"].as_str().unwrap_or_default();
            Ok(Outcome::Complete(Answer::Tool(ToolResult::text(text))))
        })
    }

    fn view(&self, _: &Caller) -> Arc<View> {
        self.view.clone()
    }

    fn complete<'a>(&'a self, _: &'a Caller, _: Completion) -> BoxFuture<'a, Result<Suggestions, Refusal>> {
        Box::pin(async { Ok(Suggestions::default()) })
    }

    fn watch<'a>(&'a self, _: &'a Arc<Caller>, _: &'a str) -> BoxFuture<'a, Result<Watch, Refusal>> {
        Box::pin(async { Ok(Watch::new(())) })
    }

    fn changes(&self) -> broadcast::Receiver<Change> {
        self.changes.subscribe()
    }
}

fn open() -> Open {
    let spec = |number: usize| {
        let spec = ToolSpec::of::<Input>("listed", "Listed", "Says what it is told, and nothing else.");
        let name = format!("listed_{number:03}").into();
        Arc::new(Listed(ToolSpec { name, ..spec.annotated(Annotations::READS) })) as Arc<dyn Tool>
    };
    let view = View {
        revision: 1,
        tools: (0..TOOLS).map(spec).collect(),
        resources: Vec::new(),
        templates: Vec::new(),
        prompts: Vec::new(),
        instructions: String::new(),
    };
    Open { view: Arc::new(view), changes: broadcast::channel(1).0 }
}

fn request(caller: &Arc<Caller>, method: &str, name: Option<&str>, params: &str) -> Request<Body> {
    let meta = concat!(
        r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","#,
        r#""io.modelcontextprotocol/clientInfo":{"name":"bench","version":"1"},"#,
        r#""io.modelcontextprotocol/clientCapabilities":{"elicitation":{}}}"#
    );
    let body = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{{{params}{meta}}}}}"#);
    let mut builder = Request::post("/mcp")
        .header("content-type", "application/json")
        .header("accept", "application/json, text/event-stream")
        .header("mcp-protocol-version", "2026-07-28")
        .header("mcp-method", method)
        .extension(caller.clone());
    if let Some(name) = name {
        builder = builder.header("mcp-name", name);
    }
    builder.body(Body::from(body)).unwrap_or_default()
}

async fn measure(what: &str, rounds: u32, router: &Router, make: impl Fn() -> Request<Body>) {
    let started = Instant::now();
    for _ in 0..rounds {
        black_box(make());
    }
    let making = started.elapsed();
    let started = Instant::now();
    let mut bytes = 0;
    for _ in 0..rounds {
        let Ok(response) = router.clone().oneshot(make()).await;
        bytes = to_bytes(response.into_body(), usize::MAX).await.map_or(0, |body| black_box(body).len());
    }
    let each = (started.elapsed().saturating_sub(making)) / rounds;
    println!("{what:<28} {:>8.2} µs each, {bytes} bytes", each.as_secs_f64() * 1e6);
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let caller = Arc::new(Caller::new("owner", CallerKind::Owner));
    let router = router(Arc::new(open()), HttpSettings::default());
    let call = r#""name":"echo","arguments":{"text":"hello"},"#;
    measure("tools/call, small", ROUNDS, &router, || request(&caller, "tools/call", Some("echo"), call))
        .await;
    measure("server/discover", ROUNDS, &router, || request(&caller, "server/discover", None, "")).await;
    measure("tools/list, 500 tools", ROUNDS / 20, &router, || request(&caller, "tools/list", None, "")).await;
}

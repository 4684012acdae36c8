//! A small server that does what the tests want to see.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use drawbridge_contract::kit::Kit;
use drawbridge_contract::{
    Annotations, Answer, Answers, Arguments, BoxFuture, Call, Caller, Change, Completion, Contents, Context,
    Handler, InputRequest, InputRequired, Live, LogLevel, Outcome, Prompt, PromptArgument, PromptResult,
    PromptSpec, RawValue, Refusal, ResourceResult, ResourceSpec, ResourceTemplate, Resources, Server,
    Suggestions, Target, Tool, ToolError, ToolResult, ToolSpec, View, Watch, broadcast, raw,
};
use serde_json::{Value, json};

/// The one resource there is.
pub(crate) const NOTE: &str = "note://a";

/// A server whose changes and cancellations the tests can see.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) changes: broadcast::Sender<Change>,
    /// How many calls of `wait` run now.
    pub(crate) waiting: Arc<AtomicUsize>,
    /// How many watches are held now.
    pub(crate) watches: Arc<AtomicUsize>,
    /// Whether all keys were revoked: nobody sees anything any more.
    pub(crate) is_revoked: Arc<AtomicBool>,
}

impl World {
    pub(crate) fn new() -> Self {
        let (waiting, watches, is_revoked) = (Arc::default(), Arc::default(), Arc::default());
        Self { changes: broadcast::channel(4).0, waiting, watches, is_revoked }
    }

    pub(crate) fn handler(&self) -> Arc<dyn Handler> {
        Arc::new(Door { inner: Kit::of(self.clone()).handler(), is_revoked: self.is_revoked.clone() })
    }

    /// Waits until `count` calls of `wait` run.
    pub(crate) async fn until_waiting(&self, count: usize) {
        until(|| self.waiting.load(Ordering::SeqCst) == count, "calls of `wait`").await;
    }

    /// Waits until `count` watches are held.
    pub(crate) async fn until_watched(&self, count: usize) {
        until(|| self.watches.load(Ordering::SeqCst) == count, "watches").await;
    }
}

pub(crate) async fn until(is_so: impl Fn() -> bool, what: &str) {
    for _ in 0..6_000 {
        if is_so() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{what} did not come to what was expected");
}

/// The kit's door, with keys that can be revoked.
struct Door {
    inner: Arc<dyn Handler>,
    is_revoked: Arc<AtomicBool>,
}

impl Handler for Door {
    fn call(self: Arc<Self>, call: Call, live: Live) -> BoxFuture<'static, Result<Outcome<Answer>, Refusal>> {
        self.inner.clone().call(call, live)
    }

    fn still_allows(&self, _: &Caller, target: &Target) -> Result<(), Refusal> {
        let gone = || Refusal::NotFound { kind: "resource", name: target.to_string().into() };
        if self.is_revoked.load(Ordering::SeqCst) { Err(gone()) } else { Ok(()) }
    }

    fn view(&self, caller: &Caller) -> Arc<View> {
        if self.is_revoked.load(Ordering::SeqCst) { Arc::new(View::empty()) } else { self.inner.view(caller) }
    }

    fn complete<'a>(
        &'a self,
        caller: &'a Caller,
        request: Completion,
    ) -> BoxFuture<'a, Result<Suggestions, Refusal>> {
        self.inner.complete(caller, request)
    }

    fn watch<'a>(&'a self, caller: &'a Arc<Caller>, uri: &'a str) -> BoxFuture<'a, Result<Watch, Refusal>> {
        self.inner.watch(caller, uri)
    }

    fn changes(&self) -> broadcast::Receiver<Change> {
        self.inner.changes()
    }
}

impl Server for World {
    fn name(&self) -> &str {
        "world"
    }

    fn instructions(&self) -> &str {
        "Ask the world."
    }

    fn tools(&self) -> Vec<Arc<dyn Tool>> {
        let (waiting, changes) = (self.waiting.clone(), self.changes.clone());
        vec![
            tool("ask", |_, context| Box::pin(async move { Ok(ask_name(context.answers.as_ref())) })),
            tool("ask_model", |_, context| Box::pin(async move { Ok(ask_model(context.answers.as_ref())) })),
            tool("change", move |_, _| {
                let sent = changes.send(Change::Tools).is_ok();
                Box::pin(
                    async move { Ok(ToolResult::text(if sent { "told" } else { "nobody listens" }).into()) },
                )
            }),
            tool("echo", |arguments, _| {
                let said = arguments.value()["text"].as_str().unwrap_or("").to_owned();
                Box::pin(async move { Ok(ToolResult::text(&said).into()) })
            }),
            tool("fail", |_, _| Box::pin(async { Err(ToolError::Failed("it did not work".to_owned())) })),
            tool("link", |_, _| {
                let link = json!([{ "type": "resource_link", "uri": NOTE, "name": "a" }]);
                let content = drawbridge_contract::Content::passed_through(raw(&link));
                Box::pin(async move { Ok(ToolResult::content(content).into()) })
            }),
            tool("pretty", |_, _| {
                let content = "[\n  {\"type\": \"text\",\r\n \"text\": \"a\\nb\"}\n]".to_owned();
                let content = RawValue::from_string(content).unwrap();
                let content = drawbridge_contract::Content::passed_through(content);
                Box::pin(async move { Ok(ToolResult::content(content).into()) })
            }),
            tool("progress", |_, context| Box::pin(progress(context))),
            tool("region", |_, _| Box::pin(async { Ok(ToolResult::text("there").into()) })),
            tool("structured", |_, _| {
                Box::pin(async { Ok(ToolResult::structured(&json!({ "n": 1 })).into()) })
            }),
            tool("wait", move |_, _| Box::pin(wait(waiting.clone()))),
        ]
    }

    fn resources(&self) -> Option<Arc<dyn Resources>> {
        Some(Arc::new(Notes(self.watches.clone())))
    }

    fn prompts(&self) -> Vec<Arc<dyn Prompt>> {
        let subject = PromptArgument { name: "subject".to_owned(), description: None, required: false };
        let spec = PromptSpec {
            name: "praise".to_owned(),
            title: Some("Praise".to_owned()),
            description: None,
            arguments: vec![subject],
        };
        vec![Arc::new(Praise(spec))]
    }

    fn changes(&self) -> Option<broadcast::Receiver<Change>> {
        Some(self.changes.subscribe())
    }
}

async fn progress(context: &Context) -> Result<Outcome, ToolError> {
    for step in 1..=3 {
        context.progress(f64::from(step), Some(3.0), Some("going"));
        context.log(LogLevel::Info, Value::from(format!("step {step}")));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Ok(ToolResult::text("done").into())
}

/// Never ends by itself.
async fn wait(waiting: Arc<AtomicUsize>) -> Result<Outcome, ToolError> {
    struct Counted(Arc<AtomicUsize>);
    impl Drop for Counted {
        fn drop(&mut self) {
            self.0.fetch_sub(1, Ordering::SeqCst);
        }
    }
    waiting.fetch_add(1, Ordering::SeqCst);
    let _counted = Counted(waiting);
    std::future::pending().await
}

fn ask_name(answers: Option<&Answers>) -> Outcome {
    match answers {
        Some(Answers { responses, state }) => {
            let name = responses["name"]["content"]["name"].as_str().unwrap_or("nobody");
            ToolResult::text(&format!("hello {name}, {}", state.as_deref().unwrap_or("?"))).into()
        }
        None => {
            let schema = raw(&json!({ "type": "object", "properties": { "name": { "type": "string" } } }));
            let request = InputRequest::ElicitForm { message: "Your name?".to_owned(), schema };
            asks("name", request)
        }
    }
}

fn ask_model(answers: Option<&Answers>) -> Outcome {
    match answers {
        Some(Answers { responses, .. }) => {
            ToolResult::text(responses["model"]["content"]["text"].as_str().unwrap_or("?")).into()
        }
        None => asks("model", InputRequest::Sample(raw(&json!({ "messages": [], "maxTokens": 1 })))),
    }
}

fn asks(key: &str, request: InputRequest) -> Outcome {
    let requests = [(key.to_owned(), request)].into();
    Outcome::InputRequired(InputRequired { requests, state: Some("round 1".to_owned()) })
}

type Run =
    dyn for<'a> Fn(&'a Arguments, &'a Context) -> BoxFuture<'a, Result<Outcome, ToolError>> + Send + Sync;

struct Scripted(ToolSpec, Box<Run>);

fn tool(
    name: &'static str,
    run: impl for<'a> Fn(&'a Arguments, &'a Context) -> BoxFuture<'a, Result<Outcome, ToolError>>
    + Send
    + Sync
    + 'static,
) -> Arc<dyn Tool> {
    let schema = match name {
        "region" => json!({ "type": "object", "properties": {
            "region": { "type": "string", "x-mcp-header": "Region" },
        } }),
        _ => json!({ "type": "object" }),
    };
    let spec = ToolSpec {
        name: name.into(),
        title: name.into(),
        description: "For tests.".into(),
        input_schema: raw(&schema),
        output_schema: None,
        annotations: Annotations::READS,
        meta: None,
        examples: &[],
        limits: drawbridge_contract::Limits::default(),
        background: drawbridge_contract::Background::default(),
    };
    Arc::new(Scripted(spec, Box::new(run)))
}

impl Tool for Scripted {
    fn spec(&self) -> &ToolSpec {
        &self.0
    }

    fn invoke<'a>(
        &'a self,
        arguments: &'a Arguments,
        context: &'a Context,
    ) -> BoxFuture<'a, Result<Outcome, ToolError>> {
        (self.1)(arguments, context)
    }
}

struct Notes(Arc<AtomicUsize>);

impl Resources for Notes {
    fn list(&self) -> Vec<ResourceSpec> {
        let (uri, name) = (NOTE.to_owned(), "a".to_owned());
        let title = Some("The note".to_owned());
        vec![ResourceSpec { uri, name, title, description: None, mime_type: None, size: None }]
    }

    fn templates(&self) -> Vec<ResourceTemplate> {
        let (uri_template, name) = ("note://{id}".to_owned(), "note".to_owned());
        vec![ResourceTemplate { uri_template, name, title: None, description: None, mime_type: None }]
    }

    fn owns(&self, uri: &str) -> bool {
        uri.starts_with("note://")
    }

    fn read<'a>(
        &'a self,
        uri: &'a str,
        _: &'a Context,
    ) -> BoxFuture<'a, Result<Outcome<ResourceResult>, ToolError>> {
        Box::pin(async move {
            if uri != NOTE {
                return Err(ToolError::NotFound(format!("no note {uri}")));
            }
            let text = Some("hello".to_owned());
            let contents = vec![Contents { uri: uri.to_owned(), mime_type: None, text, blob: None }];
            Ok(Outcome::Complete(ResourceResult { contents }))
        })
    }

    fn watch(&self, uri: &str) -> Result<Watch, ToolError> {
        struct Counted(Arc<AtomicUsize>);
        impl Drop for Counted {
            fn drop(&mut self) {
                self.0.fetch_sub(1, Ordering::SeqCst);
            }
        }
        if uri != NOTE {
            return Err(ToolError::NotFound(format!("no note {uri}")));
        }
        self.0.fetch_add(1, Ordering::SeqCst);
        Ok(Watch::new(Counted(self.0.clone())))
    }

    fn complete<'a>(&'a self, _: &'a str, request: &'a Completion) -> BoxFuture<'a, Suggestions> {
        let folder = request.known.get("folder").cloned().unwrap_or_default();
        Box::pin(async move { Suggestions::of(vec![folder + "a"]) })
    }
}

struct Praise(PromptSpec);

impl Prompt for Praise {
    fn spec(&self) -> &PromptSpec {
        &self.0
    }

    fn get<'a>(
        &'a self,
        arguments: &'a Arguments,
        _: &'a Context,
    ) -> BoxFuture<'a, Result<Outcome<PromptResult>, ToolError>> {
        let subject = arguments.value()["subject"].as_str().unwrap_or("all").to_owned();
        Box::pin(async move {
            let said = json!([{ "role": "user", "content": { "type": "text", "text": format!("Praise {subject}") } }]);
            Ok(Outcome::Complete(PromptResult { description: None, messages: raw(&said) }))
        })
    }

    fn complete<'a>(&'a self, request: &'a Completion) -> BoxFuture<'a, Suggestions> {
        let prefix = request.prefix.as_str();
        let values = ["rust", "rain", "sun"].into_iter().filter(|word| word.starts_with(prefix));
        let values = values.map(str::to_owned).collect();
        Box::pin(async move { Suggestions::of(values) })
    }
}

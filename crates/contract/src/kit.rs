//! The test kit: one line makes a call, one line checks it.
//!
//! ```
//! # use drawbridge_contract::{kit::Kit, Server};
//! # async fn example(server: impl Server) {
//! let kit = Kit::of(server);
//! kit.check("echo", r#"{"text": "hi"}"#, "hi").await;
//! # }
//! ```
//!
//! It has a door of its own that runs one server's tools without policy or audit; schemas are not validated.

use std::sync::Arc;
use std::time::Instant;

use serde_json::Value;
use tokio::sync::broadcast;

use crate::{
    Answer, Arguments, BoxFuture, Call, Caller, CallerKind, Change, Completion, CompletionOf, Context,
    ExchangeHandle, ExchangeRequest, Exchanges, Handler, Live, Origin, Outcome, Refusal, Resources, Server,
    StreamMode, Suggestions, Target, ToolResult, View, Watch, parse_strict,
};

/// One server behind a door without policy.
#[derive(Clone)]
pub struct Kit(Arc<Door>);

struct Door {
    server: Box<dyn Server>,
    caller: Arc<Caller>,
    changes: broadcast::Sender<Change>,
}

impl Kit {
    /// A kit around `server`, called as the owner.
    pub fn of(server: impl Server) -> Self {
        let caller = Arc::new(Caller::new("owner", CallerKind::Owner));
        Self(Arc::new(Door { server: Box::new(server), caller, changes: broadcast::channel(64).0 }))
    }

    /// The door, for what needs a handler.
    pub fn handler(&self) -> Arc<dyn Handler> {
        self.0.clone()
    }

    /// Calls a tool with JSON arguments.
    ///
    /// # Errors
    /// As the door.
    pub async fn call(&self, tool: &str, arguments: &str) -> Result<ToolResult, Refusal> {
        match self.outcome(Target::Tool(tool.into()), arguments, Live::default()).await? {
            Outcome::Complete(Answer::Tool(result)) => Ok(result),
            other => panic!("{tool} did not complete: {other:?}"),
        }
    }

    /// Calls anything, with a live side.
    ///
    /// # Errors
    /// As the door.
    pub async fn outcome(
        &self,
        target: Target,
        arguments: &str,
        live: Live,
    ) -> Result<Outcome<Answer>, Refusal> {
        #[expect(clippy::expect_used, reason = "a test that is wrong should say so")]
        let value = parse_strict(arguments).expect("the test's arguments are JSON");
        let Value::Object(map) = value else { panic!("the test's arguments are not an object") };
        let origin = Origin { entrance: "test", ..Origin::default() };
        let call = Call::new(self.0.caller.clone(), target, Arguments::from_map(map), origin);
        self.handler().call(call, live).await
    }

    /// What a tool says, as text: its content, or `error: …`, or `refused: …`. For snapshots.
    pub async fn says(&self, tool: &str, arguments: &str) -> String {
        match self.call(tool, arguments).await {
            Ok(result) if result.is_error => format!("error: {}", result.content.plain_text()),
            Ok(result) => result.content.plain_text(),
            Err(refusal) => format!("refused: {refusal}"),
        }
    }

    /// The structured part of a tool's answer.
    pub async fn data(&self, tool: &str, arguments: &str) -> Value {
        match self.call(tool, arguments).await {
            Ok(ToolResult { structured: Some(data), .. }) => {
                serde_json::from_str(data.get()).unwrap_or_default()
            }
            other => panic!("{tool} gave no structured data: {other:?}"),
        }
    }

    /// Checks that what the tool says contains `expected`.
    pub async fn check(&self, tool: &str, arguments: &str, expected: &str) {
        let said = self.says(tool, arguments).await;
        assert!(said.contains(expected), "{tool} {arguments}\n  said:     {said}\n  expected: {expected}");
    }

    /// Runs every example of every tool, and checks every spec.
    pub async fn check_examples(&self) {
        for tool in self.0.server.tools() {
            let spec = tool.spec();
            assert_eq!(spec.problems(), Vec::<String>::new(), "{}", spec.name);
            assert!(!spec.examples.is_empty(), "{} has no example", spec.name);
            for example in spec.examples {
                self.check(&spec.name, example.args, example.gives).await;
            }
        }
    }
}

impl Door {
    async fn tool(self: Arc<Self>, name: &str, call: &Call, live: Live) -> Result<Outcome<Answer>, Refusal> {
        let missing = || Refusal::NotFound { kind: "tool", name: name.into() };
        let tool =
            self.server.tools().into_iter().find(|tool| tool.spec().name == name).ok_or_else(missing)?;
        let context = self.context(call, live, tool.spec().limits.timeout);
        match tool.invoke(&call.arguments, &context).await {
            Ok(outcome) => Ok(outcome.map(Answer::Tool)),
            Err(error) => Ok(Outcome::Complete(Answer::Tool(ToolResult::failed(&error)))),
        }
    }

    async fn resource(
        self: Arc<Self>,
        uri: &str,
        call: &Call,
        live: Live,
    ) -> Result<Outcome<Answer>, Refusal> {
        let resources = self.resources(uri)?;
        let context = self.context(call, live, crate::Limits::default().timeout);
        Ok(resources.read(uri, &context).await?.map(Answer::Resource))
    }

    async fn prompt(
        self: Arc<Self>,
        name: &str,
        call: &Call,
        live: Live,
    ) -> Result<Outcome<Answer>, Refusal> {
        let missing = || Refusal::NotFound { kind: "prompt", name: name.into() };
        let prompt = self
            .server
            .prompts()
            .into_iter()
            .find(|prompt| prompt.spec().name == name)
            .ok_or_else(missing)?;
        let context = self.context(call, live, crate::Limits::default().timeout);
        Ok(prompt.get(&call.arguments, &context).await?.map(Answer::Prompt))
    }

    fn stream(
        self: Arc<Self>,
        id: &str,
        mode: StreamMode,
        call: &Call,
        live: Live,
    ) -> Result<Outcome<Answer>, Refusal> {
        let missing = || Refusal::NotFound { kind: "stream", name: id.into() };
        let streams = self.server.streams().ok_or_else(missing)?;
        let context = self.context(call, live, crate::Limits::default().timeout);
        Ok(Outcome::Complete(Answer::Stream(streams.open(id, mode, &context)?)))
    }

    async fn exchange(
        self: Arc<Self>,
        request: &ExchangeRequest,
        call: &Call,
        live: Live,
    ) -> Result<Outcome<Answer>, Refusal> {
        let missing = || Refusal::NotFound { kind: "exchange", name: request.path.clone() };
        let exchanges = self.server.exchanges().ok_or_else(missing)?;
        exchanges.table().iter().find(|route| *route.path == *request.path).ok_or_else(missing)?;
        let context = self.context(call, live, crate::Limits::default().timeout);
        let reply = exchanges.exchange(request, &context).await?;
        Ok(Outcome::Complete(Answer::Exchange(ExchangeHandle::new(reply))))
    }

    fn context(self: &Arc<Self>, call: &Call, live: Live, timeout: std::time::Duration) -> Context {
        Context::new(call, live, call.answers.clone(), Instant::now() + timeout, self.clone())
    }

    fn resources(&self, uri: &str) -> Result<Arc<dyn Resources>, Refusal> {
        let missing = || Refusal::NotFound { kind: "resource", name: uri.into() };
        self.server.resources().filter(|resources| resources.owns(uri)).ok_or_else(missing)
    }
}

impl Handler for Door {
    fn call(self: Arc<Self>, call: Call, live: Live) -> BoxFuture<'static, Result<Outcome<Answer>, Refusal>> {
        Box::pin(async move {
            match &call.target {
                Target::Tool(name) => self.tool(name, &call, live).await,
                Target::Resource(uri) => self.resource(uri, &call, live).await,
                Target::Prompt(name) => self.prompt(name, &call, live).await,
                Target::Stream { id, mode, .. } => self.stream(id, *mode, &call, live),
                Target::Exchange(request) => self.exchange(request, &call, live).await,
            }
        })
    }

    fn still_allows(&self, _: &Caller, _: &Target) -> Result<(), Refusal> {
        Ok(())
    }

    fn exchanges(&self) -> Vec<(Box<str>, Arc<dyn Exchanges>)> {
        self.server.exchanges().into_iter().map(|some| (self.server.name().into(), some)).collect()
    }

    fn view(&self, _caller: &Caller) -> Arc<View> {
        let resources = self.server.resources();
        Arc::new(View {
            revision: 1,
            tools: self.server.tools(),
            resources: resources.clone().into_iter().collect(),
            templates: resources.as_ref().map(|some| some.templates()).unwrap_or_default(),
            prompts: self.server.prompts().iter().map(|prompt| prompt.spec().clone()).collect(),
            instructions: self.server.instructions().to_owned(),
        })
    }

    fn complete<'a>(
        &'a self,
        _: &'a Caller,
        request: Completion,
    ) -> BoxFuture<'a, Result<Suggestions, Refusal>> {
        Box::pin(async move {
            Ok(match &request.of {
                CompletionOf::Prompt(name) => {
                    let prompt = self.server.prompts().into_iter().find(|prompt| prompt.spec().name == *name);
                    match prompt {
                        Some(prompt) => prompt.complete(&request).await,
                        None => return Err(Refusal::NotFound { kind: "prompt", name: name.as_str().into() }),
                    }
                }
                CompletionOf::Template(template) => match self.server.resources() {
                    Some(resources) => resources.complete(template, &request).await,
                    None => Suggestions::default(),
                },
            })
        })
    }

    fn watch<'a>(&'a self, _caller: &'a Arc<Caller>, uri: &'a str) -> BoxFuture<'a, Result<Watch, Refusal>> {
        Box::pin(async move { Ok(self.resources(uri)?.watch(uri)?) })
    }

    fn changes(&self) -> broadcast::Receiver<Change> {
        self.server.changes().unwrap_or_else(|| self.changes.subscribe())
    }
}

#[cfg(test)]
mod tests {
    use schemars::JsonSchema;
    use serde::Deserialize;

    use super::*;
    use crate::{Annotations, Example, Tool, ToolError, ToolSpec, TypedTool, bind};

    struct Parrot;
    struct Echo;

    #[derive(Deserialize, JsonSchema)]
    struct Input {
        text: String,
    }

    impl TypedTool<()> for Echo {
        type Input = Input;

        fn spec() -> ToolSpec {
            ToolSpec::of::<Input>("parrot_echo", "Echo", "Says it again.")
                .annotated(Annotations::READS)
                .examples(&[Example { says: "Says hi.", args: r#"{"text": "hi"}"#, gives: "hi" }])
        }

        async fn run(_: &Arc<()>, input: Input, _: &Context) -> Result<Outcome, ToolError> {
            Ok(ToolResult::text(&input.text).into())
        }
    }

    impl Server for Parrot {
        fn name(&self) -> &str {
            "parrot"
        }

        fn tools(&self) -> Vec<Arc<dyn Tool>> {
            vec![bind::<(), Echo>(&Arc::new(()))]
        }
    }

    #[tokio::test]
    async fn one_line_calls_and_one_line_checks() {
        let kit = Kit::of(Parrot);
        kit.check("parrot_echo", r#"{"text": "hello"}"#, "hello").await;
        kit.check("parrot_echo", r#"{"txt": 1}"#, "missing field").await;
        kit.check("parrot_sing", "{}", "refused: unknown tool").await;
        kit.check_examples().await;
    }
}

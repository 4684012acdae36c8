//! A server with doubles behind it, and those who call it.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use drawbridge_contract::kit::Kit;
use drawbridge_contract::{
    Answer, Arguments, Call, Caller, CallerKind, Event, ExchangeBody, ExchangeRequest, Handler, Live, Origin,
    Outcome, Refusal, Server, Sink, Target, ToolResult,
};
use drawbridge_llm::{Llm, LlmSettings, ProviderKind, ProviderSettings};
use futures::StreamExt as _;
use futures::stream::BoxStream;
use serde_json::{Map, Value};
use tempfile::TempDir;

use crate::double::Double;

/// A server, and where it keeps its books.
pub(crate) struct Desk {
    pub(crate) owner: Seat,
    pub(crate) state: TempDir,
}

/// Somebody who calls.
#[derive(Clone)]
pub(crate) struct Seat {
    pub(crate) door: Arc<dyn Handler>,
    caller: Arc<Caller>,
}

/// What came back from an exchange.
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) content_type: &'static str,
    pub(crate) body: BoxStream<'static, Bytes>,
}

/// Provider `one`, spoken to as others speak OpenAI's dialect.
pub(crate) fn provider(name: &str, double: &Double) -> ProviderSettings {
    ProviderSettings { address: double.url(), ..ProviderSettings::new(name, ProviderKind::Compatible) }
}

/// Hears what a call tells.
#[derive(Default)]
pub(crate) struct Ear(pub(crate) Mutex<Vec<(f64, String)>>);

impl Sink for Ear {
    fn send(&self, event: Event) {
        if let Event::Progress { progress, message, .. } = event {
            self.0.lock().unwrap().push((progress, message.unwrap_or_default()));
        }
    }
}

impl Desk {
    /// A server with `one` provider.
    pub(crate) fn with(double: &Double) -> Self {
        Self::of(|settings| settings.providers.push(provider("one", double)))
    }

    pub(crate) fn of(change: impl FnOnce(&mut LlmSettings)) -> Self {
        let state = tempfile::tempdir().unwrap();
        let mut settings = LlmSettings::new(state.path());
        change(&mut settings);
        Self::serving(Llm::open(&settings).unwrap(), state)
    }

    pub(crate) fn serving(server: impl Server, state: TempDir) -> Self {
        let caller = Arc::new(Caller::new("owner", CallerKind::Owner));
        Self { owner: Seat { door: Kit::of(server).handler(), caller }, state }
    }

    /// Somebody with a key of this name.
    pub(crate) fn key(&self, name: &str) -> Seat {
        let caller = Arc::new(Caller::new(format!("key:{name}"), CallerKind::Key));
        Seat { caller, ..self.owner.clone() }
    }
}

impl Seat {
    async fn outcome(
        &self,
        target: Target,
        arguments: Value,
        live: Live,
    ) -> Result<Outcome<Answer>, Refusal> {
        let map = match arguments {
            Value::Object(map) => map,
            _ => Map::new(),
        };
        let call = Call::new(self.caller.clone(), target, Arguments::from_map(map), Origin::default());
        self.door.clone().call(call, live).await
    }

    pub(crate) async fn call(&self, tool: &str, arguments: Value) -> ToolResult {
        self.call_heard(tool, arguments, Live::default()).await
    }

    pub(crate) async fn call_heard(&self, tool: &str, arguments: Value, live: Live) -> ToolResult {
        match self.outcome(Target::Tool(tool.into()), arguments, live).await {
            Ok(Outcome::Complete(Answer::Tool(result))) => result,
            other => panic!("{tool}: {other:?}"),
        }
    }

    /// What a tool answers, for programs.
    pub(crate) async fn data(&self, tool: &str, arguments: Value) -> Value {
        let result = self.call(tool, arguments.clone()).await;
        match result.structured {
            Some(data) if !result.is_error => serde_json::from_str(data.get()).unwrap(),
            _ => panic!("{tool} {arguments}: {}", result.content.plain_text()),
        }
    }

    /// Why a tool does not do it.
    pub(crate) async fn error(&self, tool: &str, arguments: Value) -> String {
        let result = self.call(tool, arguments.clone()).await;
        assert!(result.is_error, "{tool} {arguments}: {}", result.content.plain_text());
        result.content.plain_text()
    }

    /// A request of another protocol.
    pub(crate) async fn exchange(&self, path: &str, body: impl Into<Bytes>) -> Reply {
        self.exchange_as(path, &[], body).await
    }

    /// The same, with headers.
    pub(crate) async fn exchange_as(
        &self,
        path: &str,
        headers: &[(&'static str, &str)],
        body: impl Into<Bytes>,
    ) -> Reply {
        let headers = headers.iter().map(|(name, value)| (*name, (*value).into())).collect();
        let (server, path, rest) = ("llm".into(), path, "");
        let (path, rest) = match path.strip_prefix("/v1/models/") {
            Some(id) => ("/v1/models/{*rest}", id),
            None => (path, rest),
        };
        let request =
            ExchangeRequest { server, path: path.into(), rest: rest.into(), headers, body: body.into() };
        let outcome = self.outcome(Target::Exchange(Box::new(request)), Value::Null, Live::default()).await;
        let Ok(Outcome::Complete(Answer::Exchange(handle))) = outcome else { panic!("{path}: {outcome:?}") };
        let reply = handle.take().unwrap();
        let body = match reply.body {
            ExchangeBody::Whole(bytes) => futures::stream::iter([bytes]).boxed(),
            ExchangeBody::Stream(body) => body,
        };
        Reply { status: reply.status, content_type: reply.content_type, body }
    }
}

impl Reply {
    /// All of it, as text.
    pub(crate) async fn text(self) -> String {
        let parts: Vec<Bytes> = self.body.collect().await;
        String::from_utf8(parts.concat()).unwrap()
    }

    pub(crate) async fn json(self) -> Value {
        let text = self.text().await;
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }
}

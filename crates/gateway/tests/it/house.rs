//! A server with one tool for each way a call can go, and a hub around it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use drawbridge_contract::{
    Abilities, Annotations, Answer, Arguments, Call, Caller, Context, Exchanges, Handler as _, Host,
    InputRequest, InputRequired, Live, Origin, Outcome, RawValue, Refusal, Server, Target, Tool, ToolError,
    ToolResult, ToolSpec, TypedTool, bind, raw,
};
use drawbridge_gateway::{Gateway, GatewaySettings};
use drawbridge_store::{AuditEntry, AuditFilter, By, KeyKind, NewKey, Store};
use schemars::JsonSchema;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use tempfile::TempDir;

/// How often the tools that change something ran.
#[derive(Default)]
pub(crate) struct Ran(pub(crate) AtomicUsize);

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Text {
    #[serde(default)]
    text: String,
}

macro_rules! tool {
    ($name:ident, $spec:expr, |$ran:ident, $input:ident, $context:ident| $body:expr) => {
        struct $name;
        impl TypedTool<Ran> for $name {
            type Input = Text;
            fn spec() -> ToolSpec {
                $spec
            }
            async fn run($ran: &Arc<Ran>, $input: Text, $context: &Context) -> Result<Outcome, ToolError> {
                $body
            }
        }
    };
}

fn spec(name: &'static str, annotations: Annotations) -> ToolSpec {
    ToolSpec::of::<Text>(name, name, "For tests.").annotated(annotations)
}

tool!(Echo, spec("t_echo", Annotations::READS), |_ran, input, _context| Ok(
    ToolResult::text(&input.text).into()
));
tool!(Change, spec("t_change", Annotations::CHANGES), |ran, _input, _context| {
    ran.0.fetch_add(1, Ordering::SeqCst);
    Ok(ToolResult::text("changed").into())
});
tool!(Destroy, spec("t_destroy", Annotations::DESTROYS), |ran, _input, _context| {
    ran.0.fetch_add(1, Ordering::SeqCst);
    Ok(ToolResult::text("destroyed").into())
});
tool!(Fail, spec("t_fail", Annotations::READS), |_ran, _input, _context| Err(ToolError::Failed(
    "it did not work".to_owned()
)));
tool!(Panic, spec("t_panic", Annotations::READS), |_ran, input, _context| panic!("{}", input.text));
tool!(Hang, spec("t_hang", Annotations::READS).timeout(Duration::from_millis(50)), |ran, _input, context| {
    let (stop, ran) = (context.cancellation().clone(), ran.clone());
    tokio::spawn(async move {
        stop.cancelled().await;
        ran.0.fetch_add(1, Ordering::SeqCst);
    });
    std::future::pending().await
});
tool!(Linger, spec("t_linger", Annotations::READS), |ran, _input, context| {
    let (stop, ran) = (context.cancellation().clone(), ran.clone());
    tokio::spawn(async move {
        stop.cancelled().await;
        ran.0.fetch_add(1, Ordering::SeqCst);
    });
    std::future::pending().await
});
tool!(Large, spec("t_large", Annotations::READS), |_ran, _input, _context| {
    Ok(ToolResult::text(&"x".repeat(20 * 1024 * 1024)).into())
});
tool!(Nest, spec("t_nest", Annotations::READS), |_ran, input, context| {
    let arguments = Arguments::decode(&raw(&serde_json::json!({"text": "down"}))).unwrap();
    match context.call(&input.text, arguments).await {
        Ok(Outcome::Complete(Answer::Tool(result))) => Ok(result.into()),
        Ok(other) => Err(ToolError::Failed(format!("{other:?}"))),
        Err(refusal) => Err(ToolError::Failed(refusal.to_string())),
    }
});
tool!(Ask, spec("t_ask", Annotations::READS), |_ran, input, context| match &context.answers {
    None => {
        let request = InputRequest::ElicitForm {
            message: "Who?".to_owned(),
            schema: raw(&serde_json::json!({"type": "object"})),
        };
        let requests = [("who".to_owned(), request)].into();
        Ok(Outcome::InputRequired(InputRequired {
            requests,
            state: Some(format!("asked with {}", input.text)),
        }))
    }
    Some(answers) => {
        let state = answers.state.clone().unwrap_or_default();
        Ok(ToolResult::text(&format!("{state}: {}", answers.responses["who"])).into())
    }
});

struct Type;
impl TypedTool<Ran> for Type {
    type Input = Text;
    const AUDITED_WHOLE: bool = true;
    fn spec() -> ToolSpec {
        spec("t_type", Annotations::CHANGES)
    }
    async fn run(_: &Arc<Ran>, _: Text, _: &Context) -> Result<Outcome, ToolError> {
        Ok(ToolResult::text("typed").into())
    }
}

struct House(Arc<Ran>);

impl Server for House {
    fn name(&self) -> &str {
        "t"
    }

    fn tools(&self) -> Vec<Arc<dyn Tool>> {
        let ran = &self.0;
        vec![
            bind::<_, Echo>(ran),
            bind::<_, Change>(ran),
            bind::<_, Destroy>(ran),
            bind::<_, Fail>(ran),
            bind::<_, Panic>(ran),
            bind::<_, Hang>(ran),
            bind::<_, Linger>(ran),
            bind::<_, Large>(ran),
            bind::<_, Nest>(ran),
            bind::<_, Ask>(ran),
            bind::<_, Type>(ran),
        ]
    }

    fn exchanges(&self) -> Option<Arc<dyn Exchanges>> {
        Some(Arc::new(crate::exchanges::Echoes))
    }
}

/// A hub in a folder of its own.
pub(crate) struct Hub {
    pub(crate) gateway: Arc<Gateway>,
    pub(crate) store: Store,
    pub(crate) ran: Arc<Ran>,
    pub(crate) home: TempDir,
}

impl Hub {
    pub(crate) fn open() -> Self {
        Self::with(&GatewaySettings::default())
    }

    pub(crate) fn with(settings: &GatewaySettings) -> Self {
        Self::at(tempfile::tempdir().unwrap(), settings)
    }

    /// A hub over a folder that may have been another's before.
    pub(crate) fn at(home: TempDir, settings: &GatewaySettings) -> Self {
        let store = Store::open(&home.path().join("state")).unwrap();
        let ran = Arc::new(Ran::default());
        let gateway = Gateway::open(store.clone(), settings, vec![Arc::new(House(ran.clone()))]).unwrap();
        Self { gateway, store, ran, home }
    }

    /// Another process would do the same: a second store on the same folder.
    pub(crate) fn elsewhere(&self) -> Store {
        Store::open(&self.home.path().join("state")).unwrap()
    }

    pub(crate) fn ran(&self) -> usize {
        self.ran.0.load(Ordering::SeqCst)
    }

    /// How often tools ran, once one did.
    pub(crate) async fn ran_soon(&self) -> usize {
        for _ in 0..2_000 {
            if self.ran() > 0 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        self.ran()
    }

    pub(crate) fn call(&self, caller: &Arc<Caller>, tool: &str, text: &str) -> Call {
        let arguments = RawValue::from_string(serde_json::json!({"text": text}).to_string()).unwrap();
        let origin = Origin { entrance: "test", ..Origin::default() };
        Call::new(caller.clone(), Target::Tool(tool.into()), Arguments::decode(&arguments).unwrap(), origin)
    }

    /// As the owner, from a host that can show forms.
    pub(crate) fn at_the_desk(&self, tool: &str, text: &str) -> Call {
        let mut call = self.call(&self.gateway.owner(), tool, text);
        let abilities = Abilities { elicit_form: true, ..Abilities::default() };
        call.origin.host = Arc::new(Host { abilities, ..Host::default() });
        call
    }

    pub(crate) async fn send(&self, call: Call) -> Result<Outcome<Answer>, Refusal> {
        self.gateway.clone().call(call, Live::default()).await
    }

    /// What the tool says, or why it does not.
    pub(crate) async fn says(&self, call: Call) -> String {
        match self.send(call).await {
            Ok(Outcome::Complete(Answer::Tool(result))) => result.content.plain_text(),
            Ok(other) => format!("{other:?}"),
            Err(refusal) => format!("refused: {refusal}"),
        }
    }

    pub(crate) async fn owner_says(&self, tool: &str, text: &str) -> String {
        self.says(self.call(&self.gateway.owner(), tool, text)).await
    }

    /// A key's secret; the key is called `name`.
    pub(crate) async fn add_key(&self, name: &str, scopes: &[&str], per_minute: Option<u32>) -> String {
        self.add_key_in(name, scopes, per_minute, None).await
    }

    /// A key of a tier.
    pub(crate) async fn add_key_in(
        &self,
        name: &str,
        scopes: &[&str],
        per_minute: Option<u32>,
        tier: Option<&str>,
    ) -> String {
        let secret = format!("secret of {name}");
        let key = NewKey {
            id: None,
            name: name.to_owned(),
            hash: Sha256::digest(secret.as_bytes()).into(),
            kind: KeyKind::Key,
            scopes: scopes.iter().map(|&scope| scope.to_owned()).collect(),
            tier: tier.map(str::to_owned),
            expires_us: None,
            calls_per_minute: per_minute,
        };
        self.elsewhere().keys().add(key, By::now("owner", "test")).await.unwrap();
        secret
    }

    /// The audit, oldest first.
    pub(crate) async fn audit(&self) -> Vec<AuditEntry> {
        self.store.flush().await.unwrap();
        let mut page = self.store.audit_page(&AuditFilter::default(), 1_000).unwrap();
        page.reverse();
        page
    }
}

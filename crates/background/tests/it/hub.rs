//! A hub with tools for each way a job can go.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use drawbridge_background::{Background, BackgroundSettings};
use drawbridge_contract::{
    Annotations, Answer, Arguments, Authenticator as _, Call, Caller, Context, Handler, InputRequest,
    InputRequired, JobEnd, JobOptions, JobState, JobView, Jobs as _, Live, Origin, Outcome, RawValue,
    Refusal, Run, Server, Target, Tool, ToolError, ToolResult, ToolSpec, TypedTool, bind, raw,
};
use drawbridge_gateway::{Gateway, GatewaySettings};
use drawbridge_jobs::worker::WorkerSettings;
use drawbridge_jobs::{Backoff, Embedded, Policies, Policy, Settings};
use drawbridge_store::{By, KeyKind, NewKey, Store};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;
use sha2::{Digest, Sha256};
use tempfile::TempDir;

/// How often tools ran.
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
                $ran.0.fetch_add(1, Ordering::SeqCst);
                $body
            }
        }
    };
}

fn spec(name: &'static str, annotations: Annotations) -> ToolSpec {
    ToolSpec::of::<Text>(name, name, "For tests.").annotated(annotations)
}

tool!(Echo, spec("t_echo", Annotations::READS), |_ran, input, context| {
    context.progress(1.0, Some(2.0), Some("half"));
    Ok(ToolResult::text(&input.text).into())
});
tool!(Destroy, spec("t_destroy", Annotations::DESTROYS), |_ran, input, _context| Ok(ToolResult::text(
    &format!("destroyed {}", input.text)
)
.into()));
tool!(Fail, spec("t_fail", Annotations::READS), |_ran, _input, _context| Err(ToolError::Failed(
    "the disk is away".to_owned()
)));
tool!(Wrong, spec("t_wrong", Annotations::READS), |_ran, _input, _context| Err(ToolError::Invalid(
    "no sense".to_owned()
)));
tool!(Hang, spec("t_hang", Annotations::READS), |_ran, _input, _context| std::future::pending().await);
tool!(Steps, spec("t_steps", Annotations::READS), |_ran, _input, context| {
    let job = context.job().ok_or_else(|| ToolError::Failed("this is no job".to_owned()))?;
    match context.last_checkpoint::<u32>() {
        None => {
            context.checkpoint(&41).await?;
            Err(ToolError::Failed("half done".to_owned()))
        }
        Some(kept) => Ok(ToolResult::text(&format!("{} after attempt {}", kept + 1, job.attempt)).into()),
    }
});
tool!(Ask, spec("t_ask", Annotations::READS), |_ran, input, context| match &context.answers {
    None => {
        let schema = raw(&json!({"type": "object"}));
        let request = InputRequest::ElicitForm { message: "Who?".to_owned(), schema };
        let state = Some(format!("asked with {}", input.text));
        Ok(Outcome::InputRequired(InputRequired { requests: [("who".to_owned(), request)].into(), state }))
    }
    Some(answers) => {
        let state = answers.state.clone().unwrap_or_default();
        Ok(ToolResult::text(&format!("{state}: {}", answers.responses["who"])).into())
    }
});
tool!(Again, spec("t_again", Annotations::READS), |_ran, _input, context| {
    match context.submit("t_again", Arguments::none(), JobOptions::default()).await {
        Ok(_) => Ok(ToolResult::text("again").into()),
        Err(refusal) => Err(ToolError::Invalid(refusal.to_string())),
    }
});

struct House(Arc<Ran>);

impl Server for House {
    fn name(&self) -> &str {
        "t"
    }

    fn tools(&self) -> Vec<Arc<dyn Tool>> {
        let ran = &self.0;
        vec![
            bind::<_, Echo>(ran),
            bind::<_, Destroy>(ran),
            bind::<_, Fail>(ran),
            bind::<_, Wrong>(ran),
            bind::<_, Hang>(ran),
            bind::<_, Steps>(ran),
            bind::<_, Ask>(ran),
            bind::<_, Again>(ran),
        ]
    }
}

/// A hub in a folder of its own.
pub(crate) struct Hub {
    pub(crate) gateway: Arc<Gateway>,
    pub(crate) ran: Arc<Ran>,
    pub(crate) jobs: Background,
    pub(crate) engine: Embedded,
    home: TempDir,
}

/// Attempts that follow each other at once.
fn policies() -> Policies {
    let policy = Policy { backoff: Backoff::NONE, ..Policy::default() };
    Policies(vec![("*".into(), policy)])
}

impl Hub {
    pub(crate) fn open() -> Self {
        Self::with(&GatewaySettings::default(), Settings::default())
    }

    pub(crate) fn with(settings: &GatewaySettings, engine: Settings) -> Self {
        let home = tempfile::tempdir().unwrap();
        let store = Store::open(&home.path().join("state")).unwrap();
        let ran = Arc::new(Ran::default());
        let gateway = Gateway::open(store, settings, vec![Arc::new(House(ran.clone()))]).unwrap();
        let engine = Embedded::open(&home.path().join("state"), engine).unwrap();
        let jobs = Background::new(
            Arc::new(engine.clone()),
            BackgroundSettings { policies: policies(), ..Default::default() },
        );
        gateway.keep_jobs(Arc::new(jobs.clone()));
        Self { gateway, ran, jobs, engine, home }
    }

    /// Runs jobs from now on.
    pub(crate) fn work(self) -> Self {
        let door: Arc<dyn Handler> = self.gateway.clone();
        self.jobs.start(&door, WorkerSettings::new("test", 4));
        self
    }

    pub(crate) fn owner(&self) -> Arc<Caller> {
        self.gateway.owner()
    }

    /// Another process would do the same.
    pub(crate) fn elsewhere(&self) -> Store {
        Store::open(&self.home.path().join("state")).unwrap()
    }

    pub(crate) fn ran(&self) -> usize {
        self.ran.0.load(Ordering::SeqCst)
    }

    pub(crate) async fn guest(&self, name: &str, scopes: &[&str]) -> Arc<Caller> {
        let secret = format!("secret of {name}");
        let key = NewKey {
            id: None,
            name: name.to_owned(),
            hash: Sha256::digest(secret.as_bytes()).into(),
            kind: KeyKind::Key,
            scopes: scopes.iter().map(|&scope| scope.to_owned()).collect(),
            tier: None,
            expires_us: None,
            calls_per_minute: None,
        };
        self.elsewhere().keys().add(key, By::now("owner", "test")).await.unwrap();
        self.gateway.authenticate(&secret).unwrap()
    }

    pub(crate) async fn submit_as(
        &self,
        caller: &Arc<Caller>,
        tool: &str,
        text: &str,
        options: JobOptions,
    ) -> Result<String, Refusal> {
        let arguments = RawValue::from_string(json!({"text": text}).to_string()).unwrap();
        let arguments = Arguments::decode(&arguments).unwrap();
        let origin = Origin { entrance: "test", ..Origin::default() };
        let call = Call::new(caller.clone(), Target::Tool(tool.into()), arguments, origin);
        let call = Call { run: Run::Later(Box::new(options)), ..call };
        match self.gateway.clone().call(call, Live::default()).await? {
            Outcome::Accepted(id) => Ok(id.into()),
            Outcome::Complete(Answer::Tool(result)) => panic!("it ran at once: {result:?}"),
            other => panic!("{other:?}"),
        }
    }

    pub(crate) async fn submit(&self, tool: &str, text: &str) -> String {
        self.submit_as(&self.owner(), tool, text, JobOptions::default()).await.unwrap()
    }

    pub(crate) async fn view(&self, id: &str) -> JobView {
        self.jobs.get(&self.owner(), id).await.unwrap()
    }

    /// The job, once it is in this state.
    pub(crate) async fn becomes(&self, id: &str, state: JobState) -> JobView {
        for _ in 0..3_000 {
            let job = self.view(id).await;
            if job.state == state {
                return job;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("job {id} never became {state:?}: {:?}", self.view(id).await);
    }

    /// What came of it, as text.
    pub(crate) async fn says(&self, id: &str) -> String {
        for _ in 0..3_000 {
            match self.jobs.result(&self.owner(), id).await.unwrap() {
                JobEnd::Open(_) => tokio::time::sleep(Duration::from_millis(20)).await,
                JobEnd::Answered(result) if result.is_error => {
                    return format!("error: {}", result.content.plain_text());
                }
                JobEnd::Answered(result) => return result.content.plain_text(),
                JobEnd::Failed { code, message } => return format!("{code}: {message}"),
                JobEnd::Cancelled => return "cancelled".to_owned(),
            }
        }
        panic!("job {id} never ended: {:?}", self.view(id).await);
    }
}

//! A method: how it describes itself, and what it does.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// How a method describes itself. What it may do is assumed to be the worst until it says otherwise, and then the owner
/// is asked before each call.
#[derive(Debug, Clone)]
pub struct Method {
    pub(crate) name: String,
    pub(crate) title: Option<String>,
    pub(crate) description: String,
    pub(crate) annotations: Map<String, Value>,
    pub(crate) timeout_seconds: Option<u64>,
    pub(crate) result_schema: Option<Value>,
}

impl Method {
    /// A method. A `name` without dots is `mcp.DAEMON.NAME` in the older dialect; `description` is for models: what it
    /// does, when to use it, what comes back.
    pub fn new(name: impl Into<String>, description: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            title: None,
            description: description.into(),
            annotations: Map::new(),
            timeout_seconds: None,
            result_schema: None,
        }
    }

    /// With a title, for people.
    #[must_use]
    pub fn title(self, title: impl Into<String>) -> Self {
        Self { title: Some(title.into()), ..self }
    }

    /// It changes nothing.
    #[must_use]
    pub fn reads(self) -> Self {
        self.hint("readOnlyHint", true)
    }

    /// It changes something, which can be had back.
    #[must_use]
    pub fn changes(self) -> Self {
        self.hint("destructiveHint", false)
    }

    /// It reaches beyond this machine.
    #[must_use]
    pub fn open_world(self) -> Self {
        self.hint("openWorldHint", true)
    }

    /// How long it may take, in seconds: 1 to 3600; 60 unless said.
    #[must_use]
    pub fn timeout_seconds(self, seconds: u64) -> Self {
        Self { timeout_seconds: Some(seconds), ..self }
    }

    /// What it gives, such as `.gives::<Forecast>()`: programs read it, and are given nothing else.
    #[must_use]
    pub fn gives<O: JsonSchema>(self) -> Self {
        Self { result_schema: Some(plain_schema_of::<O>()), ..self }
    }

    fn hint(mut self, name: &str, value: bool) -> Self {
        self.annotations.insert(name.to_owned(), value.into());
        self
    }
}

/// Why a method could not do it; whoever called reads it.
#[derive(Debug, Clone, Serialize)]
pub struct Failure {
    /// As JSON-RPC has it; -32000 unless said.
    pub code: i64,
    /// What happened, why, and what to do.
    pub message: String,
}

impl Failure {
    /// A failure with a code of its own.
    pub fn new(code: i64, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}

/// So that `?` works on any error.
impl<E: std::error::Error> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::new(-32000, error.to_string())
    }
}

type Run = Box<dyn Fn(Value) -> Result<Value, Failure> + Send + Sync>;

/// A method with its schema and code.
pub(crate) struct Bound {
    pub(crate) method: Method,
    pub(crate) params_schema: Value,
    pub(crate) run: Run,
}

impl Bound {
    pub(crate) fn new<I: DeserializeOwned + JsonSchema, O: Serialize>(
        method: Method,
        run: impl Fn(I) -> Result<O, Failure> + Send + Sync + 'static,
    ) -> Self {
        let run = move |params: Value| {
            let input = serde_json::from_value(params)
                .map_err(|error| Failure::new(-32602, format!("invalid params: {error}")))?;
            Ok(serde_json::to_value(run(input)?)?)
        };
        Self { method, params_schema: schema_of::<I>(), run: Box::new(run) }
    }
}

fn schema_of<I: JsonSchema>() -> Value {
    let mut schema = plain_schema_of::<I>();
    schema["type"] = "object".into();
    schema
}

/// Of any type, also one that is no object.
fn plain_schema_of<T: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    let mut schema = settings.into_generator().into_root_schema_for::<T>();
    schema.remove("title");
    schema.remove("$schema");
    schema.to_value()
}

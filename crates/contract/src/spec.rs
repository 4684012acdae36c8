//! How a tool describes itself. Schema, help, form, route and default policy all come from here.

use std::borrow::Cow;
use std::time::Duration;

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::raw;

/// How a tool describes itself. Serialises to an MCP `Tool` object.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ToolSpec {
    /// Unique in the catalog: 1 to 64 of `A–Z a–z 0–9 _ -`, with the server's name as prefix.
    pub name: Cow<'static, str>,
    /// For people.
    pub title: Cow<'static, str>,
    /// For models: what it does, when to use it, what comes back.
    pub description: Cow<'static, str>,
    /// JSON Schema 2020-12 of the arguments; an object.
    pub input_schema: Box<RawValue>,
    /// JSON Schema of the structured result.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_schema: Option<Box<RawValue>>,
    /// What it may do: rules read these.
    pub annotations: Annotations,
    /// Passed through to hosts.
    #[serde(rename = "_meta", skip_serializing_if = "Option::is_none")]
    pub meta: Option<Box<RawValue>>,
    /// Help, documentation and tests at once.
    #[serde(skip)]
    pub examples: &'static [Example],
    /// How long and how large, unless the configuration says otherwise.
    #[serde(skip)]
    pub limits: Limits,
    /// Whether hosts that know tasks may have a call of it run as one.
    #[serde(skip)]
    pub background: Background,
}

/// What a tool may do (MCP `ToolAnnotations`). The rules of the gateway decide by these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Annotations {
    /// Changes nothing.
    #[serde(rename = "readOnlyHint")]
    pub read_only: bool,
    /// May destroy what cannot be had back.
    #[serde(rename = "destructiveHint")]
    pub destructive: bool,
    /// A second time changes nothing more.
    #[serde(rename = "idempotentHint")]
    pub idempotent: bool,
    /// Reaches beyond this machine.
    #[serde(rename = "openWorldHint")]
    pub open_world: bool,
}

impl Annotations {
    /// Changes nothing, on this machine.
    pub const READS: Self = Self { read_only: true, destructive: false, idempotent: true, open_world: false };
    /// Changes something that can be had back.
    pub const CHANGES: Self =
        Self { read_only: false, destructive: false, idempotent: false, open_world: false };
    /// May destroy something.
    pub const DESTROYS: Self =
        Self { read_only: false, destructive: true, idempotent: false, open_world: false };
}

/// Whether a call of a tool may go on in the background, as hosts see it (MCP's *tasks*). Whatever this says, any tool
/// can be submitted as a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Background {
    /// Its answer is there at once: a task would only cost. What a tool is that says nothing else.
    #[default]
    Forbidden,
    /// It can take longer than a host waits.
    Optional,
    /// It always takes longer than a host waits.
    Required,
}

/// Bounds on one call of a tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// How long it may run.
    pub timeout: Duration,
    /// How large its result may be, in bytes of JSON.
    pub result_bytes_max: usize,
}

impl Default for Limits {
    /// One minute, which is when hosts give up; 16 MiB.
    fn default() -> Self {
        Self { timeout: Duration::from_secs(60), result_bytes_max: 16 * 1024 * 1024 }
    }
}

/// An example of a tool's use: shown in help and documentation, and run by the tests.
#[derive(Debug, Clone, Copy)]
pub struct Example {
    /// One sentence.
    pub says: &'static str,
    /// The arguments, as JSON.
    pub args: &'static str,
    /// Text that the answer contains.
    pub gives: &'static str,
}

impl ToolSpec {
    /// A spec whose input schema comes from `I`.
    pub fn of<I: JsonSchema>(name: &'static str, title: &'static str, description: &'static str) -> Self {
        Self {
            name: name.into(),
            title: title.into(),
            description: description.into(),
            input_schema: schema_of::<I>(),
            output_schema: None,
            annotations: Annotations::DESTROYS,
            meta: None,
            examples: &[],
            limits: Limits::default(),
            background: Background::default(),
        }
    }

    /// Sets what it may do; without this the worst is assumed.
    pub fn annotated(self, annotations: Annotations) -> Self {
        Self { annotations, ..self }
    }

    /// Sets the schema of the structured result.
    pub fn gives<O: JsonSchema>(self) -> Self {
        Self { output_schema: Some(schema_of::<O>()), ..self }
    }

    /// Sets the examples.
    pub fn examples(self, examples: &'static [Example]) -> Self {
        Self { examples, ..self }
    }

    /// Sets the time limit.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.limits.timeout = timeout;
        self
    }

    /// Says that calls of it may go on in the background.
    pub fn background(self, background: Background) -> Self {
        Self { background, ..self }
    }

    /// What is wrong with this spec, if anything: a bad name, no description, schemas that are not objects.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if !is_name(&self.name) {
            problems.push(format!("the name {:?} is not 1 to 64 of A-Z a-z 0-9 _ -", self.name));
        }
        if self.description.trim().is_empty() {
            problems.push("there is no description".to_owned());
        }
        if self.annotations.read_only && self.annotations.destructive {
            problems.push("a tool that changes nothing cannot destroy".to_owned());
        }
        problems
    }
}

/// Whether `name` can be a tool's name everywhere: model APIs are stricter than MCP.
fn is_name(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
}

fn schema_of<T: JsonSchema>() -> Box<RawValue> {
    let settings = SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    let mut schema = settings.into_generator().into_root_schema_for::<T>();
    schema.remove("title");
    schema.insert("type".to_owned(), "object".into());
    raw(&schema)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_some_model_api_rejects_are_found() {
        for bad in ["", "a.b", "naïve", "a b", &"x".repeat(65)] {
            assert!(!is_name(bad), "{bad:?}");
        }
        assert!(is_name(&"x".repeat(64)));
        assert!(is_name("files_read-2"));
    }
}

//! The server behind the door: every tool of a list answers with its `message`.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use drawbridge_contract::{
    Annotations, Arguments, Background, BoxFuture, Context, Limits, Outcome, Server, Tool, ToolError,
    ToolResult, ToolSpec,
};
use serde::Deserialize;
use serde_json::value::RawValue;

/// The list of tools as a server.
pub(super) struct Echo {
    tools: Vec<Arc<dyn Tool>>,
}

/// One tool as it stands in the list.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Listed {
    name: String,
    description: String,
    input_schema: Box<RawValue>,
}

impl Echo {
    /// Reads the list in the file `path`; all its tools may do what `annotations` say.
    ///
    /// # Errors
    /// When the file cannot be read or is no such list.
    pub(super) fn read(path: &Path, annotations: Annotations) -> anyhow::Result<Self> {
        let json = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        let listed: Vec<Listed> = serde_json::from_slice(&json)
            .with_context(|| format!("{} is no list of tools", path.display()))?;
        let tools = listed.into_iter().map(|tool| Arc::new(EchoTool::of(tool, annotations)) as Arc<dyn Tool>);
        Ok(Self { tools: tools.collect() })
    }
}

impl Server for Echo {
    fn name(&self) -> &str {
        "echo"
    }

    fn tools(&self) -> Vec<Arc<dyn Tool>> {
        self.tools.clone()
    }
}

struct EchoTool {
    spec: ToolSpec,
}

impl EchoTool {
    fn of(listed: Listed, annotations: Annotations) -> Self {
        let Listed { name, description, input_schema } = listed;
        let spec = ToolSpec {
            name: name.clone().into(),
            title: name.into(),
            description: description.into(),
            input_schema,
            output_schema: None,
            annotations,
            meta: None,
            examples: &[],
            limits: Limits::default(),
            background: Background::default(),
        };
        Self { spec }
    }
}

impl Tool for EchoTool {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    fn invoke<'a>(
        &'a self,
        arguments: &'a Arguments,
        _context: &'a Context,
    ) -> BoxFuture<'a, Result<Outcome, ToolError>> {
        Box::pin(async move {
            let message = arguments.value()["message"].as_str();
            let message = message.ok_or_else(|| ToolError::Invalid("`message` must be a string".into()))?;
            Ok(ToolResult::text(message).into())
        })
    }
}

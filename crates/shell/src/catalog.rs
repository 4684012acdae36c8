//! What the hub serves us now: tools, and the methods of its older dialect.

use serde_json::{Value, json};
use tokio::time::Instant;

use crate::language::schema::{Parameter, parameters};
use crate::link::{CallError, Client};

/// How many pages of tools are asked for.
const PAGES_MAX: usize = 100;

/// A tool as people use it.
#[derive(Debug, Clone)]
pub(crate) struct Tool {
    pub(crate) name: String,
    /// What it does.
    pub(crate) says: String,
    pub(crate) parameters: Vec<Parameter>,
    /// What it may do, in a word.
    pub(crate) may: &'static str,
}

impl Tool {
    fn read(tool: &Value) -> Option<Self> {
        Some(Self {
            name: tool["name"].as_str()?.to_owned(),
            says: tool["description"].as_str().unwrap_or_default().to_owned(),
            parameters: parameters(&tool["inputSchema"]),
            may: may(&tool["annotations"]),
        })
    }

    /// The first sentence of what it does.
    pub(crate) fn summary(&self) -> &str {
        let first = self.says.split_once(". ").map_or(&*self.says, |(first, _)| first);
        first.trim_end_matches('.')
    }
}

fn may(annotations: &Value) -> &'static str {
    let hint = |name: &str| annotations[name].as_bool().unwrap_or(false);
    match (hint("readOnlyHint"), hint("destructiveHint"), hint("openWorldHint")) {
        (_, true, _) => "destroys",
        (_, _, true) => "reaches out",
        (true, ..) => "reads",
        _ => "changes",
    }
}

/// Everything that can be called.
#[derive(Debug, Clone, Default)]
pub(crate) struct Catalog {
    /// Sorted by name.
    pub(crate) tools: Vec<Tool>,
    /// Methods of the older dialect, where the hub has one.
    pub(crate) methods: Vec<String>,
    /// When this was asked for.
    pub(crate) read_at: Option<Instant>,
}

impl Catalog {
    /// Asks the hub.
    pub(crate) async fn fetch(client: &Client) -> Result<Self, CallError> {
        let (mut tools, mut params) = (Vec::new(), json!({}));
        for _ in 0..PAGES_MAX {
            let mut page = client.ask("tools/list", params).await?;
            tools.extend(page["tools"].as_array().into_iter().flatten().filter_map(Tool::read));
            match page["nextCursor"].take() {
                Value::String(cursor) => params = json!({ "cursor": cursor }),
                _ => break,
            }
        }
        tools.sort_by(|one, other| one.name.cmp(&other.name));
        // A hub without the older dialect says so, and that is all.
        let methods = client.ask("mcp.hello", json!([])).await.unwrap_or_default();
        let methods = methods.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned);
        Ok(Self { tools, methods: methods.collect(), read_at: Some(Instant::now()) })
    }

    pub(crate) fn tool(&self, name: &str) -> Option<&Tool> {
        self.tools.iter().find(|tool| tool.name == name)
    }
}

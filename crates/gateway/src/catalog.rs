//! What is served now: an immutable snapshot, in a fixed order.

use std::collections::HashSet;
use std::sync::Arc;

use drawbridge_contract::{
    Annotations, ExchangeRoute, Exchanges, Limits, Prompt, Resources, Server, StreamMode, Streams, Tool,
};

use crate::schema::{InputSchema, SchemaError};

/// Why a set of servers cannot be served together.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// Two tools, or two prompts, want one name.
    #[error("two things are called {0}: rename one of them, or its server")]
    Clash(String),
    /// A tool's spec breaks a rule.
    #[error("the tool {tool} cannot be served: {why}")]
    BadSpec {
        /// Its name.
        tool: String,
        /// What is wrong.
        why: String,
    },
    /// A tool's input schema does not compile.
    #[error(transparent)]
    Schema(#[from] SchemaError),
}

/// Everything that is served now.
pub(crate) struct Catalog {
    /// Sorted by name within tools, resources, prompts and streams.
    pub(crate) entries: Vec<Arc<Entry>>,
    pub(crate) instructions: String,
}

/// One thing that can be called.
pub(crate) struct Entry {
    /// What rules and scopes match: a tool's name, or `files_resource`, `files_prompt` and the like for the rest.
    pub(crate) name: Box<str>,
    pub(crate) annotations: Annotations,
    pub(crate) limits: Limits,
    pub(crate) subject: Subject,
}

pub(crate) enum Subject {
    Tool(Arc<dyn Tool>, InputSchema),
    Resources(Arc<dyn Resources>),
    Prompt(Arc<dyn Prompt>),
    Streams(Arc<dyn Streams>, StreamMode),
    /// A route of another protocol, by its path. Its entry has the name of the tool that it counts as.
    Exchange(Arc<dyn Exchanges>, &'static str),
}

impl Catalog {
    pub(crate) fn of(servers: &[Arc<dyn Server>]) -> Result<Self, CatalogError> {
        let mut entries = Vec::new();
        for server in servers {
            let tools = tools_of(&**server)?;
            if let Some(exchanges) = server.exchanges() {
                entries.extend(exchanges_of(&exchanges, &tools)?);
            }
            entries.extend(tools);
            entries.extend(server.resources().map(|resources| Entry::resources(server.name(), resources)));
            entries.extend(
                server.streams().into_iter().flat_map(|streams| Entry::streams(server.name(), &streams)),
            );
            entries.extend(server.prompts().into_iter().map(|prompt| Entry::prompt(server.name(), prompt)));
        }
        refuse_clashes(&entries)?;
        entries.sort_by(|one, other| one.order().cmp(&other.order()));
        let instructions: Vec<&str> =
            servers.iter().map(|server| server.instructions()).filter(|text| !text.is_empty()).collect();
        Ok(Self {
            entries: entries.into_iter().map(Arc::new).collect(),
            instructions: instructions.join("\n"),
        })
    }
}

/// The name under which rules and scopes know a server's streams.
pub(crate) fn stream_entry(server: &str, mode: StreamMode) -> String {
    match mode {
        StreamMode::Watch => format!("{server}_watch"),
        StreamMode::Type => format!("{server}_type"),
    }
}

fn tools_of(server: &dyn Server) -> Result<Vec<Entry>, CatalogError> {
    server.tools().into_iter().map(Entry::tool).collect()
}

/// An entry for each route, with the name and what else rules look at of the tool that it counts as.
fn exchanges_of(exchanges: &Arc<dyn Exchanges>, tools: &[Entry]) -> Result<Vec<Entry>, CatalogError> {
    let entry = |route: &ExchangeRoute| {
        let tool = tools.iter().find(|tool| *tool.name == *route.tool).ok_or_else(|| {
            let why = format!("{} counts as this tool, and the server has none of that name", route.path);
            CatalogError::BadSpec { tool: route.tool.to_owned(), why }
        })?;
        let subject = Subject::Exchange(exchanges.clone(), route.path);
        Ok(Entry { name: tool.name.clone(), annotations: tool.annotations, limits: tool.limits, subject })
    };
    exchanges.table().iter().map(entry).collect()
}

fn refuse_clashes(entries: &[Entry]) -> Result<(), CatalogError> {
    let mut seen = HashSet::new();
    for entry in entries {
        if !matches!(entry.subject, Subject::Resources(_)) && !seen.insert(entry.order()) {
            return Err(CatalogError::Clash(entry.order().1.to_owned()));
        }
    }
    Ok(())
}

impl Entry {
    fn tool(tool: Arc<dyn Tool>) -> Result<Self, CatalogError> {
        let spec = tool.spec();
        if let Some(why) = spec.problems().into_iter().next() {
            return Err(CatalogError::BadSpec { tool: spec.name.to_string(), why });
        }
        let schema = InputSchema::compile(&spec.name, &spec.input_schema)?;
        let (name, annotations, limits) = (spec.name.as_ref().into(), spec.annotations, spec.limits);
        Ok(Self { name, annotations, limits, subject: Subject::Tool(tool, schema) })
    }

    fn resources(server: &str, resources: Arc<dyn Resources>) -> Self {
        Self::read(format!("{server}_resource"), Subject::Resources(resources))
    }

    fn prompt(server: &str, prompt: Arc<dyn Prompt>) -> Self {
        Self::read(format!("{server}_prompt"), Subject::Prompt(prompt))
    }

    /// Two entries, because looking and typing are two rights: `terminal_watch` and `terminal_type`.
    fn streams(server: &str, streams: &Arc<dyn Streams>) -> [Self; 2] {
        let entry = |mode| Self::read(stream_entry(server, mode), Subject::Streams(streams.clone(), mode));
        let (watch, typing) = (entry(StreamMode::Watch), entry(StreamMode::Type));
        [watch, Self { annotations: Annotations::CHANGES, ..typing }]
    }

    fn read(name: String, subject: Subject) -> Self {
        Self { name: name.into(), annotations: Annotations::READS, limits: Limits::default(), subject }
    }

    /// Whether the audit has the arguments of its calls whole.
    pub(crate) fn is_audited_whole(&self) -> bool {
        matches!(&self.subject, Subject::Tool(tool, _) if tool.is_audited_whole())
    }

    /// Where it stands: tools, then resources, prompts, streams, each by name, and exchanges by path.
    fn order(&self) -> (u8, &str) {
        match &self.subject {
            Subject::Tool(..) => (0, &self.name),
            Subject::Resources(_) => (1, &self.name),
            Subject::Prompt(prompt) => (2, &prompt.spec().name),
            Subject::Streams(..) => (3, &self.name),
            Subject::Exchange(_, path) => (4, path),
        }
    }
}

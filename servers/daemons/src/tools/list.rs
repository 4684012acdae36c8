//! `daemons_list`: which daemons there are, and how they are.

use std::collections::BTreeMap;
use std::sync::Arc;

use drawbridge_contract::{
    Annotations, Context, Example, Outcome, ToolError, ToolResult, ToolSpec, TypedTool,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::registry::{Current, Daemon, Registry};
use crate::supervise::Process;

pub(crate) struct List;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Input {}

/// All daemons, and what does not count.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Overview {
    daemons: Vec<One>,
    /// Files and folders that do not count, and why.
    refused: Vec<Refusal>,
    /// Where daemons are looked for.
    folders: Vec<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct One {
    name: String,
    /// `ready`, `not running`, `failing`; of those that the hub runs also `waiting`, `starting`, `ending`, `pausing`, `given up`.
    state: String,
    /// Why it is not ready.
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
    description: String,
    version: String,
    /// Its description's file, once there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    tools: Vec<String>,
    /// What of its description was left out, and why.
    problems: Vec<String>,
    /// Its process, where the hub runs it.
    #[serde(skip_serializing_if = "Option::is_none")]
    process: Option<OneProcess>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct OneProcess {
    #[serde(skip_serializing_if = "Option::is_none")]
    pid: Option<u32>,
    starts: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_end: Option<String>,
    /// What of its confinement this kernel cannot hold.
    gaps: Vec<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Refusal {
    path: String,
    why: String,
}

impl TypedTool<Registry> for List {
    type Input = Input;

    fn spec() -> ToolSpec {
        ToolSpec::of::<Input>(
            "daemons_list",
            "List daemons",
            "Lists the daemons of this machine whose methods are tools here: how each is, its tools, and which descriptions \
             do not count and why.",
        )
        .annotated(Annotations::READS)
        .gives::<Overview>()
        .examples(&[Example { says: "Lists them.", args: "{}", gives: "\"daemons\":" }])
    }

    async fn run(registry: &Arc<Registry>, _: Input, _: &Context) -> Result<Outcome, ToolError> {
        Ok(ToolResult::structured(&overview(registry)).into())
    }
}

/// How everything is now.
pub(crate) fn overview(registry: &Registry) -> Overview {
    let current = registry.current();
    let mut all: BTreeMap<String, One> =
        current.daemons.iter().map(|daemon| (daemon.name.clone(), found(daemon, registry))).collect();
    for process in registry.processes() {
        all.entry(process.name().to_owned()).or_insert_with(|| undescribed(process));
    }
    Overview {
        daemons: all.into_values().collect(),
        refused: refused(&current),
        folders: registry.folders().map(|path| path.display().to_string()).collect(),
    }
}

fn found(daemon: &Daemon, registry: &Registry) -> One {
    let process = registry.process(&daemon.name);
    let (state, why) = state(daemon, process);
    One {
        name: daemon.name.clone(),
        state,
        why,
        description: daemon.about.description.clone(),
        version: daemon.about.version.clone(),
        file: Some(daemon.file.display().to_string()),
        tools: daemon.tools.iter().map(|tool| tool.names().1.to_owned()).collect(),
        problems: daemon.problems.clone(),
        process: process.map(|process| one_process(process)),
    }
}

fn state(daemon: &Daemon, process: Option<&Arc<Process>>) -> (String, Option<String>) {
    if let Some((process, why)) = process.and_then(|process| Some((process, process.why_not_ready()?))) {
        return (process.view().state.word().to_owned(), Some(why));
    }
    match (daemon.has_socket(), daemon.link.problem()) {
        (false, _) => {
            ("not running".to_owned(), Some("there is no socket beside its description".to_owned()))
        }
        (true, Some(why)) => ("failing".to_owned(), Some(why)),
        (true, None) => ("ready".to_owned(), None),
    }
}

fn undescribed(process: &Process) -> One {
    let why = process.why_not_ready().unwrap_or_else(|| "it has not described itself yet".to_owned());
    One {
        name: process.name().to_owned(),
        state: process.view().state.word().to_owned(),
        why: Some(why),
        description: String::new(),
        version: String::new(),
        file: None,
        tools: Vec::new(),
        problems: Vec::new(),
        process: Some(one_process(process)),
    }
}

fn one_process(process: &Process) -> OneProcess {
    let view = process.view();
    OneProcess { pid: view.state.pid(), starts: view.starts, last_end: view.last_end, gaps: view.gaps }
}

fn refused(current: &Current) -> Vec<Refusal> {
    let refusal = |one: &crate::registry::Problem| Refusal {
        path: one.path.display().to_string(),
        why: one.why.clone(),
    };
    current.problems.iter().map(refusal).collect()
}

//! `llm_models`: which models there are.

use std::sync::Arc;

use drawbridge_contract::{
    Annotations, Context, Example, Outcome, ToolError, ToolResult, ToolSpec, TypedTool,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::directory::Shelf;
use crate::models::Models;
use crate::provider::{Health, Provider};
use crate::wire::{ModelEntry, ModelKind};

pub(crate) struct List;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Input {
    /// Only those whose name contains this.
    #[serde(default)]
    contains: Option<String>,
    /// Instead: look for local servers on their usual ports, also where the configuration does not ask for that.
    #[serde(default)]
    discover: bool,
    /// Instead: ask every provider how it is.
    #[serde(default)]
    check: bool,
}

#[derive(Default, Serialize, JsonSchema)]
struct Answer {
    models: Vec<Model>,
    /// Providers that are configured and could not be asked, and why.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    silent: Vec<String>,
    /// Local servers that were found.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    found: Vec<Found>,
    /// How each provider is, where that was asked.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    providers: Vec<Checked>,
}

/// How a provider is, asked just now.
#[derive(Serialize, JsonSchema)]
struct Checked {
    /// What it is called here.
    provider: String,
    /// What it speaks, as the configuration calls it.
    kind: &'static str,
    /// Where it is.
    address: String,
    /// Whether it answers.
    works: bool,
    /// What is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
    /// How long its answer took, in milliseconds.
    took_ms: f64,
    /// How many models it has.
    #[serde(skip_serializing_if = "Option::is_none")]
    models: Option<usize>,
    /// Whether it had failed so often before that it was left alone.
    rested: bool,
    /// How many requests it answers now, and how many wait, where there is a line in front of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    answering: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    waiting: Option<usize>,
}

impl Checked {
    fn of(provider: &Provider, health: Health) -> Self {
        let (answering, waiting) = provider.counts().unzip();
        Self {
            provider: provider.name.to_string(),
            kind: provider.kind.word(),
            address: provider.address().to_owned(),
            works: health.models.is_ok(),
            why: health.models.as_ref().err().map(ToString::to_string),
            took_ms: (health.took.as_secs_f64() * 1e4).round() / 10.0,
            models: health.models.ok(),
            rested: health.rested,
            answering,
            waiting,
        }
    }
}

/// A local server.
#[derive(Serialize, JsonSchema)]
struct Found {
    /// What it is called here.
    provider: String,
    /// What it speaks, as the configuration calls it.
    kind: &'static str,
    /// Where it is.
    address: String,
    /// Its models.
    models: Vec<String>,
    /// How many requests it answers now, and how many wait.
    answering: usize,
    waiting: usize,
}

/// One model.
#[derive(Serialize, JsonSchema)]
struct Model {
    /// What to ask for.
    model: String,
    /// `chat`, `embedding`, or `unknown` where the provider does not say.
    kind: &'static str,
    /// Whether it is in memory, where the provider says.
    #[serde(skip_serializing_if = "Option::is_none")]
    loaded: Option<bool>,
    /// How many tokens question and answer may have together.
    #[serde(skip_serializing_if = "Option::is_none")]
    context_length: Option<u64>,
    /// How its weights are rounded.
    #[serde(skip_serializing_if = "Option::is_none")]
    quant: Option<String>,
    /// What people call it.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    /// Whether it sees pictures.
    #[serde(skip_serializing_if = "Option::is_none")]
    vision: Option<bool>,
    /// Whether it was made to call tools.
    #[serde(skip_serializing_if = "Option::is_none")]
    tools: Option<bool>,
}

impl From<ModelEntry> for Model {
    fn from(entry: ModelEntry) -> Self {
        let kind = match entry.kind {
            ModelKind::Chat => "chat",
            ModelKind::Embedding => "embedding",
            ModelKind::Unknown => "unknown",
        };
        let (loaded, name, vision, tools) = (entry.loaded, entry.name, entry.vision, entry.tools);
        let (context_length, quant) = (entry.info.context_length, entry.info.quant);
        Self { model: entry.id, kind, loaded, context_length, quant, name, vision, tools }
    }
}

impl Found {
    fn of(shelf: &Shelf) -> Option<Self> {
        let Shelf { provider, models } = shelf;
        let models = models.as_ref().ok()?.iter().map(|entry| entry.id.clone()).collect();
        let (answering, waiting) = provider.counts().unwrap_or_default();
        let (kind, address) = (provider.kind.word(), provider.address().to_owned());
        Some(Self { provider: provider.name.to_string(), kind, address, models, answering, waiting })
    }
}

impl TypedTool<Models> for List {
    type Input = Input;

    fn spec() -> ToolSpec {
        ToolSpec::of::<Input>(
            super::MODELS,
            "List the language models",
            "Lists the language models that can be asked with llm_chat: those of local servers such as LM Studio, Ollama \
             and llama.cpp, and those of services, each by the name to ask for. Names of the owner's own come first.",
        )
        .annotated(Annotations::READS)
        .gives::<Answer>()
        .examples(&[
            Example { says: "Lists them all.", args: "{}", gives: "models" },
            Example { says: "Asks every provider how it is.", args: r#"{"check": true}"#, gives: "works" },
        ])
    }

    async fn run(models: &Arc<Models>, input: Input, context: &Context) -> Result<Outcome, ToolError> {
        if input.discover {
            let found = models.directory.discover().await.iter().filter_map(Found::of).collect();
            return Ok(ToolResult::structured(&Answer { found, ..Answer::default() }).into());
        }
        if input.check {
            let checked = models.directory.check().await.into_iter();
            let providers = checked.map(|(provider, health)| Checked::of(&provider, health)).collect();
            return Ok(ToolResult::structured(&Answer { providers, ..Answer::default() }).into());
        }
        let all = models.all_models(&context.caller).await;
        let wanted = |entry: &ModelEntry| input.contains.as_ref().is_none_or(|part| entry.id.contains(part));
        let found: Vec<Model> = all.into_iter().filter(wanted).map(Model::from).collect();
        let silent = models.silent_providers().await;
        Ok(ToolResult::structured(&Answer { models: found, silent, ..Answer::default() }).into())
    }
}

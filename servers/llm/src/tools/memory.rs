//! `llm_load` and `llm_unload`: models in the memory of local servers.

use std::sync::Arc;
use std::time::Duration;

use drawbridge_contract::{
    Annotations, Background, Context, Example, Outcome, ToolError, ToolResult, ToolSpec, TypedTool,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::tell::Teller;
use super::unanswered;
use crate::models::{Asker, Models};

/// How long a model may take to be loaded: large ones from slow disks do.
const LOAD_TIMEOUT: Duration = Duration::from_secs(15 * 60);

pub(crate) struct Load;
pub(crate) struct Unload;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LoadInput {
    /// The model, as llm_models names it.
    model: String,
    /// For how many seconds after its last use it stays (Ollama).
    #[serde(default, rename = "ttl")]
    ttl_s: Option<u64>,
    /// How many tokens question and answer may have together (LM Studio).
    #[serde(default)]
    context_length: Option<u64>,
}

#[derive(Serialize, JsonSchema)]
struct LoadAnswer {
    /// The model, as `provider/model`.
    model: String,
    /// The name of the copy in memory, where the server says.
    #[serde(skip_serializing_if = "Option::is_none")]
    instance: Option<String>,
    /// How long it took.
    seconds: f64,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UnloadInput {
    /// The model, as llm_models names it.
    model: String,
}

#[derive(Serialize, JsonSchema)]
struct UnloadAnswer {
    /// How many copies of it were in memory and are not any more.
    unloaded: usize,
}

impl TypedTool<Models> for Load {
    type Input = LoadInput;

    fn spec() -> ToolSpec {
        ToolSpec::of::<LoadInput>(
            "llm_load",
            "Load a language model",
            "Has LM Studio or Ollama load a model into memory, so that the next question is answered at once. It waits \
             until no other model is answering that would have to go.",
        )
        .annotated(Annotations { idempotent: true, ..Annotations::CHANGES })
        .background(Background::Optional)
        .gives::<LoadAnswer>()
        .timeout(LOAD_TIMEOUT)
        .examples(&[Example { says: "Loads a model.", args: r#"{"model": "tiny"}"#, gives: "is loaded" }])
    }

    async fn run(models: &Arc<Models>, input: LoadInput, context: &Context) -> Result<Outcome, ToolError> {
        let teller = Teller::new(context);
        let asker =
            Asker { caller: context.caller.clone(), on_place: &|who, place| teller.place(who, place) };
        let loaded =
            models.load(&asker, &input.model, input.ttl_s, input.context_length).await.map_err(unanswered)?;
        let answer =
            LoadAnswer { model: loaded.full.to_string(), instance: loaded.instance, seconds: loaded.seconds };
        Ok(ToolResult::text_and(
            &format!("{} is loaded, after {:.1} s", answer.model, answer.seconds),
            &answer,
        )
        .into())
    }
}

impl TypedTool<Models> for Unload {
    type Input = UnloadInput;

    fn spec() -> ToolSpec {
        ToolSpec::of::<UnloadInput>(
            "llm_unload",
            "Unload a language model",
            "Has LM Studio or Ollama put a model out of memory. One that is answering somebody stays.",
        )
        .annotated(Annotations { idempotent: true, ..Annotations::CHANGES })
        .gives::<UnloadAnswer>()
        .examples(&[Example {
            says: "Unloads a model.",
            args: r#"{"model": "tiny"}"#,
            gives: "is out of memory",
        }])
    }

    async fn run(models: &Arc<Models>, input: UnloadInput, context: &Context) -> Result<Outcome, ToolError> {
        let teller = Teller::new(context);
        let asker =
            Asker { caller: context.caller.clone(), on_place: &|who, place| teller.place(who, place) };
        let unloaded = models.unload(&asker, &input.model).await.map_err(unanswered)?;
        let says = match unloaded {
            0 => format!("{} was not in memory", input.model),
            _ => format!("{} is out of memory", input.model),
        };
        Ok(ToolResult::text_and(&says, &UnloadAnswer { unloaded }).into())
    }
}

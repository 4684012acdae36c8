//! `llm_embed`: texts made into vectors.

use std::sync::Arc;
use std::time::Duration;

use drawbridge_contract::{
    Background, Context, Example, Outcome, ToolError, ToolResult, ToolSpec, TypedTool,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::tell::Teller;
use super::{ASKS, unanswered};
use crate::models::{Asker, Models};
use crate::wire::{EmbedInput, EmbedRequest};

/// How many texts one call may have.
pub(crate) const TEXTS_MAX: usize = 2_048;

pub(crate) struct Embed;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Input {
    /// The embedding model, as llm_models names it.
    model: String,
    /// The texts.
    #[schemars(length(min = 1, max = TEXTS_MAX))]
    texts: Vec<String>,
    /// How many numbers each vector has, for models that can make shorter ones.
    #[serde(default)]
    dimensions: Option<u64>,
}

#[derive(Serialize, JsonSchema)]
struct Answer {
    /// The model that made them.
    model: String,
    /// One for each text, in their order.
    vectors: Vec<Vec<f32>>,
    /// How many numbers each has.
    dimensions: usize,
    /// How many tokens the texts had.
    prompt_tokens: u64,
    /// What it cost.
    #[serde(skip_serializing_if = "Option::is_none")]
    cost: Option<f64>,
}

impl TypedTool<Models> for Embed {
    type Input = Input;

    fn spec() -> ToolSpec {
        ToolSpec::of::<Input>(
            super::EMBED,
            "Make texts into vectors",
            "Makes texts into vectors with an embedding model, one for each text: texts that mean the same lie close \
             together. For searching and sorting by meaning.",
        )
        .annotated(ASKS)
        .background(Background::Optional)
        .gives::<Answer>()
        .timeout(Duration::from_secs(300))
        .examples(&[Example { says: "One text.", args: r#"{"model": "tiny-embed", "texts": ["hello"]}"#, gives: "vectors" }])
    }

    async fn run(models: &Arc<Models>, input: Input, context: &Context) -> Result<Outcome, ToolError> {
        if input.texts.is_empty() || input.texts.len() > TEXTS_MAX {
            return Err(ToolError::Invalid(format!("give 1 to {TEXTS_MAX} texts")));
        }
        let teller = Teller::new(context);
        let asker =
            Asker { caller: context.caller.clone(), on_place: &|who, place| teller.place(who, place) };
        let request = EmbedRequest {
            model: input.model,
            input: EmbedInput::Texts(input.texts),
            dimensions: input.dimensions,
            base64: false,
        };
        let (result, micros) = models.embed(&asker, &request).await.map_err(unanswered)?;
        let answer = Answer {
            dimensions: result.vectors.first().map_or(0, Vec::len),
            prompt_tokens: result.usage.prompt_tokens.unwrap_or_default(),
            cost: super::cost(micros),
            model: result.model,
            vectors: result.vectors,
        };
        Ok(ToolResult::text_and(&answer.says(), &answer).into())
    }
}

impl Answer {
    fn says(&self) -> String {
        format!("{} vectors of {} numbers by {}", self.vectors.len(), self.dimensions, self.model)
    }
}

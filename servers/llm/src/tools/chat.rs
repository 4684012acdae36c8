//! `llm_chat`: one question to a language model.

use std::sync::Arc;
use std::time::Duration;

use drawbridge_contract::{
    Background, Context, Example, Outcome, ToolError, ToolResult, ToolSpec, TypedTool,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::question::{Question, Sampling};
use super::tell::Teller;
use super::{ASKS, cost, unanswered};
use crate::answering::Finished;
use crate::chat::{ChatRequest, ChatResult, Piece};
use crate::models::{Asker, Models};
use crate::provider::{PREVIOUS, STORE};

/// How long an answer may take: long ones of large models on small machines do.
pub(crate) const CHAT_TIMEOUT: Duration = Duration::from_secs(15 * 60);

pub(crate) struct Chat;

#[derive(Deserialize, JsonSchema)]
#[schemars(extend("additionalProperties" = false))]
pub(crate) struct Input {
    #[serde(flatten)]
    question: Question,
    #[serde(flatten)]
    sampling: Sampling,
    /// What the answer must look like: a JSON Schema that it has to fit, or `true` for any JSON object.
    #[serde(default)]
    json: Option<Value>,
    /// Whether the provider keeps the conversation, so that `follows` can go on with it. Only LM Studio's v1 does.
    #[serde(default)]
    remember: bool,
    /// The `id` of an earlier answer that was asked for with `remember`: then only what is new has to be asked.
    #[serde(default)]
    follows: Option<String>,
}

/// What came of the question.
#[derive(Serialize, JsonSchema)]
struct Answer {
    /// What the model said.
    text: String,
    /// The model that was asked, as `provider/model`.
    asked: String,
    /// What it cost, in the owner's money.
    #[serde(skip_serializing_if = "Option::is_none")]
    cost: Option<f64>,
    /// Why the answer is not complete.
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<String>,
    #[serde(flatten)]
    result: ChatResult,
}

impl TypedTool<Models> for Chat {
    type Input = Input;

    fn spec() -> ToolSpec {
        ToolSpec::of::<Input>(
            super::CHAT,
            "Ask a language model",
            "Asks a language model, on this machine or of a service that the owner configured, and gives its whole answer \
             with usage and timing. The text comes piece by piece as progress where the host shows it. Without `model` it is \
             the owner's default, or whatever runs. A prompt that is too long is refused, never cut.",
        )
        .annotated(ASKS)
        .background(Background::Optional)
        .gives::<Answer>()
        .timeout(CHAT_TIMEOUT)
        .examples(&[
            Example { says: "Asks.", args: r#"{"prompt": "Say hello."}"#, gives: "Hello" },
            Example {
                says: "Asks a certain model, briefly.",
                args: r#"{"model": "tiny", "system": "Be brief.", "prompt": "Why is the sky blue?", "max_tokens": 64, "temperature": 0}"#,
                gives: "Hello",
            },
        ])
    }

    async fn run(models: &Arc<Models>, input: Input, context: &Context) -> Result<Outcome, ToolError> {
        let mut request = input.question.into_request(context).await?;
        input.sampling.apply(&mut request)?;
        request.response_format = input.json.map(super::question::response_format).transpose()?;
        remember(&mut request, input.remember, input.follows);
        request.stream = true;
        let teller = Teller::new(context);
        let asker =
            Asker { caller: context.caller.clone(), on_place: &|who, place| teller.place(who, place) };
        let mut answering = models.ask(&asker, request).await.map_err(unanswered)?;
        while let Some(piece) = answering.next().await {
            if let Piece::Text(text) = &piece {
                teller.piece(text);
            }
        }
        let asked = answering.full.to_string();
        Ok(answer(asked, answering.finish()).into())
    }
}

/// What LM Studio's v1 calls it; nobody else is asked so.
fn remember(request: &mut ChatRequest, stored: bool, follows: Option<String>) {
    let fields = &mut request.extra.fields;
    if stored || follows.is_some() {
        fields.insert(STORE.to_owned(), true.into());
    }
    if let Some(follows) = follows {
        fields.insert(PREVIOUS.to_owned(), follows.into());
    }
}

fn answer(asked: String, finished: Finished) -> ToolResult {
    let Finished { result, failure, micros } = finished;
    let failure = failure.map(|failure| failure.message);
    let text = result.message.words();
    let shown = match &failure {
        None => text.clone(),
        Some(why) if text.is_empty() => why.clone(),
        Some(why) => format!("{text}\n[the answer is not complete: {why}]"),
    };
    let is_error = failure.is_some();
    let answer = Answer { text, asked, cost: cost(micros), failure, result };
    ToolResult { is_error, ..ToolResult::text_and(&shown, &answer) }
}

//! `llm_agent`: a model that uses our tools until it has an answer.
//!
//! ```text
//! budget  when it has to stop; pure
//! hands   the tools it may use, called through the door as the caller
//! shelf   long results, kept to be read on
//! ```

mod budget;
mod hands;
mod shelf;

use std::sync::Arc;
use std::time::{Duration, Instant};

use drawbridge_contract::{
    Annotations, Background, Context, Example, Outcome, ToolError, ToolResult, ToolSpec, TypedTool,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use self::budget::{Budget, Limits, Stopped};
use self::hands::{Called, Hands};
use super::question::{Question, Sampling};
use super::tell::Teller;
use super::{cost, unanswered};
use crate::answering::Finished;
use crate::chat::{ChatRequest, Piece, ToolCall};
use crate::models::{Asker, Models};

/// How many rounds one call may take.
pub(crate) const ROUNDS_MAX: u32 = 50;
/// How long one call may take.
pub(crate) const AGENT_TIMEOUT_SECONDS_MAX: u64 = 30 * 60;
/// How many patterns of tools one call may name.
pub(crate) const PATTERNS_MAX: usize = 64;
/// What the answer takes beyond its time: stopping, and counting.
const MARGIN: Duration = Duration::from_secs(30);

pub(crate) struct Agent;

#[derive(Deserialize, JsonSchema)]
#[schemars(extend("additionalProperties" = false))]
pub(crate) struct Input {
    #[serde(flatten)]
    question: Question,
    #[serde(flatten)]
    sampling: Sampling,
    /// The tools that the model may use: names or patterns such as `files_*`. Never more than you may use yourself.
    #[schemars(length(min = 1, max = PATTERNS_MAX))]
    tools: Vec<String>,
    /// How often the model is asked at most.
    #[serde(default = "rounds_default")]
    #[schemars(range(min = 1, max = ROUNDS_MAX))]
    rounds_max: u32,
    /// How many tokens all rounds may use together.
    #[serde(default = "tokens_default")]
    #[schemars(range(min = 1))]
    tokens_max: u64,
    /// How long it may take.
    #[serde(default = "timeout_default")]
    #[schemars(range(min = 1, max = AGENT_TIMEOUT_SECONDS_MAX))]
    timeout_seconds: u64,
}

fn rounds_default() -> u32 {
    20
}

fn tokens_default() -> u64 {
    200_000
}

fn timeout_default() -> u64 {
    600
}

/// What came of it.
#[derive(Serialize, JsonSchema)]
struct Answer {
    /// What the model said last.
    text: String,
    /// Why it ended.
    stopped: Stopped,
    /// What went wrong, if something did.
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<String>,
    /// What happened in each round.
    rounds: Vec<Round>,
    /// Tokens of all rounds.
    total_tokens: u64,
    /// What all rounds cost.
    #[serde(skip_serializing_if = "Option::is_none")]
    cost: Option<f64>,
}

/// One round: the model was asked, and what it wanted was done.
#[derive(Serialize, JsonSchema)]
struct Round {
    /// The model that was asked.
    asked: String,
    prompt_tokens: u64,
    completion_tokens: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    cost: Option<f64>,
    /// What it wanted called.
    calls: Vec<Called>,
}

impl TypedTool<Models> for Agent {
    type Input = Input;

    fn spec() -> ToolSpec {
        ToolSpec::of::<Input>(
            "llm_agent",
            "Let a model work with tools",
            "Asks a language model and lets it use the tools that you name, round after round, until it has an answer or a \
             budget is used up. Each tool is called as you would call it: what you may not do, the model may not either, and \
             what needs the owner's approval is refused. The answer tells every round, its calls and its cost.",
        )
        .annotated(Annotations::CHANGES)
        .background(Background::Optional)
        .gives::<Answer>()
        .timeout(Duration::from_secs(AGENT_TIMEOUT_SECONDS_MAX) + MARGIN)
        .examples(&[Example {
            says: "Finds something out about the models that are there.",
            args: r#"{"prompt": "Which of my models is the smallest?", "tools": ["llm_models"]}"#,
            gives: "Hello",
        }])
    }

    async fn run(models: &Arc<Models>, input: Input, context: &Context) -> Result<Outcome, ToolError> {
        let limits = Limits {
            rounds: input.rounds_max.clamp(1, ROUNDS_MAX),
            tokens: input.tokens_max,
            time: Duration::from_secs(input.timeout_seconds.clamp(1, AGENT_TIMEOUT_SECONDS_MAX)),
        };
        let hands = Hands::named(&input.tools, context)?;
        let mut request = input.question.into_request(context).await?;
        input.sampling.apply(&mut request)?;
        request.tools = hands.definitions();
        request.stream = true;
        let teller = Teller::new(context);
        let work =
            Work { models, context, teller: &teller, hands, budget: Budget::new(limits, Instant::now()) };
        Ok(work.run(request).await?.into())
    }
}

/// One call of the tool, under way.
struct Work<'a> {
    models: &'a Models,
    context: &'a Context,
    teller: &'a Teller<'a>,
    hands: Hands,
    budget: Budget,
}

impl Work<'_> {
    async fn run(mut self, mut request: ChatRequest) -> Result<ToolResult, ToolError> {
        let (mut rounds, mut text, mut micros) = (Vec::new(), String::new(), 0);
        let (stopped, failure) = loop {
            if let Some(stopped) = self.budget.over(Instant::now()) {
                break (stopped, None);
            }
            request.max_tokens = self.budget.tokens_of_answer(request.max_tokens);
            let asked = tokio::time::timeout(self.budget.time_left(Instant::now()), self.ask(&request)).await;
            let Ok(asked) = asked else { break (Stopped::Time, None) };
            let (asked, finished) = match asked {
                Ok(answer) => answer,
                Err(why) if rounds.is_empty() => return Err(why),
                Err(why) => break (Stopped::Failed, Some(why.to_string())),
            };
            micros += finished.micros;
            text = finished.result.message.words();
            let mut round = Round::of(asked, &finished);
            self.budget.count(round.prompt_tokens.saturating_add(round.completion_tokens));
            let calls: Vec<ToolCall> = finished.result.message.tool_calls().cloned().collect();
            if finished.failure.is_some() || calls.is_empty() {
                rounds.push(round);
                let failure = finished.failure.map(|failure| failure.message);
                break (if failure.is_some() { Stopped::Failed } else { Stopped::Answered }, failure);
            }
            request.messages.push(finished.result.message);
            let time_left = self.budget.time_left(Instant::now());
            let done =
                tokio::time::timeout(time_left, self.hands.call_all(&calls, self.context, self.teller)).await;
            let Ok(done) = done else {
                rounds.push(round);
                break (Stopped::Time, None);
            };
            for (message, called) in done {
                request.messages.push(message);
                round.calls.push(called);
            }
            self.budget.judge(round.calls.iter().map(|call| (call.fingerprint(), call.failed)));
            rounds.push(round);
        };
        let total_tokens = self.budget.used();
        Ok(Answer { text, stopped, failure, rounds, total_tokens, cost: cost(micros) }.into_result())
    }

    async fn ask(&self, request: &ChatRequest) -> Result<(String, Finished), ToolError> {
        let on_place = |who: &str, place: usize| self.teller.place(who, place);
        let asker = Asker { caller: self.context.caller.clone(), on_place: &on_place };
        let mut answering = self.models.ask(&asker, request.clone()).await.map_err(unanswered)?;
        while let Some(piece) = answering.next().await {
            if let Piece::Text(text) = &piece {
                self.teller.piece(text);
            }
        }
        Ok((answering.full.to_string(), answering.finish()))
    }
}

impl Round {
    fn of(asked: String, finished: &Finished) -> Self {
        let (prompt_tokens, completion_tokens) = finished.result.usage.counts();
        Self { asked, prompt_tokens, completion_tokens, cost: cost(finished.micros), calls: Vec::new() }
    }
}

impl Answer {
    fn into_result(self) -> ToolResult {
        let why = match self.stopped {
            Stopped::Answered => None,
            Stopped::Rounds => Some("it used up its rounds (rounds_max)".to_owned()),
            Stopped::Tokens => Some("it used up its tokens (tokens_max)".to_owned()),
            Stopped::Time => Some("its time was over (timeout_seconds)".to_owned()),
            Stopped::Repeated => Some("it kept doing what had failed".to_owned()),
            Stopped::Failed => self.failure.clone(),
        };
        let shown = match &why {
            None => self.text.clone(),
            Some(why) => format!("{}\n[stopped after {} rounds: {why}]", self.text, self.rounds.len()),
        };
        ToolResult { is_error: why.is_some(), ..ToolResult::text_and(shown.trim_start(), &self) }
    }
}

//! `llm_usage`: what was used.

use std::sync::Arc;

use chrono::DateTime;
use drawbridge_contract::{
    Annotations, Caller, Context, Example, Outcome, ToolError, ToolResult, ToolSpec, TypedTool,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::cost;
use crate::models::Models;
use crate::quota::{DAYS_ASKED_MAX, Today, Use, UsedOnDay};

pub(crate) struct Usage;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Input {
    /// How many days to look back, today included.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = DAYS_ASKED_MAX))]
    days: u32,
    /// All callers, not only yourself; for the owner.
    #[serde(default)]
    everyone: bool,
}

fn one() -> u32 {
    1
}

/// What was used.
#[derive(Serialize, JsonSchema)]
struct Answer {
    /// Whom `today` is about.
    caller: String,
    today: OfToday,
    /// By day, caller and model.
    days: Vec<Row>,
}

/// Today (UTC), and what is left of it.
#[derive(Serialize, JsonSchema)]
struct OfToday {
    #[serde(flatten)]
    used: Counts,
    /// What requests that are under way may still use.
    reserved_tokens: u64,
    /// How many tokens may be used in a day; absent without a limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    tokens_per_day: Option<u64>,
    /// How much money may be used in a day; absent without a limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    money_per_day: Option<f64>,
    /// How many tokens are left.
    #[serde(skip_serializing_if = "Option::is_none")]
    tokens_left: Option<u64>,
}

#[derive(Serialize, JsonSchema)]
struct Counts {
    requests: u64,
    prompt_tokens: u64,
    completion_tokens: u64,
    /// What it cost, by the owner's price table.
    #[serde(skip_serializing_if = "Option::is_none")]
    cost: Option<f64>,
    /// How many of the requests got an answer that was kept, for nothing.
    #[serde(skip_serializing_if = "is_zero")]
    cached: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// What one caller used of one model on one day.
#[derive(Serialize, JsonSchema)]
struct Row {
    /// The day (UTC), as `2026-11-20`.
    day: String,
    caller: String,
    model: String,
    #[serde(flatten)]
    used: Counts,
}

impl From<Use> for Counts {
    fn from(used: Use) -> Self {
        let Use { requests, prompt_tokens, completion_tokens, micros, cached } = used;
        Self { requests, prompt_tokens, completion_tokens, cost: cost(micros), cached }
    }
}

impl From<Today> for OfToday {
    fn from(today: Today) -> Self {
        let taken = today.used.tokens().saturating_add(today.reserved_tokens);
        Self {
            used: today.used.into(),
            reserved_tokens: today.reserved_tokens,
            tokens_per_day: today.tokens_per_day,
            money_per_day: today.micros_per_day.and_then(cost),
            tokens_left: today.tokens_per_day.map(|limit| limit.saturating_sub(taken)),
        }
    }
}

impl From<UsedOnDay> for Row {
    fn from(row: UsedOnDay) -> Self {
        let date = DateTime::from_timestamp(row.day * 24 * 60 * 60, 0).unwrap_or_default();
        let (caller, model) = (row.caller.to_string(), row.model.to_string());
        Self { day: date.format("%Y-%m-%d").to_string(), caller, model, used: row.used.into() }
    }
}

impl TypedTool<Models> for Usage {
    type Input = Input;

    fn spec() -> ToolSpec {
        ToolSpec::of::<Input>(
            "llm_usage",
            "Show what language models used",
            "Shows how many tokens and how much money your questions to language models used, today and before, and what \
             is left of your limits. The owner can see it for everyone.",
        )
        .annotated(Annotations::READS)
        .gives::<Answer>()
        .examples(&[Example { says: "Today.", args: "{}", gives: "requests" }])
    }

    async fn run(models: &Arc<Models>, input: Input, context: &Context) -> Result<Outcome, ToolError> {
        if input.everyone && !context.caller.is_owner() {
            return Err(ToolError::Refused("only the owner sees what everyone used".to_owned()));
        }
        let (ledger, caller) = (models.ledger.clone(), context.caller.clone());
        let read = move || answer(&ledger, &caller, &input);
        let answer = tokio::task::spawn_blocking(read).await;
        let answer = answer.map_err(|_| ToolError::Failed("the books cannot be read".to_owned()))?;
        Ok(ToolResult::structured(&answer).into())
    }
}

fn answer(ledger: &crate::quota::Ledger, caller: &Caller, input: &Input) -> Answer {
    let account = ledger.account(caller);
    let rows = ledger.history(input.days, |one| input.everyone || *one == **account);
    let today = ledger.today(caller).into();
    Answer { caller: account.to_string(), today, days: rows.into_iter().map(Row::from).collect() }
}

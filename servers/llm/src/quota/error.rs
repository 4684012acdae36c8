//! Why a caller's request is not sent, as far as its own bounds are the reason.

use std::time::Duration;

use super::now_s;

/// Why a caller's request is not sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum QuotaError {
    /// The model is none of theirs.
    #[error(
        "the model {model} is not among those that this key may use; the owner decides that in [[llm.quota]]"
    )]
    Model { model: String },
    /// One request would be too large.
    #[error(
        "the request has about {wanted} tokens, and this key may use {limit} in one request: ask for less"
    )]
    TokensPerRequest { limit: u64, wanted: u64 },
    /// The day's tokens are used up, or reserved by requests that are under way.
    #[error(
        "this key may use {limit} tokens a day (UTC) and has {left} left; this request may take {wanted}. Ask for fewer with max_tokens, or come back tomorrow"
    )]
    TokensToday { limit: u64, left: u64, wanted: u64 },
    /// The day's money is used up, or reserved.
    #[error("this key may use {} of money a day (UTC) and has {} left, which is too little for this request. Ask for fewer tokens with max_tokens, or come back tomorrow", money(*limit), money(*left))]
    MoneyToday { limit: u64, left: u64 },
    /// A tool of the provider's own costs money that nobody could count.
    #[error(
        "{tool} is a tool that the provider runs itself and may charge for, and this key may use only so much money a day: leave it out, or have the owner name its price, as tools.{tool} in [llm.price.\"{model}\"] (0 where it is free)"
    )]
    ToolWithoutPrice { tool: String, model: String },
    /// Nobody could count what the model costs.
    #[error(
        "{model} has no price here, and this key may use only so much money a day: ask another model, or have the owner name its price, as input and output in [llm.price.\"{model}\"] (0 where it is free)"
    )]
    ModelWithoutPrice { model: String },
    /// What is used could not be counted.
    #[error(
        "what is used cannot be written down at the moment, so no model is asked; `drawbridge doctor` and the log say why"
    )]
    Uncounted,
}

/// The code of errors that tell of a model that a key may not use.
pub(crate) const MODEL_NOT_ALLOWED: &str = "model_not_allowed";
/// The code of errors that tell of a key's own bounds, and not of a provider's.
pub(crate) const QUOTA_EXCEEDED: &str = "quota_exceeded";
/// The code of errors that tell of a provider's tool whose cost nobody could count.
pub(crate) const TOOL_WITHOUT_PRICE: &str = "tool_without_price";
/// The code of errors that tell of a model whose cost nobody could count.
pub(crate) const MODEL_WITHOUT_PRICE: &str = "model_without_price";

impl QuotaError {
    /// Its code, for programs.
    pub(crate) fn code(&self) -> Option<&'static str> {
        match self {
            Self::Model { .. } => Some(MODEL_NOT_ALLOWED),
            Self::TokensPerRequest { .. } | Self::TokensToday { .. } | Self::MoneyToday { .. } => {
                Some(QUOTA_EXCEEDED)
            }
            Self::ToolWithoutPrice { .. } => Some(TOOL_WITHOUT_PRICE),
            Self::ModelWithoutPrice { .. } => Some(MODEL_WITHOUT_PRICE),
            Self::Uncounted => None,
        }
    }

    /// When the request may fit again.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::TokensToday { .. } | Self::MoneyToday { .. } => Some(until_tomorrow()),
            _ => None,
        }
    }

    /// The HTTP status that says so.
    pub(crate) fn status(&self) -> u16 {
        match self {
            Self::Model { .. } | Self::ToolWithoutPrice { .. } | Self::ModelWithoutPrice { .. } => 403,
            Self::TokensPerRequest { .. } => 400,
            Self::TokensToday { .. } | Self::MoneyToday { .. } => 429,
            Self::Uncounted => 503,
        }
    }
}

/// Millionths as people write money.
fn money(micros: u64) -> String {
    format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000)
}

fn until_tomorrow() -> Duration {
    const DAY_SECONDS: i64 = 24 * 60 * 60;
    let left = DAY_SECONDS - now_s().rem_euclid(DAY_SECONDS);
    Duration::from_secs(left.unsigned_abs())
}

#[cfg(test)]
mod tests {
    use super::money;

    #[test]
    fn money_is_written_with_all_its_millionths() {
        assert_eq!(money(1_500_000), "1.500000");
        assert_eq!(money(1), "0.000001");
    }
}

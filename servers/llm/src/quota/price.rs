//! What tokens cost. Money is counted in millionths, so that a price per million tokens is millionths per token.

use std::collections::BTreeMap;

use globset::{Glob, GlobMatcher};

use crate::chat::Usage;
use crate::settings::Price;

/// Prices by `provider/model`.
#[derive(Debug, Default)]
pub(crate) struct Prices(Vec<(GlobMatcher, Price)>);

impl Prices {
    /// Takes the owner's table. The longest pattern is asked first, so that an exception wins over a rule.
    ///
    /// # Errors
    /// globset's, which names the pattern.
    pub(crate) fn of(table: &BTreeMap<String, Price>) -> Result<Self, globset::Error> {
        let mut rows: Vec<(&String, &Price)> = table.iter().collect();
        rows.sort_by_key(|(pattern, _)| std::cmp::Reverse(pattern.len()));
        let compile =
            |(pattern, price): (&String, &Price)| Ok((Glob::new(pattern)?.compile_matcher(), *price));
        rows.into_iter().map(compile).collect::<Result<_, _>>().map(Self)
    }

    /// What a model costs; nothing where no pattern fits.
    pub(crate) fn price(&self, model: &str) -> Price {
        self.0
            .iter()
            .find(|(pattern, _)| pattern.is_match(model))
            .map(|(_, price)| *price)
            .unwrap_or_default()
    }
}

/// What so many tokens cost, in millionths.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a float becomes the nearest number there is"
)]
#[expect(clippy::cast_precision_loss, reason = "nobody uses 2^52 tokens")]
pub(crate) fn micros(price: &Price, usage: &Usage) -> u64 {
    let (prompt, completion) = usage.counts();
    let cached = usage.cached_tokens.unwrap_or(0).min(prompt);
    let cost = (prompt - cached) as f64 * price.input
        + cached as f64 * price.cached.unwrap_or(price.input)
        + completion as f64 * price.output;
    cost.ceil() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn price(input: f64, output: f64) -> Price {
        Price { input, cached: None, output }
    }

    #[test]
    fn a_million_tokens_cost_their_price() {
        let usage = Usage::of(1_000_000, 500_000);
        assert_eq!(micros(&price(0.15, 0.6), &usage), 150_000 + 300_000);
        let cached = Usage { cached_tokens: Some(1_000_000), ..usage };
        assert_eq!(micros(&Price { cached: Some(0.05), ..price(0.15, 0.6) }, &cached), 50_000 + 300_000);
        assert_eq!(micros(&price(0.1, 0.0), &Usage::of(1, 0)), 1, "rather too much than too little");
    }

    #[test]
    fn the_longest_pattern_counts() {
        let table = BTreeMap::from([
            ("openai/*".to_owned(), price(1.0, 1.0)),
            ("openai/gpt-small".to_owned(), price(0.1, 0.1)),
        ]);
        let prices = Prices::of(&table).unwrap();
        assert_eq!(prices.price("openai/gpt-small"), price(0.1, 0.1));
        assert_eq!(prices.price("openai/gpt-large"), price(1.0, 1.0));
        assert_eq!(prices.price("local/x"), Price::default());
    }
}

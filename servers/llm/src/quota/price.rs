//! What tokens cost. Money is counted in millionths, so that a price per million tokens is millionths per token.

use std::collections::BTreeMap;

use globset::{Glob, GlobMatcher};

use crate::chat::Usage;
use crate::settings::Price;

/// Prices by `provider/model`.
#[derive(Debug, Default)]
pub(crate) struct Prices {
    rows: Vec<(GlobMatcher, Price)>,
    /// What a model costs that is in no row.
    nothing: Price,
}

/// Any tool that has no price of its own.
const ANY_TOOL: &str = "*";

impl Prices {
    /// Takes the owner's table. The longest pattern is asked first, so that an exception wins over a rule.
    ///
    /// # Errors
    /// globset's, which names the pattern.
    pub(crate) fn of(table: &BTreeMap<String, Price>) -> Result<Self, globset::Error> {
        let mut rows: Vec<(&String, &Price)> = table.iter().collect();
        rows.sort_by_key(|(pattern, _)| std::cmp::Reverse(pattern.len()));
        let compile =
            |(pattern, price): (&String, &Price)| Ok((Glob::new(pattern)?.compile_matcher(), price.clone()));
        let rows = rows.into_iter().map(compile).collect::<Result<_, _>>()?;
        Ok(Self { rows, nothing: Price::default() })
    }

    fn of_model(&self, model: &str) -> impl Iterator<Item = &Price> {
        self.rows.iter().filter(move |(pattern, _)| pattern.is_match(model)).map(|(_, price)| price)
    }

    /// What a model costs; nothing where no pattern fits.
    pub(crate) fn price(&self, model: &str) -> &Price {
        self.of_model(model).next().unwrap_or(&self.nothing)
    }

    /// Whether a model has a price, be it 0.
    pub(crate) fn has(&self, model: &str) -> bool {
        self.of_model(model).next().is_some()
    }

    /// Whether any tool of a provider has a price.
    pub(crate) fn have_tools(&self) -> bool {
        self.rows.iter().any(|(_, price)| !price.tools.is_empty())
    }

    /// What one use of a provider's own tool costs, in millionths: by the longest pattern that names it.
    pub(crate) fn tool(&self, model: &str, tool: &str) -> Option<f64> {
        let named = |name: &str| self.of_model(model).find_map(|price| price.tools.get(name));
        named(tool).or_else(|| named(ANY_TOOL)).map(|money| money * 1e6)
    }

    /// What so many uses of tools cost, in millionths; those without a price cost nothing.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "nobody uses a tool 2^52 times, and a float becomes the nearest number there is"
    )]
    pub(crate) fn micros_of_tools<'a>(&self, model: &str, uses: impl Iterator<Item = (&'a str, u64)>) -> u64 {
        let cost = uses.map(|(tool, uses)| self.tool(model, tool).unwrap_or(0.0) * uses as f64);
        cost.sum::<f64>().ceil() as u64
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
        Price { input, output, ..Price::default() }
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
        assert_eq!(prices.price("openai/gpt-small"), &price(0.1, 0.1));
        assert_eq!(prices.price("openai/gpt-large"), &price(1.0, 1.0));
        assert_eq!(prices.price("local/x"), &Price::default());
    }

    #[test]
    fn a_tool_costs_by_the_longest_pattern_that_names_it() {
        let tools =
            |rows: &[(&str, f64)]| rows.iter().map(|(name, money)| ((*name).to_owned(), *money)).collect();
        let table = BTreeMap::from([
            (
                "a/*".to_owned(),
                Price { tools: tools(&[("web_search", 0.01), ("*", 0.5)]), ..price(1.0, 1.0) },
            ),
            ("a/big".to_owned(), Price { tools: tools(&[("web_search", 0.02)]), ..price(1.0, 1.0) }),
            ("b/*".to_owned(), price(1.0, 1.0)),
        ]);
        let prices = Prices::of(&table).unwrap();
        let micros = |model, tool| prices.micros_of_tools(model, [(tool, 3)].into_iter());
        assert_eq!(micros("a/small", "web_search"), 30_000);
        assert_eq!(micros("a/big", "web_search"), 60_000);
        assert_eq!(micros("a/big", "file_search"), 1_500_000);
        assert_eq!((prices.tool("b/x", "web_search"), micros("b/x", "web_search")), (None, 0));
        assert!(prices.have_tools() && !Prices::default().have_tools());
    }
}

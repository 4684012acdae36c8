//! Tiers in the text of a `tiers.toml`: put there so that everything else, comments included, is as it was.

use std::collections::BTreeMap;

use drawbridge_contract::Tier;
use serde::{Deserialize, Serialize};
use toml_edit::{Array, DocumentMut, Item, Table, TableLike, Value, value};

use crate::tiers::{TiersError, read_toml};

/// Tiers as their file says them, by name.
pub type TierTable = BTreeMap<String, TierSettings>;

/// One tier as its file says it, with the fields of [docs/tiers.md](../../../docs/tiers.md).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TierSettings {
    /// Patterns of tools and of older clients' methods.
    pub allowed_capabilities: Vec<String>,
    /// Calls in a window of time; `None` is no limit.
    pub rate_limit_requests: Option<u32>,
    /// That window; an hour when absent.
    pub rate_limit_window_seconds: Option<u32>,
    /// Whether language models may be asked.
    pub llm_access: bool,
    /// Patterns of models; all when absent.
    pub allowed_llm_models: Option<Vec<String>>,
    /// Tokens of one request; `None` is no limit.
    pub max_llm_tokens_per_request: Option<u64>,
    /// Tokens of one day (UTC); `None` is no limit.
    pub max_llm_tokens_per_day: Option<u64>,
}

impl From<&Tier> for TierSettings {
    fn from(tier: &Tier) -> Self {
        let owned = |texts: &[Box<str>]| texts.iter().map(ToString::to_string).collect::<Vec<_>>();
        let llm = tier.llm.as_ref();
        let models = llm.map(|llm| owned(&llm.models)).filter(|models| models != &["*"]);
        Self {
            allowed_capabilities: owned(&tier.allowed),
            rate_limit_requests: tier.calls.map(|calls| calls.count),
            rate_limit_window_seconds: tier.calls.map(|calls| calls.window_seconds),
            llm_access: llm.is_some(),
            allowed_llm_models: models,
            max_llm_tokens_per_request: llm.and_then(|llm| llm.tokens_per_request),
            max_llm_tokens_per_day: llm.and_then(|llm| llm.tokens_per_day),
        }
    }
}

/// `text` with these tiers and no others. What a tier says already stays as it was written.
///
/// # Errors
/// [`TiersError`]: the text is no file of tiers now, or would be none.
pub fn with_tiers(text: &str, wanted: &TierTable) -> Result<String, TiersError> {
    let now = read_toml(text)?;
    let mut document: DocumentMut =
        text.parse().map_err(|error: toml_edit::TomlError| TiersError::Format(error.to_string()))?;
    let gone = now.keys().filter(|name| !wanted.contains_key(&***name));
    gone.for_each(|name| remove(&mut document, name));
    for (name, tier) in wanted {
        let was = now.get(name.as_str()).map(|tier| TierSettings::from(&**tier));
        let item = document.entry(name).or_insert_with(|| Item::Table(Table::new()));
        if let Some(table) = item.as_table_like_mut() {
            put(table, was.as_ref().unwrap_or(&TierSettings::default()), tier);
        }
    }
    let written = document.to_string();
    read_toml(&written)?;
    Ok(written)
}

/// Removes a tier and what is written above it; but what stands at the head of the file is about all of them, as far as
/// its last empty line.
fn remove(document: &mut DocumentMut, name: &str) {
    let is_first = document.iter().next().is_some_and(|(first, _)| first == name);
    let Some(removed) = document.remove(name) else { return };
    let above = removed.as_table().and_then(|table| table.decor().prefix()?.as_str()).unwrap_or_default();
    let Some(end) = above.rfind("\n\n").filter(|_| is_first) else { return };
    let head = &above[..=end];
    if let Some(next) = document.iter_mut().next().and_then(|(_, item)| item.as_table_mut()) {
        let own = next.decor().prefix().and_then(|prefix| prefix.as_str()).unwrap_or_default().to_owned();
        next.decor_mut().set_prefix(format!("{head}{own}"));
        return;
    }
    let rest = document.trailing().as_str().unwrap_or_default().to_owned();
    document.set_trailing(format!("{head}{rest}"));
}

/// Writes the fields that differ.
fn put(table: &mut dyn TableLike, was: &TierSettings, tier: &TierSettings) {
    let number = |number: Option<u64>| number.map(|number| Value::from(number.cast_signed()));
    let texts = |texts: &[String]| Value::from(texts.iter().collect::<Array>());
    let old = fields(was, &number, &texts);
    for (field, (wanted, old)) in FIELDS.iter().zip(fields(tier, &number, &texts).into_iter().zip(old)) {
        if wanted.as_ref().map(Value::to_string) != old.map(|old| old.to_string()) {
            set(table, field, wanted);
        }
    }
}

/// The names of the fields, in the order in which they are written.
const FIELDS: [&str; 7] = [
    "allowed_capabilities",
    "rate_limit_requests",
    "rate_limit_window_seconds",
    "llm_access",
    "allowed_llm_models",
    "max_llm_tokens_per_request",
    "max_llm_tokens_per_day",
];

/// Their values, in the same order; what is absent has none.
fn fields(
    tier: &TierSettings,
    number: &impl Fn(Option<u64>) -> Option<Value>,
    texts: &impl Fn(&[String]) -> Value,
) -> [Option<Value>; 7] {
    let allowed = Some(&tier.allowed_capabilities).filter(|allowed| !allowed.is_empty());
    [
        allowed.map(|allowed| texts(allowed)),
        number(tier.rate_limit_requests.map(u64::from)),
        number(tier.rate_limit_window_seconds.map(u64::from)),
        tier.llm_access.then(|| true.into()),
        tier.allowed_llm_models.as_ref().map(|models| texts(models)),
        number(tier.max_llm_tokens_per_request),
        number(tier.max_llm_tokens_per_day),
    ]
}

/// Sets a field or removes it. What is written behind it stays.
fn set(table: &mut dyn TableLike, field: &str, wanted: Option<Value>) {
    let Some(mut wanted) = wanted else {
        table.remove(field);
        return;
    };
    if let Some(old) = table.get(field).and_then(Item::as_value) {
        *wanted.decor_mut() = old.decor().clone();
    }
    table.insert(field, value(wanted));
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# Who may do how much.\n\n# visitors\n[GUEST]\nallowed_capabilities = [\"files_list\"] # no more\nrate_limit_requests = 100 # an hour\n\n[FAMILY] # us\nllm_access = true\n";

    fn table(text: &str) -> TierTable {
        let tiers = read_toml(text).unwrap();
        tiers.iter().map(|(name, tier)| (name.to_string(), TierSettings::from(&**tier))).collect()
    }

    fn changed(change: impl FnOnce(&mut TierTable)) -> String {
        let mut wanted = table(TEXT);
        change(&mut wanted);
        let text = with_tiers(TEXT, &wanted).unwrap();
        assert_eq!(table(&text), wanted, "{text}");
        text
    }

    #[test]
    fn what_is_not_changed_is_as_it_was() {
        assert_eq!(changed(|_| ()), TEXT);
        let text = changed(|tiers| tiers.get_mut("GUEST").unwrap().rate_limit_requests = Some(7));
        assert_eq!(text, TEXT.replace("100 # an hour", "7 # an hour"));
    }

    #[test]
    fn tiers_are_added_and_removed_and_the_head_of_the_file_stays() {
        let added = changed(|tiers| {
            let models = Some(vec!["ollama/*".to_owned()]);
            let tier = TierSettings { llm_access: true, allowed_llm_models: models, ..Default::default() };
            tiers.insert("NEW ONE".to_owned(), tier);
        });
        assert!(added.starts_with(TEXT) && added.contains("[\"NEW ONE\"]\nllm_access = true\n"), "{added}");
        let removed = changed(|tiers| drop(tiers.remove("GUEST")));
        assert!(
            removed.starts_with("# Who may do how much.\n") && removed.contains("[FAMILY] # us"),
            "{removed}"
        );
        assert!(!removed.contains("visitors"));
        let none = changed(TierTable::clear);
        assert_eq!(none.trim(), "# Who may do how much.");
    }

    #[test]
    fn a_field_that_is_left_out_goes() {
        let text = changed(|tiers| {
            let guest = tiers.get_mut("GUEST").unwrap();
            (guest.rate_limit_requests, guest.rate_limit_window_seconds) = (None, None);
        });
        assert!(!text.contains("rate_limit") && text.contains("# no more"), "{text}");
    }

    #[test]
    fn what_would_be_no_file_of_tiers_is_refused() {
        let window = TierSettings {
            rate_limit_requests: Some(1),
            rate_limit_window_seconds: Some(0),
            ..Default::default()
        };
        let wanted = TierTable::from([("A".to_owned(), window)]);
        assert_eq!(with_tiers("", &wanted), Err(TiersError::NoWindow("A".to_owned())));
        assert!(matches!(with_tiers("A = 1", &wanted), Err(TiersError::Format(_))));
    }

    proptest::proptest! {
        #[test]
        fn whatever_is_written_is_read_back(names in proptest::collection::btree_set("[ -~é]{0,8}", 0..4), patterns in proptest::collection::vec("[ -~é]{1,8}", 0..3), count in proptest::option::of(0..u32::MAX), tokens in proptest::option::of(1..=i64::MAX as u64)) {
            let tier = TierSettings { allowed_capabilities: patterns, rate_limit_requests: count, rate_limit_window_seconds: count.map(|_| 60), llm_access: tokens.is_some(), max_llm_tokens_per_day: tokens, ..Default::default() };
            let wanted: TierTable = names.into_iter().map(|name| (name, tier.clone())).collect();
            proptest::prop_assert_eq!(&table(&with_tiers(TEXT, &wanted).unwrap()), &wanted);
            proptest::prop_assert_eq!(&table(&with_tiers("", &wanted).unwrap()), &wanted);
        }
    }
}

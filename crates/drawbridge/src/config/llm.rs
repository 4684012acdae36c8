//! The fields of `[llm]`.

use std::collections::BTreeMap;

use drawbridge_llm::{PARALLEL_DEFAULT, ProviderKind, WAITING_MAX_DEFAULT};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct Llm {
    /// Whether LM Studio, Ollama and llama.cpp are used where they run on their usual ports without being configured.
    pub(crate) discover: bool,
    /// The model, or alias, of requests that name none; absent is whatever runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) default_model: Option<String>,
    /// How long an answer may take to begin.
    pub(crate) first_byte_seconds: u64,
    /// How long it may be silent in between.
    pub(crate) idle_seconds: u64,
    /// Names of the owner's own for models: `provider/model`, or several, of which the first that can be asked answers.
    pub(crate) models: BTreeMap<String, OneOrSeveral>,
    /// Who has models, by name.
    pub(crate) provider: BTreeMap<String, Provider>,
    /// What a million tokens cost, by `provider/model`; `*` stands for anything.
    pub(crate) price: BTreeMap<String, Price>,
    /// How much callers may use: the first that fits.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) quota: Vec<Quota>,
    /// Answers that are kept for questions that are asked again.
    pub(crate) cache: Cache,
}

/// Answers that are kept.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct Cache {
    /// How much memory they take together, in bytes; 0 keeps none.
    pub(crate) bytes_max: usize,
    /// How long one is kept.
    pub(crate) age_seconds: u64,
}

impl Default for Cache {
    /// As the server's own defaults, which a test compares.
    fn default() -> Self {
        Self { bytes_max: 0, age_seconds: 60 * 60 }
    }
}

impl Default for Llm {
    /// As the server's own defaults, which a test compares.
    fn default() -> Self {
        let (models, provider, price) = Default::default();
        let (default_model, quota) = (None, Vec::new());
        Self {
            discover: true,
            default_model,
            first_byte_seconds: 300,
            idle_seconds: 60,
            models,
            provider,
            price,
            quota,
            cache: Cache::default(),
        }
    }
}

/// One, or several.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(untagged)]
pub(crate) enum OneOrSeveral {
    One(String),
    Several(Vec<String>),
}

impl OneOrSeveral {
    pub(crate) fn to_vec(&self) -> Vec<String> {
        match self {
            Self::One(one) => vec![one.clone()],
            Self::Several(several) => several.clone(),
        }
    }
}

#[derive(Debug, Clone, Deserialize, Serialize)]
pub(crate) struct Provider {
    pub(crate) kind: Kind,
    /// Where it is; absent is where that kind usually is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) address: Option<String>,
    /// Its key: `secret:NAME` or `env:NAME`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) key: Option<KeyPlace>,
    /// How many requests it is given at a time; absent is 4 for local servers, and any number for others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) parallel: Option<usize>,
    /// How many different models it is asked for at a time, for servers where one puts out another.
    #[serde(default = "one")]
    pub(crate) models_at_once: usize,
    /// How many requests wait for it.
    #[serde(default = "waiting_max")]
    pub(crate) waiting_max: usize,
}

fn one() -> usize {
    1
}

fn waiting_max() -> usize {
    WAITING_MAX_DEFAULT
}

impl Provider {
    /// How many requests it is given at a time.
    pub(crate) fn parallel(&self) -> Option<usize> {
        self.parallel.or_else(|| self.kind.0.is_local().then_some(PARALLEL_DEFAULT))
    }
}

/// What a provider speaks, by its word.
#[derive(Debug, Clone, Copy, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct Kind(pub(crate) ProviderKind);

impl TryFrom<String> for Kind {
    type Error = String;

    fn try_from(word: String) -> Result<Self, String> {
        let words = || ProviderKind::ALL.map(|(_, word, _)| word).join(", ");
        ProviderKind::of_word(&word).map(Self).ok_or_else(|| format!("{word:?} is no kind: {}", words()))
    }
}

impl From<Kind> for String {
    fn from(kind: Kind) -> Self {
        kind.0.word().to_owned()
    }
}

/// Where a key is. Never the key itself: this file is read by backups, editors and people who look over a shoulder.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) enum KeyPlace {
    /// A variable of the environment.
    Environment(String),
    /// A name in the secret store.
    Secret(String),
}

impl TryFrom<String> for KeyPlace {
    type Error = &'static str;

    /// What was written is not repeated: it may be the key.
    fn try_from(text: String) -> Result<Self, &'static str> {
        match text.split_once(':') {
            Some(("env", name)) if !name.is_empty() => Ok(Self::Environment(name.to_owned())),
            Some(("secret", name)) if !name.is_empty() => Ok(Self::Secret(name.to_owned())),
            _ => Err(
                "write `secret:NAME` after `drawbridge secrets set NAME`, or `env:NAME`; never the key itself",
            ),
        }
    }
}

impl From<KeyPlace> for String {
    fn from(place: KeyPlace) -> Self {
        match place {
            KeyPlace::Environment(name) => format!("env:{name}"),
            KeyPlace::Secret(name) => format!("secret:{name}"),
        }
    }
}

#[derive(Debug, Clone, Deserialize, Serialize)]
pub(crate) struct Price {
    /// A million tokens of the prompt.
    pub(crate) input: f64,
    /// A million tokens of the prompt that the provider had kept; absent is as the others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) cached: Option<f64>,
    /// A million tokens of the answer.
    pub(crate) output: f64,
    /// One use of a tool that the provider runs itself, by its name (`web_search`); `*` is any other.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) tools: BTreeMap<String, f64>,
}

#[derive(Debug, Clone, Deserialize, Serialize)]
pub(crate) struct Quota {
    /// Whom it is for: `key:laptop`, `key:*`, `owner`.
    pub(crate) callers: Vec<String>,
    /// The models they may use: `provider/model` or aliases, `*` for anything; absent is all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) models: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) tokens_per_request: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) tokens_per_day: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) money_per_day: Option<f64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_in_clear_is_refused_and_not_repeated() {
        let error = toml::from_str::<Provider>("kind = 'openai'\nkey = 'sk-very-secret'").unwrap_err();
        assert!(error.message().contains("never the key itself") && !error.message().contains("sk-very"));
        let provider: Provider = toml::from_str("kind = 'openai'\nkey = 'env:OPENAI_API_KEY'").unwrap();
        assert_eq!(provider.key, Some(KeyPlace::Environment("OPENAI_API_KEY".to_owned())));
        for bad in ["env:", "secret:", "", "vault:x"] {
            assert!(KeyPlace::try_from(bad.to_owned()).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_unknown_kind_is_told_which_there_are() {
        let error = toml::from_str::<Provider>("kind = 'gpt'").unwrap_err().to_string();
        assert!(error.contains("lm-studio") && error.contains("anthropic"), "{error}");
    }
}

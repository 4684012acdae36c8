//! What the owner decided: which providers there are, what their models are called here, and how much of them each caller
//! may use.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Everything that the server is told when it is opened.
#[derive(Debug, Clone)]
pub struct LlmSettings {
    /// Where counts are kept; made when it is missing.
    pub state: PathBuf,
    /// The providers, in the order in which a model without a provider's name is looked for.
    pub providers: Vec<ProviderSettings>,
    /// Names of ours for models: each a list of `provider/model`, of which the first that answers is used.
    pub aliases: BTreeMap<String, Vec<String>>,
    /// The model, or alias, of requests that name none.
    pub default_model: Option<String>,
    /// What tokens cost, by `provider/model`; the longest pattern that fits counts, `*` stands for anything.
    pub prices: BTreeMap<String, Price>,
    /// How much callers may use: the first whose patterns fit the caller.
    pub quotas: Vec<QuotaSettings>,
    /// Whether local servers are looked for on their usual ports.
    pub discover: bool,
    /// How long we wait for what.
    pub waits: Waits,
    /// Which answers are kept.
    pub cache: CacheSettings,
}

/// Which answers are kept, for questions that are asked again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CacheSettings {
    /// How much memory they take together, in bytes; 0 keeps none.
    pub bytes_max: usize,
    /// How long one is kept.
    pub age_max: Duration,
}

impl Default for CacheSettings {
    /// None is kept; and if so, for an hour.
    fn default() -> Self {
        Self { bytes_max: 0, age_max: Duration::from_secs(60 * 60) }
    }
}

/// One provider.
#[derive(Debug, Clone)]
pub struct ProviderSettings {
    /// What it is called here: lower case, digits and `-`.
    pub name: String,
    /// What it speaks.
    pub kind: ProviderKind,
    /// Where it is: scheme, host, and port or path where they are not the usual ones.
    pub address: String,
    /// Its key, if it wants one.
    pub key: Option<Secret>,
    /// How many requests it works on at a time; more wait here. `None`: as many as come.
    pub parallel: Option<usize>,
    /// How many different models it may be asked for at a time, for servers that put one model out of memory for
    /// another.
    pub models_at_once: usize,
    /// How many requests wait for it at most.
    pub waiting_max: usize,
}

/// What a provider speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ProviderKind {
    /// OpenAI: chat completions.
    OpenAi,
    /// OpenAI: responses.
    OpenAiResponses,
    /// Anthropic: messages.
    Anthropic,
    /// Google: Gemini.
    Gemini,
    /// Ollama's own API.
    Ollama,
    /// LM Studio's own API, v0.
    LmStudio,
    /// LM Studio's own API, v1.
    LmStudioV1,
    /// The server of llama.cpp.
    LlamaCpp,
    /// Anything else that speaks OpenAI's chat completions.
    Compatible,
}

impl ProviderKind {
    /// Every kind, with its word in the configuration and where it is when nothing else is said.
    pub const ALL: [(Self, &'static str, &'static str); 9] = [
        (Self::OpenAi, "openai", "https://api.openai.com"),
        (Self::OpenAiResponses, "openai-responses", "https://api.openai.com"),
        (Self::Anthropic, "anthropic", "https://api.anthropic.com"),
        (Self::Gemini, "gemini", "https://generativelanguage.googleapis.com"),
        (Self::Ollama, "ollama", "http://127.0.0.1:11434"),
        (Self::LmStudio, "lm-studio", "http://127.0.0.1:1234"),
        (Self::LmStudioV1, "lm-studio-v1", "http://127.0.0.1:1234"),
        (Self::LlamaCpp, "llama-cpp", "http://127.0.0.1:8080"),
        (Self::Compatible, "compatible", ""),
    ];

    fn row(self) -> (Self, &'static str, &'static str) {
        #[expect(clippy::expect_used, reason = "a test walks every kind")]
        *Self::ALL.iter().find(|(kind, ..)| *kind == self).expect("every kind has a row")
    }

    /// Its word in the configuration.
    pub fn word(self) -> &'static str {
        self.row().1
    }

    /// Where it is when nothing else is said; empty for [`Self::Compatible`].
    pub fn usual_address(self) -> &'static str {
        self.row().2
    }

    /// The kind of this word.
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, known, _)| *known == word).map(|(kind, ..)| *kind)
    }

    /// Whether it runs models on somebody's own machine, where only so many fit.
    pub fn is_local(self) -> bool {
        matches!(self, Self::Ollama | Self::LmStudio | Self::LmStudioV1 | Self::LlamaCpp)
    }
}

/// How many requests a local server works on at a time, unless the owner says otherwise: what Ollama and LM Studio do.
pub const PARALLEL_DEFAULT: usize = 4;
/// How many requests wait for one local server, unless the owner says otherwise.
pub const WAITING_MAX_DEFAULT: usize = 64;

impl ProviderSettings {
    /// A provider of this kind at its usual address, without a key.
    pub fn new(name: impl Into<String>, kind: ProviderKind) -> Self {
        Self {
            name: name.into(),
            kind,
            address: kind.usual_address().to_owned(),
            key: None,
            parallel: kind.is_local().then_some(PARALLEL_DEFAULT),
            models_at_once: 1,
            waiting_max: WAITING_MAX_DEFAULT,
        }
    }
}

/// A provider's key. Nothing prints it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Arc<str>);

impl Secret {
    /// Takes a key.
    pub fn new(text: &str) -> Self {
        Self(text.into())
    }

    /// The key itself: for the request that needs it, and for blotting it out of what comes back.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret")
    }
}

/// What a million tokens cost, and what a use of the provider's own tools does, in whatever money the owner counts.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Price {
    /// Of the prompt.
    pub input: f64,
    /// Of the prompt, those that the provider had kept; `None`: as the others.
    pub cached: Option<f64>,
    /// Of the answer.
    pub output: f64,
    /// Of one use of a tool that the provider runs itself, by its name without version (`web_search`); `*` is any other.
    pub tools: BTreeMap<String, f64>,
}

/// How much some callers may use. What is `None` is without limit.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct QuotaSettings {
    /// Whom it is for: patterns such as `key:laptop`, `key:*`, `owner`.
    pub callers: Vec<String>,
    /// Which models they may use: patterns of `provider/model` or of aliases.
    pub models: Option<Vec<String>>,
    /// Tokens of one request, prompt and answer together.
    pub tokens_per_request: Option<u64>,
    /// Tokens of one day (UTC).
    pub tokens_per_day: Option<u64>,
    /// Money of one day (UTC).
    pub money_per_day: Option<f64>,
}

/// How long we wait for providers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waits {
    /// For a connection.
    pub connect: Duration,
    /// For the first byte of an answer: a local server may have to load a large model first.
    pub first_byte: Duration,
    /// For the next byte.
    pub idle: Duration,
}

impl Default for Waits {
    /// 5 seconds, 5 minutes, 1 minute.
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self { connect: seconds(5), first_byte: seconds(300), idle: seconds(60) }
    }
}

impl LlmSettings {
    /// No provider, no quota, nothing looked for.
    pub fn new(state: impl Into<PathBuf>) -> Self {
        Self {
            state: state.into(),
            providers: Vec::new(),
            aliases: BTreeMap::new(),
            default_model: None,
            prices: BTreeMap::new(),
            quotas: Vec::new(),
            discover: false,
            waits: Waits::default(),
            cache: CacheSettings::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_one_word() {
        for (kind, word, address) in ProviderKind::ALL {
            assert_eq!((ProviderKind::of_word(word), kind.word()), (Some(kind), word));
            assert_eq!(address.is_empty(), kind == ProviderKind::Compatible);
        }
        assert_eq!(ProviderKind::of_word("OpenAI"), None);
    }

    #[test]
    fn nothing_prints_a_key() {
        let settings = ProviderSettings {
            key: Some(Secret::new("sk-1")),
            ..ProviderSettings::new("a", ProviderKind::OpenAi)
        };
        assert!(!format!("{settings:?}").contains("sk-1"));
    }
}

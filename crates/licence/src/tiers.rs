//! Tiers: `tiers.toml`, and both layouts of llmbasedos' `licence_tiers.yaml`.

use std::collections::BTreeMap;
use std::sync::Arc;

use drawbridge_contract::{CallLimit, LlmLimits, Tier};
use serde::Deserialize;

use crate::Tiers;

/// The longest file of tiers that is read, in bytes.
pub const TIERS_BYTES_MAX: usize = 256 * 1024;
/// How many tiers there may be.
pub const TIERS_MAX: usize = 256;

/// What hides language models, by the names of their tools, from a tier without them.
const LLM_TOOLS: &str = "llm_*";
/// What a window of time is where a tier counts calls and does not say.
const WINDOW_SECONDS_USUAL: u32 = 3_600;
/// In the old format, 0 calls meant that this tier has no limit, and that every other tier may not call.
const OLD_UNLIMITED: &str = "ELITE";

/// Why a file of tiers is not used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TiersError {
    /// Not the format, or not its fields.
    #[error("{0}")]
    Format(String),
    /// One name in both layouts of one file.
    #[error("the tier {0} is there twice: once under `tiers`, once beside it")]
    Twice(String),
    /// A window of no time.
    #[error("the tier {0} has a window of 0 seconds")]
    NoWindow(String),
    /// Longer than such a file is.
    #[error("it has {0} bytes, more than the {TIERS_BYTES_MAX} that are read")]
    TooLong(usize),
    /// More than anybody has.
    #[error("it has more than {TIERS_MAX} tiers")]
    TooMany,
}

/// One tier, with the fields that llmbasedos gave it.
#[derive(Deserialize)]
struct Fields {
    rate_limit_requests: Option<u32>,
    rate_limit_window_seconds: Option<u32>,
    #[serde(default)]
    allowed_capabilities: Vec<String>,
    #[serde(default)]
    llm_access: bool,
    allowed_llm_models: Option<Vec<String>>,
    max_llm_tokens_per_request: Option<u64>,
    max_llm_tokens_per_day: Option<u64>,
}

/// Either layout of the old file, or both in one, as it was shipped.
#[derive(Deserialize)]
struct Layouts {
    #[serde(default)]
    tiers: BTreeMap<String, Fields>,
    #[serde(flatten)]
    beside: BTreeMap<String, Fields>,
}

/// Reads `tiers.toml`: a table for each tier.
///
/// # Errors
/// [`TiersError`] names the place.
pub fn read_toml(text: &str) -> Result<Tiers, TiersError> {
    bound(text)?;
    let mut unknown = None;
    let fields = toml::Deserializer::parse(text).map_err(not_toml)?;
    let mut note = |path: serde_ignored::Path<'_>| {
        unknown.get_or_insert_with(|| path.to_string());
    };
    let fields = serde_ignored::Deserializer::new(fields, &mut note);
    let tiers = BTreeMap::<String, Fields>::deserialize(fields).map_err(not_toml)?;
    match unknown {
        Some(field) => Err(TiersError::Format(format!("{field}: there is no such field"))),
        None => all(tiers, false),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "errors are mapped by value")]
fn not_toml(error: toml::de::Error) -> TiersError {
    TiersError::Format(error.to_string().trim_end().to_owned())
}

/// Reads `licence_tiers.yaml`: tiers at the top, under `tiers`, or some here and some there. Fields that we do not know
/// are left alone.
///
/// # Errors
/// [`TiersError`] names the place.
pub fn read_yaml(text: &str) -> Result<Tiers, TiersError> {
    bound(text)?;
    let layouts: Layouts = serde_saphyr::from_str(text)
        .map_err(|error| TiersError::Format(error.to_string().trim_end().to_owned()))?;
    if let Some(twice) = layouts.tiers.keys().find(|name| layouts.beside.contains_key(*name)) {
        return Err(TiersError::Twice(twice.clone()));
    }
    all(layouts.tiers.into_iter().chain(layouts.beside), true)
}

/// The tiers that llmbasedos came with, for who has a licence and no file of tiers.
pub fn usual() -> Tiers {
    let tier = |(name, count): (&str, u32)| {
        let tier = Tier {
            name: name.into(),
            allowed: vec!["*".into()],
            hidden: Vec::new(),
            calls: Some(CallLimit { count, window_seconds: WINDOW_SECONDS_USUAL }),
            llm: Some(LlmLimits { models: vec!["*".into()], ..LlmLimits::default() }),
        };
        (tier.name.clone(), Arc::new(tier))
    };
    [("FREE", 10_000), ("PRO", 20_000), ("ELITE", 50_000)].map(tier).into()
}

fn bound(text: &str) -> Result<(), TiersError> {
    if text.len() > TIERS_BYTES_MAX { Err(TiersError::TooLong(text.len())) } else { Ok(()) }
}

fn all(tiers: impl IntoIterator<Item = (String, Fields)>, old: bool) -> Result<Tiers, TiersError> {
    let tiers: Tiers = tiers
        .into_iter()
        .map(|(name, fields)| fields.into_tier(&name, old).map(|tier| (name.into(), tier.into())))
        .collect::<Result<_, _>>()?;
    if tiers.len() > TIERS_MAX { Err(TiersError::TooMany) } else { Ok(tiers) }
}

impl Fields {
    fn into_tier(self, name: &str, old: bool) -> Result<Tier, TiersError> {
        let window_seconds = self.rate_limit_window_seconds.unwrap_or(WINDOW_SECONDS_USUAL);
        if window_seconds == 0 {
            return Err(TiersError::NoWindow(name.to_owned()));
        }
        let is_unlimited = |count: &u32| *count == 0 && old && name == OLD_UNLIMITED;
        let count = self.rate_limit_requests.filter(|count| !is_unlimited(count));
        let boxed = |texts: Vec<String>| texts.into_iter().map(Into::into).collect();
        // 0 is how the old format says that there is no limit.
        let tokens = |limit: Option<u64>| limit.filter(|&limit| limit > 0);
        let llm = self.llm_access.then(|| LlmLimits {
            models: self.allowed_llm_models.map_or_else(|| vec!["*".into()], boxed),
            tokens_per_request: tokens(self.max_llm_tokens_per_request),
            tokens_per_day: tokens(self.max_llm_tokens_per_day),
        });
        Ok(Tier {
            name: name.into(),
            allowed: boxed(self.allowed_capabilities),
            hidden: if llm.is_none() { vec![LLM_TOOLS.into()] } else { Vec::new() },
            calls: count.map(|count| CallLimit { count, window_seconds }),
            llm,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOML: &str = r#"
[PRO]
rate_limit_requests = 1000
rate_limit_window_seconds = 60
allowed_capabilities = ["files_*", "mcp.mail.*"]
llm_access = true
allowed_llm_models = ["ollama/*"]
max_llm_tokens_per_request = 4096
max_llm_tokens_per_day = 0

[LOOK]
allowed_capabilities = ["files_read"]
"#;

    #[test]
    fn the_documented_example_is_right() {
        let page = include_str!("../../../docs/tiers.md");
        let example = page.split("```toml").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
        let tiers = read_toml(example).unwrap();
        assert_eq!((tiers["GUEST"].calls.unwrap().count, tiers["FAMILY"].allowed.len()), (100, 1));
    }

    #[test]
    fn each_field_arrives() {
        let tiers = read_toml(TOML).unwrap();
        let pro = &tiers["PRO"];
        assert_eq!(pro.allowed, ["files_*".into(), "mcp.mail.*".into()]);
        assert_eq!(pro.calls, Some(CallLimit { count: 1000, window_seconds: 60 }));
        let llm = pro.llm.as_ref().unwrap();
        assert_eq!((llm.models.len(), llm.tokens_per_request, llm.tokens_per_day), (1, Some(4096), None));
        let look = &tiers["LOOK"];
        assert_eq!((look.calls, &look.llm, &*look.hidden[0]), (None, &None, "llm_*"));
    }

    #[test]
    fn both_layouts_of_the_old_file_and_their_mixture_are_read() {
        let tier = "rate_limit_requests: 5\n    allowed_capabilities: ['*']\n";
        let under = format!("tiers:\n  PRO:\n    {tier}");
        let top = format!("PRO:\n    {tier}");
        let mixed = format!("tiers:\n  FREE:\n    {tier}PRO:\n    {tier}    notes: anything\n");
        for text in [&under, &top, &mixed] {
            let tiers = read_yaml(text).unwrap_or_else(|error| panic!("{error} in {text}"));
            assert_eq!(tiers["PRO"].calls.unwrap().count, 5, "{text}");
        }
        assert_eq!(read_yaml(&mixed).unwrap().len(), 2);
        let twice = format!("tiers:\n  PRO:\n    {tier}PRO:\n    {tier}");
        assert_eq!(read_yaml(&twice), Err(TiersError::Twice("PRO".to_owned())));
    }

    #[test]
    fn no_calls_are_no_calls_but_for_the_old_elite() {
        let yaml = "ELITE:\n  rate_limit_requests: 0\nPRO:\n  rate_limit_requests: 0\n";
        let tiers = read_yaml(yaml).unwrap();
        assert_eq!((tiers["ELITE"].calls, tiers["PRO"].calls.unwrap().count), (None, 0));
        assert_eq!(read_toml("[ELITE]\nrate_limit_requests = 0\n").unwrap()["ELITE"].calls.unwrap().count, 0);
    }

    #[test]
    fn mistakes_are_named() {
        for (text, why) in [
            ("[PRO]\nrate_limit = 5\n", "rate_limit"),
            ("[PRO]\nrate_limit_requests = -1\n", "rate_limit_requests"),
            ("[PRO]\nrate_limit_window_seconds = 0\n", "window of 0"),
            ("PRO = 1\n", "PRO"),
        ] {
            let error = read_toml(text).unwrap_err().to_string();
            assert!(error.contains(why), "{text}: {error}");
        }
        assert!(read_yaml("PRO: [1, 2]\n").is_err());
        let many: String = (0..=TIERS_MAX).map(|index| format!("[T{index}]\n")).collect();
        assert_eq!(read_toml(&many), Err(TiersError::TooMany));
        assert!(matches!(read_toml(&" ".repeat(TIERS_BYTES_MAX + 1)), Err(TiersError::TooLong(_))));
    }

    #[test]
    fn aliases_that_multiply_are_refused_soon() {
        let mut bomb = "a: &a ['*','*','*','*','*','*','*','*','*','*']\n".to_owned();
        for (one, before) in ('b'..='k').zip('a'..='j') {
            let many = vec![format!("*{before}"); 10].join(",");
            bomb.push_str(&format!("{one}: &{one} [{many}]\n"));
        }
        assert!(read_yaml(&bomb).is_err());
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[A-Za-z_0-9:\\-\\[\\]=\"' \n#&*{}]{0,120}") {
            let _ = (read_toml(&text), read_yaml(&text));
        }
    }
}

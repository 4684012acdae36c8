//! `llm`, from its part of the configuration.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use drawbridge_llm::{
    CacheSettings, Llm, LlmSettings, Price, ProviderSettings, QuotaSettings, Secret, Waits,
};

use crate::config::{self, KeyPlace};
use crate::secrets;

/// Where its books are, in the state folder.
const FOLDER: &str = "llm";

/// Opens the server. A key that is not there is told in the log, and its provider stays: it says so when it is asked.
pub(crate) fn open(llm: &config::Llm, state: &Path) -> Result<Llm> {
    let settings = settings(llm, state, &|place| key(place, state));
    Ok(Llm::open(&settings)?)
}

fn settings(llm: &config::Llm, state: &Path, key: &dyn Fn(&KeyPlace) -> Option<Secret>) -> LlmSettings {
    let provider = |(name, provider): (&String, &config::Provider)| {
        let usual = ProviderSettings::new(name, provider.kind.0);
        ProviderSettings {
            address: provider.address.clone().unwrap_or(usual.address),
            key: provider.key.as_ref().and_then(key),
            parallel: provider.parallel(),
            models_at_once: provider.models_at_once,
            waiting_max: provider.waiting_max,
            ..ProviderSettings::new(name, provider.kind.0)
        }
    };
    let seconds = Duration::from_secs;
    LlmSettings {
        providers: llm.provider.iter().map(provider).collect(),
        aliases: llm.models.iter().map(|(alias, targets)| (alias.clone(), targets.to_vec())).collect(),
        default_model: llm.default_model.clone(),
        prices: llm.price.iter().map(|(pattern, price)| (pattern.clone(), price_of(price))).collect(),
        quotas: llm.quota.iter().map(quota).collect(),
        discover: llm.discover,
        waits: Waits {
            first_byte: seconds(llm.first_byte_seconds),
            idle: seconds(llm.idle_seconds),
            ..Waits::default()
        },
        cache: CacheSettings {
            bytes_max: llm.cache.bytes_max,
            age_max: Duration::from_secs(llm.cache.age_seconds),
        },
        ..LlmSettings::new(state.join(FOLDER))
    }
}

fn price_of(price: &config::Price) -> Price {
    let config::Price { input, cached, output, tools } = price.clone();
    Price { input, cached, output, tools }
}

fn quota(quota: &config::Quota) -> QuotaSettings {
    QuotaSettings {
        callers: quota.callers.clone(),
        models: quota.models.clone(),
        tokens_per_request: quota.tokens_per_request,
        tokens_per_day: quota.tokens_per_day,
        money_per_day: quota.money_per_day,
    }
}

fn key(place: &KeyPlace, state: &Path) -> Option<Secret> {
    let found = match place {
        KeyPlace::Environment(name) => std::env::var(name).ok().filter(|key| !key.is_empty()),
        KeyPlace::Secret(name) => secrets::get(state, name)
            .inspect_err(|error| tracing::error!(%error, "the secrets cannot be read"))
            .ok()
            .flatten(),
    };
    if found.is_none() {
        let place = String::from(place.clone());
        tracing::warn!(key = place, "this key of a provider of language models is not there");
    }
    found.map(|key| Secret::new(key.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_configured_is_as_the_server_has_it() {
        let settings = settings(&config::Llm::default(), Path::new("/state"), &|_| None);
        let own = LlmSettings { discover: true, ..LlmSettings::new("/state/llm") };
        assert_eq!(format!("{settings:?}"), format!("{own:?}"));
    }

    #[test]
    fn what_is_configured_arrives() {
        let text = "default_model = 'good'\n[models]\ngood = ['a/x', 'b/y']\n[provider.a]\nkind = 'ollama'\n\
                    [provider.b]\nkind = 'openai'\nkey = 'secret:b'\n[price.'b/*']\ninput = 1\noutput = 2.5\ntools = { web_search = 0.01 }\n\
                    [[quota]]\ncallers = ['key:*']\ntokens_per_day = 9\n";
        let settings =
            settings(&toml::from_str(text).unwrap(), Path::new("/state"), &|_| Some(Secret::new("k")));
        let [a, b] = &settings.providers[..] else { panic!("{settings:?}") };
        assert_eq!(
            (a.address.as_str(), a.parallel, a.key.is_none()),
            ("http://127.0.0.1:11434", Some(4), true)
        );
        assert_eq!((b.address.as_str(), b.parallel, b.key.is_some()), ("https://api.openai.com", None, true));
        assert_eq!(settings.aliases["good"], ["a/x", "b/y"]);
        assert_eq!(settings.prices["b/*"].tools["web_search"], 0.01);
        assert_eq!((settings.prices["b/*"].output, settings.quotas[0].tokens_per_day), (2.5, Some(9)));
    }
}

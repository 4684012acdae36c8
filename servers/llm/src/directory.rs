//! Which provider a model's name leads to.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::future::join_all;

use crate::chat::{Failure, FailureKind};
use crate::error::OpenError;
use crate::provider::{Health, Provider, ProviderState};
use crate::settings::{LlmSettings, ProviderKind, ProviderSettings};
use crate::wire::{ModelEntry, ModelKind};

/// How many names an error repeats.
const NAMES_SHOWN_MAX: usize = 12;
/// The local servers that are looked for where none is configured.
const LOCAL: [ProviderKind; 3] = [ProviderKind::LmStudio, ProviderKind::Ollama, ProviderKind::LlamaCpp];

/// All providers, and the owner's names for models.
pub(crate) struct Directory {
    providers: Vec<Arc<Provider>>,
    /// Local servers at their usual addresses, which may be there or not.
    local: Vec<Arc<Provider>>,
    /// Whether those are asked, too.
    discover: bool,
    aliases: BTreeMap<String, Vec<String>>,
    default_model: Option<String>,
}

/// One model of one provider.
#[derive(Clone)]
pub(crate) struct Target {
    pub(crate) provider: Arc<Provider>,
    /// As its provider calls it.
    pub(crate) model: Arc<str>,
    /// As `provider/model`.
    pub(crate) full: Arc<str>,
}

impl Target {
    fn new(provider: &Arc<Provider>, model: &str) -> Self {
        let full = format!("{}/{model}", provider.name).into();
        Self { provider: provider.clone(), model: model.into(), full }
    }
}

/// What a provider has, or why nobody knows.
pub(crate) struct Shelf {
    pub(crate) provider: Arc<Provider>,
    pub(crate) models: Result<Arc<Vec<ModelEntry>>, Failure>,
}

impl Directory {
    /// # Errors
    /// [`OpenError`] names the provider or alias at fault.
    pub(crate) fn open(settings: &LlmSettings) -> Result<Self, OpenError> {
        let mut providers: Vec<Arc<Provider>> = Vec::new();
        for provider in &settings.providers {
            if !is_name(&provider.name) || providers.iter().any(|known| *known.name == *provider.name) {
                return Err(OpenError::Name(provider.name.clone()));
            }
            providers.push(Provider::open(provider, settings.waits, true)?);
        }
        let local = local(settings, &providers)?;
        let (aliases, default_model) = (settings.aliases.clone(), settings.default_model.clone());
        let directory = Self { providers, local, discover: settings.discover, aliases, default_model };
        directory.check_aliases()?;
        Ok(directory)
    }

    fn check_aliases(&self) -> Result<(), OpenError> {
        for (alias, targets) in &self.aliases {
            for target in targets {
                if self.named(target).is_none() {
                    return Err(OpenError::Alias { alias: alias.clone(), target: target.clone() });
                }
            }
        }
        Ok(())
    }

    /// The model that `provider/model` names, if there is such a provider.
    fn named(&self, full: &str) -> Option<Target> {
        let (name, model) = full.split_once('/')?;
        let provider = self.asked().find(|provider| *provider.name == *name)?;
        (!model.is_empty()).then(|| Target::new(provider, model))
    }

    /// Where a request for this model may go, the first choice first. An empty name is the owner's default, or whatever
    /// runs.
    ///
    /// # Errors
    /// A [`Failure`] that names the models there are, of those that `may` be used: what a caller may not use does not
    /// exist for it.
    pub(crate) async fn find(
        &self,
        asked: &str,
        may: &(dyn Fn(&str) -> bool + Sync),
    ) -> Result<Vec<Target>, Failure> {
        let asked = if asked.is_empty() { self.default_model.as_deref().unwrap_or("") } else { asked };
        if let Some(targets) = self.aliases.get(asked) {
            return Ok(targets.iter().filter_map(|target| self.named(target)).collect());
        }
        if let Some(target) = self.named(asked) {
            return Ok(vec![target]);
        }
        self.look_for(asked, may).await
    }

    async fn look_for(
        &self,
        asked: &str,
        may: &(dyn Fn(&str) -> bool + Sync),
    ) -> Result<Vec<Target>, Failure> {
        let shelves = self.shelves().await;
        let fits = |entry: &&ModelEntry| match asked {
            "" => entry.kind != ModelKind::Embedding,
            asked => entry.id == asked,
        };
        let found = shelves.iter().filter_map(|shelf| {
            let models = shelf.models.as_ref().ok()?;
            // What is in memory answers at once.
            let loaded = models.iter().filter(fits).find(|entry| entry.loaded == Some(true));
            Some(Target::new(&shelf.provider, &loaded.or_else(|| models.iter().find(fits))?.id))
        });
        let found: Vec<Target> = found.collect();
        if found.is_empty() { Err(unknown(asked, &shelves, may)) } else { Ok(found) }
    }

    /// What every provider has. One that was looked for and is not there is left out.
    pub(crate) async fn shelves(&self) -> Vec<Shelf> {
        let asked = self.asked().map(shelf);
        let shelves = join_all(asked).await;
        shelves.into_iter().filter(|shelf| shelf.provider.configured || shelf.models.is_ok()).collect()
    }

    /// How every provider is, asked now. A local server that was only looked for and is not there is left out.
    pub(crate) async fn check(&self) -> Vec<(Arc<Provider>, Health)> {
        let asked = self.asked().map(|provider| async { (provider.clone(), provider.check().await) });
        let all = join_all(asked).await;
        all.into_iter().filter(|(provider, health)| provider.configured || health.models.is_ok()).collect()
    }

    /// How every provider is, as far as is known without asking. A local server that was only looked for is left out while
    /// it never answered.
    pub(crate) fn states(&self) -> Vec<(Arc<str>, ProviderState)> {
        let all = self.asked().map(|provider| (provider, provider.state()));
        let there = all.filter(|(provider, state)| provider.configured || *state == ProviderState::Ok);
        there.map(|(provider, state)| (provider.name.clone(), state)).collect()
    }

    /// The local servers that are there, whether they are asked or not.
    pub(crate) async fn discover(&self) -> Vec<Shelf> {
        let local = self.asked().filter(|provider| provider.kind.is_local());
        let unasked = self.local.iter().filter(|_| !self.discover);
        let shelves = join_all(local.chain(unasked).map(shelf)).await;
        shelves.into_iter().filter(|shelf| shelf.models.is_ok()).collect()
    }

    /// Everybody who is asked for models.
    fn asked(&self) -> impl Iterator<Item = &Arc<Provider>> {
        self.providers.iter().chain(self.local.iter().filter(|_| self.discover))
    }

    /// The owner's names for models, and where each leads.
    pub(crate) fn aliases(&self) -> impl Iterator<Item = (&String, &Vec<String>)> {
        self.aliases.iter()
    }
}

async fn shelf(provider: &Arc<Provider>) -> Shelf {
    Shelf { provider: provider.clone(), models: provider.models().await }
}

/// Local servers at their usual addresses, but for those that are configured.
fn local(settings: &LlmSettings, configured: &[Arc<Provider>]) -> Result<Vec<Arc<Provider>>, OpenError> {
    let is_there = |kind: ProviderKind| {
        configured.iter().any(|one| *one.name == *kind.word() || one.address() == kind.usual_address())
    };
    LOCAL
        .into_iter()
        .filter(|kind| !is_there(*kind))
        .map(|kind| Provider::open(&ProviderSettings::new(kind.word(), kind), settings.waits, false))
        .collect()
}

fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

fn unknown(asked: &str, shelves: &[Shelf], may: &dyn Fn(&str) -> bool) -> Failure {
    let names: Vec<String> = shelves
        .iter()
        .flat_map(|shelf| {
            shelf
                .models
                .iter()
                .flat_map(|models| models.iter())
                .map(|one| format!("{}/{}", shelf.provider.name, one.id))
        })
        .filter(|name| may(name))
        .collect();
    let silent: Vec<String> =
        shelves.iter().filter_map(|shelf| Some(shelf.models.as_ref().err()?.to_string())).collect();
    let what = if asked.is_empty() {
        "no model was named, and none is there".to_owned()
    } else {
        format!("there is no model {asked:?}")
    };
    let mut words = match names.len() {
        0 => format!(
            "{what}: start LM Studio, Ollama or llama.cpp, or name a provider in [llm.provider.NAME]; `drawbridge llm discover` looks for them"
        ),
        _ => format!("{what}; there are {}", names[..names.len().min(NAMES_SHOWN_MAX)].join(", ")),
    };
    if names.len() > NAMES_SHOWN_MAX {
        words.push_str(&format!(" and {} more", names.len() - NAMES_SHOWN_MAX));
    }
    if !silent.is_empty() {
        words.push_str(&format!(". Not asked: {}", silent.join("; ")));
    }
    Failure::new(FailureKind::NotFound, words)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(change: impl FnOnce(&mut LlmSettings)) -> Result<Directory, OpenError> {
        let mut settings = LlmSettings::new("/nowhere");
        settings.providers.push(ProviderSettings::new("one", ProviderKind::LlamaCpp));
        change(&mut settings);
        Directory::open(&settings)
    }

    fn alias(name: &str, targets: &[&str]) -> (String, Vec<String>) {
        (name.to_owned(), targets.iter().map(|&target| target.to_owned()).collect())
    }

    #[tokio::test]
    async fn a_name_leads_to_its_provider_or_an_alias_to_several() {
        let directory = open(|settings| {
            settings.providers.push(ProviderSettings::new("two", ProviderKind::Ollama));
            settings.aliases.extend([alias("good", &["two/big", "one/org/small"])]);
            settings.default_model = Some("good".to_owned());
        })
        .unwrap();
        let full = |targets: Vec<Target>| targets.iter().map(|one| one.full.to_string()).collect::<Vec<_>>();
        for name in ["good", ""] {
            assert_eq!(
                full(directory.find(name, &|_| true).await.unwrap()),
                ["two/big", "one/org/small"],
                "{name}"
            );
        }
        let found = directory.find("one/org/small", &|_| true).await.unwrap();
        assert_eq!((&*found[0].model, &*found[0].provider.name), ("org/small", "one"));
    }

    #[test]
    fn what_makes_no_sense_is_refused_at_once() {
        for bad in ["", "One", "a/b", "a b", "one"] {
            let opened =
                open(|settings| settings.providers.push(ProviderSettings::new(bad, ProviderKind::Ollama)));
            assert!(matches!(opened, Err(OpenError::Name(_))), "{bad}");
        }
        for target in ["three/x", "one", "one/", ""] {
            let opened = open(|settings| settings.aliases.extend([alias("a", &[target])]));
            assert!(matches!(opened, Err(OpenError::Alias { .. })), "{target}");
        }
    }

    #[tokio::test]
    async fn nobody_asks_to_tell_how_providers_are() {
        let directory = open(|settings| settings.discover = true).unwrap();
        assert_eq!(directory.states(), [("one".into(), ProviderState::Unknown)], "others may not be there");
    }

    #[test]
    fn local_servers_are_looked_for_where_none_is_configured() {
        let directory = open(|settings| settings.discover = true).unwrap();
        let names: Vec<&str> = directory.asked().map(|one| &*one.name).collect();
        assert_eq!(names, ["one", "lm-studio", "ollama"], "llama.cpp's usual address is configured as `one`");
    }
}

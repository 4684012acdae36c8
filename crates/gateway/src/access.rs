//! What one caller may do: computed once per caller, catalog and rules, not per request.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use drawbridge_contract::{Caller, Grade, Licence, Refusal, Standing, Target, View};

use crate::catalog::{Catalog, Entry, Subject, stream_entry};
use crate::limits::RateLimit;
use crate::meter::Meter;
use crate::pattern::Patterns;
use crate::rules::{Decision, Rules, Ruling};
use crate::tiers::{OldNames, TierScope};

/// Numbers the views of this process.
static REVISIONS: AtomicU64 = AtomicU64::new(1);

/// One caller, and what the catalog and the rules hold for it.
pub(crate) struct Access {
    pub(crate) caller: Arc<Caller>,
    pub(crate) bound: Bound,
    scopes: Patterns,
    grants: OnceLock<Grants>,
}

/// What bounds one caller besides its scopes; by default nothing.
#[derive(Default)]
pub(crate) struct Bound {
    /// When its key ends, in microseconds since the epoch.
    pub(crate) expires_us: Option<i64>,
    pub(crate) rate: Option<Arc<RateLimit>>,
    /// Where its calls are counted, if a tier bounds it.
    pub(crate) meter: Option<Arc<Meter>>,
    /// What its tier shows.
    pub(crate) tier: Option<(TierScope, Arc<OldNames>)>,
}

/// Something this caller may see, and what the rules say of it.
pub(crate) struct Grant {
    pub(crate) entry: Arc<Entry>,
    pub(crate) ruling: Ruling,
}

struct Grants {
    tools: HashMap<Box<str>, Arc<Grant>>,
    prompts: HashMap<Box<str>, Arc<Grant>>,
    resources: Vec<Arc<Grant>>,
    /// By the names of their entries.
    streams: HashMap<Box<str>, Arc<Grant>>,
    /// By their paths.
    exchanges: HashMap<Box<str>, Arc<Grant>>,
    view: Arc<View>,
}

impl Access {
    pub(crate) fn new(caller: Arc<Caller>, scopes: Patterns, bound: Bound) -> Self {
        Self { caller, bound, scopes, grants: OnceLock::new() }
    }

    /// Takes one call out of everything that bounds how many there may be.
    ///
    /// # Errors
    /// [`Refusal::RateLimited`], [`Refusal::TierSpent`] say when the call fits.
    pub(crate) fn take_call(&self) -> Result<(), Refusal> {
        if let Some(rate) = &self.bound.rate {
            rate.take()?;
        }
        match (&self.caller.grade, &self.bound.meter) {
            (Some(Grade { tier, .. }), Some(meter)) => {
                tier.calls.map_or(Ok(()), |limit| meter.take(tier, limit))
            }
            _ => Ok(()),
        }
    }

    /// Where this caller stands with its tier.
    pub(crate) fn standing(&self, licence: Option<&Arc<Licence>>) -> Standing {
        let Some(grade) = &self.caller.grade else { return Standing::default() };
        let left = |meter: &Arc<Meter>| Some(meter.left(grade.tier.calls?));
        Standing {
            grade: Some(grade.clone()),
            calls_left: self.bound.meter.as_ref().and_then(left),
            licence: licence.filter(|licence| grade.is_of(licence)).cloned(),
        }
    }

    pub(crate) fn view(&self, catalog: &Catalog, rules: &Rules) -> Arc<View> {
        self.grants(catalog, rules).view.clone()
    }

    /// Finds what a call is for, among what this caller may see.
    pub(crate) fn resolve(
        &self,
        catalog: &Catalog,
        rules: &Rules,
        target: &Target,
    ) -> Result<Arc<Grant>, Refusal> {
        let grants = self.grants(catalog, rules);
        let (kind, name, found) = match target {
            Target::Tool(name) => ("tool", name, grants.tools.get(name)),
            Target::Prompt(name) => ("prompt", name, grants.prompts.get(name)),
            Target::Resource(uri) => ("resource", uri, grants.resources.iter().find(|grant| grant.owns(uri))),
            Target::Stream { server, id, mode } => {
                ("stream", id, grants.streams.get(stream_entry(server, *mode).as_str()))
            }
            Target::Exchange(request) => ("exchange", &request.path, grants.exchanges.get(&request.path)),
        };
        found.cloned().ok_or_else(|| self.not_found(kind, name))
    }

    /// Who sees nothing because of its licence is told so: it would look for its own mistake.
    fn not_found(&self, kind: &'static str, name: &str) -> Refusal {
        match self.caller.grade.as_ref().and_then(|grade| grade.fault.as_ref()) {
            Some(fault) => Refusal::Denied(format!("this key may do nothing: {fault}")),
            None => Refusal::NotFound { kind, name: name.into() },
        }
    }

    fn grants(&self, catalog: &Catalog, rules: &Rules) -> &Grants {
        self.grants.get_or_init(|| self.compute(catalog, rules))
    }

    fn tier_shows(&self, entry: &Entry) -> bool {
        self.bound.tier.as_ref().is_none_or(|(tier, old)| tier.shows(entry, old))
    }

    /// Whether this caller may see it, but for the rules.
    pub(crate) fn covers(&self, entry: &Entry) -> bool {
        self.scopes.matches(&entry.name) && self.tier_shows(entry)
    }

    fn compute(&self, catalog: &Catalog, rules: &Rules) -> Grants {
        let visible: Vec<Arc<Grant>> = catalog
            .entries
            .iter()
            .filter(|entry| self.covers(entry))
            .map(|entry| Grant {
                entry: entry.clone(),
                ruling: rules.decide(&self.caller, &entry.name, entry.annotations),
            })
            .filter(|grant| grant.ruling.decision != Decision::Deny)
            .map(Arc::new)
            .collect();
        Grants::of(&visible, catalog.instructions.clone())
    }
}

impl Grants {
    fn of(visible: &[Arc<Grant>], instructions: String) -> Self {
        let (mut tools, mut prompts, mut streams, mut exchanges, mut resources) =
            (HashMap::new(), HashMap::new(), HashMap::new(), HashMap::new(), Vec::new());
        let mut view = View {
            revision: REVISIONS.fetch_add(1, Ordering::Relaxed),
            tools: Vec::new(),
            resources: Vec::new(),
            templates: Vec::new(),
            prompts: Vec::new(),
            instructions,
        };
        for grant in visible {
            match &grant.entry.subject {
                Subject::Tool(tool, _) => {
                    view.tools.push(tool.clone());
                    tools.insert(grant.entry.name.clone(), grant.clone());
                }
                Subject::Resources(some) => {
                    view.resources.push(some.clone());
                    view.templates.extend(some.templates());
                    resources.push(grant.clone());
                }
                Subject::Prompt(prompt) => {
                    view.prompts.push(prompt.spec().clone());
                    prompts.insert(prompt.spec().name.as_str().into(), grant.clone());
                }
                Subject::Streams(..) => {
                    streams.insert(grant.entry.name.clone(), grant.clone());
                }
                Subject::Exchange(_, path) => {
                    exchanges.insert((*path).into(), grant.clone());
                }
            }
        }
        Self { tools, prompts, resources, streams, exchanges, view: Arc::new(view) }
    }
}

impl Grant {
    fn owns(&self, uri: &str) -> bool {
        matches!(&self.entry.subject, Subject::Resources(resources) if resources.owns(uri))
    }
}

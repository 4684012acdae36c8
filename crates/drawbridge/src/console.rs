//! The console's wiring: what it asks of the program.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::Router;
use drawbridge_connect::Entry;
use drawbridge_console::{Console, Fault, Program, Sessions, TiersPlace};
use drawbridge_contract::{CallId, Licence, Licensing, Timetable};
use drawbridge_gateway::{BrowserSessions, Effect, Gateway, Ongoing, RuleSettings};
use drawbridge_licence::Tiers;
use drawbridge_llm::{Llm, ProviderState};
use drawbridge_web::StatusSource;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::config::{self, CONFIG_FILE, Config, Provider};
use crate::hub::Hub;
use crate::licensing::{self, Files};
use crate::{commands, secrets};

/// The folder in the state folder in which the console keeps what its pages keep.
const FOLDER: &str = "console";

/// Who is signed in. The guard and the console ask the same one.
pub(crate) fn sessions(hub: &Hub) -> Arc<Sessions> {
    Arc::new(Sessions::new(hub.store.clone(), Arc::new(BrowserSessions(hub.gateway.clone()))))
}

/// The console as an entrance.
pub(crate) fn entrance(
    hub: &Hub,
    sessions: Arc<Sessions>,
    status: StatusSource,
    shutdown: &CancellationToken,
) -> Router {
    let (gateway, state, config) = (hub.gateway.clone(), hub.state.clone(), hub.config.clone());
    drawbridge_console::router(Console {
        store: hub.store.clone(),
        handler: hub.gateway.clone(),
        sessions,
        program: Arc::new(Backstage { status, gateway, llm: hub.llm.clone(), state, config }),
        folder: hub.state.join(FOLDER),
        shutdown: shutdown.clone(),
    })
}

/// What only the program knows.
struct Backstage {
    status: StatusSource,
    gateway: Arc<Gateway>,
    llm: Arc<Llm>,
    state: PathBuf,
    /// As the hub was started with.
    config: Config,
}

/// A provider, and how it is as far as is known. One that was found on this machine is in no configuration: its name is its
/// kind.
fn provider(name: &str, configured: Option<&Provider>, state: ProviderState) -> Value {
    match configured {
        Some(one) => {
            json!({"name": name, "kind": one.kind, "address": one.address, "has_key": one.key.is_some(), "health": state})
        }
        None => json!({"name": name, "kind": name, "address": null, "has_key": false, "health": state}),
    }
}

/// A licence, for the owner.
fn told(licence: &Licence) -> Value {
    json!({
        "tier": licence.tier, "user": licence.user, "fault": licence.fault,
        "expires_at_ms": licence.expires_us.map(|us| us / 1000),
    })
}

impl Program for Backstage {
    fn status(&self) -> Value {
        (self.status)()
    }

    fn providers(&self) -> Value {
        let configured = &self.config.llm.provider;
        let states = self.llm.provider_states();
        states.iter().map(|(name, state)| provider(name, configured.get(&**name), *state)).collect()
    }

    fn tokens_of_the_hour(&self) -> Vec<(i64, u64, u64)> {
        self.llm.tokens_of_the_hour()
    }

    fn config_path(&self) -> PathBuf {
        self.state.join(CONFIG_FILE)
    }

    fn read_config(&self, text: &str) -> Result<Vec<RuleSettings>, Vec<Fault>> {
        let fault = |problem: config::Problem| Fault { field: problem.field, message: problem.why };
        let read =
            config::parse(text).map_err(|problems| problems.into_iter().map(fault).collect::<Vec<_>>())?;
        Ok(read.rules)
    }

    fn effects(&self, rules: Option<&[RuleSettings]>) -> Result<Vec<Effect>, String> {
        self.gateway.effects(rules).map_err(|error| error.to_string())
    }

    fn apply_rules(&self, rules: &[RuleSettings]) -> Result<(), String> {
        self.gateway.rerule(rules).map_err(|error| error.to_string())
    }

    fn tiers(&self) -> TiersPlace {
        let files = Files::of(&self.state, &self.config.licence);
        let found = files.read();
        let path =
            found.tiers_from.as_deref().or(files.tiers_to_be()).map(Path::to_owned).unwrap_or_default();
        let is_old = licensing::is_old(&path);
        let Licensing { tiers: holds, licence } = found.licensing;
        TiersPlace { path, is_old, problem: found.problem, licence: licence.map(|one| told(&one)), holds }
    }

    fn read_tiers(&self, text: &str) -> Result<Tiers, String> {
        licensing::parse(Path::new("tiers.toml"), text)
    }

    fn effects_of_tiers(&self, tiers: Tiers) -> Result<Vec<Effect>, String> {
        let licence = Files::of(&self.state, &self.config.licence).read().licensing.licence;
        self.gateway.effects_of(Licensing { tiers, licence }).map_err(|error| error.to_string())
    }

    fn next_times(&self, when: &Timetable, count: usize) -> Result<Vec<Box<str>>, String> {
        drawbridge_background::next_times(when, count)
    }

    fn ongoing(&self, call: &str) -> Option<Ongoing> {
        self.gateway.ongoing(CallId::parse(call)?)
    }

    fn secrets(&self) -> Result<Vec<String>, String> {
        secrets::names(&self.state).map_err(|error| format!("{error:#}"))
    }

    fn keep_secret(&self, name: &str, value: Option<&str>) -> Result<bool, String> {
        let kept = match value {
            Some(value) => secrets::set(&self.state, name, value).map(|()| true),
            None => secrets::remove(&self.state, name),
        };
        kept.map_err(|error| format!("{error:#}"))
    }

    fn entry(&self) -> Result<Entry, String> {
        commands::entry().map_err(|error| format!("{error:#}"))
    }
}

//! `/api/console/keys`: who may call.

use std::sync::Arc;

use axum::extract::{Path, Request, State};
use axum::response::Response;
use drawbridge_gateway::Patterns;
use drawbridge_store::{By, Key, KeyKind, NewKey, now_us};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::answer::answer;
use crate::body;
use crate::problem::Problem;
use crate::session;
use crate::shared::Shared;

/// The name of the owner's key, which the command line renews.
const OWNER: &str = "owner";

/// The keys that are of use or were, but for those of commands and links.
pub(crate) async fn list(State(console): State<Arc<Shared>>) -> Result<Response, Problem> {
    let now = now_us();
    let is_shown = |key: &&Key| !matches!(key.kind, KeyKind::Session | KeyKind::Link);
    let keys = console.store.keys().list()?;
    let keys: Vec<Value> = keys.iter().filter(is_shown).map(|key| shown(key, now)).collect();
    Ok(answer(&json!({"keys": keys})))
}

fn shown(key: &Key, now_us: i64) -> Value {
    let ms = |us: Option<i64>| us.map(|us| us / 1000);
    let state = match key {
        Key { revoked_us: Some(_), .. } => "revoked",
        key if key.is_live(now_us) => "live",
        _ => "expired",
    };
    json!({
        "id": key.id, "name": key.name, "kind": key.kind, "scopes": key.scopes, "tier": key.tier, "state": state,
        "calls_per_minute": key.calls_per_minute, "created_at_ms": key.created_us / 1000,
        "expires_at_ms": ms(key.expires_us), "revoked_at_ms": ms(key.revoked_us), "used_at_ms": ms(key.used_us),
    })
}

/// A key to be.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    name: String,
    /// Patterns of tools; all where there are none.
    #[serde(default)]
    scopes: Vec<String>,
    #[serde(default)]
    expires_at_ms: Option<i64>,
    #[serde(default)]
    calls_per_minute: Option<u32>,
    #[serde(default)]
    tier: Option<String>,
}

/// Makes a key. Its secret is in this answer, and nowhere else ever again.
pub(crate) async fn add(State(console): State<Arc<Shared>>, request: Request) -> Result<Response, Problem> {
    let wanted = body::json::<Wanted>(request).await?;
    let (key, secret) = new_key(wanted)?;
    let key = console.store.keys().add(key, By::now("owner", "console")).await?;
    Ok(answer(&json!({"key": shown(&key, now_us()), "secret": secret})))
}

fn new_key(wanted: Wanted) -> Result<(NewKey, String), Problem> {
    let Wanted { name, scopes, expires_at_ms, calls_per_minute, tier } = wanted;
    let name = name.trim().to_owned();
    if name.is_empty() || name == OWNER {
        return Err(Problem::invalid("give the key a name of its own: that of what will hold it"));
    }
    if calls_per_minute == Some(0) {
        return Err(Problem::invalid("a key that may make no call is none: leave the rate out, or give one"));
    }
    let scopes = if scopes.is_empty() { vec!["*".to_owned()] } else { scopes };
    Patterns::compile(scopes.iter().map(String::as_str))
        .map_err(|error| Problem::invalid(error.to_string()))?;
    let expires_us = expires_at_ms.map(|ms| ms.saturating_mul(1000));
    if expires_us.is_some_and(|us| us <= now_us()) {
        return Err(Problem::invalid("this key would have expired already"));
    }
    let (secret, hash) = session::fresh_key();
    let key = NewKey { id: None, name, hash, kind: KeyKind::Key, scopes, tier, expires_us, calls_per_minute };
    Ok((key, secret))
}

/// Revokes a key, at once and for good.
pub(crate) async fn revoke(
    State(console): State<Arc<Shared>>,
    Path(name): Path<String>,
) -> Result<Response, Problem> {
    console.store.keys().revoke(&name, By::now("owner", "console")).await?;
    Ok(answer(&json!({"revoked": name})))
}

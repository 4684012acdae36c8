//! `drawbridge keys`.

use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use drawbridge_gateway::Patterns;
use drawbridge_store::{By, Key, KeyKind, NewKey, now_us};
use serde_json::json;

use super::span_us;
use crate::{output, owner_key, secret};

#[derive(Debug, Subcommand)]
pub(crate) enum KeysCommand {
    /// Make a key for a caller and show it once.
    Add(Add),
    /// List the keys.
    List {
        /// Also those that were revoked or have expired.
        #[arg(long)]
        all: bool,
    },
    /// Revoke a key, at once and for good.
    Revoke {
        /// Its name.
        name: String,
    },
    /// Make a new owner key in place of the old one, which is revoked.
    Renew,
}

#[derive(Debug, Args)]
pub(crate) struct Add {
    /// What you call it: the machine or application that will hold it.
    name: String,
    /// Which tools it may use, such as `files_*`; may be given several times. All, when absent.
    #[arg(long = "scope", value_name = "PATTERN")]
    scopes: Vec<String>,
    /// From when on it opens nothing: `12h`, `30d`.
    #[arg(long, value_name = "TIME", value_parser = span_us)]
    expires: Option<i64>,
    /// How many calls a minute it may make.
    #[arg(long, value_name = "CALLS", value_parser = clap::value_parser!(u32).range(1..))]
    per_minute: Option<u32>,
}

/// Runs one of them.
pub(crate) async fn run(command: KeysCommand, json: bool) -> Result<ExitCode> {
    match command {
        KeysCommand::Add(add) => make(add, json).await?,
        KeysCommand::List { all } => list(all, json)?,
        KeysCommand::Revoke { name } => revoke(&name).await?,
        KeysCommand::Renew => renew(json).await?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn make(add: Add, json: bool) -> Result<()> {
    if add.name == owner_key::NAME {
        bail!("`owner` is the owner's own key; `drawbridge keys renew` makes a new one");
    }
    let scopes = if add.scopes.is_empty() { vec!["*".to_owned()] } else { add.scopes };
    Patterns::compile(scopes.iter().map(String::as_str))?;
    let secret = secret::fresh();
    let key = NewKey {
        id: None,
        name: add.name,
        hash: secret::hash(&secret),
        kind: KeyKind::Key,
        scopes,
        tier: None,
        expires_us: add.expires.map(|span| now_us() + span),
        calls_per_minute: add.per_minute,
    };
    let store = super::store()?;
    let key = store.keys().add(key, By::now("owner", "cli")).await?;
    store.close().await?;
    show_once(&key, &secret, json)
}

async fn renew(json: bool) -> Result<()> {
    let store = super::store()?;
    let secret = secret::fresh();
    let key = store.keys().replace(owner_key::owner(&secret), By::now("owner", "cli")).await?;
    store.close().await?;
    show_once(&key, &secret, json)
}

fn show_once(key: &Key, secret: &str, json: bool) -> Result<()> {
    if json {
        return output::json(&json!({"key": key, "secret": secret}));
    }
    output::line(format!(
        "The key of {}, shown only this once:\n\n  {}\n",
        output::bold(&key.name),
        output::green(secret)
    ))?;
    output::line(format!(
        "Callers send it as `Authorization: Bearer …`. `drawbridge keys revoke {}` takes it back.",
        key.name
    ))
}

fn list(all: bool, json: bool) -> Result<()> {
    let now = now_us();
    let mut keys = super::store()?.keys().list()?;
    let is_brief = |key: &Key| matches!(key.kind, KeyKind::Session | KeyKind::Link);
    keys.retain(|key| all || (key.is_live(now) && !is_brief(key)));
    if json {
        return output::json(&keys);
    }
    if keys.is_empty() {
        return output::line(
            "There is no key yet: `drawbridge keys add NAME` makes one, `drawbridge serve` the owner's.",
        );
    }
    let rows = keys.iter().map(|key| row(key, now)).collect();
    output::table(&["NAME", "KIND", "MAY USE", "A MINUTE", "EXPIRES", "LAST USED", ""], rows)
}

fn row(key: &Key, now: i64) -> Vec<String> {
    let state = match key {
        Key { revoked_us: Some(_), .. } => "revoked",
        key if !key.is_live(now) => "expired",
        _ => "",
    };
    vec![
        output::plain_line(&key.name),
        key.kind.to_string(),
        output::plain_line(&key.scopes.join(" ")),
        key.calls_per_minute.map_or_else(|| "any".to_owned(), |count| count.to_string()),
        output::time_or(key.expires_us, "never"),
        output::time_or(key.used_us, "never"),
        state.to_owned(),
    ]
}

async fn revoke(name: &str) -> Result<()> {
    let store = super::store()?;
    store.keys().revoke(name, By::now("owner", "cli")).await?;
    store.close().await?;
    output::line(format!("The key of {} opens nothing any more.", output::bold(name)))
}

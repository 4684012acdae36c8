//! `drawbridge keys`.

use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use clap::{Args, Subcommand};
use drawbridge_contract::Grade;
use drawbridge_gateway::{Patterns, calls_left};
use drawbridge_store::{By, Key, KeyKind, NewKey, now_us};
use serde_json::json;

use super::{licence, span_us};
use crate::hub::configured;
use crate::licensing::{Files, Found};
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
    /// Show one key: what it may do, and what is left of that now.
    Show {
        /// Its name.
        name: String,
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
    /// The tier that bounds it, of those that `drawbridge licence check` lists.
    #[arg(long, value_name = "TIER")]
    tier: Option<String>,
    /// How many calls a minute it may make.
    #[arg(long, value_name = "CALLS", value_parser = clap::value_parser!(u32).range(1..))]
    per_minute: Option<u32>,
}

impl Add {
    /// A key that is bounded by what it may use and by its expiry (`30d`; never when empty).
    pub(super) fn new(name: String, scopes: Vec<String>, expires: &str) -> Result<Self> {
        let expires = (!expires.is_empty()).then(|| span_us(expires)).transpose();
        Ok(Self { name, scopes, expires: expires.map_err(anyhow::Error::msg)?, tier: None, per_minute: None })
    }
}

/// Runs one of them.
pub(crate) async fn run(command: KeysCommand, json: bool) -> Result<ExitCode> {
    match command {
        KeysCommand::Add(add) => make(add, json).await?,
        KeysCommand::List { all } => list(all, json)?,
        KeysCommand::Show { name } => show(&name, json)?,
        KeysCommand::Revoke { name } => revoke(&name).await?,
        KeysCommand::Renew => renew(json).await?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn make(add: Add, json: bool) -> Result<()> {
    let (key, secret) = create(add).await?;
    show_once(&key, &secret, json)
}

/// Makes a key; gives it and its secret, which is kept nowhere.
pub(super) async fn create(add: Add) -> Result<(Key, String)> {
    if add.name == owner_key::NAME {
        bail!("`owner` is the owner's own key; `drawbridge keys renew` makes a new one");
    }
    if let Some(tier) = &add.tier {
        refuse_unknown(tier)?;
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
        tier: add.tier,
        expires_us: add.expires.map(|span| now_us() + span),
        calls_per_minute: add.per_minute,
    };
    let store = super::store()?;
    let key = store.keys().add(key, By::now("owner", "cli")).await?;
    store.close().await?;
    Ok((key, secret))
}

/// A tier that does not exist would give its key nothing.
fn refuse_unknown(tier: &str) -> Result<()> {
    let licensing = found()?.licensing;
    if licensing.tiers.contains_key(tier) {
        return Ok(());
    }
    let mut names: Vec<&str> = licensing.tiers.keys().map(|name| &**name).collect();
    names.sort_unstable();
    if names.is_empty() {
        bail!("there are no tiers yet: write them into tiers.toml in the state folder first");
    }
    bail!("there is no tier {tier}; there are {}", names.join(", "))
}

fn found() -> Result<Found> {
    let (state, config) = configured()?;
    Ok(Files::of(&state, &config.licence).read())
}

/// One key, with where it stands in its tier.
fn show(name: &str, json: bool) -> Result<()> {
    let store = super::store()?;
    let now = now_us();
    let key = store.keys().list()?.into_iter().rfind(|key| &*key.name == name);
    let key =
        key.with_context(|| format!("there is no key {name}; `drawbridge keys list` shows those there are"))?;
    let grade = match key.kind {
        KeyKind::Key => found()?.licensing.grade(&format!("key:{name}"), key.tier.as_deref()),
        _ => None,
    };
    let left = grade.as_ref().and_then(|grade| calls_left(&store, grade));
    if json {
        let tier = grade.as_ref().map(|grade| {
            json!({"tier": licence::tier_json(&grade.tier), "account": grade.account, "fault": grade.fault, "calls_left": left})
        });
        return output::json(&json!({"key": key, "standing": tier}));
    }
    let row = row(&key, now);
    let heads = ["name", "kind", "may use", "a minute", "expires", "last used", "state"];
    for (head, value) in heads.iter().zip(&row).filter(|(_, value)| !value.is_empty()) {
        output::line(format!("{head:<10} {value}"))?;
    }
    grade.map_or(Ok(()), |grade| show_grade(&grade, left))
}

fn show_grade(grade: &Grade, left: Option<u32>) -> Result<()> {
    output::line(format!(
        "tier       {}, counted as {}",
        output::plain_line(&grade.tier.name),
        grade.account
    ))?;
    if let Some(fault) = &grade.fault {
        return output::line(format!(
            "           {} it may do nothing: {}",
            output::red("✗"),
            output::plain_line(fault)
        ));
    }
    output::line(format!("tools      {}", output::plain_line(&grade.tier.allowed.join(" "))))?;
    let left = left.map_or_else(String::new, |left| format!(", {left} left"));
    output::line(format!("calls      {}{left}", licence::calls(&grade.tier)))?;
    let any = |limit: Option<u64>| limit.map_or_else(|| "any".to_owned(), |count| count.to_string());
    match &grade.tier.llm {
        None => output::line("models     none"),
        Some(llm) => output::line(format!(
            "models     {}; tokens in a request {}, in a day {} (`drawbridge llm usage` says how many were used)",
            output::plain_line(&llm.models.join(" ")),
            any(llm.tokens_per_request),
            any(llm.tokens_per_day)
        )),
    }
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
    withdraw(name).await?;
    output::line(format!("The key of {} opens nothing any more.", output::bold(name)))
}

/// Revokes a key, at once and for good.
pub(super) async fn withdraw(name: &str) -> Result<()> {
    let store = super::store()?;
    store.keys().revoke(name, By::now("owner", "cli")).await?;
    Ok(store.close().await?)
}

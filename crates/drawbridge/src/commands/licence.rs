//! `drawbridge licence`.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::Subcommand;
use drawbridge_contract::{Licence, Tier};
use drawbridge_licence::{SigningKey, Terms};
use serde_json::{Value, json};

use crate::hub::configured;
use crate::licensing::{Files, Found};
use crate::output;

#[derive(Debug, Subcommand)]
pub(crate) enum LicenceCommand {
    /// Say what the licence gives, until when, and which tiers there are.
    Check,
    /// Sign a licence, for whoever gives them out; prints it.
    #[command(
        after_help = "Example:\n  drawbridge licence sign --key vendor.key PRO:alice:2026-12-31 > lic.key"
    )]
    Sign {
        /// The file with the signing key, as `new-key` made it.
        #[arg(long, value_name = "FILE")]
        key: PathBuf,
        /// TIER:USER:YYYY-MM-DD; `never` in place of the day for a licence without an end.
        licence: String,
    },
    /// Make a key that signs licences, in a file; prints the public key, for `licence.signer` in the configuration.
    NewKey {
        /// The file, which must not exist yet.
        file: PathBuf,
    },
}

/// Runs one of them.
pub(crate) fn run(command: LicenceCommand, json: bool) -> Result<ExitCode> {
    match command {
        LicenceCommand::Check => return check(json),
        LicenceCommand::Sign { key, licence } => output::line(sign(&key, &licence)?)?,
        LicenceCommand::NewKey { file } => output::line(new_key(&file)?)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn sign(key: &Path, licence: &str) -> Result<String> {
    let text = std::fs::read_to_string(key).with_context(|| format!("cannot read {}", key.display()))?;
    let key = SigningKey::from_text(&text).with_context(|| format!("{} is not used", key.display()))?;
    let terms = Terms::parse(licence).with_context(|| format!("{licence} is not signed"))?;
    Ok(terms.signed(&key).to_line())
}

fn new_key(file: &Path) -> Result<String> {
    let key = SigningKey::from_seed(rand::random());
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut opened = options.open(file).with_context(|| format!("cannot make {}", file.display()))?;
    writeln!(opened, "{}", key.to_text())?;
    opened.sync_all()?;
    Ok(key.public().to_text())
}

/// Fails when the licence gives nothing, or the tiers cannot be read.
fn check(json: bool) -> Result<ExitCode> {
    let (state, config) = configured()?;
    let found = Files::of(&state, &config.licence).read();
    if json {
        output::json(&as_json(&found))?;
    } else {
        show(&found)?;
    }
    let unknown = found.licensing.grade("key", None).is_some_and(|grade| grade.fault.is_some());
    Ok(if unknown || found.problem.is_some() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn as_json(found: &Found) -> Value {
    let licence = found.licensing.licence.as_ref().map(|licence| {
        let Licence { key_id, user, tier, expires_us, is_signed, fault } = &**licence;
        json!({"key_id": key_id, "user": user, "tier": tier, "expires_us": expires_us, "signed": is_signed, "fault": fault})
    });
    let mut tiers: Vec<&Tier> = found.licensing.tiers.values().map(|tier| &**tier).collect();
    tiers.sort_by(|one, other| one.name.cmp(&other.name));
    let tiers: Vec<Value> = tiers.into_iter().map(tier_json).collect();
    json!({"licence": licence, "tiers": tiers, "tiers_from": found.tiers_from, "problem": found.problem})
}

pub(super) fn tier_json(tier: &Tier) -> Value {
    json!({
        "name": tier.name,
        "allowed": tier.allowed,
        "calls": tier.calls.map(|limit| json!({"count": limit.count, "window_seconds": limit.window_seconds})),
        "llm": tier.llm.as_ref().map(|llm| json!({
            "models": llm.models,
            "tokens_per_request": llm.tokens_per_request,
            "tokens_per_day": llm.tokens_per_day,
        })),
    })
}

fn show(found: &Found) -> Result<()> {
    match &found.licensing.licence {
        None => {
            output::line("There is no licence; keys that name no tier are bounded by their scopes alone.")?;
        }
        Some(licence) => show_licence(licence)?,
    }
    if let Some(problem) = &found.problem {
        output::line(format!("{} {}", output::red("✗"), output::plain(problem)))?;
    }
    let mut tiers: Vec<&Tier> = found.licensing.tiers.values().map(|tier| &**tier).collect();
    if tiers.is_empty() {
        return Ok(());
    }
    tiers.sort_by(|one, other| one.name.cmp(&other.name));
    output::table(
        &["TIER", "CALLS", "MAY USE", "MODELS", "TOKENS A DAY"],
        tiers.into_iter().map(row).collect(),
    )
}

fn show_licence(licence: &Licence) -> Result<()> {
    let signed = if licence.is_signed { ", signed" } else { "" };
    let until = output::time_or(licence.expires_us, "no end");
    match &licence.fault {
        Some(fault) => output::line(format!(
            "{} {}.\n  Keys that name no tier may do nothing until that is mended.",
            output::red("✗"),
            output::plain_line(fault)
        )),
        None => output::line(format!(
            "{} {} for {}, until {until}{signed}",
            output::green("✓"),
            output::bold(&output::plain_line(&licence.tier)),
            output::plain_line(&licence.user)
        )),
    }
}

fn row(tier: &Tier) -> Vec<String> {
    let llm = tier.llm.as_ref();
    vec![
        output::plain_line(&tier.name),
        calls(tier),
        output::plain_line(&tier.allowed.join(" ")),
        llm.map_or_else(|| "none".to_owned(), |llm| output::plain_line(&llm.models.join(" "))),
        llm.and_then(|llm| llm.tokens_per_day).map_or_else(|| "any".to_owned(), |count| count.to_string()),
    ]
}

/// How many calls a tier lets through, in words.
pub(super) fn calls(tier: &Tier) -> String {
    tier.calls.map_or_else(
        || "any".to_owned(),
        |limit| match limit.window_seconds {
            minutes if minutes % 60 == 0 => format!("{} in {} min", limit.count, minutes / 60),
            seconds => format!("{} in {seconds} s", limit.count),
        },
    )
}

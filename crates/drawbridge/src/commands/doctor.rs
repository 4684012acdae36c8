//! `drawbridge doctor`: what works, what does not, and what to do.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Result;
use drawbridge_connect::{Change, Places, detect, plan};
use drawbridge_sandbox::{Gap, ProcessLimits, Sandbox, Support, namespaces_forbidden};
use drawbridge_store::{KeyKind, Store, now_us};
use serde::Serialize;

use crate::config::{Config, Confinement};
use crate::licensing::Files;
use crate::{home, hub, output, running};

/// One thing that was looked at.
#[derive(Debug, Serialize)]
struct Finding {
    what: &'static str,
    state: State,
    says: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Good,
    /// Worth knowing; nothing is broken.
    Note,
    Bad,
}

/// Looks at everything and says what it found. Fails when something is broken.
pub(crate) async fn run(json: bool) -> Result<ExitCode> {
    let state = home::state()?;
    let mut findings = vec![configuration(&state), hub_of(&state)];
    findings.extend(store(&state));
    findings.extend(licence(&state));
    findings.extend(roots(&state));
    findings.extend(commands(&state).await);
    findings.extend(hosts());
    if json {
        output::json(&findings)?;
    } else {
        findings.iter().try_for_each(|finding| output::line(line(finding)))?;
    }
    let broken = findings.iter().any(|finding| finding.state == State::Bad);
    Ok(if broken { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn line(finding: &Finding) -> String {
    let mark = match finding.state {
        State::Good => output::green("✓"),
        State::Note => output::yellow("·"),
        State::Bad => output::red("✗"),
    };
    format!("{mark} {:<14} {}", finding.what, output::plain(&finding.says))
}

fn good(what: &'static str, says: impl Into<String>) -> Finding {
    Finding { what, state: State::Good, says: says.into() }
}

fn note(what: &'static str, says: impl Into<String>) -> Finding {
    Finding { what, state: State::Note, says: says.into() }
}

fn bad(what: &'static str, says: impl Into<String>) -> Finding {
    Finding { what, state: State::Bad, says: says.into() }
}

fn configuration(state: &Path) -> Finding {
    match Config::load(state) {
        Ok(_) => good("configuration", "every field is right"),
        Err(error) => bad("configuration", error.to_string()),
    }
}

fn hub_of(state: &Path) -> Finding {
    match running::find(state) {
        Some(hub) => good("hub", format!("process {} at {}", hub.pid, running::places(&hub))),
        None => note("hub", "none runs; `drawbridge serve` starts one (hosts over stdio need none)"),
    }
}

fn store(state: &Path) -> Vec<Finding> {
    if !state.exists() {
        return vec![note("state", format!("{} is made at the first start", state.display()))];
    }
    match hub::open_store(state) {
        Ok(store) => {
            vec![good("state", state.display().to_string()), keys(&store), audit(&store), bridge(&store)]
        }
        Err(error) => vec![bad("state", format!("{error:#}"))],
    }
}

/// What the licence and the tiers are worth, where there are any.
fn licence(state: &Path) -> Vec<Finding> {
    let Ok(config) = Config::load(state) else { return Vec::new() };
    let found = Files::of(state, &config.licence).read();
    let mut findings: Vec<Finding> = found.problem.iter().map(|problem| bad("tiers", problem)).collect();
    let Some(licence) = &found.licensing.licence else { return findings };
    let grade = found.licensing.grade("key", None);
    findings.push(match grade.and_then(|grade| grade.fault) {
        Some(fault) => bad("licence", format!("{fault}; keys that name no tier may do nothing")),
        None => good("licence", format!("{} for {}", licence.tier, licence.user)),
    });
    findings
}

fn keys(store: &Store) -> Finding {
    match store.keys().all_live(now_us()) {
        Ok(keys) if keys.iter().any(|key| key.kind == KeyKind::Owner) => {
            good("keys", format!("{} in use", keys.len()))
        }
        Ok(_) => note("keys", "no owner key yet; `drawbridge serve` makes it and shows it once"),
        Err(error) => bad("keys", error.to_string()),
    }
}

fn audit(store: &Store) -> Finding {
    match store.audit_verify(None) {
        Ok(report) if report.is_whole() => {
            good("audit", format!("{} records, each as it was written", report.records))
        }
        Ok(report) => {
            let place = report.bad.map_or_else(
                || "at its end".to_owned(),
                |bad| format!("at record {}: {}", bad.seq, super::audit::words(bad.problem)),
            );
            bad(
                "audit",
                format!(
                    "it was changed {place}; keep a copy of the state folder and find out who could write there"
                ),
            )
        }
        Err(error) => bad("audit", error.to_string()),
    }
}

fn bridge(store: &Store) -> Finding {
    match store.settings().get(drawbridge_gateway::BRIDGE) {
        Ok(Some(word)) if word == drawbridge_gateway::RAISED => {
            note("bridge", "raised: every call is refused until `drawbridge lower`")
        }
        Ok(_) => good("bridge", "lowered"),
        Err(error) => bad("bridge", error.to_string()),
    }
}

fn roots(state: &Path) -> Vec<Finding> {
    let Ok(config) = Config::load(state) else { return Vec::new() };
    config.files.roots.iter().map(root).collect()
}

fn root(root: &crate::config::Root) -> Finding {
    match home::expand(&root.path).map(|folder| (std::fs::read_dir(&folder).err(), folder)) {
        Ok((None, folder)) => good("files", format!("{} is {}", root.name, folder.display())),
        Ok((Some(_), folder)) if root.path == Path::new("~/Drawbridge") && !folder.exists() => {
            note("files", format!("{} is made at the first start", folder.display()))
        }
        Ok((Some(error), folder)) => bad(
            "files",
            format!("{} cannot be opened: {error}; make it, or correct files.roots", folder.display()),
        ),
        Err(error) => bad("files", error.to_string()),
    }
}

/// What holds the commands that tools run, and what ends them.
async fn commands(state: &Path) -> Vec<Finding> {
    let wanted = Config::load(state).map_or(Confinement::Preferred, |config| config.terminal.confinement);
    match Sandbox::new().support().await {
        Ok(support) => vec![held(wanted, &support), ended(&support)],
        Err(error) => vec![bad("commands", error.to_string())],
    }
}

fn held(wanted: Confinement, support: &Support) -> Finding {
    if wanted == Confinement::Off {
        return note("commands", "they may do all that you may: terminal.confinement is off");
    }
    let declared = drawbridge_sandbox::Confinement::system();
    let gaps = drawbridge_sandbox::gaps(Some(&declared), &ProcessLimits::default(), support);
    let why = gaps.contains(&Gap::Metadata).then(namespaces_forbidden).flatten();
    let words: Vec<String> = gaps.iter().map(ToString::to_string).chain(why.map(str::to_owned)).collect();
    match (gaps.is_empty(), wanted) {
        (true, _) => good("commands", "the kernel holds them to what they may read, write and reach"),
        (false, Confinement::Required) => {
            bad("commands", format!("none runs, because here {}", words.join("; ")))
        }
        (false, _) => {
            note("commands", format!("they run with gaps in their confinement: {}", words.join("; ")))
        }
    }
}

fn ended(support: &Support) -> Finding {
    if support.group {
        return good("processes", "all end with the hub: the kernel ends their cgroup as a whole");
    }
    let says = "all end with the hub, also when it is killed; no cgroup was delegated to us (systemd: Delegate=yes), so \
                one that killed hub, keeper and guards in the same moment could leave some";
    note("processes", says)
}

fn hosts() -> Vec<Finding> {
    let Ok(places) = Places::of_this_user() else { return Vec::new() };
    let Ok(entry) = super::connect::entry() else { return Vec::new() };
    let installed = detect(&places).into_iter().filter(|found| found.installed);
    let finding = |host: &'static drawbridge_connect::Host| match plan(host, &places, &entry)
        .map(|plan| plan.change)
    {
        Ok(Change::AlreadyConnected) => good("host", format!("{} is connected", host.title)),
        Ok(Change::Update) => note(
            "host",
            format!("{} starts another Drawbridge; `drawbridge connect {}` corrects it", host.title, host.id),
        ),
        Ok(_) => {
            note("host", format!("{} is not connected; `drawbridge connect {}` does it", host.title, host.id))
        }
        Err(error) => bad("host", error.to_string()),
    };
    installed.map(|found| finding(found.host)).collect()
}

//! `drawbridge connect`: lets an application in by writing its configuration.

use std::process::ExitCode;

use anyhow::{Context as _, Result};
use drawbridge_connect::{
    Change, Connection, Entry, Found, HOME_VARIABLE, Places, Plan, detect, find, plan, plan_removal,
};
use serde_json::{Value, json};

use crate::cli::Connect;
use crate::{home, output};

/// Connects one host, or lists them all.
pub(crate) fn run(arguments: &Connect, json: bool) -> Result<ExitCode> {
    let places = Places::of_this_user()?;
    match &arguments.host {
        None => list(&detect(&places), json)?,
        Some(name) => {
            let (host, entry) = (find(name)?, entry()?);
            let plan = if arguments.remove {
                plan_removal(host, &places, &entry)?
            } else {
                plan(host, &places, &entry)?
            };
            change(&plan, host.is_installed(&places), arguments.dry_run, json)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// How the host is to start us: this very program, with this state folder.
pub(crate) fn entry() -> Result<Entry> {
    let entry = Entry::stdio(std::env::current_exe().context("this program's own path cannot be found")?)?;
    Ok(if home::is_moved() {
        entry.with_variable(HOME_VARIABLE, home::state()?.display().to_string())
    } else {
        entry
    })
}

fn list(hosts: &[Found], json: bool) -> Result<()> {
    if json {
        return output::json(&hosts.iter().map(as_json).collect::<Vec<_>>());
    }
    let rows = hosts.iter().map(|found| {
        let here = if found.installed { "yes" } else { "no" };
        vec![
            found.host.id.to_owned(),
            found.host.title.to_owned(),
            here.to_owned(),
            words(&found.connection),
            found.path.display().to_string(),
        ]
    });
    output::table(&["HOST", "", "INSTALLED", "CONNECTED", "FILE"], rows.collect())?;
    output::line("\n`drawbridge connect HOST` connects one; `--dry-run` shows first what would change.")
}

fn as_json(found: &Found) -> Value {
    let (host, path) = (found.host, found.path.display().to_string());
    json!({"host": host.id, "title": host.title, "installed": found.installed, "connected": words(&found.connection), "file": path})
}

fn words(connection: &Connection) -> String {
    match connection {
        Connection::Yes => "yes".to_owned(),
        Connection::No => "no".to_owned(),
        Connection::Unclear(why) => output::plain_line(why),
    }
}

fn change(plan: &Plan, installed: bool, dry_run: bool, json: bool) -> Result<()> {
    let title = plan.host.title;
    let said = match plan.change {
        Change::AlreadyConnected => format!("{title} is connected already; nothing was written."),
        Change::NotConnected => format!("{title} is not connected; nothing was written."),
        _ if dry_run => output::plain(&plan.diff()),
        Change::Connect | Change::Update => apply(plan, &format!("{title} is connected."))?,
        Change::Disconnect => apply(plan, &format!("{title} is no longer connected."))?,
    };
    if json {
        return output::json(
            &json!({"host": plan.host.id, "file": plan.path.display().to_string(), "changed": plan.is_change() && !dry_run, "diff": plan.diff()}),
        );
    }
    output::line(said.trim_end())?;
    if !installed {
        output::line(output::yellow(&format!("{title} does not seem to be installed here.")))?;
    }
    Ok(())
}

fn apply(plan: &Plan, done: &str) -> Result<String> {
    let applied = plan.apply()?;
    let kept = applied.backup.map_or_else(String::new, |backup| format!("\n  before   {}", backup.display()));
    Ok(format!(
        "{}\n  file     {}{kept}\n  next     {}",
        output::green(done),
        plan.path.display(),
        plan.next_step
    ))
}

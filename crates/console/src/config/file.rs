//! Reading and writing the file.

use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

use drawbridge_gateway::RuleSettings;
use drawbridge_store::{AuditRecord, By};
use serde_json::json;
use tokio::sync::MutexGuard;

use crate::limits::CONFIG_BYTES_MAX;
use crate::problem::Problem;
use crate::program::Fault;
use crate::shared::Shared;

/// What came of writing.
pub(crate) struct Written {
    /// The text that is there now.
    pub(crate) text: String,
    /// The rules that hold now.
    pub(crate) rules: Vec<RuleSettings>,
}

/// The text as it is; empty where there is no file.
pub(crate) fn read(console: &Shared) -> Result<String, Problem> {
    let path = console.program.config_path();
    match fs::read_to_string(&path) {
        Ok(text) => Ok(text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
        Err(error) => Err(Problem::unavailable(format!("cannot read {}: {error}", path.display()))),
    }
}

/// Writes a text in place of `was`, and has its rules hold.
pub(crate) async fn write(console: &Shared, text: String, was: &str) -> Result<Written, Problem> {
    let alone = console.config.lock().await;
    write_alone(console, &alone, text, was).await
}

/// Changes the rules in the file, and has them hold.
pub(crate) async fn write_rules(
    console: &Shared,
    change: impl FnOnce(&str, Vec<RuleSettings>) -> Result<String, Problem>,
) -> Result<Written, Problem> {
    let alone = console.config.lock().await;
    let was = read(console)?;
    let rules = console.program.read_config(&was).map_err(|faults| at_fault(&faults))?;
    let text = change(&was, rules)?;
    write_alone(console, &alone, text, &was).await
}

async fn write_alone(
    console: &Shared,
    _alone: &MutexGuard<'_, ()>,
    text: String,
    was: &str,
) -> Result<Written, Problem> {
    if text.len() > CONFIG_BYTES_MAX {
        return Err(Problem::too_large(CONFIG_BYTES_MAX));
    }
    if read(console)? != was {
        return Err(Problem::conflict(
            "the file was changed meanwhile by somebody else: look at it again first",
        ));
    }
    let rules = console.program.read_config(&text).map_err(|faults| at_fault(&faults))?;
    // On disk before the effect, as everything that changes something.
    let act = AuditRecord::act(&By::now("owner", "console"), "config.write", "changed config.toml");
    console.store.audit_durable(act).await?;
    let path = console.program.config_path();
    replace(&path, &text)
        .map_err(|error| Problem::unavailable(format!("cannot write {}: {error}", path.display())))?;
    console.program.apply_rules(&rules).map_err(Problem::internal)?;
    Ok(Written { text, rules })
}

/// The problem of a text that the program could not start with.
pub(crate) fn at_fault(faults: &[Fault]) -> Problem {
    let words: Vec<String> = faults
        .iter()
        .map(|fault| {
            if fault.field.is_empty() {
                fault.message.clone()
            } else {
                format!("{}: {}", fault.field, fault.message)
            }
        })
        .collect();
    Problem::invalid(format!("the program could not start with this: {}", words.join("; ")))
        .and("errors", json!(faults))
}

/// Whole or not at all. Where the file is a link, what it leads to is replaced. Only the owner can read it.
pub(super) fn replace(path: &Path, text: &str) -> io::Result<()> {
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let folder = path.parent().ok_or_else(|| io::Error::other("it is in no folder"))?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    file.persist(&path)?;
    Ok(())
}

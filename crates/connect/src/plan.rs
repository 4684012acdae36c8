//! What would change in a host's file, worked out before anything is touched.

use std::path::{Path, PathBuf};

use similar::TextDiff;

use crate::document::{EditError, Was};
use crate::write::{self, Applied};
use crate::{ConnectError, Entry, Host, Places};

/// How many unchanged lines a diff shows around a change.
const DIFF_CONTEXT_LINES: usize = 3;

/// What a plan does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Adds our entry.
    Connect,
    /// Changes our entry, which started something else.
    Update,
    /// Nothing: our entry is there already.
    AlreadyConnected,
    /// Takes our entry out.
    Disconnect,
    /// Nothing: there is no entry to take out.
    NotConnected,
}

/// A change to one host's file. Nothing has been written yet.
#[derive(Debug)]
pub struct Plan {
    /// Whose file it is.
    pub host: &'static Host,
    /// The file, as the host names it (it may be a link).
    pub path: PathBuf,
    /// What the plan does.
    pub change: Change,
    /// The file as it is; none when it does not exist.
    pub before: Option<String>,
    /// The file as it will be; none when it will be deleted, because we had made it and nothing else is in it.
    pub after: Option<String>,
    /// What the person does next, in one sentence.
    pub next_step: &'static str,
}

impl Plan {
    /// Whether [`Plan::apply`] would write anything.
    pub fn is_change(&self) -> bool {
        !matches!(self.change, Change::AlreadyConnected | Change::NotConnected)
    }

    /// The change as a unified diff; empty when there is none.
    pub fn diff(&self) -> String {
        let (before, after) = (self.before.as_deref().unwrap_or(""), self.after.as_deref().unwrap_or(""));
        let name = |text: &Option<String>| match text {
            Some(_) => self.path.display().to_string(),
            None => "/dev/null".to_owned(),
        };
        TextDiff::from_lines(before, after)
            .unified_diff()
            .context_radius(DIFF_CONTEXT_LINES)
            .header(&name(&self.before), &name(&self.after))
            .to_string()
    }

    /// Does it: makes the backup, then replaces the file in one step. A plan without a change writes nothing.
    ///
    /// # Errors
    /// [`ConnectError::Changed`] when the file is no longer what the plan was made from, and the errors of writing.
    /// Then the file is as it was.
    pub fn apply(&self) -> Result<Applied, ConnectError> {
        if !self.is_change() {
            return Ok(Applied { backup: None });
        }
        let connecting = matches!(self.change, Change::Connect | Change::Update);
        write::replace(&self.path, self.before.as_deref(), self.after.as_deref(), connecting)
    }
}

/// Works out how to connect a host: what its file will be with `entry` in it.
///
/// # Errors
/// The errors of reading the file, and of a file that cannot be edited; see [`ConnectError`].
pub fn plan(host: &'static Host, places: &Places, entry: &Entry) -> Result<Plan, ConnectError> {
    let path = host.file(places);
    let before = write::read(&path)?;
    let edited = host.layout().connect(before.as_deref().unwrap_or(""), &host.fields(entry));
    let (was, after) = edited.map_err(|error| explained(error, host, &path, entry))?;
    let change = match was {
        Was::Absent => Change::Connect,
        Was::Same => Change::AlreadyConnected,
        Was::Different => Change::Update,
    };
    Ok(Plan { host, path, change, before, after: Some(after), next_step: host.next_step })
}

/// Works out how to undo [`plan`]: what the file will be without our entry.
///
/// When nothing but our entry changed since we connected, the file becomes what it was, to the byte. `entry` is only
/// used to find that out; an entry that starts something else is taken out as well.
///
/// # Errors
/// As [`plan`].
pub fn plan_removal(host: &'static Host, places: &Places, entry: &Entry) -> Result<Plan, ConnectError> {
    let path = host.file(places);
    let explain = |error| explained(error, host, &path, entry);
    let before = write::read(&path)?;
    let text = before.as_deref().unwrap_or("");
    let connected = host.layout().entry(text).map_err(explain)?.is_some();
    let after = if connected { removed(host, &path, text, entry).map_err(explain)? } else { before.clone() };
    let change = if connected { Change::Disconnect } else { Change::NotConnected };
    Ok(Plan { host, path, change, before, after, next_step: host.after_removal })
}

/// The text without our entry: the backup, where it is certain that it led to this text, else an edit.
fn removed(host: &Host, path: &Path, text: &str, entry: &Entry) -> Result<Option<String>, EditError> {
    let layout = host.layout();
    let backup = write::read(&write::backup_path(path)).ok().flatten();
    // An entry that was there before us is not what removing should bring back.
    let led_here = |origin: &str| {
        let led = layout.connect(origin, &host.fields(entry));
        led.is_ok_and(|(was, result)| was == Was::Absent && result == text)
    };
    match backup {
        Some(backup) if led_here(&backup) => Ok(Some(backup)),
        Some(backup) => layout.disconnect(text, layout.has_section(&backup)).map(Some),
        None if led_here("") => Ok(None),
        None => layout.disconnect(text, false).map(Some),
    }
}

fn explained(error: EditError, host: &'static Host, path: &Path, entry: &Entry) -> ConnectError {
    ConnectError::editing(error, host, path, || host.layout().snippet(&host.fields(entry)))
}

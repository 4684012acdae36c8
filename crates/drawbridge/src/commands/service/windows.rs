//! A task of Windows' Task Scheduler, started at logon. Written by the book (Task Scheduler Schema 1.2), and not tried
//! yet: it was made on a machine without Windows. A service proper would have to speak with the Service Control Manager, and
//! would not run as the person whose machine this is.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use super::launchd::escaped;
use super::{OURS, Service};

const NAME: &str = "Drawbridge";

pub(super) const STOPPING: &[&str] = &["schtasks", "/Delete", "/TN", NAME, "/F"];
pub(super) const ASKING: &[&str] = &["schtasks", "/Query", "/TN", NAME];

/// The task lives in the system's own store; this is what it was made from.
pub(super) fn place(state: &Path) -> PathBuf {
    state.join("drawbridge-task.xml")
}

pub(super) fn starting(place: &Path) -> Vec<String> {
    let words = ["schtasks", "/Create", "/TN", NAME, "/XML"].map(str::to_owned);
    words.into_iter().chain([place.display().to_string(), "/F".to_owned()]).collect()
}

pub(super) fn task(service: &Service) -> Result<String> {
    let program = escaped(service.program.to_str().context("the program's path is not UTF-8")?);
    let note = match &service.home {
        // A task has no environment of its own.
        Some(home) => format!(
            "Set DRAWBRIDGE_HOME for your user to {}.",
            escaped(home.to_str().context("the state folder's path is not UTF-8")?)
        ),
        None => String::new(),
    };
    Ok(format!(
        "<?xml version=\"1.0\"?>
<Task version=\"1.2\" xmlns=\"http://schemas.microsoft.com/windows/2004/02/mit/task\">
  <RegistrationInfo>
    <Description>{OURS}. Not tried yet: tell us how it went. {note}</Description>
  </RegistrationInfo>
  <Triggers><LogonTrigger><Enabled>true</Enabled></LogonTrigger></Triggers>
  <Settings>
    <MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>
    <DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>
    <StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>
    <ExecutionTimeLimit>PT0S</ExecutionTimeLimit>
    <RestartOnFailure><Interval>PT1M</Interval><Count>3</Count></RestartOnFailure>
  </Settings>
  <Actions Context=\"Author\">
    <Exec><Command>{program}</Command><Arguments>serve</Arguments></Exec>
  </Actions>
</Task>
"
    ))
}

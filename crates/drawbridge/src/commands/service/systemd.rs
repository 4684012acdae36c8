//! A unit of systemd, of this user.

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};

use super::{OURS, Service};

/// The unit's name.
const NAME: &str = "drawbridge.service";

pub(super) const STARTING: &[&[&str]] =
    &[&["systemctl", "--user", "daemon-reload"], &["systemctl", "--user", "enable", "--now", NAME]];
pub(super) const STOPPING: &[&str] = &["systemctl", "--user", "disable", "--now", NAME];
pub(super) const ASKING: &[&str] = &["systemctl", "--user", "is-active", NAME];

/// Where units of this user are.
pub(super) fn place() -> Result<PathBuf> {
    let config = std::env::var_os("XDG_CONFIG_HOME").map(PathBuf::from).filter(|folder| folder.is_absolute());
    let config = match config {
        Some(config) => config,
        None => etcetera::home_dir().context("there is no home folder for units")?.join(".config"),
    };
    Ok(config.join("systemd/user").join(NAME))
}

/// The unit (`systemd.unit(5)`, `systemd.service(5)`, `systemd.exec(5)`).
pub(super) fn unit(service: &Service) -> Result<String> {
    let program = quoted(service.program.to_str().context("the program's path is not UTF-8")?, true)?;
    let home = match &service.home {
        Some(home) => {
            let home = home.to_str().context("the state folder's path is not UTF-8")?;
            format!("Environment={}\n", quoted(&format!("DRAWBRIDGE_HOME={home}"), false)?)
        }
        None => String::new(),
    };
    Ok(format!(
        "# {OURS}.
[Unit]
Description=Drawbridge: this machine's tools for AI applications, with the owner in charge
StartLimitIntervalSec=120
StartLimitBurst=5

[Service]
Type=notify
NotifyAccess=main
ExecStart={program} serve
{home}Restart=on-failure
RestartSec=2
# The hub says every 30 seconds that it lives; one that hangs is started again.
WatchdogSec=60
TimeoutStartSec=60
# Jobs that run get some seconds to come to their end.
TimeoutStopSec=30
# The hub ends what it started; what is left after that is killed.
KillMode=mixed
UMask=0077
LimitCORE=0
# What holds for the hub holds for the commands of its terminals, too. These are the rules that an ordinary command
# does not notice; what a command may reach is confined by the hub itself, command by command (docs/sandbox.md).
# ProtectHome, ProtectSystem, PrivateTmp, PrivateDevices, RestrictNamespaces and MemoryDenyWriteExecute are left out:
# they would take away the folders, devices and programs that terminals are for.
NoNewPrivileges=yes
LockPersonality=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes

[Install]
WantedBy=default.target
"
    ))
}

/// A word in double quotes, as units read it (`systemd.syntax(7)`); `%` stands for itself, and `$` does in commands.
fn quoted(word: &str, is_command: bool) -> Result<String> {
    if word.chars().any(char::is_control) {
        bail!("{word:?} has control characters, which units cannot hold");
    }
    let word = word.replace('\\', "\\\\").replace('"', "\\\"").replace('%', "%%");
    let word = if is_command { word.replace('$', "$$") } else { word };
    Ok(format!("\"{word}\""))
}

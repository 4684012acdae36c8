//! `drawbridge start`, `stop` and `restart`: a hub in the background, without a service manager.

use std::fs::{File, OpenOptions};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::config::OWNER_KEY;
use crate::hub::{configured, open_store};
use crate::running::{self, Running};
use crate::{home, output, owner_key};

/// How long a hub may take to serve.
const STARTING_MAX: Duration = Duration::from_secs(30);
/// How often it is looked whether it does, or whether it has ended.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// What a hub in the background says when it cannot start, in the folder of logs.
const LAST_WORDS: &str = "start.err";

/// Starts a hub in the background and waits until it serves. One that runs already is left alone.
pub(crate) async fn start(listen: &[SocketAddr]) -> Result<ExitCode> {
    let Started { said, key } = begin(listen).await?;
    output::line(said)?;
    if let Some(key) = key {
        output::line(format!("\n  Your owner key, shown only this once:\n\n    {}\n", output::green(&key)))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// A hub that serves.
pub(crate) struct Started {
    /// Where, for people.
    pub(crate) said: String,
    /// The owner's key, if it was made just now: the only moment at which it can be shown.
    pub(crate) key: Option<String>,
}

/// Ends the hub and waits until it has.
pub(crate) fn stop(seconds: u64, force: bool) -> Result<ExitCode> {
    output::line(end(Duration::from_secs(seconds), force)?)?;
    Ok(ExitCode::SUCCESS)
}

/// Ends the hub, if one runs, and starts it again.
pub(crate) async fn restart(listen: &[SocketAddr], seconds: u64, force: bool) -> Result<ExitCode> {
    end(Duration::from_secs(seconds), force)?;
    start(listen).await
}

/// As [`start`], for whoever shows it.
///
/// # Errors
/// The configuration's, and whatever the hub itself says when it cannot start.
pub(crate) async fn begin(listen: &[SocketAddr]) -> Result<Started> {
    let (state, _) = configured()?;
    if let Some(hub) = running::find(&state) {
        let said = format!("A hub runs already: process {}, {}.", hub.pid, running::places(&hub));
        return Ok(Started { said, key: None });
    }
    let key = make_owner_key(&state).await?;
    let folder = crate::logs::folder(&state)?;
    let (mut child, words) = launch(listen, &folder.join(LAST_WORDS))?;
    let hub = wait_until_it_serves(&state, &mut child, &folder.join(LAST_WORDS)).await?;
    drop(words);
    let said = format!("The hub serves at {} (process {}).", running::places(&hub), hub.pid);
    Ok(Started { said, key })
}

/// The hub's own output goes nowhere, so that a key that is made now is shown by us.
async fn make_owner_key(state: &Path) -> Result<Option<String>> {
    let store = open_store(state)?;
    let made = owner_key::ensure(&store, std::env::var(OWNER_KEY).ok().as_deref()).await;
    store.close().await?;
    made
}

fn launch(listen: &[SocketAddr], words: &Path) -> Result<(Child, File)> {
    let program = std::env::current_exe().context("where this program is cannot be told")?;
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(words).with_context(|| format!("cannot write {}", words.display()))?;
    let mut command = Command::new(program);
    command.args(["serve", "--background"]);
    for address in listen {
        command.args(["--listen", &address.to_string()]);
    }
    // In the folder of the state: the one we were started in may go.
    let folder = words.parent().and_then(Path::parent);
    command.current_dir(folder.unwrap_or(Path::new("/")));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(file.try_clone()?);
    let child = command.spawn().context("the hub cannot be started")?;
    Ok((child, file))
}

async fn wait_until_it_serves(state: &Path, child: &mut Child, words: &Path) -> Result<Running> {
    let begun = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            let said = std::fs::read_to_string(words).unwrap_or_default();
            bail!("the hub did not start ({status}):\n{}", output::plain(said.trim()));
        }
        if let Some(hub) = running::find(state).filter(|hub| hub.pid == child.id() && answers(hub)) {
            return Ok(hub);
        }
        if begun.elapsed() > STARTING_MAX {
            bail!(
                "the hub (process {}) does not serve after {} s; `drawbridge logs` may say why",
                child.id(),
                STARTING_MAX.as_secs()
            );
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Whether it takes connections.
fn answers(hub: &Running) -> bool {
    let connect = |address| std::net::TcpStream::connect_timeout(&address, Duration::from_millis(500));
    hub.address().is_some_and(|address| connect(address).is_ok())
}

/// As [`stop`]; gives what a person should read.
///
/// # Errors
/// The hub does not end in time, or belongs to somebody else.
#[cfg(unix)]
pub(crate) fn end(patience: Duration, force: bool) -> Result<String> {
    use rustix::process::Signal;
    let state = home::state()?;
    let Some(hub) = running::find(&state) else { return Ok("No hub runs.".to_owned()) };
    signal(&hub, Signal::TERM)?;
    if has_ended(&state, hub.pid, patience) {
        return Ok("The hub ended; everything is written.".to_owned());
    }
    if !force {
        bail!(
            "the hub (process {}) has not ended after {} s; wait longer with --seconds, or end it with --force",
            hub.pid,
            patience.as_secs()
        );
    }
    signal(&hub, Signal::KILL)?;
    if has_ended(&state, hub.pid, STARTING_MAX) {
        return Ok("The hub was killed; jobs that ran are tried again where that is safe.".to_owned());
    }
    bail!("the hub (process {}) cannot be killed; the system may say why", hub.pid)
}

#[cfg(not(unix))]
pub(crate) fn end(_: Duration, _: bool) -> Result<String> {
    bail!("a hub in the background is ended by the task manager on this system")
}

/// Sends it to the process that holds the state folder, and to no other: in another container it has another number.
#[cfg(unix)]
fn signal(hub: &Running, signal: rustix::process::Signal) -> Result<()> {
    use rustix::process::{Pid, kill_process};
    let pid =
        i32::try_from(hub.pid).ok().and_then(Pid::from_raw).context("the hub's process has no number")?;
    if !is_drawbridge(hub.pid) {
        bail!("process {} is no drawbridge: the hub runs elsewhere, in another container perhaps", hub.pid);
    }
    kill_process(pid, signal).with_context(|| format!("process {} cannot be asked to end", hub.pid))
}

#[cfg(target_os = "linux")]
fn is_drawbridge(pid: u32) -> bool {
    let words = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    words.split(|byte| *byte == 0).any(|word| word == b"serve")
}

#[cfg(all(unix, not(target_os = "linux")))]
fn is_drawbridge(_: u32) -> bool {
    true
}

#[cfg(unix)]
fn has_ended(state: &Path, pid: u32, patience: Duration) -> bool {
    let begun = Instant::now();
    while running::find(state).is_some_and(|hub| hub.pid == pid) {
        if begun.elapsed() > patience {
            return false;
        }
        std::thread::sleep(LOOK_EVERY);
    }
    true
}

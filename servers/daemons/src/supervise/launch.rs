//! What is started, and what it may touch.

use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use drawbridge_sandbox::{self as sandbox, Launch, Mode, Pipes, SYSTEM_READ, Streams};

use super::process::Process;
use super::settings::{Confinement, Network, SocketKind};
use crate::registry::socket_name;

/// What interpreters read beside what every program may.
const ALSO_READ: &[&str] = &["/etc/python3", "/etc/ssl", "/etc/node"];
/// A folder below its own for what it writes in passing.
const TEMPORARY: &str = "tmp";

/// Makes the folder that is the daemon's own, which nobody else may enter.
pub(super) fn prepare(process: &Process) -> io::Result<()> {
    let temporary = process.folder.join(TEMPORARY);
    fs::DirBuilder::new().recursive(true).mode(0o700).create(&temporary)?;
    fs::set_permissions(&process.folder, fs::Permissions::from_mode(0o700))
}

/// Makes the socket that the daemon is given, with each start another: in the queue of one that was used there are
/// connections that nobody waits on any more, and a simple daemon would end when it answers there.
pub(super) fn listen(process: &Process) -> io::Result<UnixListener> {
    let path = process.folder.join(socket_name(process.name()));
    match fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(&path)?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// What is started, with these variables.
pub(super) fn launch(process: &Process, socket: Option<OwnedFd>, variables: &[(String, String)]) -> Launch {
    let settings = &process.settings;
    let (program, arguments) =
        settings.command.split_first().map_or(("", &[][..]), |(first, rest)| (first, rest));
    let own = process.folder.as_os_str();
    let socket_is = match settings.socket {
        SocketKind::Given => "stdin".into(),
        SocketKind::Own => process.folder.join(socket_name(process.name())).into_os_string(),
    };
    let mut launch = Launch::new(program)
        .args(arguments)
        .directory(settings.folder.as_ref().unwrap_or(&process.folder))
        .streams(Streams::Pipes(Pipes { input: false, merge_errors: true }))
        .variable("TMPDIR", process.folder.join(TEMPORARY))
        .variable("PYTHONUNBUFFERED", "1")
        .variable("PYTHONDONTWRITEBYTECODE", "1");
    for (name, value) in variables {
        launch = launch.variable(name, value);
    }
    launch = launch
        .variable("DAEMON_NAME", process.name())
        .variable("DAEMON_FOLDER", own)
        .variable("DAEMON_SOCKET", socket_is);
    launch.given_input = socket;
    launch.confinement = confinement(process);
    launch
}

fn confinement(process: &Process) -> Option<sandbox::Confinement> {
    let settings = &process.settings;
    let mode = match settings.confinement {
        Confinement::Required => Mode::Required,
        Confinement::Preferred => Mode::Preferred,
        Confinement::Off => return None,
    };
    let system = SYSTEM_READ.iter().chain(ALSO_READ).map(PathBuf::from);
    let named = settings.command.iter().map(PathBuf::from).filter(|path| is_file(path));
    let read = system.chain(named).chain(settings.folder.clone()).chain(settings.read.iter().cloned());
    Some(sandbox::Confinement {
        mode,
        // What is not there cannot be read; the sandbox would name each of them as missing.
        read: read.filter(|path| path.exists()).collect(),
        write: std::iter::once(process.folder.clone()).chain(settings.write.iter().cloned()).collect(),
        network: match settings.network {
            Network::None => sandbox::Network::None,
            Network::All => sandbox::Network::All,
        },
        unix_sockets: settings.socket == SocketKind::Own,
        metadata: true,
    })
}

/// Files that the command names, such as a script. Folders are given only where the owner says so.
fn is_file(path: &Path) -> bool {
    path.is_absolute() && path.is_file()
}

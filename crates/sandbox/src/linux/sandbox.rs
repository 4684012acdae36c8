//! The hub's side: has a keeper, and asks it for a guard for each launch.

use std::ffi::OsString;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::fs::{Mode, OFlags};
use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};
use tokio::net::UnixStream;

use super::child::{Child, Link, Slot};
use super::message::{Failure, Reply, Request, Start};
use super::{descriptors, streams};
use crate::{Directory, HELPER_ARGUMENT, Launch, LaunchError, Report, Streams, Support};

/// Children that may run at once: more than a person can look at, fewer than exhaust the open files (four each).
pub const CHILDREN_MAX: usize = 512;

/// How long a program may take to get to its first instruction: far more than it ever does.
const START_TIMEOUT: Duration = Duration::from_secs(10);

/// How often a guard is asked for, if the keeper is killed at that very moment or has no room for another process.
const TRIES: usize = 3;

/// How long to wait before asking a busy keeper again.
const BUSY: Duration = Duration::from_millis(1);

/// Starts processes. One for the whole hub; it can be shared. Its helper is started with the first launch.
#[derive(Debug, Default)]
pub struct Sandbox {
    keeper: Mutex<Option<Arc<Keeper>>>,
    running: Arc<AtomicUsize>,
}

/// The helper process that forks a guard for each launch. Every child holds it too: without a hub it gives guards only
/// moments to end.
#[derive(Debug)]
pub(super) struct Keeper {
    /// Its only connection to us; when it closes, the keeper takes the hub for gone.
    socket: OwnedFd,
    process: std::process::Child,
}

impl Sandbox {
    /// A sandbox without a helper yet. The binary's `main` has to begin with [`helper_main`](crate::helper_main).
    pub fn new() -> Self {
        Self::default()
    }

    /// Starts a program. It must be called within a tokio runtime with I/O and time enabled.
    ///
    /// # Errors
    /// When the launch makes no sense, the program cannot be executed, or the confinement is required and cannot
    /// be held. Nothing runs then.
    pub async fn launch(&self, launch: Launch) -> Result<Child, LaunchError> {
        launch.check().map_err(LaunchError::Invalid)?;
        let environment = launch.environment.resolve(std::env::vars_os()).map_err(LaunchError::Invalid)?;
        let slot = Slot::take(&self.running, CHILDREN_MAX).ok_or(LaunchError::TooMany(CHILDREN_MAX))?;
        let directory = open_directory(launch.directory)?;
        let (ours, [input, output, errors]) = streams::open(launch.streams).map_err(helper)?;
        let input = launch.given_input.unwrap_or(input);
        let program = launch.program.clone();
        let confined = launch.confinement.is_some();
        let start = Request::Start(Box::new(Start {
            program: launch.program,
            arguments: launch.arguments,
            environment,
            confinement: launch.confinement,
            new_privileges: launch.new_privileges,
            limits: launch.limits,
            terminal: matches!(launch.streams, Streams::Terminal(_)),
        }));
        match self.ask(&start, [directory, input, output, errors]).await? {
            (Reply::Started { pid, report }, link) => Ok(Child::new(pid, report, ours, link, slot)),
            (Reply::Failed(failure), _) => Err(failed(failure, program, confined)),
            (Reply::Support(_), _) => Err(helper(io::ErrorKind::InvalidData)),
        }
    }

    /// What this kernel lets us confine, found by trying.
    ///
    /// # Errors
    /// When the helper cannot be started.
    pub async fn support(&self) -> Result<Support, LaunchError> {
        let null = || open_directory(Directory::Path("/".into()));
        match self.ask(&Request::Probe, [null()?, null()?, null()?, null()?]).await? {
            (Reply::Support(support), _) => Ok(support),
            _ => Err(helper(io::ErrorKind::InvalidData)),
        }
    }

    /// What really happens with a launch, without starting it: for `doctor`.
    ///
    /// # Errors
    /// When the helper cannot be started.
    pub async fn would_hold(&self, launch: &Launch) -> Result<Report, LaunchError> {
        let support = self.support().await?;
        Ok(Report {
            confined: launch.confinement.is_some(),
            landlock_abi: support.landlock_abi,
            gaps: crate::gaps(launch.confinement.as_ref(), &launch.limits, &support),
            missing: Vec::new(),
        })
    }

    /// Gives a new guard its request and waits for its first answer. The guard ends when the link is dropped.
    async fn ask(&self, request: &Request, files: [OwnedFd; 4]) -> Result<(Reply, Link), LaunchError> {
        let bytes = request.encode().ok_or_else(|| {
            LaunchError::Invalid("arguments and variables are longer than any program can be given".into())
        })?;
        let asked = async {
            for _ in 1..TRIES {
                match self.ask_once(&bytes, &files).await {
                    Err(error) if is_gone(&error) => tokio::time::sleep(BUSY).await,
                    answered => return answered,
                }
            }
            self.ask_once(&bytes, &files).await
        };
        match tokio::time::timeout(START_TIMEOUT, asked).await {
            Ok(answer) => answer.map_err(|source: io::Error| helper(source)),
            Err(_) => Err(helper(io::ErrorKind::TimedOut)),
        }
    }

    /// Fails with one of the errors of [`is_gone`] only if nobody has read the request: then it can be made again.
    async fn ask_once(&self, request: &[u8], files: &[OwnedFd; 4]) -> io::Result<(Reply, Link)> {
        let mut link = self.guard(files).await?;
        link.send(request).await?;
        let reply = link.message().await?.ok_or(io::ErrorKind::UnexpectedEof)?;
        let reply = Reply::decode(&reply).map_err(|_| io::ErrorKind::InvalidData)?;
        Ok((reply, link))
    }

    /// A new guard, connected to us.
    async fn guard(&self, files: &[OwnedFd; 4]) -> io::Result<Link> {
        let (ours, theirs) = UnixStream::pair()?;
        let [directory, input, output, errors] = files;
        let sent = [theirs.as_fd(), directory.as_fd(), input.as_fd(), output.as_fd(), errors.as_fd()];
        loop {
            let keeper = self.keeper()?;
            match descriptors::send(&keeper.socket, &sent) {
                Ok(()) => return Ok(Link::new(ours, keeper)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => tokio::time::sleep(BUSY).await,
                // Somebody killed it: the next round starts another. Whoever waits for us bounds the rounds.
                Err(error) if is_gone(&error) => {
                    self.forget(&keeper);
                    tokio::time::sleep(BUSY).await;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// The keeper; starts one if there is none.
    fn keeper(&self) -> io::Result<Arc<Keeper>> {
        let mut keeper = self.keeper.lock().unwrap_or_else(PoisonError::into_inner);
        let keeper = match &mut *keeper {
            Some(keeper) => keeper,
            none => none.insert(Arc::new(Keeper::start()?)),
        };
        Ok(Arc::clone(keeper))
    }

    /// Drops this keeper, unless another has taken its place.
    fn forget(&self, gone: &Arc<Keeper>) {
        let mut keeper = self.keeper.lock().unwrap_or_else(PoisonError::into_inner);
        keeper.take_if(|keeper| Arc::ptr_eq(keeper, gone));
    }
}

impl Keeper {
    fn start() -> io::Result<Self> {
        let (ours, theirs) =
            socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?;
        // Our own program, also when its file has been replaced by an upgrade. It goes by another name, so that ending
        // the hub by its name does not end what looks after the hub's children.
        let process = Command::new("/proc/self/exe")
            .arg0("sandbox-helper")
            .arg(HELPER_ARGUMENT)
            .env_clear()
            .stdin(theirs)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        Ok(Self { socket: ours, process })
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        // It ends when its socket closes; somebody has to wait for it, and that must not be a thread of the runtime.
        let pid = self.process.id();
        let _ = rustix::net::shutdown(&self.socket, rustix::net::Shutdown::Both);
        let _ = std::thread::Builder::new().name("keeper's end".into()).spawn(move || {
            let pid = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw);
            rustix::process::waitpid(pid, rustix::process::WaitOptions::empty())
        });
    }
}

fn is_gone(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionRefused, ConnectionReset, NotConnected};
    matches!(error.kind(), BrokenPipe | ConnectionReset | ConnectionRefused | NotConnected)
}

fn open_directory(directory: Directory) -> Result<OwnedFd, LaunchError> {
    match directory {
        Directory::Handle(handle) => Ok(handle),
        Directory::Path(path) => open_path(&path)
            .map_err(|error| LaunchError::Directory { path: path.clone(), source: error.into() }),
    }
}

fn open_path(path: &Path) -> rustix::io::Result<OwnedFd> {
    rustix::fs::open(path, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
}

fn failed(failure: Failure, program: PathBuf, confined: bool) -> LaunchError {
    let source = io::Error::from_raw_os_error;
    match failure {
        Failure::Program(errno) => LaunchError::Program { program, confined, source: source(errno) },
        Failure::Refused(gaps) => LaunchError::Refused(gaps),
        Failure::Setup { step, errno } => LaunchError::Setup { step, source: source(errno) },
    }
}

fn helper(source: impl Into<io::Error>) -> LaunchError {
    LaunchError::Helper { source: source.into() }
}

/// For the kit: whether the arguments of this process are those of the helper.
pub(super) fn is_helper(mut arguments: impl Iterator<Item = OsString>) -> bool {
    arguments.nth(1).is_some_and(|first| first == HELPER_ARGUMENT)
}

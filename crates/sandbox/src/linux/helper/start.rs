//! Starts the program, confined before its first instruction.

use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

use rustix::process::{Pid, Signal, getpid, getppid, setsid};
use seccompiler::BpfProgram;

use super::super::kernel;
use super::super::message::{Failure, Start};
use super::{landlock, namespace, privileges, resources, seccomp};
use crate::{Confinement, Mode, Namespaces, ProcessLimits, Report, Support, gaps};

/// Starts what was asked for. Returns its process, which begins its own session and group, and what holds it.
pub(super) fn start(
    asked: Start,
    directory: OwnedFd,
    streams: [OwnedFd; 3],
    support: &Support,
) -> Result<(Pid, Report), Failure> {
    let gaps = gaps(asked.confinement.as_ref(), &asked.limits, support);
    if !gaps.is_empty() && asked.confinement.as_ref().is_some_and(|declared| declared.mode == Mode::Required)
    {
        return Err(Failure::Refused(gaps));
    }
    let walls = asked.confinement.as_ref().map(|declared| Walls::plan(declared, &streams[0], support));
    let mut walls = walls.transpose()?;
    let report = Report {
        confined: walls.is_some(),
        landlock_abi: if walls.is_some() { support.landlock_abi } else { 0 },
        gaps,
        missing: walls.as_mut().map(Walls::take_missing).unwrap_or_default(),
    };
    let mut command = Command::new(&asked.program);
    let [input, output, errors] = streams;
    command.args(&asked.arguments).env_clear().envs(asked.environment);
    command.stdin(input).stdout(output).stderr(errors);
    let plan = Plan {
        guard: getpid(),
        terminal: asked.terminal,
        directory,
        limits: asked.limits,
        new_privileges: asked.new_privileges,
        walls,
    };
    let program = spawn(command, plan)?;
    Ok((Pid::from_child(&program), report))
}

/// Spawns, and finds out which step failed if one did.
fn spawn(mut command: Command, mut plan: Plan) -> Result<Child, Failure> {
    let (failed_step, tell) = io::pipe().map_err(|error| setup("a pipe", &error))?;
    kernel::before_exec(&mut command, move || plan.carry_out(&tell));
    let spawned = command.spawn();
    // Closes our copy of the pipe, so that reading it ends.
    drop(command);
    spawned.map_err(|error| match read_step(failed_step) {
        Some(step) => setup(step, &error),
        None => Failure::Program(error.raw_os_error().unwrap_or(libc::EINVAL)),
    })
}

fn read_step(mut pipe: PipeReader) -> Option<&'static str> {
    let mut index = [0];
    pipe.read_exact(&mut index).ok()?;
    STEPS.get(usize::from(index[0])).map(|(name, _)| *name)
}

fn setup(step: &str, error: &io::Error) -> Failure {
    Failure::Setup { step: step.into(), errno: error.raw_os_error().unwrap_or(libc::EPERM) }
}

/// What the child does before it becomes the program.
struct Plan {
    guard: Pid,
    terminal: bool,
    directory: OwnedFd,
    limits: ProcessLimits,
    new_privileges: bool,
    walls: Option<Walls>,
}

type Step = fn(&mut Plan) -> io::Result<()>;

/// The steps, in this order: each is allowed only what the ones before it have not yet taken away.
const STEPS: [(&str, Step); 9] = [
    ("a session of its own", Plan::own_session),
    ("the terminal", Plan::own_terminal),
    ("the mount namespace", Plan::own_mounts),
    ("the working folder", Plan::go_to_directory),
    ("the limits", |plan| resources::limit(&plan.limits)),
    ("dying with the guard", Plan::die_with_guard),
    ("giving up privileges", Plan::give_up_privileges),
    ("Landlock and seccomp", Plan::raise_walls),
    ("closing files", |_| kernel::close_on_exec_from_3()),
];

impl Plan {
    /// Runs in the child. Which step failed is told apart, because spawning passes on only the error's number.
    fn carry_out(&mut self, mut tell: &PipeWriter) -> io::Result<()> {
        for (index, (_, step)) in (0_u8..).zip(STEPS) {
            step(self).inspect_err(|_| {
                let _ = tell.write_all(&[index]);
            })?;
        }
        Ok(())
    }

    fn own_session(&mut self) -> io::Result<()> {
        setsid()?;
        kernel::let_signals_through()
    }

    fn own_terminal(&mut self) -> io::Result<()> {
        if self.terminal {
            rustix::process::ioctl_tiocsctty(rustix::stdio::stdin())?;
        }
        Ok(())
    }

    fn namespaces(&self) -> Namespaces {
        self.walls.as_ref().map(|walls| walls.namespaces).unwrap_or_default()
    }

    fn own_mounts(&mut self) -> io::Result<()> {
        self.walls.as_mut().map_or(Ok(()), Walls::enter_namespaces)
    }

    fn go_to_directory(&mut self) -> io::Result<()> {
        namespace::change_directory(&self.directory, self.namespaces())
    }

    /// A second thread of life, should the guard be killed. After the namespaces, which reset it.
    fn die_with_guard(&mut self) -> io::Result<()> {
        rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
        let still_there = getppid() == Some(self.guard);
        if still_there { Ok(()) } else { Err(io::Error::from_raw_os_error(libc::ESRCH)) }
    }

    fn give_up_privileges(&mut self) -> io::Result<()> {
        if self.walls.is_some() {
            privileges::drop_all(self.namespaces() == Namespaces::Privileged)?;
        }
        if self.new_privileges { Ok(()) } else { privileges::gain_none() }
    }

    fn raise_walls(&mut self) -> io::Result<()> {
        self.walls.take().map_or(Ok(()), Walls::raise)
    }
}

/// A confinement, made ready while errors can still be explained.
struct Walls {
    namespaces: Namespaces,
    write: Vec<PathBuf>,
    rules: Option<landlock::Rules>,
    filters: Vec<BpfProgram>,
}

impl Walls {
    fn plan(declared: &Confinement, input: &OwnedFd, support: &Support) -> Result<Self, Failure> {
        let explain = |what: &str, error: &dyn std::error::Error| Failure::Setup {
            step: format!("{what}: {error}"),
            errno: libc::EINVAL,
        };
        let terminal = terminal_path(input);
        let rules = landlock::prepare(declared, terminal.as_deref())
            .map_err(|error| explain("making Landlock's rules", &error))?;
        let filters = if support.seccomp {
            seccomp::prepare(declared).map_err(|error| explain("making seccomp's filter", &error))?
        } else {
            Vec::new()
        };
        // Where everything may be changed, nothing is left to be held.
        let everything = declared.write.iter().any(|path| path.parent().is_none());
        let namespaces = if declared.metadata && !everything { support.namespaces } else { Namespaces::None };
        Ok(Self { namespaces, write: declared.write.clone(), rules: Some(rules), filters })
    }

    fn take_missing(&mut self) -> Vec<PathBuf> {
        self.rules.as_mut().map(|rules| std::mem::take(&mut rules.missing)).unwrap_or_default()
    }

    fn enter_namespaces(&mut self) -> io::Result<()> {
        namespace::enter(self.namespaces, &self.write)?;
        if self.namespaces != Namespaces::None {
            let own = self.rules.take().map(|rules| rules.allow_own(Path::new(namespace::SHARED_MEMORY)));
            self.rules = own.transpose().map_err(|_| io::Error::last_os_error())?;
        }
        Ok(())
    }

    /// From here on this process is confined.
    fn raise(self) -> io::Result<()> {
        if let Some(rules) = self.rules {
            landlock::enforce(rules).map_err(|_| io::Error::last_os_error())?;
        }
        for filter in &self.filters {
            seccompiler::apply_filter(filter).map_err(|_| io::Error::last_os_error())?;
        }
        Ok(())
    }
}

/// The path of the child's own terminal, which it may open again.
fn terminal_path(input: &OwnedFd) -> Option<PathBuf> {
    use std::os::unix::ffi::OsStringExt;
    let name = rustix::termios::ttyname(input.as_fd(), Vec::new()).ok()?;
    Some(std::ffi::OsString::from_vec(name.into_bytes()).into())
}

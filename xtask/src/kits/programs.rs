//! Programs of the operating system: found, or installed by name with apt where we may.

use std::process::{Command, Stdio};

use crate::failure::{Failure, Result};
use crate::places::on_path;
use crate::process;

/// One thing that has to be on the machine.
pub(crate) struct Program {
    /// A command line that succeeds when it is there.
    probe: &'static [&'static str],
    /// Debian's package; other systems' names are mostly the same.
    package: &'static str,
    /// What is missing without it, for the person who has to install it.
    wanted_for: &'static str,
}

/// The program that content search is measured against.
pub(crate) const RIPGREP: Program = Program {
    probe: &["rg", "--version"],
    package: "ripgrep",
    wanted_for: "content search is measured beside ripgrep (`rg`)",
};

/// Python, and its module that makes virtual environments: Debian keeps them apart.
pub(crate) const PYTHON_VENV: Program = Program {
    probe: &["python3", "-c", "import venv, ensurepip"],
    package: "python3-venv",
    wanted_for: "clients and servers in Python are installed in a virtual environment",
};

/// The server that keeps jobs on BullMQ.
pub(crate) const REDIS: Program = Program {
    probe: &["redis-server", "--version"],
    package: "redis-server",
    wanted_for: "jobs on BullMQ are kept in Redis",
};

/// What reads the unit that we write for the service.
pub(crate) const SYSTEMD: Program = Program {
    probe: &["systemd-analyze", "--version"],
    package: "systemd",
    wanted_for: "the unit of the service is read by `systemd-analyze`",
};

/// The browser that the console is used in.
pub(crate) const CHROMIUM: Program = Program {
    probe: &["chromium", "--version"],
    package: "chromium",
    wanted_for: "the console is tried in it",
};

/// What the tests of terminals drive.
pub(crate) const DRIVEN: [Program; 7] = [
    Program { probe: &["bash", "--version"], package: "bash", wanted_for: "terminals are tried with it" },
    Program { probe: &["zsh", "--version"], package: "zsh", wanted_for: "terminals are tried with it" },
    Program { probe: &["fish", "--version"], package: "fish", wanted_for: "terminals are tried with it" },
    Program {
        probe: &["vim", "--version"],
        package: "vim",
        wanted_for: "terminals are tried with an editor",
    },
    Program {
        probe: &["less", "--version"],
        package: "less",
        wanted_for: "terminals are tried with a pager",
    },
    Program {
        probe: &["python3", "--version"],
        package: "python3",
        wanted_for: "terminals are tried with its prompt",
    },
    Program { probe: &["top", "-v"], package: "procps", wanted_for: "terminals are tried with `top`" },
];

/// Installs a program unless it is there.
///
/// # Errors
/// It is missing, and either there is no apt, or we may not use it (neither root nor password-less sudo), or it failed.
pub(crate) fn ensure(program: &Program) -> Result<()> {
    if succeeds(program.probe) {
        return Ok(());
    }
    install(program.package);
    if succeeds(program.probe) { Ok(()) } else { Err(Failure::new(advice(program))) }
}

/// Whether a program is there and can tell its version.
pub(super) fn answers(program: &str) -> bool {
    succeeds(&[program, "--version"])
}

/// The registry may hiccup, and another apt may be at work.
const PATIENT: [&str; 4] = ["-o", "Acquire::Retries=3", "-o", "DPkg::Lock::Timeout=300"];

/// Tries to install; whether it worked is seen by looking again.
fn install(package: &str) {
    let Some(apt) = apt() else { return };
    println!("Installing {package} with apt");
    let update = process::run(words_of(&apt).args(PATIENT).args(["update", "--quiet"]));
    // Debian's lists may be stale and still good enough: an update that fails is no reason to stop.
    if let Err(failure) = update {
        println!("{failure}; going on with the lists that are there");
    }
    let mut install = words_of(&apt);
    install.env("DEBIAN_FRONTEND", "noninteractive");
    install.args(PATIENT).args(["install", "--yes", "--no-install-recommends", package]);
    if let Err(failure) = process::run_patiently(&mut install) {
        println!("{failure}");
    }
}

/// The words that start apt with the rights to install, or nothing where we have none.
fn apt() -> Option<Vec<&'static str>> {
    on_path("apt-get")?;
    if prints(&["id", "-u"]).is_some_and(|id| id.trim() == "0") {
        return Some(vec!["apt-get"]);
    }
    succeeds(&["sudo", "-n", "true"]).then(|| vec!["sudo", "-n", "apt-get"])
}

fn advice(program: &Program) -> String {
    format!(
        "{} is missing: {}. Install it with your package manager, such as `sudo apt-get install {}`, and try again.",
        program.probe[0], program.wanted_for, program.package
    )
}

fn succeeds(words: &[&str]) -> bool {
    prints(words).is_some()
}

/// What a command line prints, if it succeeds.
fn prints(words: &[&str]) -> Option<String> {
    let output = words_of(words).stdin(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

fn words_of(words: &[&str]) -> Command {
    let mut command = Command::new(words[0]);
    command.args(&words[1..]);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_is_there_is_left_alone() {
        let cargo = Program { probe: &["cargo", "--version"], package: "no-such-package", wanted_for: "" };
        assert!(ensure(&cargo).is_ok());
    }

    #[test]
    fn a_missing_program_is_named_with_what_to_install() {
        let said = advice(&RIPGREP);
        assert!(said.contains("rg is missing") && said.contains("apt-get install ripgrep"), "{said}");
    }

    #[test]
    fn a_probe_that_fails_is_no_success() {
        assert!(!succeeds(&["cargo", "--no-such-flag"]));
        assert!(!succeeds(&["drawbridge-no-such-program"]));
    }
}

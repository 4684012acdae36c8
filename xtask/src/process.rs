//! Starting other programs, and telling the person what they are.

use std::ffi::OsStr;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::failure::{Doing, Failure, Result};

/// How often a program with a time limit is looked at.
const POLL_EVERY: Duration = Duration::from_millis(50);

/// How long to wait before something that needs a package registry is tried again.
const PAUSES: [Duration; 3] = [Duration::from_secs(2), Duration::from_secs(10), Duration::from_secs(30)];

/// Announces what comes next, so that a long silence has a name.
pub(crate) fn announce(what: &str) {
    println!("\n== {what}");
}

/// Runs a program to its end, with our input and output.
///
/// # Errors
/// The program cannot be started, or ends with anything but success.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = command.status().doing(|| format!("cannot start {}", shown(command)))?;
    if status.success() { Ok(()) } else { Err(Failure::new(format!("{} failed ({status})", shown(command)))) }
}

/// Runs a program that needs a package registry: when it fails, it is tried again after these pauses. Registries
/// hiccup, and whoever was unlucky would have to begin anew.
///
/// # Errors
/// As [`run`], each time.
pub(crate) fn run_patiently(command: &mut Command) -> Result<()> {
    retried(&PAUSES, || run(command))
}

fn retried(pauses: &[Duration], mut attempt: impl FnMut() -> Result<()>) -> Result<()> {
    for pause in pauses {
        match attempt() {
            Ok(()) => return Ok(()),
            Err(failure) => println!("{failure}; trying again in {} s", pause.as_secs()),
        }
        thread::sleep(*pause);
    }
    attempt().map_err(|failure| {
        let times = pauses.len() + 1;
        Failure::new(format!(
            "{failure}, {times} times. Is the package registry within reach? Then try again."
        ))
    })
}

/// Runs a program to its end and returns what it printed; its errors go to ours.
///
/// # Errors
/// The program cannot be started, ends with anything but success, or prints what is not UTF-8.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    command.stderr(Stdio::inherit());
    let output = command.output().doing(|| format!("cannot start {}", shown(command)))?;
    if !output.status.success() {
        return Err(Failure::new(format!("{} failed ({})", shown(command), output.status)));
    }
    String::from_utf8(output.stdout).doing(|| format!("{} printed what is not text", shown(command)))
}

/// Runs a program silently for at most `limit`, then ends it; true when it succeeded in time.
///
/// # Errors
/// The program cannot be started.
pub(crate) fn succeeds_within(command: &mut Command, limit: Duration) -> Result<bool> {
    let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = quiet.spawn().doing(|| format!("cannot start {}", shown(quiet)))?;
    let started = Instant::now();
    while started.elapsed() < limit {
        if let Some(status) = child.try_wait().doing(|| "cannot wait for a program".into())? {
            return Ok(status.success());
        }
        thread::sleep(POLL_EVERY);
    }
    child.kill().and_then(|()| child.wait()).doing(|| "cannot end a program".into())?;
    Ok(false)
}

/// Becomes the program where the system can do that (so that signals and the exit code are its own);
/// elsewhere runs it to its end and leaves with its exit code. Returns only when it cannot be started.
pub(crate) fn become_program(command: &mut Command) -> Failure {
    #[cfg(unix)]
    let error = std::os::unix::process::CommandExt::exec(command);
    #[cfg(not(unix))]
    let error = match command.status() {
        Ok(status) => std::process::exit(status.code().unwrap_or(1)),
        Err(error) => error,
    };
    Failure::new(format!("cannot start {}: {error}", shown(command)))
}

/// The command line as a person would type it, near enough.
fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(OsStr::to_string_lossy).collect::<Vec<_>>().join(" ")
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn sh(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn a_failing_program_is_named_with_its_code() {
        assert!(run(&mut sh("exit 0")).is_ok());
        let said = run(&mut sh("exit 3")).unwrap_err().to_string();
        assert!(said.contains("sh -c exit 3") && said.contains('3'), "{said}");
    }

    #[test]
    fn what_fails_is_tried_again_until_it_succeeds_or_is_given_up() {
        let outcome_of = |good_from: u32| {
            let mut tries = 0;
            let result = retried(&[Duration::ZERO; 3], || {
                tries += 1;
                if tries >= good_from { Ok(()) } else { Err(Failure::new("no answer")) }
            });
            (result.map_err(|failure| failure.to_string()), tries)
        };
        assert_eq!(outcome_of(1), (Ok(()), 1));
        assert_eq!(outcome_of(4), (Ok(()), 4));
        let (given_up, tries) = outcome_of(5);
        assert!(given_up.unwrap_err().starts_with("no answer, 4 times.") && tries == 4);
    }

    #[test]
    fn a_program_that_does_not_exist_is_named() {
        let said = run(&mut Command::new("drawbridge-no-such-program")).unwrap_err().to_string();
        assert!(said.contains("cannot start drawbridge-no-such-program"), "{said}");
    }

    #[test]
    fn output_is_what_was_printed() {
        assert_eq!(output(&mut sh("echo yes")).unwrap(), "yes\n");
        assert!(output(&mut sh("echo yes; exit 1")).is_err());
    }

    #[test]
    fn a_program_that_never_ends_is_ended() {
        let started = Instant::now();
        assert!(!succeeds_within(&mut sh("exec sleep 60"), Duration::from_millis(200)).unwrap());
        assert!(started.elapsed() < Duration::from_secs(30));
        assert!(succeeds_within(&mut sh("exit 0"), Duration::from_secs(30)).unwrap());
        assert!(!succeeds_within(&mut sh("exit 1"), Duration::from_secs(30)).unwrap());
    }
}

//! What the tests share.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use drawbridge_sandbox::{Child, Ended, Launch, LaunchError, Pipes, ProcessLimits, Sandbox, Streams};
use tokio::io::AsyncReadExt;

/// Far longer than anything takes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Within this time nothing of a launch may be left.
pub(crate) const GONE_WITHIN: Duration = Duration::from_secs(30);

/// A line for the shell.
pub(crate) fn shell(line: &str) -> Launch {
    Launch::new("sh").args(["-c", line])
}

/// Both outputs in one pipe, and input to write to.
pub(crate) fn talking() -> Streams {
    Streams::Pipes(Pipes { input: true, merge_errors: true })
}

/// No other limit than time.
pub(crate) fn within(timeout: Duration) -> ProcessLimits {
    ProcessLimits { timeout: Some(timeout), ..ProcessLimits::default() }
}

/// Starts, reads everything, waits: output, errors, end.
pub(crate) async fn run(launch: Launch) -> Result<(String, String, Ended), LaunchError> {
    let child = Sandbox::new().launch(launch).await?;
    Ok(finish(child).await)
}

/// Reads everything and waits: output, errors, end.
pub(crate) async fn finish(mut child: Child) -> (String, String, Ended) {
    let (mut output, mut errors) = (Vec::new(), Vec::new());
    let (from_output, from_errors) = (child.output.take(), child.errors.take());
    let read = async {
        if let Some(mut pipe) = from_output {
            pipe.read_to_end(&mut output).await.unwrap();
        }
    };
    let read_errors = async {
        if let Some(mut pipe) = from_errors {
            pipe.read_to_end(&mut errors).await.unwrap();
        }
    };
    let everything = async { tokio::join!(read, read_errors, child.wait()).2 };
    let ended = tokio::time::timeout(PATIENCE, everything).await.expect("it takes too long").unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    (text(output), text(errors), ended)
}

/// Waits until it has written `up` in a line: what stands before that in its script is done.
pub(crate) async fn until_up(child: &mut Child) {
    let mut line = [0; 3];
    let read = child.output.as_mut().unwrap().read_exact(&mut line);
    tokio::time::timeout(PATIENCE, read).await.expect("it takes too long").unwrap();
    assert_eq!(&line, b"up\n");
}

/// A word that only processes of one test have in their arguments: a time to sleep.
pub(crate) fn mark() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!("7777.{}{:04}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

/// The processes with this word in their arguments. Those that ended and were not waited for have none.
pub(crate) fn marked(mark: &str) -> Vec<u32> {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter(|pid| *pid != std::process::id() && arguments(*pid).contains(mark)).collect()
}

fn arguments(pid: u32) -> String {
    let bytes = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Waits until a condition holds; says how long that took.
pub(crate) async fn until(what: &str, limit: Duration, holds: impl Fn() -> bool) -> Duration {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < limit, "not within {limit:?}: {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    began.elapsed()
}

/// A shell line that leaves four sleeping descendants: one that made a session of its own and ignores signals, one forked
/// twice, one in the background, and one that it waits for.
pub(crate) fn family(mark: &str) -> String {
    format!(
        "trap '' TERM HUP INT; setsid sh -c \"trap '' TERM HUP INT; sleep {mark}; :\" & \
         (setsid sleep {mark} &); sleep {mark} & sleep {mark}; :"
    )
}

/// How many processes a family has with its mark in their arguments: two shells, four sleepers.
pub(crate) const FAMILY: usize = 6;

/// This test's program, where every user can execute it.
pub(crate) fn program() -> PathBuf {
    std::env::current_exe().unwrap()
}

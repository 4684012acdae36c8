//! What the tests share.

use std::time::Duration;

use drawbridge_sandbox::{Child, Ended, Launch, LaunchError, Pipes, ProcessLimits, Sandbox, Streams};
use tokio::io::AsyncReadExt;

/// Far longer than anything takes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A line for the shell.
pub(crate) fn shell(line: &str) -> Launch {
    Launch::new("sh").args(["-c", line])
}

/// Both outputs in one pipe, and input to write to.
pub(crate) fn talking() -> Streams {
    Streams::Pipes(Pipes { input: true, merge_errors: true })
}

pub(crate) fn within(timeout: Duration) -> ProcessLimits {
    ProcessLimits { timeout: Some(timeout), ..ProcessLimits::default() }
}

/// Starts, reads everything, waits: output, errors, end.
pub(crate) async fn run(launch: Launch) -> Result<(String, String, Ended), LaunchError> {
    let sandbox = Sandbox::new();
    let child = sandbox.launch(launch).await?;
    Ok(finish(child).await)
}

pub(crate) async fn finish(mut child: Child) -> (String, String, Ended) {
    let (mut output, mut errors) = (Vec::new(), Vec::new());
    let (mut from_output, mut from_errors) = (child.output.take(), child.errors.take());
    let read = async {
        if let Some(pipe) = &mut from_output {
            pipe.read_to_end(&mut output).await.unwrap();
        }
    };
    let read_errors = async {
        if let Some(pipe) = &mut from_errors {
            pipe.read_to_end(&mut errors).await.unwrap();
        }
    };
    let everything = async { tokio::join!(read, read_errors, child.wait()).2 };
    let ended = tokio::time::timeout(PATIENCE, everything).await.expect("it takes too long").unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    (text(output), text(errors), ended)
}

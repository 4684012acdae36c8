//! Starts a command, feeds it, and reads it to its end.

use std::ffi::OsString;
use std::path::PathBuf;
use std::pin::pin;
use std::time::Duration;

use drawbridge_contract::Context;
use drawbridge_sandbox::{
    Child, Collected, Ended, Launch, Output, OutputLimits, Pipes, ProcessLimits, Report, Streams,
};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};

use super::outputs::{Kept, Spool, Stream};
use super::progress::Progress;
use crate::error::{Result, TerminalError};
use crate::folder::Temporary;
use crate::terminals::Terminals;

/// How long a command has between the signal that asks it to end and the one that it cannot refuse.
const GRACE: Duration = Duration::from_millis(500);
/// How long output is waited for that nobody writes any more.
const DRAIN_MAX: Duration = Duration::from_millis(500);

/// What commands see that have no terminal: none, and programs that would wait for a person do not.
const VARIABLES: [(&str, &str); 4] =
    [("TERM", "dumb"), ("PAGER", "cat"), ("GIT_PAGER", "cat"), ("GIT_TERMINAL_PROMPT", "0")];

/// What to run.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) program: PathBuf,
    pub(crate) arguments: Vec<OsString>,
    pub(crate) folder: PathBuf,
    pub(crate) variables: Vec<(String, String)>,
    pub(crate) input: Option<String>,
    pub(crate) timeout: Duration,
    /// Bytes of each output that the answer holds.
    pub(crate) output_bytes_max: usize,
}

/// What came of it.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) id: String,
    pub(crate) stdout: Collected,
    pub(crate) stderr: Collected,
    pub(crate) ended: Ended,
    pub(crate) report: Report,
}

impl Run {
    /// Runs it to its end. Dropped, it ends the command and everything that it started.
    ///
    /// # Errors
    /// When it cannot be started, or nobody knows how it ended.
    pub(crate) async fn complete(mut self, terminals: &Terminals, context: &Context) -> Result<Ran> {
        let id = context.call.to_string();
        let temporary = Temporary(terminals.sessions.temporary(&id)?);
        let limits = OutputLimits {
            head_bytes_max: self.output_bytes_max / 2,
            tail_bytes_max: self.output_bytes_max - self.output_bytes_max / 2,
            file_bytes_max: terminals.sessions.settings.bounds.output_file_bytes_max,
        };
        let input = self.input.take();
        let mut child = self.launch(terminals, &temporary, input.is_some()).await?;
        let folder = terminals.run_folder();
        let (out, err) = (Spool::new(&folder, &id, Stream::Stdout), Spool::new(&folder, &id, Stream::Stderr));
        let mut stdout = Output::new(limits, Some(out.path()));
        let mut stderr = Output::new(limits, Some(err.path()));
        let ended = pump(&mut child, input, &mut stdout, &mut stderr, &Progress::new(context)).await?;
        let (stdout, stderr) = (stdout.finish(), stderr.finish());
        terminals.outputs.keep(Kept {
            run: id.as_str().into(),
            caller: context.caller.id.clone(),
            stdout: stdout.file.is_some().then_some(out),
            stderr: stderr.file.is_some().then_some(err),
        });
        Ok(Ran { id, stdout, stderr, ended, report: child.report().clone() })
    }

    async fn launch(self, terminals: &Terminals, temporary: &Temporary, input: bool) -> Result<Child> {
        let pipes = Pipes { input, merge_errors: false };
        let limits = ProcessLimits { timeout: Some(self.timeout), grace: GRACE, ..ProcessLimits::default() };
        let launch = Launch::new(self.program)
            .args(self.arguments)
            .directory(self.folder)
            .streams(Streams::Pipes(pipes))
            .limits(limits);
        let ours = VARIABLES.iter().map(|(name, value)| (name.into(), value.into()));
        let given = self.variables.into_iter().map(|(name, value)| (name.into(), value.into()));
        let launch = terminals.sessions.confine.apply(launch, &temporary.0, ours.chain(given));
        Ok(terminals.sessions.sandbox.launch(launch).await?)
    }
}

/// Moves everything until the end.
async fn pump(
    child: &mut Child,
    input: Option<String>,
    stdout: &mut Output,
    stderr: &mut Output,
    progress: &Progress<'_>,
) -> Result<Ended> {
    let (into, out, err) = (child.input.take(), child.output.take(), child.errors.take());
    let mut moving = pin!(async {
        tokio::join!(feed(into, input), read(stdout, out, progress), read(stderr, err, progress));
    });
    let mut moved = false;
    let ended = loop {
        tokio::select! {
            () = &mut moving, if !moved => moved = true,
            ended = child.wait() => break ended,
        }
    };
    if !moved {
        // What was written before the end is still in the pipes.
        let _ = tokio::time::timeout(DRAIN_MAX, moving).await;
    }
    ended.map_err(|error| TerminalError::Wait { error })
}

/// Writes the input. A program that does not want it all is no error.
async fn feed(into: Option<impl AsyncWrite + Unpin>, input: Option<String>) {
    if let (Some(mut into), Some(input)) = (into, input) {
        let _ = into.write_all(input.as_bytes()).await;
    }
}

/// Reads to the end. Reading from a pipe fails only when the pipe is gone.
async fn read(output: &mut Output, from: Option<impl AsyncRead + Unpin>, progress: &Progress<'_>) {
    if let Some(from) = from {
        let _ = output.read(from, |piece| progress.note(piece)).await;
    }
}

//! A shell in a terminal, line by line: what to do with a line, and which part of the output answers it.

use drawbridge_contract::BoxFuture;

use super::door::{Door, Fault};
use super::tools::{self, CLOSE, OPEN, Opened, Part, READ, Read, WRITE, Written};

/// A shell in a terminal of its own.
pub(super) struct Shell {
    door: Door,
    session: String,
    /// The line whose output is being waited for, if one is.
    waiting: Option<Waiting>,
    /// Up to where the output has been shown.
    shown: u64,
}

/// A line whose output is being waited for.
struct Waiting {
    line: String,
    /// Whether a part of its output was shown already.
    begun: bool,
    output: BoxFuture<'static, Result<Read, Fault>>,
}

/// Output that answers a line.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Shown {
    pub(super) line: String,
    pub(super) output: String,
    /// The shell has ended with it.
    pub(super) is_last: bool,
}

impl Shell {
    pub(super) async fn open(door: Door) -> Result<Self, Fault> {
        let opened: Opened = door.call(OPEN, serde_json::json!({})).await?;
        Ok(Self { door, session: opened.session, waiting: None, shown: 0 })
    }

    /// Types a line: a command, or an input of the command that still runs. A blank line at the prompt needs no typing,
    /// and is answered at once.
    pub(super) async fn enter(&mut self, line: &str) -> Result<Option<Shown>, Fault> {
        let is_input = self.waiting.take().is_some();
        if line.trim().is_empty() && !is_input {
            return Ok(Some(Shown { line: line.to_owned(), output: String::new(), is_last: false }));
        }
        let written: Written = self.door.call(WRITE, tools::write(&self.session, line)).await?;
        let part = match written.next_command {
            // What was not shown before the input is shown with its answer.
            _ if is_input => Part::Answer(self.shown),
            Some(number) => Part::Command(number),
            None => Part::Answer(written.cursor),
        };
        self.shown = if is_input { self.shown } else { written.cursor };
        self.wait(line.to_owned(), false, part);
        Ok(None)
    }

    /// Whether a line was typed a moment ago that nothing has answered yet.
    pub(super) fn may_answer_soon(&self) -> bool {
        self.waiting.as_ref().is_some_and(|waiting| !waiting.begun)
    }

    /// The next output. Never ready when nothing is waited for; may be dropped and called again.
    pub(super) async fn output(&mut self) -> Result<Shown, Fault> {
        loop {
            let Some(waiting) = &mut self.waiting else { return std::future::pending().await };
            let read = (&mut waiting.output).await?;
            let (line, begun) = (std::mem::take(&mut waiting.line), waiting.begun);
            self.waiting = None;
            self.shown = read.cursor;
            if read.is_running() {
                self.wait(line.clone(), true, Part::Rest(read.cursor));
            }
            // Of a command that is still silent there is nothing new to say.
            if begun && read.is_running() && read.text.trim().is_empty() {
                continue;
            }
            return Ok(Shown { line, output: read.text.trim_end().to_owned(), is_last: read.is_over() });
        }
    }

    fn wait(&mut self, line: String, begun: bool, part: Part) {
        let output = self.door.call(READ, tools::read(&self.session, part));
        self.waiting = Some(Waiting { line, begun, output });
    }

    /// Ends the shell and everything in it.
    pub(super) async fn close(self) {
        let Self { door, session, waiting, .. } = self;
        drop(waiting);
        if let Err(fault) = door.call::<serde_json::Value>(CLOSE, tools::close(&session)).await {
            tracing::warn!(%fault, session, "a terminal stays open until its idle limit");
        }
    }
}

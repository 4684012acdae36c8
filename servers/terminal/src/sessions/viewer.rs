//! People who watch a terminal, and type in it.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use drawbridge_contract::{
    Attachment, Context, LiveStream, RawValue, StreamHandle, StreamInput, StreamMode, StreamOutput, Streams,
    ToolError, raw,
};
use drawbridge_sandbox::{Ended, Exit, Size};
use futures::StreamExt as _;
use serde::Serialize;
use tokio::sync::mpsc;

use super::all::Sessions;
use super::audience::Queue;
use super::session::{Session, View};
use super::state::State;
use crate::error::TerminalError;

/// Inputs of one viewer that wait for the program.
const INPUT_MAX: usize = 64;

/// What all viewers of a terminal are told.
#[derive(Debug, Clone)]
pub(crate) enum Shown {
    /// The program wrote this.
    Bytes(Bytes),
    /// An editor gave the screen back: who came while it had it has not seen what is behind.
    Uncovered,
    /// Something about the terminal itself.
    Notice(Notice),
    /// The last that there is.
    Ended(Notice),
}

/// Something about the terminal itself: the members that are there have changed.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Notice {
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<Box<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<Box<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<SizeNotice>,
    #[serde(skip_serializing_if = "Option::is_none")]
    paused: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ended: Option<EndNotice>,
}

#[derive(Debug, Clone, Serialize)]
struct SizeNotice {
    columns: u16,
    rows: u16,
}

/// How the program ended; without members where nobody knows.
#[derive(Debug, Clone, Default, Serialize)]
struct EndNotice {
    #[serde(skip_serializing_if = "Option::is_none")]
    exit_code: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    signal: Option<i32>,
}

impl Notice {
    /// All there is to say to somebody who joins.
    pub(super) fn of(session: &Session, state: &State) -> Self {
        Self {
            session: Some(session.id.clone()),
            name: Some(session.name.clone()),
            paused: Some(state.paused),
            ..Self::sized(state.size)
        }
    }

    pub(super) fn sized(size: Size) -> Self {
        Self { size: Some(SizeNotice { columns: size.columns, rows: size.rows }), ..Self::default() }
    }

    pub(super) fn paused(paused: bool) -> Self {
        Self { paused: Some(paused), ..Self::default() }
    }

    pub(super) fn ended(ended: Option<&Ended>) -> Self {
        let end = match ended.map(|ended| ended.exit) {
            Some(Exit::Code(code)) => EndNotice { exit_code: Some(code), signal: None },
            Some(Exit::Signal(signal)) => EndNotice { exit_code: None, signal: Some(signal) },
            None => EndNotice::default(),
        };
        Self { ended: Some(end), ..Self::default() }
    }

    fn json(&self) -> Box<RawValue> {
        raw(self)
    }
}

/// The terminals as live streams.
pub(crate) struct Viewers(pub(crate) Arc<Sessions>);

impl Streams for Viewers {
    /// Only the owner types by stream: what programs type goes through `terminal_write`, each with its record.
    fn open(&self, id: &str, mode: StreamMode, context: &Context) -> Result<StreamHandle, ToolError> {
        let session = self.0.find(&context.caller, id)?;
        if mode == StreamMode::Type && !context.caller.is_owner() {
            return Err(TerminalError::MayNotType("only the owner types in a live terminal").into());
        }
        Ok(StreamHandle(Arc::new(Viewer { session, mode })))
    }
}

/// Somebody who looks at a terminal.
struct Viewer {
    session: Arc<Session>,
    mode: StreamMode,
}

impl LiveStream for Viewer {
    fn attach(self: Arc<Self>) -> Attachment {
        let seat = Seat::take(self.session.clone());
        let output = futures::stream::unfold(seat, |mut seat| async { Some((seat.next().await?, seat)) });
        let input = (self.mode == StreamMode::Type).then(|| typing(self.session.clone()));
        Attachment { output: output.boxed(), input }
    }
}

/// A viewer's place in the audience.
struct Seat {
    session: Arc<Session>,
    shown: Queue,
    /// What comes before what happens next.
    first: VecDeque<StreamOutput>,
    /// Whether an editor had the screen when this viewer came.
    came_while_covered: bool,
    over: bool,
}

impl Seat {
    fn take(session: Arc<Session>) -> Self {
        let View { notice, replay, covered, ended, shown } = session.join();
        let mut first =
            VecDeque::from([StreamOutput::Notice(notice.json()), StreamOutput::Bytes(replay.into())]);
        first.extend(ended.as_ref().map(|ended| StreamOutput::Notice(ended.json())));
        Self { session, shown, first, came_while_covered: covered, over: ended.is_some() }
    }

    async fn next(&mut self) -> Option<StreamOutput> {
        loop {
            if let Some(first) = self.first.pop_front() {
                return Some(first);
            }
            if self.over {
                return None;
            }
            match self.shown.next().await {
                Some(Shown::Bytes(bytes)) => return Some(StreamOutput::Bytes(bytes)),
                Some(Shown::Notice(notice)) => return Some(StreamOutput::Notice(notice.json())),
                Some(Shown::Ended(notice)) => {
                    self.over = true;
                    return Some(StreamOutput::Notice(notice.json()));
                }
                Some(Shown::Uncovered) if self.came_while_covered => self.catch_up(),
                Some(Shown::Uncovered) => {}
                None => self.catch_up(),
            }
        }
    }

    /// Shows the present state instead of what was missed.
    fn catch_up(&mut self) {
        *self = Self::take(self.session.clone());
    }
}

/// Passes on what a viewer types, as long as it is there.
fn typing(session: Arc<Session>) -> mpsc::Sender<StreamInput> {
    let (sender, mut inputs) = mpsc::channel(INPUT_MAX);
    tokio::spawn(async move {
        while let Some(input) = inputs.recv().await {
            let done = match input {
                StreamInput::Bytes(bytes) => session.type_in(bytes).await.map(drop),
                StreamInput::Resize { columns, rows } => session.resize(Size { columns, rows }),
                StreamInput::Pause(paused) => {
                    session.pause(paused);
                    Ok(())
                }
            };
            if let Err(error) = done {
                tracing::debug!(session = &*session.id, %error, "a viewer's input was not taken");
            }
        }
    });
    sender
}

//! An answer that comes piece by piece, read as it comes.

use std::fmt;

use super::lines::{Ends, LineTooLong, Lines};
use super::sse::{Event, Events};
use crate::chat::{Failure, FailureKind, Piece};

/// Reads an answer that comes piece by piece. Each answer needs its own.
pub struct Decoder {
    frames: Frames,
    reader: Box<dyn ReadAnswer>,
    over: bool,
}

/// How a dialect cuts its stream.
enum Frames {
    Events(Events),
    Lines(Lines),
}

/// Makes pieces of a dialect's events.
pub(crate) trait ReadAnswer: Send {
    /// Takes in one event, or one line.
    fn event(&mut self, event: Event<'_>, out: &mut Vec<Piece>);
    /// Whether the answer has come to its end, so that the stream may end too.
    fn is_ended(&self) -> bool;
}

impl Decoder {
    pub(crate) fn events(reader: impl ReadAnswer + 'static) -> Self {
        Self { frames: Frames::Events(Events::default()), reader: Box::new(reader), over: false }
    }

    pub(crate) fn lines(reader: impl ReadAnswer + 'static) -> Self {
        Self { frames: Frames::Lines(Lines::new(Ends::LineFeed)), reader: Box::new(reader), over: false }
    }

    /// Takes in bytes as they come, cut anywhere, and appends the pieces that they complete. After [`Piece::Failed`]
    /// there are no more.
    pub fn push(&mut self, bytes: &[u8], out: &mut Vec<Piece>) {
        let Self { frames, reader, over } = self;
        if *over {
            return;
        }
        let mut take = |event: Event<'_>| read(reader.as_mut(), over, event, out);
        let cut = match frames {
            Frames::Events(events) => events.push(bytes, take),
            Frames::Lines(lines) => lines.push(bytes, |data| take(Event { name: "", data })),
        };
        if let Err(error) = cut {
            self.give_up(error, out);
        }
    }

    /// The stream has ended: appends its last pieces, and [`Piece::Failed`] if it ended too early.
    pub fn finish(&mut self, out: &mut Vec<Piece>) {
        let Self { frames, reader, over } = self;
        let mut take = |event: Event<'_>| read(reader.as_mut(), over, event, out);
        match frames {
            Frames::Events(events) => events.finish(take),
            Frames::Lines(lines) => lines.finish(|data| take(Event { name: "", data })),
        }
        if !self.over && !self.reader.is_ended() {
            out.push(Piece::Failed(Failure::cut()));
        }
        self.over = true;
    }

    fn give_up(&mut self, error: LineTooLong, out: &mut Vec<Piece>) {
        if !self.over {
            out.push(Piece::Failed(Failure::new(FailureKind::Malformed, error.to_string())));
        }
        self.over = true;
    }
}

fn read(reader: &mut dyn ReadAnswer, over: &mut bool, event: Event<'_>, out: &mut Vec<Piece>) {
    if *over || event.data.is_empty() {
        return;
    }
    let from = out.len();
    reader.event(event, out);
    if let Some(at) = out[from..].iter().position(|piece| matches!(piece, Piece::Failed(_))) {
        out.truncate(from + at + 1);
        *over = true;
    }
}

impl fmt::Debug for Decoder {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Decoder").field("over", &self.over).finish_non_exhaustive()
    }
}

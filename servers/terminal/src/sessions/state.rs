//! What is known of one terminal. Nothing here waits for anything.

use std::time::{Duration, Instant};

use bytes::Bytes;
use drawbridge_sandbox::{Ended, Size};

use super::commands::{Commands, Marking};
use crate::screen::display::Display;
use crate::screen::filter::Filter;
use crate::screen::log::Log;
use crate::screen::text::{self, Readable};

/// What is known of one terminal.
pub(crate) struct State {
    pub(crate) display: Display,
    pub(crate) log: Log,
    pub(crate) commands: Commands,
    pub(crate) size: Size,
    /// When something was last written by the program.
    pub(crate) output_at: Instant,
    /// When somebody or something last used it.
    pub(crate) active_at: Instant,
    /// Whether the owner keeps tools from typing.
    pub(crate) paused: bool,
    /// How it ended; `Some(None)` where nobody knows.
    pub(crate) ended: Option<Option<Ended>>,
    filter: Filter,
}

/// A part of the output.
#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) readable: Readable,
    /// Where to read on.
    pub(crate) cursor: u64,
    /// Bytes that came after where reading was to begin, and are no longer kept.
    pub(crate) missed_bytes: u64,
    /// Bytes that are there after this part.
    pub(crate) more_bytes: u64,
}

impl State {
    /// A blank terminal.
    pub(crate) fn new(
        size: Size,
        marking: Marking,
        key: &str,
        log_bytes_max: usize,
        history_lines: usize,
    ) -> Self {
        let now = Instant::now();
        Self {
            display: Display::new(size, history_lines),
            log: Log::new(log_bytes_max),
            commands: Commands::new(marking),
            size,
            output_at: now,
            active_at: now,
            paused: false,
            ended: None,
            filter: Filter::new(key),
        }
    }

    /// Takes what the program wrote; gives what viewers are to see. The screen is drawn later.
    pub(crate) fn take(&mut self, piece: Bytes, now: Instant) -> Bytes {
        let hid = self.filter.hides();
        let filtered = self.filter.feed(piece.clone());
        self.display.push(&piece, hid || self.filter.hides());
        let before = self.log.end();
        self.log.push(&filtered.bytes);
        for (at, mark) in filtered.marks {
            let at = before + at.start as u64..before + at.end as u64;
            self.commands.mark(mark, at, &self.log, now);
        }
        (self.output_at, self.active_at) = (now, now);
        filtered.bytes
    }

    /// The output from `since` (or the last `bytes_max` bytes of it) to `until` (or the end), as text for models, or
    /// exact.
    pub(crate) fn part(&self, since: Option<u64>, until: Option<u64>, bytes_max: usize, raw: bool) -> Part {
        let end = until.unwrap_or(u64::MAX).min(self.log.end());
        let since = since.unwrap_or_else(|| end.saturating_sub(bytes_max as u64));
        let from = since.clamp(self.log.start(), end.max(self.log.start()));
        let mut bytes = self.log.between(from, end.min(from.saturating_add(bytes_max as u64)));
        if self.ended.is_none() && until.is_none() {
            bytes.truncate(bytes.len() - text::unfinished(&bytes));
        }
        let cursor = from + bytes.len() as u64;
        let readable = if raw { text::exact(&bytes) } else { Readable::Text(text::drawn(&bytes)) };
        Part {
            readable,
            cursor,
            missed_bytes: from.saturating_sub(since),
            more_bytes: end.saturating_sub(cursor),
        }
    }

    /// How long nobody and nothing has used it.
    pub(crate) fn idle(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.active_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(output: &str) -> State {
        let mut state = State::new(Size { columns: 40, rows: 5 }, Marking::Commands, "k", 100, 10);
        state.take(Bytes::copy_from_slice(output.as_bytes()), Instant::now());
        state
    }

    fn text(part: &Part) -> &str {
        let Readable::Text(text) = &part.readable else { panic!("{part:?}") };
        text
    }

    #[test]
    fn output_is_read_on_from_a_cursor_without_gaps() {
        let mut state = state("one\r\ntwo\r\n\x1b[3");
        let first = state.part(Some(0), None, 1000, false);
        assert_eq!((text(&first), first.cursor, first.more_bytes), ("one\ntwo\n", 10, 0));
        state.take(Bytes::from_static(b"1mthree"), Instant::now());
        let second = state.part(Some(first.cursor), None, 1000, false);
        assert_eq!((text(&second), second.missed_bytes), ("three", 0));
        let short = state.part(Some(0), None, 5, false);
        assert_eq!((text(&short), short.cursor, short.more_bytes), ("one\n", 5, state.log.end() - 5));
        assert_eq!(text(&state.part(None, None, 5, false)), "three");
        assert_eq!(text(&state.part(Some(5), Some(8), 1000, false)), "two");
    }

    #[test]
    fn what_is_no_longer_kept_is_counted() {
        let state = state(&"x".repeat(150));
        let part = state.part(Some(0), None, 1000, false);
        assert_eq!((part.missed_bytes, text(&part).len(), part.cursor), (50, 100, 150));
        let beyond = state.part(Some(500), None, 1000, false);
        assert_eq!((text(&beyond), beyond.cursor, beyond.missed_bytes), ("", 150, 0));
    }

    #[test]
    fn marks_in_the_output_become_commands() {
        let state = state(
            "\x1b]133;A;k=k\x07$ \x1b]133;B;k=k\x07ls\r\n\x1b]133;C;k=k\x07a b\r\n\x1b]133;D;0;k=k\x07",
        );
        let command = state.commands.numbered(1).unwrap();
        assert_eq!((command.line.as_str(), command.exit_code), ("ls", Some(0)));
        let output = state.part(Some(command.output.start), Some(command.output.end), 1000, true);
        assert_eq!(text(&output), "a b\r\n");
    }
}

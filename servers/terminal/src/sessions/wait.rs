//! What one can wait for in a terminal.

use std::time::{Duration, Instant};

use regex::Regex;

use super::commands::Over;
use super::state::State;
use crate::screen::text;

/// How long a prompt is looked at before it is believed that the shell waits for a command.
const SETTLED: Duration = Duration::from_millis(150);

/// What to wait for.
#[derive(Debug)]
pub(crate) enum Until {
    /// Nothing.
    Now,
    /// Any output.
    Output,
    /// That nothing is written for this long.
    Quiet(Duration),
    /// A line that fits.
    Pattern(Search),
    /// The end of a command, or a new prompt.
    CommandEnd,
}

/// Why waiting ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Reason {
    /// Nobody wanted to wait.
    Now,
    /// There is output.
    Output,
    /// Nothing was written for the time that was asked for.
    Quiet,
    /// A line fits the pattern.
    Pattern,
    /// A command has ended.
    CommandEnd,
    /// The terminal's program has ended.
    Ended,
    /// The time is over.
    Timeout,
}

/// Looks for a line that fits; each byte is looked at once, but for the line that is still being written.
#[derive(Debug)]
pub(crate) struct Search {
    pattern: Regex,
    /// Where the first line begins that may still change.
    line_from: u64,
}

impl Search {
    /// Looks from this place on.
    pub(crate) fn new(pattern: Regex, from: u64) -> Self {
        Self { pattern, line_from: from }
    }

    fn finds(&mut self, state: &State) -> bool {
        let bytes = state.log.between(self.line_from, state.log.end());
        let from = self.line_from.max(state.log.start());
        let found = text::drawn(&bytes).lines().any(|line| self.pattern.is_match(line));
        self.line_from = from + memchr::memrchr(b'\n', &bytes).map_or(0, |at| at as u64 + 1);
        found
    }
}

impl Until {
    /// Whether it has come, having waited from the place `since` and the time `begun`.
    pub(crate) fn reached(
        &mut self,
        state: &State,
        since: u64,
        begun: Instant,
        now: Instant,
    ) -> Option<Reason> {
        let came = match self {
            Self::Now => Some(Reason::Now),
            Self::Output => (state.log.end() > since).then_some(Reason::Output),
            Self::Quiet(time) => {
                let from = state.output_at.max(begun);
                (now.saturating_duration_since(from) >= *time).then_some(Reason::Quiet)
            }
            Self::Pattern(search) => search.finds(state).then_some(Reason::Pattern),
            Self::CommandEnd => is_over(state, since, now).then_some(Reason::CommandEnd),
        };
        came.or_else(|| state.ended.is_some().then_some(Reason::Ended))
    }

    /// When to look again though nothing happened; what lies in the past is no reason to.
    pub(crate) fn look_again(&self, state: &State, begun: Instant) -> Option<Instant> {
        match self {
            Self::Quiet(time) => Some(state.output_at.max(begun) + *time),
            Self::CommandEnd => Some(state.output_at + SETTLED),
            _ => None,
        }
    }
}

fn is_over(state: &State, since: u64, now: Instant) -> bool {
    match state.commands.over_since(since) {
        Over::No => false,
        Over::IfQuiet => now.saturating_duration_since(state.output_at) >= SETTLED,
        Over::Yes => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use drawbridge_sandbox::Size;

    use crate::sessions::commands::Marking;

    struct Terminal {
        state: State,
        begun: Instant,
    }

    impl Terminal {
        fn new() -> Self {
            let state = State::new(Size::default(), Marking::Commands, "k", 1000, 0);
            Self { begun: state.output_at, state }
        }

        fn write(&mut self, text: &str, at_ms: u64) {
            let now = self.begun + Duration::from_millis(at_ms);
            self.state.take(Bytes::copy_from_slice(text.as_bytes()), now);
        }

        fn asked(&self, until: &mut Until, since: u64, at_ms: u64) -> Option<Reason> {
            until.reached(&self.state, since, self.begun, self.begun + Duration::from_millis(at_ms))
        }
    }

    #[test]
    fn quiet_counts_from_the_last_output_to_the_edge() {
        let mut terminal = Terminal::new();
        let mut quiet = Until::Quiet(Duration::from_millis(100));
        terminal.write("x", 50);
        assert_eq!(terminal.asked(&mut quiet, 0, 149), None);
        assert_eq!(terminal.asked(&mut quiet, 0, 150), Some(Reason::Quiet));
        assert_eq!(
            quiet.look_again(&terminal.state, terminal.begun),
            Some(terminal.begun + Duration::from_millis(150))
        );
    }

    #[test]
    fn output_is_what_came_after_the_place() {
        let mut terminal = Terminal::new();
        terminal.write("ab", 0);
        assert_eq!(terminal.asked(&mut Until::Output, 2, 0), None);
        assert_eq!(terminal.asked(&mut Until::Output, 1, 0), Some(Reason::Output));
        assert_eq!(terminal.asked(&mut Until::Now, 2, 0), Some(Reason::Now));
    }

    #[test]
    fn a_pattern_is_found_in_a_line_that_comes_in_pieces() {
        let mut terminal = Terminal::new();
        let mut until = Until::Pattern(Search::new(Regex::new("^rea.y>$").unwrap(), 0));
        for (piece, expected) in [("noise\r\nre", None), ("a\x1b[1md", None), ("y>", Some(Reason::Pattern))] {
            terminal.write(piece, 0);
            assert_eq!(terminal.asked(&mut until, 0, 0), expected, "{piece:?}");
        }
    }

    #[test]
    fn the_end_of_the_program_ends_all_waiting() {
        let mut terminal = Terminal::new();
        assert_eq!(terminal.asked(&mut Until::CommandEnd, 0, 0), None);
        terminal.state.ended = Some(None);
        assert_eq!(terminal.asked(&mut Until::CommandEnd, 0, 0), Some(Reason::Ended));
    }
}

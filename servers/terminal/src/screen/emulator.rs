//! The terminal that a program believes to write to: its screen, its title, and its answers.

use std::num::NonZeroU16;

use drawbridge_sandbox::Size;
use vt100::capture::{BasicFormattedCaptureRange, BasicFormattedCaptureState};

/// Longer titles are cut.
const TITLE_CHARACTERS_MAX: usize = 200;
/// Answers that a program has not fetched yet: more are not given, so that nobody can fill our memory by asking.
const ANSWERS_BYTES_MAX: usize = 4096;

/// What we answer to "who are you" (DA1): a VT220 with colours.
const PRIMARY_ATTRIBUTES: &str = "\x1b[?62;22c";
/// What we answer to "which version are you" (DA2).
const SECONDARY_ATTRIBUTES: &str = "\x1b[>1;10;0c";
/// What we answer to "are you well" (DSR 5).
const WELL: &str = "\x1b[0n";

/// A terminal's state.
pub(crate) struct Emulator {
    parser: vt100::Parser<Talk>,
}

/// What a person would see now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Picture {
    /// The rows, without trailing spaces, and without empty rows at the end.
    pub(crate) text: String,
    /// The cursor's row and column, counted from 1; `None` where a program hides it.
    pub(crate) cursor: Option<(u16, u16)>,
    pub(crate) title: String,
    /// Whether a program has the whole screen for itself, such as an editor.
    pub(crate) alternate: bool,
}

/// What a program tells the terminal beside what it draws.
#[derive(Default)]
struct Talk {
    title: String,
    answers: Vec<u8>,
}

impl Emulator {
    /// A blank screen of this size, with so many lines of history.
    pub(crate) fn new(size: Size, history_lines: usize) -> Self {
        let parser = vt100::Parser::new_with_callbacks(
            at_least_one(size.rows),
            at_least_one(size.columns),
            history_lines,
            Talk::default(),
        );
        Self { parser }
    }

    /// Takes what the program wrote; gives what the terminal answers to it.
    pub(crate) fn process(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.parser.process(bytes);
        std::mem::take(&mut self.parser.callbacks_mut().answers)
    }

    /// Gives it another size.
    pub(crate) fn resize(&mut self, size: Size) {
        self.parser.set_size(at_least_one(size.rows), at_least_one(size.columns));
    }

    /// What a person would see now.
    pub(crate) fn picture(&self) -> Picture {
        let screen = self.parser.screen();
        let (row, column) = screen.cursor_position();
        Picture {
            text: trimmed(&screen.rows(0, screen.size().1.get()).collect::<Vec<_>>().join("\n")),
            cursor: (!screen.hide_cursor()).then_some((row + 1, column + 1)),
            title: self.title().to_owned(),
            alternate: screen.alternate_screen(),
        }
    }

    /// The title that a program has set.
    pub(crate) fn title(&self) -> &str {
        &self.parser.callbacks().title
    }

    /// The rows with their colours, as control sequences.
    pub(crate) fn coloured(&self) -> String {
        self.parser.screen().contents_formatted_basic()
    }

    /// Whether a program has the whole screen for itself.
    pub(crate) fn alternate(&self) -> bool {
        self.parser.screen().alternate_screen()
    }

    /// Whether arrow keys are to be sent in their other form (DECCKM).
    pub(crate) fn application_cursor(&self) -> bool {
        self.parser.screen().application_cursor()
    }

    /// Whether pasted text is to be marked as such.
    pub(crate) fn bracketed_paste(&self) -> bool {
        self.parser.screen().bracketed_paste()
    }

    /// What makes an empty terminal of the same size look like this one: history, screen, cursor and modes.
    pub(crate) fn replay(&self) -> String {
        let screen = self.parser.screen();
        let title = self.title();
        let before = if screen.alternate_screen() { "\x1b[?1049h".to_owned() } else { self.history() };
        format!("\x1bc\x1b[0m{before}\x1b]2;{title}\x1b\\{}", screen.state_formatted())
    }

    /// The history and the screen, as lines that scroll by; the screen is then drawn again in its place.
    fn history(&self) -> String {
        let mut lines = String::new();
        let range = BasicFormattedCaptureRange::Full(&mut BasicFormattedCaptureState::new());
        let screen = self.parser.screen();
        // Writing to a string cannot fail.
        let _ = screen.write_contents_formatted_basic(&mut lines, range);
        if screen.scrollback_len() == 0 { String::new() } else { lines.replace('\n', "\x1b[K\r\n") }
    }
}

fn at_least_one(characters: u16) -> NonZeroU16 {
    NonZeroU16::new(characters).unwrap_or(NonZeroU16::MIN)
}

/// Without spaces at the end of lines and empty lines at the end.
fn trimmed(text: &str) -> String {
    let lines: Vec<&str> = text.split('\n').map(str::trim_end).collect();
    let used = lines.iter().rposition(|line| !line.is_empty()).map_or(0, |last| last + 1);
    lines[..used].join("\n")
}

impl Talk {
    fn answer(&mut self, answer: &str) {
        if self.answers.len() + answer.len() <= ANSWERS_BYTES_MAX {
            self.answers.extend_from_slice(answer.as_bytes());
        }
    }
}

impl vt100::Callbacks for Talk {
    fn set_window_title(&mut self, _: &mut vt100::Screen, title: &[u8]) {
        let title = String::from_utf8_lossy(title);
        self.title = title.chars().filter(|one| !one.is_control()).take(TITLE_CHARACTERS_MAX).collect();
    }

    fn unhandled_csi(
        &mut self,
        screen: &mut vt100::Screen,
        before: Option<u8>,
        _: Option<u8>,
        parameters: &[&[u16]],
        last: char,
    ) {
        let first = parameters.first().and_then(|one| one.first()).copied().unwrap_or_default();
        let (row, column) = screen.cursor_position();
        match (before, last, first) {
            (None, 'c', 0) => self.answer(PRIMARY_ATTRIBUTES),
            (Some(b'>'), 'c', 0) => self.answer(SECONDARY_ATTRIBUTES),
            (None, 'n', 5) => self.answer(WELL),
            (None, 'n', 6) => self.answer(&format!("\x1b[{};{}R", row + 1, column + 1)),
            (Some(b'?'), 'n', 6) => self.answer(&format!("\x1b[?{};{}R", row + 1, column + 1)),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn emulator(rows: u16, output: &str) -> Emulator {
        let mut emulator = Emulator::new(Size { columns: 20, rows }, 100);
        emulator.process(output.as_bytes());
        emulator
    }

    #[test]
    fn a_picture_is_what_a_person_sees() {
        let picture = emulator(5, "\x1b]2;my\x01 title\x07one\r\ntwo\x1b[1;2HN\x1b[31mE\x1b[0m").picture();
        assert_eq!(picture.text, "oNE\ntwo");
        assert_eq!((picture.cursor, picture.alternate), (Some((1, 4)), false));
        assert_eq!(picture.title, "my title");
        let editor = emulator(5, "shell\x1b]0;vi\x07\x1b[?1049h\x1b[H~\x1b[?25l").picture();
        assert_eq!((editor.text.as_str(), editor.cursor, editor.alternate), ("~", None, true));
        assert_eq!(editor.title, "vi");
    }

    #[test]
    fn programs_that_ask_are_answered() {
        let mut emulator = emulator(5, "ab");
        assert_eq!(emulator.process(b"\x1b[6n"), b"\x1b[1;3R");
        assert_eq!(emulator.process(b"\x1b[c"), PRIMARY_ATTRIBUTES.as_bytes());
        assert_eq!(emulator.process(b"\x1b[>0c"), SECONDARY_ATTRIBUTES.as_bytes());
        assert_eq!(emulator.process(b"\x1b[5n"), WELL.as_bytes());
        assert_eq!(emulator.process(b"nothing"), b"");
        let flood = emulator.process(&b"\x1b[c".repeat(10_000));
        assert!(flood.len() <= ANSWERS_BYTES_MAX && flood.len() > ANSWERS_BYTES_MAX - 20);
    }

    fn check_replay(output: &str) {
        let original = emulator(4, output);
        let mut copy = emulator(4, "");
        copy.process(original.replay().as_bytes());
        assert_eq!(copy.picture(), original.picture(), "{output:?}");
        assert_eq!(copy.coloured(), original.coloured(), "{output:?}");
        assert_eq!(copy.bracketed_paste(), original.bracketed_paste());
        assert_eq!(copy.application_cursor(), original.application_cursor());
    }

    #[test]
    fn a_replay_gives_the_same_picture() {
        check_replay("");
        check_replay("one\r\n\x1b[1;31mtwo\x1b[0m $ ");
        check_replay("\x1b]2;t\x07a\r\nb\r\nc\r\nd\r\ne\r\nf\r\n$ ");
        check_replay("shell$ \x1b[?1049h\x1b[H\x1b[44m~~~\x1b[?1h\x1b[?2004h");
        check_replay(&"wraps around the end of a line ".repeat(3));
    }

    #[test]
    fn a_replay_brings_the_history() {
        let mut copy = emulator(4, "");
        copy.process(emulator(4, "one\r\ntwo\r\nthree\r\nfour\r\nfive\r\nsix").replay().as_bytes());
        copy.parser.screen_mut().set_scrollback(usize::MAX);
        assert!(
            copy.parser.screen().contents().starts_with("one\ntwo\n"),
            "{:?}",
            copy.parser.screen().contents()
        );
    }

    #[test]
    fn sizes_at_the_edge_do_not_panic() {
        let mut emulator = Emulator::new(Size { columns: 0, rows: 0 }, 0);
        emulator.process(b"abc\r\n\x1b[99;99Hx");
        emulator.resize(Size { columns: 500, rows: 1 });
        emulator.resize(Size { columns: 1, rows: 500 });
        emulator.process("\u{1F600}wide\x1b[2Jx".as_bytes());
        assert!(emulator.picture().cursor.is_some());
    }
}

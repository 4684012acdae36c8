//! Bytes as text for models: what a pipe carried without control sequences, or what a terminal showed, line by line.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The widest line that is drawn; a program can move the cursor further, but not make us fill the way with spaces.
const COLUMNS_MAX: usize = 4096;
/// Control sequences are shorter than this; what is longer is no sequence that is still incomplete.
const SEQUENCE_BYTES_MAX: usize = 256;

/// What bytes are, as far as they are text.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Readable {
    /// Text.
    Text(String),
    /// No text at all: base64.
    Binary(String),
}

/// The bytes as they are: as text where they are UTF-8, else as base64. Nothing is lost.
pub(crate) fn exact(bytes: &[u8]) -> Readable {
    match std::str::from_utf8(bytes) {
        Ok(text) => Readable::Text(text.to_owned()),
        Err(_) => Readable::Binary(base64(bytes)),
    }
}

/// Bytes as base64.
pub(crate) fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// What a pipe carried, without control sequences and control characters.
pub(crate) fn stripped(bytes: &[u8]) -> String {
    let mut strip = Strip::default();
    vte::Parser::new().advance(&mut strip, bytes);
    strip.0
}

/// Whether these bytes are no text: they contain a zero byte, as text never does.
pub(crate) fn is_binary(bytes: &[u8]) -> bool {
    memchr::memchr(0, bytes).is_some()
}

/// What a terminal showed of these bytes, line by line: what was overwritten or erased in its line is gone.
pub(crate) fn drawn(bytes: &[u8]) -> String {
    let mut draw = Draw::default();
    vte::Parser::new().advance(&mut draw, bytes);
    draw.text()
}

/// How many bytes at the end are the beginning of a character or of a control sequence that goes on.
pub(crate) fn unfinished(bytes: &[u8]) -> usize {
    let tail = &bytes[bytes.len().saturating_sub(SEQUENCE_BYTES_MAX)..];
    match memchr::memrchr(0x1b, tail) {
        Some(at) if is_unfinished_sequence(&tail[at..]) => tail.len() - at,
        _ => unfinished_character(tail),
    }
}

fn is_unfinished_sequence(sequence: &[u8]) -> bool {
    match sequence {
        [_] => true,
        [_, b'[', body @ ..] => body.iter().all(|byte| (0x20..=0x3f).contains(byte)),
        [_, b']' | b'P' | b'X' | b'^' | b'_', body @ ..] => !body.contains(&0x07),
        [_, body @ ..] => body.iter().all(|byte| (0x20..=0x2f).contains(byte)),
        [] => false,
    }
}

fn unfinished_character(tail: &[u8]) -> usize {
    match std::str::from_utf8(tail) {
        Err(error) if error.error_len().is_none() => tail.len() - error.valid_up_to(),
        // The tail may begin in the middle of a character, and may have others that are wrong: look at its last one.
        Err(_) => (1..=3.min(tail.len()))
            .find(|back| tail[tail.len() - back] >= 0xc0)
            .filter(|back| {
                std::str::from_utf8(&tail[tail.len() - back..]).is_err_and(|e| e.error_len().is_none())
            })
            .unwrap_or(0),
        Ok(_) => 0,
    }
}

/// Keeps the text and drops the rest.
#[derive(Default)]
struct Strip(String);

impl vte::Perform for Strip {
    fn print(&mut self, character: char) {
        if !character.is_control() {
            self.0.push(character);
        }
    }

    fn execute(&mut self, byte: u8) {
        if b"\n\r\t".contains(&byte) {
            self.0.push(char::from(byte));
        }
    }
}

/// Draws lines as a terminal of endless width does.
#[derive(Default)]
struct Draw {
    lines: Vec<Vec<char>>,
    row: usize,
    column: usize,
}

impl Draw {
    fn line(&mut self) -> &mut Vec<char> {
        if self.row >= self.lines.len() {
            self.lines.resize_with(self.row + 1, Vec::new);
        }
        &mut self.lines[self.row]
    }

    fn put(&mut self, character: char) {
        let column = self.column.min(COLUMNS_MAX);
        let line = self.line();
        if column >= line.len() {
            line.resize(column, ' ');
            line.push(character);
        } else {
            line[column] = character;
        }
        self.column += 1;
    }

    /// A tab at the end of a line stays a tab; elsewhere it moves.
    fn tab(&mut self) {
        let (column, length) = (self.column, self.line().len());
        if column >= length { self.put('\t') } else { self.column = (column / 8 + 1) * 8 }
    }

    /// Where the cursor is set to a place on the screen, we do not know which of our lines that is.
    fn leave(&mut self) {
        if self.lines.last().is_some_and(|last| !last.is_empty()) {
            self.row = self.lines.len();
        }
        self.column = 0;
    }

    fn erase_in_line(&mut self, what: usize) {
        let column = self.column;
        let line = self.line();
        match what {
            0 => line.truncate(column),
            1 => line.iter_mut().take(column + 1).for_each(|one| *one = ' '),
            2 => line.clear(),
            _ => {}
        }
    }

    fn erase_below(&mut self) {
        self.erase_in_line(0);
        self.lines.truncate(self.row + 1);
    }

    fn delete(&mut self, count: usize) {
        let column = self.column;
        let line = self.line();
        let end = line.len().min(column.saturating_add(count));
        line.drain(column.min(end)..end);
    }

    fn insert(&mut self, count: usize) {
        let column = self.column;
        let line = self.line();
        if column < line.len() {
            let blanks = count.min(COLUMNS_MAX.saturating_sub(line.len()));
            line.splice(column..column, std::iter::repeat_n(' ', blanks));
        }
    }

    /// Without the spaces with which shells and editors fill lines, but for those before the cursor.
    fn text(self) -> String {
        let mut text = String::new();
        for (index, line) in self.lines.iter().enumerate() {
            if index > 0 {
                text.push('\n');
            }
            let written = if index == self.row { self.column.min(line.len()) } else { 0 };
            let seen = line.iter().rposition(|one| *one != ' ').map_or(0, |last| last + 1);
            text.extend(&line[..seen.max(written)]);
        }
        text
    }
}

impl vte::Perform for Draw {
    fn print(&mut self, character: char) {
        if !character.is_control() {
            self.put(character);
        }
    }

    fn execute(&mut self, byte: u8) {
        match byte {
            b'\n' | 0x0b | 0x0c => {
                self.row += 1;
                self.line();
            }
            b'\r' => self.column = 0,
            b'\t' => self.tab(),
            0x08 => self.column = self.column.saturating_sub(1),
            _ => {}
        }
    }

    fn csi_dispatch(&mut self, parameters: &vte::Params, intermediates: &[u8], _: bool, last: char) {
        if !intermediates.is_empty() {
            return;
        }
        let given = parameters.iter().next().and_then(|one| one.first()).copied().unwrap_or_default();
        let what = usize::from(given);
        let count = what.max(1);
        match last {
            'K' => self.erase_in_line(what),
            'J' if what == 0 => self.erase_below(),
            'C' => self.column = (self.column + count).min(COLUMNS_MAX),
            'D' => self.column = self.column.saturating_sub(count),
            'G' => self.column = (count - 1).min(COLUMNS_MAX),
            'P' => self.delete(count),
            '@' => self.insert(count),
            'A' => self.row = self.row.saturating_sub(count),
            'B' => self.row = (self.row + count).min(self.lines.len().saturating_sub(1)),
            'H' | 'f' | 'd' => self.leave(),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn pipes_lose_their_control_sequences_and_nothing_else() {
        for (input, expected) in [
            ("plain\ttext\r\n", "plain\ttext\r\n"),
            ("\x1b[1;31mred\x1b[0m and \x1b]8;;http://x\x07link\x1b]8;;\x07", "red and link"),
            ("bell\x07 and \u{9b}31mC1", "bell and 31mC1"),
            ("héllo 日本 🙂", "héllo 日本 🙂"),
        ] {
            assert_eq!(stripped(input.as_bytes()), expected);
        }
        assert_eq!(stripped(b"a\xffb"), "a\u{fffd}b");
    }

    #[test]
    fn lines_are_drawn_as_a_terminal_draws_them() {
        for (input, expected) in [
            ("one\r\ntwo\r\n", "one\ntwo\n"),
            (" 10%\r 50%\r100%\r\ndone", "100%\ndone"),
            ("long line\rshort\x1b[K\r\n", "short\n"),
            ("lx\x08s\r\n", "ls\n"),
            ("abc\x1b[2Dx", "axc"),
            ("a\x1b[3Cb", "a   b"),
            ("abcd\x1b[2G\x1b[2P", "ad"),
            ("abcd\x1b[2G\x1b[2@", "a  bcd"),
            ("a: 1\r\nb: 1\r\n\x1b[2Aa: 2\r\nb: 2\r\n", "a: 2\nb: 2\n"),
            ("x\ty\r\n", "x\ty\n"),
            ("padded   \r\n> ", "padded\n> "),
            ("abc\r\n%      \r \r", "abc\n"),
            ("before\x1b[2J\x1b[Hafter", "before\nafter"),
            ("\x1b]133;A;k=1\x07$ \x1b[?2004hls", "$ ls"),
            ("", ""),
        ] {
            assert_eq!(drawn(input.as_bytes()), expected, "{input:?}");
        }
    }

    #[test]
    fn cursor_movements_cannot_fill_our_memory() {
        let text = drawn(b"\x1b[65535C\x1b[65535C\x1b[65535Cx");
        assert_eq!(text.len(), COLUMNS_MAX + 1);
        assert_eq!(drawn(b"\x1b[65535Bx\x1b[65535By").len(), 2);
    }

    #[test]
    fn an_unfinished_end_is_told_from_a_finished_one() {
        for (input, expected) in [
            (&b"text"[..], 0),
            (b"text\x1b", 1),
            (b"text\x1b[3", 3),
            (b"text\x1b[31m", 0),
            (b"text\x1b]2;ti", 6),
            (b"text\x1b]2;ti\x07", 0),
            (b"text\x1b]2;ti\x1b\\", 0),
            (b"text\x1b(", 2),
            ("h\u{e9}".as_bytes(), 0),
            (b"h\xc3", 1),
            (b"\xff\xe6\x97", 2),
            (b"\xff", 0),
            (b"", 0),
        ] {
            assert_eq!(unfinished(input), expected, "{input:?}");
        }
    }

    #[test]
    fn what_is_not_utf8_comes_as_base64_and_what_is_as_it_is() {
        assert_eq!(exact("é\x1b[m".as_bytes()), Readable::Text("é\x1b[m".into()));
        assert_eq!(exact(b"\xff\0"), Readable::Binary("/wA=".into()));
        assert!(is_binary(b"\x7fELF\0") && !is_binary(b"text"));
    }

    proptest! {
        #[test]
        fn no_control_character_is_left(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let harmless = |one: char| !one.is_control() || "\n\r\t".contains(one);
            prop_assert!(stripped(&bytes).chars().all(harmless));
            prop_assert!(drawn(&bytes).chars().all(harmless));
            prop_assert!(unfinished(&bytes) <= SEQUENCE_BYTES_MAX);
        }
    }
}

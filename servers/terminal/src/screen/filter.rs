//! What of a program's output reaches the terminals of people who watch: everything that draws, and nothing that
//! makes their terminal answer, print, or touch their clipboard. Our own emulator is the terminal that answers.
//!
//! On the way the shell's marks are found, with their place.

use std::ops::Range;

use bytes::Bytes;

use super::mark::Mark;

const ESCAPE: u8 = 0x1b;
const BELL: u8 = 0x07;
/// Asks a terminal who it is.
const ENQUIRY: u8 = 0x05;
/// The first byte of the control characters U+0080 to U+009F, each of which can begin a sequence like an escape.
const C1_LEAD: u8 = 0xc2;
/// End what is being read of a sequence (ECMA-48: CAN and SUB).
const ABORTS: [u8; 2] = [0x18, 0x1a];

/// Longer control sequences are dropped: none that draws is as long.
const CONTROL_BYTES_MAX: usize = 256;
/// Longer system commands are dropped: titles and links are shorter.
const SYSTEM_BYTES_MAX: usize = 4096;

/// System commands (OSC) that may pass: titles, links, and the marks of shells.
const SYSTEM_SHOWN: [&[u8]; 5] = [b"0", b"1", b"2", b"8", b"133"];

/// Passes on what may be shown, piece by piece.
#[derive(Debug)]
pub(crate) struct Filter {
    key: String,
    /// The beginning of a sequence whose end has not come yet.
    held: Vec<u8>,
    /// Inside of a string that nobody is to see.
    hidden: Option<Hidden>,
}

/// What may be shown, and the marks in it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Filtered {
    pub(crate) bytes: Bytes,
    /// Where in `bytes` each mark stands.
    pub(crate) marks: Vec<(Range<usize>, Mark)>,
}

/// What ends a hidden string besides the string terminator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hidden {
    /// Also a bell.
    System,
    /// Nothing else.
    Device,
}

/// What stands at the beginning of some bytes.
#[derive(Debug, PartialEq, Eq)]
enum Found {
    /// This many bytes that may be shown.
    Shown(usize),
    /// This many bytes that may not.
    Dropped(usize),
    /// This many bytes that may be shown, and say something to us.
    Marked(usize, Mark),
    /// After this many bytes a string that nobody is to see.
    Hides(usize, Hidden),
    /// Nobody knows before more has come.
    Unfinished,
}

impl Filter {
    /// A filter that knows marks by this key.
    pub(crate) fn new(key: impl Into<String>) -> Self {
        Self { key: key.into(), held: Vec::new(), hidden: None }
    }

    /// Takes the next piece of output. One without anything special passes without being copied.
    pub(crate) fn feed(&mut self, piece: Bytes) -> Filtered {
        if self.held.is_empty() && self.hidden.is_none() && special(&piece).is_none() {
            return Filtered { bytes: piece, marks: Vec::new() };
        }
        let held = std::mem::take(&mut self.held);
        if held.is_empty() { self.sift(&piece) } else { self.sift(&[&held, &piece[..]].concat()) }
    }

    /// Whether what came last is, or may become, part of a string that nobody is to see.
    pub(crate) fn hides(&self) -> bool {
        self.hidden.is_some() || !self.held.is_empty()
    }

    fn sift(&mut self, mut rest: &[u8]) -> Filtered {
        let mut shown = Vec::with_capacity(rest.len());
        let mut marks = Vec::new();
        while !rest.is_empty() {
            let found = self.look(rest);
            let length = match found {
                Found::Shown(length) | Found::Marked(length, _) => {
                    shown.extend_from_slice(&rest[..length]);
                    length
                }
                Found::Dropped(length) | Found::Hides(length, _) => length,
                Found::Unfinished => {
                    self.held = rest.to_vec();
                    break;
                }
            };
            match found {
                Found::Marked(length, mark) => marks.push((shown.len() - length..shown.len(), mark)),
                Found::Hides(_, hidden) => self.hidden = Some(hidden),
                _ => {}
            }
            rest = &rest[length..];
        }
        Filtered { bytes: shown.into(), marks }
    }

    fn look(&mut self, rest: &[u8]) -> Found {
        if let Some(hidden) = self.hidden {
            let (found, ended) = end_of_hidden(rest, hidden);
            self.hidden = self.hidden.filter(|_| !ended);
            return found;
        }
        match special(rest) {
            None => Found::Shown(rest.len()),
            Some(0) => self.sequence(rest),
            Some(before) => Found::Shown(before),
        }
    }

    /// `rest` begins with something special.
    fn sequence(&self, rest: &[u8]) -> Found {
        match rest {
            [ENQUIRY, ..] => Found::Dropped(1),
            [C1_LEAD, 0x80..=0x9f, ..] => Found::Dropped(2),
            [C1_LEAD, _, ..] => Found::Shown(1),
            [C1_LEAD] | [ESCAPE] => Found::Unfinished,
            [_, b'[', ..] => control(rest),
            [_, b']', ..] => self.system(rest),
            [_, b'P' | b'X' | b'^' | b'_', ..] => Found::Hides(2, Hidden::Device),
            _ => escape(rest),
        }
    }

    /// An operating system command (OSC).
    fn system(&self, rest: &[u8]) -> Found {
        let Some(end) = rest[2..].iter().position(|byte| *byte < 0x20).map(|at| at + 2) else {
            return unfinished_system(rest);
        };
        let inside = &rest[2..end];
        let length = match (rest[end], rest.get(end + 1)) {
            (BELL, _) => end + 1,
            (ESCAPE, Some(b'\\')) => end + 2,
            (ESCAPE, None) => return unfinished_system(rest),
            (ESCAPE, Some(_)) => return Found::Dropped(end),
            (byte, _) if ABORTS.contains(&byte) => return Found::Dropped(end + 1),
            // Other control characters are no part of a title; where such a string ends differs between terminals.
            _ => return Found::Hides(end, Hidden::System),
        };
        match Mark::parse(inside, &self.key) {
            _ if length > SYSTEM_BYTES_MAX => Found::Dropped(length),
            Some(mark) => Found::Marked(length, mark),
            None if may_be_shown(inside) => Found::Shown(length),
            None => Found::Dropped(length),
        }
    }
}

/// Where the next byte is that is not simply shown.
fn special(bytes: &[u8]) -> Option<usize> {
    memchr::memchr3(ESCAPE, C1_LEAD, ENQUIRY, bytes)
}

fn unfinished_system(rest: &[u8]) -> Found {
    if rest.len() > SYSTEM_BYTES_MAX { Found::Hides(2, Hidden::System) } else { Found::Unfinished }
}

fn may_be_shown(inside: &[u8]) -> bool {
    let number = inside.split(|byte| *byte == b';').next().unwrap_or_default();
    // A C1 character would end the string in some terminals.
    SYSTEM_SHOWN.contains(&number) && !inside.windows(2).any(|pair| matches!(pair, [C1_LEAD, 0x80..=0x9f]))
}

/// How much of `rest` is hidden, and whether the string ends with it.
fn end_of_hidden(rest: &[u8], hidden: Hidden) -> (Found, bool) {
    let ends =
        |byte: &u8| *byte == ESCAPE || ABORTS.contains(byte) || (*byte == BELL && hidden == Hidden::System);
    match rest.iter().position(ends) {
        None => (Found::Dropped(rest.len()), false),
        Some(at) if rest[at] != ESCAPE => (Found::Dropped(at + 1), true),
        Some(at) => match rest.get(at + 1) {
            Some(b'\\') => (Found::Dropped(at + 2), true),
            // Another sequence begins, which ends the string.
            Some(_) if at == 0 => (Found::Dropped(0), true),
            None if at == 0 => (Found::Unfinished, false),
            _ => (Found::Dropped(at), false),
        },
    }
}

/// A control sequence (CSI): parameters, intermediates, a final byte (ECMA-48, 5.4).
fn control(rest: &[u8]) -> Found {
    let body = &rest[2..];
    let Some(last) = body.iter().position(|byte| !(0x20..=0x3f).contains(byte)) else {
        let too_long = rest.len() > CONTROL_BYTES_MAX;
        return if too_long { Found::Dropped(rest.len()) } else { Found::Unfinished };
    };
    let length = last + 3;
    match body[last] {
        ESCAPE => Found::Dropped(last + 2),
        0x40..=0x7e if length <= CONTROL_BYTES_MAX && draws(&body[..last], body[last]) => {
            Found::Shown(length)
        }
        0x40..=0x7e => Found::Dropped(length),
        // Terminals obey a control character within a sequence and read on: what they would read is not ours to guess.
        _ => Found::Dropped(length),
    }
}

/// Whether a control sequence draws or sets a mode; others make the terminal answer, print, or move its window.
fn draws(parameters: &[u8], last: u8) -> bool {
    let asks = parameters.iter().any(|byte| b"$*".contains(byte));
    let private = parameters.first().is_some_and(|byte| b"<=>?".contains(byte));
    match last {
        b'c' | b'n' | b't' | b'i' | b'x' => false,
        b'p' | b'w' | b'u' | b'y' if asks => false,
        b'u' | b'q' | b'S' if private => false,
        _ => true,
    }
}

/// An escape sequence: intermediates and a final byte.
fn escape(rest: &[u8]) -> Found {
    let Some(last) = rest[1..].iter().position(|byte| !(0x20..=0x2f).contains(byte)) else {
        let too_long = rest.len() > CONTROL_BYTES_MAX;
        return if too_long { Found::Dropped(rest.len()) } else { Found::Unfinished };
    };
    let length = last + 2;
    match rest[last + 1] {
        ESCAPE => Found::Dropped(last + 1),
        // Asks who the terminal is.
        b'Z' => Found::Dropped(length),
        0x30..=0x7e if rest[1] != b' ' => Found::Shown(length),
        _ => Found::Dropped(length),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(pieces: &[&[u8]]) -> Vec<u8> {
        let mut filter = Filter::new("k");
        pieces.iter().flat_map(|piece| filter.feed(Bytes::copy_from_slice(piece)).bytes).collect()
    }

    fn check(input: &str, expected: &str) {
        let got = shown(&[input.as_bytes()]);
        assert_eq!(String::from_utf8_lossy(&got), expected, "{input:?}");
        // However the bytes are cut.
        let single: Vec<&[u8]> = input.as_bytes().chunks(1).collect();
        assert_eq!(String::from_utf8_lossy(&shown(&single)), expected, "{input:?}, byte by byte");
    }

    #[test]
    fn what_draws_passes() {
        for same in [
            "plain, héllo, ©",
            "\x1b[31mred\x1b[0m",
            "\x1b[?1049h\x1b[2J\x1b[1;1H",
            "\x1b]2;title\x07x",
            "\x1b]8;;https://example.org\x1b\\link\x1b]8;;\x1b\\",
            "\x1b(B\x1b=\x1b7\x1bM",
            "\x1b[4 q",
            "\x1b[2S",
        ] {
            check(same, same);
        }
    }

    #[test]
    fn h4_what_makes_a_terminal_answer_or_act_does_not() {
        for (input, expected) in [
            ("a\x1b[6nb", "ab"),
            ("a\x1b[cb\x1b[>cc\x1b[=0cd", "abcd"),
            ("a\x1b[21tb", "ab"),
            ("a\x1b[?1$pb", "ab"),
            ("a\x1b[>qb\x1b[?ub", "abb"),
            ("a\x1b[5ib", "ab"),
            ("a\x05b\x1bZc", "abc"),
            ("a\x1b]52;c;ZXZpbA==\x07b", "ab"),
            ("a\x1b]52;c;ZXZpbA==\x1b\\b", "ab"),
            ("a\x1b]11;?\x07b", "ab"),
            ("a\x1b]0;tit\u{9c}le\x07b", "ab"),
            ("a\x1bP$qm\x1b\\b", "ab"),
            ("a\x1b_Gi=1\x1b\\b", "ab"),
            ("a\u{9b}6nb", "a6nb"),
            ("a\x1b[\x086nb", "a6nb"),
            ("a\x1b[6\x1b[nb", "ab"),
        ] {
            check(input, expected);
        }
    }

    #[test]
    fn strings_that_are_broken_off_hide_only_themselves() {
        check("a\x1b]52;c;AA\x18b", "ab");
        check("a\x1bPq\x1b[31mb", "a\x1b[31mb");
        check("a\x1b]2;x\x1b[31mb", "a\x1b[31mb");
        check("a\x1b]2;x\ny\x07b", "ab");
    }

    #[test]
    fn the_longest_title_passes_and_a_longer_one_is_dropped() {
        let title = |length: usize| format!("\x1b]2;{}\x07b", "x".repeat(length));
        let most = title(SYSTEM_BYTES_MAX - 5);
        check(&most, &most);
        check(&title(SYSTEM_BYTES_MAX - 4), "b");
        check(&title(SYSTEM_BYTES_MAX * 2), "b");
        let mut filter = Filter::new("k");
        for _ in 0..100 {
            filter.feed(Bytes::from_static(b"\x1b[111111111111111111111111111111111111111111111111111"));
            assert!(filter.held.len() <= CONTROL_BYTES_MAX);
        }
    }

    #[test]
    fn marks_are_found_at_their_place() {
        let mut filter = Filter::new("k");
        let filtered = filter
            .feed(Bytes::from_static(b"a\x1b[6n\x1b]133;A;k=k\x07$ \x1b]133;B;k=k\x1b\\\x1b]133;C;k=no\x07"));
        assert_eq!(filtered.bytes, &b"a\x1b]133;A;k=k\x07$ \x1b]133;B;k=k\x1b\\\x1b]133;C;k=no\x07"[..]);
        assert_eq!(filtered.marks, [(1..13, Mark::PromptStart), (15..28, Mark::PromptEnd)]);
    }

    #[test]
    fn plain_output_is_not_copied() {
        let piece = Bytes::from(vec![b'x'; 100]);
        assert_eq!(Filter::new("k").feed(piece.clone()).bytes.as_ptr(), piece.as_ptr());
    }

    proptest! {
        #[test]
        fn however_it_is_cut_the_same_is_shown(input in prop::collection::vec(prop::sample::select(&b"\x1b[]P\\;?$60cnmtZ\x07\x05\x18\x0a\xc2\x9bab "[..]), 0..60), at in 0_usize..60) {
            let at = at.min(input.len());
            let whole = shown(&[&input]);
            prop_assert_eq!(&shown(&[&input[..at], &input[at..]]), &whole);
            // Nothing that asks for the cursor's place or the terminal's name is left.
            let text = String::from_utf8_lossy(&whole).into_owned();
            for asks in ["\x1b[6n", "\x1b[c", "\x1b[0c", "\x1bZ", "\x05", "\x1bP"] {
                prop_assert!(!text.contains(asks), "{:?} leaves {:?}", input, text);
            }
        }
    }
}

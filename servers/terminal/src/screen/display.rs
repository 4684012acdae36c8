//! The emulator, drawn late: what a program writes is kept for a moment, so that a flood is drawn once and not line by line.
//!
//! Nobody sees a difference. Who looks at the screen, joins, or types what depends on its modes gets it drawn first, and
//! lines that a flood has pushed out of the history by then are passed over: drawn or not, the screen is the same. (Only
//! where a program floods a line outside of a scrolling region of its own may that line keep the end of a longer one.)

use std::ops::Range;

use drawbridge_sandbox::Size;

use super::emulator::Emulator;

/// How many bytes wait to be drawn at the most. One drawing of so many takes some milliseconds, and of a flood of lines
/// it draws a sixth.
pub(crate) const WAITING_BYTES_MAX: usize = 512 * 1024;
/// What waited is given back to the system where it was more than this.
const KEPT_BYTES_MAX: usize = 64 * 1024;
/// Only text that is at least so far behind the last control sequence is passed over: a sequence that was broken off has
/// ended by then, whatever it was.
const SETTLED_BYTES: usize = 256;

const BELL: u8 = 0x07;
const CANCEL: u8 = 0x18;
const ESCAPE: u8 = 0x1b;

/// A terminal's screen, and what is still to be drawn on it.
pub(crate) struct Display {
    emulator: Emulator,
    waiting: Vec<u8>,
    /// Where in `waiting` plain text begins: before it, something may be inside of a string that is not shown.
    plain_from: usize,
    /// So many lines in a row leave nothing of what was before them.
    flush_lines: usize,
    history_lines: usize,
    effects: Effects,
}

/// What drawing brought beside the picture.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Effects {
    /// What the terminal answers to the program.
    pub(crate) answers: Vec<u8>,
    /// Whether what was behind an editor is visible again, which those who came later have never seen.
    pub(crate) uncovered: bool,
}

impl Display {
    /// A blank screen of this size, with so many lines of history.
    pub(crate) fn new(size: Size, history_lines: usize) -> Self {
        Self {
            emulator: Emulator::new(size, history_lines),
            waiting: Vec::new(),
            plain_from: 0,
            flush_lines: flush_lines(size, history_lines),
            history_lines,
            effects: Effects::default(),
        }
    }

    /// Takes what the program wrote, to be drawn later. `hides` says whether some of it is inside of a string that is not
    /// shown, or may be.
    pub(crate) fn push(&mut self, bytes: &[u8], hides: bool) {
        self.waiting.extend_from_slice(bytes);
        if hides {
            self.plain_from = self.waiting.len();
        }
        if self.waiting.len() >= WAITING_BYTES_MAX {
            self.draw();
        }
    }

    /// The screen as it is now.
    pub(crate) fn now(&mut self) -> &mut Emulator {
        self.draw();
        &mut self.emulator
    }

    /// Gives it another size.
    pub(crate) fn resize(&mut self, size: Size) {
        self.flush_lines = flush_lines(size, self.history_lines);
        self.now().resize(size);
    }

    /// What drawing has brought since this was last asked.
    pub(crate) fn effects(&mut self) -> Effects {
        std::mem::take(&mut self.effects)
    }

    fn draw(&mut self) {
        if self.waiting.is_empty() {
            return;
        }
        let covered = self.emulator.alternate();
        let passed = passed_over(&self.waiting, self.plain_from, self.flush_lines);
        for part in [&self.waiting[..passed.start], &self.waiting[passed.end..]] {
            let answers = self.emulator.process(part);
            self.effects.answers.extend_from_slice(&answers);
        }
        self.effects.uncovered |= covered && !self.emulator.alternate();
        self.waiting.clear();
        self.waiting.shrink_to(KEPT_BYTES_MAX);
        self.plain_from = 0;
    }
}

/// The screen twice, because the first lines may be written over what is there and keep the ends of it, and the history.
fn flush_lines(size: Size, history_lines: usize) -> usize {
    2 * usize::from(size.rows.max(1)) + history_lines
}

/// Which bytes leave no trace: whole lines within the longest run of plain text, with so many more lines of it behind them
/// that neither screen nor history keeps anything of what was before.
fn passed_over(bytes: &[u8], plain_from: usize, flush_lines: usize) -> Range<usize> {
    let nothing = 0..0;
    let run = longest_plain(bytes);
    // One line more, as the last of them may not be complete.
    let ends = memchr::memrchr_iter(b'\n', &bytes[run.clone()]);
    let Some(end) = ends.map(|at| run.start + at + 1).nth(flush_lines) else { return nothing };
    let settled = run.start.max(plain_from) + SETTLED_BYTES;
    let Some(after) = bytes.get(settled..end).filter(|after| after.ends_with(b"\r\n")) else {
        return nothing;
    };
    match memchr::memmem::find(after, b"\r\n") {
        Some(line_end) => settled + line_end + 2..end,
        None => nothing,
    }
}

/// The longest part in which nothing begins or ends that is not text.
fn longest_plain(bytes: &[u8]) -> Range<usize> {
    let specials = memchr::memchr3_iter(ESCAPE, BELL, CANCEL, bytes);
    let mut longest = 0..0;
    let mut from = 0;
    for special in specials.chain([bytes.len()]) {
        if special - from > longest.len() {
            longest = from..special;
        }
        from = special + 1;
    }
    longest
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SIZE: Size = Size { columns: 10, rows: 4 };
    const HISTORY: usize = 3;

    /// The same output, drawn at once and drawn late.
    fn check(pieces: &[String]) {
        let mut at_once = Emulator::new(SIZE, HISTORY);
        let mut late = Display::new(SIZE, HISTORY);
        for piece in pieces {
            at_once.process(piece.as_bytes());
            late.push(piece.as_bytes(), false);
        }
        assert_eq!(late.now().picture(), at_once.picture(), "{pieces:?}");
        assert_eq!(late.now().replay(), at_once.replay(), "{pieces:?}");
    }

    fn lines(count: usize) -> String {
        (0..count).map(|number| format!("line {number}\r\n")).collect()
    }

    #[test]
    fn a_flood_of_lines_is_mostly_passed_over_and_the_screen_is_the_same() {
        let flood = lines(1000);
        let passed = passed_over(flood.as_bytes(), 0, flush_lines(SIZE, HISTORY));
        assert!(passed.len() > flood.len() - SETTLED_BYTES - 200, "{passed:?} of {}", flood.len());
        check(std::slice::from_ref(&flood));
        check(&["\x1b[31mred ".into(), flood.clone(), "$ ".into()]);
        check(&[flood.clone(), "\x1b[?1049h".into(), flood.clone()]);
        check(&["a title that never ends \x1b]2;".into(), flood]);
    }

    #[test]
    fn what_may_leave_a_trace_is_drawn() {
        let flood = lines(1000);
        let flush_lines = flush_lines(SIZE, HISTORY);
        for (text, plain_from) in [
            (lines(flush_lines), 0),
            (flood.replace('\r', ""), 0),
            (flood.replace('\n', "\x07\n"), 0),
            (flood.replace("line", "\x1b[mline"), 0),
            (flood.clone(), flood.len()),
        ] {
            assert!(passed_over(text.as_bytes(), plain_from, flush_lines).is_empty(), "{text:?}");
        }
    }

    #[test]
    fn what_waits_is_bounded() {
        let mut display = Display::new(SIZE, HISTORY);
        let piece = vec![b'x'; WAITING_BYTES_MAX - 1];
        display.push(&piece, false);
        assert_eq!(display.waiting.len(), WAITING_BYTES_MAX - 1);
        display.push(b"x", false);
        assert!(display.waiting.is_empty() && display.waiting.capacity() <= KEPT_BYTES_MAX);
    }

    #[test]
    fn answers_and_the_end_of_an_editor_are_told_once() {
        let mut display = Display::new(SIZE, HISTORY);
        display.push(b"\x1b[?1049h\x1b[6n", false);
        display.now();
        assert_eq!(display.effects(), Effects { answers: b"\x1b[1;1R".to_vec(), uncovered: false });
        display.push(b"\x1b[?1049l", false);
        assert_eq!(display.effects(), Effects::default(), "it is not drawn yet");
        display.now();
        assert!(display.effects().uncovered);
        assert_eq!(display.effects(), Effects::default());
    }

    #[test]
    fn another_size_comes_after_what_was_written_before_it() {
        let mut display = Display::new(SIZE, HISTORY);
        display.push(b"\x1b[4;10Hx", false);
        display.resize(Size { columns: 5, rows: 2 });
        assert_ne!(display.now().picture().text, "x");
    }

    proptest! {
        #[test]
        fn drawn_late_is_drawn_the_same(pieces in prop::collection::vec(prop_oneof![
            Just("\x1b[31m".to_owned()),
            Just("\x1b[2J\x1b[H".to_owned()),
            Just("\x1b[H".to_owned()),
            Just("\x1b[?1049h".to_owned()),
            Just("\x1b[?1049l".to_owned()),
            Just("\x1b7\x1b[2;3H".to_owned()),
            Just("\x1b8".to_owned()),
            Just("\x1b[?7l".to_owned()),
            Just("wrapped over and over \u{1F600} é\t".to_owned()),
            Just("\x07\x18\r\n".to_owned()),
            (1_usize..90).prop_map(lines),
            "[a-z ]{0,30}\r\n",
            "[a-z]{0,5}\n",
        ], 0..12)) {
            check(&pieces);
        }
    }
}

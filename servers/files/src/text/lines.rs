//! Parts of a text file by lines or bytes, read in bounded memory however large the file is.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};

use super::encoding::Charset;
use crate::error::{FileError, Result};
use crate::work::Work;

/// How much is read at a time while lines are counted.
const BLOCK_BYTES: usize = 256 * 1024;
/// Up to this size of a file all its lines are counted, so that the caller knows how much there is.
const COUNTED_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// Where a part begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Start {
    /// At this byte, counted from 0.
    Byte(u64),
    /// At this line, counted from 1; from the end when negative, where -1 is the last.
    Line(i64),
}

/// What part of a text is wanted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted {
    pub(crate) start: Start,
    pub(crate) lines_max: u64,
    pub(crate) bytes_max: usize,
}

/// A part of a text, as its bytes, and where it stands.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) bytes: Vec<u8>,
    pub(crate) first_byte: u64,
    /// The number of its first line, where known.
    pub(crate) first_line: Option<u64>,
    /// How many lines it has, the last perhaps cut.
    pub(crate) lines: u64,
    /// How many lines the whole text has, where known.
    pub(crate) lines_total: Option<u64>,
    /// Where the next part begins; `None` at the end.
    pub(crate) next_byte: Option<u64>,
    /// Whether the last line goes on in the next part.
    pub(crate) cut_in_line: bool,
}

/// A text file that is open.
pub(crate) struct Text<'w> {
    pub(crate) file: File,
    pub(crate) charset: Charset,
    pub(crate) size_bytes: u64,
    pub(crate) work: &'w Work,
    pub(crate) shown: String,
}

impl Text<'_> {
    /// Reads the part that is wanted.
    pub(crate) fn part(&mut self, wanted: Wanted) -> Result<Part> {
        let (first_byte, first_line) = self.locate(wanted.start)?;
        let mut bytes =
            self.read_at(first_byte, wanted.bytes_max.saturating_add(self.charset.unit_bytes()))?;
        let more = bytes.len() > wanted.bytes_max;
        let (length, lines, cut_in_line) = self.cut(&bytes, wanted, more);
        let at_end = !more && length == bytes.len();
        bytes.truncate(length);
        let next_byte = (!at_end).then_some(first_byte + length as u64);
        let lines_total = self.total(first_line, lines, next_byte, cut_in_line)?;
        Ok(Part { bytes, first_byte, first_line, lines, lines_total, next_byte, cut_in_line })
    }

    /// Where a part begins: its byte, and its line where that is known.
    fn locate(&mut self, start: Start) -> Result<(u64, Option<u64>)> {
        let text = self.charset.mark_bytes as u64;
        match start {
            Start::Byte(byte) if byte <= text => Ok((text, Some(1))),
            Start::Byte(byte) => Ok((byte - (byte - text) % self.charset.unit_bytes() as u64, None)),
            Start::Line(0 | 1) => Ok((text, Some(1))),
            Start::Line(line) if line > 0 => self.line_from_start(line.unsigned_abs()),
            Start::Line(line) => self.line_from_end(line.unsigned_abs()),
        }
    }

    /// The byte where line `line` begins; the end when there are fewer.
    fn line_from_start(&mut self, line: u64) -> Result<(u64, Option<u64>)> {
        let mut at = self.charset.mark_bytes as u64;
        let mut seen = 1;
        loop {
            self.work.check()?;
            let block = self.read_at(at, BLOCK_BYTES)?;
            if block.is_empty() {
                return Ok((at, Some(seen)));
            }
            for end in line_ends(&self.charset, &block) {
                seen += 1;
                if seen == line {
                    return Ok((at + end as u64, Some(line)));
                }
            }
            at += block.len() as u64;
        }
    }

    /// The byte where the `count`th line from the end begins; the beginning when there are fewer.
    fn line_from_end(&mut self, count: u64) -> Result<(u64, Option<u64>)> {
        let text = self.charset.mark_bytes as u64;
        let size = self.size_bytes.max(text);
        let last = size - (size - text) % self.charset.unit_bytes() as u64;
        let (mut end, mut left) = (last, count);
        while end > text {
            self.work.check()?;
            let length = (end - text).min(BLOCK_BYTES as u64);
            let block = self.read_at(end - length, usize::try_from(length).unwrap_or(BLOCK_BYTES))?;
            let ends: Vec<usize> = line_ends(&self.charset, &block).collect();
            // The line feed at the very end ends the last line, and begins no other.
            for begin in
                ends.into_iter().rev().map(|end_in| end - length + end_in as u64).filter(|at| *at < last)
            {
                left -= 1;
                if left == 0 {
                    return Ok((begin, None));
                }
            }
            end -= length;
        }
        Ok((text, Some(1)))
    }

    /// How much of `bytes` belongs to the part: its length, its lines, and whether its last line is cut.
    fn cut(&self, bytes: &[u8], wanted: Wanted, more: bool) -> (usize, u64, bool) {
        let within = &bytes[..bytes.len().min(wanted.bytes_max)];
        let (mut lines, mut end) = (0, 0);
        for line_end in line_ends(&self.charset, within) {
            (lines, end) = (lines + 1, line_end);
            if lines == wanted.lines_max {
                return (end, lines, false);
            }
        }
        match (more, end) {
            // The last line is whole only at the end of the file.
            (false, _) if end < within.len() => (within.len(), lines + 1, false),
            (false, _) => (end, lines, false),
            (true, 0) => (self.whole_characters(within), 1, true),
            (true, _) => (end, lines, false),
        }
    }

    /// The length of `bytes` without a character that is cut at the end.
    fn whole_characters(&self, bytes: &[u8]) -> usize {
        if self.charset.unit_bytes() == 2 {
            return bytes.len() - bytes.len() % 2;
        }
        match std::str::from_utf8(bytes) {
            Err(error) if error.error_len().is_none() && error.valid_up_to() > 0 => error.valid_up_to(),
            _ => bytes.len(),
        }
    }

    fn total(&mut self, first: Option<u64>, lines: u64, next: Option<u64>, cut: bool) -> Result<Option<u64>> {
        let Some(first) = first else { return Ok(None) };
        let so_far = first - 1 + lines;
        match next {
            None => Ok(Some(so_far)),
            Some(next) if self.size_bytes <= COUNTED_BYTES_MAX => {
                let rest = self.count_from(next)?;
                Ok(Some(so_far + rest - u64::from(cut && rest > 0)))
            }
            Some(_) => Ok(None),
        }
    }

    /// How many lines begin at or after `at`, where one begins or goes on.
    fn count_from(&mut self, mut at: u64) -> Result<u64> {
        let (mut lines, mut unfinished) = (0, false);
        loop {
            self.work.check()?;
            let block = self.read_at(at, BLOCK_BYTES)?;
            if block.is_empty() {
                return Ok(lines + u64::from(unfinished));
            }
            let (count, last) =
                line_ends(&self.charset, &block).fold((0, 0), |(count, _), end| (count + 1, end));
            lines += count;
            unfinished = last < block.len();
            at += block.len() as u64;
        }
    }

    /// Reads up to `length` bytes at `at`; fewer only at the end.
    fn read_at(&mut self, at: u64, length: usize) -> Result<Vec<u8>> {
        let failed = |error: io::Error| FileError::io("read", &self.shown, error);
        self.file.seek(SeekFrom::Start(at)).map_err(failed)?;
        let expected = self.size_bytes.saturating_sub(at).saturating_add(1).min(length as u64);
        let mut bytes = Vec::with_capacity(usize::try_from(expected).unwrap_or(length));
        (&mut self.file).take(length as u64).read_to_end(&mut bytes).map_err(failed)?;
        Ok(bytes)
    }
}

/// The positions after each line feed.
fn line_ends<'b>(charset: &Charset, bytes: &'b [u8]) -> impl Iterator<Item = usize> + use<'b> {
    let charset = *charset;
    let little = charset.unit_bytes() - 1;
    memchr::memchr_iter(b'\n', bytes)
        .filter(move |position| charset.is_line_feed(bytes, *position))
        .map(move |position| if little == 1 { position + 2 - position % 2 } else { position + 1 })
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::time::{Duration, Instant};

    use super::*;

    fn check(text: &[u8], charset: Charset, wanted: Wanted) -> Part {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(text).unwrap();
        let work = Work::patient(Default::default(), Instant::now() + Duration::from_secs(60));
        let (size_bytes, shown) = (text.len() as u64, "test".to_owned());
        Text { file, charset, size_bytes, work: &work, shown }.part(wanted).unwrap()
    }

    fn lines(text: &str, start: i64, lines_max: u64) -> (String, Option<u64>, Option<u64>) {
        let wanted = Wanted { start: Start::Line(start), lines_max, bytes_max: 1 << 20 };
        let part = check(text.as_bytes(), Charset::UTF_8, wanted);
        (String::from_utf8(part.bytes).unwrap(), part.lines_total, part.next_byte)
    }

    #[test]
    fn lines_from_the_start_and_from_the_end() {
        let text = "one\ntwo\nthree\n";
        assert_eq!(lines(text, 1, 99), (text.to_owned(), Some(3), None));
        assert_eq!(lines(text, 2, 1), ("two\n".to_owned(), Some(3), Some(8)));
        assert_eq!(lines(text, 4, 1), (String::new(), Some(3), None));
        assert_eq!(lines(text, -1, 9), ("three\n".to_owned(), None, None));
        assert_eq!(lines(text, -2, 1), ("two\n".to_owned(), None, Some(8)));
        assert_eq!(lines(text, -9, 1), ("one\n".to_owned(), Some(3), Some(4)));
        assert_eq!(lines("a\n\nb", -2, 1), ("\n".to_owned(), None, Some(3)));
        assert_eq!(lines("", 1, 9), (String::new(), Some(0), None));
        assert_eq!(lines("", -3, 9), (String::new(), Some(0), None));
    }

    #[test]
    fn a_part_ends_with_a_whole_line_or_a_whole_character() {
        let part = |text: &str, bytes_max| {
            let wanted = Wanted { start: Start::Line(1), lines_max: 99, bytes_max };
            let part = check(text.as_bytes(), Charset::UTF_8, wanted);
            (String::from_utf8(part.bytes).unwrap(), part.lines_total, part.cut_in_line)
        };
        assert_eq!(part("ab\ncd\nef", 5), ("ab\n".to_owned(), Some(3), false));
        assert_eq!(part("ab\ncd\nef", 6), ("ab\ncd\n".to_owned(), Some(3), false));
        assert_eq!(part("äöü", 3), ("ä".to_owned(), Some(1), true));
        assert_eq!(part("äöü", 6), ("äöü".to_owned(), Some(1), false));
    }

    #[test]
    fn utf_16_has_lines_too() {
        for encoding in [encoding_rs::UTF_16LE, encoding_rs::UTF_16BE] {
            let charset = Charset { encoding, mark_bytes: 0 };
            // U+0A00 and U+000A share their bytes; only one ends a line.
            let bytes = charset.encode("a\u{0a00}b\nc\u{010a}\nd").unwrap();
            let wanted = Wanted { start: Start::Line(2), lines_max: 1, bytes_max: 999 };
            assert_eq!(charset.decode(check(&bytes, charset, wanted).bytes).0, "c\u{010a}\n");
            let wanted = Wanted { start: Start::Line(-2), lines_max: 1, bytes_max: 999 };
            assert_eq!(charset.decode(check(&bytes, charset, wanted).bytes).0, "c\u{010a}\n");
        }
    }

    proptest::proptest! {
        #[test]
        fn parts_put_together_are_the_whole(text in "[a-cäß\n]{0,60}", bytes_max in 2_usize..20, lines_max in 1_u64..5) {
            let (mut whole, mut start, mut rounds) = (String::new(), Start::Line(1), 0);
            loop {
                let part = check(text.as_bytes(), Charset::UTF_8, Wanted { start, lines_max, bytes_max });
                whole.push_str(std::str::from_utf8(&part.bytes).unwrap());
                rounds += 1;
                proptest::prop_assert!(rounds < 100);
                let Some(next) = part.next_byte else { break };
                start = Start::Byte(next);
            }
            proptest::prop_assert_eq!(whole, text);
        }

        #[test]
        fn lines_agree_with_the_standard_library(text in "[ab\n]{0,40}", line in 1_i64..12) {
            let expected: Vec<&str> = text.split_inclusive('\n').collect();
            let at = usize::try_from(line).unwrap() - 1;
            proptest::prop_assert_eq!(lines(&text, line, 1).0, expected.get(at).copied().unwrap_or_default());
            let back = expected.len().checked_sub(at + 1).map_or(expected.first(), |at| expected.get(at));
            proptest::prop_assert_eq!(lines(&text, -line, 1).0, back.copied().unwrap_or_default());
        }
    }
}

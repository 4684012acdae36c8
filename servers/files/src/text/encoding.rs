//! Which encoding a text has, or that it is none.

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE};

/// How much of a file is looked at to tell its encoding.
pub(crate) const HEAD_BYTES: usize = 64 * 1024;
const FORM_FEED: u8 = 12;
const ESCAPE: u8 = 27;
const DELETE: u8 = 127;
/// How much of that is looked at for control characters.
const CONTROLS_BYTES: usize = 4 * 1024;
/// Of text, at most one in this many bytes is a control character.
const CONTROLS_ONE_IN: usize = 32;

/// How a text is written as bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Charset {
    pub(crate) encoding: &'static Encoding,
    /// How long the mark at its beginning is; 0 without one.
    pub(crate) mark_bytes: usize,
}

impl Charset {
    pub(crate) const UTF_8: Self = Self { encoding: UTF_8, mark_bytes: 0 };

    /// By a label of the WHATWG Encoding Standard, such as `windows-1251`; the mark is that of `head`, if it has this one.
    pub(crate) fn labelled(label: &str, head: &[u8]) -> Option<Self> {
        let encoding = Encoding::for_label(label.as_bytes())?;
        let mark = Encoding::for_bom(head).filter(|(marked, _)| *marked == encoding);
        Some(Self { encoding, mark_bytes: mark.map_or(0, |(_, length)| length) })
    }

    /// Tells the encoding of a text that begins with `head`; `None` when it is no text. `whole` says that nothing follows.
    pub(crate) fn detect(head: &[u8], whole: bool) -> Option<Self> {
        if let Some((encoding, mark_bytes)) = Encoding::for_bom(head) {
            return Some(Self { encoding, mark_bytes });
        }
        if memchr::memchr(0, head).is_some() {
            return without_mark(head);
        }
        if is_utf_8(head, whole) {
            return (few_controls(head) && !head.starts_with(b"%PDF-")).then_some(Self::UTF_8);
        }
        if infer::get(head).is_some() || !few_controls(head) {
            return None;
        }
        let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
        detector.feed(head, whole);
        Some(Self { encoding: detector.guess(None, Utf8Detection::Deny), mark_bytes: 0 })
    }

    /// How many bytes one unit has: line ends are looked for unit by unit.
    pub(crate) fn unit_bytes(&self) -> usize {
        if self.encoding == UTF_16LE || self.encoding == UTF_16BE { 2 } else { 1 }
    }

    /// Whether the line feed at `position` of a text's bytes is one, and not half of another character.
    pub(crate) fn is_line_feed(&self, bytes: &[u8], position: usize) -> bool {
        match self.encoding {
            encoding if encoding == UTF_16LE => {
                position.is_multiple_of(2) && bytes.get(position + 1) == Some(&0)
            }
            encoding if encoding == UTF_16BE => !position.is_multiple_of(2) && bytes[position - 1] == 0,
            _ => true,
        }
    }

    /// Decodes a piece of text without its mark; whether all of it was valid.
    pub(crate) fn decode(&self, bytes: Vec<u8>) -> (String, bool) {
        if self.encoding == UTF_8 {
            return match String::from_utf8(bytes) {
                Ok(text) => (text, true),
                Err(error) => (String::from_utf8_lossy(error.as_bytes()).into_owned(), false),
            };
        }
        let (text, errors) = self.encoding.decode_without_bom_handling(&bytes);
        (text.into_owned(), !errors)
    }

    /// Encodes text as this, without a mark; `None` when a character cannot be written so.
    pub(crate) fn encode(&self, text: &str) -> Option<Vec<u8>> {
        match self.encoding {
            encoding if encoding == UTF_16LE => {
                Some(text.encode_utf16().flat_map(u16::to_le_bytes).collect())
            }
            encoding if encoding == UTF_16BE => {
                Some(text.encode_utf16().flat_map(u16::to_be_bytes).collect())
            }
            encoding => {
                let (bytes, _, unmappable) = encoding.encode(text);
                (!unmappable).then(|| bytes.into_owned())
            }
        }
    }
}

/// UTF-16 without a mark, as some programs of Windows write it: mostly ASCII, so every other byte is zero.
fn without_mark(head: &[u8]) -> Option<Charset> {
    let zeros = |from: usize| head.iter().skip(from).step_by(2).filter(|byte| **byte == 0).count();
    let half = head.len() / 2;
    let encoding = match (zeros(0), zeros(1)) {
        (0, odd) if odd * 10 > half * 7 => UTF_16LE,
        (even, 0) if even * 10 > half * 7 => UTF_16BE,
        _ => return None,
    };
    let letters: Vec<u8> = head.iter().copied().filter(|byte| *byte != 0).collect();
    (head.len() >= 4 && few_controls(&letters)).then_some(Charset { encoding, mark_bytes: 0 })
}

fn is_utf_8(head: &[u8], whole: bool) -> bool {
    match std::str::from_utf8(head) {
        Ok(_) => true,
        Err(error) => error.error_len().is_none() && !whole,
    }
}

fn few_controls(head: &[u8]) -> bool {
    let head = &head[..head.len().min(CONTROLS_BYTES)];
    // Without a branch and in sums that fit a byte, this is done many bytes at a time.
    let is_control = |byte: u8| {
        let is_blank =
            (byte == b'\t') | (byte == b'\n') | (byte == b'\r') | (byte == FORM_FEED) | (byte == ESCAPE);
        u8::from((byte < b' ') & !is_blank | (byte == DELETE))
    };
    let in_chunk = |chunk: &[u8]| usize::from(chunk.iter().map(|byte| is_control(*byte)).sum::<u8>());
    let controls: usize = head.chunks(128).map(in_chunk).sum();
    controls * CONTROLS_ONE_IN <= head.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(bytes: &[u8]) -> Option<&'static str> {
        Charset::detect(bytes, true).map(|charset| charset.encoding.name())
    }

    #[test]
    fn encodings_are_told_apart() {
        assert_eq!(name(b""), Some("UTF-8"));
        assert_eq!(name("Grüße, 世界".as_bytes()), Some("UTF-8"));
        assert_eq!(name(b"\xef\xbb\xbfhello"), Some("UTF-8"));
        assert_eq!(name(b"\xff\xfeh\0i\0"), Some("UTF-16LE"));
        assert_eq!(name(b"h\0e\0l\0l\0o\0"), Some("UTF-16LE"));
        assert_eq!(name(b"\0h\0e\0l\0l\0o"), Some("UTF-16BE"));
        assert_eq!(name(b"Gr\xfc\xdfe aus K\xf6ln, sch\xf6ne Gr\xfc\xdfe"), Some("windows-1252"));
        let (russian, _, _) = encoding_rs::WINDOWS_1251.encode("Привет, как дела? Всё хорошо.");
        assert_eq!(name(&russian), Some("windows-1251"));
    }

    #[test]
    fn what_is_no_text_is_told() {
        assert_eq!(name(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"), None);
        assert_eq!(name(b"%PDF-1.7\nabc"), None);
        assert_eq!(name(&[1, 2, 3, 4, 5, 6]), None);
        assert_eq!(name(&[0; 100]), None);
        assert_eq!(name(&[0, 1, 0, 2, 0, 3]), None);
        assert_eq!(name(b"BMW is not a bitmap"), Some("UTF-8"));
    }

    #[test]
    fn a_character_cut_at_the_end_of_the_head_is_no_error() {
        let cut = &"ä".as_bytes()[..1];
        assert_eq!(Charset::detect(cut, false), Some(Charset::UTF_8));
        assert_ne!(Charset::detect(cut, true), Some(Charset::UTF_8));
    }
}

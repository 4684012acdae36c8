//! An output as it is put into an answer.

use drawbridge_sandbox::Collected;

use super::outputs::Stream;
use crate::screen::text::{self, Readable};

/// An output as it is put into an answer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Output {
    /// Text, or base64.
    pub(crate) text: String,
    pub(crate) base64: bool,
    /// All bytes there were.
    pub(crate) bytes: u64,
    /// Bytes that are not in the answer.
    pub(crate) omitted_bytes: u64,
}

impl Output {
    /// Head and tail with a note between them, as text for models.
    pub(crate) fn plain(collected: &Collected, run: &str, stream: Stream) -> Self {
        let all = [&collected.head, &collected.tail];
        let text = if all.iter().any(|part| text::is_binary(part)) {
            format!("[{} bytes that are not text; `raw` gives them as base64]", collected.total_bytes)
        } else {
            let tail = text::stripped(&collected.tail);
            text::stripped(&collected.head) + &note(collected, run, stream) + &tail
        };
        Self { text, base64: false, ..Self::counted(collected) }
    }

    /// The bytes as they are; of a long binary output only the head.
    pub(crate) fn raw(collected: &Collected, run: &str, stream: Stream) -> Self {
        match (text::exact(&collected.head), text::exact(&collected.tail)) {
            (Readable::Text(head), Readable::Text(tail)) => {
                Self { text: head + &note(collected, run, stream) + &tail, ..Self::counted(collected) }
            }
            _ => Self::base64(collected),
        }
    }

    fn base64(collected: &Collected) -> Self {
        let whole = Self::counted(collected);
        Self {
            text: text::base64(&collected.head),
            base64: true,
            omitted_bytes: whole.bytes - collected.head.len() as u64,
            ..whole
        }
    }

    fn counted(collected: &Collected) -> Self {
        let (bytes, omitted_bytes) = (collected.total_bytes, collected.omitted_bytes);
        Self { text: String::new(), base64: false, bytes, omitted_bytes }
    }
}

/// Says what was left out here and how to read it.
fn note(collected: &Collected, run: &str, stream: Stream) -> String {
    if collected.omitted_bytes == 0 {
        return String::new();
    }
    let stream = match stream {
        Stream::Stdout => "stdout",
        Stream::Stderr => "stderr",
    };
    format!(
        "\n[… {} bytes are left out here: terminal_output {{\"run\": \"{run}\", \"stream\": \"{stream}\", \"from_byte\": {}}} reads them …]\n",
        collected.omitted_bytes,
        collected.head.len(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn collected(head: &[u8], omitted_bytes: u64, tail: &[u8]) -> Collected {
        let total_bytes = (head.len() + tail.len()) as u64 + omitted_bytes;
        Collected {
            head: head.into(),
            tail: tail.into(),
            omitted_bytes,
            total_bytes,
            file: None,
            file_bytes: 0,
        }
    }

    #[test]
    fn what_is_left_out_is_told_in_its_place() {
        let output = Output::plain(&collected(b"\x1b[1mhead", 7, b"tail"), "r", Stream::Stderr);
        assert_eq!(
            output.text,
            "head\n[… 7 bytes are left out here: terminal_output {\"run\": \"r\", \"stream\": \"stderr\", \
             \"from_byte\": 8} reads them …]\ntail"
        );
        assert_eq!((output.bytes, output.omitted_bytes), (19, 7));
    }

    #[test]
    fn binary_output_is_named_or_given_as_base64() {
        let elf = collected(b"\x7fELF\0\xff", 0, b"");
        assert_eq!(
            Output::plain(&elf, "r", Stream::Stdout).text,
            "[6 bytes that are not text; `raw` gives them as base64]"
        );
        let raw = Output::raw(&elf, "r", Stream::Stdout);
        assert_eq!((raw.text.as_str(), raw.base64, raw.omitted_bytes), ("f0VMRgD/", true, 0));
        let long = Output::raw(&collected(b"\0\xff", 5, b"\xff"), "r", Stream::Stdout);
        assert_eq!((long.text.as_str(), long.omitted_bytes), ("AP8=", 6));
        assert_eq!(Output::raw(&collected(b"\x1b[1mx", 0, b""), "r", Stream::Stdout).text, "\x1b[1mx");
    }
}

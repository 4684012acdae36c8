//! Text as a JSON string, quickly: reading a file is mostly this.
//!
//! Eight bytes are looked at together; only where one of them must be escaped are they taken one by one.

/// What is appended for each byte that must be escaped (RFC 8259, section 7).
fn escape_of(byte: u8) -> Option<&'static [u8]> {
    Some(match byte {
        b'"' => b"\\\"",
        b'\\' => b"\\\\",
        b'\n' => b"\\n",
        b'\r' => b"\\r",
        b'\t' => b"\\t",
        0x08 => b"\\b",
        0x0c => b"\\f",
        _ => return None,
    })
}

/// Appends `text` as a JSON string, with its quotes.
pub(crate) fn push_string(json: &mut Vec<u8>, text: &str) {
    json.reserve(text.len() + text.len() / 16 + 2);
    json.push(b'"');
    let mut rest = text.as_bytes();
    while let Some(at) = first_special(rest) {
        json.extend_from_slice(&rest[..at]);
        push_escaped(json, rest[at]);
        rest = &rest[at + 1..];
    }
    json.extend_from_slice(rest);
    json.push(b'"');
}

fn push_escaped(json: &mut Vec<u8>, byte: u8) {
    match escape_of(byte) {
        Some(short) => json.extend_from_slice(short),
        None => json.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
    }
}

/// Where the first byte is that must be escaped.
fn first_special(bytes: &[u8]) -> Option<usize> {
    let mut words = bytes.chunks_exact(8);
    for (index, word) in words.by_ref().enumerate() {
        // The chunk has eight bytes; another length cannot come.
        let word = u64::from_le_bytes(word.try_into().unwrap_or_default());
        let found = specials(word);
        if found != 0 {
            return Some(index * 8 + (found.trailing_zeros() / 8) as usize);
        }
    }
    let tail = words.remainder();
    tail.iter().position(|&byte| is_special(byte)).map(|at| bytes.len() - tail.len() + at)
}

fn is_special(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
}

/// The top bit of each byte that must be escaped. Above the lowest one that is set there may be false ones, because the
/// subtraction borrows; the lowest is always right.
fn specials(word: u64) -> u64 {
    const ONES: u64 = u64::from_ne_bytes([0x01; 8]);
    const TOPS: u64 = u64::from_ne_bytes([0x80; 8]);
    let zeros = |word: u64| word.wrapping_sub(ONES) & !word;
    let below_space = word.wrapping_sub(ONES * 0x20) & !word;
    let quotes = zeros(word ^ (ONES * b'"' as u64));
    let backslashes = zeros(word ^ (ONES * b'\\' as u64));
    (below_space | quotes | backslashes) & TOPS
}

#[cfg(test)]
mod tests {
    use super::*;

    fn string(text: &str) -> String {
        let mut json = Vec::new();
        push_string(&mut json, text);
        String::from_utf8(json).unwrap()
    }

    #[test]
    fn every_character_of_ascii_in_every_place_is_as_serde_json_writes_it() {
        for character in
            (0..=0x7f_u8).map(char::from).chain(['é', '\u{2028}', '👍', '\u{7f}', '\u{80}', '\u{ff}'])
        {
            for before in 0..17 {
                let text = format!("{}{character}{}", "é".repeat(before), "x".repeat(16 - before));
                assert_eq!(string(&text), serde_json::to_string(&text).unwrap());
            }
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_as_serde_json_writes_it(text in "(\\PC|[\\x00-\\x1f\"\\\\]){0,200}") {
            proptest::prop_assert_eq!(string(&text), serde_json::to_string(&text).unwrap());
        }
    }
}

//! The names of keys, and what a terminal sends for them (as xterm does).

/// Names of keys, besides single characters, for documentation and errors.
pub(crate) const NAMES: &str = "enter, tab, escape, space, backspace, delete, insert, up, down, left, right, home, end, \
     page-up, page-down, f1 to f12, and any single character; before them ctrl-, alt- and shift-";

/// A name that is no key's.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no key {0:?}; keys are {NAMES}")]
pub(crate) struct UnknownKey(String);

/// The modifiers before a key's name.
#[derive(Debug, Clone, Copy, Default)]
struct Modifiers {
    ctrl: bool,
    alt: bool,
    shift: bool,
}

/// What the key of this name sends, such as `ctrl-c`, `shift-up`, `alt-x` or `f5`.
///
/// # Errors
/// [`UnknownKey`], which names the keys there are.
pub(crate) fn bytes_of(name: &str, application_cursor: bool) -> Result<Vec<u8>, UnknownKey> {
    let (modifiers, base) = split(name);
    let sent = match single(base) {
        Some(character) => character_bytes(character, modifiers),
        None => named_bytes(&base.to_ascii_lowercase(), modifiers, application_cursor),
    };
    sent.ok_or_else(|| UnknownKey(name.to_owned()))
}

fn split(name: &str) -> (Modifiers, &str) {
    let (mut modifiers, mut rest) = (Modifiers::default(), name);
    while let Some((before, after)) = rest.split_once(['-', '+']).filter(|(_, after)| !after.is_empty()) {
        match before.to_ascii_lowercase().as_str() {
            "ctrl" | "control" | "c" => modifiers.ctrl = true,
            "alt" | "meta" | "option" | "m" => modifiers.alt = true,
            "shift" | "s" => modifiers.shift = true,
            _ => break,
        }
        rest = after;
    }
    (modifiers, rest)
}

fn single(base: &str) -> Option<char> {
    let mut characters = base.chars();
    characters.next().filter(|one| characters.next().is_none() && !one.is_control())
}

fn character_bytes(character: char, modifiers: Modifiers) -> Option<Vec<u8>> {
    let mut sent = if modifiers.alt { vec![0x1b] } else { Vec::new() };
    if modifiers.ctrl {
        sent.push(control_of(character)?);
    } else if modifiers.shift {
        sent.extend(character.to_uppercase().to_string().bytes());
    } else {
        sent.extend(character.to_string().bytes());
    }
    Some(sent)
}

/// The control character of a key on an American keyboard, as terminals have it since the VT220.
fn control_of(character: char) -> Option<u8> {
    match character.to_ascii_lowercase() {
        letter @ 'a'..='z' => Some(letter as u8 - b'a' + 1),
        '@' | ' ' | '2' => Some(0),
        '[' | '3' => Some(0x1b),
        '\\' | '4' => Some(0x1c),
        ']' | '5' => Some(0x1d),
        '^' | '6' => Some(0x1e),
        '_' | '/' | '7' | '-' => Some(0x1f),
        '?' | '8' => Some(0x7f),
        _ => None,
    }
}

fn named_bytes(base: &str, modifiers: Modifiers, application_cursor: bool) -> Option<Vec<u8>> {
    let plain = |byte: u8| Some(if modifiers.alt { vec![0x1b, byte] } else { vec![byte] });
    match base {
        "enter" | "return" => plain(b'\r'),
        "tab" if modifiers.shift => Some(b"\x1b[Z".to_vec()),
        "tab" => plain(b'\t'),
        "escape" | "esc" => plain(0x1b),
        "space" if modifiers.ctrl => plain(0),
        "space" => plain(b' '),
        "backspace" if modifiers.ctrl => plain(0x08),
        "backspace" => plain(0x7f),
        _ => letter_of(base)
            .map(|letter| lettered(letter, modifiers, application_cursor, base.starts_with('f')))
            .or_else(|| number_of(base).map(|number| numbered(number, modifiers))),
    }
}

fn letter_of(base: &str) -> Option<char> {
    Some(match base {
        "up" => 'A',
        "down" => 'B',
        "right" => 'C',
        "left" => 'D',
        "home" => 'H',
        "end" => 'F',
        "f1" => 'P',
        "f2" => 'Q',
        "f3" => 'R',
        "f4" => 'S',
        _ => return None,
    })
}

fn number_of(base: &str) -> Option<u8> {
    Some(match base {
        "insert" | "ins" => 2,
        "delete" | "del" => 3,
        "page-up" | "pageup" | "pgup" => 5,
        "page-down" | "pagedown" | "pgdn" => 6,
        "f5" => 15,
        "f6" => 17,
        "f7" => 18,
        "f8" => 19,
        "f9" => 20,
        "f10" => 21,
        "f11" => 23,
        "f12" => 24,
        _ => return None,
    })
}

fn lettered(letter: char, modifiers: Modifiers, application_cursor: bool, is_function: bool) -> Vec<u8> {
    match modifiers.parameter() {
        Some(parameter) => format!("\x1b[1;{parameter}{letter}").into_bytes(),
        None if application_cursor || is_function => format!("\x1bO{letter}").into_bytes(),
        None => format!("\x1b[{letter}").into_bytes(),
    }
}

fn numbered(number: u8, modifiers: Modifiers) -> Vec<u8> {
    match modifiers.parameter() {
        Some(parameter) => format!("\x1b[{number};{parameter}~").into_bytes(),
        None => format!("\x1b[{number}~").into_bytes(),
    }
}

impl Modifiers {
    /// The number by which xterm tells modifiers; `None` for none.
    fn parameter(self) -> Option<u8> {
        let bits = u8::from(self.shift) | u8::from(self.alt) << 1 | u8::from(self.ctrl) << 2;
        (bits != 0).then_some(bits + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_send_what_xterm_sends() {
        let cases: &[(&str, &[u8])] = &[
            ("ctrl-c", b"\x03"),
            ("Ctrl+C", b"\x03"),
            ("c-d", b"\x04"),
            ("ctrl-[", b"\x1b"),
            ("ctrl--", b"\x1f"),
            ("ctrl-space", b"\0"),
            ("alt-x", b"\x1bx"),
            ("ctrl-alt-x", b"\x1b\x18"),
            ("shift-a", b"A"),
            ("a", b"a"),
            ("é", "é".as_bytes()),
            ("-", b"-"),
            ("enter", b"\r"),
            ("Escape", b"\x1b"),
            ("shift-tab", b"\x1b[Z"),
            ("backspace", b"\x7f"),
            ("up", b"\x1b[A"),
            ("shift-up", b"\x1b[1;2A"),
            ("ctrl-shift-end", b"\x1b[1;6F"),
            ("page-up", b"\x1b[5~"),
            ("ctrl-delete", b"\x1b[3;5~"),
            ("f1", b"\x1bOP"),
            ("f5", b"\x1b[15~"),
            ("shift-f5", b"\x1b[15;2~"),
            ("alt-enter", b"\x1b\r"),
        ];
        for (name, expected) in cases {
            assert_eq!(bytes_of(name, false).as_deref(), Ok(*expected), "{name}");
        }
        assert_eq!(bytes_of("up", true).as_deref(), Ok(&b"\x1bOA"[..]));
        assert_eq!(bytes_of("ctrl-up", true).as_deref(), Ok(&b"\x1b[1;5A"[..]));
    }

    #[test]
    fn what_is_no_key_is_refused_with_the_names_there_are() {
        for name in ["", "f13", "ctrl-é", "hyper-x", "ctrl-", "upp", "\x1b"] {
            let error = bytes_of(name, false).unwrap_err().to_string();
            assert!(error.contains("f1 to f12"), "{name:?}: {error}");
        }
    }
}

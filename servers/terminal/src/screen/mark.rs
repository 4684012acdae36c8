//! The marks with which a shell says where a prompt begins, where a command's output begins and where it ends:
//! OSC 133, as terminals for semantic prompts have it. Ours carry a key, because any program can print a mark.

/// What a shell says at one point of its output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mark {
    /// `A`: here a prompt begins.
    PromptStart,
    /// `B`: here the prompt ends, and what is typed begins.
    PromptEnd,
    /// `C`: here the output of a command begins.
    OutputStart,
    /// `D`: here a command has ended, with this exit code.
    Ended(Option<i32>),
}

impl Mark {
    /// Reads the inside of an OSC sequence, such as `133;D;1;k=key`; `None` for anything but a mark with this key.
    pub(crate) fn parse(inside: &[u8], key: &str) -> Option<Self> {
        let inside = std::str::from_utf8(inside.strip_prefix(b"133;")?).ok()?;
        let mut parts = inside.split(';');
        let letter = parts.next()?;
        let rest: Vec<&str> = parts.collect();
        if !rest.iter().any(|part| part.strip_prefix("k=") == Some(key)) {
            return None;
        }
        match letter {
            "A" => Some(Self::PromptStart),
            "B" => Some(Self::PromptEnd),
            "C" => Some(Self::OutputStart),
            "D" => Some(Self::Ended(rest.first().and_then(|code| code.parse().ok()))),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_read_with_their_key_and_not_without() {
        let cases: &[(&str, Option<Mark>)] = &[
            ("133;A;k=x", Some(Mark::PromptStart)),
            ("133;B;k=x", Some(Mark::PromptEnd)),
            ("133;C;k=x", Some(Mark::OutputStart)),
            ("133;D;127;k=x", Some(Mark::Ended(Some(127)))),
            ("133;D;k=x", Some(Mark::Ended(None))),
            ("133;A", None),
            ("133;A;k=y", None),
            ("133;D;0;k=xx", None),
            ("133;Z;k=x", None),
            ("1337;A;k=x", None),
            ("133", None),
            ("", None),
        ];
        for (inside, expected) in cases {
            assert_eq!(Mark::parse(inside.as_bytes(), "x"), *expected, "{inside}");
        }
        assert_eq!(Mark::parse(b"133;A;\xff;k=x", "x"), None);
    }
}

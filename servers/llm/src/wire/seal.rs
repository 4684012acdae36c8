//! Seals on reasoning, marked with who made them: a provider refuses another one's.

/// Whose seal it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Maker {
    Anthropic,
    OpenAi,
    Gemini,
}

impl Maker {
    const fn mark(self) -> &'static str {
        match self {
            Self::Anthropic => "anthropic.",
            Self::OpenAi => "openai.",
            Self::Gemini => "gemini.",
        }
    }

    /// The seal with its mark: what callers carry.
    pub(crate) fn mark_on(self, seal: &str) -> String {
        format!("{}{seal}", self.mark())
    }

    /// The seal without its mark, if this maker made it: what the maker gets back.
    pub(crate) fn off(self, seal: &str) -> Option<&str> {
        seal.strip_prefix(self.mark())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seal_goes_back_to_its_maker_only() {
        let seal = Maker::Gemini.mark_on("abc==");
        assert_eq!(Maker::Gemini.off(&seal), Some("abc=="));
        assert_eq!(Maker::Anthropic.off(&seal), None);
        assert_eq!(Maker::Anthropic.off("abc=="), None);
    }
}

//! The protocol revisions we speak, and what came with which.

/// A revision of the protocol, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Version {
    /// The first.
    V2024_11_05,
    /// Streamable HTTP, annotations, audio, batches.
    V2025_03_26,
    /// Structured results, elicitation, titles; no batches.
    V2025_06_18,
    /// URL elicitation, polling of streams.
    V2025_11_25,
    /// Stateless.
    V2026_07_28,
}

impl Version {
    /// All of them, newest first, as we list them to clients.
    pub(crate) const ALL: [Self; 5] =
        [Self::V2026_07_28, Self::V2025_11_25, Self::V2025_06_18, Self::V2025_03_26, Self::V2024_11_05];

    /// The newest that begins with `initialize`.
    pub(crate) const NEWEST_LEGACY: Self = Self::V2025_11_25;

    pub(crate) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|version| version.as_str() == text)
    }

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::V2024_11_05 => "2024-11-05",
            Self::V2025_03_26 => "2025-03-26",
            Self::V2025_06_18 => "2025-06-18",
            Self::V2025_11_25 => "2025-11-25",
            Self::V2026_07_28 => "2026-07-28",
        }
    }

    /// Whether every request carries its own version and abilities, without sessions.
    pub(crate) fn is_modern(self) -> bool {
        self >= Self::V2026_07_28
    }

    /// The revision to answer an `initialize` with that asks for `wanted`.
    pub(crate) fn negotiate(wanted: &str) -> Self {
        Self::parse(wanted).filter(|version| !version.is_modern()).unwrap_or(Self::NEWEST_LEGACY)
    }

    /// Tool annotations, audio content, the `completions` capability, messages in progress.
    pub(crate) fn has_annotations(self) -> bool {
        self >= Self::V2025_03_26
    }

    /// Several messages in one array.
    pub(crate) fn has_batches(self) -> bool {
        self == Self::V2025_03_26
    }

    /// Titles, output schemas, structured content, resource links, `_meta` on specs; elicitation by form.
    pub(crate) fn has_structure(self) -> bool {
        self >= Self::V2025_06_18
    }

    /// Elicitation by URL and the `mode` of an elicitation.
    pub(crate) fn has_elicitation_modes(self) -> bool {
        self >= Self::V2025_11_25
    }

    /// Tasks as this one revision had them in its core, an experiment; later they are an extension.
    pub(crate) fn has_core_tasks(self) -> bool {
        self == Self::V2025_11_25
    }

    /// Streams that begin with an empty event and may be closed early to be polled (SEP-1699).
    pub(crate) fn has_polling(self) -> bool {
        self == Self::V2025_11_25
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_version_is_read_back() {
        for version in Version::ALL {
            assert_eq!(Version::parse(version.as_str()), Some(version));
        }
        assert_eq!(Version::parse("2025-11-26"), None);
        assert_eq!(Version::parse(""), None);
    }

    #[test]
    fn initialize_never_leads_to_the_modern_era() {
        assert_eq!(Version::negotiate("2024-11-05"), Version::V2024_11_05);
        assert_eq!(Version::negotiate("2026-07-28"), Version::V2025_11_25);
        assert_eq!(Version::negotiate("1999-01-01"), Version::V2025_11_25);
    }
}

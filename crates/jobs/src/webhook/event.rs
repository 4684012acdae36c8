//! What is told.

use serde::{Deserialize, Serialize};

use crate::Happening;

/// Something that a receiver may want to hear.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WebhookEvent {
    /// An attempt began.
    Processing,
    /// How far the work is; now and then.
    Progress,
    /// It is done.
    Completed,
    /// It failed, for good: no attempt follows by itself.
    Error,
    /// It was stopped.
    Cancelled,
}

impl WebhookEvent {
    /// All of them. The order is part of the file format: new ones come at the end.
    pub const ALL: [Self; 5] =
        [Self::Processing, Self::Progress, Self::Completed, Self::Error, Self::Cancelled];

    /// What of a job's history is told.
    pub fn of(what: Happening) -> Option<Self> {
        match what {
            Happening::Started => Some(Self::Processing),
            Happening::Completed => Some(Self::Completed),
            Happening::Failed | Happening::Dead => Some(Self::Error),
            Happening::Cancelled => Some(Self::Cancelled),
            _ => None,
        }
    }

    /// As it is written everywhere.
    pub fn word(self) -> &'static str {
        match self {
            Self::Processing => "processing",
            Self::Progress => "progress",
            Self::Completed => "completed",
            Self::Error => "error",
            Self::Cancelled => "cancelled",
        }
    }

    /// The event of a word.
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|event| event.word() == word)
    }

    /// Whether the job tells nothing more after this, until somebody retries it.
    pub fn is_end(self) -> bool {
        matches!(self, Self::Completed | Self::Error | Self::Cancelled)
    }

    fn bit(self) -> u8 {
        1 << (self as u8)
    }
}

/// Several events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventSet(u8);

impl EventSet {
    /// Every event.
    pub const ALL: Self = Self((1 << WebhookEvent::ALL.len()) - 1);

    /// These.
    pub fn of(events: &[WebhookEvent]) -> Self {
        Self(events.iter().fold(0, |bits, event| bits | event.bit()))
    }

    /// As the file has it.
    pub(crate) fn from_bits(bits: u8) -> Self {
        Self(bits & Self::ALL.0)
    }

    /// As the file has it.
    pub(crate) fn bits(self) -> u8 {
        self.0
    }

    /// Whether it is one of them.
    pub fn has(self, event: WebhookEvent) -> bool {
        self.0 & event.bit() != 0
    }

    /// Which they are, in their order.
    pub fn events(self) -> Vec<WebhookEvent> {
        WebhookEvent::ALL.into_iter().filter(|event| self.has(*event)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_lasts_is_told_as_an_end() {
        for what in Happening::ALL {
            let event = WebhookEvent::of(what);
            assert_eq!(event.is_some_and(WebhookEvent::is_end), what.is_end(), "{what:?}");
        }
        assert_eq!(WebhookEvent::of(Happening::Retrying), None, "an attempt that failed is no error yet");
    }

    #[test]
    fn sets_and_words_are_read_back() {
        for event in WebhookEvent::ALL {
            assert_eq!(WebhookEvent::of_word(event.word()), Some(event));
            assert_eq!(EventSet::of(&[event]).events(), [event]);
        }
        assert_eq!(EventSet::from_bits(255), EventSet::ALL);
        assert_eq!(EventSet::ALL.events(), WebhookEvent::ALL);
    }
}

//! Why a stream ends, and how the viewer is told (RFC 6455, section 7.4; codes from 4000 on are ours).

use axum::extract::ws::{CloseFrame, close_code};

use crate::limits::VIEWER_MESSAGE_BYTES_MAX;

/// The longest reason that fits into a close frame, in bytes (RFC 6455, section 5.5).
const REASON_BYTES_MAX: usize = 123;

/// Why a stream ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum End {
    /// What it showed is over.
    Over,
    /// The viewer left.
    Left,
    /// The hub ends.
    GoingAway,
    /// A message is larger than [`VIEWER_MESSAGE_BYTES_MAX`].
    TooLarge,
    /// A message is none that we know.
    BadMessage(String),
    /// One who came to look typed.
    OnlyWatches,
    /// The key was revoked or has expired.
    KeyGone(String),
    /// The bridge was raised, or a rule forbids it now.
    NotAllowed(String),
    /// Nothing came from the viewer for too long.
    Silent,
    /// What was to be shown cannot be.
    Failed(String),
}

impl End {
    /// How the viewer is told; one who left needs nothing.
    pub(crate) fn frame(&self) -> Option<CloseFrame> {
        let (code, reason) = match self {
            Self::Left => return None,
            Self::Over => (close_code::NORMAL, "the stream is over".to_owned()),
            Self::GoingAway => (close_code::AWAY, "the hub ends".to_owned()),
            Self::TooLarge => {
                (close_code::SIZE, format!("more than {VIEWER_MESSAGE_BYTES_MAX} bytes in one message"))
            }
            Self::OnlyWatches => {
                (close_code::POLICY, "opened to look: open it with mode=type to type".to_owned())
            }
            Self::Failed(why) => (close_code::ERROR, why.clone()),
            Self::BadMessage(why) => (4400, why.clone()),
            Self::KeyGone(why) => (4401, why.clone()),
            Self::NotAllowed(why) => (4403, why.clone()),
            Self::Silent => (4408, "nothing came for too long, not even an answer to a ping".to_owned()),
        };
        Some(CloseFrame { code, reason: cut(reason).into() })
    }
}

/// As much of a reason as fits a close frame.
pub(crate) fn cut(mut reason: String) -> String {
    let fitting = reason.floor_char_boundary(REASON_BYTES_MAX);
    reason.truncate(fitting);
    reason
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_fits_its_frame_and_stays_text() {
        let frame = End::BadMessage("é".repeat(100)).frame().unwrap();
        assert_eq!((frame.code, frame.reason.len()), (4400, REASON_BYTES_MAX - 1));
        assert!(End::Left.frame().is_none());
    }
}

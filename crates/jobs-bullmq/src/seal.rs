//! Seals: by which we know in Redis what we wrote there ourselves.
//!
//! Whoever can write to that Redis can write any job with any caller. So the hub and its workers put an HMAC-SHA256 under a
//! key of their state folder to each job, and to what it is asked and answered, and look at it before a job runs. A seal is
//! bound to one job of one queue: taken to another, it does not fit.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};

/// Separates this key from everything else that is made from the same secret.
const PURPOSE: &[u8] = b"drawbridge: seals of jobs on BullMQ";
/// What every seal begins with, so that another kind can come after this one.
const VERSION: &str = "v1.";

/// Makes seals, and knows its own. Shown to nobody by accident.
#[derive(Clone)]
pub struct Sealing(Hmac<Sha256>);

/// What is sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum What {
    /// All that decides what a job does, and as whom.
    Job,
    /// Whose job it is, for those who look at it.
    Caller,
    /// What a job asks.
    Question,
    /// What it was answered.
    Answer,
    /// Where the next attempt goes on.
    Checkpoint,
}

/// A job by its queue and its id, both as they are in Redis.
pub(crate) type Place<'a> = (&'a str, &'a str);

impl Sealing {
    /// With the secret of the installation, which the hub and its workers have in common.
    pub fn new(secret: &[u8; 32]) -> Self {
        let key = Sha256::new().chain_update(PURPOSE).chain_update(secret).finalize();
        #[expect(clippy::expect_used, reason = "HMAC takes keys of every length")]
        let mac = Hmac::new_from_slice(&key).expect("every length is fine");
        Self(mac)
    }

    /// A seal for these parts of a job.
    pub(crate) fn seal(&self, what: What, place: Place<'_>, parts: &[&str]) -> String {
        let code = self.mac(what, place, parts).finalize().into_bytes();
        format!("{VERSION}{}", URL_SAFE_NO_PAD.encode(code))
    }

    /// Whether that is our seal for these parts. Takes as long for each wrong one.
    pub(crate) fn fits(&self, seal: &str, what: What, place: Place<'_>, parts: &[&str]) -> bool {
        let code = seal.strip_prefix(VERSION).and_then(|code| URL_SAFE_NO_PAD.decode(code).ok());
        code.is_some_and(|code| self.mac(what, place, parts).verify_slice(&code).is_ok())
    }

    /// A text with its seal before it.
    pub(crate) fn close(&self, what: What, place: Place<'_>, text: &str) -> String {
        format!("{} {text}", self.seal(what, place, &[text]))
    }

    /// The text, if that is our seal before it.
    pub(crate) fn open<'a>(&self, what: What, place: Place<'_>, sealed: &'a str) -> Option<&'a str> {
        let (seal, text) = sealed.split_once(' ')?;
        self.fits(seal, what, place, &[text]).then_some(text)
    }

    /// Each part has its length in front, so that none can flow into another.
    fn mac(&self, what: What, (queue, id): Place<'_>, parts: &[&str]) -> Hmac<Sha256> {
        let mut mac = self.0.clone();
        for part in [what.word(), queue, id].iter().chain(parts) {
            mac.update(&(part.len() as u64).to_le_bytes());
            mac.update(part.as_bytes());
        }
        mac
    }
}

impl What {
    fn word(self) -> &'static str {
        match self {
            Self::Job => "job",
            Self::Caller => "caller",
            Self::Question => "question",
            Self::Answer => "answer",
            Self::Checkpoint => "checkpoint",
        }
    }
}

impl fmt::Debug for Sealing {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Sealing")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACE: Place<'_> = ("async-tasks", "7");

    fn sealing() -> Sealing {
        Sealing::new(&[7; 32])
    }

    #[test]
    fn a_seal_fits_what_it_was_made_for_and_nothing_else() {
        let seal = sealing().seal(What::Job, PLACE, &["ab", "c"]);
        assert!(sealing().fits(&seal, What::Job, PLACE, &["ab", "c"]));
        assert!(!Sealing::new(&[8; 32]).fits(&seal, What::Job, PLACE, &["ab", "c"]), "another's key");
        assert!(!sealing().fits(&seal, What::Answer, PLACE, &["ab", "c"]));
        assert!(!sealing().fits(&seal, What::Job, ("night", "7"), &["ab", "c"]));
        assert!(!sealing().fits(&seal, What::Job, ("async-tasks", "8"), &["ab", "c"]));
        assert!(!sealing().fits(&seal, What::Job, PLACE, &["a", "bc"]), "no part flows into another");
    }

    #[test]
    fn what_is_no_seal_fits_nothing() {
        let good = sealing().seal(What::Job, PLACE, &["x"]);
        let short = &good[..good.len() - 2];
        for bad in ["", VERSION, "v1.AAAA", "v1.???", short, &good.replace("v1.", "v2."), &good[3..]] {
            assert!(!sealing().fits(bad, What::Job, PLACE, &["x"]), "{bad}");
        }
    }

    #[test]
    fn a_text_opens_only_unchanged_and_in_its_place() {
        let closed = sealing().close(What::Answer, PLACE, r#"{"a": "b c"}"#);
        assert_eq!(sealing().open(What::Answer, PLACE, &closed), Some(r#"{"a": "b c"}"#));
        assert_eq!(sealing().open(What::Answer, PLACE, &closed.replace('b', "B")), None);
        assert_eq!(sealing().open(What::Question, PLACE, &closed), None);
        assert_eq!(sealing().open(What::Answer, ("async-tasks", "8"), &closed), None);
        assert_eq!(sealing().open(What::Answer, PLACE, r#"{"a": 1}"#), None);
    }

    #[test]
    fn the_key_is_not_shown() {
        assert_eq!(format!("{:?}", sealing()), "Sealing");
    }
}

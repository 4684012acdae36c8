//! One licence: `TIER:USER:DATE` on a line, or a YAML or JSON mapping; signed or not.

use std::sync::Arc;

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use drawbridge_contract::Licence;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::signature::{PublicKey, SigningKey};

/// The longest licence that is read, in bytes.
pub const LICENCE_BYTES_MAX: usize = 16 * 1024;

/// How many hexadecimal digits of its text's hash name a licence.
const KEY_ID_DIGITS: usize = 16;

/// What a licence says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// Which tier it gives.
    pub tier: String,
    /// Who it was given to.
    pub user: String,
    /// From when on it gives nothing; `None` never ends.
    pub expires: Option<DateTime<Utc>>,
    /// In base64, if it is signed.
    pub signature: Option<String>,
}

/// Why a text is no licence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TermsError {
    /// Neither format.
    #[error("it is neither TIER:USER:YYYY-MM-DD nor a mapping with tier, user_id and expires_at")]
    Format,
    /// It has no tier, or none that could be one.
    #[error("it names no tier")]
    Tier,
    /// Its end is none.
    #[error("{0:?} is no date: write YYYY-MM-DD or a time such as 2026-12-31T12:00:00Z")]
    Date(String),
    /// Longer than a licence is.
    #[error("it has {0} bytes, more than the {LICENCE_BYTES_MAX} of a licence")]
    TooLong(usize),
}

/// The mapping of llmbasedos, with our signature.
#[derive(Deserialize)]
struct Mapping {
    tier: String,
    #[serde(default)]
    user_id: String,
    #[serde(default)]
    expires_at: Option<String>,
    #[serde(default)]
    signature: Option<String>,
}

impl Terms {
    /// Reads either format. A day ends with its last moment (UTC); a time without a zone is UTC.
    ///
    /// # Errors
    /// [`TermsError`] says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, TermsError> {
        if text.len() > LICENCE_BYTES_MAX {
            return Err(TermsError::TooLong(text.len()));
        }
        let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        let terms = match (lines.next().and_then(of_line), lines.next()) {
            (Some(terms), None) => terms?,
            _ => of_mapping(text)?,
        };
        if terms.tier.trim().is_empty() { Err(TermsError::Tier) } else { Ok(terms) }
    }

    /// As a line, with the signature if there is one.
    pub fn to_line(&self) -> String {
        let expires = self.expires.map_or_else(|| "never".to_owned(), day_or_time);
        let signature = self.signature.as_ref().map(|signature| format!(":{signature}")).unwrap_or_default();
        format!("{}:{}:{expires}{signature}", self.tier, self.user)
    }

    /// The same terms, signed.
    #[must_use]
    pub fn signed(mut self, key: &SigningKey) -> Self {
        self.signature = Some(key.sign(&self.message()));
        self
    }

    /// What is signed: the terms and not their spelling, so that both formats carry the same signature.
    fn message(&self) -> Vec<u8> {
        let expires =
            self.expires.map_or_else(|| "never".to_owned(), |end| end.timestamp_micros().to_string());
        let part = |text: &str| format!("{}:{text}", text.len());
        format!("drawbridge licence 1\n{}\n{}\n{expires}", part(&self.tier), part(&self.user)).into_bytes()
    }

    /// Why these terms give nothing at `now`, if they do.
    fn fault(&self, signer: Option<&PublicKey>, now: DateTime<Utc>) -> Option<String> {
        match (signer, &self.signature) {
            (Some(_), None) => Some("it is not signed, and only signed licences count here".to_owned()),
            (Some(key), Some(signature)) if !key.accepts(&self.message(), signature) => {
                Some("its signature does not fit its terms and the key in the configuration".to_owned())
            }
            _ => self
                .expires
                .filter(|end| *end <= now)
                .map(|end| format!("it expired on {}", day_or_time(end))),
        }
    }
}

/// Reads a licence and says what it is worth at `now`. Where a signer is named, only its signature counts; where none is, a
/// signature proves nothing and is not looked at. Never fails: what is wrong is the licence's fault.
pub fn read_licence(text: &str, signer: Option<&PublicKey>, now: DateTime<Utc>) -> Licence {
    let key_id = key_id(text);
    let at_fault = |why: String| Some(Arc::from(format!("the licence cannot be used: {why}")));
    match Terms::parse(text) {
        Ok(terms) => Licence {
            key_id,
            is_signed: signer.is_some() && terms.signature.is_some(),
            fault: terms.fault(signer, now).and_then(at_fault),
            expires_us: terms.expires.map(|end| end.timestamp_micros()),
            user: terms.user.into(),
            tier: terms.tier.into(),
        },
        Err(error) => Licence {
            key_id,
            user: "".into(),
            tier: "".into(),
            expires_us: None,
            is_signed: false,
            fault: at_fault(error.to_string()),
        },
    }
}

fn key_id(text: &str) -> Box<str> {
    let hash: String = Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
    hash[..KEY_ID_DIGITS].into()
}

/// `TIER:USER:DATE` or `TIER:USER:DATE:SIGNATURE`; the user may have colons. `None` where it looks like something else.
fn of_line(line: &str) -> Option<Result<Terms, TermsError>> {
    if line.starts_with('{') {
        return None;
    }
    let (tier, rest) = line.split_once(':')?;
    let (before, last) = rest.rsplit_once(':')?;
    let terms = |user: &str, date: &str, signature: Option<&str>| {
        let expires = end_of(date)?;
        let (tier, user) = (tier.trim().to_owned(), user.trim().to_owned());
        Ok(Terms { tier, user, expires, signature: signature.map(str::to_owned) })
    };
    match before.rsplit_once(':') {
        Some((user, date)) if end_of(date).is_ok() => Some(terms(user, date, Some(last))),
        _ => Some(terms(before, last, None)),
    }
}

fn of_mapping(text: &str) -> Result<Terms, TermsError> {
    let Mapping { tier, user_id, expires_at, signature } =
        serde_saphyr::from_str(text).map_err(|_| TermsError::Format)?;
    let expires = expires_at.as_deref().map(end_of).transpose()?.flatten();
    Ok(Terms { tier, user: user_id, expires, signature })
}

/// When it ends; `None` for what never does.
fn end_of(text: &str) -> Result<Option<DateTime<Utc>>, TermsError> {
    let text = text.trim();
    let wrong = || TermsError::Date(text.to_owned());
    if text == "never" {
        return Ok(None);
    }
    if let Ok(day) = NaiveDate::parse_from_str(text, "%Y-%m-%d") {
        let next = day.succ_opt().ok_or_else(wrong)?;
        return Ok(Some(next.and_time(NaiveTime::MIN).and_utc()));
    }
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Ok(Some(time.to_utc()));
    }
    let naive = ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f"];
    let naive = naive.iter().find_map(|format| NaiveDateTime::parse_from_str(text, format).ok());
    naive.map(|time| Some(time.and_utc())).ok_or_else(wrong)
}

/// The day that ends at this moment, or the moment.
fn day_or_time(end: DateTime<Utc>) -> String {
    let is_midnight = end.time() == NaiveTime::MIN;
    match end.date_naive().pred_opt() {
        Some(day) if is_midnight => day.format("%Y-%m-%d").to_string(),
        _ => end.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    const NOW: &str = "2026-06-01T00:00:00Z";

    fn fault(text: &str) -> Option<String> {
        read_licence(text, None, at(NOW)).fault.map(|fault| fault.to_string())
    }

    #[test]
    fn both_formats_say_the_same() {
        let texts = [
            "PRO:me:2026-12-31",
            "# mine\n\nPRO:me:2026-12-31\n",
            "tier: PRO\nuser_id: me\nexpires_at: 2026-12-31\n",
            "{\"tier\": \"PRO\", \"user_id\": \"me\", \"expires_at\": \"2027-01-01T00:00:00Z\"}",
            "tier: PRO\nuser_id: me\nexpires_at: '2027-01-01T01:00:00+01:00'\n",
        ];
        for text in texts {
            let Licence { tier, user, expires_us, fault, .. } = read_licence(text, None, at(NOW));
            let end = at("2027-01-01T00:00:00Z").timestamp_micros();
            assert_eq!((&*tier, &*user, expires_us, fault), ("PRO", "me", Some(end), None), "{text}");
        }
    }

    #[test]
    fn a_day_ends_with_its_last_moment() {
        let of = |now: &str| read_licence("PRO:me:2026-12-31", None, at(now)).fault;
        assert_eq!(of("2026-12-31T23:59:59.999999Z"), None);
        assert!(of("2027-01-01T00:00:00Z").unwrap().contains("it expired on 2026-12-31"));
    }

    #[test]
    fn what_is_wrong_is_said_and_gives_nothing() {
        for (text, why) in [
            ("", "neither"),
            ("PRO", "neither"),
            ("PRO:me", "neither"),
            ("PRO:me:tomorrow", "no date"),
            ("PRO:me:2026-02-30", "no date"),
            (":me:2026-12-31", "no tier"),
            ("tier: [PRO]\n", "neither"),
            ("user_id: me\nexpires_at: 2026-12-31\n", "neither"),
            ("tier: PRO\nexpires_at: soon\n", "no date"),
            ("PRO:me:2025-12-31", "expired"),
        ] {
            let found = fault(text).unwrap();
            assert!(found.contains(why), "{text}: {found}");
        }
        assert!(fault(&"x".repeat(LICENCE_BYTES_MAX + 1)).unwrap().contains("more than"));
        assert!(fault(&format!("PRO:{}:2026-12-31", "x".repeat(LICENCE_BYTES_MAX - 15))).is_none());
    }

    #[test]
    fn a_signature_binds_every_term() {
        let key = SigningKey::from_seed([7; 32]);
        let signed = Terms::parse("PRO:me:2026-12-31").unwrap().signed(&key).to_line();
        let of = |text: &str| read_licence(text, Some(&key.public()), at(NOW));
        let good = of(&signed);
        assert_eq!((good.fault, good.is_signed), (None, true), "{signed}");
        for (from, to) in [("PRO", "ELITE"), (":me:", ":you:"), ("2026-12-31", "2027-12-31")] {
            let fault = of(&signed.replace(from, to)).fault.unwrap();
            assert!(fault.contains("signature"), "{fault}");
        }
        assert!(of("PRO:me:2026-12-31").fault.unwrap().contains("not signed"));
        let mapping = |signature: &str| {
            format!("tier: PRO\nuser_id: me\nexpires_at: 2026-12-31\nsignature: '{signature}'\n")
        };
        let signature = Terms::parse(&signed).unwrap().signature.unwrap();
        assert_eq!(of(&mapping(&signature)).fault, None, "both formats carry the same signature");
    }

    #[test]
    fn a_line_is_read_as_it_was_written() {
        for line in ["PRO:me:2026-12-31", "PRO:a:b:2026-12-31", "PRO:me:2026-12-31T12:30:00Z", "PRO:me:never"]
        {
            match Terms::parse(line) {
                Ok(terms) => assert_eq!(Terms::parse(&terms.to_line()).unwrap(), terms, "{line}"),
                Err(error) => assert!(line.contains('T'), "{line}: {error}"),
            }
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic_or_unlimited(text in "[A-Za-z0-9:\\-{}\\[\\]\"' \n#&*!|>]{0,120}") {
            let licence = read_licence(&text, Some(&SigningKey::from_seed([1; 32]).public()), at(NOW));
            proptest::prop_assert!(licence.fault.is_some());
        }
    }
}

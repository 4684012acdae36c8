//! What a receiver shares with us, so that it knows that a webhook is ours.

use std::collections::HashSet;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chacha20poly1305::aead::{Aead, AeadCore, KeyInit, OsRng, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac};
use sha2::Sha256;

/// How many random bytes a secret has; Standard Webhooks asks for 24 to 64.
const SECRET_BYTES: usize = 32;
const PREFIX: &str = "whsec_";
/// How many random bytes one may have that a receiver brings along as `whsec_` and base64 (Standard Webhooks).
const BROUGHT_BYTES: std::ops::RangeInclusive<usize> = 24..=64;
/// How many characters any other may have that a receiver brings along: as many as FastMCP++ asked for, or more.
const BROUGHT_CHARACTERS: std::ops::RangeInclusive<usize> = 32..=256;
/// How many of its characters differ at least: hexadecimal digits at random reach this, placeholders do not.
const DIFFERENT_MIN: usize = 8;
const NONCE_BYTES: usize = 24;

/// A receiver's secret, as it is handed out: `whsec_` and base64. Shown to nobody by accident.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// A new one.
    pub fn random() -> Self {
        Self(format!("{PREFIX}{}", STANDARD.encode(rand::random::<[u8; SECRET_BYTES]>())))
    }

    /// One that a receiver has already: `whsec_` and base64 of 24 to 64 bytes, or another text of 32 to 256 visible ASCII
    /// characters.
    ///
    /// # Errors
    /// [`WeakSecret`] for what could be guessed.
    pub fn brought(text: &str) -> Result<Self, WeakSecret> {
        let fits = match text.strip_prefix(PREFIX) {
            Some(encoded) => STANDARD.decode(encoded).is_ok_and(|key| BROUGHT_BYTES.contains(&key.len())),
            None => {
                BROUGHT_CHARACTERS.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
            }
        };
        let different = text.bytes().collect::<HashSet<_>>().len();
        if fits && different >= DIFFERENT_MIN { Ok(Self(text.to_owned())) } else { Err(WeakSecret) }
    }

    /// The text, for the one person who has to see it.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// The key of Standard Webhooks: the bytes that the base64 behind `whsec_` stands for; else those of the text.
    pub(super) fn key(&self) -> Vec<u8> {
        let decoded = self.0.strip_prefix(PREFIX).and_then(|encoded| STANDARD.decode(encoded).ok());
        decoded.unwrap_or_else(|| self.0.clone().into_bytes())
    }
}

/// A secret that was brought along could be guessed. Does not repeat it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "this secret could be guessed: bring `whsec_` and the base64 of 24 to 64 random bytes, or 32 to 256 random visible \
     characters; or none, and one is made"
)]
pub struct WeakSecret;

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret(…)")
    }
}

/// Seals secrets for the disk, each to its receiver.
pub(crate) struct Vault(XChaCha20Poly1305);

impl Vault {
    /// From the installation's sealing secret; with a key of its own, so that what others seal with the same secret
    /// opens nothing here.
    pub(crate) fn new(sealing: &[u8; 32]) -> Self {
        let key = mac(sealing, b"drawbridge webhook secrets 1");
        Self(XChaCha20Poly1305::new(&key.into()))
    }

    pub(crate) fn seal(&self, receiver: &str, secret: &Secret) -> Vec<u8> {
        let nonce = XChaCha20Poly1305::generate_nonce(&mut OsRng);
        let payload = Payload { msg: secret.0.as_bytes(), aad: receiver.as_bytes() };
        #[expect(clippy::expect_used, reason = "the cipher fails only for messages of 256 GiB and more")]
        let sealed = self.0.encrypt(&nonce, payload).expect("a secret is small");
        [nonce.as_slice(), &sealed].concat()
    }

    /// `None` for what was sealed elsewhere, for another receiver, or altered.
    pub(crate) fn open(&self, receiver: &str, sealed: &[u8]) -> Option<Secret> {
        let (nonce, sealed) = sealed.split_at_checked(NONCE_BYTES)?;
        let payload = Payload { msg: sealed, aad: receiver.as_bytes() };
        let plain = self.0.decrypt(XNonce::from_slice(nonce), payload).ok()?;
        String::from_utf8(plain).ok().map(Secret)
    }
}

/// HMAC-SHA256.
pub(super) fn mac(key: &[u8], message: &[u8]) -> [u8; 32] {
    #[expect(clippy::expect_used, reason = "HMAC takes keys of every length")]
    let mut mac = <Hmac<Sha256> as hmac::KeyInit>::new_from_slice(key).expect("every length is fine");
    mac.update(message);
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
impl Secret {
    pub(super) fn of(text: &str) -> Self {
        Self(text.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_opens_only_here_and_for_its_receiver() {
        let (vault, secret) = (Vault::new(&[7; 32]), Secret::random());
        let sealed = vault.seal("wh_1", &secret);
        assert_eq!(vault.open("wh_1", &sealed), Some(secret.clone()));
        assert_eq!(vault.open("wh_2", &sealed), None);
        assert_eq!(Vault::new(&[8; 32]).open("wh_1", &sealed), None);
        assert_eq!(vault.open("wh_1", &sealed[..20]), None);
        let mut altered = sealed.clone();
        altered[30] ^= 1;
        assert_eq!(vault.open("wh_1", &altered), None);
        assert!(!sealed.windows(6).any(|window| window == PREFIX.as_bytes()));
    }

    #[test]
    fn a_secret_that_is_brought_along_is_strong_at_the_edges() {
        let digits = "0123456789abcdef".repeat(17);
        for good in [&digits[..32], &digits[..256]] {
            assert_eq!(Secret::brought(good).unwrap().key(), good.as_bytes(), "the text is the key");
        }
        for bad in
            ["", &digits[..31], &digits[..257], &"a".repeat(40), &"0123456".repeat(6), &"é1234567".repeat(5)]
        {
            assert_eq!(Secret::brought(bad), Err(WeakSecret), "{bad}");
        }
        let of = |bytes: usize| format!("{PREFIX}{}", STANDARD.encode(&digits.as_bytes()[..bytes]));
        for (bytes, fits) in [(23, false), (24, true), (64, true), (65, false)] {
            assert_eq!(Secret::brought(&of(bytes)).is_ok(), fits, "{bytes}");
        }
        assert!(Secret::brought("whsec_0123456789 not base64 at all, but long enough").is_err());
        assert!(!WeakSecret.to_string().contains("0123"));
    }

    #[test]
    fn secrets_differ_and_are_not_printed() {
        let secret = Secret::random();
        assert_ne!(secret, Secret::random());
        assert_eq!(secret.key().len(), SECRET_BYTES);
        assert!(!format!("{secret:?}").contains(secret.reveal()));
    }
}

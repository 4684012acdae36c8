//! Signatures of licences: Ed25519 (RFC 8032) over the terms, whatever the file's format.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, Signer as _, VerifyingKey};

/// A key that cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is no Ed25519 key: it must be 32 bytes in base64, as `drawbridge licence new-key` makes it")]
pub struct KeyError;

/// Signs licences. It belongs to whoever sells them, and not onto the machines that check them.
pub struct SigningKey(ed25519_dalek::SigningKey);

impl SigningKey {
    /// From 32 random bytes.
    pub fn from_seed(seed: [u8; 32]) -> Self {
        Self(ed25519_dalek::SigningKey::from_bytes(&seed))
    }

    /// As [`to_text`](Self::to_text) wrote it.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn from_text(text: &str) -> Result<Self, KeyError> {
        bytes(text).map(Self::from_seed)
    }

    /// Base64, for a file that only its owner reads.
    pub fn to_text(&self) -> String {
        STANDARD.encode(self.0.to_bytes())
    }

    /// What checks its signatures.
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key())
    }

    pub(crate) fn sign(&self, message: &[u8]) -> String {
        STANDARD.encode(self.0.sign(message).to_bytes())
    }
}

/// Checks signatures of licences.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

impl PublicKey {
    /// From base64, as it stands in the configuration.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn from_text(text: &str) -> Result<Self, KeyError> {
        VerifyingKey::from_bytes(&bytes(text)?).map(Self).map_err(|_| KeyError)
    }

    /// Base64.
    pub fn to_text(&self) -> String {
        STANDARD.encode(self.0.to_bytes())
    }

    /// Strict: a second signature that also fits cannot be made from the first (RFC 8032, section 8.4).
    pub(crate) fn accepts(&self, message: &[u8], signature: &str) -> bool {
        let decoded =
            STANDARD.decode(signature.trim()).ok().and_then(|bytes| Signature::from_slice(&bytes).ok());
        decoded.is_some_and(|signature| self.0.verify_strict(message, &signature).is_ok())
    }
}

fn bytes(text: &str) -> Result<[u8; 32], KeyError> {
    STANDARD.decode(text.trim()).ok().and_then(|bytes| bytes.try_into().ok()).ok_or(KeyError)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_as_it_was_written_and_checks_what_it_signed() {
        let key = SigningKey::from_text(&SigningKey::from_seed([7; 32]).to_text()).unwrap();
        let public = PublicKey::from_text(&key.public().to_text()).unwrap();
        let signature = key.sign(b"terms");
        assert!(public.accepts(b"terms", &signature));
        assert!(!public.accepts(b"other terms", &signature));
        assert!(!SigningKey::from_seed([8; 32]).public().accepts(b"terms", &signature));
        assert!(!public.accepts(b"terms", "not base64"));
    }

    #[test]
    fn what_is_no_key_is_refused() {
        for text in ["", "AAAA", "not base64!", &STANDARD.encode([0; 33])] {
            assert!(SigningKey::from_text(text).is_err() && PublicKey::from_text(text).is_err(), "{text}");
        }
    }
}

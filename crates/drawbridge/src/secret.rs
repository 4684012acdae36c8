//! Key secrets: made here, shown once, kept only as hashes.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

/// What every secret that we make begins with, so that scanners and people recognise one.
const PREFIX: &str = "drawbridge_";
/// The shortest secret that the owner may choose.
pub(crate) const CHARACTERS_MIN: usize = 32;
/// Fewer different characters than this are no secret.
const DIFFERENT_MIN: usize = 10;
/// What examples and templates say instead of a secret.
const PLACEHOLDERS: &[&str] = &[
    "changeme",
    "change-me",
    "change_me",
    "placeholder",
    "example",
    "your-key",
    "your_key",
    "yourkey",
    "insert",
    "replace",
    "password",
    "secret-key",
    "secretkey",
    "0123456789",
    "abcdefghij",
    "qwertyuiop",
    "dummy",
    "todo",
];

/// A fresh secret: 256 random bits.
pub(crate) fn fresh() -> String {
    format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>()))
}

/// What is kept of a secret.
pub(crate) fn hash(secret: &str) -> [u8; 32] {
    Sha256::digest(secret.as_bytes()).into()
}

/// Whether the owner may use this text as a secret.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn check(secret: &str) -> Result<(), String> {
    if secret.chars().count() < CHARACTERS_MIN {
        return Err(format!("it has fewer than {CHARACTERS_MIN} characters"));
    }
    if secret.chars().any(|character| !character.is_ascii_graphic()) {
        return Err("it holds blanks or characters beyond ASCII, which no HTTP header carries".to_owned());
    }
    let lower = secret.to_ascii_lowercase();
    if let Some(word) = PLACEHOLDERS.iter().find(|word| lower.contains(**word)) {
        return Err(format!("it looks like a placeholder: it contains {word:?}"));
    }
    let different: std::collections::HashSet<char> = secret.chars().collect();
    if different.len() < DIFFERENT_MIN {
        return Err(format!("it has fewer than {DIFFERENT_MIN} different characters"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_we_make_passes_and_never_repeats() {
        assert!(check(&fresh()).is_ok());
        assert_ne!(fresh(), fresh());
    }

    #[test]
    fn c7_placeholders_and_short_secrets_are_refused() {
        let good = "k3J9x-Qm2Lw8Zt5Vb7Nc4Rp6Ys1Hd0Fg";
        assert_eq!(good.len(), CHARACTERS_MIN);
        assert!(check(good).is_ok());
        for bad in [
            &good[1..],
            &"a".repeat(40),
            "changeme-changeme-changeme-changeme",
            "your-key-here-your-key-here-1234567",
            &format!("{good} "),
        ] {
            assert!(check(bad).is_err(), "{bad}");
        }
    }
}

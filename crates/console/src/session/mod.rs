//! Signing in: a link that works once, or the owner's key, becomes a browser's session.
//!
//! A session is a key of its own in the store: only its hash is kept, it expires, and revoking it works at once, in
//! whichever process it is revoked. A link is a key that opens nothing but this exchange.

mod link;
mod routes;
mod sessions;

pub use link::make_link;
pub(crate) use routes::{show, sign_in, sign_out};
pub use sessions::Sessions;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

/// A fresh secret: 256 random bits, as text that an URL and a cookie carry as it is.
fn fresh() -> String {
    URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>())
}

/// A fresh secret for a caller's key, as the command line makes them, and what is kept of it.
pub(crate) fn fresh_key() -> (String, [u8; 32]) {
    let secret = format!("drawbridge_{}", fresh());
    let hash = hash(&secret);
    (secret, hash)
}

/// A name for a key that nobody has yet.
fn name(what: &str) -> String {
    format!("{what}-{:016x}", rand::random::<u64>())
}

/// What is kept of a secret.
fn hash(secret: &str) -> [u8; 32] {
    Sha256::digest(secret.as_bytes()).into()
}

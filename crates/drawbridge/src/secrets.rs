//! The secret store: keys of others that we need, such as those of services, in one encrypted file of the state folder.
//!
//! Each is sealed under a key that is derived from the installation's sealing secret, which is in the database: whoever
//! finds the file alone, in a backup or a log, has nothing. Whoever reads the whole state folder is the owner.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chacha20poly1305::aead::{Aead, AeadCore, KeyInit, OsRng, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use sha2::{Digest, Sha256};

use crate::hub;

/// The file's name in the state folder.
const FILE: &str = "secrets";
/// Keeps this key apart from whatever else is derived from the same secret.
const PURPOSE: &[u8] = b"drawbridge secrets 1";
/// The longest secret, in bytes: a private key fits.
pub(crate) const SECRET_BYTES_MAX: usize = 16 * 1024;
/// The longest name of a secret.
const NAME_BYTES_MAX: usize = 64;
/// How many secrets there may be.
const SECRETS_MAX: usize = 1_000;
const NONCE_BYTES: usize = 24;

/// A secret's value; `None` where there is none of that name.
///
/// # Errors
/// When the file cannot be read, or was altered or made by another installation.
pub(crate) fn get(state: &Path, name: &str) -> Result<Option<String>> {
    let Some(sealed) = read(state)?.remove(name) else { return Ok(None) };
    let bytes = STANDARD.decode(sealed).ok().context("the file `secrets` was altered")?;
    let (nonce, sealed) = bytes.split_at_checked(NONCE_BYTES).context("the file `secrets` was altered")?;
    let payload = Payload { msg: sealed, aad: name.as_bytes() };
    let plain = cipher(state)?.decrypt(XNonce::from_slice(nonce), payload);
    let plain = plain.ok().with_context(|| {
        format!("the secret {name} was altered, or belongs to another state folder: set it again with `drawbridge secrets set {name}`")
    })?;
    Ok(Some(String::from_utf8(plain)?))
}

/// Keeps a secret, in place of the one of that name.
///
/// # Errors
/// A name or a value that is none, or a file that cannot be written.
pub(crate) fn set(state: &Path, name: &str, value: &str) -> Result<()> {
    check(name, value)?;
    let mut secrets = read(state)?;
    if secrets.len() >= SECRETS_MAX && !secrets.contains_key(name) {
        bail!("there are {SECRETS_MAX} secrets, which is as many as may be: remove one");
    }
    let nonce = XChaCha20Poly1305::generate_nonce(&mut OsRng);
    let payload = Payload { msg: value.as_bytes(), aad: name.as_bytes() };
    let sealed = cipher(state)?.encrypt(&nonce, payload).ok().context("the secret cannot be sealed")?;
    secrets.insert(name.to_owned(), STANDARD.encode([nonce.as_slice(), &sealed].concat()));
    write(state, &secrets)
}

/// Forgets a secret; says whether there was one.
///
/// # Errors
/// A file that cannot be read or written.
pub(crate) fn remove(state: &Path, name: &str) -> Result<bool> {
    let mut secrets = read(state)?;
    let was_there = secrets.remove(name).is_some();
    if was_there {
        write(state, &secrets)?;
    }
    Ok(was_there)
}

/// The names of all secrets.
///
/// # Errors
/// A file that cannot be read.
pub(crate) fn names(state: &Path) -> Result<Vec<String>> {
    Ok(read(state)?.into_keys().collect())
}

fn check(name: &str, value: &str) -> Result<()> {
    let is_name = (1..=NAME_BYTES_MAX).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte));
    if !is_name {
        bail!("a secret's name is 1 to {NAME_BYTES_MAX} of A-Z a-z 0-9 _ - .");
    }
    if value.is_empty() || value.len() > SECRET_BYTES_MAX {
        bail!("a secret has 1 to {SECRET_BYTES_MAX} bytes");
    }
    Ok(())
}

fn cipher(state: &Path) -> Result<XChaCha20Poly1305> {
    let store = hub::open_store(state)?;
    let key = Sha256::new().chain_update(PURPOSE).chain_update(store.sealing_secret()).finalize();
    Ok(XChaCha20Poly1305::new(key.as_slice().into()))
}

fn read(state: &Path) -> Result<BTreeMap<String, String>> {
    let path = state.join(FILE);
    match std::fs::read(&path) {
        Ok(text) if text.is_empty() => Ok(BTreeMap::new()),
        Ok(text) => serde_json::from_slice(&text).with_context(|| format!("{} was altered", path.display())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(BTreeMap::new()),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}

/// Whole or not at all. A temporary file is the owner's alone from its first byte.
fn write(state: &Path, secrets: &BTreeMap<String, String>) -> Result<()> {
    let path = state.join(FILE);
    let doing = || format!("cannot write {}", path.display());
    let mut file = tempfile::NamedTempFile::new_in(state).with_context(doing)?;
    file.write_all(&serde_json::to_vec_pretty(secrets)?).with_context(doing)?;
    file.as_file().sync_all().with_context(doing)?;
    file.persist(&path).with_context(doing)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        drop(hub::open_store(folder.path()).unwrap());
        folder
    }

    #[test]
    fn a_secret_comes_back_and_is_nowhere_in_clear() {
        let state = state();
        set(state.path(), "openai", "sk-very-secret").unwrap();
        set(state.path(), "other", "2").unwrap();
        assert_eq!(get(state.path(), "openai").unwrap().as_deref(), Some("sk-very-secret"));
        assert_eq!(get(state.path(), "none").unwrap(), None);
        assert_eq!(names(state.path()).unwrap(), ["openai", "other"]);
        let text = std::fs::read_to_string(state.path().join(FILE)).unwrap();
        assert!(!text.contains("very") && !text.contains(&STANDARD.encode("sk-very-secret")));
        assert!(remove(state.path(), "openai").unwrap() && !remove(state.path(), "openai").unwrap());
        assert_eq!(get(state.path(), "openai").unwrap(), None);
    }

    #[test]
    #[cfg(unix)]
    fn nobody_else_reads_the_file() {
        use std::os::unix::fs::PermissionsExt as _;
        let state = state();
        set(state.path(), "a", "b").unwrap();
        let mode = std::fs::metadata(state.path().join(FILE)).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600);
    }

    #[test]
    fn one_that_was_altered_renamed_or_brought_from_elsewhere_is_refused() {
        let (state, other) = (state(), state());
        set(state.path(), "a", "value").unwrap();
        let text = std::fs::read_to_string(state.path().join(FILE)).unwrap();
        std::fs::write(other.path().join(FILE), &text).unwrap();
        assert!(get(other.path(), "a").unwrap_err().to_string().contains("another state folder"));
        std::fs::write(state.path().join(FILE), text.replace("\"a\"", "\"b\"")).unwrap();
        assert!(get(state.path(), "b").is_err());
        std::fs::write(state.path().join(FILE), "{\"a\": \"AAAA\"}").unwrap();
        assert!(get(state.path(), "a").is_err());
        std::fs::write(state.path().join(FILE), "[").unwrap();
        assert!(names(state.path()).is_err());
    }

    #[test]
    fn bounds_hold_at_their_edges() {
        let state = state();
        set(state.path(), &"n".repeat(NAME_BYTES_MAX), &"v".repeat(SECRET_BYTES_MAX)).unwrap();
        assert!(set(state.path(), &"n".repeat(NAME_BYTES_MAX + 1), "v").is_err());
        assert!(set(state.path(), "a", &"v".repeat(SECRET_BYTES_MAX + 1)).is_err());
        for bad in ["", "a b", "a/b", "é"] {
            assert!(set(state.path(), bad, "v").is_err(), "{bad}");
        }
        assert!(set(state.path(), "a", "").is_err());
    }
}

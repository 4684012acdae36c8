//! Cursors: where the next page of a list begins, opaque to clients.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::error::WireError;
use crate::lists::Kind;

/// The cursor of the page that begins at `offset`.
pub(crate) fn encode(kind: Kind, offset: usize) -> String {
    let mut bytes = vec![kind.tag()];
    bytes.extend_from_slice(&(offset as u64).to_be_bytes());
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Reads a cursor that we gave for a list of this kind. Only offsets where a page begins are taken.
pub(crate) fn decode(kind: Kind, page_size: usize, text: &str) -> Result<usize, WireError> {
    let bad = || WireError::invalid_params("this cursor is not one of this list; list again from the start");
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| bad())?;
    let (tag, offset) = bytes.split_first().ok_or_else(bad)?;
    let offset = u64::from_be_bytes(offset.try_into().map_err(|_| bad())?);
    let offset = usize::try_from(offset).map_err(|_| bad())?;
    let begins_a_page = offset > 0 && offset.is_multiple_of(page_size);
    if *tag == kind.tag() && begins_a_page { Ok(offset) } else { Err(bad()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_cursors_are_taken() {
        let cursor = encode(Kind::Tools, 1000);
        assert_eq!(decode(Kind::Tools, 1000, &cursor), Ok(1000));
        assert!(decode(Kind::Prompts, 1000, &cursor).is_err());
        assert!(decode(Kind::Tools, 999, &cursor).is_err());
        assert!(decode(Kind::Tools, 1000, &encode(Kind::Tools, 0)).is_err());
        for bad in ["", "x", "invalid-cursor", "dA", &format!("{cursor}AA"), "1000"] {
            assert!(decode(Kind::Tools, 1000, bad).is_err(), "{bad}");
        }
    }
}

//! `file:///<root>/<path>`: paths as URIs (RFC 8089, RFC 3986).

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

const PREFIX: &str = "file:///";
/// What stays as it is in a path: unreserved characters, and the slash.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

/// The URI of a path as callers use it.
pub(crate) fn of(path: &str) -> String {
    format!("{PREFIX}{}", utf8_percent_encode(path, ENCODED))
}

/// The path that a URI names, decoded once; `None` when it is no URI of a file, or not UTF-8.
pub(crate) fn path(uri: &str) -> Option<String> {
    let encoded = uri.strip_prefix(PREFIX)?;
    Some(percent_decode_str(encoded).decode_utf8().ok()?.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn there_and_back(text in "\\PC{0,30}") {
            proptest::prop_assert_eq!(path(&of(&text)), Some(text));
        }
    }

    #[test]
    fn decoded_only_once() {
        assert_eq!(path("file:///notes/%252e%252e/x").as_deref(), Some("notes/%2e%2e/x"));
        assert_eq!(path("file:///a%ff"), None);
        assert_eq!(path("http://a/b"), None);
    }
}

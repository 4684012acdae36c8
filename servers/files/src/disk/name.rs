//! One name in a folder, which is all that the operating system ever gets from us.

use std::ffi::OsStr;
use std::io;
use std::path::Path;

/// A single component of a path: not empty, not `.` or `..`, without a separator.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Name<'a>(&'a OsStr);

impl<'a> Name<'a> {
    /// Takes `name` when it is one component and nothing else.
    ///
    /// # Errors
    /// `InvalidInput` for anything that could mean another folder, and for what Windows reads as a stream of a file.
    pub(crate) fn of(name: &'a OsStr) -> io::Result<Self> {
        let bytes = name.as_encoded_bytes();
        let foreign = |byte: &u8| *byte == b'/' || *byte == 0 || (cfg!(windows) && b"\\:".contains(byte));
        if matches!(bytes, b"" | b"." | b"..") || bytes.iter().any(foreign) {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "not the name of one entry"));
        }
        Ok(Self(name))
    }

    /// The name.
    pub(crate) fn as_os_str(self) -> &'a OsStr {
        self.0
    }
}

impl AsRef<Path> for Name<'_> {
    fn as_ref(&self) -> &Path {
        Path::new(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_component_is_a_name() {
        for bad in ["", ".", "..", "a/b", "/", "../x", "a\0b"] {
            assert!(Name::of(OsStr::new(bad)).is_err(), "{bad:?}");
        }
        for good in ["a", "...", ".hidden", "~user", "%2e%2e", "two words", "-rf"] {
            assert!(Name::of(OsStr::new(good)).is_ok(), "{good:?}");
        }
    }
}

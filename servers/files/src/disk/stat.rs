//! What a folder knows of one of its entries.

use serde::{Deserialize, Serialize};

/// What kind of thing an entry is.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    /// A folder.
    Directory,
    /// A regular file.
    File,
    /// A symbolic link, itself.
    Symlink,
    /// A pipe, socket or device: never opened.
    Other,
}

/// Which file it is, whatever its name: the same over hard links and bind mounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Identity {
    /// The device that holds it.
    pub(crate) device: u64,
    /// Its number there.
    pub(crate) inode: u64,
}

/// What a folder knows of one of its entries, without following a link.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stat {
    pub(crate) kind: Kind,
    pub(crate) identity: Identity,
    pub(crate) size_bytes: u64,
    /// Nanoseconds since 1970, UTC; negative before.
    pub(crate) modified_ns: i128,
    /// How many names it has.
    pub(crate) links: u64,
    /// Unix permission bits, with set-id and sticky bits; 0 elsewhere.
    pub(crate) mode: u32,
    /// Unix user id; 0 elsewhere.
    pub(crate) owner: u32,
    /// Unix group id; 0 elsewhere.
    pub(crate) group: u32,
}

impl Stat {
    /// Names this state of the contents: differs when size, time of modification or the file itself does.
    pub(crate) fn revision(&self) -> String {
        format!("{:x}-{:x}-{:x}", self.identity.inode, self.modified_ns, self.size_bytes)
    }

    /// The time of modification in RFC 3339, UTC.
    pub(crate) fn modified(&self) -> String {
        rfc3339(self.modified_ns)
    }

    /// The part of the mode that `chmod` sets.
    pub(crate) fn permissions(&self) -> u32 {
        self.mode & 0o7777
    }
}

/// Nanoseconds since 1970 as RFC 3339 in UTC, to the millisecond.
pub(crate) fn rfc3339(time_ns: i128) -> String {
    let seconds = i64::try_from(time_ns.div_euclid(1_000_000_000)).unwrap_or_default();
    let nanos = u32::try_from(time_ns.rem_euclid(1_000_000_000)).unwrap_or_default();
    chrono::DateTime::from_timestamp(seconds, nanos)
        .unwrap_or_default()
        .to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_before_1970_and_beyond_reason_are_shown() {
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(rfc3339(-1), "1969-12-31T23:59:59.999Z");
        assert!(rfc3339(i128::MAX).starts_with("1970-01-01T00:00:00"));
    }
}

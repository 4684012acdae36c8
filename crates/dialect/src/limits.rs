//! Every bound of this crate.

use std::time::Duration;

/// How many entries `mcp.fs.list` gives; a folder with more is refused, because the method has no pages.
pub const ENTRIES_MAX: usize = 20_000;

/// How large a file may be that `mcp.fs.read` gives, in bytes: the method gives all of it at once.
pub const READ_BYTES_MAX: u64 = 8 * 1024 * 1024;

/// How many files `mcp.fs.search` gives at most.
pub const FOUND_MAX: usize = 50;

/// How many characters of a file `mcp.fs.search` shows.
pub const PREVIEW_CHARACTERS: usize = 250;

/// How long one event of a streamed answer may be, in bytes.
pub const EVENT_BYTES_MAX: usize = 4 * 1024 * 1024;

/// How often the right to a streamed answer is looked at again.
pub const RECHECK_EVERY: Duration = Duration::from_secs(1);

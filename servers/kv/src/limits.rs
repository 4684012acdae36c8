//! Every bound of this server.

use std::time::Duration;

/// How long a key may be, in bytes.
pub const KEY_BYTES_MAX: usize = 512;

/// How large a value may be, in bytes of JSON.
pub const VALUE_BYTES_MAX: usize = 1024 * 1024;

/// How many keys one caller may have.
pub const KEYS_MAX: i64 = 100_000;

/// How many bytes one caller's keys and values may have together.
pub const BYTES_MAX: i64 = 64 * 1024 * 1024;

/// How long a value may last that does not last for good, in seconds: ten years.
pub const TTL_SECONDS_MAX: u64 = 10 * 365 * 24 * 60 * 60;

/// How many keys one page of a list gives.
pub const PAGE_MAX: u32 = 1_000;

/// How many expired values one change removes, so that no change waits for many.
pub const SWEPT_MAX: i64 = 100;

/// How long a change waits for another process that writes.
pub const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

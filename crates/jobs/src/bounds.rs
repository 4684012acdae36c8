//! How much there may be of everything. What a person may want to change is in a setting instead.

/// The longest name of a queue or tool, in bytes.
pub const NAME_BYTES_MAX: usize = 128;
/// The longest id of a caller, and the longest idempotency or deduplication key, in bytes.
pub const KEY_BYTES_MAX: usize = 256;
/// How many different names of queues, tools and callers an engine remembers.
pub const NAMES_MAX: usize = 100_000;
/// The largest arguments of a job, in bytes of JSON.
pub const ARGUMENTS_BYTES_MAX: usize = 4 << 20;
/// The largest attributes of a job, in bytes of JSON.
pub const ATTRIBUTES_BYTES_MAX: usize = 16 << 10;
/// The longest URL of a callback or a receiver of webhooks, in bytes.
pub const URL_BYTES_MAX: usize = 2 << 10;
/// The largest result, in bytes of JSON. A larger one makes the job fail, saying so.
pub const RESULT_BYTES_MAX: usize = 16 << 20;
/// The largest checkpoint, question or answer, in bytes of JSON.
pub const CHECKPOINT_BYTES_MAX: usize = 1 << 20;
/// What a tool answered that failed is kept up to this many bytes of JSON.
pub const FAILURE_RESULT_BYTES_MAX: usize = 1 << 20;
/// The longest message of a failure or of progress, in bytes; longer ones are cut.
pub const MESSAGE_BYTES_MAX: usize = 4 << 10;
/// The longest line of a job's log, in bytes; longer ones are cut.
pub const LINE_BYTES_MAX: usize = 4 << 10;
/// How many lines of a job's log are kept: the newest.
pub const LINES_MAX: u64 = 1_000;
/// How many jobs one submission may hold.
pub const SUBMIT_MAX: usize = 10_000;
/// How many jobs one claim may take.
pub const CLAIM_MAX: usize = 1_000;
/// How many children a job may have that have not ended.
pub const CHILDREN_MAX: u32 = 10_000;
/// How many attempts a job may have.
pub const ATTEMPTS_MAX: u32 = 100;
/// Priorities go from minus this to this; the greatest runs first.
pub const PRIORITY_MAX: i32 = 1_000_000;
/// The longest lease, in milliseconds: an hour.
pub const LEASE_MS_MAX: u32 = 3_600_000;
/// How many jobs, lines or events one page of a listing holds.
pub const PAGE_MAX: usize = 1_000;
/// How many starts within its window a rate may allow.
pub const RATE_STARTS_MAX: u32 = 100_000;
/// The longest window of a rate, in milliseconds: a day.
pub const RATE_WINDOW_MS_MAX: u32 = 24 * 3600 * 1000;

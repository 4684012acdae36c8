//! Every bound of this crate, in one place.

use std::time::Duration;

/// How large the body of one HTTP request may be, in bytes; beyond it the answer is 413. A setting of
/// [`crate::http::HttpSettings`].
pub const BODY_BYTES_MAX: usize = 4 * 1024 * 1024;

/// How long a client may take to send the body of one HTTP request; beyond it the answer is 408. A client that never
/// ends its body would hold a connection for ever.
pub const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// How long one line on stdio may be, in bytes. A longer one is skipped and answered with a parse error.
pub const LINE_BYTES_MAX: usize = 4 * 1024 * 1024;

/// How long one message on a WebSocket or a unix socket may be, in bytes. On a unix socket a longer one is skipped and
/// answered with a parse error; a WebSocket ends with it.
pub const MESSAGE_BYTES_MAX: usize = 16 * 1024 * 1024;

/// How long the other end of a channel may take to read what is written, before it is cut off: it holds memory.
pub const READER_STALL_MAX: Duration = Duration::from_secs(30);

/// How long the rest of a message on a unix socket may take once it has begun; then the connection is cut.
pub const MESSAGE_TIMEOUT: Duration = Duration::from_secs(30);

/// How often the other end of a channel is asked for a sign of life, where the carrier can.
pub const CHANNEL_PING_EVERY: Duration = Duration::from_secs(20);

/// How often the key of an open channel is looked at again. The door looks at every call.
pub const RECHECK_EVERY: Duration = Duration::from_secs(1);

/// How long one that opened a channel without a key may take to send it.
pub const AUTH_TIMEOUT: Duration = Duration::from_secs(10);

/// How long the message may be that brings the key, in bytes.
pub const AUTH_BYTES_MAX: usize = 4096;

/// How many may have a channel open and no key sent yet; more are turned away.
pub const STRANGERS_MAX: usize = 32;

/// How many unix socket connections there may be at once; more wait in the kernel's queue.
pub const SOCKETS_MAX: usize = 256;

/// How long the JSON text of a request id or a progress token may be, in bytes.
pub const ID_BYTES_MAX: usize = 512;

/// How many messages one batch may hold (2025-03-26 only).
pub const BATCH_MAX: usize = 64;

/// How many entries one page of a list holds. A setting.
pub const PAGE_SIZE: usize = 1000;

/// How many bytes of rendered list pages are kept.
pub const PAGES_CACHED_BYTES_MAX: usize = 16 * 1024 * 1024;

/// How many rendered list pages are kept.
pub const PAGES_CACHED_MAX: usize = 64;

/// How many bytes of progress and log events wait for a slow reader; more are dropped.
pub const EVENTS_QUEUED_BYTES_MAX: usize = 1024 * 1024;

/// How many bytes wait to be written on stdio before we stop reading.
pub const OUTPUT_QUEUED_BYTES_MAX: usize = 8 * 1024 * 1024;

/// How many requests of one stdio connection or legacy session are open at once; more are refused.
pub const RUNNING_MAX: usize = 1024;

/// How many open requests of one stdio connection are worked on at once; the others wait for one of them to end. A host
/// that asks and never reads would otherwise have us hold an answer for each.
pub const WORKING_MAX: usize = 64;

/// How long a host may take to answer a request of ours (sampling, elicitation, roots): a person may be asked.
pub const ASK_TIMEOUT: Duration = Duration::from_secs(10 * 60);

/// How often one call may come back for more input within one legacy request.
pub const ROUNDS_MAX: usize = 16;

/// How long to wait before a call that only wants to be called again is called again (legacy).
pub const ROUND_PAUSE: Duration = Duration::from_millis(200);

/// How many resources one subscription or legacy session watches.
pub const WATCHES_MAX: usize = 256;

/// How many legacy sessions one caller may have; the one that was idle longest ends for a new one.
pub const SESSIONS_PER_CALLER_MAX: usize = 64;

/// How many legacy sessions there may be in all.
pub const SESSIONS_MAX: usize = 1024;

/// How long a legacy session lives without a request and without an open stream. A setting.
pub const SESSION_IDLE: Duration = Duration::from_secs(30 * 60);

/// How many streams of a legacy session can be resumed.
pub const STREAMS_KEPT_MAX: usize = 32;

/// How many bytes of one stream are kept to be replayed; the newest event is kept whatever its size.
pub const REPLAY_BYTES_MAX: usize = 1024 * 1024;

/// How often a silent event stream carries a comment, so that nobody on the way closes it. A setting.
pub const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// How long a call may be silent before its answer becomes an event stream that can carry keep-alives. A setting.
pub const QUIET_MAX: Duration = Duration::from_secs(10);

/// What a client should wait before it resumes a stream that we closed (the `retry` field, SEP-1699).
pub const RETRY: Duration = Duration::from_millis(500);

/// How long running calls may go on after the end of the input on stdio; then they are cancelled.
pub const FINISH_GRACE: Duration = Duration::from_secs(5);

/// How long lists may be considered fresh (`ttlMs`): changes are told to those who listen.
pub const LIST_TTL_MS: u64 = 60_000;

/// How long a call that may become a task is waited for: one that ends within is answered directly. Short enough that
/// nobody notices, long enough for most commands.
pub const TASK_GRACE: Duration = Duration::from_millis(250);

/// How often a client should ask for a young task.
pub const TASK_POLL_MIN: Duration = Duration::from_millis(500);

/// How often a client should ask for an old task.
pub const TASK_POLL_MAX: Duration = Duration::from_secs(10);

/// How many tasks one page of `tasks/list` holds (2025-11-25).
pub const TASKS_PAGE_SIZE: usize = 100;

/// How many tasks one subscription listens to, and how many of its tasks a session is told of.
pub const TASKS_WATCHED_MAX: usize = 64;

/// How many results of tasks one connection or session waits for at once (`tasks/result`, 2025-11-25). On stdio each of them
/// is among [`WORKING_MAX`], and there must be room for the request that cancels one.
pub const TASK_RESULTS_MAX: usize = WORKING_MAX / 2;

/// How often progress of one task is told at most; changes of its status are told at once.
pub const TASK_PROGRESS_EVERY: Duration = Duration::from_millis(500);

//! Every bound of the console, in one place.

use std::time::Duration;

/// How long a browser stays signed in at the most, in microseconds: a day's work.
pub const SESSION_LASTS_US: i64 = 12 * 60 * 60 * 1_000_000;

/// How long a browser stays signed in that asks for nothing, in microseconds. An open stream of events asks.
pub const SESSION_IDLE_US: i64 = 60 * 60 * 1_000_000;

/// How many browsers may be signed in at once; the next one puts out the one that signed in first.
pub const SESSIONS_MAX: usize = 32;

/// How long a link can be used, in microseconds.
pub const LINK_LASTS_US: i64 = 2 * 60 * 1_000_000;

/// The longest secret that is looked at, in bytes: what is longer is none of ours.
pub const SECRET_BYTES_MAX: usize = 512;

/// How many may try to sign in at the same moment; beyond it the answer is 429.
pub const ATTEMPTS_MAX: usize = 4;

/// How long an attempt that failed takes. With [`ATTEMPTS_MAX`], nobody makes more than eight in a second.
pub const ATTEMPT_FAILED: Duration = Duration::from_millis(500);

/// How large a body may be, in bytes; beyond it the answer is 413. A configuration fits, and a long conversation.
pub const BODY_BYTES_MAX: usize = 1024 * 1024;

/// How long a browser may take to send a body.
pub const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// How many streams of events may be open at once; beyond it the answer is 503.
pub const STREAMS_MAX: usize = 64;

/// How often an open stream looks for what is new. While none is open, nobody looks.
pub const LOOK_EVERY: Duration = Duration::from_millis(250);

/// How many records of the audit one look sends at the most.
pub const RECORDS_PER_LOOK_MAX: usize = 200;

/// How many records a stream may be behind; beyond it the older ones are named as a gap, and not sent.
pub const RECORDS_BEHIND_MAX: i64 = 1_000;

/// How many events wait for a browser's network.
pub const EVENTS_QUEUED_MAX: usize = 256;

/// How long a browser may take no event that waits for it, before its stream ends.
pub const SLOW_MAX: Duration = Duration::from_secs(30);

/// How often a silent stream carries a comment.
pub const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// How many records one page of the audit has at most.
pub const AUDIT_PAGE_MAX: usize = 1_000;

/// How many records of one call and the calls below it are shown.
pub const TREE_RECORDS_MAX: usize = 1_000;

/// How far back the audit is looked through for the calls above one that waits for approval, in records.
pub const CHAIN_RECORDS_MAX: i64 = 100_000;

/// How many minutes the charts go back.
pub const CHART_MINUTES: usize = 60;

/// How many records the charts are behind at most before they leave the older ones out.
pub const CHART_RECORDS_MAX: i64 = 200_000;

/// How many callers the charts tell apart.
pub const CHART_CALLERS_MAX: usize = 256;

/// The largest preview of a change that waits for a decision, in bytes.
pub const PREVIEW_BYTES_MAX: usize = 64 * 1024;

/// The largest configuration that is written, in bytes.
pub const CONFIG_BYTES_MAX: usize = 256 * 1024;

/// How many rules there may be.
pub const RULES_MAX: usize = 500;

/// How many times of a schedule to be are shown.
pub const TIMES_SHOWN: usize = 5;

/// How many conversations are kept.
pub const CONVERSATIONS_MAX: usize = 200;

/// The longest id of a conversation, in bytes.
pub const KEPT_NAME_BYTES_MAX: usize = 64;

/// How large the preferences may be, in bytes.
pub const PREFERENCES_BYTES_MAX: usize = 64 * 1024;

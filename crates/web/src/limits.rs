//! Every bound of the routes, in one place. Those of connections are in `listen.rs`.

use std::time::Duration;

/// How large the body of one REST request may be, in bytes; beyond it the answer is 413.
pub const BODY_BYTES_MAX: usize = 4 * 1024 * 1024;

/// How long a client may take to send the body of one REST request; beyond it the request is refused. A client that
/// never ends its body would hold a connection for ever.
pub const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// How many progress and log events of one call wait for a slow reader; more are dropped.
pub const EVENTS_QUEUED_MAX: usize = 256;

/// How long a call that was asked for as events may be silent before its answer begins.
pub const QUIET_MAX: Duration = Duration::from_secs(1);

/// How often a silent event stream carries a comment, so that nobody on the way closes it.
pub const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// How many bytes of rendered lists and OpenAPI documents are kept.
pub const PAPERS_KEPT_BYTES_MAX: usize = 8 * 1024 * 1024;

/// How many rendered lists and OpenAPI documents are kept.
pub const PAPERS_KEPT_MAX: usize = 32;

/// How many characters an operation's summary and description may have in the OpenAPI document: ChatGPT's importer
/// takes no more.
pub const SUMMARY_CHARACTERS_MAX: usize = 300;

/// How many live streams may be open at once, over all callers; beyond it the answer is 503.
pub const STREAMS_MAX: usize = 256;

/// How many hosts may be connected by stdio at once, over all callers; beyond it the answer is 503.
pub const PIPES_MAX: usize = 64;

/// How many workers in processes of their own may be connected at once; beyond it the answer is 503.
pub const WORKERS_MAX: usize = 64;

/// How many WebSockets may be open at [`crate::WS_PATH`] at once, over all callers; beyond it the answer is 503.
pub const WEBSOCKETS_MAX: usize = 256;

/// How large one message on such a WebSocket may be, in bytes; one that is larger ends it.
pub const WS_MESSAGE_BYTES_MAX: usize = 16 * 1024 * 1024;

/// How much is read of one that opened such a WebSocket without a key and was not let in yet, in bytes: enough for a key,
/// and to say that a message is too long for one. What comes beyond is not read before it is let in.
pub const STRANGER_BYTES_MAX: usize = 64 * 1024;

/// How large one message of a viewer may be, in bytes: what a person pastes. Beyond it the stream is closed.
pub const VIEWER_MESSAGE_BYTES_MAX: usize = 1024 * 1024;

/// How large one binary frame to a viewer is at most, in bytes; more is sent in several.
pub const FRAME_BYTES_MAX: usize = 64 * 1024;

/// How many bytes are collected before they are handed to the network, as long as more output is ready.
pub const WRITE_BUFFER_BYTES: usize = 128 * 1024;

/// How many bytes may wait for a viewer's network; beyond it the viewer's own output waits, and nobody else's.
pub const WRITE_BUFFER_BYTES_MAX: usize = WRITE_BUFFER_BYTES + 2 * FRAME_BYTES_MAX;

/// How often a viewer is asked whether it is still there.
pub const PING_EVERY: Duration = Duration::from_secs(20);

/// How long a viewer may be silent, answers to pings included, before it counts as gone.
pub const SILENCE_MAX: Duration = Duration::from_secs(90);

/// How often the right to an open stream is checked again.
pub const RECHECK_EVERY: Duration = Duration::from_secs(1);

/// How long the end of a stream may take: what is still to be sent, and the viewer's goodbye.
pub const CLOSE_GRACE: Duration = Duration::from_secs(2);

/// How many columns, and how many rows, a viewer's window may have: an emulator keeps a cell for each place.
pub const WINDOW_SIDE_MAX: u16 = 1000;

//! The engine of another process, over any pipe: for workers beside the process that has the jobs open.
//!
//! ```text
//! message   what is said in the pipe, and how errors travel
//! frame     where one message ends and the next begins
//! serve     the end that has the engine
//! engine    the end that is one, as far as others can tell
//! ```
//!
//! **Invariant:** who is at the other end, and may be, was asked before the pipe opened: nothing here asks again.
//! **Invariant:** what is answered in the pipe was answered by the engine: no more is promised, and no less.

mod engine;
mod frame;
mod message;
mod serve;

pub use engine::{Connect, Link, Remote};
pub use serve::serve;

/// The largest message, in bytes: that with the largest result, and with room for what stands beside it.
pub const FRAME_BYTES_MAX: usize = 32 << 20;

/// How many questions of one worker may be open. More wait until others were answered.
pub const QUESTIONS_MAX: usize = 1_024;

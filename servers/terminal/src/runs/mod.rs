//! Running one command to its end: bounded in time and output, and told while it runs.
//!
//! ```text
//! run        starts it, feeds it, reads it
//! progress   tells the caller what comes, not more often than somebody can read
//! outputs    what answers did not hold, kept to be read on
//! shown      an output as it is put into an answer
//! ```

pub(crate) mod outputs;
mod progress;
pub(crate) mod run;
pub(crate) mod shown;

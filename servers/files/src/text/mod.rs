//! Text: its encoding, its lines and what changes in it.

pub(crate) mod diff;
pub(crate) mod edits;
pub(crate) mod encoding;
pub(crate) mod lines;
pub(crate) mod visible;

//! Text: its encoding, its lines and what changes in it.

pub(crate) mod encoding;
pub(crate) mod lines;

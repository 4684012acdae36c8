//! Telling the caller what a command writes, while it runs.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use drawbridge_contract::Context;

use crate::screen::text;

/// What is written within this time is told at once.
const EVERY: Duration = Duration::from_millis(100);
/// How much of it is told: the end.
const TOLD_BYTES_MAX: usize = 1024;

/// Tells a caller what a command writes. The number is how many bytes it has written so far.
pub(super) struct Progress<'a> {
    context: &'a Context,
    state: Mutex<State>,
}

struct State {
    bytes: u64,
    untold: Vec<u8>,
    told_at: Option<Instant>,
}

impl<'a> Progress<'a> {
    pub(super) fn new(context: &'a Context) -> Self {
        Self { context, state: Mutex::new(State { bytes: 0, untold: Vec::new(), told_at: None }) }
    }

    /// Takes what came.
    pub(super) fn note(&self, piece: &[u8]) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.bytes += piece.len() as u64;
        state.keep(piece);
        let now = Instant::now();
        if state.told_at.is_some_and(|told| now.saturating_duration_since(told) < EVERY) {
            return;
        }
        state.told_at = Some(now);
        let told = text::stripped(&std::mem::take(&mut state.untold));
        // Precise below 2^53 bytes.
        self.context.progress(state.bytes as f64, None, Some(&told));
    }
}

impl State {
    fn keep(&mut self, piece: &[u8]) {
        self.untold.extend_from_slice(&piece[piece.len().saturating_sub(TOLD_BYTES_MAX)..]);
        let surplus = self.untold.len().saturating_sub(TOLD_BYTES_MAX);
        self.untold.drain(..surplus);
    }
}

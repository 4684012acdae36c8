//! Telling the caller how far an answer is: each piece of text as the message of a progress event.

use std::sync::atomic::{AtomicU64, Ordering};

use drawbridge_contract::Context;

/// Tells one caller.
pub(super) struct Teller<'a> {
    context: &'a Context,
    /// Progress has to grow with every event.
    told: AtomicU64,
}

impl<'a> Teller<'a> {
    pub(super) fn new(context: &'a Context) -> Self {
        Self { context, told: AtomicU64::new(0) }
    }

    /// A piece of the answer.
    pub(super) fn piece(&self, text: &str) {
        self.tell(text, None);
    }

    /// The place in the line of a local server. It has a total, so that nobody takes it for a piece of the answer.
    pub(super) fn place(&self, provider: &str, place: usize) {
        self.tell(&format!("waiting for {provider}: number {place} in line"), Some(place));
    }

    /// Something else than the answer.
    pub(super) fn aside(&self, message: &str) {
        self.tell(message, Some(1));
    }

    #[expect(clippy::cast_precision_loss, reason = "nobody hears 2^52 events")]
    fn tell(&self, message: &str, left: Option<usize>) {
        let number = self.told.fetch_add(1, Ordering::Relaxed) + 1;
        let total = left.map(|left| (number + left as u64) as f64);
        self.context.progress(number as f64, total, Some(message));
    }
}

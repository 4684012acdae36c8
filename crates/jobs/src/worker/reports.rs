//! What a runner tells in the middle of its work, on its way to the engine. Telling never waits: progress keeps only
//! its latest, and of lines that come too fast the oldest are dropped.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::bounds::LINES_MAX;
use crate::{Engine, Lease, Line, Progress};

#[derive(Default)]
pub(super) struct Reports {
    waiting: Mutex<Waiting>,
    news: Notify,
}

#[derive(Default)]
struct Waiting {
    progress: Option<Progress>,
    lines: VecDeque<Line>,
    /// Lines that were dropped and not mentioned yet.
    dropped: u64,
}

impl Reports {
    pub(super) fn progress(&self, progress: Progress) {
        self.lock().progress = Some(progress);
        self.news.notify_one();
    }

    pub(super) fn line(&self, line: Line) {
        let mut waiting = self.lock();
        if waiting.lines.len() as u64 >= LINES_MAX / 2 {
            waiting.lines.pop_front();
            waiting.dropped += 1;
        }
        waiting.lines.push_back(line);
        drop(waiting);
        self.news.notify_one();
    }

    /// Waits until there is something to forward.
    pub(super) async fn news(&self) {
        self.news.notified().await;
    }

    /// Sends what is there. What is refused is lost: either the job is, too, or the engine cannot write, and then
    /// results matter more than lines.
    pub(super) async fn forward(&self, engine: &dyn Engine, lease: &Lease) {
        let (progress, lines) = self.take();
        if let Some(progress) = progress
            && let Err(error) = engine.progress(lease.clone(), progress).await
        {
            tracing::debug!(job = %lease.id, %error, "progress was not taken");
        }
        if !lines.is_empty()
            && let Err(error) = engine.log(lease.clone(), lines).await
        {
            tracing::debug!(job = %lease.id, %error, "lines were not taken");
        }
    }

    fn take(&self) -> (Option<Progress>, Vec<Line>) {
        let mut waiting = self.lock();
        let mut lines: Vec<Line> = Vec::new();
        let dropped = std::mem::take(&mut waiting.dropped);
        if dropped > 0 {
            let text = format!("{dropped} lines came too fast and are missing here");
            lines.push(Line { number: 0, at_ms: 0, level: "warning".into(), text });
        }
        lines.extend(waiting.lines.drain(..));
        (waiting.progress.take(), lines)
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_come_too_fast_are_counted() {
        let reports = Reports::default();
        for number in 0..LINES_MAX {
            reports.line(Line { number: 0, at_ms: 0, level: "info".into(), text: number.to_string() });
        }
        let (_, lines) = reports.take();
        assert_eq!(lines.len() as u64, LINES_MAX / 2 + 1);
        assert_eq!(lines[0].text, format!("{} lines came too fast and are missing here", LINES_MAX / 2));
        assert_eq!(lines.last().unwrap().text, (LINES_MAX - 1).to_string());
        assert!(reports.take().1.is_empty());
    }
}

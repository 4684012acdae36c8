//! The task of one terminal that reads from it, and ends it.

use std::path::PathBuf;
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use drawbridge_contract::CancellationToken;
use drawbridge_sandbox::{Child, Ended, Signal, Terminal};
use futures::FutureExt as _;
use tokio::io::AsyncReadExt as _;
use tokio::time::Sleep;

use super::all::Sessions;
use super::session::{CLOSING_GRACE, Session};
use crate::settings::Bounds;

/// What the kernel gives of a terminal at once.
const READ_BYTES: usize = 4096;
/// How much is passed on at once when the program writes faster than that.
const PIECE_BYTES_MAX: usize = 32 * 1024;
/// Up to so many bytes are drawn at once, such as the echo of a key.
const FEW_BYTES: usize = 1024;
/// How long a program that writes more has to be silent before its screen is drawn, unless somebody looks before that.
const DRAWN_AFTER: Duration = Duration::from_millis(1);
/// How long the last output is waited for when all processes have ended.
const DRAIN_MAX: Duration = Duration::from_millis(500);

/// Keeps one terminal running.
pub(super) struct Keeper {
    pub(super) session: Arc<Session>,
    pub(super) child: Child,
    pub(super) terminal: Terminal,
    /// Its temporary folder, removed at its end.
    pub(super) temporary: PathBuf,
    pub(super) bounds: Bounds,
    /// Cancelled when all terminals end.
    pub(super) closing: CancellationToken,
}

impl Keeper {
    /// Runs until the terminal is forgotten. Should it be dropped before, its processes end with it.
    pub(super) async fn run(self, sessions: Weak<Sessions>) {
        let (session, closing) = (self.session.clone(), self.closing.clone());
        let kept = self.bounds.ended_kept;
        tokio::select! {
            () = self.live() => {}
            () = closing.cancelled() => return,
        }
        tokio::select! {
            () = tokio::time::sleep(kept) => {}
            () = session.forgotten.cancelled() => {}
            () = closing.cancelled() => {}
        }
        if let Some(sessions) = sessions.upgrade() {
            sessions.forget(&session);
        }
    }

    async fn live(mut self) {
        let ended = self.read_to_the_end().await;
        drop(self.child);
        crate::folder::remove_later(self.temporary);
        self.session.end(ended);
    }

    async fn read_to_the_end(&mut self) -> Option<Ended> {
        let mut buffer = BytesMut::with_capacity(PIECE_BYTES_MAX);
        let mut drawing = Drawing::new(Instant::now());
        let mut reading = true;
        let mut ended = None;
        let look = tokio::time::sleep(self.bounds.idle_max);
        let pause = tokio::time::sleep(DRAWN_AFTER);
        tokio::pin!(look, pause);
        while reading || ended.is_none() {
            tokio::select! {
                // What the program writes comes first: the rest can wait until it pauses.
                biased;
                piece = read(&mut self.terminal, &mut buffer), if reading => match piece {
                    Some(piece) => {
                        let when = drawing.after(piece.len(), Instant::now());
                        self.session.take(piece);
                        if when == Draw::Now {
                            // Viewers are shown it first.
                            tokio::task::yield_now().await;
                        }
                        self.draw(when, pause.as_mut());
                        self.session.wait_for_viewers().await;
                    }
                    None => reading = false,
                },
                () = &mut pause, if drawing.waits => {
                    self.draw(drawing.look(Instant::now()), pause.as_mut());
                }
                end = self.child.wait(), if ended.is_none() => {
                    ended = Some(end.ok());
                    look.as_mut().reset((Instant::now() + DRAIN_MAX).into());
                }
                () = &mut look => {
                    if ended.is_some() {
                        break;
                    }
                    look.as_mut().reset(self.end_if_idle().into());
                }
            }
        }
        self.session.draw();
        ended.flatten()
    }

    fn draw(&self, when: Draw, pause: Pin<&mut Sleep>) {
        match when {
            Draw::Now => self.session.draw(),
            Draw::At(at) => pause.reset(at.into()),
            Draw::Later => {}
        }
    }

    /// Ends the program if nobody uses its terminal; gives when to look again.
    fn end_if_idle(&self) -> Instant {
        let now = Instant::now();
        if self.session.viewers() > 0 {
            self.session.touch();
        }
        let left = self.bounds.idle_max.saturating_sub(self.session.state().idle(now));
        if !left.is_zero() {
            return now + left;
        }
        tracing::info!(session = &*self.session.id, "the terminal is closed: nobody has used it");
        // It fails if the program has just ended by itself.
        let _ = self.child.stop(Signal::Hangup, CLOSING_GRACE);
        now + self.bounds.idle_max
    }
}

/// Decides when the screen is drawn: at once after a few bytes, in a flood when that pauses.
#[derive(Debug)]
struct Drawing {
    /// When something came last.
    latest: Instant,
    /// Whether something waits to be drawn.
    waits: bool,
}

/// When the screen is drawn.
#[derive(Debug, PartialEq, Eq)]
enum Draw {
    Now,
    /// It is looked at then whether the program has paused.
    At(Instant),
    /// It will be looked at anyway.
    Later,
}

impl Drawing {
    fn new(now: Instant) -> Self {
        Self { latest: now, waits: false }
    }

    /// After a piece of so many bytes.
    fn after(&mut self, bytes: usize, now: Instant) -> Draw {
        self.latest = now;
        match self.waits {
            true => Draw::Later,
            false if bytes <= FEW_BYTES => Draw::Now,
            false => {
                self.waits = true;
                Draw::At(now + DRAWN_AFTER)
            }
        }
    }

    /// When it is looked at.
    fn look(&mut self, now: Instant) -> Draw {
        let paused_at = self.latest + DRAWN_AFTER;
        self.waits = paused_at > now;
        if self.waits { Draw::At(paused_at) } else { Draw::Now }
    }
}

/// The next piece of output; all that is there already, up to a bound. `None` at the end.
async fn read(terminal: &mut Terminal, buffer: &mut BytesMut) -> Option<Bytes> {
    buffer.reserve(READ_BYTES);
    terminal.read_buf(buffer).await.ok().filter(|count| *count > 0)?;
    while buffer.len() < PIECE_BYTES_MAX {
        buffer.reserve(READ_BYTES);
        match terminal.read_buf(buffer).now_or_never() {
            Some(Ok(count)) if count > 0 => {}
            // The end is seen again at the next reading.
            _ => break,
        }
    }
    Some(buffer.split().freeze())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_bytes_are_drawn_at_once_and_a_flood_when_it_pauses() {
        let begun = Instant::now();
        let at = |millis| begun + Duration::from_millis(millis);
        let mut drawing = Drawing::new(begun);
        assert_eq!(drawing.after(FEW_BYTES, at(0)), Draw::Now);
        assert_eq!(drawing.after(FEW_BYTES + 1, at(10)), Draw::At(at(11)));
        assert_eq!(drawing.after(1, at(10)), Draw::Later);
        assert_eq!(drawing.after(FEW_BYTES + 1, at(11)), Draw::Later);
        assert_eq!(drawing.look(at(11)), Draw::At(at(12)));
        assert_eq!(drawing.look(at(12)), Draw::Now);
        assert_eq!(drawing.after(1, at(12)), Draw::Now);
    }
}

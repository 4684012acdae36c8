//! One terminal and its process.

use std::io::ErrorKind;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use drawbridge_contract::CancellationToken;
use drawbridge_sandbox::{Ended, Handle, Report, Signal, Size, Terminal};
use tokio::sync::{mpsc, watch};

use super::audience::{Audience, Queue};
use super::keyboard::{Keyboard, TYPING_MAX};
use super::state::State;
use super::viewer::{Notice, Shown};
use super::wait::{Reason, Until};
use crate::error::{Result, TerminalError};
use crate::screen::display::Effects;

/// How long a program has to end by itself when its terminal is closed.
pub(crate) const CLOSING_GRACE: Duration = Duration::from_millis(500);
/// How long closing waits for the end of everything.
const CLOSING_MAX: Duration = Duration::from_secs(5);
/// The largest window: programs allocate by it.
pub(crate) const COLUMNS_MAX: u16 = 1000;
/// The highest window.
pub(crate) const ROWS_MAX: u16 = 500;

/// One terminal and its process.
pub(crate) struct Session {
    pub(crate) id: Box<str>,
    pub(crate) name: Box<str>,
    /// Whose it is.
    pub(crate) caller: Arc<str>,
    /// What runs in it, for people.
    pub(crate) program: String,
    pub(crate) opened: SystemTime,
    /// What holds its processes.
    pub(crate) report: Report,
    /// Taken for moments only, and never across an await.
    state: Mutex<State>,
    /// Told whenever the state changes: for those who wait.
    changed: watch::Sender<()>,
    /// What viewers are to see. Told under the lock of the state, so that who joins misses nothing and sees nothing twice.
    audience: Audience,
    /// For whoever types: what one types is not mixed with what another does.
    keyboard: Arc<Keyboard>,
    /// What the terminal itself says to the program; typed by a task, so that nobody who draws waits.
    answers: mpsc::Sender<Bytes>,
    terminal: Terminal,
    handle: Handle,
    /// Cancelled when nobody needs it any more.
    pub(super) forgotten: CancellationToken,
}

/// What a session is made of.
pub(super) struct Parts {
    pub(super) id: Box<str>,
    pub(super) name: Box<str>,
    pub(super) caller: Arc<str>,
    pub(super) program: String,
    pub(super) report: Report,
    pub(super) state: State,
    pub(super) keyboard: Arc<Keyboard>,
    pub(super) answers: mpsc::Sender<Bytes>,
    pub(super) terminal: Terminal,
    pub(super) handle: Handle,
}

/// What somebody who joins gets.
pub(super) struct View {
    pub(super) notice: Notice,
    /// Shows the present state.
    pub(super) replay: String,
    /// Whether an editor has the screen.
    pub(super) covered: bool,
    /// The end, if it has come.
    pub(super) ended: Option<Notice>,
    /// All that follows.
    pub(super) shown: Queue,
}

impl Session {
    pub(super) fn new(parts: Parts) -> Self {
        let Parts { id, name, caller, program, report, state, keyboard, answers, terminal, handle } = parts;
        Self {
            id,
            name,
            caller,
            program,
            opened: SystemTime::now(),
            report,
            state: Mutex::new(state),
            changed: watch::Sender::new(()),
            audience: Audience::default(),
            keyboard,
            answers,
            terminal,
            handle,
            forgotten: CancellationToken::new(),
        }
    }

    /// What is known of it now. Keep it for moments only.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether its program has ended.
    pub(crate) fn is_over(&self) -> bool {
        self.state().ended.is_some()
    }

    /// Notes that somebody uses it.
    pub(crate) fn touch(&self) {
        self.state().active_at = Instant::now();
    }

    /// Types bytes; gives the place in the log where the answer to them begins.
    ///
    /// # Errors
    /// When the program has ended, or reads no input.
    pub(crate) async fn type_in(&self, bytes: Bytes) -> Result<u64> {
        let cursor = self.before_typing(&bytes)?;
        match self.keyboard.type_in(&bytes).await {
            Ok(()) => Ok(cursor),
            Err(error) if error.kind() == ErrorKind::TimedOut => {
                Err(TerminalError::NotReading { session: self.name.to_string(), waited: TYPING_MAX })
            }
            Err(_) => Err(self.ended_error()),
        }
    }

    fn before_typing(&self, bytes: &[u8]) -> Result<u64> {
        let mut state = self.state();
        if state.ended.is_some() {
            return Err(self.ended_error());
        }
        let now = Instant::now();
        state.active_at = now;
        if bytes.contains(&b'\r') {
            state.commands.entered(now);
        }
        Ok(state.log.end())
    }

    /// An error while the owner keeps tools from typing.
    ///
    /// # Errors
    /// [`TerminalError::Paused`].
    pub(crate) fn check_not_paused(&self) -> Result<()> {
        if self.state().paused { Err(TerminalError::Paused(self.name.to_string())) } else { Ok(()) }
    }

    /// Waits until something comes that happened at or after the place `since`.
    pub(crate) async fn wait(&self, since: u64, mut until: Until, time_max: Duration) -> Reason {
        let begun = Instant::now();
        let deadline = begun + time_max;
        let mut changed = self.changed.subscribe();
        loop {
            let look_again = {
                let state = self.state();
                let now = Instant::now();
                if let Some(reason) = until.reached(&state, since, begun, now) {
                    return reason;
                }
                until.look_again(&state, begun).filter(|at| *at > now).unwrap_or(deadline).min(deadline)
            };
            tokio::select! {
                _ = changed.changed() => {}
                () = tokio::time::sleep_until(look_again.into()) => {
                    if Instant::now() >= deadline {
                        return Reason::Timeout;
                    }
                }
            }
        }
    }

    /// Gives it another size.
    ///
    /// # Errors
    /// When the program has ended, or the kernel refuses.
    pub(crate) fn resize(&self, size: Size) -> Result<()> {
        let size = Size { columns: size.columns.clamp(1, COLUMNS_MAX), rows: size.rows.clamp(1, ROWS_MAX) };
        let mut state = self.state();
        if state.ended.is_some() {
            return Err(self.ended_error());
        }
        self.terminal
            .resize(size)
            .map_err(|source| TerminalError::Io { doing: "resize the terminal", source })?;
        state.display.resize(size);
        (state.size, state.active_at) = (size, Instant::now());
        self.show(&Shown::Notice(Notice::sized(size)));
        Ok(())
    }

    /// Sends a signal to what runs in the foreground, as the keyboard does.
    ///
    /// # Errors
    /// When the program has ended, or the kernel refuses.
    pub(crate) fn signal(&self, signal: Signal) -> Result<()> {
        if self.is_over() {
            return Err(self.ended_error());
        }
        self.touch();
        self.terminal
            .signal_foreground(signal)
            .map_err(|source| TerminalError::Io { doing: "send the signal", source })
    }

    /// Keeps tools from typing, or lets them.
    pub(crate) fn pause(&self, paused: bool) {
        self.state().paused = paused;
        self.show(&Shown::Notice(Notice::paused(paused)));
    }

    /// Ends its program and all that it started; gives how it ended.
    pub(crate) async fn close(&self) -> Option<Ended> {
        // It fails if there is nothing to end any more.
        let _ = self.handle.stop(Signal::Hangup, CLOSING_GRACE);
        let mut changed = self.changed.subscribe();
        let over = async { while !self.is_over() && changed.changed().await.is_ok() {} };
        let _ = tokio::time::timeout(CLOSING_MAX, over).await;
        self.forgotten.cancel();
        self.state().ended.clone().flatten()
    }

    /// How many people look.
    pub(crate) fn viewers(&self) -> usize {
        self.audience.count()
    }

    /// Somebody joins.
    pub(super) fn join(&self) -> View {
        let mut state = self.state();
        let screen = state.display.now();
        let (replay, covered) = (screen.replay(), screen.alternate());
        View {
            notice: Notice::of(self, &state),
            replay,
            covered,
            ended: state.ended.as_ref().map(|ended| Notice::ended(ended.as_ref())),
            shown: self.audience.join(),
        }
    }

    /// Takes what the program wrote: viewers see it at once, and the screen is drawn later.
    pub(super) fn take(&self, piece: Bytes) {
        let mut state = self.state();
        let shown = state.take(piece, Instant::now());
        if !shown.is_empty() {
            self.show(&Shown::Bytes(shown));
        }
        self.deliver(state);
        self.changed.send_replace(());
    }

    /// Draws what the program wrote, and answers what it asked.
    pub(super) fn draw(&self) {
        let mut state = self.state();
        state.display.now();
        self.deliver(state);
    }

    /// Passes on what drawing has brought.
    fn deliver(&self, mut state: MutexGuard<'_, State>) {
        let Effects { answers, uncovered } = state.display.effects();
        if uncovered {
            self.show(&Shown::Uncovered);
        }
        drop(state);
        if !answers.is_empty() {
            // A program that asks and does not read gets no answer.
            let _ = self.answers.try_send(answers.into());
        }
    }

    /// Waits a moment for viewers who are far behind.
    pub(super) async fn wait_for_viewers(&self) {
        self.audience.wait().await;
    }

    /// Notes how it ended.
    pub(super) fn end(&self, ended: Option<Ended>) {
        let mut state = self.state();
        self.show(&Shown::Ended(Notice::ended(ended.as_ref())));
        state.ended = Some(ended);
        drop(state);
        self.changed.send_replace(());
    }

    fn show(&self, shown: &Shown) {
        self.audience.tell(shown);
    }

    fn ended_error(&self) -> TerminalError {
        TerminalError::Ended(self.name.to_string())
    }
}

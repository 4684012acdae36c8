//! Keys, answers and the clock, brought to the state; wishes, brought to the desk.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use ratatui::crossterm::event;

use crate::app::{App, Input};
use crate::draw::{self, Theme};
use crate::screen::Screen;
use crate::{Desk, News, Wish};

/// How long a look for keys waits: answers are shown that much later at most.
const LOOK: Duration = Duration::from_millis(100);
/// How often what is shown is asked for again.
const TICK: Duration = Duration::from_secs(1);

/// Why the menu cannot be shown, or not any more.
#[derive(Debug, thiserror::Error)]
pub enum ManageError {
    /// The terminal cannot be read or written.
    #[error("the terminal cannot be used for a full-screen menu")]
    Terminal(#[from] io::Error),
    /// The thread that asks the hub has ended.
    #[error("what asks the hub has ended; start `drawbridge manage` again")]
    DeskGone,
}

/// Shows the menu until the person leaves it, or `stop` is set: whoever hears of a signal sets it. Without `colours`
/// (`NO_COLOR`) the same is said with bold and reversed text.
///
/// # Errors
/// The terminal's; and when `desk` panicked.
pub fn run(desk: impl Desk, colours: bool, stop: &AtomicBool) -> Result<(), ManageError> {
    let (wishes, news, asking) = start(desk);
    let ended = show(&wishes, &news, colours, stop);
    // Nobody waits for answers any more: what was asked last comes to its end, and the desk to its own.
    drop((wishes, news));
    let _ = asking.join();
    ended
}

fn show(
    wishes: &Sender<Wish>,
    news: &Receiver<News>,
    colours: bool,
    stop: &AtomicBool,
) -> Result<(), ManageError> {
    let mut app = App::default();
    send(wishes, app.begin())?;
    let mut screen = Screen::take()?;
    let theme = Theme::new(colours);
    let mut ticked = Instant::now();
    while !app.has_ended() && !stop.load(Ordering::Relaxed) {
        screen.terminal().draw(|frame| draw::all(&app, &theme, frame))?;
        if event::poll(LOOK)? {
            send(wishes, app.take(Input::Event(event::read()?)))?;
        }
        loop {
            match news.try_recv() {
                Ok(told) => send(wishes, app.take(Input::News(told)))?,
                Err(mpsc::TryRecvError::Empty) => break,
                Err(mpsc::TryRecvError::Disconnected) => return Err(ManageError::DeskGone),
            }
        }
        if ticked.elapsed() >= TICK {
            ticked = Instant::now();
            send(wishes, app.take(Input::Tick))?;
        }
    }
    Ok(())
}

/// Puts the desk on a thread of its own, which ends when nobody wishes for anything any more.
fn start(mut desk: impl Desk) -> (Sender<Wish>, Receiver<News>, JoinHandle<()>) {
    let (wishes, wished) = mpsc::channel();
    let (tell, news) = mpsc::channel();
    let asking = std::thread::spawn(move || {
        for wish in wished {
            if tell.send(desk.grant(wish)).is_err() {
                return;
            }
        }
    });
    (wishes, news, asking)
}

fn send(wishes: &Sender<Wish>, wanted: Vec<Wish>) -> Result<(), ManageError> {
    wanted.into_iter().try_for_each(|wish| wishes.send(wish)).map_err(|_| ManageError::DeskGone)
}

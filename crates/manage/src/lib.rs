//! `drawbridge manage`: a full-screen menu for everything that the plain commands do with a hub. It knows neither hub nor
//! store: what it wants to see or have done it says to a [`Desk`], which the program puts before it.
//!
//! ```text
//! desk     what is wished for, and what is answered
//! app      the state, changed by keys and answers, decided purely; wishes are what it returns
//! line     a line of text as it is typed
//! draw     the state as cells
//! screen   the terminal: taken, and given back however it ends
//! run      keys, answers and the clock, brought to the state
//! ```
//!
//! **Invariant:** text that comes from a desk reaches the terminal without control characters.
//! **Invariant:** the terminal is given back as it was: at the end, after an error and after a panic.

mod app;
mod desk;
mod draw;
mod line;
mod run;
mod screen;

pub use desk::{Desk, Fact, List, News, Row, Tone, Wish};
pub use run::{ManageError, run};

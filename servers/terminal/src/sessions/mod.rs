//! Terminals that live on when nobody looks.
//!
//! ```text
//! state      what is known of one terminal: its screen, its log, its commands; pure
//! commands   which commands ran in it, from the shell's marks; pure
//! wait       what one can wait for; pure
//! session    one terminal and its process
//! keep       the task that reads from it, and ends it
//! keyboard   typing in it
//! all        all of them, by caller
//! audience   who watches, and how far behind each of them is
//! viewer     people who watch and type
//! ```

pub(crate) mod all;
pub(crate) mod audience;
pub(crate) mod commands;
mod keep;
mod keyboard;
pub(crate) mod session;
pub(crate) mod state;
pub(crate) mod viewer;
pub(crate) mod wait;

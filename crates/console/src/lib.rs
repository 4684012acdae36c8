//! The console: the owner's own entrance, in a browser. Serves its files, signs browsers in, and answers what its pages
//! ask beyond what the other routes answer already.
//!
//! ```text
//! routes     one table of all routes; who may reach which
//! session    a link or the owner's key becomes a browser's session
//! assets     the built console, in the program
//! events     what happens, as one stream for all pages
//! now        what goes on, at a glance; the last hour in charts
//! approvals  what waits for a decision, and what it would do (preview)
//! audit, bridge, keys, secrets, hosts   what the commands of these names do
//! config     the configuration's text, the rules in it, and the tiers; what a change would allow is shown before
//! schedules  when a schedule would come, before there is one
//! kept       conversations and preferences
//! program    what the console asks of the program
//! ```
//!
//! **Invariant:** nothing but the files and the sign-in is served to who has not signed in, and no key opens the rest:
//! what a person decides here, no program decides.
//! **Invariant:** what runs a tool goes through the door, as everywhere.
//! **Absent on purpose:** a second way to change anything: each route does what a command does.

mod answer;
mod approvals;
mod assets;
mod audit;
mod body;
mod bridge;
mod chain;
mod config;
mod events;
mod hosts;
mod kept;
mod keys;
mod limits;
mod now;
mod preview;
mod problem;
mod program;
mod routes;
mod schedules;
mod secrets;
mod session;
mod shared;

pub use limits::*;
pub use program::{Fault, Program, TiersPlace};
pub use routes::{open_paths, paths, router};
pub use session::{Sessions, make_link};
pub use shared::Console;

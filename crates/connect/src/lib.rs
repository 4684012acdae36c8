//! Writes Drawbridge into the configuration of the applications that can use it.
//!
//! A *host* is such an application: Claude Desktop, VS Code, Codex and the others of [`HOSTS`]. Each keeps its
//! list of MCP servers in a file of its own, in JSON, JSON with comments, TOML or YAML. [`plan()`] works out what
//! would change in that file, as text and without touching it; [`Plan::diff`] shows it and [`Plan::apply`] does it.
//! [`plan_removal`] undoes it, and [`detect()`] lists what is installed here.
//!
//! **Invariant:** everything that is not our entry stays as it is, to the byte. An edit that cannot be proved to
//! keep it (both texts are parsed and compared) is refused, with the lines to paste by hand.
//!
//! **Invariant:** nothing is read from the environment or the home folder except through [`Places`].
//!
//! The path of an edit: `plan` reads the file → `document` picks the format and proves the result → `json`, `toml`
//! or `yaml` splices the text → `write` makes the backup and replaces the file.
//!
//! Absent on purpose: starting or stopping hosts, and any knowledge of what Drawbridge itself serves.

mod detect;
mod document;
mod entry;
mod error;
mod hosts;
mod json;
mod lines;
mod places;
mod plan;
mod toml;
mod write;
mod yaml;

pub use detect::{Connection, Found, detect};
pub use entry::{ENTRY_NAME, Entry, HOME_VARIABLE};
pub use error::ConnectError;
pub use hosts::{Format, HOSTS, Host, find};
pub use places::{Places, Platform};
pub use plan::{Change, Plan, plan, plan_removal};
pub use write::{Applied, BACKUP_SUFFIX, FILE_BYTES_MAX};

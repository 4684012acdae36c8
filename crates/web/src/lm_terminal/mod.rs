//! The routes of MCP LM Terminal, for its clients: only their address and their key change. A thin layer of words; what
//! runs, runs through the same door as everything, as tools of the terminal server (`tools.rs` names them).
//!
//! Where the old answers were wrong they are right here: `success` says whether the command succeeded, the stream asks for
//! a key, and late output arrives.

mod command;
mod door;
mod lines;
mod shell;
mod status;
mod stream;
mod tools;

pub(crate) use command::{command, schema as command_schema};
pub(crate) use status::{schema as status_schema, status};
pub(crate) use stream::stream;

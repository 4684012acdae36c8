//! The attacks of `tests/attacks.txt` against the program as it is built. Each test is named after its line there, and
//! checks: refused, audited where it reaches the door, no side effect, the process lives on.

mod configuration;
mod console;
mod content;
mod edge;
mod files;
mod identity;
mod lifecycle;
mod list;
mod protocol;

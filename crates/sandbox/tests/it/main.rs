//! What the sandbox promises, tried on the running kernel. Attacks run as root and as an ordinary user where the tests
//! are started by root, else as who we are.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails here")]

mod again;
mod delegated;
mod ends;
mod escape;
mod floods;
mod hub_killed;
mod life;
mod limits;
mod subject;
mod terminal;
mod tools;

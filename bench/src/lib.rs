//! Drawbridge beside its peers: the same request, the same generator, the same machine, taking turns.
//!
//! A **peer** is one server that is measured. A **section** is one question ("how many calls a second?") and ends as one
//! table. A section starts its peers, lets each of them work for a short time in turns, several rounds long, and takes the
//! median of the rounds, so that a slow second of the machine hits everybody alike.
//!
//! Start at [`section`]. [`load`] is the load generator, [`stdio`] drives one child over its standard streams.
//!
//! **Invariant:** every answer is checked; a peer that answers wrongly fails the run, it does not win it.
//! **Invariant:** what could not be measured is named in the table with its reason; no figure is ever assumed.
//!
//! Linux only: processor time and memory come from `/proc`.

pub mod door;
pub mod files_tree;
pub mod http;
pub mod hub;
pub mod load;
pub mod machine;
pub mod model;
pub mod peers;
pub mod process;
pub mod report;
pub mod section;
pub mod setup;
pub mod stats;
pub mod stdio;
pub mod terminal;
pub mod wire;

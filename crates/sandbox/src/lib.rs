//! The only place that starts a process, and the guarantee that none outlives us.
//!
//! ```text
//! launch        what to start: program, arguments, folder, streams
//! environment   which variables a child sees
//! confinement   what a child may touch, declared; `gaps` says what this kernel cannot hold of it
//! limits        how much it may use, and for how long
//! ended         how it ended, truthfully
//! output        keeps the head and the tail of what it wrote, and the whole in a file
//! linux/        our side: Sandbox, Child, Terminal; linux/helper/: the processes that guard and confine
//! ```
//!
//! On Linux the hub starts itself a second time, once, as a *keeper*. For each launch the keeper forks a *guard*, and
//! the guard starts the program, confined before its first instruction. Orphans fall to their guard, which ends
//! all of them when the program ends, when it is told to, and when its connection to the hub breaks, which also
//! happens when the hub is killed with `kill -9`. Should a guard be killed, its orphans fall to the keeper.
//!
//! A binary that uses this crate calls [`helper_main`] as the first thing in its `main`. Start at [`Sandbox::launch`].
//!
//! **Invariant:** no process is started anywhere else, and none is left when its [`Child`] is dropped.
//! **Invariant:** what a confinement declares is held by the kernel, or named in the [`Report`] as a [`Gap`].
//! **Absent on purpose:** shells (arguments are a list), command blocklists, waiting without a bound.

mod confinement;
mod ended;
mod environment;
mod error;
mod forbidden;
mod gaps;
mod launch;
mod limits;
mod output;
mod signal;

#[cfg(target_os = "linux")]
mod linux;

#[cfg(target_os = "linux")]
use linux as platform;

#[cfg(not(target_os = "linux"))]
mod elsewhere;

#[cfg(not(target_os = "linux"))]
use elsewhere as platform;

#[cfg(all(feature = "kit", target_os = "linux"))]
pub mod kit;

pub use confinement::{Confinement, DEVICES, Mode, Network, SYSTEM_READ};
pub use ended::{Cause, Ended, Exit, Report};
pub use environment::{Environment, INHERITED};
pub use error::{LaunchError, WaitError};
pub use forbidden::namespaces_forbidden;
pub use gaps::{Gap, Namespaces, Support, gaps};
pub use launch::{Directory, Launch, Pipes, Size, Streams};
pub use limits::{OPEN_FILES, ProcessLimits};
pub use output::{Collected, Output, OutputLimits};
pub use platform::{CHILDREN_MAX, Child, Handle, Sandbox, Terminal, helper_main, protect};
pub use signal::Signal;

/// The hidden first argument with which a binary is started again as the sandbox's helper.
pub const HELPER_ARGUMENT: &str = "__sandbox";

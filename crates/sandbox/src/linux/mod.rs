//! Linux.
//!
//! ```text
//! sandbox    Sandbox: has a keeper, asks it for guards
//! child      Child and Handle: what the hub holds of a launch
//! streams    pipes and terminals, made by the hub, whose other ends go to the child
//! message    what hub and guard say to each other; `wire` is how it is written
//! descriptors   sending open files to the keeper
//! helper/    the keeper, the guard, and what happens in a child before its program starts
//! kernel     the few calls that need `unsafe`
//! ```

mod child;
mod descriptors;
mod helper;
mod kernel;
mod message;
mod sandbox;
mod streams;
mod wire;

pub use child::{Child, Handle};
pub use helper::helper_main;
pub use sandbox::{CHILDREN_MAX, Sandbox};
pub use streams::Terminal;

/// Keeps processes of our own user from reading our memory and our environment, where keys may be. The hub calls it
/// at its start; it also keeps the kernel from writing our memory to a core file.
///
/// # Errors
/// When the kernel refuses, which it has no reason to.
pub fn protect() -> std::io::Result<()> {
    use rustix::process::{DumpableBehavior, set_dumpable_behavior};
    Ok(set_dumpable_behavior(DumpableBehavior::NotDumpable)?)
}

impl crate::Signal {
    pub(crate) fn to_kernel(self) -> rustix::process::Signal {
        use rustix::process::Signal as Kernel;
        match self {
            Self::Hangup => Kernel::HUP,
            Self::Interrupt => Kernel::INT,
            Self::Quit => Kernel::QUIT,
            Self::Kill => Kernel::KILL,
            Self::Terminate => Kernel::TERM,
            Self::Stop => Kernel::STOP,
            Self::Continue => Kernel::CONT,
        }
    }
}

//! Keys and values that stay: for scripts and models that want to remember something small.
//!
//! Each caller has a space of its own; what is set with `shared` is in one that all callers of these tools have.
//!
//! **Adding a tool**: one file in `tools/`, one line in `tools::all`.
//!
//! **Invariant:** a caller reaches its own space and the shared one, and no other.
//! **Invariant:** what was answered is on disk.

mod error;
mod file;
mod limits;
mod tools;

use std::path::Path;
use std::sync::Arc;

use drawbridge_contract::{Caller, Server, Tool};

pub use error::OpenError;
pub use limits::*;

use file::Entries;

/// The server `kv`.
pub struct Kv {
    tools: Vec<Arc<dyn Tool>>,
}

impl Kv {
    /// Opens the keys and values in the state folder.
    ///
    /// # Errors
    /// [`OpenError`], which names the file.
    pub fn open(folder: &Path) -> Result<Self, OpenError> {
        Ok(Self { tools: tools::all(&Arc::new(Entries::open(folder)?)) })
    }
}

impl Server for Kv {
    fn name(&self) -> &str {
        "kv"
    }

    fn instructions(&self) -> &str {
        "The kv_ tools remember small values by key, over restarts, for so many seconds or for good."
    }

    fn tools(&self) -> Vec<Arc<dyn Tool>> {
        self.tools.clone()
    }
}

/// The space of a call: the caller's own, or the one that all share.
fn space_of(caller: &Caller, shared: bool) -> String {
    if shared { "shared".to_owned() } else { format!("caller:{}", caller.id) }
}

//! A named group of tools, resources and prompts.

use std::sync::Arc;

use tokio::sync::broadcast;

use crate::{Change, Exchanges, Prompt, Resources, Streams, Tool};

/// A named group of tools, resources and prompts: built in, a process, or an upstream.
pub trait Server: Send + Sync + 'static {
    /// Lower case, one word: the prefix of its tools' names.
    fn name(&self) -> &str;

    /// One or two sentences for the model on when to use this server.
    fn instructions(&self) -> &str {
        ""
    }

    /// Its tools, in a fixed order.
    fn tools(&self) -> Vec<Arc<dyn Tool>> {
        Vec::new()
    }

    /// Its resources, if it has any.
    fn resources(&self) -> Option<Arc<dyn Resources>> {
        None
    }

    /// Its prompts, in a fixed order.
    fn prompts(&self) -> Vec<Arc<dyn Prompt>> {
        Vec::new()
    }

    /// Its live streams, if it has any.
    fn streams(&self) -> Option<Arc<dyn Streams>> {
        None
    }

    /// What it answers in another protocol's words, if anything.
    fn exchanges(&self) -> Option<Arc<dyn Exchanges>> {
        None
    }

    /// Tells what changes, if anything of it can.
    fn changes(&self) -> Option<broadcast::Receiver<Change>> {
        None
    }
}

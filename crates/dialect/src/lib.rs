//! The older dialect: the `mcp.*` methods of llmbasedos, on our tools.
//!
//! ```text
//! method, params → table → a call of a tool, through the door → the shape that the method's clients know
//! ```
//!
//! Start at `table.rs`: one table names every method, its parameters by position, its tools and what is made of their
//! answers. A method that is not there is looked for in the catalog: daemons bring their own.
//!
//! **Invariant:** nothing is done here but calls through the door, as the caller who asked.

mod chat;
mod door;
mod error;
mod files;
mod greetings;
mod licence;
mod limits;
mod params;
mod sse;
mod table;
mod theirs;

use std::sync::Arc;

use drawbridge_contract::{Caller, Handler, raw};
use drawbridge_mcp::{Asked, Dialect, Told};
use futures::StreamExt as _;
use futures::stream::{self, BoxStream};
use serde_json::Value;

pub use limits::*;
pub use table::method_tools;

use door::Door;
use error::OldError;
use table::Serve;

/// How the names of the dialect's methods begin.
const PREFIX: &str = "mcp.";

/// The older dialect, over one door.
pub struct Older {
    handler: Arc<dyn Handler>,
}

impl Older {
    /// The dialect over this door.
    pub fn new(handler: Arc<dyn Handler>) -> Arc<Self> {
        Arc::new(Self { handler })
    }
}

impl Dialect for Older {
    /// Everything that begins as the dialect's methods do, and what daemons brought under other names. No method of MCP
    /// has a dot in its name.
    fn has(&self, method: &str, caller: &Caller) -> bool {
        let is_theirs = || theirs::find(&self.handler.view(caller), method).is_some();
        method.starts_with(PREFIX) || method.contains('.') && is_theirs()
    }

    fn serve(&self, asked: Asked) -> BoxStream<'static, Told> {
        let door = Door::new(self.handler.clone(), &asked);
        let found = table::find(&asked.method);
        match found.map(|method| &method.serve) {
            Some(Serve::Chat) => chat::serve(door, asked),
            _ => stream::once(async move { told(whole(&door, &asked).await) }).boxed(),
        }
    }
}

async fn whole(door: &Door, asked: &Asked) -> Result<Value, OldError> {
    // A daemon may be the server that we do not have.
    let is_theirs = || theirs::find(&door.view(), &asked.method).is_some();
    match table::find(&asked.method) {
        Some(method) if !matches!(method.serve, Serve::Missing { .. }) || !is_theirs() => {
            method.run(door, asked.params.as_deref()).await
        }
        _ => theirs::call(door, &asked.method, asked.params.as_deref()).await,
    }
}

fn told(outcome: Result<Value, OldError>) -> Told {
    match outcome {
        Ok(result) => Told::Result(raw(&result)),
        Err(error) => error.into(),
    }
}

//! Language models: one door to all of them.
//!
//! ```text
//! chat       what is asked of a model and what it answers, in the words of no provider
//! wire       the dialects of providers and of clients, translated into `chat` and back; no I/O
//! provider   each provider: reached, shared fairly, left alone while it fails
//! directory  which provider a model's name leads to
//! quota      how much each caller may use, and has used
//! cache      whole answers that are kept for a while
//! memory     models loaded and unloaded
//! models     how a question finds its answer     answering, embedding  the answer
//! exchange   the APIs that programs already speak
//! tools      what callers call, one file each
//! ```
//!
//! **Invariant:** nothing is sent before what it may use was reserved, and what was used is counted, however it ends.
//! **Invariant:** a provider's key is in no error, log or answer, and travels nowhere but to its provider.
//! **Invariant:** no piece of an answer waits for another.
//!
//! **Adding a tool**: one file in `tools/`, one line in `tools::all`. **Adding a dialect**: `wire/`, and a line in
//! `provider/dialect.rs` or `exchange/mod.rs`.

mod answering;
mod cache;
pub mod chat;
mod directory;
mod embedding;
mod error;
mod exchange;
mod memory;
mod models;
mod provider;
mod quota;
mod settings;
mod tools;
pub mod wire;

use std::sync::Arc;

use drawbridge_contract::{Exchanges, Server, Tool};

pub use error::OpenError;
pub use exchange::QUESTION_BYTES_MAX;
pub use provider::ProviderState;
pub use quota::LedgerError;
pub use settings::{
    CacheSettings, LlmSettings, PARALLEL_DEFAULT, Price, ProviderKind, ProviderSettings, QuotaSettings,
    Secret, WAITING_MAX_DEFAULT, Waits,
};

use exchange::Proxy;
use models::Models;

/// The server `llm`.
pub struct Llm {
    tools: Vec<Arc<dyn Tool>>,
    proxy: Arc<Proxy>,
}

impl Llm {
    /// A server with these providers. None of them is asked yet.
    ///
    /// # Errors
    /// [`OpenError`] says what of the settings is wrong, or where usage cannot be written.
    pub fn open(settings: &LlmSettings) -> Result<Self, OpenError> {
        let models = Models::open(settings)?;
        Ok(Self { tools: tools::all(&models), proxy: Arc::new(Proxy { models }) })
    }

    /// How providers are, as far as is known: none of them is asked for this. Local servers that were only looked for are
    /// named while they are there.
    pub fn provider_states(&self) -> Vec<(Arc<str>, ProviderState)> {
        self.proxy.models.directory.states()
    }

    /// How many tokens everybody used in the last hour: the minute's number since 1970, those of prompts, those of
    /// answers. Minutes without any are left out.
    pub fn tokens_of_the_hour(&self) -> Vec<(i64, u64, u64)> {
        self.proxy.models.ledger.last_hour()
    }

    /// Waits until all that was used so far is on disk, or cannot be written. Must run inside a tokio runtime.
    pub async fn flush(&self) {
        let proxy = self.proxy.clone();
        // Whoever shuts down goes on when this fails, because there is nothing else to try.
        let _ = tokio::task::spawn_blocking(move || proxy.models.ledger.flush()).await;
    }
}

impl Server for Llm {
    fn name(&self) -> &str {
        "llm"
    }

    fn instructions(&self) -> &str {
        "The llm_ tools ask language models, on this machine and of services the owner configured. llm_models says which \
         there are; llm_chat asks one."
    }

    fn tools(&self) -> Vec<Arc<dyn Tool>> {
        self.tools.clone()
    }

    fn exchanges(&self) -> Option<Arc<dyn Exchanges>> {
        Some(self.proxy.clone())
    }
}

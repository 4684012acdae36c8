//! Providers: reached, shared fairly, left alone while they fail.
//!
//! ```text
//! dialect  what each kind of provider speaks
//! address  where a provider is, and whether a key may be sent there
//! reach    one request: sent, tried again where nothing was sent, its status read
//! breaker  a provider that keeps failing rests; pure
//! list     the models that it has
//! line     who may ask a local server now; pure
//! turn     waiting for that
//! ```

mod address;
mod breaker;
mod dialect;
mod line;
mod list;
mod reach;
mod turn;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use drawbridge_outbound::{AllowedHosts, Peer, Settings};

pub(crate) use list::Health;
pub(crate) use reach::{Body, Sent, Unsent};
pub(crate) use turn::Turn;

use breaker::Breaker;
pub use breaker::ProviderState;
use dialect::Spoken;
use line::Room;
use list::Listed;
use reach::Headers;
use turn::Gate;

use crate::chat::{ChatRequest, Failure, FailureKind};
use crate::error::OpenError;
use crate::settings::{ProviderKind, ProviderSettings, Secret, Waits};
use crate::wire::{ClientDialect, ProviderDialect};

/// The field by which a conversation is kept at its provider.
pub(crate) const STORE: &str = "store";
/// The field that names the answer that a question follows.
pub(crate) const PREVIOUS: &str = "previous_response_id";

/// One provider.
pub(crate) struct Provider {
    /// What the owner calls it.
    pub(crate) name: Arc<str>,
    pub(crate) kind: ProviderKind,
    /// Whether the owner wrote it down; others were found on this machine, or are not there at all.
    pub(crate) configured: bool,
    /// Without a slash at its end, and without `/v1`.
    base: String,
    pub(crate) dialect: ProviderDialect,
    /// What stands before every path of the dialect.
    pub(crate) version: &'static str,
    key: Option<Secret>,
    headers: Headers,
    peer: Peer,
    waits: Waits,
    breaker: Mutex<Breaker>,
    /// Where only so many requests are answered at a time.
    gate: Option<Arc<Gate>>,
    /// The models it has, as of when. The lock is held while they are asked for, so that only one asks.
    listed: tokio::sync::Mutex<Option<Listed>>,
}

impl Provider {
    /// A provider as the owner described it. Nothing is sent yet.
    ///
    /// # Errors
    /// [`OpenError`] when its address is none, or its key would travel in clear.
    pub(crate) fn open(
        settings: &ProviderSettings,
        waits: Waits,
        configured: bool,
    ) -> Result<Arc<Self>, OpenError> {
        let base = address::base(settings)?;
        let gate = settings.parallel.map(|parallel| {
            let (models_at_once, waiting_max) = (settings.models_at_once.max(1), settings.waiting_max);
            Gate::new(Room { parallel: parallel.max(1), models_at_once, waiting_max })
        });
        let (dialect, version) = dialect::of(settings.kind);
        Ok(Arc::new(Self {
            dialect,
            version,
            listed: tokio::sync::Mutex::default(),
            name: settings.name.as_str().into(),
            kind: settings.kind,
            configured,
            peer: peer(&base, waits)?,
            base,
            headers: Headers::of(dialect, settings.key.as_ref()),
            key: settings.key.clone(),
            waits,
            breaker: Mutex::default(),
            gate,
        }))
    }

    /// Where it is, for people.
    pub(crate) fn address(&self) -> &str {
        &self.base
    }

    /// Waits until this caller may ask it; `on_place` hears the place in the line.
    ///
    /// # Errors
    /// A [`Failure`] when too many wait, or the provider rests.
    pub(crate) async fn enter(
        &self,
        caller: &Arc<str>,
        model: &Arc<str>,
        on_place: impl FnMut(usize),
    ) -> Result<Option<Turn>, Failure> {
        let Some(gate) = &self.gate else { return Ok(None) };
        gate.enter(caller, model, on_place).await.map(Some).map_err(|_| self.full(gate))
    }

    fn full(&self, gate: &Gate) -> Failure {
        let (running, waiting) = gate.counts();
        let words = format!(
            "{} answers {running} requests and {waiting} wait, which is as many as may: come back in a while",
            self.name
        );
        Failure::new(FailureKind::Overloaded, words).with_retry_after(Some(Duration::from_secs(5)))
    }

    /// Whether somebody is being answered by this model.
    pub(crate) fn is_in_use(&self, model: &str) -> bool {
        self.gate.as_ref().is_some_and(|gate| gate.is_in_use(model))
    }

    /// How many requests it answers, and how many wait; nothing where nobody has to.
    pub(crate) fn counts(&self) -> Option<(usize, usize)> {
        self.gate.as_ref().map(|gate| gate.counts())
    }

    /// A question in the provider's words. LM Studio's v1 carries less than its v0, which is asked then.
    ///
    /// # Errors
    /// A [`Failure`] when there are no words for it.
    pub(crate) fn question(&self, request: &ChatRequest) -> Result<(Spoken, Vec<u8>), Failure> {
        let first = (self.dialect, self.version);
        let is_kept = |name| request.extra.family.is_none() && request.extra.fields.contains_key(name);
        if is_kept(STORE) || is_kept(PREVIOUS) {
            return match self.kind {
                // Its v0 remembers nothing, so it is no way out here.
                ProviderKind::LmStudioV1 => Ok((first, first.0.encode_chat(request)?)),
                _ => Err(self.remembers_nothing()),
            };
        }
        match first.0.encode_chat(request) {
            Err(_) if self.kind == ProviderKind::LmStudioV1 => {
                let second = dialect::of(ProviderKind::LmStudio);
                Ok((second, second.0.encode_chat(request)?))
            }
            encoded => Ok((first, encoded?)),
        }
    }

    fn remembers_nothing(&self) -> Failure {
        let words = format!(
            "{} keeps no conversations, only LM Studio's v1 does: send all of it as messages, without remember or follows",
            self.name
        );
        Failure::new(FailureKind::Invalid, words)
    }

    /// What a client is passed on to it in whose dialect it speaks.
    pub(crate) fn native(&self, client: ClientDialect) -> Option<Spoken> {
        dialect::native(self.kind, client, self.base == self.kind.usual_address())
    }

    /// What it is told in to load and unload models.
    pub(crate) fn for_memory(&self) -> Spoken {
        dialect::for_memory(self.kind)
    }

    /// What it is asked for vectors in.
    pub(crate) fn for_vectors(&self) -> Spoken {
        dialect::for_vectors(self.kind)
    }

    /// A model is not in its memory any more.
    pub(crate) async fn forget(&self, model: &str) {
        if let Some(gate) = &self.gate {
            gate.forget(model);
        }
        self.forget_models().await;
    }

    /// Whether it failed so often that nobody asks it for the moment.
    pub(crate) fn is_resting(&self) -> bool {
        self.breaker().rests(std::time::Instant::now())
    }

    /// How it is, as far as is known without asking it.
    pub(crate) fn state(&self) -> ProviderState {
        self.breaker().state(std::time::Instant::now())
    }

    fn breaker(&self) -> MutexGuard<'_, Breaker> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The owner wrote the address down, or it is this machine: that host, and no other, may be private.
fn peer(base: &str, waits: Waits) -> Result<Peer, OpenError> {
    let bad = |why: String| OpenError::Address { address: base.to_owned(), why };
    let allowed = AllowedHosts::parse([address::host(base)]).map_err(|error| bad(error.to_string()))?;
    let settings = Settings {
        allowed,
        connect_timeout: waits.connect,
        // Whoever reads an answer watches how long it is silent, and says so better; this only comes after.
        read_timeout: waits.first_byte + waits.idle,
        timeout: None,
        ..Settings::default()
    };
    Peer::new(settings, base).map_err(|error| bad(error.to_string()))
}

//! The whole, for whoever manages it.

use std::sync::Arc;
use std::time::Duration;

use drawbridge_contract::CancellationToken;
use drawbridge_outbound::{AllowedHosts, Outbound, OutboundError, Settings as OutboundSettings};
use tokio::task::JoinHandle;

use super::dispatch::Dispatch;
use super::receiver::{ReceiverRow, Secrets};
use super::secret::{Secret, Vault, WeakSecret};
use super::{DeliveryFilter, DeliveryView, EventSet, NewReceiver, Receiver, ReceiverChange, Retrying};
use crate::bounds::{PAGE_MAX, URL_BYTES_MAX};
use crate::error::at_most;
use crate::{Embedded, EngineError};

/// How many patterns of tools a receiver may name.
const TOOLS_MAX: usize = 100;

/// The longest time for which two secrets may be good: thirty days.
pub(crate) const OVERLAP_MAX: Duration = Duration::from_secs(30 * 24 * 3600);

/// How webhooks are sent.
#[derive(Debug, Clone)]
pub struct WebhookSettings {
    /// Hosts that may be told although their addresses are private.
    pub allowed: AllowedHosts,
    /// Whether callbacks of single jobs may go to any public host, and not only to those that are allowed. A standing
    /// receiver is asked for by a call of its own, which rules can look at; a callback comes with any job.
    pub callbacks_anywhere: bool,
    /// How often a delivery is tried.
    pub retrying: Retrying,
    /// How long a receiver may take to answer; the predecessor gave it 15 seconds.
    pub timeout: Duration,
    /// How many requests may be under way.
    pub requests_max: usize,
    /// How many of them to one receiver, or to one host of callbacks.
    pub requests_each_max: usize,
}

impl Default for WebhookSettings {
    fn default() -> Self {
        Self {
            allowed: AllowedHosts::default(),
            callbacks_anywhere: false,
            retrying: Retrying::default(),
            timeout: Duration::from_secs(15),
            requests_max: 64,
            requests_each_max: 4,
        }
    }
}

/// Whether a caller may still be told something.
pub type MayHear = Arc<dyn Fn(&str) -> bool + Send + Sync>;

/// Why something could not be done with webhooks.
#[derive(Debug, thiserror::Error)]
pub enum WebhookError {
    /// The URL is none, or leads where it may not.
    #[error(transparent)]
    Url(#[from] OutboundError),
    /// A callback to a host that the owner did not name.
    #[error(
        "callbacks may only go to hosts that the owner allowed, and this one is not among them: add it to `allow` in the \
         part [webhooks] of config.toml, or subscribe to it with webhooks_add"
    )]
    NotAllowed,
    /// No such receiver.
    #[error("there is no receiver {id}; list those that there are")]
    NoReceiver {
        /// As it was asked for.
        id: String,
    },
    /// What signs callbacks has no address of its own.
    #[error(
        "callbacks go where each job says; only standing receivers can be changed, and `rotate` makes a new secret"
    )]
    Callback,
    /// No such delivery, or it has not ended.
    #[error("there is no delivery {id} that has ended; the log shows those that are remembered")]
    NoDelivery {
        /// As it was asked for.
        id: String,
    },
    /// A secret that was brought along and could be guessed.
    #[error(transparent)]
    Weak(#[from] WeakSecret),
    /// A secret that was sealed in another installation.
    #[error("the secret of {id} was sealed in another installation; rotate it")]
    Sealed {
        /// The receiver.
        id: String,
    },
    /// The engine refused or failed.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

/// A new receiver, and its secret: the only time that it is shown.
#[derive(Debug)]
pub struct Added {
    /// Its id.
    pub id: String,
    /// What it shares with us.
    pub secret: Secret,
}

/// Receivers, deliveries, and what sends them. Who may ask for what is decided before: methods take the caller whose
/// receivers are meant, `None` for everybody's.
pub struct Webhooks {
    pub(super) engine: Embedded,
    pub(super) vault: Vault,
    pub(super) outbound: Outbound,
    pub(super) settings: WebhookSettings,
}

impl Webhooks {
    /// Webhooks of an engine. `sealing` seals the secrets on disk; see
    /// [`Store::sealing_secret`](drawbridge_store::Store::sealing_secret).
    pub fn new(engine: Embedded, sealing: &[u8; 32], settings: WebhookSettings) -> Arc<Self> {
        let outbound = Outbound::new(OutboundSettings {
            allowed: settings.allowed.clone(),
            connect_timeout: settings.timeout,
            read_timeout: settings.timeout,
            timeout: Some(settings.timeout),
            ..OutboundSettings::default()
        });
        Arc::new(Self { engine, vault: Vault::new(sealing), outbound, settings })
    }

    /// Sends what is due to callers that `may_hear`, until the token is cancelled; what is under way then has two
    /// seconds to end, and is sent again at the next start if it does not.
    pub fn start(self: &Arc<Self>, may_hear: MayHear, stop: CancellationToken) -> JoinHandle<()> {
        tokio::spawn(Dispatch::new(Arc::clone(self), may_hear, stop).run())
    }

    /// Refuses a URL that could never be told.
    ///
    /// # Errors
    /// [`WebhookError::Url`] and [`EngineError::TooLarge`].
    pub fn check_url(&self, url: &str) -> Result<(), WebhookError> {
        at_most("the URL", url.len(), URL_BYTES_MAX)?;
        self.outbound.check(url)?;
        Ok(())
    }

    /// Refuses a callback that could never be told, or goes to a host that the owner did not allow.
    ///
    /// # Errors
    /// [`WebhookError::NotAllowed`], and those of [`Self::check_url`].
    pub fn check_callback(&self, url: &str) -> Result<(), WebhookError> {
        at_most("the URL", url.len(), URL_BYTES_MAX)?;
        let url = self.outbound.check(url)?;
        let may = self.settings.callbacks_anywhere || self.settings.allowed.allow(&url);
        if may { Ok(()) } else { Err(WebhookError::NotAllowed) }
    }

    /// Takes a standing subscription.
    ///
    /// # Errors
    /// [`WebhookError::Url`], and the engine's.
    pub async fn add(&self, new: NewReceiver) -> Result<Added, WebhookError> {
        self.check_url(&new.url)?;
        at_most("the list of tools", new.tools.len(), TOOLS_MAX)?;
        let id = format!("wh_{:032x}", rand::random::<u128>());
        let secret = new.secret.unwrap_or_else(Secret::random);
        let row = ReceiverRow {
            secret: self.vault.seal(&id, &secret),
            id: id.clone(),
            caller: new.caller,
            all_callers: new.all_callers,
            url: Some(new.url),
            events: new.events,
            tools: new.tools,
            created_ms: self.engine.now().wall_ms,
        };
        self.engine.hook_add(row).await?;
        Ok(Added { id, secret })
    }

    /// The receivers.
    ///
    /// # Errors
    /// The engine's.
    pub fn list(&self, caller: Option<&str>) -> Result<Vec<Receiver>, WebhookError> {
        Ok(self.engine.hooks(caller)?)
    }

    /// One receiver.
    ///
    /// # Errors
    /// [`WebhookError::NoReceiver`], and the engine's.
    pub fn get(&self, caller: Option<&str>, id: &str) -> Result<Receiver, WebhookError> {
        let mut found = self.engine.hooks(caller)?.into_iter();
        found.find(|receiver| receiver.id == id).ok_or_else(|| no_receiver(id))
    }

    /// Removes a receiver, and what waits for it.
    ///
    /// # Errors
    /// [`WebhookError::NoReceiver`], and the engine's.
    pub async fn remove(&self, caller: Option<&str>, id: &str) -> Result<(), WebhookError> {
        self.get(caller, id)?;
        let found = self.engine.hook_remove(id.to_owned()).await?;
        if found { Ok(()) } else { Err(no_receiver(id)) }
    }

    /// Pauses a receiver: it is told nothing that happens from now on, and what waits for it waits. Or resumes it.
    ///
    /// # Errors
    /// [`WebhookError::NoReceiver`], and the engine's.
    pub async fn pause(&self, caller: Option<&str>, id: &str, paused: bool) -> Result<(), WebhookError> {
        self.get(caller, id)?;
        let found = self.engine.hook_pause(id.to_owned(), paused).await?;
        if found { Ok(()) } else { Err(no_receiver(id)) }
    }

    /// Changes a standing receiver. Its id, its secrets, what was sent to it and whether it is paused stay; what waits for it
    /// goes to its new address.
    ///
    /// # Errors
    /// [`WebhookError::NoReceiver`], [`WebhookError::Callback`], [`WebhookError::Url`], and the engine's.
    pub async fn update(
        &self,
        caller: Option<&str>,
        id: &str,
        change: ReceiverChange,
    ) -> Result<Receiver, WebhookError> {
        if self.get(caller, id)?.url.is_none() {
            return Err(WebhookError::Callback);
        }
        if let Some(url) = &change.url {
            self.check_url(url)?;
        }
        at_most("the list of tools", change.tools.as_ref().map_or(0, Vec::len), TOOLS_MAX)?;
        self.engine.hook_update(id.to_owned(), change).await?;
        self.get(caller, id)
    }

    /// Gives a receiver a new secret: `brought`, or one that is made. The one before signs, too, for as long as `overlap`,
    /// at most thirty days.
    ///
    /// # Errors
    /// [`WebhookError::NoReceiver`], and the engine's.
    pub async fn rotate(
        &self,
        caller: Option<&str>,
        id: &str,
        overlap: Duration,
        brought: Option<Secret>,
    ) -> Result<Secret, WebhookError> {
        self.get(caller, id)?;
        let secret = brought.unwrap_or_else(Secret::random);
        let overlap_ms = u64::try_from(overlap.min(OVERLAP_MAX).as_millis()).unwrap_or(u64::MAX);
        let until_ms = self.engine.now().wall_ms.saturating_add_unsigned(overlap_ms);
        let sealed = self.vault.seal(id, &secret);
        let found = self.engine.hook_rotate(id.to_owned(), sealed, until_ms).await?;
        if found { Ok(secret) } else { Err(no_receiver(id)) }
    }

    /// The secret that signs a caller's callbacks; made when it is first asked for.
    ///
    /// # Errors
    /// [`WebhookError::Sealed`], and the engine's.
    pub async fn callback_secret(&self, caller: &str) -> Result<Secret, WebhookError> {
        let id = callback_id(caller);
        self.ensure_callback(&id, caller).await?;
        let (secret, _) = self.secrets(&id)?.ok_or_else(|| no_receiver(&id))?;
        Ok(secret)
    }

    /// The log of deliveries, newest first, after the one that ended the page before; at most
    /// [`PAGE_MAX`].
    ///
    /// # Errors
    /// The engine's.
    pub fn log(
        &self,
        filter: &DeliveryFilter,
        before: Option<&str>,
        limit: usize,
    ) -> Result<Vec<DeliveryView>, WebhookError> {
        Ok(self.engine.deliveries(filter, before, limit.clamp(1, PAGE_MAX))?)
    }

    /// Sends one again that was delivered or given up: with the same id and the same body.
    ///
    /// # Errors
    /// [`WebhookError::NoDelivery`], and the engine's.
    pub async fn redeliver(&self, caller: Option<&str>, id: &str) -> Result<(), WebhookError> {
        let no_delivery = || WebhookError::NoDelivery { id: id.to_owned() };
        let owner = self.engine.delivery_owner(id)?.ok_or_else(no_delivery)?;
        if caller.is_some_and(|caller| caller != owner) {
            return Err(no_delivery());
        }
        if self.engine.redeliver(id).await? { Ok(()) } else { Err(no_delivery()) }
    }

    pub(super) async fn ensure_callback(&self, id: &str, caller: &str) -> Result<(), WebhookError> {
        if self.engine.hook_secrets(id)?.is_some() {
            return Ok(());
        }
        let row = ReceiverRow {
            id: id.to_owned(),
            caller: caller.into(),
            all_callers: false,
            url: None,
            events: EventSet::ALL,
            tools: Vec::new(),
            secret: self.vault.seal(id, &Secret::random()),
            created_ms: self.engine.now().wall_ms,
        };
        Ok(self.engine.hook_add(row).await?)
    }

    /// A receiver's secrets: the one that is good, and the previous one while it is.
    pub(super) fn secrets(&self, id: &str) -> Result<Option<(Secret, Option<Secret>)>, WebhookError> {
        let Some(Secrets { secret, previous }) = self.engine.hook_secrets(id)? else { return Ok(None) };
        let open = |sealed: &[u8]| self.vault.open(id, sealed);
        let secret = open(&secret).ok_or_else(|| WebhookError::Sealed { id: id.to_owned() })?;
        Ok(Some((secret, previous.as_deref().and_then(open))))
    }
}

/// The receiver whose secret signs a caller's callbacks.
pub(super) fn callback_id(caller: &str) -> String {
    format!("callback:{caller}")
}

fn no_receiver(id: &str) -> WebhookError {
    WebhookError::NoReceiver { id: id.to_owned() }
}

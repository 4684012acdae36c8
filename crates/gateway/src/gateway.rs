//! The gateway: what entrances hold as their handler. How a call passes is in `handle.rs`.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use arc_swap::ArcSwap;
use drawbridge_contract::{
    Answer, Authenticator, Backlog, BoxFuture, Call, CallId, Caller, Change, Completion, CompletionOf,
    Exchanges, Handler, Jobs, Licensing, Live, Outcome, Refusal, Server, Standing, Suggestions, Target,
    Unauthenticated, View, Watch, broadcast,
};
use drawbridge_store::{Store, StoreError};
use sha2::{Digest, Sha256};

use crate::access::Access;
use crate::approvals::Approvals;
use crate::catalog::{Catalog, CatalogError, Subject};
use crate::pattern::PatternError;
use crate::policy::{Before, Bounds, Policy};
use crate::record::unavailable;
use crate::rules::{RuleSettings, Rules};
use crate::running::{Ongoing, Running};
use crate::seal::Sealer;
use crate::tiers::{Tiers, by_tool};

/// How many changes a slow listener may be behind before it is told to list again.
const CHANGES_KEPT: usize = 256;

/// How the door is set, from the configuration.
#[derive(Debug, Clone, Default)]
pub struct GatewaySettings {
    /// In their order; the first that fits decides.
    pub rules: Vec<RuleSettings>,
    /// For keys that name no rate of their own; `None` is no limit. The owner has none.
    pub calls_per_minute: Option<u32>,
    /// The tiers, and the licence if the owner uses one; [`Gateway::relicense`] exchanges them.
    pub licensing: Licensing,
    /// Methods of older clients, and the tools that answer them: tiers may name tools by these too.
    pub old_methods: Vec<(&'static str, &'static str)>,
}

/// Why the door cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    /// The servers cannot be served together.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// A rule's pattern is wrong.
    #[error("in the rules: {0}")]
    Rules(#[from] PatternError),
    /// The state cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The one door.
pub struct Gateway {
    pub(crate) store: Store,
    pub(crate) rules: ArcSwap<Rules>,
    pub(crate) approvals: Approvals,
    pub(crate) bounds: ArcSwap<Bounds>,
    /// What takes its time.
    pub(crate) running: Running,
    servers: Vec<Arc<dyn Server>>,
    current: ArcSwap<Current>,
    /// Held while the current snapshot is replaced, so that it only moves forward.
    replacing: Mutex<()>,
    changes: broadcast::Sender<Change>,
    /// Where calls go that are to run later.
    backlog: OnceLock<Arc<dyn Backlog>>,
}

/// What holds now: one catalog and one policy.
pub(crate) struct Current {
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) policy: Policy,
}

impl Gateway {
    /// Opens the door to `servers`. Inside a tokio runtime it also listens to what changes in them.
    ///
    /// # Errors
    /// [`GatewayError`] names the tool, rule or file at fault.
    pub fn open(
        store: Store,
        settings: &GatewaySettings,
        servers: Vec<Arc<dyn Server>>,
    ) -> Result<Arc<Self>, GatewayError> {
        let catalog = Arc::new(Catalog::of(&servers)?);
        let bounds = Bounds {
            per_minute: settings.calls_per_minute,
            tiers: Arc::new(Tiers {
                licensing: settings.licensing.clone(),
                old_names: Arc::new(by_tool(&settings.old_methods)),
            }),
            meters: Arc::default(),
        };
        let policy = Policy::read(&store, &bounds, Before::Nothing)?;
        let sealer = Arc::new(Sealer::new(&store.sealing_secret()));
        let gateway = Arc::new(Self {
            rules: ArcSwap::from_pointee(Rules::compile(&settings.rules)?),
            approvals: Approvals { store: store.clone(), sealer },
            store,
            bounds: ArcSwap::from_pointee(bounds),
            running: Running::default(),
            servers,
            current: ArcSwap::from_pointee(Current { catalog, policy }),
            replacing: Mutex::new(()),
            changes: broadcast::channel(CHANGES_KEPT).0,
            backlog: OnceLock::new(),
        });
        gateway.listen();
        Ok(gateway)
    }

    /// Says where calls go that are to run later. Once: a second one changes nothing.
    pub fn keep_jobs(&self, backlog: Arc<dyn Backlog>) {
        let _ = self.backlog.set(backlog);
    }

    pub(crate) fn backlog(&self) -> Option<&Arc<dyn Backlog>> {
        self.backlog.get()
    }

    /// The owner as a caller, for entrances that only the owner can reach, such as stdio.
    pub fn owner(&self) -> Arc<Caller> {
        self.current.load().policy.owner().caller.clone()
    }

    /// A call that goes on in this process and has done so for a moment; `None` for any other.
    pub fn ongoing(&self, call: CallId) -> Option<Ongoing> {
        self.running.get(call)
    }

    /// Whether the owner raised the bridge.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn is_raised(&self) -> Result<bool, StoreError> {
        Ok(self.current()?.policy.raised)
    }

    /// What holds now. Costs one system call when nothing changed.
    pub(crate) fn current(&self) -> Result<Arc<Current>, StoreError> {
        let current = self.current.load_full();
        if current.policy.generation == self.store.generation() { Ok(current) } else { self.reread() }
    }

    #[cold]
    fn reread(&self) -> Result<Arc<Current>, StoreError> {
        let _alone = self.replacing.lock().unwrap_or_else(PoisonError::into_inner);
        let before = self.current.load_full();
        let policy = Policy::read(&self.store, &self.bounds.load(), Before::Views(&before.policy))?;
        let current = Arc::new(Current { catalog: before.catalog.clone(), policy });
        self.current.store(current.clone());
        Ok(current)
    }

    /// Builds the catalog anew after a server's tools or prompts changed.
    fn rebuild(&self) -> Result<(), GatewayError> {
        let _alone = self.replacing.lock().unwrap_or_else(PoisonError::into_inner);
        let catalog = Arc::new(Catalog::of(&self.servers)?);
        self.renew(catalog).map_err(Into::into)
    }

    /// Puts other tiers, or another licence, in the place of those there are; calls that come from now on go by them.
    ///
    /// # Errors
    /// When the state cannot be read; then everything stays as it was.
    pub fn relicense(&self, licensing: Licensing) -> Result<(), StoreError> {
        {
            let _alone = self.replacing.lock().unwrap_or_else(PoisonError::into_inner);
            self.bounds.store(Arc::new(self.bounds.load().licensed(licensing)));
            self.renew(self.current.load().catalog.clone())?;
        }
        // Whoever lists tools may see others now. An error means that nobody listens.
        let _ = self.changes.send(Change::Tools);
        Ok(())
    }

    /// Other rules, and everything that was computed from the old ones anew.
    pub(crate) fn exchange_rules(&self, rules: Rules) -> Result<(), StoreError> {
        {
            let _alone = self.replacing.lock().unwrap_or_else(PoisonError::into_inner);
            let before = self.rules.swap(Arc::new(rules));
            if let Err(error) = self.renew(self.current.load().catalog.clone()) {
                self.rules.store(before);
                return Err(error);
            }
        }
        // Whoever lists tools may see others now. An error means that nobody listens.
        let _ = self.changes.send(Change::Tools);
        Ok(())
    }

    /// Everything computed anew, but for how full the buckets are. For who holds `replacing`.
    fn renew(&self, catalog: Arc<Catalog>) -> Result<(), StoreError> {
        let before = self.current.load_full();
        let policy = Policy::read(&self.store, &self.bounds.load(), Before::Buckets(&before.policy))?;
        self.current.store(Arc::new(Current { catalog, policy }));
        Ok(())
    }

    /// Passes on what changes in the servers, for as long as the gateway lives.
    fn listen(self: &Arc<Self>) {
        for mut changes in self.servers.iter().filter_map(|server| server.changes()) {
            let gateway = Arc::downgrade(self);
            tokio::spawn(async move {
                loop {
                    let change = match changes.recv().await {
                        Ok(change) => change,
                        // We missed some: whoever listens to us lists again.
                        Err(broadcast::error::RecvError::Lagged(_)) => Change::Resources,
                        Err(broadcast::error::RecvError::Closed) => return,
                    };
                    let Some(gateway) = gateway.upgrade() else { return };
                    gateway.pass_on(change);
                }
            });
        }
    }

    fn pass_on(&self, change: Change) {
        if matches!(change, Change::Tools | Change::Prompts)
            && let Err(error) = self.rebuild()
        {
            tracing::error!(%error, "the catalog stays as it was");
            return;
        }
        // An error means that nobody listens.
        let _ = self.changes.send(change);
    }
}

impl Authenticator for Gateway {
    fn authenticate(&self, secret: &str) -> Result<Arc<Caller>, Unauthenticated> {
        self.whose(secret, false)
    }
}

/// Knows the secrets of browsers' sessions, and no others.
pub struct BrowserSessions(pub Arc<Gateway>);

impl Authenticator for BrowserSessions {
    fn authenticate(&self, secret: &str) -> Result<Arc<Caller>, Unauthenticated> {
        self.0.whose(secret, true)
    }
}

impl Gateway {
    /// Whose secret this is, of browsers or of all others. A session is bound to a browser's pages and ends when nobody uses
    /// it: sent as a key, it would be neither.
    fn whose(&self, secret: &str, of_browsers: bool) -> Result<Arc<Caller>, Unauthenticated> {
        let current = self.current().map_err(|error| {
            tracing::error!(%error, "the keys cannot be read");
            Unauthenticated::Unavailable
        })?;
        // Only hashes are compared, so the time that a look-up takes tells nothing of any key.
        let hash = Sha256::digest(secret.as_bytes()).into();
        let key = current.policy.by_hash(&hash).filter(|key| key.is_browsers == of_browsers);
        let key = key.ok_or(Unauthenticated::Unknown)?;
        key.used(&self.store);
        Ok(key.access.caller.clone())
    }
}

impl Handler for Gateway {
    fn call(self: Arc<Self>, call: Call, live: Live) -> BoxFuture<'static, Result<Outcome<Answer>, Refusal>> {
        Box::pin(self.handle(call, live))
    }

    fn still_allows(&self, caller: &Caller, target: &Target) -> Result<(), Refusal> {
        if self.is_raised().map_err(unavailable)? {
            return Err(Refusal::Raised);
        }
        self.find(caller, target).map(drop)
    }

    fn still_knows(&self, caller: &Caller) -> bool {
        // Where the policy cannot be read, nobody is known.
        self.current().is_ok_and(|now| now.policy.by_id(&caller.id).is_some())
    }

    fn standing(&self, caller: &Caller) -> Standing {
        let current = self.current.load();
        let licence = self.bounds.load().tiers.licensing.licence.clone();
        let standing = |access: &Arc<Access>| access.standing(licence.as_ref());
        current.policy.by_id(&caller.id).map(standing).unwrap_or_default()
    }

    fn exchanges(&self) -> Vec<(Box<str>, Arc<dyn Exchanges>)> {
        let named = |server: &Arc<dyn Server>| Some((server.name().into(), server.exchanges()?));
        self.servers.iter().filter_map(named).collect()
    }

    /// From the snapshot at hand: whoever asks over the network was recognised a moment ago, which read anew what had
    /// changed, and a call is decided by what holds when it comes.
    fn view(&self, caller: &Caller) -> Arc<View> {
        let current = self.current.load();
        match current.policy.by_id(&caller.id) {
            Some(access) => access.view(&current.catalog, &self.rules.load()),
            None => Arc::new(View::empty()),
        }
    }

    fn complete<'a>(
        &'a self,
        caller: &'a Caller,
        request: Completion,
    ) -> BoxFuture<'a, Result<Suggestions, Refusal>> {
        Box::pin(async move {
            match &request.of {
                CompletionOf::Prompt(name) => {
                    let grant = self.find(caller, &Target::Prompt(name.as_str().into()))?;
                    let Subject::Prompt(prompt) = &grant.entry.subject else {
                        return Ok(Suggestions::default());
                    };
                    Ok(prompt.complete(&request).await)
                }
                CompletionOf::Template(template) => {
                    let view = self.view(caller);
                    let offers = |some: &&Arc<dyn drawbridge_contract::Resources>| {
                        some.templates().iter().any(|offered| offered.uri_template == *template)
                    };
                    let Some(resources) = view.resources.iter().find(offers) else {
                        return Err(Refusal::NotFound {
                            kind: "resource template",
                            name: template.as_str().into(),
                        });
                    };
                    Ok(resources.complete(template, &request).await)
                }
            }
        })
    }

    fn watch<'a>(&'a self, caller: &'a Arc<Caller>, uri: &'a str) -> BoxFuture<'a, Result<Watch, Refusal>> {
        Box::pin(self.watched(caller, uri))
    }

    fn jobs(&self) -> Option<Arc<dyn Jobs>> {
        self.backlog().map(|backlog| backlog.clone() as Arc<dyn Jobs>)
    }

    fn recall(&self, id: &str) -> Option<Arc<Caller>> {
        let now = self.current().ok()?;
        now.policy.by_id(id).map(|access| access.caller.clone())
    }

    fn decided<'a>(&'a self, call: &'a Call) -> BoxFuture<'a, Option<bool>> {
        Box::pin(async move { self.approvals.decided(call) })
    }

    fn changes(&self) -> broadcast::Receiver<Change> {
        self.changes.subscribe()
    }
}

//! Keys, the bridge and the rules as of now: an immutable snapshot, read anew when any process changed something.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use drawbridge_contract::{Caller, CallerKind, Licensing};
use drawbridge_store::{Key as Row, KeyKind, Store, StoreError, now_us};

use crate::access::{Access, Bound};
use crate::limits::RateLimit;
use crate::meter::Meters;
use crate::pattern::{PatternError, Patterns};
use crate::tiers::{TierScope, Tiers};

/// The settings' name for the bridge's lever, and its word when nobody may pass.
pub const BRIDGE: &str = "bridge";
/// The word under [`BRIDGE`] when nobody may pass.
pub const RAISED: &str = "raised";
/// The word under [`BRIDGE`] when callers may pass.
pub const LOWERED: &str = "lowered";

/// How often the use of one key is written down, in microseconds.
const USED_EVERY_US: i64 = 60 * 1_000_000;
/// The id of the owner as a caller.
const OWNER: &str = "owner";

/// Everything that may change while the hub runs, as of one generation of the store.
pub(crate) struct Policy {
    pub(crate) generation: u64,
    pub(crate) raised: bool,
    by_hash: HashMap<[u8; 32], Key>,
    by_id: HashMap<Arc<str>, Arc<Access>>,
    /// The rows behind `by_id`, to see which did not change.
    rows: HashMap<Arc<str>, Row>,
}

/// What keys are bounded by.
#[derive(Clone)]
pub(crate) struct Bounds {
    /// For keys that name no rate of their own.
    pub(crate) per_minute: Option<u32>,
    pub(crate) tiers: Arc<Tiers>,
    pub(crate) meters: Arc<Meters>,
}

impl Bounds {
    /// The same, with other tiers or another licence.
    pub(crate) fn licensed(&self, licensing: Licensing) -> Self {
        let tiers = Arc::new(Tiers { licensing, old_names: self.tiers.old_names.clone() });
        Self { tiers, ..self.clone() }
    }
}

/// What is kept of an older policy.
#[derive(Clone, Copy)]
pub(crate) enum Before<'a> {
    Nothing,
    /// Only how full the buckets are: catalog or tiers are other ones now.
    Buckets(&'a Policy),
    /// All of what did not change, computed views included.
    Views(&'a Policy),
}

/// One key that opens the bridge, and whose it is.
pub(crate) struct Key {
    pub(crate) access: Arc<Access>,
    id: Arc<str>,
    /// When its use was last written down, in microseconds since the epoch.
    used_us: AtomicI64,
    /// When it ends, in microseconds since the epoch.
    expires_us: Option<i64>,
    /// A browser's, which counts as its session and not as a key.
    pub(crate) is_browsers: bool,
}

impl Key {
    fn is_live(&self) -> bool {
        self.expires_us.is_none_or(|end| now_us() < end)
    }

    /// Writes down that it was used; once in a while is enough for people.
    pub(crate) fn used(&self, store: &Store) {
        let now = now_us();
        if now - self.used_us.load(Ordering::Relaxed) > USED_EVERY_US {
            self.used_us.store(now, Ordering::Relaxed);
            store.keys().used(self.id.clone(), now);
        }
    }
}

impl Policy {
    /// Reads the policy.
    pub(crate) fn read(store: &Store, bounds: &Bounds, before: Before<'_>) -> Result<Self, StoreError> {
        // The generation first: a change in between is then read again, never missed.
        let generation = store.generation();
        let raised = store.settings().get(BRIDGE)?.as_deref() == Some(RAISED);
        let owner = match before {
            Before::Views(before) => before.owner().clone(),
            _ => owner(),
        };
        let mut policy = Self {
            generation,
            raised,
            by_hash: HashMap::new(),
            by_id: [(owner.caller.id.clone(), owner)].into(),
            rows: HashMap::new(),
        };
        for row in store.keys().all_live(now_us())? {
            policy.add(row, store, bounds, before);
        }
        Ok(policy)
    }

    pub(crate) fn by_hash(&self, hash: &[u8; 32]) -> Option<&Key> {
        self.by_hash.get(hash).filter(|key| key.is_live())
    }

    /// The access of a caller who may still call: its key was neither revoked nor has it expired.
    pub(crate) fn by_id(&self, id: &str) -> Option<&Arc<Access>> {
        self.by_id.get(id).filter(|access| access.bound.expires_us.is_none_or(|end| now_us() < end))
    }

    /// Everybody who may call, by id.
    pub(crate) fn accesses(&self) -> Vec<&Arc<Access>> {
        let mut accesses: Vec<&Arc<Access>> = self.by_id.values().collect();
        accesses.sort_by(|one, other| one.caller.id.cmp(&other.caller.id));
        accesses
    }

    pub(crate) fn owner(&self) -> &Arc<Access> {
        &self.by_id[OWNER]
    }

    fn add(&mut self, row: Row, store: &Store, bounds: &Bounds, before: Before<'_>) {
        // The owner's key and the short-lived ones of the command line and browsers are the owner, who has one access.
        let access = match row.kind {
            KeyKind::Key => before.access(&row).or_else(|| access_of(&row, store, bounds, before.rate(&row))),
            KeyKind::Owner | KeyKind::Session | KeyKind::Console => Some(self.owner().clone()),
            KeyKind::Link => None,
        };
        let Some(access) = access else { return };
        let key = Key {
            access: access.clone(),
            id: row.id.clone(),
            used_us: AtomicI64::new(0),
            expires_us: row.expires_us,
            is_browsers: row.kind == KeyKind::Console,
        };
        self.by_hash.insert(row.hash, key);
        self.by_id.insert(access.caller.id.clone(), access);
        self.rows.insert(row.id.clone(), row);
    }

    fn unchanged(&self, row: &Row) -> Option<Arc<Access>> {
        let same = self.rows.get(&row.id).is_some_and(|old| same_rights(old, row));
        same.then(|| self.by_hash.get(&row.hash).map(|key| key.access.clone())).flatten()
    }
}

impl Before<'_> {
    /// What a key's holder may do, if nothing of that changed.
    fn access(self, row: &Row) -> Option<Arc<Access>> {
        match self {
            Self::Views(before) => before.unchanged(row),
            Self::Buckets(_) | Self::Nothing => None,
        }
    }

    /// A key's bucket, as full as it is.
    fn rate(self, row: &Row) -> Option<Arc<RateLimit>> {
        match self {
            Self::Views(before) | Self::Buckets(before) => before.unchanged(row)?.bound.rate.clone(),
            Self::Nothing => None,
        }
    }
}

/// Whether two states of one key open the same; when it was last used does not matter.
fn same_rights(one: &Row, other: &Row) -> bool {
    let rights = |row: &Row| {
        (row.hash, row.kind, row.scopes.clone(), row.tier.clone(), row.expires_us, row.calls_per_minute)
    };
    one.name == other.name && rights(one) == rights(other)
}

fn owner() -> Arc<Access> {
    let caller = Arc::new(Caller::new(OWNER, CallerKind::Owner));
    Arc::new(Access::new(caller, Patterns::all(), Bound::default()))
}

/// A key's access. A row that makes no sense gives none, and says so: a broken key must not become a master key.
fn access_of(row: &Row, store: &Store, bounds: &Bounds, rate: Option<Arc<RateLimit>>) -> Option<Arc<Access>> {
    let broken = |error: &PatternError| tracing::error!(key = %row.name, %error, "this key is not served");
    let scopes = Patterns::compile(row.scopes.iter().map(String::as_str)).inspect_err(broken).ok()?;
    let id = format!("key:{}", row.name);
    let grade = bounds.tiers.licensing.grade(&id, row.tier.as_deref());
    let tier = grade.as_ref().map(TierScope::of).transpose().inspect_err(broken).ok()?;
    let meter = grade.as_ref().map(|grade| bounds.meters.of(&grade.account, store));
    let caller = Caller { grade, ..Caller::new(id, CallerKind::Key) };
    let bound = Bound {
        expires_us: row.expires_us,
        rate: rate.or_else(|| RateLimit::new(row.calls_per_minute.or(bounds.per_minute)).map(Arc::new)),
        meter,
        tier: tier.map(|scope| (scope, bounds.tiers.old_names.clone())),
    };
    Some(Arc::new(Access::new(Arc::new(caller), scopes, bound)))
}

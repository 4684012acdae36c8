//! Keys, the bridge and the rules as of now: an immutable snapshot, read anew when any process changed something.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use drawbridge_contract::{Caller, CallerKind};
use drawbridge_store::{Key as Row, KeyKind, Store, StoreError, now_us};

use crate::access::Access;
use crate::limits::RateLimit;
use crate::pattern::Patterns;

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

/// One key that opens the bridge, and whose it is.
pub(crate) struct Key {
    pub(crate) access: Arc<Access>,
    id: Arc<str>,
    /// When its use was last written down, in microseconds since the epoch.
    used_us: AtomicI64,
    /// When it ends, in microseconds since the epoch.
    expires_us: Option<i64>,
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
    /// Reads the policy. What did not change since `before` is kept, computed views and filled buckets included.
    pub(crate) fn read(
        store: &Store,
        per_minute: Option<u32>,
        before: Option<&Self>,
    ) -> Result<Self, StoreError> {
        // The generation first: a change in between is then read again, never missed.
        let generation = store.generation();
        let raised = store.settings().get(BRIDGE)?.as_deref() == Some(RAISED);
        let owner = before.and_then(|before| before.by_id.get(OWNER).cloned()).unwrap_or_else(owner);
        let mut policy = Self {
            generation,
            raised,
            by_hash: HashMap::new(),
            by_id: [(owner.caller.id.clone(), owner)].into(),
            rows: HashMap::new(),
        };
        for row in store.keys().all_live(now_us())? {
            policy.add(row, per_minute, before);
        }
        Ok(policy)
    }

    pub(crate) fn by_hash(&self, hash: &[u8; 32]) -> Option<&Key> {
        self.by_hash.get(hash).filter(|key| key.is_live())
    }

    /// The access of a caller who may still call: its key was neither revoked nor has it expired.
    pub(crate) fn by_id(&self, id: &str) -> Option<&Arc<Access>> {
        self.by_id.get(id).filter(|access| access.expires_us.is_none_or(|end| now_us() < end))
    }

    pub(crate) fn owner(&self) -> &Arc<Access> {
        &self.by_id[OWNER]
    }

    fn add(&mut self, row: Row, per_minute: Option<u32>, before: Option<&Self>) {
        // The owner's key and the short-lived ones of the command line and browsers are the owner, who has one access.
        let access = match row.kind {
            KeyKind::Key => {
                before.and_then(|before| before.unchanged(&row)).or_else(|| access_of(&row, per_minute))
            }
            KeyKind::Owner | KeyKind::Session | KeyKind::Console => Some(self.owner().clone()),
            KeyKind::Link => None,
        };
        let Some(access) = access else { return };
        let key = Key {
            access: access.clone(),
            id: row.id.clone(),
            used_us: AtomicI64::new(0),
            expires_us: row.expires_us,
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

/// Whether two states of one key open the same; when it was last used does not matter.
fn same_rights(one: &Row, other: &Row) -> bool {
    let rights = |row: &Row| {
        (row.hash, row.kind, row.scopes.clone(), row.tier.clone(), row.expires_us, row.calls_per_minute)
    };
    one.name == other.name && rights(one) == rights(other)
}

fn owner() -> Arc<Access> {
    let caller = Arc::new(Caller::new(OWNER, CallerKind::Owner));
    Arc::new(Access::new(caller, Patterns::all(), None, None))
}

/// A key's access. A row that makes no sense gives none, and says so: a broken key must not become a master key.
fn access_of(row: &Row, per_minute: Option<u32>) -> Option<Arc<Access>> {
    let scopes = Patterns::compile(row.scopes.iter().map(String::as_str))
        .inspect_err(|error| tracing::error!(key = %row.name, %error, "this key is not served"))
        .ok()?;
    let caller = Arc::new(Caller::new(format!("key:{}", row.name), CallerKind::Key));
    let rate = RateLimit::new(row.calls_per_minute.or(per_minute));
    Some(Arc::new(Access::new(caller, scopes, row.expires_us, rate)))
}

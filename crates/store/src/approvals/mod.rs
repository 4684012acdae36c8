//! Approvals: a caller asks for one call with exactly these arguments, and a person decides.

mod rows;

use serde::{Deserialize, Serialize};

use crate::{AuditRecord, By, Store, StoreError, error::at_most, words::words};

/// How many requests of one caller may wait for a decision.
pub const PENDING_PER_CALLER_MAX: usize = 32;

/// The longest text shown to the person who decides, in bytes.
pub const SHOWN_BYTES_MAX: usize = 64 * 1024;

/// The longest caller's id, tool's name or reason, in bytes.
pub const APPROVAL_TEXT_BYTES_MAX: usize = 1024;

/// A grant for one call lapses when it is not used for so long (a day), in microseconds.
pub const ONCE_LASTS_US: i64 = 24 * 3600 * 1_000_000;

/// What was decided, used or lapsed is forgotten after so long (30 days), in microseconds; the audit remembers.
pub const DECIDED_KEPT_US: i64 = 30 * 24 * 3600 * 1_000_000;

words! {
    /// How far an approval is.
    ApprovalState {
        /// It waits for a person.
        Pending = "pending",
        /// A person granted it, and the grant can be used.
        Approved = "approved",
        /// A person refused it, or took the grant back.
        Denied = "denied",
        /// The grant for one call was used.
        Used = "used",
        /// Nobody decided in time, or the grant is over.
        Expired = "expired",
    }
}

/// How much is granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "grant", content = "ends_us")]
pub enum Grant {
    /// One call, within [`ONCE_LASTS_US`].
    Once,
    /// Any number of calls until this time, in microseconds since 1970-01-01T00:00:00Z.
    Until(i64),
}

/// A request for a decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewApproval {
    /// The caller's id.
    pub caller: String,
    /// The tool's name.
    pub tool: String,
    /// SHA-256 of the exact arguments.
    pub args_hash: [u8; 32],
    /// The arguments as the person sees them: masked and cut. At most [`SHOWN_BYTES_MAX`].
    pub shown: String,
    /// The rule that asks.
    pub why: String,
    /// The call whose tool makes this one; none for a call from outside. The call itself is the request's [`By::call`].
    pub parent: Option<String>,
    /// When the request lapses, in microseconds since 1970-01-01T00:00:00Z.
    pub expires_us: i64,
}

/// A request, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Approval {
    /// What a person types to decide. See [`Approvals::approve`] for how lenient typing is.
    pub id: String,
    /// The caller's id.
    pub caller: String,
    /// The tool's name.
    pub tool: String,
    /// SHA-256 of the exact arguments.
    #[serde(skip)]
    pub args_hash: [u8; 32],
    /// The arguments as the person sees them.
    pub shown: String,
    /// The rule that asks.
    pub why: String,
    /// The call that asked first; empty where it was asked before this was kept.
    pub call: String,
    /// The call whose tool made that one.
    pub parent: Option<String>,
    /// How far it is.
    pub state: ApprovalState,
    /// When it was asked for, in microseconds since 1970-01-01T00:00:00Z, as all times here.
    pub created_us: i64,
    /// When the request lapses.
    pub expires_us: i64,
    /// When it was decided.
    pub decided_us: Option<i64>,
    /// Who decided.
    pub decided_by: Option<String>,
    /// What was granted.
    pub grant: Option<Grant>,
}

/// The approvals of a store; see [`Store::approvals`].
#[derive(Clone, Copy)]
pub struct Approvals<'a>(pub(crate) &'a Store);

impl Approvals<'_> {
    /// Asks for a decision, with a record `approval.request`. The same request that already waits is given back.
    ///
    /// # Errors
    /// [`StoreError::TooMany`] when [`PENDING_PER_CALLER_MAX`] requests of this caller wait;
    /// [`StoreError::TooLarge`] beyond the bounds of this module.
    pub async fn request(&self, wanted: NewApproval, by: By) -> Result<Approval, StoreError> {
        check(&wanted)?;
        self.0.change(move |connection| rows::request(connection, wanted, &by)).await
    }

    /// All requests that wait at `now_us`, oldest first; with `all`, those decided or lapsed, too. Blocks for
    /// microseconds.
    ///
    /// # Errors
    /// Only when the database cannot be read.
    pub fn list(&self, all: bool, now_us: i64) -> Result<Vec<Approval>, StoreError> {
        let sql = "SELECT * FROM approvals ORDER BY created, id";
        let mut found = self.0.read(|connection| rows::select(connection, sql, ()))?;
        for approval in &mut found {
            approval.lapse(now_us);
        }
        found.retain(|approval| all || approval.state == ApprovalState::Pending);
        Ok(found)
    }

    /// One request, as it is at `now_us`. Blocks for microseconds.
    ///
    /// # Errors
    /// [`StoreError::NoSuchApproval`].
    pub fn get(&self, id: &str, now_us: i64) -> Result<Approval, StoreError> {
        let mut approval = self.0.read(|connection| rows::by_id(connection, id))?;
        approval.lapse(now_us);
        Ok(approval)
    }

    /// Grants a request, with a record `approval.approve`. When this returns, every process knows.
    ///
    /// `id` as a person types it: capitals, hyphens and spaces do not matter, `O` is read as 0, `I` and `L` as 1.
    ///
    /// # Errors
    /// [`StoreError::NoSuchApproval`]; [`StoreError::NotPending`] when it was decided or lapsed;
    /// [`StoreError::GrantInThePast`].
    pub async fn approve(&self, id: &str, grant: Grant, by: By) -> Result<Approval, StoreError> {
        let id = id.to_owned();
        self.0.change(move |connection| rows::approve(connection, &id, grant, &by)).await
    }

    /// Refuses a request, or takes a grant back that was not used up, with a record `approval.deny`. When this
    /// returns, every process knows.
    ///
    /// # Errors
    /// [`StoreError::NoSuchApproval`]; [`StoreError::NotPending`] when there is nothing left to refuse.
    pub async fn deny(&self, id: &str, by: By) -> Result<Approval, StoreError> {
        let id = id.to_owned();
        self.0.change(move |connection| rows::deny(connection, &id, &by)).await
    }

    /// Uses a grant for exactly this call, if there is one at `now_us`. A grant for one call is used up, on disk,
    /// when this returns, with a record `approval.take`; of two who race for it, in whichever processes, one gets it.
    /// A grant until some time is only looked up.
    ///
    /// # Errors
    /// Only when the database cannot be read or written; then nothing was used up.
    pub async fn take(
        &self,
        caller: &str,
        tool: &str,
        args_hash: &[u8; 32],
        now_us: i64,
    ) -> Result<Option<Approval>, StoreError> {
        // Without a grant, or with one that lasts, nobody has to wait for the writer.
        let found = self.0.read(|connection| rows::granted(connection, caller, tool, args_hash, now_us))?;
        let Some(Approval { grant: Some(Grant::Once), .. }) = found else { return Ok(found) };
        let (caller, tool, args_hash) = (caller.to_owned(), tool.to_owned(), *args_hash);
        self.0.change(move |connection| rows::take(connection, &caller, &tool, &args_hash, now_us)).await
    }
}

impl Approval {
    /// Nobody has to write down that time passed: whoever reads sees it.
    fn lapse(&mut self, now_us: i64) {
        let over = match (self.state, self.grant) {
            (ApprovalState::Pending, _) => self.expires_us <= now_us,
            (ApprovalState::Approved, Some(Grant::Until(ends_us))) => ends_us <= now_us,
            (ApprovalState::Approved, _) => {
                self.decided_us.unwrap_or(0).saturating_add(ONCE_LASTS_US) <= now_us
            }
            _ => false,
        };
        if over {
            self.state = ApprovalState::Expired;
        }
    }

    fn act(&self, act: &str, what: &str, by: &By) -> AuditRecord {
        AuditRecord::act(by, act, format!("{what} {} of {} for {}", self.id, self.caller, self.tool))
    }
}

fn check(wanted: &NewApproval) -> Result<(), StoreError> {
    at_most("what the person sees", wanted.shown.len(), SHOWN_BYTES_MAX)?;
    for (what, text) in
        [("a caller's id", &wanted.caller), ("a tool's name", &wanted.tool), ("a reason", &wanted.why)]
    {
        at_most(what, text.len(), APPROVAL_TEXT_BYTES_MAX)?;
    }
    Ok(())
}

//! Approvals: a caller asks for one call with exactly these arguments, and a person decides.

use rusqlite::{Connection, OptionalExtension, Params, Row, params};
use serde::{Deserialize, Serialize};

use crate::{AuditRecord, By, Store, StoreError, error::at_most, random, words::words, writer::Effect};

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

/// Letters of an id: 50 bits, and it says nothing about others. Short enough to type.
const ID_LETTERS: usize = 10;

const DOING: &str = "write an approval";

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
        self.0.change(move |connection| request(connection, wanted, &by)).await
    }

    /// All requests that wait at `now_us`, oldest first; with `all`, those decided or lapsed, too. Blocks for
    /// microseconds.
    ///
    /// # Errors
    /// Only when the database cannot be read.
    pub fn list(&self, all: bool, now_us: i64) -> Result<Vec<Approval>, StoreError> {
        let sql = "SELECT * FROM approvals ORDER BY created, id";
        let mut found = self.0.read(|connection| select(connection, sql, ()))?;
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
        let mut approval = self.0.read(|connection| by_id(connection, id))?;
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
        self.0.change(move |connection| approve(connection, &id, grant, &by)).await
    }

    /// Refuses a request, or takes a grant back that was not used up, with a record `approval.deny`. When this
    /// returns, every process knows.
    ///
    /// # Errors
    /// [`StoreError::NoSuchApproval`]; [`StoreError::NotPending`] when there is nothing left to refuse.
    pub async fn deny(&self, id: &str, by: By) -> Result<Approval, StoreError> {
        let id = id.to_owned();
        self.0.change(move |connection| deny(connection, &id, &by)).await
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
        let found = self.0.read(|connection| granted(connection, caller, tool, args_hash, now_us))?;
        let Some(Approval { grant: Some(Grant::Once), .. }) = found else { return Ok(found) };
        let (caller, tool, args_hash) = (caller.to_owned(), tool.to_owned(), *args_hash);
        self.0.change(move |connection| take(connection, &caller, &tool, &args_hash, now_us)).await
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

fn request(connection: &Connection, wanted: NewApproval, by: &By) -> Result<(Approval, Effect), StoreError> {
    tidy(connection, by.time_us)?;
    if let Some(same) = same_pending(connection, &wanted)? {
        return Ok((same, Effect::default()));
    }
    refuse_too_many(connection, &wanted.caller)?;
    let approval = Approval {
        id: random::code::<ID_LETTERS>()?,
        caller: wanted.caller,
        tool: wanted.tool,
        args_hash: wanted.args_hash,
        shown: wanted.shown,
        why: wanted.why,
        state: ApprovalState::Pending,
        created_us: by.time_us,
        expires_us: wanted.expires_us,
        decided_us: None,
        decided_by: None,
        grant: None,
    };
    insert(connection, &approval)?;
    let act = approval.act("approval.request", "asked for", by);
    Ok((approval, Effect::noted(act)))
}

/// Writes down what lapsed, and forgets what is long over.
fn tidy(connection: &Connection, now_us: i64) -> Result<(), StoreError> {
    let lapse = "UPDATE approvals SET state = 'expired' WHERE state = 'pending' AND expires <= ?1";
    let over = "UPDATE approvals SET state = 'expired' WHERE state = 'approved'
        AND coalesce(grant_ends, decided_at + ?2) <= ?1";
    let forget = "DELETE FROM approvals WHERE state IN ('denied', 'used', 'expired') AND created < ?1 - ?2";
    let run = |sql: &str, params: &[i64]| {
        connection.prepare_cached(sql)?.execute(rusqlite::params_from_iter(params))
    };
    run(lapse, &[now_us])
        .and_then(|_| run(over, &[now_us, ONCE_LASTS_US]))
        .and_then(|_| run(forget, &[now_us, DECIDED_KEPT_US]))
        .map(drop)
        .map_err(StoreError::sql(DOING))
}

fn same_pending(connection: &Connection, wanted: &NewApproval) -> Result<Option<Approval>, StoreError> {
    let sql =
        "SELECT * FROM approvals WHERE caller = ?1 AND tool = ?2 AND args_hash = ?3 AND state = 'pending'";
    connection
        .prepare_cached(sql)
        .and_then(|mut select| {
            select.query_row(params![wanted.caller, wanted.tool, wanted.args_hash], approval).optional()
        })
        .map_err(StoreError::sql(DOING))
}

fn refuse_too_many(connection: &Connection, caller: &str) -> Result<(), StoreError> {
    let sql = "SELECT count(*) FROM approvals WHERE caller = ?1 AND state = 'pending'";
    let count: i64 = connection.query_row(sql, [caller], |row| row.get(0)).map_err(StoreError::sql(DOING))?;
    if count >= PENDING_PER_CALLER_MAX as i64 {
        let what = "requests of this caller that wait for approval";
        return Err(StoreError::TooMany { what, count_max: PENDING_PER_CALLER_MAX });
    }
    Ok(())
}

fn approve(
    connection: &Connection,
    id: &str,
    grant: Grant,
    by: &By,
) -> Result<(Approval, Effect), StoreError> {
    let mut approval = open(connection, id, &[ApprovalState::Pending], by)?;
    if matches!(grant, Grant::Until(ends_us) if ends_us <= by.time_us) {
        return Err(StoreError::GrantInThePast);
    }
    approval.grant = Some(grant);
    let what = match grant {
        Grant::Once => "approved once: request".to_owned(),
        Grant::Until(ends_us) => format!("approved until {ends_us} (microseconds since 1970): request"),
    };
    decide(connection, &mut approval, ApprovalState::Approved, by)?;
    let act = approval.act("approval.approve", &what, by);
    Ok((approval, Effect::policy(act)))
}

fn deny(connection: &Connection, id: &str, by: &By) -> Result<(Approval, Effect), StoreError> {
    let mut approval = open(connection, id, &[ApprovalState::Pending, ApprovalState::Approved], by)?;
    decide(connection, &mut approval, ApprovalState::Denied, by)?;
    let act = approval.act("approval.deny", "denied request", by);
    Ok((approval, Effect::policy(act)))
}

/// The approval, if it is in one of these states.
fn open(
    connection: &Connection,
    id: &str,
    states: &[ApprovalState],
    by: &By,
) -> Result<Approval, StoreError> {
    let mut approval = by_id(connection, id)?;
    approval.lapse(by.time_us);
    if states.contains(&approval.state) {
        Ok(approval)
    } else {
        Err(StoreError::NotPending { id: approval.id, state: approval.state })
    }
}

fn decide(
    connection: &Connection,
    approval: &mut Approval,
    state: ApprovalState,
    by: &By,
) -> Result<(), StoreError> {
    approval.state = state;
    approval.decided_us = Some(by.time_us);
    approval.decided_by = Some(by.caller.to_string());
    let (kind, ends_us) = columns(approval.grant);
    let sql = "UPDATE approvals SET state = ?2, decided_at = ?3, decided_by = ?4, grant_kind = ?5, grant_ends = ?6 WHERE id = ?1";
    connection
        .execute(sql, params![approval.id, state, approval.decided_us, approval.decided_by, kind, ends_us])
        .map(drop)
        .map_err(StoreError::sql(DOING))
}

/// The grant for exactly this call that holds now. One that lasts comes before one that is used up.
fn granted(
    connection: &Connection,
    caller: &str,
    tool: &str,
    args_hash: &[u8; 32],
    now_us: i64,
) -> Result<Option<Approval>, StoreError> {
    let sql =
        "SELECT * FROM approvals WHERE caller = ?1 AND tool = ?2 AND args_hash = ?3 AND state = 'approved'
        AND coalesce(grant_ends, decided_at + ?5) > ?4 ORDER BY grant_kind DESC, created LIMIT 1";
    connection
        .prepare_cached(sql)
        .and_then(|mut select| {
            select.query_row(params![caller, tool, args_hash, now_us, ONCE_LASTS_US], approval).optional()
        })
        .map_err(StoreError::sql("read the approvals"))
}

/// Looks again, now that nobody else can write, and uses up a grant for one call.
fn take(
    connection: &Connection,
    caller: &str,
    tool: &str,
    args_hash: &[u8; 32],
    now_us: i64,
) -> Result<(Option<Approval>, Effect), StoreError> {
    let Some(mut approval) = granted(connection, caller, tool, args_hash, now_us)? else {
        return Ok((None, Effect::default()));
    };
    if approval.grant != Some(Grant::Once) {
        return Ok((Some(approval), Effect::default()));
    }
    connection
        .execute("UPDATE approvals SET state = 'used' WHERE id = ?1", [&approval.id])
        .map_err(StoreError::sql(DOING))?;
    approval.state = ApprovalState::Used;
    let mut by = By::now(caller, "store");
    by.time_us = now_us;
    let act = approval.act("approval.take", "used the grant", &by);
    Ok((Some(approval), Effect::noted(act)))
}

fn by_id(connection: &Connection, id: &str) -> Result<Approval, StoreError> {
    let code = random::read_code(id);
    connection
        .prepare_cached("SELECT * FROM approvals WHERE id = ?1")
        .and_then(|mut select| select.query_row([&code], approval).optional())
        .map_err(StoreError::sql("read an approval"))?
        .ok_or_else(|| StoreError::NoSuchApproval { id: id.into() })
}

fn insert(connection: &Connection, approval: &Approval) -> Result<(), StoreError> {
    let sql = "INSERT INTO approvals (id, caller, tool, args_hash, shown, why, state, created, expires)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
    let values = params![
        approval.id,
        approval.caller,
        approval.tool,
        approval.args_hash,
        approval.shown,
        approval.why,
        approval.state,
        approval.created_us,
        approval.expires_us,
    ];
    connection.execute(sql, values).map(drop).map_err(StoreError::sql(DOING))
}

fn select(connection: &Connection, sql: &str, params: impl Params) -> Result<Vec<Approval>, StoreError> {
    connection
        .prepare_cached(sql)
        .and_then(|mut select| select.query_map(params, approval)?.collect())
        .map_err(StoreError::sql("read the approvals"))
}

fn columns(grant: Option<Grant>) -> (Option<&'static str>, Option<i64>) {
    match grant {
        None => (None, None),
        Some(Grant::Once) => (Some("once"), None),
        Some(Grant::Until(ends_us)) => (Some("until"), Some(ends_us)),
    }
}

fn approval(row: &Row<'_>) -> rusqlite::Result<Approval> {
    let kind: Option<String> = row.get("grant_kind")?;
    let ends_us: Option<i64> = row.get("grant_ends")?;
    let grant = kind.map(|_| ends_us.map_or(Grant::Once, Grant::Until));
    Ok(Approval {
        id: row.get("id")?,
        caller: row.get("caller")?,
        tool: row.get("tool")?,
        args_hash: row.get("args_hash")?,
        shown: row.get("shown")?,
        why: row.get("why")?,
        state: row.get("state")?,
        created_us: row.get("created")?,
        expires_us: row.get("expires")?,
        decided_us: row.get("decided_at")?,
        decided_by: row.get("decided_by")?,
        grant,
    })
}

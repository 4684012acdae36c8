//! The approvals' SQL. Everything that writes runs in the writer's transaction.

use rusqlite::{Connection, OptionalExtension, Params, Row, params};

use super::{
    Approval, ApprovalState, DECIDED_KEPT_US, Grant, NewApproval, ONCE_LASTS_US, PENDING_PER_CALLER_MAX,
};
use crate::{By, StoreError, random, writer::Effect};

/// Letters of an id: 50 bits, and it says nothing about others. Short enough to type.
const ID_LETTERS: usize = 10;

const DOING: &str = "write an approval";

pub(super) fn request(
    connection: &Connection,
    wanted: NewApproval,
    by: &By,
) -> Result<(Approval, Effect), StoreError> {
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
        call: by.call.to_string(),
        parent: wanted.parent,
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

pub(super) fn approve(
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

pub(super) fn deny(connection: &Connection, id: &str, by: &By) -> Result<(Approval, Effect), StoreError> {
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
pub(super) fn granted(
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
pub(super) fn take(
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

pub(super) fn by_id(connection: &Connection, id: &str) -> Result<Approval, StoreError> {
    let code = random::read_code(id);
    connection
        .prepare_cached("SELECT * FROM approvals WHERE id = ?1")
        .and_then(|mut select| select.query_row([&code], approval).optional())
        .map_err(StoreError::sql("read an approval"))?
        .ok_or_else(|| StoreError::NoSuchApproval { id: id.into() })
}

fn insert(connection: &Connection, approval: &Approval) -> Result<(), StoreError> {
    let sql = "INSERT INTO approvals (id, caller, tool, args_hash, shown, why, state, created, expires, call, parent)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";
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
        approval.call,
        approval.parent,
    ];
    connection.execute(sql, values).map(drop).map_err(StoreError::sql(DOING))
}

pub(super) fn select(
    connection: &Connection,
    sql: &str,
    params: impl Params,
) -> Result<Vec<Approval>, StoreError> {
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
        call: row.get("call")?,
        parent: row.get("parent")?,
        state: row.get("state")?,
        created_us: row.get("created")?,
        expires_us: row.get("expires")?,
        decided_us: row.get("decided_at")?,
        decided_by: row.get("decided_by")?,
        grant,
    })
}

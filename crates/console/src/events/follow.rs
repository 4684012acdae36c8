//! One open stream: looks for what is new, and tells it, for as long as somebody listens.

use std::sync::Arc;

use bytes::Bytes;
use drawbridge_contract::{Authenticator as _, Caller, Change, Session, broadcast};
use drawbridge_store::{AuditEntry, AuditPhase, StoreError};
use serde::Serialize;
use serde_json::{Value, json};
use tokio::sync::broadcast::error::TryRecvError;
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior};

use super::frame::{PING, frame};
use crate::limits::{KEEP_ALIVE, LOOK_EVERY, RECORDS_BEHIND_MAX, RECORDS_PER_LOOK_MAX, SLOW_MAX};
use crate::problem::Problem;
use crate::shared::Shared;
use crate::{approvals, audit, bridge};

/// Every how many looks it is asked whether the session still holds, and how jobs and the hub are.
const LOOKS_PER_CHECK: u64 = 4;

pub(super) struct Follow {
    console: Arc<Shared>,
    session: Session,
    caller: Arc<Caller>,
    sender: mpsc::Sender<Bytes>,
    changes: broadcast::Receiver<Change>,
    /// The last record that was told.
    after: i64,
    told: Instant,
    /// As they were told last.
    jobs: Value,
    status: Value,
}

/// The browser went, or takes nothing any more, or its session has ended.
struct Over;

impl Follow {
    /// A stream of what comes after a record; after the last one there is, where nobody says.
    pub(super) fn begin(
        console: Arc<Shared>,
        session: Session,
        caller: Arc<Caller>,
        after: Option<i64>,
        sender: mpsc::Sender<Bytes>,
    ) -> Result<Self, Problem> {
        let last = console.store.audit_head()?.seq;
        let after = after.map_or(last, |after| after.min(last));
        let (changes, told) = (console.handler.changes(), Instant::now());
        let (jobs, status) = (Value::Null, Value::Null);
        Ok(Self { console, session, caller, sender, changes, after, told, jobs, status })
    }

    pub(super) async fn run(mut self) {
        let shutdown = self.console.shutdown.clone();
        let sender = self.sender.clone();
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = sender.closed() => {}
            _ = self.tell_all() => {}
        }
    }

    async fn tell_all(&mut self) -> Result<(), Over> {
        self.tell("bridge", &bridge::now(&self.console.store)).await?;
        self.tell_approvals().await?;
        let mut looks = tokio::time::interval(LOOK_EVERY);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        for look in 0_u64.. {
            looks.tick().await;
            if look.is_multiple_of(LOOKS_PER_CHECK) {
                self.check_session()?;
                self.tell_status().await?;
            }
            self.tell_records().await?;
            self.tell_catalog().await?;
            if self.told.elapsed() >= KEEP_ALIVE {
                self.send(PING).await?;
            }
        }
        Ok(())
    }

    /// A session that was revoked, or a key that is gone, hears nothing more. One that listens is in use.
    fn check_session(&self) -> Result<(), Over> {
        let whose = self.console.sessions.authenticate(self.session.secret()).map_err(|_| Over)?;
        if whose.id == self.caller.id { Ok(()) } else { Err(Over) }
    }

    async fn tell_records(&mut self) -> Result<(), Over> {
        let entries = match self.fresh() {
            Ok((gap, entries)) => {
                if let Some(gap) = gap {
                    self.tell("gap", &gap).await?;
                    // What was missed may have changed anything.
                    self.tell("bridge", &bridge::now(&self.console.store)).await?;
                    self.tell_approvals().await?;
                }
                entries
            }
            Err(error) => {
                tracing::error!(%error, "the audit cannot be followed");
                return Ok(());
            }
        };
        for entry in &entries {
            self.after = entry.seq;
            self.tell("call", &audit::row(entry)).await?;
        }
        self.tell_acts(&entries).await
    }

    /// The records that were not told yet; those that are too many are named, and left out.
    fn fresh(&mut self) -> Result<(Option<Value>, Vec<AuditEntry>), StoreError> {
        let last = self.console.store.audit_head()?.seq;
        let gap = (last - self.after > RECORDS_BEHIND_MAX).then(|| {
            let (from, to) = (self.after + 1, last - RECORDS_PER_LOOK_MAX as i64);
            self.after = to;
            json!({"from": from, "to": to})
        });
        if last == self.after {
            return Ok((gap, Vec::new()));
        }
        Ok((gap, self.console.store.audit_follow(self.after, RECORDS_PER_LOOK_MAX)?))
    }

    /// What somebody changed is in the audit, whichever process did it.
    async fn tell_acts(&mut self, entries: &[AuditEntry]) -> Result<(), Over> {
        let did = |what: &str| {
            entries
                .iter()
                .any(|entry| entry.record.phase == AuditPhase::Act && entry.record.target.starts_with(what))
        };
        if did("bridge.") {
            self.tell("bridge", &bridge::now(&self.console.store)).await?;
        }
        if did("approval.") {
            self.tell_approvals().await?;
        }
        if did("key.") {
            self.tell("keys", &json!({})).await?;
        }
        Ok(())
    }

    async fn tell_approvals(&mut self) -> Result<(), Over> {
        match approvals::waiting(&self.console).await {
            Ok(waiting) => self.tell("approval", &json!({"approvals": waiting})).await,
            Err(problem) => {
                tracing::error!(?problem, "the approvals cannot be read");
                Ok(())
            }
        }
    }

    /// Jobs and the hub, where they are not as they were told.
    async fn tell_status(&mut self) -> Result<(), Over> {
        let mut status = self.console.program.status();
        let jobs = status["jobs"].take();
        if jobs != self.jobs {
            self.tell("job", &jobs).await?;
            self.jobs = jobs;
        }
        // What grows by itself is no news.
        for (part, grows) in [("", "up_seconds"), ("audit", "records"), ("audit", "commits")] {
            let part = if part.is_empty() { Some(&mut status) } else { status.get_mut(part) };
            part.and_then(Value::as_object_mut).map(|part| part.remove(grows));
        }
        if status != self.status {
            self.tell("status", &status).await?;
            self.status = status;
        }
        Ok(())
    }

    async fn tell_catalog(&mut self) -> Result<(), Over> {
        let mut changed = false;
        while let Ok(_) | Err(TryRecvError::Lagged(_)) = self.changes.try_recv() {
            changed = true;
        }
        if changed { self.tell("catalog", &json!({})).await } else { Ok(()) }
    }

    async fn tell(&mut self, event: &str, data: &impl Serialize) -> Result<(), Over> {
        self.send(frame(self.after, event, data)).await
    }

    async fn send(&mut self, bytes: Bytes) -> Result<(), Over> {
        self.told = Instant::now();
        self.sender.send_timeout(bytes, SLOW_MAX).await.map_err(|_| Over)
    }
}

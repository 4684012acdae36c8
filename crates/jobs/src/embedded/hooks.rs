//! Receivers and deliveries in the file: who is told, what is due, what became of it.

use std::collections::HashSet;
use std::sync::Arc;

use drawbridge_contract::{RawValue, raw};
use rusqlite::{Connection, OptionalExtension, Row as SqlRow, params};

use super::desk::Desk;
use super::key::Key;
use super::outbox::patterns;
use super::row::at_most_rows;
use crate::webhook::{
    Delivery, DeliveryFilter, DeliveryState, DeliveryView, Due, EventSet, Heard, Receiver, ReceiverChange,
    ReceiverRow, Secrets, Settled, WebhookEvent,
};
use crate::{EngineError, JobId, ToolPattern};

const DOING: &str = "write the receivers of webhooks";
const READING: &str = "read the webhooks";

/// How many receivers there may be.
pub(super) const RECEIVERS_MAX: u64 = 1_000;
/// How many deliveries that ended are remembered.
const ENDED_KEPT: usize = 10_000;
/// For how long, in milliseconds: a week.
const ENDED_KEPT_MS: i64 = 7 * 24 * 3600 * 1000;
/// The longest reason of a failure that is kept, in bytes.
const ERROR_BYTES_MAX: usize = 512;

impl Desk {
    /// Writes a new receiver; one with the same id stays as it is.
    pub(super) fn add_receiver(&mut self, new: &ReceiverRow) -> Result<(), EngineError> {
        let count: u64 = self
            .connection
            .query_row("SELECT count(*) FROM hook WHERE url IS NOT NULL", (), |row| row.get::<_, i64>(0))
            .map_err(EngineError::sql(DOING))?
            .unsigned_abs();
        if new.url.is_some() && count >= RECEIVERS_MAX {
            return Err(EngineError::TooMany { what: "receivers of webhooks", count_max: RECEIVERS_MAX });
        }
        self.connection
            .prepare_cached(
                "INSERT OR IGNORE INTO hook (id, caller, all_callers, url, events, tools, secret, paused, created) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 0, ?8)",
            )
            .and_then(|mut insert| {
                insert.execute(params![
                    new.id,
                    &*new.caller,
                    new.all_callers,
                    new.url,
                    new.events.bits(),
                    written(&new.tools).get(),
                    new.secret,
                    new.created_ms
                ])
            })
            .and_then(|_| self.outbox.reload_rules(&self.connection))
            .map_err(EngineError::sql(DOING))
    }

    /// Removes a receiver and what waits for it. Says whether it was there.
    pub(super) fn remove_receiver(&mut self, id: &str) -> Result<bool, EngineError> {
        let remove = |desk: &mut Self| {
            let removed = desk.connection.execute("DELETE FROM hook WHERE id = ?1", [id])?;
            desk.connection.execute("DELETE FROM delivery WHERE receiver = ?1 AND state < 2", [id])?;
            Ok(removed > 0)
        };
        let removed = remove(self).map_err(EngineError::sql(DOING))?;
        self.outbox.reload(&self.connection)?;
        Ok(removed)
    }

    /// Pauses a receiver, or resumes it. Says whether it was there.
    pub(super) fn pause_receiver(
        &mut self,
        id: &str,
        paused: bool,
        why: Option<&str>,
    ) -> Result<bool, EngineError> {
        let found = self
            .connection
            .execute("UPDATE hook SET paused = ?2, why_paused = ?3 WHERE id = ?1", (id, paused, why))
            .map_err(EngineError::sql(DOING))?;
        self.outbox.reload_rules(&self.connection).map_err(EngineError::sql(DOING))?;
        self.outbox.has_news = true; // what waited while it was paused
        Ok(found > 0)
    }

    /// Writes what is different about a receiver. What waits for it goes to its new address at once. Of one that was removed meanwhile
    /// there is nothing to write.
    fn update_receiver(&mut self, id: &str, change: &ReceiverChange) -> Result<(), EngineError> {
        let tools = change.tools.as_deref().map(written);
        let update = "UPDATE hook SET url = coalesce(?2, url), events = coalesce(?3, events), \
                      tools = coalesce(?4, tools), all_callers = coalesce(?5, all_callers) \
                      WHERE id = ?1 AND url IS NOT NULL";
        let changed = params![
            id,
            change.url,
            change.events.map(EventSet::bits),
            tools.as_ref().map(|tools| tools.get()),
            change.all_callers
        ];
        let forward = "UPDATE delivery SET url = ?2, next_at = ?3 WHERE receiver = ?1 AND state < 2";
        let write = |desk: &mut Self| {
            desk.connection.execute(update, changed)?;
            if let Some(url) = &change.url {
                desk.connection.execute(forward, (id, url, desk.now.wall_ms))?;
                desk.outbox.has_news = true;
            }
            desk.outbox.reload_rules(&desk.connection)
        };
        write(self).map_err(EngineError::sql(DOING))
    }

    /// Gives a receiver a new secret; the one before signs, too, for a while. Says whether it was there.
    pub(super) fn rotate(&mut self, id: &str, secret: &[u8], until_ms: i64) -> Result<bool, EngineError> {
        self.connection
            .execute(
                "UPDATE hook SET previous = secret, previous_until = ?3, secret = ?2 WHERE id = ?1",
                (id, secret, until_ms),
            )
            .map(|found| found > 0)
            .map_err(EngineError::sql(DOING))
    }

    /// Writes how an attempt ended. One that is not there any more was removed meanwhile.
    pub(super) fn settle_delivery(&mut self, settled: &Settled) -> Result<(), EngineError> {
        self.try_settle(settled).map_err(EngineError::sql("write what became of a webhook"))
    }

    fn try_settle(&mut self, settled: &Settled) -> rusqlite::Result<()> {
        let ended = matches!(settled.state, DeliveryState::Delivered | DeliveryState::GivenUp)
            .then_some(self.now.wall_ms);
        let error = settled.error.as_deref().map(|error| super::change::cut(error, ERROR_BYTES_MAX));
        let found: Option<(String, i64)> = self
            .connection
            .prepare_cached(
                "UPDATE delivery SET state = ?2, attempt = attempt + 1, next_at = ?3, status = ?4, error = ?5, ended = ?6 \
                 WHERE id = ?1 AND state = 0 RETURNING receiver, job",
            )?
            .query_row(
                params![settled.number, settled.state as i64, settled.next_ms, settled.status, error, ended],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )
            .optional()?;
        let Some((receiver, job)) = found else { return Ok(()) };
        if ended.is_some() {
            self.outbox.settle(&receiver);
            self.bring_forward(&receiver, job)?;
        }
        if let Some(why) = settled.pause {
            self.connection
                .execute("UPDATE hook SET paused = 1, why_paused = ?2 WHERE id = ?1", (&receiver, why))?;
            self.outbox.reload_rules(&self.connection)?;
        }
        Ok(())
    }

    /// The next one of the same job for the same receiver may be sent.
    fn bring_forward(&mut self, receiver: &str, job: i64) -> rusqlite::Result<()> {
        let moved = self
            .connection
            .prepare_cached(
                "UPDATE delivery SET state = 0, next_at = ?3 WHERE state = 1 AND id = \
                 (SELECT min(id) FROM delivery WHERE receiver = ?1 AND job = ?2 AND state < 2)",
            )?
            .execute((receiver, job, self.now.wall_ms))?;
        self.outbox.has_news |= moved > 0;
        Ok(())
    }

    /// Sends one again that ended, to where its receiver is now. Says whether it was there.
    pub(super) fn redeliver(&mut self, key: Key) -> Result<bool, EngineError> {
        let found: Option<String> = self
            .connection
            .prepare_cached(
                "UPDATE delivery SET attempt = 0, next_at = ?3, ended = NULL, status = NULL, error = NULL, \
                 url = coalesce((SELECT hook.url FROM hook WHERE hook.id = receiver), url), state = \
                 EXISTS (SELECT 1 FROM delivery other WHERE other.receiver = delivery.receiver \
                 AND other.job = delivery.job AND other.state < 2) \
                 WHERE id = ?1 AND nonce = ?2 AND state >= 2 RETURNING receiver",
            )
            .and_then(|mut update| {
                let row = (key.id, key.nonce.cast_signed(), self.now.wall_ms);
                update.query_row(row, |row| row.get(0)).optional()
            })
            .map_err(EngineError::sql("send a webhook again"))?;
        if let Some(receiver) = &found {
            self.outbox.enter(receiver);
        }
        Ok(found.is_some())
    }

    /// Forgets deliveries that ended long ago, and those that are too many.
    pub(super) fn forget_deliveries(&mut self) -> Result<(), EngineError> {
        self.connection
            .execute(
                "DELETE FROM delivery WHERE state >= 2 AND (ended < ?1 OR ended < coalesce(\
                 (SELECT ended FROM delivery WHERE state >= 2 ORDER BY ended DESC LIMIT 1 OFFSET ?2), 0))",
                (self.now.wall_ms - ENDED_KEPT_MS, at_most_rows(ENDED_KEPT)),
            )
            .map(drop)
            .map_err(EngineError::sql("forget old webhooks"))
    }
}

/// Patterns of tools, as the file has them.
fn written(tools: &[ToolPattern]) -> Box<RawValue> {
    raw(&tools.iter().map(|pattern| &*pattern.0).collect::<Vec<_>>())
}

/// Every receiver, or those of one caller.
pub(super) fn receivers(
    connection: &Connection,
    caller: Option<&str>,
    now_ms: i64,
) -> Result<Vec<Receiver>, EngineError> {
    let read = || {
        let mut select = connection.prepare_cached(
            "SELECT id, caller, all_callers, url, events, tools, paused, why_paused, previous_until, created FROM hook \
             WHERE ?1 IS NULL OR caller = ?1 ORDER BY created, id",
        )?;
        select.query_map([caller], |row| read_receiver(row, now_ms))?.collect::<rusqlite::Result<_>>()
    };
    read().map_err(EngineError::sql(READING))
}

fn read_receiver(row: &SqlRow<'_>, now_ms: i64) -> rusqlite::Result<Receiver> {
    let tools = patterns(&row.get::<_, String>(5)?);
    Ok(Receiver {
        id: row.get(0)?,
        caller: row.get(1)?,
        all_callers: row.get(2)?,
        url: row.get(3)?,
        events: EventSet::from_bits(row.get(4)?).events(),
        tools: tools.into_iter().map(|ToolPattern(pattern)| pattern.into()).collect(),
        paused: row.get(6)?,
        why_paused: row.get(7)?,
        previous_secret_until_ms: row.get::<_, Option<i64>>(8)?.filter(|until_ms| *until_ms > now_ms),
        created_ms: row.get(9)?,
    })
}

/// The sealed secrets of a receiver that are good now.
pub(super) fn secrets(
    connection: &Connection,
    id: &str,
    now_ms: i64,
) -> Result<Option<Secrets>, EngineError> {
    connection
        .prepare_cached(
            "SELECT secret, CASE WHEN previous_until > ?2 THEN previous END FROM hook WHERE id = ?1",
        )
        .and_then(|mut select| {
            let read = |row: &SqlRow<'_>| Ok(Secrets { secret: row.get(0)?, previous: row.get(1)? });
            select.query_row((id, now_ms), read).optional()
        })
        .map_err(EngineError::sql(READING))
}

/// What may be sent now: up to `count_max`, at most `lane_max` of a lane, without what is under way. `after` is the lane
/// that was served last: the ones behind it go first.
pub(super) fn due(
    connection: &Connection,
    now_ms: i64,
    under_way: &HashSet<i64>,
    (count_max, lane_max): (usize, usize),
    after: &str,
) -> Result<Due, EngineError> {
    let mut due = Due::default();
    let lanes = lanes(connection, after).map_err(EngineError::sql(READING))?;
    for lane in lanes {
        let room = count_max - due.deliveries.len();
        due_of_lane(connection, &lane, now_ms, under_way, room.min(lane_max), lane_max, &mut due)
            .map_err(EngineError::sql(READING))?;
    }
    Ok(due)
}

/// The lanes in which something waits, each found with one look at the index. What is paused waits on.
fn lanes(connection: &Connection, after: &str) -> rusqlite::Result<Vec<Arc<str>>> {
    let mut select = connection.prepare_cached(
        "WITH RECURSIVE found (lane) AS (SELECT min(lane) FROM delivery WHERE state = 0 UNION ALL \
         SELECT (SELECT min(lane) FROM delivery WHERE state = 0 AND lane > found.lane) FROM found \
         WHERE found.lane IS NOT NULL) SELECT lane FROM found WHERE lane IS NOT NULL \
         AND NOT EXISTS (SELECT 1 FROM hook WHERE hook.id = lane AND paused = 1) ORDER BY lane <= ?1, lane",
    )?;
    select.query_map([after], |row| row.get(0))?.collect()
}

fn due_of_lane(
    connection: &Connection,
    lane: &Arc<str>,
    now_ms: i64,
    under_way: &HashSet<i64>,
    room: usize,
    lane_max: usize,
    due: &mut Due,
) -> rusqlite::Result<()> {
    let mut select = connection.prepare_cached(
        "SELECT delivery.id, nonce, receiver, delivery.url, job, job_nonce, \
         coalesce((SELECT caller FROM hook WHERE hook.id = receiver), delivery.caller), event, body, attempt, next_at, job_name \
         FROM delivery WHERE state = 0 AND lane = ?1 ORDER BY next_at LIMIT ?2",
    )?;
    let mut rows = select.query((lane, at_most_rows(lane_max + under_way.len() + 1)))?;
    let (mut taken, mut busy) = (0, 0);
    while let Some(row) = rows.next()? {
        let (number, next_ms): (i64, i64) = (row.get(0)?, row.get(10)?);
        if under_way.contains(&number) {
            busy += 1;
        } else if next_ms > now_ms {
            due.next_ms = Some(due.next_ms.map_or(next_ms, |known| known.min(next_ms)));
            break;
        } else if taken < room && taken + busy < lane_max {
            taken += 1;
            due.deliveries.push(read_delivery(row, lane)?);
        }
    }
    Ok(())
}

fn read_delivery(row: &SqlRow<'_>, lane: &Arc<str>) -> rusqlite::Result<Delivery> {
    let number = row.get(0)?;
    Ok(Delivery {
        number,
        id: message_id(Key { id: number, nonce: row.get::<_, i64>(1)?.cast_unsigned() }),
        receiver: row.get(2)?,
        lane: Arc::clone(lane),
        url: row.get(3)?,
        job: job_of(Key { id: row.get(4)?, nonce: row.get::<_, i64>(5)?.cast_unsigned() }, row.get(11)?),
        caller: row.get(6)?,
        event: event_of(row.get(7)?),
        body: row.get(8)?,
        attempts: row.get(9)?,
    })
}

/// The log of deliveries, newest first, before the one that ended the page before.
pub(super) fn log(
    connection: &Connection,
    filter: &DeliveryFilter,
    before: Option<&str>,
    limit: usize,
) -> Result<Vec<DeliveryView>, EngineError> {
    let job = filter.job.as_ref().map(Key::of_any);
    let before = before.and_then(key_of_message).map_or(i64::MAX, |key| key.id);
    let read = || {
        let mut select = connection.prepare_cached(
            "SELECT id, nonce, receiver, url, job, job_nonce, tool, event, state, attempt, status, error, created, next_at, \
             ended, job_name FROM delivery WHERE id < ?1 AND (?2 IS NULL OR receiver = ?2) AND (?3 IS NULL OR (job = ?3 AND \
             job_nonce = ?4)) AND (NOT ?5 OR state = 3) AND (?6 IS NULL OR \
             coalesce((SELECT caller FROM hook WHERE hook.id = receiver), delivery.caller) = ?6) \
             ORDER BY id DESC LIMIT ?7",
        )?;
        let parameters = params![
            before,
            filter.receiver,
            job.map(|key| key.id),
            job.map(|key| key.nonce.cast_signed()),
            filter.given_up,
            filter.caller.as_deref(),
            at_most_rows(limit)
        ];
        select.query_map(parameters, read_view)?.collect::<rusqlite::Result<_>>()
    };
    read().map_err(EngineError::sql(READING))
}

/// Whose receiver a delivery went to; `None` for one that is not remembered.
pub(super) fn owner(connection: &Connection, key: Key) -> Result<Option<String>, EngineError> {
    connection
        .prepare_cached(
            "SELECT coalesce((SELECT caller FROM hook WHERE hook.id = receiver), caller) FROM delivery \
             WHERE id = ?1 AND nonce = ?2",
        )
        .and_then(|mut select| {
            select.query_row((key.id, key.nonce.cast_signed()), |row| row.get(0)).optional()
        })
        .map_err(EngineError::sql(READING))
}

fn read_view(row: &SqlRow<'_>) -> rusqlite::Result<DeliveryView> {
    let nonce = |index| row.get::<_, i64>(index).map(i64::cast_unsigned);
    let state =
        DeliveryState::ALL.get(usize::from(row.get::<_, u8>(8)?)).copied().unwrap_or(DeliveryState::GivenUp);
    let waits = matches!(state, DeliveryState::Waiting);
    Ok(DeliveryView {
        id: message_id(Key { id: row.get(0)?, nonce: nonce(1)? }),
        receiver: row.get(2)?,
        url: row.get(3)?,
        job: job_of(Key { id: row.get(4)?, nonce: nonce(5)? }, row.get(15)?),
        tool: row.get(6)?,
        event: event_of(row.get(7)?),
        state,
        attempts: row.get(9)?,
        status: row.get(10)?,
        error: row.get(11)?,
        created_ms: row.get(12)?,
        next_ms: if waits { row.get(13)? } else { None },
        ended_ms: row.get(14)?,
    })
}

/// The id of a job: its own, or what another engine calls it.
fn job_of(key: Key, name: Option<String>) -> JobId {
    name.map_or_else(|| key.job_id(), |name| JobId::new(&name))
}

fn event_of(number: u8) -> WebhookEvent {
    WebhookEvent::ALL.get(usize::from(number)).copied().unwrap_or(WebhookEvent::Error)
}

/// A delivery's id, as receivers and people see it.
fn message_id(key: Key) -> String {
    format!("msg_{}", key.job_id())
}

/// What is in a delivery's id that somebody wrote.
pub(super) fn key_of_message(id: &str) -> Option<Key> {
    Key::of(&JobId::new(id.strip_prefix("msg_")?))
}

/// Receivers and deliveries, for the webhooks that use this engine.
impl super::Embedded {
    pub(crate) async fn hook_add(&self, new: ReceiverRow) -> Result<(), EngineError> {
        self.change(move |desk| desk.add_receiver(&new)).await
    }

    pub(crate) async fn hook_remove(&self, id: String) -> Result<bool, EngineError> {
        self.change(move |desk| desk.remove_receiver(&id)).await
    }

    pub(crate) async fn hook_pause(&self, id: String, paused: bool) -> Result<bool, EngineError> {
        self.change(move |desk| desk.pause_receiver(&id, paused, None)).await
    }

    pub(crate) async fn hook_update(&self, id: String, change: ReceiverChange) -> Result<(), EngineError> {
        self.change(move |desk| desk.update_receiver(&id, &change)).await
    }

    pub(crate) async fn hook_rotate(
        &self,
        id: String,
        secret: Vec<u8>,
        until_ms: i64,
    ) -> Result<bool, EngineError> {
        self.change(move |desk| desk.rotate(&id, &secret, until_ms)).await
    }

    pub(crate) fn hooks(&self, caller: Option<&str>) -> Result<Vec<Receiver>, EngineError> {
        let now_ms = self.now().wall_ms;
        self.read(|connection| receivers(connection, caller, now_ms))
    }

    pub(crate) fn hook_secrets(&self, id: &str) -> Result<Option<Secrets>, EngineError> {
        let now_ms = self.now().wall_ms;
        self.read(|connection| secrets(connection, id, now_ms))
    }

    pub(crate) fn deliveries_due(
        &self,
        under_way: &HashSet<i64>,
        maxima: (usize, usize),
        after: &str,
    ) -> Result<Due, EngineError> {
        let now_ms = self.now().wall_ms;
        self.read(|connection| due(connection, now_ms, under_way, maxima, after))
    }

    pub(crate) async fn delivery_settle(&self, settled: Settled) -> Result<(), EngineError> {
        self.change(move |desk| desk.settle_delivery(&settled)).await
    }

    pub(crate) async fn deliveries_forget(&self) -> Result<(), EngineError> {
        self.change(Desk::forget_deliveries).await
    }

    pub(crate) fn deliveries(
        &self,
        filter: &DeliveryFilter,
        before: Option<&str>,
        limit: usize,
    ) -> Result<Vec<DeliveryView>, EngineError> {
        self.read(|connection| log(connection, filter, before, limit))
    }

    /// Whether any receiver hears of jobs that name none themselves.
    pub(crate) fn has_receivers(&self) -> Result<bool, EngineError> {
        let some = "SELECT EXISTS (SELECT 1 FROM hook WHERE url IS NOT NULL AND paused = 0)";
        self.read(|connection| {
            connection.query_row(some, (), |row| row.get(0)).map_err(EngineError::sql(READING))
        })
    }

    /// Writes what happened to jobs of another engine, and how far its history was read, in one commit.
    pub(crate) async fn hear(
        &self,
        heard: Vec<Heard>,
        read_to: Option<(&'static str, u64)>,
    ) -> Result<(), EngineError> {
        self.change(move |desk| desk.hear(&heard, read_to)).await
    }

    /// Whose receiver a delivery went to; `None` for one that is not remembered.
    pub(crate) fn delivery_owner(&self, id: &str) -> Result<Option<String>, EngineError> {
        let Some(key) = key_of_message(id) else { return Ok(None) };
        self.read(|connection| owner(connection, key))
    }

    pub(crate) async fn redeliver(&self, id: &str) -> Result<bool, EngineError> {
        let Some(key) = key_of_message(id) else { return Ok(false) };
        self.change(move |desk| desk.redeliver(key)).await
    }
}

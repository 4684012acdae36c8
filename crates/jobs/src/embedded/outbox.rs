//! What is told to others, written in the same commit as the change that it tells of.

use std::collections::HashMap;

use drawbridge_contract::RawValue;
use drawbridge_outbound::Url;
use rusqlite::{Connection, OptionalExtension, params};

use super::desk::Desk;
use super::key::Key;
use super::row::Row;
use crate::webhook::{Body, EventSet, Facts, Heard, WebhookEvent};
use crate::{EngineError, Failure, Happening, Progress, ToolPattern};

const DOING: &str = "write what is to be told";

/// How many deliveries may wait for one receiver. Beyond, a standing receiver is paused, and callbacks are not written.
pub(super) const WAITING_MAX: u64 = 10_000;

/// What the writer remembers of receivers and deliveries. It follows from the file.
#[derive(Default)]
pub(super) struct Outbox {
    rules: Vec<Rule>,
    /// How many deliveries wait for each receiver.
    waiting: HashMap<String, u64>,
    /// What happened in this transaction and is not written yet.
    notes: Vec<Note>,
    /// The transaction under way wrote something to be sent.
    pub(super) has_news: bool,
}

/// A standing receiver.
struct Rule {
    id: String,
    url: String,
    /// `None` for everybody.
    caller: Option<String>,
    events: EventSet,
    tools: Vec<ToolPattern>,
    created_ms: i64,
}

struct Note {
    key: Key,
    event: WebhookEvent,
    attempt: u32,
    progress: Option<Progress>,
}

/// What is told, of a job of whichever engine.
struct News<'a> {
    key: Key,
    /// The job's id, where another engine has it.
    job_name: Option<&'a str>,
    event: WebhookEvent,
    tool: &'a str,
    caller: &'a str,
    callback: Option<String>,
    /// Receivers that were made later hear nothing of it.
    at_ms: i64,
    body: String,
}

/// One who is to be told.
struct Target {
    receiver: String,
    lane: String,
    url: String,
    is_callback: bool,
}

impl Outbox {
    pub(super) fn reload(&mut self, connection: &Connection) -> Result<(), EngineError> {
        let doing = "read the receivers of webhooks";
        let rules = read_rules(connection).map_err(EngineError::sql(doing))?;
        let waiting = read_waiting(connection).map_err(EngineError::sql(doing))?;
        *self = Self { rules, waiting, notes: Vec::new(), has_news: true }; // what waits may be due
        Ok(())
    }

    /// Reads the receivers anew: they changed.
    pub(super) fn reload_rules(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        self.rules = read_rules(connection)?;
        Ok(())
    }

    /// Whether anybody wants to hear of a job.
    pub(super) fn hears_of(&self, row: &Row) -> bool {
        row.has.callback || !self.rules.is_empty()
    }

    /// One delivery less waits for a receiver.
    pub(super) fn settle(&mut self, receiver: &str) {
        if let Some(waiting) = self.waiting.get_mut(receiver) {
            *waiting = waiting.saturating_sub(1);
            if *waiting == 0 {
                self.waiting.remove(receiver);
            }
        }
    }

    /// One delivery more waits for a receiver.
    pub(super) fn enter(&mut self, receiver: &str) {
        *self.waiting.entry(receiver.to_owned()).or_default() += 1;
        self.has_news = true;
    }

    fn is_full(&self, receiver: &str) -> bool {
        self.waiting.get(receiver).is_some_and(|waiting| *waiting >= WAITING_MAX)
    }
}

impl Desk {
    /// Remembers to tell of a change. What is told is written before the commit, when everything about it is known.
    pub(super) fn note(&mut self, row: &Row, what: Happening) {
        if let Some(event) = WebhookEvent::of(what)
            && self.outbox.hears_of(row)
        {
            let (key, attempt) = (row.key, row.job.attempt);
            self.outbox.notes.push(Note { key, event, attempt, progress: None });
        }
    }

    /// Tells how far a job is; whoever says it must have the job.
    pub(super) fn tell_progress(
        &mut self,
        key: Key,
        token: u64,
        progress: Progress,
    ) -> Result<(), EngineError> {
        let row = self.held_row(key, token)?;
        if self.outbox.hears_of(&row) {
            let (event, attempt) = (WebhookEvent::Progress, row.job.attempt);
            self.outbox.notes.push(Note { key, event, attempt, progress: Some(progress) });
        }
        Ok(())
    }

    /// Writes what this transaction has to tell.
    pub(super) fn write_notes(&mut self) -> Result<(), EngineError> {
        for note in std::mem::take(&mut self.outbox.notes) {
            let Some(row) = self.row_of(note.key.id)? else { continue };
            self.write_note(&note, &row)?;
        }
        Ok(())
    }

    fn write_note(&mut self, note: &Note, row: &Row) -> Result<(), EngineError> {
        let names = &self.shared.names;
        let (tool, caller) = (names.text(row.lane.tool), names.text(row.caller));
        let callback = if row.has.callback { self.callback(row.key.id) } else { Ok(None) };
        let mut news = News {
            key: row.key,
            job_name: None,
            event: note.event,
            tool: &tool,
            caller: &caller,
            callback: callback.map_err(EngineError::sql(DOING))?,
            at_ms: i64::MAX,
            body: String::new(),
        };
        let targets = self.targets(&news)?;
        if !targets.is_empty() {
            news.body = self.body(note, row, &tool)?;
        }
        self.write_deliveries(&news, &targets)
    }

    /// Writes what happened to jobs of another engine, and how far its history was read.
    pub(super) fn hear(&mut self, heard: &[Heard], read_to: Option<(&str, u64)>) -> Result<(), EngineError> {
        for one in heard {
            let id = one.job.as_str();
            let news = News {
                key: Key::of_any(&one.job),
                job_name: Some(id),
                event: one.event,
                tool: &one.tool,
                caller: &one.caller,
                callback: one.callback.as_deref().map(str::to_owned),
                at_ms: one.at_ms,
                body: one.body(),
            };
            let targets = self.targets(&news)?;
            self.write_deliveries(&news, &targets)?;
        }
        match read_to {
            Some((reader, seq)) => self.keep_since(reader, seq),
            None => Ok(()),
        }
    }

    fn write_deliveries(&mut self, news: &News<'_>, targets: &[Target]) -> Result<(), EngineError> {
        targets.iter().try_for_each(|target| self.write_delivery(news, target))
    }

    /// Those who want to hear of it and have room.
    fn targets(&mut self, news: &News<'_>) -> Result<Vec<Target>, EngineError> {
        let mut targets: Vec<Target> = self
            .outbox
            .rules
            .iter()
            .filter(|rule| rule.hears(news))
            .map(|rule| Target {
                receiver: rule.id.clone(),
                lane: rule.id.clone(),
                url: rule.url.clone(),
                is_callback: false,
            })
            .collect();
        targets.extend(news.callback.as_ref().map(|url| Target {
            receiver: format!("callback:{}", news.caller),
            lane: lane(url),
            url: url.clone(),
            is_callback: true,
        }));
        let mut with_room = Vec::new();
        for target in targets {
            if self.outbox.is_full(&target.receiver) {
                self.refuse(&target).map_err(EngineError::sql(DOING))?;
            } else {
                with_room.push(target);
            }
        }
        Ok(with_room)
    }

    fn callback(&self, id: i64) -> rusqlite::Result<Option<String>> {
        let found = self
            .connection
            .prepare_cached("SELECT callback FROM arguments WHERE job = ?1")?
            .query_row([id], |row| row.get(0))
            .optional()?;
        Ok(found.flatten())
    }

    /// Too much waits already: a standing receiver is paused, so that people see it; a callback is left out.
    fn refuse(&mut self, target: &Target) -> rusqlite::Result<()> {
        let receiver = target.receiver.as_str();
        tracing::warn!(receiver, "{WAITING_MAX} webhooks wait for it already; it is told nothing more");
        if target.is_callback {
            return Ok(());
        }
        let why = format!("{WAITING_MAX} deliveries waited; resume it when it takes them again");
        self.connection
            .prepare_cached("UPDATE hook SET paused = 1, why_paused = ?2 WHERE id = ?1")?
            .execute((receiver, why))?;
        self.outbox.reload_rules(&self.connection)
    }

    fn body(&self, note: &Note, row: &Row, tool: &str) -> Result<String, EngineError> {
        let (arguments, result, failure) = self.payloads(row.key.id).map_err(EngineError::sql(DOING))?;
        let arguments = super::read::raw(arguments)?;
        let result = result.map(super::read::raw).transpose()?;
        let failure: Option<Failure> = failure.and_then(|text| serde_json::from_str(&text).ok());
        let job = row.key.job_id();
        let facts = Facts {
            job: job.as_str(),
            tool,
            event: note.event,
            attempt: note.attempt,
            attempts_max: row.job.attempts_max,
            at_ms: self.now.wall_ms,
            arguments: Some(&arguments),
            result: result.as_deref() as Option<&RawValue>,
            failure: failure.as_ref(),
            progress: note.progress.as_ref(),
        };
        Ok(Body::new(&facts).json())
    }

    fn payloads(&self, id: i64) -> rusqlite::Result<(String, Option<String>, Option<String>)> {
        self.connection
            .prepare_cached(
                "SELECT text, result, failure FROM arguments LEFT JOIN outcome ON outcome.job = arguments.job \
                 WHERE arguments.job = ?1",
            )?
            .query_row([id], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
    }

    fn write_delivery(&mut self, news: &News<'_>, target: &Target) -> Result<(), EngineError> {
        let sql = EngineError::sql(DOING);
        let removed = self.drop_older_progress(news.key, target).and_then(|removed| {
            self.connection
                .prepare_cached(
                    "INSERT INTO delivery (nonce, receiver, lane, url, job, job_nonce, caller, tool, event, body, created, \
                     state, attempt, next_at, job_name) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, \
                     EXISTS (SELECT 1 FROM delivery WHERE receiver = ?2 AND job = ?5 AND state < 2), 0, ?11, ?12)",
                )?
                .execute(params![
                    rand::random::<u64>().cast_signed(),
                    target.receiver,
                    target.lane,
                    target.url,
                    news.key.id,
                    news.key.nonce.cast_signed(),
                    news.caller,
                    news.tool,
                    news.event as i64,
                    news.body,
                    self.now.wall_ms,
                    news.job_name
                ])?;
            Ok(removed)
        });
        for _ in 0..removed.map_err(sql)? {
            self.outbox.settle(&target.receiver);
        }
        self.outbox.enter(&target.receiver);
        Ok(())
    }

    /// Progress that waits behind something is overtaken by whatever comes after it.
    fn drop_older_progress(&self, job: Key, target: &Target) -> rusqlite::Result<usize> {
        self.connection
            .prepare_cached(
                "DELETE FROM delivery WHERE receiver = ?1 AND job = ?2 AND state = 1 AND event = ?3",
            )?
            .execute((&target.receiver, job.id, WebhookEvent::Progress as i64))
    }
}

impl Rule {
    fn hears(&self, news: &News<'_>) -> bool {
        self.events.has(news.event)
            && self.created_ms <= news.at_ms
            && self.caller.as_deref().is_none_or(|of| of == news.caller)
            && (self.tools.is_empty() || self.tools.iter().any(|pattern| pattern.fits(news.tool)))
    }
}

/// Callbacks to the same host share a limit of requests at once.
fn lane(url: &str) -> String {
    let url = Url::parse(url).ok();
    let host = url.as_ref().and_then(|url| Some((url.host_str()?, url.port_or_known_default()?)));
    host.map_or_else(|| "?".to_owned(), |(host, port)| format!("{host}:{port}"))
}

fn read_rules(connection: &Connection) -> rusqlite::Result<Vec<Rule>> {
    let mut select = connection.prepare_cached(
        "SELECT id, url, caller, all_callers, events, tools, created FROM hook WHERE url IS NOT NULL AND paused = 0",
    )?;
    let rows = select.query_map((), |row| {
        let everybody: bool = row.get(3)?;
        Ok(Rule {
            id: row.get(0)?,
            url: row.get(1)?,
            caller: if everybody { None } else { row.get(2)? },
            events: EventSet::from_bits(row.get(4)?),
            tools: patterns(&row.get::<_, String>(5)?),
            created_ms: row.get(6)?,
        })
    })?;
    rows.collect()
}

/// A list that cannot be read fits no tool, rather than all.
pub(super) fn patterns(text: &str) -> Vec<ToolPattern> {
    serde_json::from_str(text).unwrap_or_else(|_| vec![ToolPattern("".into())])
}

fn read_waiting(connection: &Connection) -> rusqlite::Result<HashMap<String, u64>> {
    let mut select =
        connection.prepare("SELECT receiver, count(*) FROM delivery WHERE state < 2 GROUP BY receiver")?;
    select.query_map((), |row| Ok((row.get(0)?, row.get::<_, i64>(1)?.unsigned_abs())))?.collect()
}

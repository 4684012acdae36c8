//! Taking jobs.

use std::collections::HashMap;
use std::sync::Arc;

use rusqlite::{OptionalExtension, params};

use super::desk::{Desk, key_of};
use super::history::Entry;
use super::key::Key;
use super::lanes::Lane;
use super::names::NameId;
use super::row::{Has, Row};
use crate::bounds::CHILDREN_MAX;
use crate::machine::{Event, Job as Core, step};
use crate::{EngineError, Happening, NewJob, Policies, Policy, Start, State};

const DOING: &str = "write a job";

/// Kinds of keys, as in the table.
const IDEMPOTENCY: i64 = 0;
const DEDUPLICATION: i64 = 1;

/// A job that was checked, with everything that needs no look at the file.
pub(super) struct Prepared {
    job: NewJob,
    policy: Policy,
    nonce: u64,
    parent: Option<Key>,
    /// Of tool and arguments, when there is an idempotency key to hold it.
    fingerprint: Option<[u8; 32]>,
}

impl Prepared {
    /// Checks everything that can be checked without the file.
    pub(super) fn new(job: NewJob, policies: &Policies) -> Result<Self, EngineError> {
        job.check()?;
        let policy = job.policy.unwrap_or_else(|| policies.of(&job.tool)).bounded();
        let parent = job.parent.as_ref().map(key_of).transpose()?;
        let fingerprint = job.idempotency_key.is_some().then(|| job.fingerprint());
        Ok(Self { job, policy, nonce: rand::random(), parent, fingerprint })
    }
}

/// A job and whether it was there before.
pub(super) type Taken = (Key, bool);

/// What is known of a job of a submission before anything is written.
#[derive(Clone, Copy)]
enum Known {
    /// It is new.
    New,
    /// It was there before.
    Existing(Key),
    /// It is the same as an earlier one of the same submission.
    Twin(usize),
}

/// New jobs in a row that the history has not heard of.
struct Unheard {
    first: Key,
    count: i64,
}

/// What a new job has of a family.
#[derive(Clone, Copy)]
struct Kin {
    /// How many children it waits for.
    children: u32,
    /// Its parent counts it already.
    is_counted: bool,
}

const ALONE: Kin = Kin { children: 0, is_counted: false };

// Everything that can be refused is refused before anything is written.
impl Desk {
    /// Takes all of them, or none.
    pub(super) fn submit(&mut self, jobs: Vec<Prepared>) -> Result<Vec<Taken>, EngineError> {
        let known = self.check_all(&jobs)?;
        self.insert_all(jobs, known, ALONE)
    }

    /// Takes a job that waits for its children, and them; or none of them.
    pub(super) fn submit_family(
        &mut self,
        parent: Prepared,
        children: Vec<Prepared>,
    ) -> Result<(Taken, Vec<Taken>), EngineError> {
        self.check_room(1 + children.len())?;
        let known = self.check_all(std::slice::from_ref(&parent))?;
        if let [Known::Existing(existing)] = known[..] {
            return Ok(((existing, true), Vec::new()));
        }
        let known_children = self.check_all(&children)?;
        if known_children.iter().any(|known| !matches!(known, Known::New)) {
            let problem = "was used for another job already; use a new one".to_owned();
            return Err(EngineError::Invalid { what: "a child's key", problem });
        }
        let count = u32::try_from(children.len()).unwrap_or(u32::MAX);
        let taken = self.insert_all(vec![parent], known, Kin { children: count, is_counted: false })?;
        let parent = taken[0];
        let with_parent = |child| Prepared { parent: Some(parent.0), ..child };
        let children = children.into_iter().map(with_parent).collect();
        let children = self.insert_all(children, known_children, Kin { children: 0, is_counted: true })?;
        Ok((parent, children))
    }

    fn check_all(&mut self, jobs: &[Prepared]) -> Result<Vec<Known>, EngineError> {
        self.check_room(jobs.len())?;
        self.check_parents(jobs)?;
        let known = self.find_all(jobs)?;
        self.check_room_of_callers(jobs, &known)?;
        for new in jobs {
            for name in [&new.job.queue, &new.job.tool, &new.job.caller] {
                self.shared.names.intern(name, &self.connection)?;
            }
        }
        Ok(known)
    }

    fn check_room(&self, count: usize) -> Result<(), EngineError> {
        let open_max = self.settings.open_max;
        if self.lanes.open().saturating_add(count as u64) > open_max {
            return Err(EngineError::TooMany { what: "jobs that have not ended", count_max: open_max });
        }
        Ok(())
    }

    /// One caller does not fill the queue for everybody else. A repeated submission needs no room.
    fn check_room_of_callers(&self, jobs: &[Prepared], known: &[Known]) -> Result<(), EngineError> {
        let count_max = self.settings.open_per_caller_max;
        let mut wanted: HashMap<&str, u64> = HashMap::new();
        for (new, _) in jobs.iter().zip(known).filter(|(_, known)| matches!(known, Known::New)) {
            *wanted.entry(&new.job.caller).or_default() += 1;
        }
        for (caller, count) in wanted {
            let open = self.shared.names.find(caller).map_or(0, |caller| self.callers.open(caller));
            if open.saturating_add(count) > count_max {
                return Err(EngineError::TooMany {
                    what: "jobs of this caller that have not ended",
                    count_max,
                });
            }
        }
        Ok(())
    }

    /// Refuses children of jobs that can have none.
    fn check_parents(&self, jobs: &[Prepared]) -> Result<(), EngineError> {
        let mut children: HashMap<Key, u32> = HashMap::new();
        for parent in jobs.iter().filter_map(|job| job.parent) {
            *children.entry(parent).or_default() += 1;
        }
        for (parent, count) in children {
            let mut row = self.row(parent)?;
            step(&mut row.job, Event::AddChild, self.now)
                .map_err(|misfit| EngineError::Misfit { id: parent.job_id(), misfit })?;
            if row.job.children_open.saturating_add(count - 1) > CHILDREN_MAX {
                let count_max = CHILDREN_MAX.into();
                return Err(EngineError::TooMany { what: "open children of this job", count_max });
            }
        }
        Ok(())
    }

    fn find_all(&self, jobs: &[Prepared]) -> Result<Vec<Known>, EngineError> {
        let mut earlier: HashMap<(i64, &str, &str), usize> = HashMap::new();
        let mut known = Vec::with_capacity(jobs.len());
        for (index, new) in jobs.iter().enumerate() {
            let mut found = self.find(new)?;
            for (kind, text) in keys(&new.job) {
                let first = *earlier.entry((kind, &new.job.caller, text)).or_insert(index);
                if first != index && matches!(found, Known::New) {
                    if kind == IDEMPOTENCY && jobs[first].fingerprint != new.fingerprint {
                        let problem = format!("{text:?} is that of two different jobs of this submission");
                        return Err(EngineError::Invalid { what: "an idempotency key", problem });
                    }
                    found = Known::Twin(first);
                }
            }
            known.push(found);
        }
        Ok(known)
    }

    /// Whether one of the keys was used already.
    fn find(&self, new: &Prepared) -> Result<Known, EngineError> {
        if let Some(caller) = self.shared.names.find(&new.job.caller) {
            for (kind, text) in keys(&new.job) {
                let Some((found, fingerprint)) = self.used_key(kind, caller, text)? else { continue };
                if kind == IDEMPOTENCY && fingerprint != new.fingerprint {
                    return Err(EngineError::KeyReused { key: Arc::clone(text), id: found.job_id() });
                }
                return Ok(Known::Existing(found));
            }
        }
        Ok(Known::New)
    }

    #[expect(clippy::type_complexity, reason = "a job and the fingerprint that was kept with it")]
    fn used_key(
        &self,
        kind: i64,
        caller: NameId,
        text: &str,
    ) -> Result<Option<(Key, Option<[u8; 32]>)>, EngineError> {
        self.connection
            .prepare_cached(
                "SELECT job.id, nonce, fingerprint FROM key JOIN job ON job.id = key.job \
                 WHERE kind = ?1 AND key.caller = ?2 AND text = ?3",
            )
            .and_then(|mut select| {
                let read = |row: &rusqlite::Row<'_>| {
                    let key = Key { id: row.get(0)?, nonce: row.get::<_, i64>(1)?.cast_unsigned() };
                    Ok((key, row.get(2)?))
                };
                select.query_row((kind, caller, text), read).optional()
            })
            .map_err(EngineError::sql("read a key"))
    }

    /// Inserts those that are new, in order.
    fn insert_all(
        &mut self,
        jobs: Vec<Prepared>,
        known: Vec<Known>,
        kin: Kin,
    ) -> Result<Vec<Taken>, EngineError> {
        let mut unheard: Option<Unheard> = None;
        let mut taken: Vec<Taken> = Vec::with_capacity(jobs.len());
        for (new, known) in jobs.into_iter().zip(known) {
            let next = match known {
                Known::New => (self.insert(&new, kin)?, false),
                Known::Existing(key) => (key, true),
                Known::Twin(first) => (taken[first].0, true),
            };
            if !next.1 {
                unheard.get_or_insert(Unheard { first: next.0, count: 0 }).count += 1;
            }
            taken.push(next);
        }
        self.tell_submitted(unheard, &taken)?;
        Ok(taken)
    }

    /// Numbers are given in order, so new jobs of one submission follow each other.
    fn tell_submitted(&mut self, unheard: Option<Unheard>, taken: &[Taken]) -> Result<(), EngineError> {
        let Some(Unheard { first, count }) = unheard else { return Ok(()) };
        if count > 1 && self.shared.changes.receiver_count() > 0 {
            self.history.fresh_keys.extend(taken.iter().filter(|(_, existed)| !existed).map(|(key, _)| *key));
        }
        let entry = Entry { job: first, count, what: Happening::Submitted, attempt: 0, token: 0 };
        self.history.write(&self.connection, entry, self.now).map_err(EngineError::sql(DOING))
    }

    fn insert(&mut self, new: &Prepared, kin: Kin) -> Result<Key, EngineError> {
        let row = self.row_to_be(new, kin)?;
        self.next_id += 1;
        if !kin.is_counted
            && let Some(parent) = new.parent
        {
            let mut parent = self.row(parent)?;
            self.happen(&mut parent, Event::AddChild)?;
        }
        row.insert(&self.connection).map_err(EngineError::sql(DOING))?;
        self.insert_arguments(row.key.id, new).map_err(EngineError::sql(DOING))?;
        self.insert_keys(&row, new).map_err(EngineError::sql(DOING))?;
        self.lanes.enter(row.lane, row.job.state);
        self.callers.follow(row.caller, None, row.job.state);
        if row.job.state == State::Scheduled && !row.job.awaits_children {
            self.timers.scheduled(row.job.run_at_ms);
        }
        if let Some(deadline_ms) = row.job.deadline_ms {
            self.timers.deadline(deadline_ms);
        }
        Ok(row.key)
    }

    fn row_to_be(&self, new: &Prepared, kin: Kin) -> Result<Row, EngineError> {
        let Prepared { job, policy, nonce, parent, .. } = new;
        let now_ms = self.now.wall_ms;
        let run_at_ms = match job.start {
            Start::Now => now_ms,
            Start::After(ms) => now_ms.saturating_add_unsigned(ms),
            Start::At(at_ms) => at_ms,
        };
        let mut core = Core::new(policy.attempts_max, policy.backoff)
            .not_before(run_at_ms, self.now)
            .after_children(kin.children);
        let after = policy.deadline_after_ms.map(|after_ms| now_ms.saturating_add_unsigned(after_ms));
        core.deadline_ms = job.deadline_ms.or(after);
        core.fails_with_children = job.fails_with_children;
        core.holds_parent = parent.is_some();
        let names = &self.shared.names;
        let name = |text| names.intern(text, &self.connection);
        Ok(Row {
            key: Key { id: self.next_id, nonce: *nonce },
            lane: Lane { queue: name(&job.queue)?, tool: name(&job.tool)?, hold: 0 },
            caller: name(&job.caller)?,
            priority: -i64::from(job.priority),
            parent: parent.map(|parent| parent.id),
            created_ms: now_ms,
            started_ms: None,
            ended_ms: None,
            in_process: false,
            has: Has {
                key: job.idempotency_key.is_some() || job.deduplication_key.is_some(),
                callback: job.callback_url.is_some(),
                ..Has::default()
            },
            job: core,
        })
    }

    fn insert_arguments(&self, id: i64, new: &Prepared) -> rusqlite::Result<()> {
        let attributes = new.job.attributes.as_ref().map(|attributes| attributes.get());
        self.connection
            .prepare_cached("INSERT INTO arguments VALUES (?1, ?2, ?3, ?4)")?
            .execute((id, new.job.arguments.get(), attributes, new.job.callback_url.as_deref()))
            .map(drop)
    }

    fn insert_keys(&self, row: &Row, new: &Prepared) -> rusqlite::Result<()> {
        for (kind, text) in keys(&new.job) {
            let fingerprint = (kind == IDEMPOTENCY).then_some(new.fingerprint).flatten();
            self.connection
                .prepare_cached("INSERT INTO key VALUES (?1, ?2, ?3, ?4, ?5)")?
                .execute(params![kind, row.caller, &**text, row.key.id, fingerprint])?;
        }
        Ok(())
    }
}

/// The keys of a job with their kinds.
fn keys(job: &NewJob) -> impl Iterator<Item = (i64, &Arc<str>)> {
    let keys = [(IDEMPOTENCY, &job.idempotency_key), (DEDUPLICATION, &job.deduplication_key)];
    keys.into_iter().filter_map(|(kind, text)| Some((kind, text.as_ref()?)))
}

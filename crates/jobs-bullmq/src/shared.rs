//! What all parts of the engine have in common, and what it does with one script after the other.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use drawbridge_contract::CancellationToken;
use drawbridge_jobs::bounds::PAGE_MAX;
use drawbridge_jobs::{
    Claim, EngineError, Exchange, Exchanged, Filter, Job, JobId, Lease, Page, QueueCounts, State, Submitted,
};
use redis::Cmd;
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::arrivals::Arrivals;
use crate::exchange::{Told, bounded_lease, give_back, refuse, send};
use crate::keeper::Keeper;
use crate::link::Link;
use crate::names::{inner, queue_out};
use crate::submit::{Prepared, submitted};
use crate::together::Together;
use crate::{Settings, events, scripts, view};

/// How many jobs one look at the list brings.
const LOOK_MAX: usize = 500;
/// How many jobs are looked at for one page, at most; a page of rare ones may come back short, with where to go on.
const LOOKED_AT_MAX: usize = 50_000;
/// A worker who waits asks again after this time, whatever it heard.
const ASK_AGAIN: Duration = Duration::from_secs(5);

pub(crate) struct Shared {
    pub(crate) link: Arc<Link>,
    pub(crate) settings: Settings,
    pub(crate) ears: Arc<events::Ears>,
    pub(crate) keeper: Arc<Keeper>,
    /// The workers who wait, by name.
    pub(crate) waiting: Mutex<HashMap<Arc<str>, Vec<CancellationToken>>>,
    /// Jobs that are sent with the next message.
    pub(crate) together: Together,
    /// What jobs were that may be gone by now.
    pub(crate) arrivals: Arrivals,
    pub(crate) closed: CancellationToken,
}

impl Shared {
    pub(crate) fn check_open(&self) -> Result<(), EngineError> {
        if self.closed.is_cancelled() { Err(EngineError::Closed) } else { Ok(()) }
    }

    pub(crate) async fn submit(
        &self,
        jobs: &[Prepared],
        is_family: bool,
    ) -> Result<Vec<Submitted>, EngineError> {
        self.check_open()?;
        if jobs.is_empty() {
            return Ok(Vec::new());
        }
        let mut script = self.link.script(&scripts::SUBMIT);
        script.arg(u8::from(is_family));
        for job in jobs {
            job.write(&mut script, &self.settings);
        }
        let answer: Vec<String> = self.link.run(&script, "take the job").await?;
        let taken = submitted(&answer)?;
        self.ears.wake.notify_waiters();
        self.keeper.expect(Duration::from_millis(
            jobs.iter().map(Prepared::due_ms).min().unwrap_or(u64::MAX).min(60_000),
        ));
        Ok(taken)
    }

    /// One message, and waiting for work if it asked for that.
    pub(crate) async fn exchange(self: &Arc<Self>, message: Exchange) -> Result<Exchanged, EngineError> {
        self.check_open()?;
        let Exchange { worker, said, claim, .. } = message;
        let says = !said.is_empty();
        let Some(claim) = claim else {
            let told = send(&self.link, &self.settings, &worker, said, None).await?;
            return Ok(Exchanged { said: told.said, work: Vec::new() });
        };
        let until = Instant::now() + Duration::from_millis(claim.wait_ms);
        let withdrawn = self.wait_as(&worker);
        let mut said = Some(said);
        loop {
            // Before asking, so that nothing is missed in between.
            let woken = self.ears.wake.notified();
            let told = self.claim(&worker, said.take().unwrap_or_default(), claim.clone()).await?;
            if says || !told.work.is_empty() || Instant::now() >= until || withdrawn.is_cancelled() {
                return Ok(Exchanged { said: told.said, work: told.work });
            }
            if told.has_refused {
                continue; // behind those there may be others
            }
            let due =
                if told.due_ms > 0 { Duration::from_millis(told.due_ms).min(ASK_AGAIN) } else { ASK_AGAIN };
            tokio::select! {
                () = woken => {}
                () = tokio::time::sleep_until(until.min(Instant::now() + due)) => {}
                () = withdrawn.cancelled() => {}
                () = self.closed.cancelled() => return Err(EngineError::Closed),
            }
        }
    }

    /// One message in a task of its own: whoever waits may go away, and then the jobs are given back.
    async fn claim(
        self: &Arc<Self>,
        worker: &Arc<str>,
        said: Vec<drawbridge_jobs::Said>,
        claim: Claim,
    ) -> Result<Told, EngineError> {
        let (answer, answered) = oneshot::channel();
        let (shared, worker) = (Arc::clone(self), Arc::clone(worker));
        tokio::spawn(async move {
            let mut told = send(&shared.link, &shared.settings, &worker, said, Some(&claim)).await;
            if let Ok(told) = &mut told {
                let refused = std::mem::take(&mut told.refused);
                told.has_refused = !refused.is_empty();
                refuse(&shared.link, &shared.settings, &worker, refused).await;
            }
            if told.as_ref().is_ok_and(|told| !told.work.is_empty()) {
                shared.keeper.expect(Duration::from_millis(bounded_lease(claim.lease_ms).into()));
            }
            if let Err(Ok(unheard)) = answer.send(told)
                && !unheard.work.is_empty()
            {
                give_back(&shared.link, &shared.settings, &worker, unheard.work).await;
            }
        });
        answered.await.unwrap_or(Err(EngineError::Closed))
    }

    fn wait_as(&self, worker: &Arc<str>) -> Withdrawal<'_> {
        let token = CancellationToken::new();
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.entry(Arc::clone(worker)).or_default().push(token.clone());
        Withdrawal { shared: self, worker: Arc::clone(worker), token }
    }

    pub(crate) async fn change(
        &self,
        id: JobId,
        what: &str,
        value: Option<&str>,
        doing: &'static str,
    ) -> Result<State, EngineError> {
        self.check_open()?;
        let mut script = self.link.script(&scripts::CHANGE);
        script.arg(id.as_str()).arg(what).arg(value.unwrap_or_default());
        let answer: Vec<String> = self.link.run(&script, "change the job").await?;
        let state = view::answered(id, &answer, doing)?;
        self.ears.wake.notify_waiters();
        Ok(state)
    }

    pub(crate) async fn report(
        &self,
        lease: Lease,
        kind: &str,
        values: &[String],
    ) -> Result<(), EngineError> {
        self.check_open()?;
        let mut script = self.link.script(&scripts::REPORT);
        script.arg(lease.id.as_str()).arg(lease.token).arg(kind);
        for value in values {
            script.arg(value);
        }
        let answer: Vec<String> = self.link.run(&script, "write what the worker tells").await?;
        view::answered(lease.id, &answer, "be told of").map(drop)
    }

    async fn look(&self, most: usize, after: &str, parent: &str) -> Result<(Vec<Job>, String), EngineError> {
        let mut script = self.link.script(&scripts::LOOK);
        script.arg(most).arg(after).arg(parent);
        let (rows, next): (Vec<Vec<String>>, String) = self.link.run(&script, "look at jobs").await?;
        Ok((rows.iter().map(|row| view::job(&self.settings.sealing, row)).collect::<Result<_, _>>()?, next))
    }

    pub(crate) async fn get(&self, id: JobId) -> Result<Job, EngineError> {
        let (found, _) = self.look(0, id.as_str(), "").await?;
        found.into_iter().next().ok_or(EngineError::NotFound { id })
    }

    /// Fields of a job that is there.
    pub(crate) async fn fields<const N: usize>(
        &self,
        id: &JobId,
        fields: [&str; N],
    ) -> Result<[Option<String>; N], EngineError> {
        let (queue, bare) = inner(id);
        let mut command = redis::cmd("HMGET");
        command.arg(self.link.key(queue, bare));
        for field in fields {
            command.arg(field);
        }
        let found: Vec<Option<String>> = self.link.command(&command, "look at the job").await?;
        found.try_into().map_err(|_| EngineError::NotFound { id: id.clone() })
    }

    /// With which callbacks jobs were submitted, also those that are not there any more. One question is enough while none was
    /// with any.
    pub(crate) async fn callbacks(&self, ids: Vec<JobId>) -> Result<Vec<Option<Arc<str>>>, EngineError> {
        const DOING: &str = "look for callbacks";
        self.check_open()?;
        let mut has_some = redis::cmd("EXISTS");
        has_some.arg(self.link.ours("callbacks"));
        if !self.link.command::<bool>(&has_some, DOING).await? {
            return Ok(vec![None; ids.len()]);
        }
        let mut all = redis::pipe();
        for id in &ids {
            let (queue, bare) = inner(id);
            all.cmd("HMGET").arg(self.link.key(queue, bare)).arg("dbCallback").arg("timestamp");
        }
        let found: Vec<(Option<String>, Option<String>)> = self.link.commands(&all, DOING).await?;
        let is_gone = |(_, timestamp): &(_, Option<String>)| timestamp.is_none();
        let gone: Vec<JobId> =
            ids.iter().zip(&found).filter(|(_, row)| is_gone(row)).map(|(id, _)| id.clone()).collect();
        let mut known = self.arrivals.callbacks(&self.link, &gone).await?.into_iter();
        let each = |row: (Option<String>, Option<String>)| match is_gone(&row) {
            true => known.next().flatten(),
            false => row.0.map(Into::into),
        };
        Ok(found.into_iter().map(each).collect())
    }

    pub(crate) async fn list(
        &self,
        filter: &Filter,
        after: Option<JobId>,
        limit: usize,
    ) -> Result<Page, EngineError> {
        let limit = limit.min(PAGE_MAX);
        let parent = filter.parent.as_ref().map_or("", JobId::as_str);
        let mut from = after.map_or(String::new(), |id| id.as_str().to_owned());
        let (mut jobs, mut looked_at) = (Vec::new(), 0);
        while jobs.len() < limit && looked_at < LOOKED_AT_MAX {
            let (found, next) = self.look(LOOK_MAX, &from, parent).await?;
            looked_at += LOOK_MAX;
            for job in found.into_iter().filter(|job| fits(job, filter)) {
                jobs.push(job);
                if jobs.len() == limit {
                    let next = jobs.last().map(|job| job.id.clone());
                    return Ok(Page { jobs, next });
                }
            }
            if next.is_empty() {
                return Ok(Page { jobs, next: None });
            }
            from = next;
        }
        Ok(Page { jobs, next: (limit > 0).then(|| JobId::new(&from)) })
    }

    /// Does something to all jobs that fit a filter and are in one of these states.
    pub(crate) async fn all(
        &self,
        mut filter: Filter,
        states: &[State],
        what: &str,
        doing: &'static str,
    ) -> Result<u64, EngineError> {
        if filter.states.is_empty() {
            filter.states = states.to_vec();
        } else if !filter.states.iter().all(|state| states.contains(state)) {
            let problem = format!("is for jobs that cannot {doing}");
            return Err(EngineError::Invalid { what: "the filter", problem });
        }
        let (mut count, mut after) = (0, None);
        loop {
            let page = self.list(&filter, after, PAGE_MAX).await?;
            for job in page.jobs {
                match self.change(job.id, what, None, doing).await {
                    Ok(_) => count += 1,
                    Err(EngineError::NotFound { .. } | EngineError::Misfit { .. }) => {}
                    Err(error) => return Err(error),
                }
            }
            match page.next {
                // What was discarded is no place to go on from.
                Some(_) if what == "discard" => after = None,
                Some(next) => after = Some(next),
                None => return Ok(count),
            }
        }
    }

    pub(crate) async fn counts(&self) -> Result<Vec<QueueCounts>, EngineError> {
        let rows: Vec<Vec<String>> = self.link.run(&self.link.script(&scripts::COUNT), "count jobs").await?;
        Ok(rows.iter().filter_map(|row| counts(row)).collect())
    }

    pub(crate) async fn command<T: redis::FromRedisValue>(
        &self,
        command: &Cmd,
        doing: &'static str,
    ) -> Result<T, EngineError> {
        self.check_open()?;
        self.link.command(command, doing).await
    }
}

fn counts(row: &[String]) -> Option<QueueCounts> {
    let [queue, paused, states @ ..] = row else { return None };
    let states = states.chunks_exact(2).filter_map(|two| {
        let count: u64 = two[1].parse().ok()?;
        (count > 0).then_some((State::of_word(&two[0])?, count))
    });
    let mut states: Vec<(State, u64)> = states.collect();
    states.sort_unstable_by_key(|(state, _)| State::ALL.iter().position(|one| one == state));
    Some(QueueCounts { queue: queue_out(queue), paused: paused == "1", states })
}

fn fits(job: &Job, filter: &Filter) -> bool {
    let same = |wanted: &Option<Arc<str>>, is: &Arc<str>| wanted.as_ref().is_none_or(|wanted| wanted == is);
    (filter.states.is_empty() || filter.states.contains(&job.state))
        && same(&filter.queue, &job.queue)
        && same(&filter.tool, &job.tool)
        && same(&filter.caller, &job.caller)
        && (filter.parent.is_none() || job.parent == filter.parent)
}

/// A worker's place among those who wait; given up when dropped.
struct Withdrawal<'a> {
    shared: &'a Shared,
    worker: Arc<str>,
    token: CancellationToken,
}

impl Withdrawal<'_> {
    fn is_cancelled(&self) -> bool {
        self.token.is_cancelled()
    }

    async fn cancelled(&self) {
        self.token.cancelled().await;
    }
}

impl Drop for Withdrawal<'_> {
    fn drop(&mut self) {
        let mut waiting = self.shared.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(tokens) = waiting.get_mut(&self.worker) {
            // Those that were withdrawn are done; the others of this name wait on.
            self.token.cancel();
            tokens.retain(|token| !token.is_cancelled());
            if tokens.is_empty() {
                waiting.remove(&self.worker);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_come_in_the_order_of_a_life() {
        let row: Vec<String> =
            ["async-tasks", "1", "dead", "2", "queued", "3", "failed", "0"].map(Into::into).into();
        let counts = counts(&row).unwrap();
        assert_eq!((&*counts.queue, counts.paused), ("default", true));
        assert_eq!(counts.states, [(State::Queued, 3), (State::Dead, 2)]);
    }
}

//! Jobs that wait for the owner's yes go on when it was given, by whichever program.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use drawbridge_contract::broadcast::error::RecvError;
use drawbridge_contract::{Arguments, Call, Handler, Target};
use drawbridge_jobs::bounds::PAGE_MAX;
use drawbridge_jobs::{Change, Engine, EngineError, Filter, Happening, Job, JobId, State};

use crate::attributes::Attributes;
use crate::question::{Answer, Question};

/// How often the owner's decisions are looked at, while a job waits for one. Other processes write them.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// For as long as the hub runs. Costs nothing while no job waits.
pub(crate) async fn follow(engine: Arc<dyn Engine>, door: Arc<dyn Handler>) {
    let mut changes = engine.changes();
    let mut waiting = Waiting { engine, door, calls: HashMap::new() };
    loop {
        if let Err(error) = waiting.look_until_none_waits().await {
            tracing::warn!(%error, "jobs that wait for an approval cannot be read; they are looked at again");
            tokio::time::sleep(LOOK_EVERY).await;
            continue;
        }
        loop {
            match changes.recv().await {
                Ok(Change::Happened(happened)) if happened.what == Happening::AskedInput => break,
                Ok(_) => {}
                Err(RecvError::Lagged(_)) => break,
                Err(RecvError::Closed) => return,
            }
        }
    }
}

struct Waiting {
    engine: Arc<dyn Engine>,
    door: Arc<dyn Handler>,
    /// For each job that waits, when the run began that asked, and its call; `None` for one that does not wait for the
    /// owner.
    calls: HashMap<JobId, (Option<i64>, Option<Call>)>,
}

impl Waiting {
    async fn look_until_none_waits(&mut self) -> Result<(), EngineError> {
        loop {
            let jobs = self.jobs().await?;
            let here: HashSet<&JobId> = jobs.iter().map(|job| &job.id).collect();
            self.calls.retain(|id, _| here.contains(id));
            let mut wait_for_owner = 0;
            for job in &jobs {
                wait_for_owner += usize::from(self.look_at(job).await?);
            }
            if wait_for_owner == 0 {
                return Ok(());
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    async fn jobs(&self) -> Result<Vec<Job>, EngineError> {
        let (mut jobs, mut after) = (Vec::new(), None);
        loop {
            let filter = Filter::in_states(&[State::WaitingForInput]);
            let page = self.engine.list(filter, after, PAGE_MAX).await?;
            jobs.extend(page.jobs);
            after = page.next;
            if after.is_none() {
                return Ok(jobs);
            }
        }
    }

    /// Whether the job waits for the owner, still.
    async fn look_at(&mut self, job: &Job) -> Result<bool, EngineError> {
        if self.calls.get(&job.id).is_none_or(|(began_ms, _)| *began_ms != job.started_ms) {
            let call = self.call_of(job).await?;
            self.calls.insert(job.id.clone(), (job.started_ms, call));
        }
        let Some((_, Some(call))) = self.calls.get(&job.id) else { return Ok(false) };
        let Some(yes) = self.door.decided(call).await else { return Ok(true) };
        self.calls.remove(&job.id);
        let answer = Answer::decided(yes, job.attempt + 1).write();
        match self.engine.answer(job.id.clone(), answer).await {
            Ok(()) | Err(EngineError::Misfit { .. } | EngineError::NotFound { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn call_of(&self, job: &Job) -> Result<Option<Call>, EngineError> {
        let outcome = self.engine.outcome(job.id.clone()).await?;
        let waits = outcome.question.is_some_and(|question| Question::read(&question).is_for_the_owner());
        if !waits {
            return Ok(None);
        }
        let (arguments, attributes) = self.engine.arguments(job.id.clone()).await?;
        let caller = self.door.recall(&job.caller);
        let (Some(caller), Ok(arguments)) = (caller, Arguments::decode(&arguments)) else { return Ok(None) };
        let origin = Attributes::read(attributes.as_deref()).origin();
        Ok(Some(Call::new(caller, Target::Tool((*job.tool).into()), arguments, origin)))
    }
}

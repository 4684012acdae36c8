//! Tasks: jobs, as clients see them (2026-07-28, the extension `io.modelcontextprotocol/tasks`).
//!
//! A call becomes a task when its host declares the extension and its tool says that it can take long. It is then
//! submitted through the door as a job, and what it is answered with is either its result, if that is there soon, or the
//! task. Jobs that were submitted in other ways are tasks of their caller, too. The words of 2025-11-25 are in
//! `legacy/tasks.rs`.
//!
//! **Invariant:** a job of another caller does not exist here, not even for the owner, who has other ways to see it.
//! **Invariant:** a call of a host that does not declare the extension costs one look-up of its tool, and nothing else of this.

mod call;
mod methods;
mod told;

use std::collections::HashMap;
use std::sync::Arc;

use drawbridge_contract::{
    Abilities, Background, Caller, Handler, JobEnd, JobState, JobView, Jobs, Refusal, Target, ToolError, View,
};

pub(crate) use call::{later, submit};
pub(crate) use methods::{answer, cancel, get, task_id, update};
pub(crate) use told::Told;

use crate::convert::Seen;
use crate::core::Core;
use crate::error::WireError;
use crate::meta::{Meta, needed_for_tasks};

/// The tools of a view that may or must run as tasks, by name.
pub(crate) type Backgrounds = HashMap<Box<str>, Background>;

fn backgrounds(view: &View) -> Backgrounds {
    let specs = view.tools.iter().map(|tool| tool.spec());
    let some = specs.filter(|spec| spec.background != Background::Forbidden);
    some.map(|spec| (Box::from(&*spec.name), spec.background)).collect()
}

/// What a tool says of running in the background; for one that is not there, nothing.
pub(crate) fn background_of(core: &Core, caller: &Caller, tool: &str) -> Background {
    let known = core.backgrounds.of(&core.handler.view(caller), backgrounds);
    known.get(tool).copied().unwrap_or_default()
}

/// One caller's tasks.
#[derive(Clone)]
pub(crate) struct Tasks {
    pub(crate) handler: Arc<dyn Handler>,
    pub(crate) jobs: Arc<dyn Jobs>,
    pub(crate) caller: Arc<Caller>,
    /// What its host can be asked.
    pub(crate) able: Abilities,
}

impl Tasks {
    /// The tasks of whoever makes a modern request.
    ///
    /// # Errors
    /// When its host does not declare the extension, or when there are no jobs here.
    pub(crate) fn of(
        core: &Core,
        caller: &Arc<Caller>,
        method: &str,
        meta: &Meta<'_>,
    ) -> Result<Self, WireError> {
        let none = || WireError::unknown_method(method, crate::version::Version::V2026_07_28);
        let jobs = core.handler.jobs().ok_or_else(none)?;
        if !meta.declares_tasks() {
            return Err(WireError::missing_capability(&needed_for_tasks()));
        }
        let able = meta.host()?.abilities;
        Ok(Self { handler: core.handler.clone(), jobs, caller: caller.clone(), able })
    }

    /// A task as it is now. It is there only for the caller who asked for the job, and for as long as that caller may use
    /// the tool.
    pub(crate) async fn find(&self, id: &str) -> Result<JobView, WireError> {
        let view = self.jobs.get(&self.caller, id).await.map_err(|why| refused(id, &why))?;
        if *view.caller != *self.caller.id {
            return Err(unknown(id));
        }
        self.check(&view).map_err(|why| refused(id, &why))?;
        Ok(view)
    }

    /// Whether this caller may see this job now: the bridge may be raised, or a rule may hide the tool.
    pub(crate) fn check(&self, view: &JobView) -> Result<(), Refusal> {
        self.handler.still_allows(&self.caller, &Target::Tool(view.tool.clone()))
    }

    /// A job, with what came of it.
    pub(crate) async fn seen(&self, view: JobView) -> Result<Seen, WireError> {
        let ended = matches!(view.state, JobState::Completed | JobState::Failed | JobState::Dead);
        let end = if ended { Some(self.end(&view.id).await?) } else { None };
        Ok(Seen { view, end, able: self.able })
    }

    /// What came of a job.
    pub(crate) async fn end(&self, id: &str) -> Result<JobEnd, WireError> {
        self.jobs.result(&self.caller, id).await.map_err(|why| refused(id, &why))
    }

    /// Stops a job. One that has ended meanwhile stays as it is.
    pub(crate) async fn stop(&self, id: &str) -> Result<Option<JobView>, WireError> {
        match self.jobs.cancel(&self.caller, id).await {
            Ok(view) => Ok(Some(view)),
            Err(Refusal::Tool(ToolError::Refused(_))) => Ok(None),
            Err(why) => Err(refused(id, &why)),
        }
    }
}

/// Why a task cannot be had, in the wire's words.
pub(crate) fn refused(id: &str, why: &Refusal) -> WireError {
    match why {
        Refusal::NotFound { .. } => unknown(id),
        Refusal::Tool(ToolError::Invalid(_) | ToolError::NotFound(_)) => {
            WireError::invalid_params(why.to_string())
        }
        _ => WireError::internal(why.to_string()),
    }
}

fn unknown(id: &str) -> WireError {
    let shown: String = id.chars().take(100).collect();
    WireError::invalid_params(format!("there is no task {shown:?}, or it was forgotten since it ended"))
}

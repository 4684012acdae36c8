//! How a call passes: resolve → validate → authorize → invoke → record.

use std::sync::Arc;

use drawbridge_contract::{
    Answer, Arguments, Call, Caller, JobOptions, JobRequest, Live, Origin, Outcome, Refusal, ResourceResult,
    Run, Target, Watch,
};

use crate::access::{Access, Grant};
use crate::authorize::{Allowed, Authorized, Postponed, Valid};
use crate::catalog::Subject;
use crate::gateway::{Current, Gateway};
use crate::record::{Recording, unavailable};
use crate::seal::State;

impl Gateway {
    /// One call, from the door to its end in the audit.
    pub(crate) async fn handle(self: Arc<Self>, call: Call, live: Live) -> Result<Outcome<Answer>, Refusal> {
        let mut recording = Recording::begin(&self.store, &call);
        let result = self.clone().pass(&call, live, &mut recording).await;
        recording.end(&result).await?;
        result
    }

    async fn pass(
        self: Arc<Self>,
        call: &Call,
        live: Live,
        recording: &mut Recording,
    ) -> Result<Outcome<Answer>, Refusal> {
        let now = self.current().map_err(unavailable)?;
        let access = access(&now, &call.caller)?;
        let grant = access.resolve(&now.catalog, &self.rules.load(), &call.target)?;
        recording.ruled(&grant.ruling);
        if grant.entry.is_audited_whole() {
            recording.keep_whole(call);
        }
        let valid = Valid::validate(access, grant, call)?;
        if let Run::Later(options) = &call.run {
            let postponed = valid.authorize_later(call, &now.policy)?;
            return self.put_off(call, options, &postponed, recording).await;
        }
        match valid.authorize(call, &now.policy, &self.approvals).await? {
            Authorized::Ask(question) => Ok(Outcome::InputRequired(question)),
            Authorized::Allowed(allowed) => self.run(call, allowed, live, recording).await,
        }
    }

    async fn run(
        self: Arc<Self>,
        call: &Call,
        allowed: Allowed,
        live: Live,
        recording: &mut Recording,
    ) -> Result<Outcome<Answer>, Refusal> {
        if !allowed.grant.entry.annotations.read_only {
            recording.intend().await?;
        }
        let approved = allowed.approved;
        let outcome = allowed.invoke(call, live, self.clone()).await?;
        Ok(self.sealed(call, approved, outcome))
    }

    /// Puts a call into the background. What may change something is on record before it can begin.
    async fn put_off(
        &self,
        call: &Call,
        options: &JobOptions,
        postponed: &Postponed,
        recording: &mut Recording,
    ) -> Result<Outcome<Answer>, Refusal> {
        let nowhere = || Refusal::Denied("this hub keeps no jobs; make the call without one".to_owned());
        let backlog = self.backlog().ok_or_else(nowhere)?;
        let entry = &postponed.grant.entry;
        if !entry.annotations.read_only {
            recording.intend().await?;
        }
        let request = JobRequest {
            caller: call.caller.clone(),
            tool: entry.name.clone(),
            annotations: entry.annotations,
            arguments: call.arguments.clone(),
            origin: call.origin.clone(),
            call: call.id,
            options: options.clone(),
        };
        Ok(Outcome::Accepted(backlog.enqueue(request).await?.id))
    }

    /// Seals what a tool wants to know in the next round, with the owner's yes to this one.
    fn sealed(&self, call: &Call, approved: bool, outcome: Outcome<Answer>) -> Outcome<Answer> {
        match outcome {
            Outcome::InputRequired(mut needed) if approved || needed.state.is_some() => {
                let state = State { approved, tool: needed.state.take(), ..State::default() };
                needed.state = Some(self.approvals.sealer.seal(call, state));
                Outcome::InputRequired(needed)
            }
            other => other,
        }
    }

    /// Starts to watch a resource. It is on record like a read: from here on the caller learns when that changes.
    pub(crate) async fn watched(&self, caller: &Arc<Caller>, uri: &str) -> Result<Watch, Refusal> {
        let origin = Origin { entrance: "watch", ..Origin::default() };
        let call = Call::new(caller.clone(), Target::Resource(uri.into()), Arguments::none(), origin);
        let mut recording = Recording::begin(&self.store, &call);
        let watch = self.begin_watch(&call, uri, &mut recording);
        let nothing = ResourceResult { contents: Vec::new() };
        let outcome = watch.as_ref().map(|_| Outcome::Complete(Answer::Resource(nothing)));
        recording.end(&outcome.map_err(Clone::clone)).await?;
        watch
    }

    fn begin_watch(&self, call: &Call, uri: &str, recording: &mut Recording) -> Result<Watch, Refusal> {
        if self.is_raised().map_err(unavailable)? {
            return Err(Refusal::Raised);
        }
        let grant = self.find(&call.caller, &call.target)?;
        recording.ruled(&grant.ruling);
        match &grant.entry.subject {
            Subject::Resources(resources) => Ok(resources.watch(uri)?),
            _ => Err(Refusal::NotFound { kind: "resource", name: uri.into() }),
        }
    }

    /// Finds what a caller may see, outside of a call.
    pub(crate) fn find(&self, caller: &Caller, target: &Target) -> Result<Arc<Grant>, Refusal> {
        let now = self.current().map_err(unavailable)?;
        access(&now, caller)?.resolve(&now.catalog, &self.rules.load(), target)
    }
}

/// What the caller may do now. A key may be gone since its caller was recognised.
fn access(now: &Current, caller: &Caller) -> Result<Arc<Access>, Refusal> {
    let gone = || Refusal::Denied(format!("the key of {} was revoked or has expired", caller.id));
    now.policy.by_id(&caller.id).cloned().ok_or_else(gone)
}

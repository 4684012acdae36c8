//! May this caller do this, now? Only here an [`Allowed`] is made, and nothing runs without one.

use std::sync::Arc;

use drawbridge_contract::{Answers, Call, InputRequired, Refusal, Run};
use drawbridge_store::now_us;

use crate::access::{Access, Grant};
use crate::approvals::{Approvals, Verdict};
use crate::catalog::Subject;
use crate::invoke::answers_for_tool;
use crate::policy::Policy;
use crate::rules::Decision;
use crate::seal::State;

/// How deep calls within calls may go; 0 is a call from outside.
pub const DEPTH_MAX: u8 = 8;

/// What a call is for: found among what its caller may see, and its arguments fit.
pub(crate) struct Valid {
    pub(crate) access: Arc<Access>,
    pub(crate) grant: Arc<Grant>,
}

/// A call that may run. Its fields are private to the gateway, and only [`Valid::authorize`] makes one.
pub(crate) struct Allowed {
    pub(crate) grant: Arc<Grant>,
    /// What the tool gets to see of the caller's answers.
    pub(crate) answers: Option<Answers>,
    /// Whether the owner was asked and said yes, for the next round.
    pub(crate) approved: bool,
    #[expect(dead_code, reason = "it can only be made here")]
    sealed: Sealed,
}

/// A call that may run later. Only [`Valid::authorize_later`] makes one.
pub(crate) struct Postponed {
    pub(crate) grant: Arc<Grant>,
    #[expect(dead_code, reason = "it can only be made here")]
    sealed: Sealed,
}

struct Sealed;

/// What authorization comes to.
pub(crate) enum Authorized {
    Allowed(Allowed),
    /// The owner must be asked first.
    Ask(InputRequired),
}

impl Valid {
    /// Whether the arguments of a call fit what it is for.
    pub(crate) fn validate(access: Arc<Access>, grant: Arc<Grant>, call: &Call) -> Result<Self, Refusal> {
        let fits = match &grant.entry.subject {
            Subject::Tool(_, schema) => schema.validate(call.arguments.value()),
            Subject::Prompt(prompt) => prompt_arguments_fit(&prompt.spec().arguments, call),
            Subject::Resources(_) | Subject::Streams(..) | Subject::Exchange(..) => Ok(()),
        };
        match fits {
            Ok(()) => Ok(Self { access, grant }),
            Err(why) => Err(Refusal::InvalidArguments { tool: grant.entry.name.clone(), why }),
        }
    }

    /// Bridge, depth, rate and rules; then the owner, if a rule says so.
    pub(crate) async fn authorize(
        self,
        call: &Call,
        policy: &Policy,
        approvals: &Approvals,
    ) -> Result<Authorized, Refusal> {
        self.pass_gates(call, policy)?;
        let state = state_of(call, approvals)?;
        let asked = self.grant.ruling.decision == Decision::Ask;
        if asked && let Verdict::Ask(question) = approvals.check(call, &self.grant.ruling.why, &state).await?
        {
            return Ok(Authorized::Ask(question));
        }
        let answers = answers_for_tool(call, state.tool);
        Ok(Authorized::Allowed(Allowed { grant: self.grant, answers, approved: asked, sealed: Sealed }))
    }
}

impl Valid {
    /// What holds for calls that run now and for those that are put off.
    fn pass_gates(&self, call: &Call, policy: &Policy) -> Result<(), Refusal> {
        if policy.raised {
            return Err(Refusal::Raised);
        }
        if call.origin.depth > DEPTH_MAX {
            return Err(Refusal::TooDeep(DEPTH_MAX));
        }
        self.has_not_lapsed()?;
        // A job was counted when it was submitted.
        if matches!(call.run, Run::Job(_)) { Ok(()) } else { self.access.take_call() }
    }

    /// A licence ends at its moment, not when somebody next looks at its file.
    fn has_not_lapsed(&self) -> Result<(), Refusal> {
        let until = self.access.caller.grade.as_ref().and_then(|grade| grade.until_us);
        if until.is_some_and(|end| end <= now_us()) {
            return Err(Refusal::Denied("the licence has expired; the owner can renew it".to_owned()));
        }
        Ok(())
    }

    /// Whether a call may be put off: as if it ran now, but for the owner's yes, which is asked for when it runs.
    ///
    /// # Errors
    /// As [`authorize`](Self::authorize), and for what is no tool.
    pub(crate) fn authorize_later(self, call: &Call, policy: &Policy) -> Result<Postponed, Refusal> {
        self.pass_gates(call, policy)?;
        match &self.grant.entry.subject {
            Subject::Tool(..) => Ok(Postponed { grant: self.grant, sealed: Sealed }),
            _ => Err(Refusal::Denied(format!("{} is no tool, and only tools run as jobs", call.target))),
        }
    }
}

/// The state that the caller brought back, if it is ours and for this very call.
fn state_of(call: &Call, approvals: &Approvals) -> Result<State, Refusal> {
    match call.answers.as_ref().and_then(|answers| answers.state.as_deref()) {
        Some(sealed) => approvals.sealer.open(call, sealed),
        None => Ok(State::default()),
    }
}

fn prompt_arguments_fit(
    arguments: &[drawbridge_contract::PromptArgument],
    call: &Call,
) -> Result<(), String> {
    let given = call.arguments.value();
    for argument in arguments {
        match given.get(&argument.name) {
            None if argument.required => return Err(format!("{} is missing", argument.name)),
            Some(value) if !value.is_string() => return Err(format!("{} must be a string", argument.name)),
            _ => {}
        }
    }
    Ok(())
}

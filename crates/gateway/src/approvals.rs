//! Asking the owner: in the host's own window where the owner sits there, else by name on the command line.

use std::sync::Arc;

use drawbridge_contract::{APPROVAL, Call, InputRequest, InputRequired, Refusal, raw, visible};
use drawbridge_store::{
    Approval, ApprovalState, By, Grant as Allowance, NewApproval, Store, StoreError, now_us,
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::mask::{cut_at, whole};
use crate::record::unavailable;
use crate::seal::{Sealer, State};

/// The key of our own question among a call's input requests. Tools cannot use it: answers under it are ours.
pub(crate) const QUESTION: &str = APPROVAL;
/// What "for an hour" means, in microseconds.
const HOUR_US: i64 = 60 * 60 * 1_000_000;
/// How much of a call's arguments the host's window shows, in characters: enough to decide by. What is more is counted.
const ASKED_CHARACTERS_MAX: usize = 4_000;
/// How long a question waits for the owner, in microseconds: a day.
const WAITS_US: i64 = 24 * HOUR_US;

/// What comes of asking.
pub(crate) enum Verdict {
    /// The owner allowed exactly this call.
    Approved,
    /// The owner must be asked through the host.
    Ask(InputRequired),
}

/// Asks the store, the answer that came with the call, and at last the owner.
pub(crate) struct Approvals {
    pub(crate) store: Store,
    pub(crate) sealer: Arc<Sealer>,
}

impl Approvals {
    /// Whether the owner allows this call, or how it is asked.
    pub(crate) async fn check(&self, call: &Call, why: &str, state: &State) -> Result<Verdict, Refusal> {
        if state.approved {
            return Ok(Verdict::Approved);
        }
        let question = Question::of(call, why);
        if let (Some(id), Some(answer)) = (&state.approval, self.answer(call)) {
            self.decide(call, id, answer).await?;
        }
        if self.take(&question).await? {
            return Ok(Verdict::Approved);
        }
        let id = self.store.approvals().request(question.request(), by(call)).await.map_err(not_asked)?.id;
        if can_ask_here(call) {
            Ok(Verdict::Ask(self.ask(call, &question, &id)))
        } else {
            Err(elsewhere(call, why, &id))
        }
    }

    /// What came of the latest question about this very call: `None` while nobody answered it.
    pub(crate) fn decided(&self, call: &Call) -> Option<bool> {
        let Question { caller, target, arguments_hash, .. } = Question::of(call, "");
        let asked = self.store.approvals().list(true, now_us()).ok()?;
        let same =
            |one: &&Approval| one.caller == caller && one.tool == target && one.args_hash == arguments_hash;
        match asked.iter().rev().find(same).map(|one| one.state) {
            Some(ApprovalState::Pending) => None,
            Some(ApprovalState::Denied | ApprovalState::Expired) => Some(false),
            // Nothing stands in the way of asking the door again.
            Some(ApprovalState::Approved | ApprovalState::Used) | None => Some(true),
        }
    }

    fn answer<'a>(&self, call: &'a Call) -> Option<&'a Value> {
        call.answers.as_ref().filter(|_| can_ask_here(call))?.responses.get(QUESTION)
    }

    /// Writes down what the owner answered in the host's form.
    async fn decide(&self, call: &Call, id: &str, answer: &Value) -> Result<(), Refusal> {
        let by = by(call);
        let allowance = match (answer["action"].as_str(), answer["content"]["decision"].as_str()) {
            (Some("accept"), Some("allow_once")) => Allowance::Once,
            (Some("accept"), Some("allow_for_an_hour")) => Allowance::Until(by.time_us + HOUR_US),
            _ => {
                self.store.approvals().deny(id, by).await.map_err(unavailable)?;
                return Err(Refusal::Denied("the owner was asked and said no".to_owned()));
            }
        };
        self.store.approvals().approve(id, allowance, by).await.map(drop).map_err(unavailable)
    }

    async fn take(&self, question: &Question) -> Result<bool, Refusal> {
        let Question { caller, target, arguments_hash, .. } = question;
        let taken = self.store.approvals().take(caller, target, arguments_hash, now_us()).await;
        taken.map(|grant| grant.is_some()).map_err(unavailable)
    }

    fn ask(&self, call: &Call, question: &Question, id: &str) -> InputRequired {
        let state = State { approval: Some(id.into()), ..State::default() };
        let request = InputRequest::ElicitForm { message: question.message(), schema: raw(&form()) };
        InputRequired {
            requests: [(QUESTION.to_owned(), request)].into(),
            state: Some(self.sealer.seal(call, state)),
        }
    }
}

/// Why the owner cannot be asked: too many questions of this caller wait already, or the store failed.
fn not_asked(error: StoreError) -> Refusal {
    match error {
        StoreError::TooMany { .. } => Refusal::Denied(error.to_string()),
        other => unavailable(other),
    }
}

/// Only the owner's own host may show the question: another key's holder would approve its own call.
fn can_ask_here(call: &Call) -> bool {
    call.caller.is_owner() && call.origin.depth == 0 && call.origin.host.abilities.elicit_form
}

fn elsewhere(call: &Call, why: &str, id: &str) -> Refusal {
    Refusal::NeedsApproval(format!(
        "the owner must approve {} with exactly these arguments first ({why}). Ask them to run `drawbridge approvals \
         approve {id}`, then make the same call again",
        call.target
    ))
}

fn form() -> Value {
    json!({
        "type": "object",
        "properties": {"decision": {
            "type": "string",
            "title": "Your decision",
            "enum": ["allow_once", "allow_for_an_hour", "deny"],
            "enumNames": ["Allow once", "Allow exactly this for an hour", "Deny"],
            "default": "deny",
        }},
        "required": ["decision"],
    })
}

fn by(call: &Call) -> By {
    By { call: call.id.to_string().into(), ..By::now(call.caller.id.clone(), call.origin.entrance) }
}

/// What the owner is asked: one caller, one target, exactly these arguments.
struct Question {
    caller: String,
    target: String,
    arguments_hash: [u8; 32],
    shown: String,
    why: String,
    parent: Option<String>,
}

impl Question {
    fn of(call: &Call, why: &str) -> Self {
        // Values are sorted by name, so two texts of the same arguments have one hash.
        let canonical = call.arguments.value().to_string();
        Self {
            caller: call.caller.id.to_string(),
            target: call.target.to_string(),
            arguments_hash: Sha256::digest(&canonical).into(),
            shown: whole(call.arguments.text(), call.arguments.value()).into_owned(),
            why: why.to_owned(),
            parent: call.origin.parent.map(|parent| parent.to_string()),
        }
    }

    fn request(&self) -> NewApproval {
        NewApproval {
            caller: self.caller.clone(),
            tool: self.target.clone(),
            args_hash: self.arguments_hash,
            shown: self.shown.clone(),
            why: self.why.clone(),
            parent: self.parent.clone(),
            expires_us: now_us() + WAITS_US,
        }
    }

    fn message(&self) -> String {
        let Self { caller, target, why, .. } = self;
        // The host's window shows it as it comes, and a person decides by it (attack H4).
        visible(&format!(
            "Allow {target} for {caller}?\n{}\n({why})",
            cut_at(&self.shown, ASKED_CHARACTERS_MAX)
        ))
        .into_owned()
    }
}

//! What a job asks, and the answers, as they are kept.

use std::collections::BTreeMap;

use drawbridge_contract::{APPROVAL, Answers, InputRequest, InputRequired, RawValue, raw};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What a job asks.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Question {
    /// What is asked of whoever answers.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    requests: BTreeMap<String, Asked>,
    /// What was answered already, and is not asked any more.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    given: BTreeMap<String, Value>,
    /// What comes back to the door with the answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    state: Option<String>,
    /// Instead: only the owner can decide, elsewhere; this says where.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    elsewhere: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Asked {
    Form { message: String, schema: Box<RawValue> },
    Url { message: String, url: String, id: String },
    Sample(Box<RawValue>),
    Roots,
}

impl Question {
    /// What the door or a tool asks.
    pub(crate) fn of(needed: InputRequired) -> Self {
        let requests = needed.requests.into_iter().map(|(key, request)| (key, asked(request))).collect();
        Self { requests, state: needed.state, ..Self::default() }
    }

    /// The owner's yes, which is given elsewhere.
    pub(crate) fn elsewhere(message: String) -> Self {
        Self { elsewhere: Some(message), ..Self::default() }
    }

    pub(crate) fn write(&self) -> Box<RawValue> {
        raw(self)
    }

    pub(crate) fn read(kept: &RawValue) -> Self {
        serde_json::from_str(kept.get()).unwrap_or_else(|_| Self::elsewhere(kept.get().to_owned()))
    }

    /// Whether it waits for the owner's yes.
    pub(crate) fn is_for_the_owner(&self) -> bool {
        self.elsewhere.is_some() || self.requests.contains_key(APPROVAL)
    }

    /// For people.
    pub(crate) fn message(&self) -> String {
        if let Some(message) = &self.elsewhere {
            return message.clone();
        }
        let hint = if self.is_for_the_owner() {
            ["`drawbridge approvals list` shows it, too"].as_slice()
        } else {
            &[]
        };
        let asked = self.requests.values().filter_map(|asked| match asked {
            Asked::Form { message, .. } | Asked::Url { message, .. } => Some(message.as_str()),
            Asked::Sample(_) | Asked::Roots => None,
        });
        asked.chain(hint.iter().copied()).collect::<Vec<_>>().join("\n")
    }

    /// What can be answered; nothing where only the owner can, elsewhere.
    pub(crate) fn needed(self) -> Option<InputRequired> {
        if self.requests.is_empty() {
            return None;
        }
        let requests = self.requests.into_iter().map(|(key, asked)| (key, request(asked))).collect();
        Some(InputRequired { requests, state: None })
    }

    /// What these responses come to: the answer for the attempt that comes next, or what is still to be asked.
    ///
    /// # Errors
    /// Why these responses are none to this question.
    pub(crate) fn answered(
        mut self,
        responses: BTreeMap<String, Value>,
        attempt: u32,
    ) -> Result<Answered, String> {
        if let Some(message) = self.elsewhere {
            return Err(message);
        }
        if responses.is_empty() || responses.keys().any(|key| !self.requests.contains_key(key)) {
            let keys = self.requests.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
            return Err(format!("answer what was asked, under its keys: {keys}"));
        }
        self.requests.retain(|key, _| !responses.contains_key(key));
        self.given.extend(responses);
        if !self.requests.is_empty() {
            return Ok(Answered::InPart(self));
        }
        Ok(Answered::Whole(Answer { attempt, responses: self.given, state: self.state, decided: None }))
    }
}

/// What responses to a question come to.
#[derive(Debug)]
pub(crate) enum Answered {
    /// Everything was answered.
    Whole(Answer),
    /// This is still to be asked.
    InPart(Question),
}

/// The answer to a question.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Answer {
    /// The attempt that it is for. A later one asks anew: a yes is for one run.
    pub(crate) attempt: u32,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    responses: BTreeMap<String, Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    state: Option<String>,
    /// What the owner decided elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    decided: Option<bool>,
}

impl Answer {
    /// The owner decided elsewhere. A yes is found by the door itself.
    pub(crate) fn decided(yes: bool, attempt: u32) -> Self {
        Self { attempt, decided: Some(yes), ..Self::default() }
    }

    pub(crate) fn write(&self) -> Box<RawValue> {
        raw(self)
    }

    /// What was kept for this attempt, if anything was.
    pub(crate) fn read(kept: Option<&RawValue>, attempt: u32) -> Option<Self> {
        let answer: Self = serde_json::from_str(kept?.get()).ok()?;
        (answer.attempt == attempt).then_some(answer)
    }

    /// Whether the owner said no, or nothing in time.
    pub(crate) fn is_no(&self) -> bool {
        self.decided == Some(false)
    }

    /// As the door takes them.
    pub(crate) fn answers(self) -> Option<Answers> {
        let Self { responses, state, decided, .. } = self;
        decided.is_none().then_some(Answers { responses, state })
    }
}

fn asked(request: InputRequest) -> Asked {
    match request {
        InputRequest::ElicitForm { message, schema } => Asked::Form { message, schema },
        InputRequest::ElicitUrl { message, url, id } => Asked::Url { message, url, id },
        InputRequest::Sample(params) => Asked::Sample(params),
        InputRequest::ListRoots => Asked::Roots,
    }
}

fn request(asked: Asked) -> InputRequest {
    match asked {
        Asked::Form { message, schema } => InputRequest::ElicitForm { message, schema },
        Asked::Url { message, url, id } => InputRequest::ElicitUrl { message, url, id },
        Asked::Sample(params) => InputRequest::Sample(params),
        Asked::Roots => InputRequest::ListRoots,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn asks(key: &str) -> Question {
        let schema = raw(&json!({"type": "object"}));
        let request = InputRequest::ElicitForm { message: "Who?".to_owned(), schema };
        Question::of(InputRequired {
            requests: [(key.to_owned(), request)].into(),
            state: Some("s".to_owned()),
        })
    }

    #[test]
    fn a_question_is_kept_and_its_state_stays_with_us() {
        let back = Question::read(&asks("who").write());
        assert_eq!((back.message().as_str(), back.is_for_the_owner()), ("Who?", false));
        assert!(asks(APPROVAL).is_for_the_owner());
        assert!(back.needed().unwrap().state.is_none());
    }

    #[test]
    fn what_was_answered_in_part_is_kept_with_the_question() {
        let asks_both = || {
            let mut both = asks("first");
            both.requests.extend(asks("second").requests);
            both
        };
        let yes = |key: &str| [(key.to_owned(), json!({"action": "accept"}))].into();
        let Ok(Answered::InPart(rest)) = asks_both().answered(yes("second"), 1) else {
            panic!("one is open")
        };
        let again = || Question::read(&rest.write());
        assert!(again().answered(yes("second"), 1).is_err(), "answered once");
        let keys: Vec<String> = again().needed().unwrap().requests.into_keys().collect();
        assert_eq!(keys, ["first"]);
        let Ok(Answered::Whole(answer)) = again().answered(yes("first"), 1) else {
            panic!("all is answered")
        };
        let answers = answer.answers().unwrap();
        assert_eq!((answers.responses.len(), answers.state.as_deref()), (2, Some("s")));
    }

    #[test]
    fn an_answer_fits_its_question_and_one_attempt() {
        let responses = || [("who".to_owned(), json!({"action": "accept"}))].into();
        assert!(asks("what").answered(responses(), 1).is_err());
        assert!(asks("who").answered(BTreeMap::new(), 1).is_err());
        assert!(Question::elsewhere("ask them".to_owned()).answered(responses(), 1).is_err());
        let Ok(Answered::Whole(kept)) = asks("who").answered(responses(), 2) else {
            panic!("all is answered")
        };
        let kept = kept.write();
        assert!(Answer::read(Some(&kept), 3).is_none(), "a later attempt asks anew");
        let answers = Answer::read(Some(&kept), 2).unwrap().answers().unwrap();
        assert_eq!((answers.state.as_deref(), answers.responses.len()), (Some("s"), 1));
        let yes = Answer::read(Some(&Answer::decided(true, 1).write()), 1).unwrap();
        assert!(!yes.is_no() && yes.answers().is_none());
    }
}

//! `chat`: a talk with a language model that goes on.

use serde_json::{Map, Value, json};

use crate::commands::usage;
use crate::failure::Failure;
use crate::language::lex::Word;
use crate::run::Produced;
use crate::session::Session;

/// How many messages are remembered, questions and answers together; the oldest are forgotten.
const MESSAGES_MAX: usize = 200;

const GREETING: &str = "Ask away. /new forgets what was said, /model NAME asks another, Ctrl-D leaves.";

/// `chat`
pub(super) fn run(session: &mut Session, words: &[Word]) -> Result<Produced, Failure> {
    let catalog = session.shared.catalog();
    let Some(usage) = usage(&catalog, "llm") else {
        return Err(Failure::Failed("the hub serves you no language models".to_owned()));
    };
    if !session.person.is_there() {
        return Err(Failure::Usage("chat needs a person; in scripts use llm \"…\"".to_owned()));
    }
    let settings = usage.arguments(words)?;
    session.screen.note(GREETING)?;
    Talk { settings, messages: Vec::new() }.go_on(session)
}

struct Talk {
    /// The model and the like.
    settings: Map<String, Value>,
    messages: Vec<Value>,
}

impl Talk {
    fn go_on(mut self, session: &mut Session) -> Result<Produced, Failure> {
        while let Some(said) = session.person.ask("chat> ") {
            match said.trim() {
                "" => {}
                "/exit" | "/quit" => break,
                "/new" => self.messages.clear(),
                command if command.starts_with("/model ") => {
                    let model = command.trim_start_matches("/model ").trim();
                    self.settings.insert("model".to_owned(), model.into());
                }
                command if command.starts_with('/') => session.screen.note(GREETING)?,
                said => self.say(session, said)?,
            }
        }
        Ok(Produced::Nothing)
    }

    /// What went wrong is said, and the talk goes on.
    fn say(&mut self, session: &mut Session, said: &str) -> Result<(), Failure> {
        self.messages.push(json!({"role": "user", "content": said}));
        let mut arguments = self.settings.clone();
        arguments.insert("messages".to_owned(), self.messages.clone().into());
        session.screen.forget_pieces();
        session.streams = true;
        let answer = session.call("llm_chat", arguments);
        session.streams = false;
        let written = session.screen.pieces();
        match answer {
            Ok(result) => {
                let text = result["structuredContent"]["text"].as_str().unwrap_or(&written).to_owned();
                if let Some(rest) = text.strip_prefix(&*written).filter(|rest| !rest.trim().is_empty()) {
                    session.screen.show(&crate::render::plain(rest))?;
                }
                self.messages.push(json!({"role": "assistant", "content": text}));
            }
            Err(failure) if failure.is_end() => return Err(failure),
            Err(failure) => {
                self.messages.pop();
                session.screen.complain(&failure.to_string())?;
            }
        }
        let over = self.messages.len().saturating_sub(MESSAGES_MAX);
        self.messages.drain(..over);
        Ok(())
    }
}

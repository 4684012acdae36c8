//! `… | llm "…"`: a question about an answer.

use serde_json::Value;

use crate::commands::{alias, usage};
use crate::failure::Failure;
use crate::language::lex::Word;
use crate::run::{self, Produced};
use crate::session::Session;

/// Asks a language model about a text. The words are those of `llm`.
pub(crate) fn about(session: &mut Session, words: &[Word], text: &str) -> Result<Produced, Failure> {
    let catalog = session.shared.catalog();
    let (Some(alias), Some(usage)) = (alias("llm"), usage(&catalog, "llm")) else {
        return Err(Failure::Failed("the hub serves you no language models".to_owned()));
    };
    let mut arguments = usage.arguments(&usage.joined(words))?;
    let question = arguments.get("prompt").and_then(Value::as_str).unwrap_or_default();
    let prompt = if question.is_empty() { text.to_owned() } else { format!("{question}\n\n{text}") };
    arguments.insert("prompt".to_owned(), prompt.into());
    run::call(session, alias.tool, arguments)
}

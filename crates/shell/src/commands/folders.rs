//! Where we are, and paths that mean a folder.

use serde_json::{Map, Value, json};

use super::{no_words, one_word};
use crate::failure::Failure;
use crate::language::lex::Word;
use crate::run::Produced;
use crate::session::Session;

/// `pwd`
pub(super) fn pwd(session: &mut Session, words: &[Word]) -> Result<Produced, Failure> {
    no_words("pwd", words)?;
    let shown = session.shared.place().shown();
    Ok(Produced::Text(shown))
}

/// `cd`: to a folder that is there.
pub(super) fn cd(session: &mut Session, words: &[Word]) -> Result<Produced, Failure> {
    let typed = if words.is_empty() { "/" } else { one_word("cd [FOLDER]", words)? };
    let path = session.shared.place().resolve(typed);
    if path.is_empty() {
        session.shared.place().go(path);
        return Ok(Produced::Nothing);
    }
    let stat = session.call("files_stat", json!({"path": path, "follow": true}))?;
    let found = &stat["structuredContent"];
    if found["kind"] != "directory" {
        return Err(Failure::Failed(format!("/{path} is no folder")));
    }
    // The tool's own name for it: absolute paths and other spellings become one.
    let path = found["path"].as_str().map_or(path, str::to_owned);
    session.shared.place().go(path);
    Ok(Produced::Nothing)
}

/// For `cp` and `mv`, whose tools want the whole new path: a folder as the goal means into it.
pub(super) fn into_folder(
    session: &mut Session,
    name: &str,
    arguments: &mut Map<String, Value>,
) -> Result<(), Failure> {
    if !matches!(name, "cp" | "mv") {
        return Ok(());
    }
    let (Some(from), Some(to)) = (arguments["from"].as_str(), arguments["to"].as_str()) else {
        return Ok(());
    };
    let last = from.rsplit('/').next().unwrap_or_default();
    let inside = if to.is_empty() { last.to_owned() } else { format!("{to}/{last}") };
    let stat = session.call_whatever("files_stat", json!({"path": to, "follow": true}))?;
    if stat["structuredContent"]["kind"] == "directory" {
        arguments.insert("to".to_owned(), inside.into());
    }
    Ok(())
}

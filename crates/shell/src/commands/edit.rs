//! `edit`: a text of the roots in the person's own editor.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::one_word;
use crate::failure::Failure;
use crate::language::lex::Word;
use crate::run::Produced;
use crate::session::Session;

/// How much can be edited, in bytes: what one answer of the tool holds.
const BYTES_MAX: u64 = 8 * 1024 * 1024;

/// What is edited.
struct Text {
    path: String,
    text: String,
    /// What it was when we read it; `None` for one that is not there yet.
    revision: Option<String>,
}

/// `edit FILE`
pub(super) fn run(session: &mut Session, words: &[Word]) -> Result<Produced, Failure> {
    let typed = one_word("edit FILE", words)?;
    let path = session.shared.place().resolve(typed);
    let before = read(session, path)?;
    let (folder, copy) = copy_of(&before).map_err(local)?;
    (session.editor)(&copy)
        .map_err(|error| Failure::Failed(format!("the editor cannot be used: {error}")))?;
    let after = fs::read_to_string(&copy).map_err(local)?;
    if after == before.text {
        session.screen.note("Nothing was changed.")?;
        return Ok(Produced::Nothing);
    }
    match write(session, &before, &after) {
        Ok(()) => {
            session.screen.note(&format!("Written: /{}", before.path))?;
            Ok(Produced::Nothing)
        }
        Err(failure) => {
            // What was written must not be lost: the folder stays.
            let kept = folder.keep();
            session.screen.note(&format!("Your text is kept in {}", kept.display()))?;
            Err(failure)
        }
    }
}

fn local(error: std::io::Error) -> Failure {
    Failure::Failed(format!("the copy on this machine cannot be used: {error}"))
}

fn read(session: &mut Session, path: String) -> Result<Text, Failure> {
    let stat = session.call_whatever("files_stat", json!({"path": path, "follow": true}))?;
    if stat["isError"] == true {
        // Not there: it will be made. Anything else that is wrong shows when it is written.
        return Ok(Text { path, text: String::new(), revision: None });
    }
    let found = &stat["structuredContent"];
    if found["kind"] != "file" {
        return Err(Failure::Failed(format!("/{path} is no file")));
    }
    if found["size_bytes"].as_u64().is_some_and(|size| size > BYTES_MAX) {
        return Err(Failure::Failed(format!(
            "/{path} is larger than {BYTES_MAX} bytes, which is the limit here"
        )));
    }
    let read = session.call("files_read", json!({"path": path, "bytes_max": BYTES_MAX}))?;
    let about = &read["_meta"]["drawbridge/files"];
    let (blocks, encoding) = (read["content"].as_array(), about["encoding"].as_str());
    match (blocks.map(Vec::as_slice), encoding) {
        (Some([only]), Some("UTF-8")) if only["type"] == "text" => Ok(Text {
            path,
            text: only["text"].as_str().unwrap_or_default().to_owned(),
            revision: about["revision"].as_str().map(str::to_owned),
        }),
        (Some([_]), Some(encoding)) => Err(Failure::Failed(format!(
            "/{path} is {encoding}, and would be UTF-8 afterwards: use files_edit"
        ))),
        _ => Err(Failure::Failed(format!("/{path} is no text that can be edited as a whole"))),
    }
}

/// A copy for the editor, in a folder of its own, with the same name: editors go by it.
fn copy_of(text: &Text) -> std::io::Result<(tempfile::TempDir, PathBuf)> {
    let folder = tempfile::Builder::new().prefix("drawbridge-edit-").tempdir()?;
    let name = Path::new(&text.path).file_name().unwrap_or("text".as_ref());
    let copy = folder.path().join(name);
    fs::write(&copy, &text.text)?;
    Ok((folder, copy))
}

fn write(session: &mut Session, before: &Text, after: &str) -> Result<(), Failure> {
    let mut given = json!({"path": before.path, "content": after});
    match &before.revision {
        Some(revision) => given["if_revision"] = revision.as_str().into(),
        None => given["create_only"] = true.into(),
    }
    session.call("files_write", given).map(drop)
}

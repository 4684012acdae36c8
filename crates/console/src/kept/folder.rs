//! The files. Each is written whole or not at all.

use std::fs;
use std::io::{self, Write as _};
use std::path::PathBuf;

use serde_json::Value;

use crate::limits::{CONVERSATIONS_MAX, KEPT_NAME_BYTES_MAX};

const PREFERENCES: &str = "preferences.json";
const CONVERSATIONS: &str = "conversations";

/// Why something was not kept.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeepError {
    #[error("a conversation's id is 1 to {KEPT_NAME_BYTES_MAX} of a-z 0-9 -")]
    NoName,
    #[error("there are {CONVERSATIONS_MAX} conversations, which is as many as are kept: delete one")]
    TooMany,
    #[error("the console's folder cannot be used: {0}")]
    Io(#[from] io::Error),
}

/// A conversation, as a list shows it.
pub(crate) struct Line {
    pub(crate) id: String,
    pub(crate) title: Value,
    pub(crate) updated_ms: u64,
}

/// The folder. It is made when something is kept first.
#[derive(Debug, Clone)]
pub(crate) struct Kept(PathBuf);

impl Kept {
    pub(crate) fn at(folder: PathBuf) -> Self {
        Self(folder)
    }

    pub(crate) fn preferences(&self) -> Result<Option<Value>, KeepError> {
        read(&self.0.join(PREFERENCES))
    }

    pub(crate) fn keep_preferences(&self, value: &Value) -> Result<(), KeepError> {
        write(&self.0, PREFERENCES, value)
    }

    pub(crate) fn conversation(&self, id: &str) -> Result<Option<Value>, KeepError> {
        read(&self.0.join(CONVERSATIONS).join(file_of(id)?))
    }

    pub(crate) fn keep_conversation(&self, id: &str, value: &Value) -> Result<(), KeepError> {
        let (folder, file) = (self.0.join(CONVERSATIONS), file_of(id)?);
        if !folder.join(&file).is_file() && self.files()?.len() >= CONVERSATIONS_MAX {
            return Err(KeepError::TooMany);
        }
        write(&folder, &file, value)
    }

    /// Says whether there was one.
    pub(crate) fn forget_conversation(&self, id: &str) -> Result<bool, KeepError> {
        match fs::remove_file(self.0.join(CONVERSATIONS).join(file_of(id)?)) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// All of them, those that were changed last first.
    pub(crate) fn conversations(&self) -> Result<Vec<Line>, KeepError> {
        let mut lines: Vec<Line> = self.files()?.iter().filter_map(|id| self.line(id)).collect();
        lines.sort_by(|one, other| other.updated_ms.cmp(&one.updated_ms).then(one.id.cmp(&other.id)));
        Ok(lines)
    }

    fn line(&self, id: &str) -> Option<Line> {
        let path = self.0.join(CONVERSATIONS).join(file_of(id).ok()?);
        let updated = path.metadata().ok()?.modified().ok()?.duration_since(std::time::UNIX_EPOCH).ok()?;
        let title = read(&path).ok()??["title"].take();
        Some(Line { id: id.to_owned(), title, updated_ms: updated.as_millis().try_into().ok()? })
    }

    /// The ids of the conversations. What has another name is none of ours.
    fn files(&self) -> Result<Vec<String>, KeepError> {
        let entries = match fs::read_dir(self.0.join(CONVERSATIONS)) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error.into()),
        };
        let name = |entry: fs::DirEntry| entry.file_name().to_str()?.strip_suffix(".json").map(str::to_owned);
        Ok(entries.flatten().filter_map(name).filter(|id| is_name(id)).collect())
    }
}

fn is_name(id: &str) -> bool {
    (1..=KEPT_NAME_BYTES_MAX).contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

fn file_of(id: &str) -> Result<String, KeepError> {
    if is_name(id) { Ok(format!("{id}.json")) } else { Err(KeepError::NoName) }
}

fn read(path: &std::path::Path) -> Result<Option<Value>, KeepError> {
    match fs::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(|error| KeepError::Io(error.into())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn write(folder: &std::path::Path, name: &str, value: &Value) -> Result<(), KeepError> {
    make(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(value.to_string().as_bytes())?;
    file.as_file().sync_all()?;
    file.persist(folder.join(name)).map_err(|error| KeepError::Io(error.error))?;
    Ok(())
}

fn make(folder: &std::path::Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn kept() -> (tempfile::TempDir, Kept) {
        let folder = tempfile::tempdir().unwrap();
        let kept = Kept::at(folder.path().join("console"));
        (folder, kept)
    }

    #[test]
    fn conversations_are_kept_listed_and_forgotten() {
        let (_folder, kept) = kept();
        assert!(kept.conversations().unwrap().is_empty() && kept.conversation("a").unwrap().is_none());
        kept.keep_conversation("a", &json!({"title": "Sky", "messages": []})).unwrap();
        kept.keep_conversation("a", &json!({"title": "Sea", "messages": [1]})).unwrap();
        assert_eq!(kept.conversation("a").unwrap().unwrap()["messages"], json!([1]));
        let lines = kept.conversations().unwrap();
        assert_eq!((lines.len(), &lines[0].title), (1, &json!("Sea")));
        assert!(kept.forget_conversation("a").unwrap() && !kept.forget_conversation("a").unwrap());
    }

    #[test]
    fn no_id_leads_out_of_the_folder() {
        let (_folder, kept) = kept();
        for bad in ["", "..", "../a", "a/b", "A", "a.b", "é", "a\0", &"a".repeat(KEPT_NAME_BYTES_MAX + 1)] {
            assert!(matches!(kept.keep_conversation(bad, &json!({})), Err(KeepError::NoName)), "{bad:?}");
            assert!(matches!(kept.forget_conversation(bad), Err(KeepError::NoName)), "{bad:?}");
        }
        assert!(kept.keep_conversation(&"a".repeat(KEPT_NAME_BYTES_MAX), &json!({})).is_ok());
    }

    #[test]
    fn there_are_no_more_than_the_bound() {
        let (_folder, kept) = kept();
        for number in 0..CONVERSATIONS_MAX {
            kept.keep_conversation(&format!("c{number}"), &json!({})).unwrap();
        }
        assert!(matches!(kept.keep_conversation("more", &json!({})), Err(KeepError::TooMany)));
        assert!(kept.keep_conversation("c0", &json!({"title": "again"})).is_ok());
    }

    #[test]
    fn a_file_that_was_damaged_is_an_error_and_not_the_end() {
        let (folder, kept) = kept();
        kept.keep_preferences(&json!({"theme": "dark"})).unwrap();
        fs::write(folder.path().join("console").join(PREFERENCES), "{").unwrap();
        assert!(kept.preferences().is_err());
        kept.keep_preferences(&json!({"theme": "light"})).unwrap();
        assert_eq!(kept.preferences().unwrap(), Some(json!({"theme": "light"})));
    }
}

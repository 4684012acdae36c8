//! `files_edit`: pieces of a text replaced, all or none.

use std::io::Read as _;
use std::sync::Arc;

use drawbridge_contract::{
    Annotations, Context, Example, Outcome, ToolError, ToolResult, ToolSpec, TypedTool,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::disk::locate::Place;
use crate::disk::roots::Roots;
use crate::error::{FileError, Result};
use crate::text::diff::unified;
use crate::text::edits::{Edit as Replacement, apply, line_end};
use crate::text::encoding::{Charset, HEAD_BYTES};
use crate::work::{Work, pooled};

use super::about;
use super::write::{replace, to_edit};

/// How large a file may be that is edited.
const FILE_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// How many replacements one call makes.
const EDITS_MAX: usize = 200;

pub(crate) struct Edit;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Input {
    /// The text file.
    path: String,
    /// The replacements, made one after the other; if one does not fit, none is made.
    #[schemars(length(min = 1, max = EDITS_MAX))]
    edits: Vec<Replacement>,
    /// Shows what would change, and changes nothing.
    #[serde(default)]
    dry_run: bool,
    /// Fails unless the file is still at this revision, which files_stat and files_read tell.
    #[serde(default)]
    if_revision: Option<String>,
}

/// What programs want to know.
#[derive(Serialize)]
struct Edited {
    path: String,
    replacements: usize,
    changed: bool,
    revision: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    trash_id: Option<String>,
}

impl TypedTool<Roots> for Edit {
    type Input = Input;

    fn spec() -> ToolSpec {
        ToolSpec::of::<Input>(
            "files_edit",
            "Edit a text",
            "Replaces pieces of a text file, several at once, all or none, and answers with the difference. Encoding \
             and line ends stay as they are; the version before goes to the trash.",
        )
        .annotated(Annotations::CHANGES)
        .examples(&[
            Example {
                says: "Shows what a change would do.",
                args: r#"{"path": "notes/todo.md", "edits": [{"old_text": "- bread", "new_text": "- rye bread"}], "dry_run": true}"#,
                gives: "-- bread\n+- rye bread\n",
            },
            Example {
                says: "Changes one word.",
                args: r#"{"path": "notes/recipes/cake.md", "edits": [{"old_text": "sugar", "new_text": "honey"}]}"#,
                gives: "+Flour, eggs, honey.\n",
            },
        ])
    }

    async fn run(
        roots: &Arc<Roots>,
        input: Input,
        context: &Context,
    ) -> std::result::Result<Outcome, ToolError> {
        pooled(roots, input, context, answer).await.map(Outcome::Complete)
    }
}

fn answer(roots: &Roots, input: &Input, work: &Work) -> Result<ToolResult> {
    let (place, _only_us) = to_edit(roots, &input.path, input.if_revision.as_deref(), work)?;
    let before = Source::read(roots, &place)?;
    let (text, replacements) = edited(&before, input, work)?;
    let bytes = before.encode(&text, &place)?;
    let (mut revision, mut trash_id) = (place.there()?.revision(), None);
    let changed = text != before.text;
    if changed && !input.dry_run {
        let (stat, id) = replace(roots, &place, &bytes, work)?;
        (revision, trash_id) = (stat.revision(), Some(id));
    }
    let path = place.show();
    let says = summary(input, &path, replacements, changed, trash_id.as_deref());
    let diff = unified(&path, &before.text, &text);
    let edited = Edited { path, replacements, changed, revision, trash_id };
    Ok(ToolResult { meta: Some(about(&edited)), ..ToolResult::text(&(says + &diff)) })
}

fn edited(before: &Source, input: &Input, work: &Work) -> Result<(String, usize)> {
    let (mut text, mut replacements) = (before.text.clone(), 0);
    let line_end = line_end(&text);
    for (index, edit) in input.edits.iter().enumerate() {
        work.check()?;
        let made = apply(&mut text, edit, line_end);
        let none = "No edit was made";
        replacements += made.map_err(|misfit| {
            FileError::Invalid(format!("{none}: edit {} of {}: {misfit}", index + 1, input.edits.len()))
        })?;
        if text.len() as u64 > FILE_BYTES_MAX * 2 {
            return Err(FileError::TooLarge(format!("{none}: the file would have {} bytes", text.len())));
        }
    }
    Ok((text, replacements))
}

fn summary(input: &Input, path: &str, replacements: usize, changed: bool, trash_id: Option<&str>) -> String {
    let places = if replacements == 1 { "1 place" } else { &format!("{replacements} places") };
    match trash_id {
        Some(id) => format!("Changed {places} in {path}. The version before is in the trash as {id}.\n"),
        None if input.dry_run && changed => {
            format!("Would change {places} in {path}; nothing was changed.\n")
        }
        None => format!("{path} is already so; nothing was changed.\n"),
    }
}

/// A text file as it was before.
struct Source {
    text: String,
    charset: Charset,
    mark: Vec<u8>,
}

impl Source {
    fn read(roots: &Roots, place: &Place<'_>) -> Result<Self> {
        let (file, stat) = place.open_file(roots)?;
        let too_large = || {
            let message = format!(
                "{} has {} bytes; at most {FILE_BYTES_MAX} can be edited",
                place.show(),
                stat.size_bytes
            );
            FileError::TooLarge(message)
        };
        if stat.size_bytes > FILE_BYTES_MAX {
            return Err(too_large());
        }
        let mut bytes = Vec::new();
        let read = file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes);
        read.map_err(|error| FileError::io("read", place.show(), error))?;
        if bytes.len() as u64 > FILE_BYTES_MAX {
            return Err(too_large());
        }
        let head = &bytes[..bytes.len().min(HEAD_BYTES)];
        let charset = Charset::detect(head, head.len() == bytes.len());
        let no_text =
            || FileError::Invalid(format!("{} is not a text; files_write replaces it whole", place.show()));
        let charset = charset.ok_or_else(no_text)?;
        let body = bytes.split_off(charset.mark_bytes);
        let (text, _) = charset.decode(body.clone());
        if charset.encode(&text).as_ref() != Some(&body) {
            return Err(FileError::Invalid(format!(
                "{} holds bytes that are not {}, which an edit would destroy; files_write replaces it whole",
                place.show(),
                charset.encoding.name(),
            )));
        }
        Ok(Self { text, charset, mark: bytes })
    }

    fn encode(&self, text: &str, place: &Place<'_>) -> Result<Vec<u8>> {
        let body = self.charset.encode(text).ok_or_else(|| {
            let (path, encoding) = (place.show(), self.charset.encoding.name());
            FileError::Invalid(format!(
                "{path} is written in {encoding}, which lacks a character of new_text"
            ))
        })?;
        Ok([self.mark.clone(), body].concat())
    }
}

//! `files_write`: new contents for a file.

use std::io::{Read as _, Write as _};
use std::sync::{Arc, MutexGuard};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use drawbridge_contract::{
    Annotations, Context, Example, Outcome, ToolError, ToolResult, ToolSpec, TypedTool,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::disk::denied::Want;
use crate::disk::folder::stat_of_file;
use crate::disk::locate::{Last, Place};
use crate::disk::replace::Staged;
use crate::disk::roots::Roots;
use crate::disk::stat::Stat;
use crate::disk::trash::Trash;
use crate::error::{FileError, Result};
use crate::work::{Work, pooled};

/// Up to this size a file is appended to by replacing it, so that it is wholly old or wholly new at any moment. Above
/// it, the end is written in place.
const APPEND_WHOLE_BYTES_MAX: u64 = 8 * 1024 * 1024;

pub(crate) struct Write;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Input {
    /// The file, such as `notes/todo.md`.
    path: String,
    /// What is to be in it.
    content: String,
    /// How `content` stands for the bytes of the file.
    #[serde(default)]
    encoding: Encoding,
    /// Adds to the end of the file instead of replacing what is in it.
    #[serde(default)]
    append: bool,
    /// Fails when something is there already.
    #[serde(default)]
    create_only: bool,
    /// Fails unless the file is still at this revision, which files_stat and files_read tell.
    #[serde(default)]
    if_revision: Option<String>,
    /// Makes the folders that are missing above it.
    #[serde(default)]
    make_parents: bool,
}

/// How text stands for bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
enum Encoding {
    /// As itself.
    #[default]
    #[serde(rename = "utf-8")]
    Utf8,
    /// Four characters for three bytes: for files that are not text.
    #[serde(rename = "base64")]
    Base64,
}

#[derive(Serialize, JsonSchema)]
struct Output {
    path: String,
    size_bytes: u64,
    /// For `if_revision` of the next change.
    revision: String,
    /// There was no such file before.
    created: bool,
    /// Under this id the version before is in the trash; files_restore brings it back.
    #[serde(skip_serializing_if = "Option::is_none")]
    trash_id: Option<String>,
}

impl TypedTool<Roots> for Write {
    type Input = Input;

    fn spec() -> ToolSpec {
        ToolSpec::of::<Input>(
            "files_write",
            "Write a file",
            "Writes a file, new or in place of what was in it; the version before goes to the trash. To change parts \
             of a text use files_edit. At any moment the file is wholly old or wholly new.",
        )
        .gives::<Output>()
        .annotated(Annotations { idempotent: false, ..Annotations::CHANGES })
        .examples(&[
            Example {
                says: "Makes a file.",
                args: r#"{"path": "notes/new.md", "content": "Hello\n"}"#,
                gives: r#""size_bytes":6"#,
            },
            Example {
                says: "Adds a line.",
                args: r#"{"path": "notes/log.txt", "content": "another day\n", "append": true}"#,
                gives: r#""created":false"#,
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
    let bytes = bytes(input)?;
    if input.make_parents {
        let (root, parts) = roots.given_in_root(&input.path)?;
        let above = parts.len().saturating_sub(1);
        roots.make_folders(root, &parts[..above], work)?;
    }
    let mut place = roots.place(&input.path, Last::Follow, Want::Write, work)?;
    place.name()?;
    let _only_us = roots.locks.lock(&place)?;
    place.look_again()?;
    check_state(&place, input)?;
    let (stat, trash_id) = match place.stat {
        None => (create(&place, &bytes)?, None),
        Some(old) if input.append => (append(roots, &place, &old, &bytes)?, None),
        Some(_) => replace(roots, &place, &bytes, work).map(|(stat, id)| (stat, Some(id)))?,
    };
    let created = place.stat.is_none();
    let (path, size_bytes, revision) = (place.show(), stat.size_bytes, stat.revision());
    Ok(ToolResult::structured(&Output { path, size_bytes, revision, created, trash_id }))
}

fn bytes(input: &Input) -> Result<std::borrow::Cow<'_, [u8]>> {
    match input.encoding {
        Encoding::Utf8 => Ok(input.content.as_bytes().into()),
        Encoding::Base64 => {
            let decoded = STANDARD.decode(input.content.trim());
            let message = |error| FileError::Invalid(format!("content is not base64: {error}"));
            decoded.map(Into::into).map_err(message)
        }
    }
}

fn check_state(place: &Place<'_>, input: &Input) -> Result<()> {
    match place.stat {
        Some(_) if input.create_only => return Err(FileError::Exists(place.show())),
        Some(_) => drop(place.regular()?),
        None => {}
    }
    match &input.if_revision {
        Some(wanted) => check_revision(place, wanted),
        None => Ok(()),
    }
}

/// A file that is there, to be changed by us alone until the guard is dropped, and at this revision if one is named.
pub(super) fn to_edit<'r>(
    roots: &'r Roots,
    path: &str,
    if_revision: Option<&str>,
    work: &Work,
) -> Result<(Place<'r>, MutexGuard<'r, ()>)> {
    let mut place = roots.place(path, Last::Follow, Want::Write, work)?;
    let only_us = roots.locks.lock(&place)?;
    place.look_again()?;
    if let Some(wanted) = if_revision {
        check_revision(&place, wanted)?;
    }
    Ok((place, only_us))
}

/// An error unless the file is at this revision.
fn check_revision(place: &Place<'_>, wanted: &str) -> Result<()> {
    let now = place.there()?.revision();
    if now == wanted { Ok(()) } else { Err(FileError::Changed { path: place.show(), now }) }
}

fn create(place: &Place<'_>, bytes: &[u8]) -> Result<Stat> {
    let mut staged = Staged::begin(place)?;
    staged.write(bytes)?;
    staged.create()
}

/// Replaces the contents; the version before is under the id that comes back.
pub(super) fn replace(roots: &Roots, place: &Place<'_>, bytes: &[u8], work: &Work) -> Result<(Stat, String)> {
    let mut staged = Staged::begin(place)?;
    staged.write(bytes)?;
    let id = Trash::of(place.root)?.keep_version(roots, place, work)?;
    Ok((staged.replace()?, id))
}

fn append(roots: &Roots, place: &Place<'_>, old: &Stat, bytes: &[u8]) -> Result<Stat> {
    if old.size_bytes.saturating_add(bytes.len() as u64) > APPEND_WHOLE_BYTES_MAX {
        return append_in_place(roots, place, bytes);
    }
    let failed = |error| FileError::io("read", place.show(), error);
    let (file, _) = place.open_file(roots)?;
    let mut whole = Vec::new();
    file.take(APPEND_WHOLE_BYTES_MAX).read_to_end(&mut whole).map_err(failed)?;
    let mut staged = Staged::begin(place)?;
    staged.write(&whole)?;
    staged.write(bytes)?;
    staged.replace()
}

fn append_in_place(roots: &Roots, place: &Place<'_>, bytes: &[u8]) -> Result<Stat> {
    let failed = |error| FileError::io("append to", place.show(), error);
    let (mut file, before) = place.parent.file_to_append(place.name()?).map_err(failed)?;
    if roots.is_ours(&before) {
        return Err(FileError::Secret(place.show()));
    }
    let written = file.write_all(bytes).and_then(|()| file.sync_data());
    if let Err(error) = written {
        // A full disk: as it was before. If even that fails, the first error says enough.
        let _ = file.set_len(before.size_bytes);
        return Err(failed(error));
    }
    stat_of_file(&file).map_err(failed)
}

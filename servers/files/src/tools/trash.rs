//! `files_trash`: what can be brought back.

use std::sync::Arc;

use drawbridge_contract::{
    Annotations, Context, Example, Outcome, ToolError, ToolResult, ToolSpec, TypedTool,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::disk::roots::Roots;
use crate::disk::stat::Kind;
use crate::disk::trash::{Trash, Why};
use crate::error::Result;
use crate::work::{Work, pooled};

/// How many entries a page has unless told otherwise.
const LIMIT_DEFAULT: usize = 50;
/// How many entries a page has at most.
const LIMIT_MAX: usize = 500;

pub(crate) struct ShowTrash;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Input {
    /// Shows only what was at this path or below it, such as `notes/todo.md`.
    #[serde(default)]
    path: Option<String>,
    /// How many entries to give at most.
    #[serde(default = "limit_default")]
    #[schemars(range(min = 1, max = LIMIT_MAX))]
    limit: usize,
    /// `next_cursor` of the page before.
    #[serde(default)]
    cursor: Option<String>,
}

fn limit_default() -> usize {
    LIMIT_DEFAULT
}

#[derive(Serialize, JsonSchema)]
struct Output {
    /// What can be brought back, the newest first.
    entries: Vec<EntryShown>,
    /// For the next page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

#[derive(Serialize, JsonSchema)]
struct EntryShown {
    trash_id: String,
    /// Where it was.
    path: String,
    kind: Kind,
    /// Of a folder: of everything in it.
    size_bytes: u64,
    /// It has more than `size_bytes`; not all was counted.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    at_least: bool,
    why: Why,
    /// When it came here; RFC 3339, UTC.
    when: String,
}

impl TypedTool<Roots> for ShowTrash {
    type Input = Input;

    fn spec() -> ToolSpec {
        ToolSpec::of::<Input>(
            "files_trash",
            "Look into the trash",
            "Lists what was deleted, and the versions of files before they were written or edited, the newest first. \
             files_restore brings one back.",
        )
        .gives::<Output>()
        .annotated(Annotations::READS)
        .examples(&[Example {
            says: "Looks for earlier versions of a file.",
            args: r#"{"path": "notes/todo.md"}"#,
            gives: r#""entries":["#,
        }])
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
    let mut trashes = Vec::new();
    for root in roots.each() {
        trashes.extend(Trash::if_there(root)?);
    }
    let mut ids: Vec<(String, usize)> = Vec::new();
    for (index, trash) in trashes.iter().enumerate() {
        ids.extend(trash.ids()?.into_iter().map(|id| (id, index)));
    }
    ids.sort_unstable_by(|one, other| other.cmp(one));
    let only = input.path.as_deref().map(|path| below(roots, path)).transpose()?;
    let before = |id: &str| input.cursor.as_deref().is_none_or(|cursor| id < cursor);
    let (mut entries, mut next_cursor) = (Vec::new(), None);
    for (id, index) in ids.into_iter().filter(|(id, _)| before(id)) {
        work.check()?;
        let Some(entry) = entry(&trashes[index], id) else { continue };
        if only.as_ref().is_some_and(|only| !is_below(&entry.path, only)) {
            continue;
        }
        if entries.len() == input.limit.clamp(1, LIMIT_MAX) {
            next_cursor = entries.last().map(|last: &EntryShown| last.trash_id.clone());
            break;
        }
        entries.push(entry);
    }
    Ok(ToolResult::structured(&Output { entries, next_cursor }))
}

/// A path as records show it. What it names may be gone, so the disk is not asked.
fn below(roots: &Roots, path: &str) -> Result<String> {
    let (root, parts) = roots.given_in_root(path)?;
    Ok(root.show(&parts))
}

fn is_below(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// `None` when it has gone meanwhile, or was never finished.
fn entry(trash: &Trash<'_>, trash_id: String) -> Option<EntryShown> {
    let record = trash.record(&trash_id).ok()?;
    Some(EntryShown {
        path: trash.root.show(&[&record.path]),
        kind: record.kind,
        size_bytes: record.size_bytes,
        at_least: record.at_least,
        why: record.why,
        when: record.when,
        trash_id,
    })
}

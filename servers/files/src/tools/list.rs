//! `files_list`: what is in a folder.

use std::cmp::Reverse;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use drawbridge_contract::{
    Annotations, Context, Example, Outcome, ToolError, ToolResult, ToolSpec, TypedTool, raw,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::disk::denied::Want;
use crate::disk::locate::Here;
use crate::disk::name::Name;
use crate::disk::roots::{Given, Roots};
use crate::disk::stat::{Kind, Stat};
use crate::error::{FileError, Result};
use crate::walk::rules::Rules;
use crate::walk::smallest::Smallest;
use crate::work::{Work, quick};

/// How many entries a page has unless told otherwise.
const LIMIT_DEFAULT: usize = 200;
/// How many entries a page has at most.
const LIMIT_MAX: usize = 2_000;
/// How many entries are read on the thread of the call before it goes to the pool.
const QUICK_ENTRIES_MAX: u64 = 2_000;
/// Between how many entries the work looks whether it is to stop.
const CHECK_EVERY: u64 = 1_024;

pub(crate) struct List;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Input {
    /// The folder. Empty: the root, or the list of roots when there are several.
    #[serde(default)]
    path: String,
    /// Gives size and time of modification too.
    #[serde(default)]
    details: bool,
    /// What the entries are ordered by.
    #[serde(default)]
    sort: Sort,
    /// Turns the order round.
    #[serde(default)]
    descending: bool,
    /// Puts folders before files.
    #[serde(default = "yes")]
    directories_first: bool,
    /// Shows entries whose name begins with a dot.
    #[serde(default)]
    hidden: bool,
    /// Leaves out what `.gitignore` and `.ignore` files exclude.
    #[serde(default)]
    skip_ignored: bool,
    /// How many entries to give at most.
    #[serde(default = "limit_default")]
    #[schemars(range(min = 1, max = LIMIT_MAX))]
    limit: usize,
    /// `next_cursor` of the page before, with everything else the same.
    #[serde(default)]
    cursor: Option<String>,
}

/// What entries are ordered by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Sort {
    /// By name, byte by byte.
    #[default]
    Name,
    /// By size, the smallest first.
    Size,
    /// By time of modification, the oldest first.
    Modified,
}

fn yes() -> bool {
    true
}

fn limit_default() -> usize {
    LIMIT_DEFAULT
}

#[derive(Serialize, JsonSchema)]
struct Output {
    /// The folder that is listed.
    path: String,
    /// The entries of this page.
    entries: Vec<EntryShown>,
    /// How many entries there are on all pages.
    total: u64,
    /// How many more there are whose name begins with a dot.
    #[serde(skip_serializing_if = "is_zero")]
    hidden: u64,
    /// For the next page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

#[derive(Serialize, JsonSchema)]
struct EntryShown {
    name: String,
    kind: Kind,
    #[serde(skip_serializing_if = "Option::is_none")]
    size_bytes: Option<u64>,
    /// RFC 3339, UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    modified: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// An entry that is on the page unless better ones come: ordered as the page is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Key {
    after_directories: bool,
    order: Order,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
enum Order {
    Rising(i128, String),
    Falling(Reverse<(i128, String)>),
}

impl TypedTool<Roots> for List {
    type Input = Input;

    fn spec() -> ToolSpec {
        ToolSpec::of::<Input>(
            "files_list",
            "List a folder",
            "Lists what is in one folder, a page at a time: names and kinds, with details=true also sizes and times. \
             For folders within folders use files_tree; to find something by name, files_find.",
        )
        .gives::<Output>()
        .annotated(Annotations::READS)
        .examples(&[
            Example { says: "Lists a folder.", args: r#"{"path": "notes"}"#, gives: r#""name":"todo.md""# },
            Example {
                says: "Finds the largest file.",
                args: r#"{"path": "notes/recipes", "sort": "size", "descending": true, "details": true, "limit": 1}"#,
                gives: r#"{"name":"soup.md","kind":"file","size_bytes":28"#,
            },
        ])
    }

    async fn run(
        roots: &Arc<Roots>,
        input: Input,
        context: &Context,
    ) -> std::result::Result<Outcome, ToolError> {
        quick(roots, input, context, answer).await.map(Outcome::Complete)
    }
}

fn answer(roots: &Roots, input: &Input, work: &Work) -> Result<ToolResult> {
    let output = match roots.given(&input.path)? {
        Given::Top => list_roots(roots),
        Given::In(..) => list(roots, &roots.here(&input.path, Want::Read, work)?, input, work)?,
    };
    Ok(ToolResult::structured(&output))
}

fn list_roots(roots: &Roots) -> Output {
    let shown = |name: &String| EntryShown {
        name: name.clone(),
        kind: Kind::Directory,
        size_bytes: None,
        modified: None,
    };
    let entries: Vec<EntryShown> = roots.each().map(|root| shown(&root.name)).collect();
    Output { path: "/".to_owned(), total: entries.len() as u64, entries, hidden: 0, next_cursor: None }
}

fn list(roots: &Roots, here: &Here<'_>, input: &Input, work: &Work) -> Result<Output> {
    let failed = |error| FileError::io("list", here.show(), error);
    let after = input.cursor.as_deref().map(read_cursor).transpose()?;
    let rules = if input.skip_ignored { Some(Rules::at(here, work)?) } else { None };
    let needs_stat = input.details || input.sort != Sort::Name;
    let (mut total, mut hidden, mut seen) = (0, 0, 0_u64);
    let mut page = Smallest::new(input.limit.clamp(1, LIMIT_MAX));
    here.folder.entries().map_err(failed)?.each(failed, |name, kind| {
        seen += 1;
        work.fits(seen, QUICK_ENTRIES_MAX)?;
        if seen.is_multiple_of(CHECK_EVERY) {
            work.check()?;
        }
        if roots.denied.check_entry(&here.parts, name, Want::Read).is_some() {
            return Ok(());
        }
        let Some((kind, stat)) = look(here, name, kind, needs_stat)? else { return Ok(()) };
        if rules.as_ref().is_some_and(|rules| rules.ignores(name, kind == Kind::Directory)) {
            return Ok(());
        }
        if !input.hidden && name.as_encoded_bytes().starts_with(b".") {
            hidden += 1;
            return Ok(());
        }
        total += 1;
        let key = Key::of(input, name.to_string_lossy().into_owned(), kind, stat.as_ref());
        if after.as_ref().is_none_or(|after| key > *after) {
            page.offer(key, (kind, stat));
        }
        Ok(())
    })?;
    Ok(show(here, input, page, total, hidden))
}

/// What an entry is; `None` when it has gone meanwhile.
fn look(
    here: &Here<'_>,
    name: &std::ffi::OsStr,
    kind: Option<Kind>,
    needs_stat: bool,
) -> Result<Option<(Kind, Option<Stat>)>> {
    match kind {
        Some(kind) if !needs_stat => Ok(Some((kind, None))),
        _ => {
            let stat = Name::of(name).and_then(|name| here.folder.stat_if_there(name));
            let stat = stat.map_err(|error| FileError::io("list", here.show(), error))?;
            Ok(stat.map(|stat| (stat.kind, Some(stat))))
        }
    }
}

impl Key {
    fn of(input: &Input, name: String, kind: Kind, stat: Option<&Stat>) -> Self {
        let number = match input.sort {
            Sort::Name => 0,
            Sort::Size => stat.map_or(0, |stat| i128::from(stat.size_bytes)),
            Sort::Modified => stat.map_or(0, |stat| stat.modified_ns),
        };
        let order = if input.descending {
            Order::Falling(Reverse((number, name)))
        } else {
            Order::Rising(number, name)
        };
        Self { after_directories: input.directories_first && kind != Kind::Directory, order }
    }
}

fn show(
    here: &Here<'_>,
    input: &Input,
    page: Smallest<Key, (Kind, Option<Stat>)>,
    total: u64,
    hidden: u64,
) -> Output {
    let (sorted, more) = page.into_sorted();
    let next_cursor = sorted.last().filter(|_| more).map(|(key, _)| write_cursor(key));
    let entry = |(key, (kind, stat)): (Key, (Kind, Option<Stat>))| {
        let stat = stat.filter(|_| input.details);
        EntryShown {
            kind,
            size_bytes: stat.filter(|_| kind == Kind::File).map(|stat| stat.size_bytes),
            modified: stat.map(|stat| stat.modified()),
            name: match key.order {
                Order::Rising(_, name) | Order::Falling(Reverse((_, name))) => name,
            },
        }
    };
    Output { path: here.show(), entries: sorted.into_iter().map(entry).collect(), total, hidden, next_cursor }
}

fn write_cursor(key: &Key) -> String {
    URL_SAFE_NO_PAD.encode(raw(key).get())
}

fn read_cursor(cursor: &str) -> Result<Key> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).ok();
    let key = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    key.ok_or_else(|| {
        FileError::Invalid("this cursor is not one that files_list gave; begin without it".to_owned())
    })
}

//! `files_list`: what is in a folder.

use std::fmt::Write as _;
use std::sync::Arc;

use drawbridge_contract::{
    Annotations, Context, Example, Outcome, ToolError, ToolResult, ToolSpec, TypedTool,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::disk::denied::Want;
use crate::disk::roots::{Given, Roots};
use crate::disk::stat::Kind;
use crate::error::Result;
use crate::listing::{Listed, Listing, Sort};
use crate::text::visible::visible;
use crate::work::{Work, quick};

/// How many entries a page has unless told otherwise.
const LIMIT_DEFAULT: usize = 200;
/// How many entries a page has at most.
const LIMIT_MAX: usize = 2_000;

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
            Example {
                says: "Lists a folder.",
                args: r#"{"path": "notes"}"#,
                gives: "recipes/\nlog.txt\n",
            },
            Example {
                says: "Finds the largest file.",
                args: r#"{"path": "notes/recipes", "sort": "size", "descending": true, "details": true, "limit": 1}"#,
                gives: "soup.md  28 bytes",
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
        Given::In(..) => list(roots, input, work)?,
    };
    Ok(ToolResult::text_and(&output.text(), &output))
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

fn list(roots: &Roots, input: &Input, work: &Work) -> Result<Output> {
    let here = roots.here(&input.path, Want::Read, work)?;
    let listing = Listing {
        sort: input.sort,
        descending: input.descending,
        directories_first: input.directories_first,
        hidden: input.hidden,
        skip_ignored: input.skip_ignored,
        details: input.details,
        limit: input.limit.clamp(1, LIMIT_MAX),
        cursor: input.cursor.as_deref(),
    };
    let page = listing.page(roots, &here, work)?;
    let entries = page.entries.into_iter().map(EntryShown::of).collect();
    let (total, hidden, next_cursor) = (page.total, page.hidden, page.next_cursor);
    Ok(Output { path: here.show(), entries, total, hidden, next_cursor })
}

impl Output {
    /// The same for models that read text: a line for each entry.
    fn text(&self) -> String {
        let names: usize = self.entries.iter().map(|entry| entry.name.len()).sum();
        let mut text = String::with_capacity(names + self.entries.len() * 4 + 128);
        for entry in &self.entries {
            entry.line(&mut text);
        }
        let _ = write!(text, "[{} of {} entries of {}.", self.entries.len(), self.total, visible(&self.path));
        if self.hidden > 0 {
            let _ = write!(text, " {} hidden ones are not counted.", self.hidden);
        }
        if let Some(cursor) = &self.next_cursor {
            let _ = write!(text, " Go on with cursor={cursor:?}.");
        }
        text.push_str("]\n");
        text
    }
}

impl EntryShown {
    fn of(listed: Listed) -> Self {
        let Listed { name, kind, stat } = listed;
        let size_bytes = stat.as_ref().filter(|_| kind == Kind::File).map(|stat| stat.size_bytes);
        Self { name, kind, size_bytes, modified: stat.map(|stat| stat.modified()) }
    }

    fn line(&self, text: &mut String) {
        text.push_str(&visible(&self.name));
        match self.kind {
            Kind::Directory => text.push('/'),
            Kind::File => {}
            Kind::Symlink => text.push_str(" (symlink)"),
            Kind::Other => text.push_str(" (not a regular file)"),
        }
        if let Some(size) = self.size_bytes {
            let _ = write!(text, "  {size} bytes");
        }
        if let Some(modified) = &self.modified {
            let _ = write!(text, "  {modified}");
        }
        text.push('\n');
    }
}

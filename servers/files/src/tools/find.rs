//! `files_find`: by name.

use std::cmp::Reverse;
use std::ffi::OsStr;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use drawbridge_contract::{
    Annotations, Context, Example, Outcome, ToolError, ToolResult, ToolSpec, TypedTool, raw,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::disk::denied::Want;
use crate::disk::name::Name;
use crate::disk::roots::Roots;
use crate::disk::stat::Kind;
use crate::error::{FileError, Result};
use crate::walk::fuzzy::Fuzzy;
use crate::walk::names::{PATTERN_BYTES_MAX, Pattern};
use crate::walk::smallest::Smallest;
use crate::walk::{DEPTH_MAX, Visited, Visitor, Walk};
use crate::work::{Work, pooled};

/// How many matches are given unless told otherwise.
const LIMIT_DEFAULT: usize = 100;
/// How many matches are given at most.
const LIMIT_MAX: usize = 2_000;

pub(crate) struct Find;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Input {
    /// What the name is like. With `*`, `?`, `[` or `{` it is a glob: `*.md` fits names, `src/**/*.rs` paths. Otherwise
    /// it is fuzzy: its letters in their order, the best match first.
    pattern: String,
    /// The folder to look in. Empty: the root.
    #[serde(default)]
    path: String,
    /// Only entries of this kind.
    #[serde(default)]
    kind: Option<Kind>,
    /// Tells capitals from small letters in a glob. A fuzzy pattern does when it has capitals.
    #[serde(default)]
    case_sensitive: bool,
    /// Includes what begins with a dot.
    #[serde(default)]
    hidden: bool,
    /// Includes what `.gitignore` and `.ignore` files exclude.
    #[serde(default)]
    ignored: bool,
    /// How many folders deep to look; 1 looks only at the folder's own entries.
    #[serde(default = "depth_default")]
    #[schemars(range(min = 1, max = DEPTH_MAX))]
    depth: usize,
    /// How many matches to give at most.
    #[serde(default = "limit_default")]
    #[schemars(range(min = 1, max = LIMIT_MAX))]
    limit: usize,
    /// `next_cursor` of the answer before, with everything else the same.
    #[serde(default)]
    cursor: Option<String>,
}

fn depth_default() -> usize {
    DEPTH_MAX
}

fn limit_default() -> usize {
    LIMIT_DEFAULT
}

#[derive(Serialize, JsonSchema)]
struct Output {
    matches: Vec<MatchShown>,
    /// How many there are in all.
    total: u64,
    /// For those that follow.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
    /// How many folders could not be read.
    #[serde(skip_serializing_if = "is_zero")]
    unreadable: u64,
    /// How many folders lie deeper than is looked.
    #[serde(skip_serializing_if = "is_zero")]
    too_deep: u64,
}

#[derive(Serialize, JsonSchema)]
struct MatchShown {
    path: String,
    kind: Kind,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl TypedTool<Roots> for Find {
    type Input = Input;

    fn spec() -> ToolSpec {
        ToolSpec::of::<Input>(
            "files_find",
            "Find by name",
            "Finds files and folders by name, below a folder, by a glob such as `*.md` or fuzzily by some letters of the \
             path. To find what is in files use files_search.",
        )
        .gives::<Output>()
        .annotated(Annotations::READS)
        .examples(&[
            Example {
                says: "Finds all Markdown files in a folder.",
                args: r#"{"pattern": "*.md", "path": "notes/recipes"}"#,
                gives: r#"{"path":"notes/recipes/soup.md","kind":"file"}"#,
            },
            Example {
                says: "Finds a file by some letters of its name.",
                args: r#"{"pattern": "rcsoup"}"#,
                gives: "notes/recipes/soup.md",
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

/// Best first: a high score, then by path.
type Key = (Reverse<i32>, String);

fn answer(roots: &Roots, input: &Input, work: &Work) -> Result<ToolResult> {
    let start = roots.here(&input.path, Want::Read, work)?;
    let after = input.cursor.as_deref().map(read_cursor).transpose()?;
    // Checked once here, so that the visitors can take it for granted.
    Wanted::new(input)?;
    let limit = input.limit.clamp(1, LIMIT_MAX);
    let depth_max = input.depth.clamp(1, DEPTH_MAX);
    let walk = Walk { roots, work, hidden: input.hidden, ignored: input.ignored, depth_max };
    let start_bytes = start.show().len() + 1;
    let visitor = || Finder {
        wanted: Wanted::new(input).ok(),
        kind: input.kind,
        start_bytes,
        after: after.as_ref(),
        found: Smallest::new(limit),
        total: 0,
        path: String::new(),
    };
    let (finders, passed_over) = walk.run(&start, visitor)?;
    let (total, found) = merged(finders, limit);
    let (found, more) = found.into_sorted();
    let next_cursor = found.last().filter(|_| more).map(|(key, _)| URL_SAFE_NO_PAD.encode(raw(key).get()));
    Ok(ToolResult::structured(&Output {
        matches: found.into_iter().map(|((_, path), kind)| MatchShown { path, kind }).collect(),
        total,
        next_cursor,
        unreadable: passed_over.unreadable(),
        too_deep: passed_over.too_deep(),
    }))
}

fn merged(finders: Vec<Finder<'_>>, limit: usize) -> (u64, Smallest<Key, Kind>) {
    let (mut total, mut all) = (0, Smallest::new(limit));
    for finder in finders {
        total += finder.total;
        all.add(finder.found);
    }
    (total, all)
}

fn read_cursor(cursor: &str) -> Result<Key> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).ok();
    let key = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    key.ok_or_else(|| {
        FileError::Invalid("this cursor is not one that files_find gave; begin without it".to_owned())
    })
}

/// What is looked for.
enum Wanted {
    Glob(Pattern),
    Fuzzy(Fuzzy),
}

impl Wanted {
    fn new(input: &Input) -> Result<Self> {
        if input.pattern.trim().is_empty() || input.pattern.len() > PATTERN_BYTES_MAX {
            let message = format!("a pattern is needed, of at most {PATTERN_BYTES_MAX} bytes");
            return Err(FileError::Invalid(message));
        }
        match input.pattern.contains(['*', '?', '[', '{']) {
            true => Ok(Self::Glob(Pattern::new(&input.pattern, input.case_sensitive)?)),
            false => Ok(Self::Fuzzy(Fuzzy::new(&input.pattern))),
        }
    }

    fn score(&mut self, path: &str, name: &str) -> Option<i32> {
        match self {
            Self::Glob(pattern) => pattern.fits(path, name).then_some(0),
            Self::Fuzzy(fuzzy) => fuzzy.score(path),
        }
    }
}

/// What one thread finds.
struct Finder<'f> {
    wanted: Option<Wanted>,
    kind: Option<Kind>,
    /// How much of a path is the folder that is looked in.
    start_bytes: usize,
    after: Option<&'f Key>,
    found: Smallest<Key, Kind>,
    total: u64,
    /// Kept for its memory.
    path: String,
}

impl Visitor for Finder<'_> {
    fn entry(&mut self, folder: &Visited, name: &OsStr, kind: Kind) -> bool {
        if self.kind.is_some_and(|wanted| wanted != kind) {
            return false;
        }
        self.path.clear();
        self.path.push_str(&folder.path);
        self.path.push('/');
        let name = name.to_string_lossy();
        self.path.push_str(&name);
        let below = &self.path[self.start_bytes..];
        let Some(score) = self.wanted.as_mut().and_then(|wanted| wanted.score(below, &name)) else {
            return false;
        };
        self.total += 1;
        let key = (Reverse(score), self.path.clone());
        if self.after.is_none_or(|after| key > *after) {
            self.found.offer(key, kind);
        }
        false
    }

    fn file(&mut self, _: &Visited, _: Name<'_>) -> Result<()> {
        Ok(())
    }
}

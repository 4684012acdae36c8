//! `files_search`: by what is in files.

use std::sync::Arc;

use drawbridge_contract::{
    Annotations, Context, Example, Outcome, ToolError, ToolResult, ToolSpec, TypedTool,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::disk::roots::Roots;
use crate::error::Result;
use crate::searching::{Case, Findings, Query};
use crate::walk::DEPTH_MAX;
use crate::work::{Work, pooled};

use super::about;

/// How many lines are given unless told otherwise.
const LIMIT_DEFAULT: usize = 100;
/// How many lines are given at most.
const LIMIT_MAX: usize = 2_000;
/// How many lines around each match are given at most.
const CONTEXT_MAX: usize = 20;

pub(crate) struct Search;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Input {
    /// What to look for: a regular expression (RE2-like syntax, as in ripgrep), line by line.
    pattern: String,
    /// Takes `pattern` as plain text.
    #[serde(default)]
    literal: bool,
    /// The folder or file to look in. Empty: the root.
    #[serde(default)]
    path: String,
    /// Which files: globs such as `*.rs` or `src/**`; with `!` in front those are left out.
    #[serde(default)]
    globs: Vec<String>,
    /// Whether capitals and small letters differ. `smart`: only when the pattern has capitals.
    #[serde(default)]
    case: Case,
    /// Only whole words.
    #[serde(default)]
    word: bool,
    /// How many lines to show before and after each match.
    #[serde(default)]
    #[schemars(range(max = CONTEXT_MAX))]
    context: usize,
    /// Gives only the files, with the number of lines that match.
    #[serde(default)]
    files_only: bool,
    /// Includes what begins with a dot.
    #[serde(default)]
    hidden: bool,
    /// Includes what `.gitignore` and `.ignore` files exclude.
    #[serde(default)]
    ignored: bool,
    /// How many matching lines (or files) to give at most.
    #[serde(default = "limit_default")]
    #[schemars(range(min = 1, max = LIMIT_MAX))]
    limit: usize,
    /// The cursor of the answer before, with everything else the same.
    #[serde(default)]
    cursor: Option<String>,
}

fn limit_default() -> usize {
    LIMIT_DEFAULT
}

/// What programs want to know.
#[derive(Serialize)]
struct Counts<'f> {
    lines_total: u64,
    files_total: u64,
    files_searched: u64,
    files_binary: u64,
    unreadable: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<&'f str>,
}

impl TypedTool<Roots> for Search {
    type Input = Input;

    fn spec() -> ToolSpec {
        ToolSpec::of::<Input>(
            "files_search",
            "Search in files",
            "Finds lines in the text files below a folder, by a regular expression or plain text. Matches come as \
             `number: line` under the path of their file, in the order of paths. A last line in square brackets counts \
             all matches and says how to get more. To find files by name use files_find.",
        )
        .annotated(Annotations::READS)
        .examples(&[
            Example {
                says: "Finds a word in all files of a folder.",
                args: r#"{"pattern": "onions?", "path": "notes/recipes"}"#,
                gives: "notes/recipes/soup.md\n2: Water, salt, onions.\n",
            },
            Example {
                says: "Counts in which files a text is.",
                args: r#"{"pattern": ", e", "literal": true, "files_only": true, "globs": ["*.md"]}"#,
                gives: "notes/recipes/cake.md: 1\n",
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
    let query = Query {
        pattern: &input.pattern,
        literal: input.literal,
        case: input.case,
        word: input.word,
        globs: &input.globs,
        context: input.context.min(CONTEXT_MAX),
        files_only: input.files_only,
        hidden: input.hidden,
        ignored: input.ignored,
        limit: input.limit.clamp(1, LIMIT_MAX),
        cursor: input.cursor.as_deref(),
    };
    let findings = query.run(roots, &input.path, work)?;
    let counts = Counts {
        lines_total: findings.lines_total,
        files_total: findings.files_total,
        files_searched: findings.files_searched,
        files_binary: findings.files_binary,
        unreadable: findings.unreadable,
        next_cursor: findings.next_cursor.as_deref(),
    };
    let text = findings.text.clone() + &summary(&findings);
    Ok(ToolResult { meta: Some(about(&counts)), ..ToolResult::text(&text) })
}

fn summary(findings: &Findings) -> String {
    let count =
        |number: u64, one: &str, many: &str| format!("{number} {}", if number == 1 { one } else { many });
    let lines = count(findings.lines_total, "line", "lines");
    let files = count(findings.files_total, "file", "files");
    let searched = count(findings.files_searched, "file", "files");
    let mut sentences = vec![format!("{lines} in {files} match, of {searched} searched.")];
    if let Some(cursor) = &findings.next_cursor {
        sentences.push(format!("There is more: go on with cursor={cursor:?}."));
    }
    if findings.files_binary > 0 {
        sentences.push(format!(
            "Not searched, because not text: {}.",
            count(findings.files_binary, "file", "files")
        ));
    }
    if findings.unreadable > 0 {
        sentences.push(format!("{} could not be read.", findings.unreadable));
    }
    if findings.too_deep > 0 {
        sentences.push(format!("{} folders lie deeper than {DEPTH_MAX} levels.", findings.too_deep));
    }
    format!("[{}]\n", sentences.join(" "))
}

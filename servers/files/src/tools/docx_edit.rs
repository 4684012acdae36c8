//! `files_docx_edit`: other texts for paragraphs of a Word document.

use std::collections::BTreeMap;
use std::sync::Arc;

use drawbridge_contract::{
    Annotations, Context, Example, Outcome, ToolError, ToolResult, ToolSpec, TypedTool,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::docx_read::{document, refused};
use super::write::{replace, to_edit};
use crate::disk::roots::Roots;
use crate::docx;
use crate::error::Result;
use crate::work::{Work, pooled};

/// How many paragraphs one call changes.
const CHANGES_MAX: usize = 1_000;

pub(crate) struct EditDocx;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Input {
    /// The document, a `.docx` file.
    path: String,
    /// The paragraphs, all of them or none.
    #[schemars(length(min = 1, max = CHANGES_MAX))]
    paragraphs: Vec<Change>,
    /// Fails unless the file is still at this revision, which files_docx_read and files_stat tell.
    #[serde(default)]
    if_revision: Option<String>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Change {
    /// The paragraph's number, as files_docx_read tells it.
    index: usize,
    /// Its new text; tabs and line ends are kept.
    new_text: String,
}

#[derive(Serialize, JsonSchema)]
struct Output {
    path: String,
    /// How many paragraphs were changed.
    changed: usize,
    revision: String,
    /// Under this id the version before is in the trash; files_restore brings it back.
    trash_id: String,
}

impl TypedTool<Roots> for EditDocx {
    type Input = Input;

    fn spec() -> ToolSpec {
        ToolSpec::of::<Input>(
            "files_docx_edit",
            "Edit a Word document",
            "Exchanges the texts of paragraphs of a Word document (.docx), all or none. A paragraph keeps its style and \
             that of its first words; everything else in the document stays as it is. The version before goes to the trash.",
        )
        .gives::<Output>()
        .annotated(Annotations::CHANGES)
        .examples(&[Example {
            says: "Changes the greeting of a letter.",
            args: r#"{"path": "notes/plans/letter.docx", "paragraphs": [{"index": 0, "new_text": "Dear friend,"}]}"#,
            gives: r#""changed":1"#,
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
    let (place, _only_us) = to_edit(roots, &input.path, input.if_revision.as_deref(), work)?;
    let changes: BTreeMap<usize, String> =
        input.paragraphs.iter().map(|change| (change.index, change.new_text.clone())).collect();
    let before = document(roots, &place)?;
    let after = docx::open(&before)
        .and_then(|xml| docx::exchange(&xml, &changes))
        .and_then(|xml| docx::repack(&before, &xml))
        .map_err(|error| refused(&place, &error))?;
    work.check()?;
    let (stat, trash_id) = replace(roots, &place, &after, work)?;
    let (path, revision) = (place.show(), stat.revision());
    Ok(ToolResult::structured(&Output { path, changed: changes.len(), revision, trash_id }))
}

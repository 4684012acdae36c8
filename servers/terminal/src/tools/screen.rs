//! `terminal_screen`: what a person would see now.

use std::sync::Arc;

use drawbridge_contract::{
    Annotations, Context, Example, Outcome, ToolError, ToolResult, ToolSpec, TypedTool,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::terminals::Terminals;

pub(crate) struct Screen;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Input {
    /// The terminal, by its id or name.
    session: String,
    /// Gives colours and styles too, as control sequences.
    #[serde(default)]
    colors: bool,
}

#[derive(Serialize, JsonSchema)]
struct Answer {
    /// The lines, without spaces at their ends and empty lines at the bottom.
    text: String,
    /// The line of the cursor, counted from 1; none where a program hides it.
    #[serde(skip_serializing_if = "Option::is_none")]
    cursor_row: Option<u16>,
    /// The column of the cursor, counted from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    cursor_column: Option<u16>,
    columns: u16,
    rows: u16,
    title: String,
    /// Whether a program has the whole screen for itself, such as an editor.
    alternate_screen: bool,
}

impl TypedTool<Terminals> for Screen {
    type Input = Input;

    fn spec() -> ToolSpec {
        ToolSpec::of::<Input>(
            "terminal_screen",
            "See a terminal's screen",
            "Gives what a person would see in a terminal now: its lines, its cursor, its title. For editors, menus and \
             other programs that draw. What scrolled by is read with terminal_read.",
        )
        .annotated(Annotations::READS)
        .gives::<Answer>()
        .examples(&[Example {
            says: "Shows the screen.",
            args: r#"{"session": "build"}"#,
            gives: "80 columns, 24 rows; the cursor is at row",
        }])
    }

    async fn run(terminals: &Arc<Terminals>, input: Input, context: &Context) -> Result<Outcome, ToolError> {
        let session = terminals.sessions.find(&context.caller, &input.session)?;
        session.touch();
        let (picture, colours, size) = {
            let mut state = session.state();
            let size = state.size;
            let screen = state.display.now();
            (screen.picture(), input.colors.then(|| screen.coloured()), size)
        };
        let answer = Answer {
            text: colours.unwrap_or(picture.text),
            cursor_row: picture.cursor.map(|(row, _)| row),
            cursor_column: picture.cursor.map(|(_, column)| column),
            columns: size.columns,
            rows: size.rows,
            title: picture.title,
            alternate_screen: picture.alternate,
        };
        Ok(ToolResult::text_and(&answer.says(), &answer).into())
    }
}

impl Answer {
    fn says(&self) -> String {
        let cursor = match (self.cursor_row, self.cursor_column) {
            (Some(row), Some(column)) => format!("the cursor is at row {row}, column {column}"),
            _ => "the cursor is hidden".to_owned(),
        };
        let title = if self.title.is_empty() { String::new() } else { format!("; title {:?}", self.title) };
        let whole = if self.alternate_screen { "; a program has the whole screen" } else { "" };
        format!("{}\n[{} columns, {} rows; {cursor}{title}{whole}]", self.text, self.columns, self.rows)
    }
}

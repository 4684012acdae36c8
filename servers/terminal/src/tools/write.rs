//! `terminal_write`: typing.

use std::sync::Arc;
use std::time::Duration;

use drawbridge_contract::{Context, Example, Outcome, ToolError, ToolResult, ToolSpec, TypedTool};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ACTS;
use super::read::{self, How};
use crate::error::{Result, TerminalError};
use crate::screen::keys;
use crate::sessions::session::Session;
use crate::terminals::Terminals;

/// The longest text that is typed at once: with its JSON it has to fit into one record of the audit, uncut.
const TEXT_CHARACTERS_MAX: usize = 3000;
/// The most keys that are pressed at once, for the same reason.
const KEYS_MAX: usize = 100;
/// How long a call that also reads may take.
const TIMEOUT: Duration = Duration::from_secs(330);

pub(crate) struct Write;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Input {
    /// The terminal, by its id or name.
    session: String,
    /// Text to type. A line end in it is the enter key.
    #[serde(default)]
    #[schemars(length(max = TEXT_CHARACTERS_MAX))]
    text: String,
    /// Keys to press after the text: `enter`, `ctrl-c`, `up`, `f5`, `alt-x`, `shift-tab`, `page-down`, `escape`…
    #[serde(default)]
    #[schemars(length(max = KEYS_MAX))]
    keys: Vec<String>,
    /// Presses enter at the end.
    #[serde(default)]
    enter: bool,
    /// Types the text as a paste: programs that know pastes take several lines as one, and change nothing in them.
    #[serde(default)]
    paste: bool,
    /// Waits and reads after typing, as terminal_read does: `{}` waits for the end of the command.
    #[serde(default)]
    read: Option<How>,
}

#[derive(Serialize, JsonSchema)]
struct Answer {
    /// Where what is written after the typing begins: give it to terminal_read.
    cursor: u64,
    /// The number that the next command has, where the shell tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_command: Option<u64>,
}

impl TypedTool<Terminals> for Write {
    type Input = Input;

    /// Every key that a program presses is in the audit.
    const AUDITED_WHOLE: bool = true;

    fn spec() -> ToolSpec {
        ToolSpec::of::<Input>(
            "terminal_write",
            "Type in a terminal",
            "Types text and presses keys in a terminal. With `enter` a command runs; with `read` the answer is what \
             the terminal wrote, so `{\"text\": \"make\", \"enter\": true, \"read\": {}}` runs a command and waits for its end. \
             Every key is in the owner's audit, and the owner can pause the typing.",
        )
        .annotated(ACTS)
        .examples(&[
            Example {
                says: "Runs a command and waits for its end.",
                args: r#"{"session": "build", "text": "echo $((6 * 7))", "enter": true, "read": {}}"#,
                gives: "command 1 ended with exit code 0",
            },
            Example {
                says: "Presses keys.",
                args: r#"{"session": "build", "keys": ["up", "ctrl-c"]}"#,
                gives: "begins at cursor",
            },
        ])
        .timeout(TIMEOUT)
    }

    async fn run(
        terminals: &Arc<Terminals>,
        input: Input,
        context: &Context,
    ) -> std::result::Result<Outcome, ToolError> {
        let session = terminals.sessions.find(&context.caller, &input.session)?;
        session.check_not_paused()?;
        let bytes = bytes_of(&session, &input)?;
        let number = next_number(&session);
        let cursor = session.type_in(bytes.into()).await?;
        match &input.read {
            Some(how) => {
                let answer = read::read(&session, Some(cursor), how).await?;
                Ok(ToolResult::text_and(&answer.says(), &answer).into())
            }
            None => {
                let says = format!("Typed. What follows begins at cursor {cursor}.");
                Ok(ToolResult::text_and(&says, &Answer { cursor, next_command: number }).into())
            }
        }
    }
}

fn next_number(session: &Session) -> Option<u64> {
    let state = session.state();
    state.commands.are_marked().then(|| state.commands.next_number())
}

/// What a terminal sends for all of this.
fn bytes_of(session: &Session, input: &Input) -> Result<Vec<u8>> {
    check_bounds(input)?;
    let (application_cursor, brackets) = {
        let mut state = session.state();
        let screen = state.display.now();
        (screen.application_cursor(), screen.bracketed_paste())
    };
    let mut bytes = if input.paste { pasted(&input.text, brackets) } else { typed(&input.text) };
    for name in &input.keys {
        let key = keys::bytes_of(name, application_cursor);
        bytes.extend(key.map_err(|unknown| TerminalError::Invalid(unknown.to_string()))?);
    }
    if input.enter {
        bytes.push(b'\r');
    }
    if bytes.is_empty() {
        return Err(TerminalError::Invalid("there is nothing to type: give text, keys or enter".to_owned()));
    }
    Ok(bytes)
}

fn check_bounds(input: &Input) -> Result<()> {
    let invalid = |why: String| Err(TerminalError::Invalid(why));
    if input.text.chars().count() > TEXT_CHARACTERS_MAX {
        return invalid(format!(
            "text has more than {TEXT_CHARACTERS_MAX} characters: type it in parts, or write a file"
        ));
    }
    if input.keys.len() > KEYS_MAX {
        return invalid(format!("there are more than {KEYS_MAX} keys: press them in parts"));
    }
    Ok(())
}

/// The enter key is a carriage return.
fn typed(text: &str) -> Vec<u8> {
    text.replace("\r\n", "\r").replace('\n', "\r").into_bytes()
}

/// A paste cannot end itself: its text is data, whatever is in it.
fn pasted(text: &str, brackets: bool) -> Vec<u8> {
    let text = typed(&text.replace('\x1b', ""));
    if brackets { [b"\x1b[200~", &text[..], b"\x1b[201~"].concat() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_ends_are_the_enter_key() {
        assert_eq!(typed("a\nb\r\nc\rd"), b"a\rb\rc\rd");
    }

    #[test]
    fn a_paste_cannot_break_out_of_its_brackets() {
        assert_eq!(pasted("a\x1b[201~; rm", true), b"\x1b[200~a[201~; rm\x1b[201~");
        assert_eq!(pasted("a\nb", false), b"a\rb");
    }
}

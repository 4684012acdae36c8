//! What viewers say: bytes in binary frames, and a few words as JSON in text frames.

use axum::extract::ws::Message;
use drawbridge_contract::StreamInput;
use serde::Deserialize;

use super::End;
use crate::limits::{VIEWER_MESSAGE_BYTES_MAX, WINDOW_SIDE_MAX};

/// A text frame: an object with exactly one of these members.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Said {
    Resize(Window),
    Pause(bool),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Window {
    columns: u16,
    rows: u16,
}

/// What a message means: nothing for answers to pings, an input, or an end.
pub(super) fn read(message: Message) -> Result<Option<StreamInput>, End> {
    match message {
        Message::Binary(bytes) if bytes.len() > VIEWER_MESSAGE_BYTES_MAX => Err(End::TooLarge),
        Message::Binary(bytes) if bytes.is_empty() => Ok(None),
        Message::Binary(bytes) => Ok(Some(StreamInput::Bytes(bytes))),
        Message::Text(text) if text.len() > VIEWER_MESSAGE_BYTES_MAX => Err(End::TooLarge),
        Message::Text(text) => said(&text).map(Some),
        Message::Ping(_) | Message::Pong(_) => Ok(None),
        Message::Close(_) => Err(End::Left),
    }
}

fn said(text: &str) -> Result<StreamInput, End> {
    let bad = |why: String| End::BadMessage(why);
    let side = 1..=WINDOW_SIDE_MAX;
    match serde_json::from_str(text) {
        Ok(Said::Pause(on)) => Ok(StreamInput::Pause(on)),
        Ok(Said::Resize(Window { columns, rows })) if side.contains(&columns) && side.contains(&rows) => {
            Ok(StreamInput::Resize { columns, rows })
        }
        Ok(Said::Resize(_)) => Err(bad(format!("columns and rows are 1 to {WINDOW_SIDE_MAX}"))),
        Err(error) => Err(bad(format!("unknown message; keys go in binary frames: {error}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_a_viewer() {
        assert_eq!(
            said(r#"{"resize":{"columns":80,"rows":24}}"#),
            Ok(StreamInput::Resize { columns: 80, rows: 24 })
        );
        assert_eq!(said(r#"{"pause":true}"#), Ok(StreamInput::Pause(true)));
        for bad in [
            "",
            "ls\n",
            "{}",
            r#"{"resize":{"columns":0,"rows":24}}"#,
            r#"{"resize":{"columns":80,"rows":1001}}"#,
            r#"{"resize":{"columns":80,"rows":65536}}"#,
            r#"{"resize":{"columns":80,"rows":24,"x":1}}"#,
            r#"{"resize":{"columns":80,"columns":90,"rows":24}}"#,
            r#"{"pause":true,"resize":{"columns":80,"rows":24}}"#,
            r#"{"pause":1}"#,
        ] {
            assert!(matches!(said(bad), Err(End::BadMessage(_))), "{bad}");
        }
    }

    #[test]
    fn the_bound_holds_at_its_edge() {
        let typed = |size| read(Message::Binary(vec![b'x'; size].into()));
        assert!(typed(VIEWER_MESSAGE_BYTES_MAX).is_ok());
        assert_eq!(typed(VIEWER_MESSAGE_BYTES_MAX + 1), Err(End::TooLarge));
        assert_eq!(read(Message::Text("x".repeat(VIEWER_MESSAGE_BYTES_MAX + 1).into())), Err(End::TooLarge));
        assert_eq!(typed(0), Ok(None));
    }
}

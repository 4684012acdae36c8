//! One event as bytes.

use bytes::Bytes;
use serde::Serialize;

/// A comment, into the silence.
pub(super) const PING: Bytes = Bytes::from_static(b": ping\n\n");

/// An event. JSON of ours has no line ends.
pub(super) fn frame(id: i64, event: &str, data: &impl Serialize) -> Bytes {
    format!("id: {id}\nevent: {event}\ndata: {}\n\n", drawbridge_contract::raw(data).get()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn h10_a_text_cannot_end_its_event() {
        let text = frame(7, "call", &serde_json::json!({"note": "a\n\nevent: bridge\ndata: x\r"}));
        assert_eq!(
            &text[..],
            b"id: 7\nevent: call\ndata: {\"note\":\"a\\n\\nevent: bridge\\ndata: x\\r\"}\n\n"
        );
    }
}

//! However bytes are cut, the pieces are the same; whatever bytes come, nothing panics.

use proptest::prelude::*;

use super::{STREAMS, gathered, pieces, read};
use crate::chat::Piece;

/// The same pieces, with fragments that belong together joined: a chunk boundary may not change what they are.
#[test]
fn byte_by_byte_is_the_same_as_at_once() {
    for (dialect, stream) in STREAMS {
        let at_once = pieces(*dialect, [stream.as_bytes()]);
        let bytewise = pieces(*dialect, stream.as_bytes().chunks(1));
        assert_eq!(at_once, bytewise, "{dialect:?}");
        assert!(at_once.len() > 3, "{dialect:?}");
    }
}

#[test]
fn every_kind_of_line_end_is_the_same() {
    for (dialect, stream) in STREAMS {
        let wanted = pieces(*dialect, [stream.as_bytes()]);
        let crlf = stream.replace('\n', "\r\n");
        assert_eq!(pieces(*dialect, crlf.as_bytes().chunks(7)), wanted, "{dialect:?}");
    }
}

#[test]
fn a_stream_that_ends_too_early_says_so_and_keeps_what_came() {
    for (dialect, stream) in STREAMS {
        let half = stream.find("🌉").unwrap();
        let half = half + stream[half..].find('\n').unwrap() + 1;
        let (result, failure) = read(*dialect, &stream[..half]);
        assert!(result.message.words().starts_with("Grüße"), "{dialect:?}");
        assert_eq!(failure, Some(crate::chat::Failure::cut()), "{dialect:?}");
    }
}

#[test]
fn a_page_in_place_of_a_stream_is_malformed_or_nothing() {
    for (dialect, _) in STREAMS {
        let (result, failure) = read(*dialect, "<html>\n<body>Bad gateway</body>\n</html>\n");
        assert!(failure.is_some(), "{dialect:?}");
        assert!(result.message.parts.is_empty(), "{dialect:?}");
    }
}

fn cut(bytes: &[u8], mut cuts: Vec<usize>) -> Vec<&[u8]> {
    cuts.iter_mut().for_each(|cut| *cut %= bytes.len() + 1);
    cuts.sort_unstable();
    cuts.push(bytes.len());
    let mut from = 0;
    cuts.into_iter().map(|to| &bytes[std::mem::replace(&mut from, to)..to]).collect()
}

proptest! {
    #[test]
    fn any_split_gives_the_same_pieces(cuts in prop::collection::vec(any::<usize>(), 0..12)) {
        for (dialect, stream) in STREAMS {
            let chunks = cut(stream.as_bytes(), cuts.clone());
            prop_assert_eq!(pieces(*dialect, chunks), pieces(*dialect, [stream.as_bytes()]));
        }
    }

    #[test]
    fn garbage_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        for (dialect, _) in STREAMS {
            gathered(&pieces(*dialect, [bytes.as_slice()]));
            let _ = dialect.decode_chat(&bytes, "t");
            let _ = dialect.decode_models(&bytes);
            let _ = dialect.decode_embed(&bytes);
        }
    }

    /// Events that are nearly right: one byte of a good stream is another one.
    #[test]
    fn damaged_streams_never_panic_and_failure_is_the_last_piece(at in any::<usize>(), byte in any::<u8>()) {
        for (dialect, stream) in STREAMS {
            let mut bytes = stream.as_bytes().to_vec();
            let at = at % bytes.len();
            bytes[at] = byte;
            let pieces = pieces(*dialect, bytes.chunks(64));
            let failed = pieces.iter().position(|piece| matches!(piece, Piece::Failed(_)));
            prop_assert!(failed.is_none_or(|at| at + 1 == pieces.len()));
            gathered(&pieces);
        }
    }

    /// JSON of the right words in wrong places.
    #[test]
    fn wrong_shapes_never_panic(
        key in "(type|choices|delta|message|content|tool_calls|usage|error|index|candidates|parts|output|item|response|done|id)",
        value in "(null|3|-1|1e99|\"x\"|\\[\\]|\\{\\}|\\[null\\]|\\[\\[\\]\\]|\\{\"type\":\"x\"\\}|\\[\\{\"index\":9999999999\\}\\])",
    ) {
        for (dialect, _) in STREAMS {
            let json = format!(r#"{{"{key}":{value}}}"#);
            let stream = format!("data: {json}\n\n{json}\n");
            gathered(&pieces(*dialect, [stream.as_bytes()]));
            let _ = dialect.decode_chat(json.as_bytes(), "t");
            let _ = dialect.decode_models(json.as_bytes());
            let _ = dialect.decode_embed(json.as_bytes());
            for client in super::PAIRS.iter().map(|pair| pair.0) {
                let _ = client.decode_chat(json.as_bytes());
            }
        }
    }
}

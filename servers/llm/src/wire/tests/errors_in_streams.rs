//! Providers that break off.

use super::{ClientDialect, PAIRS, pieces, streamed};
use crate::chat::{Failure, FailureKind, Piece};

#[test]
fn an_error_in_a_stream_ends_it() {
    for (client, provider) in PAIRS {
        let failure = Failure::new(FailureKind::Overloaded, "too much to do");
        let said = [Piece::Text("Hel".into()), Piece::Failed(failure), Piece::Text("never".into())];
        let stream = streamed(*client, &said[..2]);
        let read = pieces(*provider, [stream.as_bytes()]);
        assert!(read.contains(&Piece::Text("Hel".into())), "{client:?}");
        let Some(Piece::Failed(failure)) = read.last() else { panic!("{client:?}: {read:?}") };
        assert_eq!(failure.kind, FailureKind::Overloaded, "{client:?}");
    }
}

#[test]
fn each_kind_of_failure_survives_the_way_through_a_client_dialect() {
    use FailureKind::{Broken, Invalid, NotFound, Overloaded, PromptTooLong, RateLimited};
    for (client, _) in PAIRS {
        for kind in [PromptTooLong, Invalid, NotFound, RateLimited, Overloaded, Broken] {
            let words = if kind == PromptTooLong { "prompt is too long" } else { "no" };
            let (status, body) = client.encode_failure(&Failure::new(kind, words));
            assert_eq!(super::super::failure_of(status, &body).kind, kind, "{client:?} {kind:?}");
        }
    }
}

#[test]
fn our_providers_key_is_not_the_clients() {
    for (client, _) in PAIRS {
        let (status, _) = client.encode_failure(&Failure::new(FailureKind::Key, "no"));
        assert_eq!(status, 502, "a client that sees 401 would doubt its own key ({client:?})");
    }
}

#[test]
fn openai_and_anthropic_have_their_own_shapes() {
    let failure = Failure::new(FailureKind::PromptTooLong, "prompt is too long");
    let (_, body) = ClientDialect::OpenAiChat.encode_failure(&failure);
    let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(body["error"]["code"], "context_length_exceeded");
    let (_, body) = ClientDialect::Anthropic.encode_failure(&failure);
    let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
    assert_eq!((&body["type"], &body["error"]["type"]), (&"error".into(), &"invalid_request_error".into()));
}

//! What holds for every input: random messages, and messages that were damaged at random.
//!
//! This is the fuzz target of the envelope as well: it runs briefly with every test, and for longer with
//! `PROPTEST_CASES=1000000`.

use std::collections::HashSet;
use std::sync::Arc;

use drawbridge_contract::kit::Kit;
use drawbridge_contract::{Caller, CallerKind, RawValue, Server};
use proptest::prelude::*;
use serde_json::Value;

use crate::core::Core;
use crate::downstream::connection::Connection;
use crate::envelope::{self, Frame, Message};

/// Messages of every kind, as hosts send them.
const CORPUS: [&str; 15] = [
    r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{"text":"hi"},"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"t","version":"1"},"io.modelcontextprotocol/clientCapabilities":{"elicitation":{"form":{}}},"progressToken":"p"}}}"#,
    r#"{"jsonrpc":"2.0","id":"a\u00e9\n","method":"server/discover","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}}"#,
    r#"{"jsonrpc":"2.0","id":-7,"method":"subscriptions/listen","params":{"notifications":{"toolsListChanged":true,"resourceSubscriptions":["a"]},"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}}"#,
    r#"{"jsonrpc":"2.0","id":2,"method":"completion/complete","params":{"ref":{"type":"ref/prompt","name":"x"},"argument":{"name":"a","value":"b"}}}"#,
    r#"{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-03-26","capabilities":{"sampling":{},"roots":{}},"clientInfo":{"name":"t","version":"1"}}}"#,
    r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1,"reason":"no"}}"#,
    r#"{"jsonrpc":"2.0","id":1,"result":{"action":"accept","content":{"a":[1,2.5e3,null,true]}}}"#,
    r#"{"jsonrpc":"2.0","id":1,"error":{"code":-1,"message":"no"}}"#,
    r#"[{"jsonrpc":"2.0","id":3,"method":"ping"},{"jsonrpc":"2.0","method":"notifications/initialized"},7]"#,
    r#"{"jsonrpc":"2.0","id":4,"method":"tools/list","params":{"cursor":"dAAAAAAAAAPo"}}"#,
    r#"{"jsonrpc":"2.0","id":5,"method":"resources/read","params":{"uri":"a\ud83d\ude00"}}"#,
    r#"{"jsonrpc":"2.0","id":6,"method":"logging/setLevel","params":{"level":"debug"}}"#,
    r#"{"jsonrpc":"2.0","id":8,"method":"tools/call","params":{"name":"echo","task":{"ttl":60000}}}"#,
    r#"{"jsonrpc":"2.0","id":9,"method":"tasks/result","params":{"taskId":"j"}}"#,
    r#"{"jsonrpc":"2.0","id":10,"method":"tasks/update","params":{"taskId":"j","inputResponses":{"a":{}},"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{"extensions":{"io.modelcontextprotocol/tasks":{}}}}}}"#,
];

/// One damage.
#[derive(Debug, Clone)]
enum Damage {
    Replace(prop::sample::Index, u8),
    Insert(prop::sample::Index, Vec<u8>),
    Remove(prop::sample::Index, u8),
    Repeat(prop::sample::Index, u8),
    Cut(prop::sample::Index),
}

fn damage() -> impl Strategy<Value = Damage> {
    let place = any::<prop::sample::Index>;
    let piece = prop::sample::select(vec![
        b"{".to_vec(),
        b"}".to_vec(),
        b"[".to_vec(),
        b"\"".to_vec(),
        b"\\".to_vec(),
        b",".to_vec(),
        b"null".to_vec(),
        b"\\ud800".to_vec(),
        b"\xff".to_vec(),
        b"\0".to_vec(),
        b"1e999".to_vec(),
        b"\"id\":1,".to_vec(),
        b"\"method\":\"x\",".to_vec(),
        vec![b'['; 200],
        "\u{feff}".as_bytes().to_vec(),
    ]);
    prop_oneof![
        (place(), any::<u8>()).prop_map(|(at, byte)| Damage::Replace(at, byte)),
        (place(), piece).prop_map(|(at, piece)| Damage::Insert(at, piece)),
        (place(), 1..20_u8).prop_map(|(at, len)| Damage::Remove(at, len)),
        (place(), 1..40_u8).prop_map(|(at, len)| Damage::Repeat(at, len)),
        place().prop_map(Damage::Cut),
    ]
}

fn apply(bytes: &mut Vec<u8>, damage: &Damage) {
    let len_before = bytes.len();
    if len_before == 0 {
        return;
    }
    match damage {
        Damage::Replace(at, byte) => bytes[at.index(len_before)] = *byte,
        Damage::Insert(at, piece) => {
            let at = at.index(bytes.len());
            bytes.splice(at..at, piece.iter().copied());
        }
        Damage::Remove(at, len) => {
            let at = at.index(bytes.len());
            bytes.drain(at..bytes.len().min(at + usize::from(*len)));
        }
        Damage::Repeat(at, len) => {
            let at = at.index(bytes.len());
            let piece = bytes[at..bytes.len().min(at + usize::from(*len))].to_vec();
            bytes.splice(at..at, piece);
        }
        Damage::Cut(at) => bytes.truncate(at.index(bytes.len())),
    }
}

fn damaged() -> impl Strategy<Value = Vec<u8>> {
    (prop::sample::select(CORPUS.to_vec()), prop::collection::vec(damage(), 0..6)).prop_map(
        |(message, damages)| {
            let mut bytes = message.as_bytes().to_vec();
            damages.iter().for_each(|damage| apply(&mut bytes, damage));
            bytes
        },
    )
}

/// Whether serde_json takes these bytes as one JSON text. It bounds numbers and nesting where it builds values, and
/// raw text has neither bound; everything else must agree.
fn is_json(bytes: &[u8]) -> bool {
    match serde_json::from_slice::<Value>(bytes) {
        Ok(_) => true,
        Err(error) => {
            let bounded = ["number out of range", "recursion limit"]
                .iter()
                .any(|bound| error.to_string().contains(bound));
            bounded && serde_json::from_slice::<&RawValue>(bytes).is_ok()
        }
    }
}

/// What was taken says the same as the text, read by serde_json.
fn check_taken(message: &Message<'_>, whole: &Value) {
    let same = |raw: &RawValue, name: &str| {
        if let Ok(value) = serde_json::from_str::<Value>(raw.get()) {
            assert_eq!(value, whole[name]);
        }
    };
    match message {
        Message::Request(request) => {
            assert_eq!(serde_json::from_str::<Value>(request.id.as_json()).unwrap(), whole["id"]);
            assert_eq!(whole["method"], *request.method);
            request.params.iter().for_each(|params| same(params, "params"));
        }
        Message::Notification(notification) => {
            assert!(whole.get("id").is_none());
            assert_eq!(whole["method"], *notification.method);
        }
        Message::Response(response) => match response.outcome {
            Ok(result) => same(result, "result"),
            Err(error) => same(error, "error"),
        },
    }
}

fn check_envelope(bytes: &[u8]) {
    let Ok(frame) = envelope::parse(bytes) else { return };
    assert!(is_json(bytes), "taken, but not JSON: {}", String::from_utf8_lossy(bytes));
    if let (Frame::One(message), Ok(whole)) = (&frame, serde_json::from_slice(bytes)) {
        check_taken(message, &whole);
    }
}

struct Nothing;

impl Server for Nothing {
    fn name(&self) -> &str {
        "nothing"
    }
}

/// Everything that a connection says to these frames is a JSON-RPC message, and each request has one answer at most.
fn check_connection(frames: &[Vec<u8>]) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async {
        let caller = Arc::new(Caller::new("owner", CallerKind::Owner));
        let connection = Connection::new(Core::new(Kit::of(Nothing).handler(), 10), caller, "test", None);
        for frame in frames {
            connection.receive(frame);
        }
        connection.finish(std::time::Duration::from_secs(1)).await;
        while let Some(message) = connection.outbox.take() {
            let said: Value = serde_json::from_slice(&message).expect("what we say is JSON");
            for said in said.as_array().unwrap_or(&vec![said.clone()]) {
                assert_eq!(said["jsonrpc"], "2.0");
                let kinds = ["method", "result", "error"].map(|name| usize::from(said.get(name).is_some()));
                assert_eq!(kinds.iter().sum::<usize>(), 1, "{said}");
            }
        }
    });
}

proptest! {
    #[test]
    fn the_envelope_never_takes_what_is_not_json(bytes in damaged()) {
        check_envelope(&bytes);
    }

    #[test]
    fn nor_from_noise(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        check_envelope(&bytes);
    }

    #[test]
    fn nor_from_texts_made_of_its_own_signs(text in r#"[\[\]{}":,0-9a-z\\ .eE+-]{0,60}"#) {
        check_envelope(text.as_bytes());
    }

    #[test]
    fn a_connection_survives_everything(frames in prop::collection::vec(damaged(), 1..6)) {
        check_connection(&frames);
    }
}

#[test]
fn the_corpus_itself_is_taken() {
    let taken: HashSet<bool> =
        CORPUS.iter().map(|message| envelope::parse(message.as_bytes()).is_ok()).collect();
    assert_eq!(taken, [true].into());
    let all: Vec<Vec<u8>> = CORPUS.iter().map(|message| message.as_bytes().to_vec()).collect();
    check_connection(&all);
}

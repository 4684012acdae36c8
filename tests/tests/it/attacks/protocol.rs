//! B: messages that say two things, or nothing that can be said.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::program::{Bridge, Connection, Modern, Request, Response, Session, StdioHost, went_well};

/// The file that no attack here may make.
const MADE: &str = "made-by-an-attack.txt";
/// Larger than any body or line that is taken.
const HUGE_BYTES: usize = 64 * 1024 * 1024;

fn meta() -> String {
    r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"t","version":"1"},"io.modelcontextprotocol/clientCapabilities":{}}"#.to_owned()
}

/// A `files_write` of [`MADE`] as text.
fn write() -> String {
    format!(r#"{{"path":"Drawbridge/{MADE}","content":"x"}}"#)
}

/// Not served: whatever the status, the message is a JSON-RPC error.
fn check_error(answer: &Response, what: &str) -> Value {
    assert!(matches!(answer.status, 200 | 400..500), "{what}: {} {}", answer.status, answer.text());
    let message = answer.json();
    assert!(message["error"]["code"].is_i64() && message.get("result").is_none(), "{what}: {message}");
    message
}

fn check_not_made(bridge: Bridge) {
    assert!(!bridge.home.in_root(MADE).exists(), "it had an effect");
    assert!(
        bridge
            .home
            .audit()
            .iter()
            .all(|record| record["target"] != "files_write" || record["phase"] == "refused")
    );
    bridge.holds();
}

/// Bodies in which one name is there twice, or beside itself in capitals.
fn doubled() -> Vec<String> {
    let (meta, write) = (meta(), write());
    let call =
        |params: String| format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{{params}}}}}"#);
    vec![
        call(format!(r#"{meta},"name":"files_list","name":"files_write","arguments":{write}"#)),
        call(format!(r#"{meta},"name":"files_write","n\u0061me":"files_list","arguments":{write}"#)),
        call(format!(r#"{meta},"name":"files_write","arguments":{{}},"arguments":{write}"#)),
        call(format!(r#"{meta},{meta},"name":"files_write","arguments":{write}"#)),
        call(format!(
            r#"{meta},"name":"files_write","arguments":{{"path":"Drawbridge/a","path":"Drawbridge/{MADE}","content":"x"}}"#
        )),
        format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"tools/list","method":"tools/call","params":{{{meta},"name":"files_write","arguments":{write}}}}}"#
        ),
        format!(
            r#"{{"jsonrpc":"2.0","id":1,"id":2,"method":"tools/call","params":{{{meta},"name":"files_write","arguments":{write}}}}}"#
        ),
        format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{}},"params":{{{meta},"name":"files_write","arguments":{write}}}}}"#
        ),
    ]
}

#[test]
fn b2_duplicate_keys() {
    let bridge = Bridge::start();
    for body in doubled() {
        for name in ["files_write", "files_list"] {
            let request = bridge.owner.raw("tools/call", body.clone()).and("Mcp-Name", name);
            check_error(&bridge.hub.connect().ask(&request), &body);
        }
    }
    check_not_made(bridge);
}

#[test]
fn b2_duplicate_keys_over_stdio() {
    let bridge = Bridge::start();
    let mut host = StdioHost::start(bridge.home.command(&["stdio"]));
    for body in doubled() {
        host.send_raw(format!("{body}\n").as_bytes());
        let answer = host.next();
        assert!(answer["error"]["code"].is_i64(), "{body}: {answer}");
    }
    assert!(host.text("files_list", json!({})).is_empty() || !bridge.home.in_root(MADE).exists());
    host.hang_up();
    check_not_made(bridge);
}

#[test]
fn b2_duplicate_keys_over_rest() {
    let bridge = Bridge::start();
    let post = |path: &str, body: String| bridge.owner.raw("", body).without("Mcp-Method").to(path);
    for body in [
        format!(r#"{{"path":"Drawbridge/a","path":"Drawbridge/{MADE}","content":"x"}}"#),
        format!(r#"{{"path":"Drawbridge/{MADE}","p\u0061th":"Drawbridge/a","content":"x"}}"#),
        format!(r#"{{"Path":"Drawbridge/{MADE}","content":"x"}}"#),
    ] {
        let answer = bridge.hub.connect().ask(&post("/api/tools/files_write", body.clone()));
        assert!((400..500).contains(&answer.status), "{body}: {} {}", answer.status, answer.text());
    }
    check_not_made(bridge);
}

#[test]
fn b4_broken_bodies_over_rest() {
    let bridge = Bridge::start();
    let post = bridge.owner.raw("", "").without("Mcp-Method").to("/api/tools/files_write");
    let good = write();
    let with =
        |member: &str| good.replace(r#""content":"x""#, &format!(r#""content":"x",{member}"#)).into_bytes();
    let deep = format!(r#""y":{}{}"#, "[".repeat(10_000), "]".repeat(10_000));
    for body in [
        [b"\xef\xbb\xbf", good.as_bytes()].concat(),
        good.as_bytes()[..good.len() - 1].to_vec(),
        format!("{good}{good}").into_bytes(),
        format!("[{good}]").into_bytes(),
        with(&deep),
        with(r#""y":NaN"#),
        with(r#""y":"\ud800""#),
        b"null".to_vec(),
    ] {
        let answer = bridge.hub.connect().ask(&post.clone().body(body.clone()));
        let shown = String::from_utf8_lossy(&body[..body.len().min(200)]).into_owned();
        assert!((400..500).contains(&answer.status), "{shown}: {} {}", answer.status, answer.text());
    }
    let huge = post.and("Content-Length", HUGE_BYTES.to_string());
    assert_eq!(bridge.hub.connect().ask(&huge).status, 413);
    check_not_made(bridge);
}

#[test]
fn b2_names_in_capitals_are_other_names() {
    let bridge = Bridge::start();
    let body = |params: &str| {
        format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{{},{params}}}}}"#, meta())
    };
    let both = body(&format!(
        r#""name":"files_roots","Name":"files_write","NAME":"files_write","arguments":{{}},"Arguments":{}"#,
        write()
    ));
    let request = bridge.owner.raw("tools/call", both).and("Mcp-Name", "files_roots");
    let answer = bridge.hub.connect().ask(&request).json();
    assert!(went_well(&answer) && answer.to_string().contains("Drawbridge"), "{answer}");
    let only_capitals = body(&format!(r#""Name":"files_write","arguments":{}"#, write()));
    let request = bridge.owner.raw("tools/call", only_capitals).and("Mcp-Name", "files_write");
    check_error(&bridge.hub.connect().ask(&request), "Name alone");
    let inner =
        body(&format!(r#""name":"files_write","arguments":{{"Path":"Drawbridge/{MADE}","content":"x"}}"#));
    let request = bridge.owner.raw("tools/call", inner).and("Mcp-Name", "files_write");
    let answer = bridge.hub.connect().ask(&request).json();
    assert!(!went_well(&answer), "{answer}");
    check_not_made(bridge);
}

#[test]
fn b3_headers_that_say_something_else() {
    let mut bridge = Bridge::start();
    let arguments: Value = serde_json::from_str(&write()).unwrap();
    let call = bridge.owner.request("tools/call", json!({"name": "files_write", "arguments": arguments}));
    let base64 = "=?base64?ZmlsZXNfbGlzdA==?=";
    for bad in [
        call.clone().with("Mcp-Name", "files_list"),
        call.clone().with("Mcp-Name", "Files_Write"),
        call.clone().with("Mcp-Name", "files_write ".repeat(2).trim()),
        call.clone().with("Mcp-Name", base64),
        call.clone().without("Mcp-Name"),
        call.clone().and("Mcp-Name", "files_write"),
        call.clone().and("Mcp-Name", "files_list"),
        call.clone().with("Mcp-Method", "tools/list"),
        call.clone().without("Mcp-Method"),
        call.clone().with("MCP-Protocol-Version", "2025-11-25"),
        call.clone().without("MCP-Protocol-Version"),
    ] {
        let answer = bridge.hub.connect().ask(&bad);
        let message = check_error(&answer, &format!("{:?}", bad.headers));
        assert_eq!(message["error"]["code"], -32020, "{:?}: {message}", bad.headers);
    }
    check_not_made(bridge);
}

/// Texts that are no message, with a write in them where there is room for one.
fn broken() -> Vec<(&'static str, Vec<u8>)> {
    let (meta, write) = (meta(), write());
    let good = format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{{meta},"name":"files_write","arguments":{write}}}}}"#
    );
    let with =
        |member: &str| good.replace(r#""content":"x""#, &format!(r#""content":"x",{member}"#)).into_bytes();
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    let objects = format!("{}1{}", r#"{"a":"#.repeat(10_000), "}".repeat(10_000));
    vec![
        ("a byte order mark", [b"\xef\xbb\xbf", good.as_bytes()].concat()),
        ("UTF-16", good.encode_utf16().flat_map(u16::to_le_bytes).collect()),
        (
            "bytes that are not UTF-8",
            with("\"y\":\"\u{1}\"").iter().map(|byte| if *byte == 1 { 0xff } else { *byte }).collect(),
        ),
        ("nothing", Vec::new()),
        ("blanks", b" \t ".to_vec()),
        ("a NUL", with("\"y\":\"\0\"")),
        ("deep arguments", with(&format!(r#""y":{deep}"#))),
        ("deep objects", with(&format!(r#""y":{objects}"#))),
        ("a deep message", deep.into_bytes()),
        ("a deep id", good.replace(r#""id":1"#, &format!(r#""id":{}"#, "[".repeat(10_000))).into_bytes()),
        ("truncated", good.as_bytes()[..good.len() - 3].to_vec()),
        ("NaN", with(r#""y":NaN"#)),
        ("Infinity", with(r#""y":-Infinity"#)),
        ("a number too large", with(r#""y":1e999"#)),
        ("half a surrogate", with(r#""y":"\ud800""#)),
        ("surrogates in the wrong order", with(r#""y":"\udc00\ud800""#)),
        ("half a surrogate in a name", with(r#""\ud800":1"#)),
        ("a comment", format!("/* */{good}").into_bytes()),
        ("a trailing comma", good.replace(r#""content":"x""#, r#""content":"x","#).into_bytes()),
        ("a batch", format!("[{good}]").into_bytes()),
        ("an empty batch", b"[]".to_vec()),
        ("null", b"null".to_vec()),
        ("a string", b"\"tools/call\"".to_vec()),
        ("another protocol", good.replace(r#""2.0""#, r#""1.0""#).into_bytes()),
        ("an object as id", good.replace(r#""id":1"#, r#""id":{}"#).into_bytes()),
        ("null as id", good.replace(r#""id":1"#, r#""id":null"#).into_bytes()),
    ]
}

#[test]
fn b4_broken_messages() {
    let bridge = Bridge::start();
    let good = bridge.owner.raw("tools/call", "").and("Mcp-Name", "files_write");
    let two = format!("{{}}{}", String::from_utf8(broken()[0].1[3..].to_vec()).unwrap());
    let two_lines = two.replacen("{}{", "{}\n{", 1);
    let more = [("two roots", two.into_bytes()), ("two lines", two_lines.into_bytes())];
    for (what, body) in broken().into_iter().chain(more) {
        check_error(&bridge.hub.connect().ask(&good.clone().body(body)), what);
    }
    check_not_made(bridge);
}

#[test]
fn b4_broken_messages_over_stdio() {
    let bridge = Bridge::start();
    let mut host = StdioHost::start(bridge.home.command(&["stdio"]));
    for (what, body) in broken() {
        // Empty lines and blanks separate messages there.
        if body.trim_ascii().is_empty() {
            continue;
        }
        host.send_raw(&[&body, &b"\n"[..]].concat());
        let answer = host.next();
        let is_error = |answer: &Value| answer["error"]["code"].is_i64();
        assert!(
            is_error(&answer) || answer.as_array().is_some_and(|all| all.iter().all(is_error)),
            "{what}: {answer}"
        );
    }
    host.send_raw(b"{}{}\n");
    assert!(host.next()["error"]["code"].is_i64());
    assert!(host.text("files_list", json!({})).is_empty() || !bridge.home.in_root(MADE).exists());
    host.hang_up();
    check_not_made(bridge);
}

#[test]
fn b4_a_batch_in_a_session_without_batches() {
    let bridge = Bridge::start();
    let mut session = Session::open(bridge.hub.address(), &bridge.key, "2025-06-18");
    let call = format!(
        r#"[{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"files_write","arguments":{}}}}}]"#,
        write()
    );
    let request = session.raw("POST", call);
    check_error(&session.send(&request), "a batch");
    check_not_made(bridge);
}

#[test]
fn b4_a_body_of_64_mb() {
    let bridge = Bridge::start();
    let before = bridge.hub.resident_bytes();
    let declared = bridge.owner.raw("tools/call", "").and("Content-Length", HUGE_BYTES.to_string());
    let begun = Instant::now();
    let mut connection = bridge.hub.connect();
    connection.send(&declared);
    assert_eq!(connection.read().unwrap().status, 413, "said before the body is sent");
    assert!(begun.elapsed() < Duration::from_secs(30));

    let mut connection = bridge.hub.connect();
    connection.send(&bridge.owner.raw("tools/call", "").and("Transfer-Encoding", "chunked"));
    let chunk = [b"10000\r\n", vec![b' '; 0x10000].as_slice(), b"\r\n"].concat();
    let sent = (0..HUGE_BYTES / 0x10000).take_while(|_| connection.send_raw(&chunk)).count();
    if let Some(answer) = connection.read() {
        assert_eq!(answer.status, 413);
    }
    assert!(
        sent * 0x10000 < HUGE_BYTES || bridge.hub.resident_bytes() < before + HUGE_BYTES as u64 / 2,
        "all of it was kept"
    );
    bridge.holds();
}

#[test]
fn b4_a_body_that_ends_early() {
    let bridge = Bridge::start();
    for rest in ["", "{\"jsonrpc\":"] {
        let mut connection = bridge.hub.connect();
        connection.send(&bridge.owner.raw("tools/call", "").and("Content-Length", "1000"));
        connection.send_raw(rest.as_bytes());
        connection.half_close();
        if let Some(answer) = connection.read() {
            assert_eq!(answer.status, 400);
        }
    }
    bridge.holds();
}

#[test]
fn b4_a_line_of_64_mb_over_stdio() {
    let bridge = Bridge::start();
    let mut host = StdioHost::start(bridge.home.command(&["stdio"]));
    let piece = vec![b'['; 1024 * 1024];
    for _ in 0..HUGE_BYTES / piece.len() {
        host.send_raw(&piece);
    }
    assert!(host.resident_bytes() < HUGE_BYTES as u64, "all of it was kept");
    host.send_raw(b"\n");
    assert_eq!(host.next()["error"]["code"], -32700);
    host.text("files_list", json!({}));
    host.hang_up();
    bridge.holds();
}

/// Every client sends the same request ids, and text of its own.
#[test]
fn b7_no_answer_reaches_another_client() {
    const CLIENTS: usize = 100;
    const CALLS: usize = 1_000;
    let bridge = Bridge::start();
    let (address, key) = (bridge.hub.address(), bridge.key.as_str());
    let right = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for client in 0..CLIENTS {
            let right = &right;
            scope.spawn(move || {
                let mut caller = Caller::of(client, address, key);
                for call in 0..CALLS {
                    caller.check(&format!("client-{client}-call-{call}-"));
                }
                right.fetch_add(CALLS, Ordering::Relaxed);
            });
        }
    });
    assert_eq!(right.load(Ordering::Relaxed), CLIENTS * CALLS);
    bridge.holds();
}

/// Half of the clients keep a session, the other half is stateless.
enum Caller {
    Modern(Modern),
    Session(Session),
}

impl Caller {
    fn of(client: usize, address: std::net::SocketAddr, key: &str) -> Self {
        match client % 2 {
            0 => Self::Modern(Modern::new(address, key)),
            _ => Self::Session(Session::open(address, key, "2025-11-25")),
        }
    }

    /// Asks for a file that is not there: the answer names it.
    fn check(&mut self, text: &str) {
        let params = json!({"name": "files_stat", "arguments": {"path": format!("Drawbridge/{text}")}});
        let answer = match self {
            Self::Modern(host) => host.ask("tools/call", params),
            Self::Session(session) => session.ask("tools/call", params),
        };
        let said = answer["result"]["content"][0]["text"].as_str().unwrap_or_default();
        assert!(said.contains(text) && said.matches("client-").count() == 1, "{text}: {answer}");
    }
}

const ASKS: &str = "[[rules]]\ntools = [\"files_write\"]\nthen = \"ask\"\n";

#[test]
fn b8_request_states_altered_replayed_or_taken_elsewhere() {
    let bridge = Bridge::configured(ASKS);
    let mut owner = Modern::new(bridge.hub.address(), &bridge.key).with_elicitation();
    let arguments: Value = serde_json::from_str(&write()).unwrap();
    let asked = owner.tool("files_write", arguments.clone());
    assert_eq!(asked["result"]["resultType"], "input_required", "{asked}");
    let state = asked["result"]["requestState"].as_str().unwrap().to_owned();

    let refused = |owner: &mut Modern, arguments: &Value, state: &str| {
        let answer = owner.answer("files_write", arguments.clone(), state, "allow_once");
        assert!(answer["error"]["code"].is_i64() || !went_well(&answer), "{answer}");
        assert!(!bridge.home.in_root(MADE).exists(), "it was written: {answer}");
    };
    for altered in altered(&state) {
        refused(&mut owner, &arguments, &altered);
    }
    let mut others = arguments.clone();
    others["content"] = json!("something else");
    refused(&mut owner, &others, &state);
    let mut guest = bridge.guest("guest", &[]).with_elicitation();
    refused(&mut guest, &arguments, &state);
    let elsewhere = owner.answer("files_mkdir", json!({"path": "Drawbridge/x"}), &state, "allow_once");
    assert!(elsewhere["error"]["code"].is_i64() && !bridge.home.in_root("x").exists(), "{elsewhere}");

    assert!(went_well(&owner.answer("files_write", arguments.clone(), &state, "allow_once")));
    assert!(bridge.home.in_root(MADE).exists(), "untouched, it is good");
    std::fs::remove_file(bridge.home.in_root(MADE)).unwrap();
    refused(&mut owner, &arguments, &state);
    bridge.home.audited("the state that was not its own", |record| {
        record["phase"] == "refused" && record["note"].as_str().is_some_and(|note| note.contains("altered"))
    });
    bridge.holds();
}

/// The state, changed in as many ways as there are to change a text.
fn altered(state: &str) -> Vec<String> {
    let flipped = |index: usize| {
        let mut bytes = state.as_bytes().to_vec();
        bytes[index] = if bytes[index] == b'A' { b'B' } else { b'A' };
        String::from_utf8(bytes).unwrap()
    };
    let places = [0, 10, 40, state.len() / 2, state.len() - 2];
    let mut all: Vec<String> = places.map(flipped).to_vec();
    all.extend([
        String::new(),
        state[..state.len() / 2].to_owned(),
        format!("{state}A"),
        format!("{state}{state}"),
        state.to_lowercase(),
        "x".repeat(1_000_000),
    ]);
    all
}

#[test]
fn b8_only_the_owner_decides_through_a_host() {
    let bridge = Bridge::configured(ASKS);
    let arguments: Value = serde_json::from_str(&write()).unwrap();
    let mut guest = bridge.guest("guest", &[]).with_elicitation();
    let refused = guest.tool("files_write", arguments.clone());
    assert!(refused["result"]["isError"] == true, "a guest is not asked in its own window: {refused}");
    assert!(refused.to_string().contains("drawbridge approvals approve"), "{refused}");
    let without_state = guest.answer("files_write", arguments, "", "allow_once");
    assert!(!went_well(&without_state), "{without_state}");
    check_not_made(bridge);
}

#[test]
fn b10_a_private_list_for_another_caller() {
    let bridge = Bridge::start();
    let readers =
        ["files_read", "files_list"].map(|tool| (tool, bridge.home.add_key(tool, &["--scope", tool])));
    let address = bridge.hub.address();
    std::thread::scope(|scope| {
        for (tool, key) in &readers {
            for revision in [None, Some("2025-11-25"), Some("2025-03-26")] {
                scope.spawn(move || (0..50).for_each(|_| check_list(address, key, tool, revision)));
            }
        }
    });
    for (method, key) in
        [("tools/list", "tools"), ("resources/list", "resources"), ("server/discover", "capabilities")]
    {
        let answer = Modern::new(address, &bridge.key).ask(method, json!({}));
        assert_eq!(answer["result"]["cacheScope"], "private", "{method}: {answer}");
        assert!(answer["result"].get(key).is_some());
    }
    let mut guest = Modern::new(address, &readers[0].1);
    let hidden = guest.tool("files_list", json!({}));
    assert_eq!(hidden["error"]["code"], -32602, "a hidden tool is not there: {hidden}");
    let absent = guest.tool("no_such_tool", json!({})).to_string();
    assert_eq!(
        hidden.to_string().replace("files_list", "no_such_tool").replace("\"id\":1", "\"id\":2"),
        absent
    );
    bridge.home.audited("the hidden tool", |record| {
        record["target"] == "files_list" && record["phase"] == "refused"
    });
    bridge.holds();
}

fn check_list(address: std::net::SocketAddr, key: &str, tool: &str, revision: Option<&'static str>) {
    let answer = match revision {
        None => Modern::new(address, key).ask("tools/list", json!({})),
        Some(revision) => Session::open(address, key, revision).ask("tools/list", json!({})),
    };
    let names: Vec<&str> = answer["result"]["tools"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|tool| tool["name"].as_str())
        .collect();
    assert_eq!(names, [tool]);
}

/// Two requests on one connection, of which the second hides in the body of the first for whoever counts otherwise.
#[test]
fn b4_two_lengths() {
    let bridge = Bridge::start();
    let hidden = format!("POST /mcp HTTP/1.1\r\nHost: {}\r\n\r\n", bridge.hub.address());
    let bodies = [
        Request::new("POST", "/mcp").and("Content-Length", "5").and("Transfer-Encoding", "chunked"),
        Request::new("POST", "/mcp").and("Content-Length", "5").and("Content-Length", "6"),
        Request::new("POST", "/mcp").and("Content-Length", "+5"),
        Request::new("POST", "/mcp").and("Transfer-Encoding", "chunked, identity"),
        Request::new("POST", "/mcp").and("Transfer-Encoding", "xchunked"),
    ];
    for request in bodies {
        let mut connection = Connection::open(bridge.hub.address());
        connection.send(&request.body(format!("0\r\n\r\n{hidden}")));
        let statuses: Vec<u16> =
            std::iter::from_fn(|| connection.read()).map(|answer| answer.status).collect();
        assert!(
            statuses.iter().all(|status| matches!(status, 400 | 401)) && statuses.len() <= 1,
            "{statuses:?}"
        );
    }
    bridge.holds();
}

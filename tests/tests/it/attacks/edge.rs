//! A: before anybody is known.

use std::collections::HashSet;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use crate::program::{Bridge, Connection, Home, Hub, NONE, Request, Response, wait_for};

/// The routes that other entrances than the table's bring along.
const OTHERS: &[(&str, &str)] = &[
    ("post", "/mcp"),
    ("get", "/mcp"),
    ("delete", "/mcp"),
    ("get", "/mcp/stdio"),
    ("get", WS),
    ("get", drawbridge_web::WORKER_PATH),
    // Those of the server of language models, which have the shapes of other protocols.
    ("post", "/v1/chat/completions"),
    ("post", "/v1/responses"),
    ("post", "/v1/messages"),
    ("post", "/v1/embeddings"),
    ("get", "/v1/models"),
    ("get", "/v1/models/{id}"),
    ("post", "/lm/query"),
];
/// Where WebSockets carry messages. One that brings no key at all gets to send it as its first message.
const WS: &str = "/ws";
/// Paths that are nearly a route, or none at all.
const NEARLY: &[&str] = &[
    "/",
    "//mcp",
    "/mcp/",
    "/MCP",
    "/%6dcp",
    "/health/",
    "/health/../mcp",
    "/health/..%2fapi/status",
    "/health;/mcp",
    "/./mcp",
    "/api",
    "/nothing",
];
const METHODS: &[&str] = &["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE"];

/// Method and path of every route there is, with something in the place of parameters.
fn routes() -> Vec<(String, String)> {
    let real = |path: &str| path.replace("{name}", "files_write").replace("{id}", "x");
    drawbridge_web::paths()
        .chain(OTHERS.iter().copied())
        .map(|(method, path)| (method.to_uppercase(), real(path)))
        .collect()
}

fn all_paths() -> Vec<String> {
    let mut paths: Vec<String> = routes().into_iter().map(|(_, path)| path).collect();
    paths.extend(NEARLY.iter().map(|path| (*path).to_owned()));
    paths.dedup();
    paths
}

/// A request that would be served, or at least read, if nothing were wrong with it.
fn good(bridge: &mut Bridge, method: &str, path: &str) -> Request {
    let arguments = json!({"path": "Drawbridge/by-an-attack.txt", "content": "x"});
    let call = bridge.owner.request("tools/call", json!({"name": "files_write", "arguments": arguments}));
    let body = if path == "/mcp" { call.body.clone() } else { arguments.to_string().into_bytes() };
    let request = Request { target: path.to_owned(), method: method.to_owned(), body, ..call };
    if path.ends_with("/stream") || path == WS { as_websocket(request) } else { request }
}

/// The same, as the beginning of a WebSocket (RFC 6455).
fn as_websocket(request: Request) -> Request {
    request
        .and("Connection", "Upgrade")
        .and("Upgrade", "websocket")
        .and("Sec-WebSocket-Version", "13")
        .and("Sec-WebSocket-Key", "MTIzNDU2Nzg5MGFiY2RlZg==")
        .body("")
}

fn check_no_effect(bridge: Bridge) {
    assert!(!bridge.home.in_root("by-an-attack.txt").exists(), "it was written");
    // What the owner did at the command line is no call.
    let reached = |record: &Value| record["phase"] != "act";
    let audit = bridge.home.audit();
    assert!(!audit.iter().any(reached), "something reached the door: {audit:?}");
    bridge.holds();
}

fn check_forbidden(response: &Response, what: &str) {
    assert_eq!(response.status, 403, "{what}: {}", response.text());
    assert!(!response.text().contains("files_") && response.header("mcp-session-id").is_none(), "{what}");
}

#[test]
fn a1_foreign_host() {
    let home = Home::new();
    home.configure("listen = [\"127.0.0.1:0\", \"127.0.0.2:0\"]\n");
    let hub = Hub::start(home.command(&["serve"]));
    assert_eq!(hub.addresses.len(), 2);
    let mut bridge = Bridge::around(home, hub);
    for address in bridge.hub.addresses.clone() {
        for (method, path) in
            routes().into_iter().chain(NEARLY.iter().map(|path| ("GET".to_owned(), (*path).to_owned())))
        {
            for host in [
                "evil.test",
                "evil.test:80",
                "127.0.0.1.evil",
                "localhost.evil.test",
                "",
                "127.0.0.1@evil.test",
            ] {
                let answer =
                    Connection::open(address).ask(&good(&mut bridge, &method, &path).with("Host", host));
                check_forbidden(&answer, &format!("{path} with Host {host:?}"));
            }
        }
    }
    check_no_effect(bridge);
}

#[test]
fn a1_host_missing_twice_or_in_the_target() {
    let mut bridge = Bridge::start();
    let address = bridge.hub.address().to_string();
    for (method, path) in routes() {
        let request = good(&mut bridge, &method, &path);
        let twice = request.clone().and("Host", address.clone()).and("Host", address.clone());
        let evil_second = request.clone().and("Host", address.clone()).and("Host", "evil.test");
        let absolute = Request { target: format!("http://evil.test{path}"), ..request.clone() };
        for bad in [request.with("Host", NONE), twice, evil_second, absolute] {
            let answer = bridge.hub.connect().ask(&bad);
            assert!(matches!(answer.status, 400 | 403), "{path}: {} {}", answer.status, answer.text());
            assert!(!answer.text().contains("files_"));
        }
    }
    check_no_effect(bridge);
}

#[test]
fn a2_foreign_origin() {
    let mut bridge = Bridge::start();
    let port = bridge.hub.address().port();
    for (method, path) in routes() {
        let request = good(&mut bridge, &method, &path);
        for origin in [
            "null",
            "http://evil.test",
            "file://",
            "http://localhost",
            "http://127.0.0.1.evil",
            &format!("http://127.0.0.1.evil:{port}"),
            &format!("http://127.0.0.1:{}", port ^ 1),
            &format!("http://evil.test@127.0.0.1:{port}"),
            &format!("http://127.0.0.1:{port}/"),
            &format!("http://127.0.0.1:{port} http://evil.test"),
        ] {
            let answer = bridge.hub.connect().ask(&request.clone().with("Origin", origin));
            check_forbidden(&answer, &format!("{path} with Origin {origin}"));
        }
        let own = format!("http://127.0.0.1:{port}");
        let twice = request.clone().and("Origin", own.clone()).and("Origin", own.clone());
        check_forbidden(&bridge.hub.connect().ask(&twice), "the own origin, twice");
        let agreeing = request.clone().with("Host", "evil.test").with("Origin", "http://evil.test");
        check_forbidden(&bridge.hub.connect().ask(&agreeing), "an evil Host that agrees with an evil Origin");
    }
    let own = format!("http://localhost:{port}");
    let status =
        Request { method: "GET".to_owned(), ..good(&mut bridge, "GET", "/api/status") }.with("Origin", own);
    assert_eq!(bridge.hub.connect().ask(&status.body("")).status, 200, "our own pages are served");
    check_no_effect(bridge);
}

#[test]
fn a3_cross_site_form() {
    let mut bridge = Bridge::start();
    for (method, path) in routes().into_iter().filter(|(method, _)| method == "POST") {
        let call = good(&mut bridge, &method, &path);
        check_forms(&bridge, &call);
    }
    check_no_effect(bridge);
}

/// As a page of another site could have a browser send it.
fn check_forms(bridge: &Bridge, call: &Request) {
    for kind in [
        "text/plain",
        "text/plain; charset=application/json",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "text/json",
        "",
    ] {
        let answer = bridge.hub.connect().ask(&call.clone().with("Content-Type", kind));
        assert_eq!(answer.status, 415, "{kind}: {}", answer.text());
    }
    let without = call.clone().without("Content-Type");
    assert_eq!(bridge.hub.connect().ask(&without).status, 415);
    let twice = call.clone().and("Content-Type", "text/plain");
    assert_eq!(bridge.hub.connect().ask(&twice).status, 415);
    let from_a_page = call.clone().with("Content-Type", "text/plain").with("Origin", "http://evil.test");
    check_forbidden(&bridge.hub.connect().ask(&from_a_page.clone()), "from a page");
    let without_key = from_a_page.without("Origin").without("Authorization");
    assert_eq!(bridge.hub.connect().ask(&without_key).status, 401);
}

#[test]
fn a6_a_websocket_of_a_stranger_or_a_foreign_page() {
    let mut bridge = Bridge::start();
    let key = bridge.key.clone();
    for (_, path) in routes().into_iter().filter(|(_, path)| path.ends_with("/stream")) {
        let good = good(&mut bridge, "GET", &path);
        for origin in ["http://evil.test", "null", "ws://127.0.0.1"] {
            check_forbidden(&bridge.hub.connect().ask(&good.clone().with("Origin", origin)), origin);
        }
        let bare = good.without("Authorization");
        let in_the_url = Request { target: format!("{path}?key={key}&access_token={key}"), ..bare.clone() };
        for stranger in [
            bare.clone(),
            in_the_url,
            bare.clone().and("Sec-WebSocket-Protocol", "drawbridge.key.wrong"),
            bare.clone().and("Sec-WebSocket-Protocol", format!("drawbridge.key.{key}, drawbridge.key.{key}")),
            bare.clone().and("Sec-WebSocket-Protocol", key.clone()),
            bare.clone()
                .and("Authorization", "Basic x")
                .and("Sec-WebSocket-Protocol", format!("drawbridge.key.{key}")),
        ] {
            let answer = bridge.hub.connect().ask(&stranger);
            assert_eq!(answer.status, 401, "{:?}: {}", stranger.headers, answer.text());
        }
    }
    check_no_effect(bridge);
}

#[test]
fn a6_a_websocket_of_messages_opens_for_strangers_and_serves_them_nothing() {
    let mut bridge = Bridge::start();
    let key = bridge.key.clone();
    let good = good(&mut bridge, "GET", WS);
    for origin in ["http://evil.test", "null", "ws://127.0.0.1"] {
        check_forbidden(&bridge.hub.connect().ask(&good.clone().with("Origin", origin)), origin);
    }
    let bare = good.without("Authorization");
    for (request, status) in [
        (Request { target: format!("{WS}?key={key}"), ..bare.clone() }, 400),
        (bare.clone().and("Authorization", "Bearer wrong"), 401),
        (bare.clone().and("Authorization", "Basic x"), 401),
        (bare.clone().and(X_API_KEY, "wrong"), 401),
        (bare.clone().and(X_API_KEY, key.clone()).and(X_API_KEY, key.clone()), 401),
        (bare.clone().and(X_API_KEY, key.clone()).and("Authorization", "Bearer wrong"), 401),
        (bare.clone().and("Sec-WebSocket-Protocol", "drawbridge.key.wrong"), 401),
        (bare.clone().and(X_API_KEY, key.clone()), 101),
        (bare.clone().and("Authorization", format!("Bearer {key}")), 101),
    ] {
        let answer = bridge.hub.connect().ask(&request);
        assert_eq!(answer.status, status, "{:?}: {}", request.headers, answer.text());
        assert!(!answer.text().contains(&key));
    }
    let mut stranger = bridge.hub.connect();
    assert_eq!(stranger.ask(&bare).status, 101);
    stranger.send_raw(&masked(br#"{"jsonrpc":"2.0","id":1,"method":"mcp.hello","params":[]}"#));
    let told = heard(&mut stranger);
    assert_eq!(told["error"]["code"], -32000, "{told}");
    let goodbye = stranger.take(4).unwrap();
    assert_eq!((goodbye[0], u16::from_be_bytes([goodbye[2], goodbye[3]])), (0x88, 1008), "it is closed");
    check_no_effect(bridge);
}

#[test]
fn i2_strangers_who_flood_their_websockets_are_not_read() {
    const STRANGERS: usize = 16;
    let mut bridge = Bridge::start();
    let request = good(&mut bridge, "GET", WS).without("Authorization");
    let before = bridge.hub.resident_bytes();
    let flood = masked(&[b' '; 15 * 1024 * 1024]);
    let mut strangers: Vec<Connection> = (0..STRANGERS).map(|_| bridge.hub.connect()).collect();
    for stranger in &mut strangers {
        assert_eq!(stranger.ask(&request).status, 101);
        assert!(!stranger.send_for(Duration::from_millis(100), &flood), "all of it was taken");
    }
    let grown = bridge.hub.resident_bytes().saturating_sub(before);
    assert!(grown < 32 * 1024 * 1024, "it grew by {grown} bytes");
    drop(strangers);
    check_no_effect(bridge);
}

#[test]
fn a_key_and_a_long_message_may_come_at_once() {
    let mut bridge = Bridge::start();
    let request = good(&mut bridge, "GET", WS).without("Authorization");
    let mut client = bridge.hub.connect();
    assert_eq!(client.ask(&request).status, 101);
    let key = json!({"jsonrpc": "2.0", "id": 0, "method": "mcp.auth", "params": [bridge.key]}).to_string();
    let blanks = " ".repeat(8 * 1024 * 1024);
    let call = format!(r#"{{"jsonrpc":"2.0","id":1,{blanks}"method":"mcp.hello","params":[]}}"#);
    assert!(client.send_raw(&[masked(key.as_bytes()), masked(call.as_bytes())].concat()));
    assert_eq!(heard(&mut client)["result"], json!({"caller": "owner"}));
    assert!(heard(&mut client)["result"].as_array().unwrap().contains(&"mcp.hello".into()));
    bridge.holds();
}

/// A text frame as clients send it (RFC 6455, section 5.2), masked with zeros.
fn masked(text: &[u8]) -> Vec<u8> {
    let mut head = vec![0x81];
    match u8::try_from(text.len()) {
        Ok(short @ ..=125) => head.push(0x80 | short),
        _ => {
            head.push(0xff);
            head.extend((text.len() as u64).to_be_bytes());
        }
    }
    [&head[..], &[0; 4], text].concat()
}

/// The message in the hub's next frame.
fn heard(stream: &mut Connection) -> Value {
    let length = match stream.take(2).unwrap()[1] {
        126 => u16::from_be_bytes(stream.take(2).unwrap().try_into().unwrap()).into(),
        short => usize::from(short),
    };
    serde_json::from_slice(&stream.take(length).unwrap()).unwrap()
}

#[test]
fn a5_defaults_listen_on_loopback_only() {
    let home = Home::new();
    let defaults = home.run(&["config", "show"]).good();
    assert!(defaults.contains("listen = \"127.0.0.1:4747\""), "{defaults}");
    let bridge = Bridge::start_in(home);
    let listening = listening_sockets(bridge.hub.pid());
    assert_eq!(listening, [bridge.hub.address().to_string()], "what the process listens on");
    bridge.holds();
}

/// The TCP addresses on which a process listens (`proc(5)`), UDP sockets included.
fn listening_sockets(pid: u32) -> Vec<String> {
    let links = std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap();
    let links = links.filter_map(|entry| std::fs::read_link(entry.unwrap().path()).ok());
    let sockets: HashSet<String> = links.map(|link| link.to_string_lossy().into_owned()).collect();
    let mut found = Vec::new();
    for table in ["tcp", "tcp6", "udp", "udp6"] {
        let text = std::fs::read_to_string(format!("/proc/{pid}/net/{table}")).unwrap_or_default();
        for row in text.lines().skip(1).map(|row| row.split_whitespace().collect::<Vec<_>>()) {
            let (local, state, inode) = (row[1], row[3], row[9]);
            // 0A: listening. UDP sockets have another state, and count whatever they do.
            if sockets.contains(&format!("socket:[{inode}]")) && (state == "0A" || table.starts_with("udp")) {
                found.push(address_of(local));
            }
        }
    }
    found
}

/// `0100007F:128B` is 127.0.0.1:4747: the address in this machine's byte order, the port in hexadecimal.
fn address_of(local: &str) -> String {
    let (address, port) = local.split_once(':').unwrap();
    let port = u16::from_str_radix(port, 16).unwrap();
    match u32::from_str_radix(address, 16) {
        Ok(address) => format!("{}:{port}", std::net::Ipv4Addr::from(address.to_ne_bytes())),
        Err(_) => format!("[{address}]:{port}"),
    }
}

#[test]
fn a5_every_route_needs_a_key() {
    let bridge = Bridge::start();
    for (method, path) in routes().into_iter().filter(|(_, path)| *path != "/health") {
        let answer = bridge.hub.connect().ask(&Request::new(&method, &path));
        assert_eq!(answer.status, 401, "{path}");
        assert_eq!(answer.header("www-authenticate"), Some("Bearer realm=\"drawbridge\""));
    }
    let health = bridge.hub.connect().ask(&Request::new("GET", "/health"));
    assert_eq!((health.status, health.text().as_str()), (200, "ok"), "health says nothing else");
    bridge.holds();
}

/// What strangers send in place of a key.
fn strange_keys(bridge: &Bridge) -> Vec<Vec<(&'static str, String)>> {
    let (key, home) = (&bridge.key, &bridge.home);
    let revoked = home.add_key("revoked", &[]);
    home.run(&["keys", "revoke", "revoked"]).good();
    let expired = home.add_key("expired", &["--expires", "1s"]);
    std::thread::sleep(std::time::Duration::from_millis(1_100));
    let mut sets: Vec<Vec<(&'static str, String)>> = vec![vec![]];
    for value in [
        String::new(),
        "Bearer".to_owned(),
        "Bearer ".to_owned(),
        "Bearer wrong".to_owned(),
        format!("Bearer {}", &key[..key.len() - 1]),
        format!("Bearer {key}x"),
        format!("Bearer {}", key.to_uppercase()),
        format!("Bearer {revoked}"),
        format!("Bearer {expired}"),
        format!("Basic {key}"),
        format!("Bearer {key}, Bearer {key}"),
        key.clone(),
    ] {
        sets.push(vec![("Authorization", value)]);
    }
    sets.push(vec![("Authorization", format!("Bearer {key}")), ("Authorization", format!("Bearer {key}"))]);
    sets.push(vec![("Cookie", format!("key={key}"))]);
    sets.push(vec![(X_API_KEY, key.clone())]);
    sets.push(vec![(X_API_KEY, "wrong".to_owned())]);
    sets.push(vec![(X_API_KEY, key.clone()), (X_API_KEY, key.clone())]);
    sets.push(vec![("Proxy-Authorization", format!("Bearer {key}"))]);
    sets
}

const X_API_KEY: &str = "X-Api-Key";

/// Where programs of other protocols send their key so.
fn takes_api_keys(path: &str) -> bool {
    path.starts_with("/v1/") || path == "/lm/query" || path == WS
}

#[test]
fn a7_every_route_as_a_stranger() {
    let bridge = Bridge::start();
    let strangers = strange_keys(&bridge);
    for path in all_paths().into_iter().filter(|path| *path != "/health") {
        let mut bodies = HashSet::new();
        let is_strange = |headers: &[(&str, String)]| {
            !takes_api_keys(&path) || *headers != [(X_API_KEY, bridge.key.clone())]
        };
        for (method, headers) in
            METHODS.iter().flat_map(|method| strangers.iter().map(move |key| (method, key)))
        {
            if !is_strange(headers) {
                continue;
            }
            let request = Request::new(method, &path).and("Content-Type", "application/json");
            let request = headers.iter().fold(request, |request, (name, value)| request.and(name, value));
            let answer = ask_for_head(&bridge, &request);
            assert_eq!(answer.status, 401, "{method} {path} {headers:?}: {}", answer.text());
            bodies.insert(answer.text());
        }
        assert!(bodies.len() <= 3, "a stranger learns from the differences: {bodies:?}");
    }
    let target = Request::new("GET", "/health").and("Content-Type", "application/json");
    for (method, status) in [("GET", 200), ("HEAD", 200), ("POST", 405), ("DELETE", 405)] {
        let answer = ask_for_head(&bridge, &Request { method: method.to_owned(), ..target.clone() });
        assert_eq!(answer.status, status, "{method} /health");
    }
    check_no_effect(bridge);
}

/// The answer, of which HEAD has no body.
fn ask_for_head(bridge: &Bridge, request: &Request) -> Response {
    let mut connection = bridge.hub.connect();
    if request.method != "HEAD" {
        return connection.ask(request);
    }
    connection.send(request);
    connection.read_head().unwrap()
}

/// Every registration of a route in the sources is the table's, or in [`OTHERS`].
#[test]
fn every_route_is_tried() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("crates");
    let mut registered = Vec::new();
    collect_routes(&crates, &mut registered);
    registered.sort();
    assert_eq!(
        registered,
        // The first two are a worker's own, which tell one word of its health; `kind.path` are pipes, `path` is a server's
        // exchange, and the second table is the console's.
        ["\"/health\"", "\"/ready\"", "PATH", "WS_PATH", "kind.path", "path", "route.path", "route.path"],
        "a route came that is not in the table: OTHERS has to follow"
    );
}

fn collect_routes(folder: &Path, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect_routes(&path, found);
        } else if path.extension().is_some_and(|end| end == "rs")
            && path.components().any(|part| part.as_os_str() == "src")
        {
            let text = std::fs::read_to_string(&path).unwrap();
            let routes =
                text.split(".route(").skip(1).map(|rest| rest.split(',').next().unwrap().trim().to_owned());
            found.extend(routes);
        }
    }
}

#[test]
fn a5_refusals_at_the_entrance_are_logged() {
    let bridge = Bridge::start();
    bridge.hub.connect().ask(&Request::new("GET", "/mcp").with("Host", "evil.test"));
    let log = wait_for("a line in the log", || {
        let text = bridge.home.log();
        text.contains("refused at the entrance").then_some(text)
    });
    assert!(!log.contains(&bridge.key));
    bridge.holds();
}

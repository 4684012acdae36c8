//! A: before anybody is known.

use std::collections::HashSet;
use std::path::Path;

use serde_json::json;

use crate::program::{Bridge, Connection, Home, Hub, NONE, Request, Response, wait_for};

/// Every route there is, as the sources register them: [`every_route_is_tried`] holds this list to them.
const ROUTES: &[&str] = &["/health", "/api/status", "/mcp"];
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

/// A request that would be served if nothing were wrong with it.
fn good(bridge: &mut Bridge, path: &str) -> Request {
    let request = bridge.owner.request("tools/list", json!({}));
    Request { target: path.to_owned(), method: if path == "/mcp" { "POST" } else { "GET" }.to_owned(), ..request }
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
        for path in ROUTES.iter().chain(NEARLY) {
            for host in ["evil.test", "evil.test:80", "127.0.0.1.evil", "localhost.evil.test", "", "127.0.0.1@evil.test"] {
                let answer = Connection::open(address).ask(&good(&mut bridge, path).with("Host", host));
                check_forbidden(&answer, &format!("{path} with Host {host:?}"));
            }
        }
    }
    bridge.holds();
}

#[test]
fn a1_host_missing_twice_or_in_the_target() {
    let mut bridge = Bridge::start();
    let address = bridge.hub.address().to_string();
    for path in ROUTES {
        let request = good(&mut bridge, path);
        let twice = request.clone().and("Host", address.clone()).and("Host", address.clone());
        let evil_second = request.clone().and("Host", address.clone()).and("Host", "evil.test");
        let absolute = Request { target: format!("http://evil.test{path}"), ..request.clone() };
        for bad in [request.with("Host", NONE), twice, evil_second, absolute] {
            let answer = bridge.hub.connect().ask(&bad);
            assert!(matches!(answer.status, 400 | 403), "{path}: {} {}", answer.status, answer.text());
            assert!(!answer.text().contains("files_"));
        }
    }
    bridge.holds();
}

#[test]
fn a2_foreign_origin() {
    let mut bridge = Bridge::start();
    let port = bridge.hub.address().port();
    for path in ROUTES {
        let request = good(&mut bridge, path);
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
        assert_eq!(bridge.hub.connect().ask(&request.with("Origin", own)).status, 200, "{path} from our own origin");
    }
    bridge.holds();
}

#[test]
fn a3_cross_site_form() {
    let mut bridge = Bridge::start();
    let arguments = json!({"path": "Drawbridge/made-by-a-form.txt", "content": "x"});
    let call = bridge.owner.request("tools/call", json!({"name": "files_write", "arguments": arguments}));
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
    let from_a_page = call.with("Content-Type", "text/plain").with("Origin", "http://evil.test");
    check_forbidden(&bridge.hub.connect().ask(&from_a_page.clone()), "from a page");
    let without_key = from_a_page.without("Origin").without("Authorization");
    assert_eq!(bridge.hub.connect().ask(&without_key).status, 401);
    assert!(!bridge.home.in_root("made-by-a-form.txt").exists());
    assert!(bridge.home.audit().iter().all(|record| record["target"] != "files_write"), "it reached the door");
    bridge.holds();
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
    for path in ROUTES.iter().filter(|path| **path != "/health") {
        let answer = bridge.hub.connect().ask(&Request::new("GET", path));
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
    sets.push(vec![("Cookie", format!("key={key}")), ("X-Api-Key", key.clone())]);
    sets.push(vec![("Proxy-Authorization", format!("Bearer {key}"))]);
    sets
}

#[test]
fn a7_every_route_as_a_stranger() {
    let bridge = Bridge::start();
    let strangers = strange_keys(&bridge);
    for path in ROUTES.iter().chain(NEARLY).filter(|path| **path != "/health") {
        let mut bodies = HashSet::new();
        for (method, headers) in METHODS.iter().flat_map(|method| strangers.iter().map(move |key| (method, key))) {
            let request = Request::new(method, path).and("Content-Type", "application/json");
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
    let audit = bridge.home.audit();
    assert!(audit.iter().all(|record| record["entrance"] != "mcp.http"), "something reached the door: {audit:?}");
    bridge.holds();
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

/// Every registration of a route in the sources is one of [`ROUTES`].
#[test]
fn every_route_is_tried() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("crates");
    let mut registered = Vec::new();
    collect_routes(&crates, &mut registered);
    registered.sort();
    let mut expected: Vec<String> = ["HEALTH", "\"/api/status\"", "\"/mcp\""].map(str::to_owned).to_vec();
    expected.sort();
    assert_eq!(registered, expected, "a route came or went: ROUTES has to follow");
}

fn collect_routes(folder: &Path, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect_routes(&path, found);
        } else if path.extension().is_some_and(|end| end == "rs") && path.components().any(|part| part.as_os_str() == "src") {
            let text = std::fs::read_to_string(&path).unwrap();
            let routes = text.split(".route(").skip(1).map(|rest| rest.split(',').next().unwrap().trim().to_owned());
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

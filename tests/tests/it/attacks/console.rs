//! The console: whoever is not the owner in the owner's browser gets nothing from it.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::program::{Bridge, Browser, Connection, Request, cookie_of, event, link, sign_in, wait_for};

/// How many may try to sign in at once, and how many streams may be open.
const ATTEMPTS_MAX: usize = drawbridge_console::ATTEMPTS_MAX;
const STREAMS_MAX: usize = drawbridge_console::STREAMS_MAX;

/// Method and path of each route of the console, with something in the place of parameters.
fn real(routes: impl Iterator<Item = (&'static str, &'static str)>) -> Vec<(String, String)> {
    let fill = |path: &str| {
        let path = path.replace("{name}", "x").replace("{id}", "x").replace("{call}", "x");
        path.replace("{*file}", "assets/x.js")
    };
    routes.map(|(method, path)| (method.to_uppercase(), fill(path))).collect()
}

fn all() -> Vec<(String, String)> {
    real(drawbridge_console::paths())
}

/// The routes for who has signed in: all but those that are open.
fn signed_in() -> Vec<(String, String)> {
    let open = real(drawbridge_console::open_paths());
    all().into_iter().filter(|route| !open.contains(route)).collect()
}

/// What would be done if a request passed: the bridge would be up, a key would be there.
fn check_no_effect(bridge: Bridge) {
    for record in bridge.home.audit() {
        let target = record["target"].as_str().unwrap();
        assert!(["key.add", "key.revoke"].contains(&target), "somebody did {target}: {record}");
        assert!(record["caller"] == "owner" && record["note"] != "x", "{record}");
    }
    let status = bridge.home.run(&["status"]).good();
    assert!(status.contains("lowered"), "{status}");
    bridge.holds();
}

fn lever(browser: &Browser) -> Request {
    browser.request("POST", "/api/console/bridge").body(json!({"state": "raised"}).to_string())
}

#[test]
fn a1_a_foreign_host_at_the_console() {
    let bridge = Bridge::start();
    let browser = Browser::open(&bridge);
    for (method, path) in all() {
        for host in ["evil.test", "127.0.0.1.evil", "localhost@evil.test", ""] {
            let answer = browser.send(&browser.request(&method, &path).with("Host", host));
            assert_eq!(answer.status, 403, "{method} {path} {host:?}");
        }
    }
    check_no_effect(bridge);
}

#[test]
fn a2_a_foreign_page_at_the_console() {
    let bridge = Bridge::start();
    let browser = Browser::open(&bridge);
    let port = bridge.hub.address().port();
    for (method, path) in all() {
        for origin in ["null", "http://evil.test", "file://", &format!("http://127.0.0.1:{}", port ^ 1)] {
            let answer = browser.send(&browser.request(&method, &path).with("Origin", origin));
            assert_eq!(answer.status, 403, "{method} {path} {origin}");
        }
    }
    check_no_effect(bridge);
}

#[test]
fn a3_another_page_with_the_owners_cookie() {
    let bridge = Bridge::start();
    let browser = Browser::open(&bridge);
    let good = lever(&browser);
    for site in ["cross-site", "same-site", "none", ""] {
        assert_eq!(browser.send(&good.clone().with("Sec-Fetch-Site", site)).status, 403, "{site:?}");
    }
    let form = good.clone().without("X-Drawbridge-Console");
    assert_eq!(browser.send(&form).status, 403, "a form cannot set the header");
    assert_eq!(browser.send(&form.with("Content-Type", "text/plain")).status, 403);
    for kind in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"] {
        assert_eq!(browser.send(&good.clone().with("Content-Type", kind)).status, 415, "{kind}");
    }
    // What reads is not for other pages either: another port of this machine is the same site to a browser.
    for path in ["/api/console/now", "/api/tools", "/api/status"] {
        let other = browser.request("GET", path).without("Origin").with("Sec-Fetch-Site", "same-site");
        assert_eq!(browser.send(&other).status, 403, "{path}");
    }
    let tool = browser.request("POST", "/api/tools/files_write");
    let tool = tool.body(json!({"path": "Drawbridge/by-an-attack.txt", "content": "x"}).to_string());
    assert_eq!(browser.send(&tool.clone().without("X-Drawbridge-Console")).status, 403);
    assert!(!bridge.home.in_root("by-an-attack.txt").exists());
    let socket = browser.request("GET", "/api/terminals/x/stream").without("Origin");
    let socket = socket.and("Connection", "Upgrade").and("Upgrade", "websocket");
    let socket =
        socket.and("Sec-WebSocket-Version", "13").and("Sec-WebSocket-Key", "MTIzNDU2Nzg5MGFiY2RlZg==");
    assert_eq!(browser.send(&socket).status, 403, "no Origin says who asks");
    check_no_effect(bridge);
}

#[test]
fn a5_nothing_of_the_console_opens_without_signing_in() {
    let bridge = Bridge::start();
    let guest = bridge.home.add_key("guest", &[]);
    let (key, unused) = (bridge.key.clone(), link(&bridge.home));
    for (method, path) in signed_in() {
        let bare = Request::new(&method, &path)
            .and("Content-Type", "application/json")
            .and("X-Drawbridge-Console", "1")
            .body(r#"{"name": "x", "state": "raised", "value": "x"}"#);
        let in_the_url = Request { target: format!("{path}?key={key}&link={unused}"), ..bare.clone() };
        let cookie = |value: &str| bare.clone().and("Cookie", format!("drawbridge_console={value}"));
        let bearer = |value: &str| bare.clone().and("Authorization", format!("Bearer {value}"));
        for stranger in [bare.clone(), in_the_url, cookie(&key), cookie(&unused), cookie(""), bearer(&unused)]
        {
            let answer = bridge.hub.connect().ask(&stranger);
            assert_eq!(answer.status, 401, "{method} {path} {:?}: {}", stranger.headers, answer.text());
        }
        for holder in [bearer(&key), bearer(&guest)] {
            assert_eq!(bridge.hub.connect().ask(&holder).status, 403, "{method} {path}: a key is no person");
        }
    }
    check_no_effect(bridge);
}

#[test]
fn a7_a_session_and_a_key_in_one_request_count_as_the_key() {
    let bridge = Bridge::start();
    let (browser, guest) = (Browser::open(&bridge), bridge.home.add_key("guest", &[]));
    for (header, value, status) in [
        ("Authorization", format!("Bearer {guest}"), 403),
        ("Authorization", "Bearer wrong".to_owned(), 401),
        ("Authorization", String::new(), 401),
        ("X-Api-Key", guest.clone(), 401),
    ] {
        let answer = browser.send(&lever(&browser).and(header, value.clone()));
        assert_eq!(answer.status, status, "{header}: {value}: {}", answer.text());
    }
    let twice = lever(&browser).with("Cookie", format!("{0}; {0}", browser.cookie));
    assert_eq!(browser.send(&twice).status, 401, "nobody can say which cookie is meant");
    assert_eq!(browser.send(&lever(&browser).and("Cookie", "a=b")).status, 401);
    check_no_effect(bridge);
}

#[test]
fn c1_a_link_works_once_and_a_guess_takes_its_time() {
    let bridge = Bridge::start();
    let secret = link(&bridge.home);
    let ask = |body: &Value| bridge.hub.connect().ask(&sign_in(body));
    assert_eq!(ask(&json!({"key": secret})).status, 401, "a link is no key");
    assert_eq!(ask(&json!({"link": bridge.key})).status, 401, "a key is no link");
    assert_eq!(ask(&json!({"link": secret})).status, 200);
    assert_eq!(ask(&json!({"link": secret})).status, 401, "it was used");
    let guest = bridge.home.add_key("guest", &[]);
    assert_eq!(ask(&json!({"key": guest})).status, 403, "the console is the owner's");
    for bad in
        [json!({}), json!({"link": ""}), json!({"link": "x".repeat(100_000)}), json!({"key": 1}), json!([])]
    {
        assert!(matches!(ask(&bad).status, 400 | 401), "{:.80}", bad.to_string());
    }
    assert_eq!(ask(&json!({"link": "x".repeat(2_000_000)})).status, 413);

    let begun = Instant::now();
    let address = bridge.hub.address();
    let guess = move || Connection::open(address).ask(&sign_in(&json!({"link": "guess"}))).status;
    let guesses: Vec<_> = (0..3 * ATTEMPTS_MAX).map(|_| std::thread::spawn(guess)).collect();
    let statuses: Vec<u16> = guesses.into_iter().map(|guess| guess.join().unwrap()).collect();
    assert!(statuses.iter().all(|status| matches!(status, 401 | 429)), "{statuses:?}");
    let heard = statuses.iter().filter(|status| **status == 401).count();
    assert!(begun.elapsed() >= Duration::from_millis(500), "a guess that fails takes half a second");
    assert!(heard >= ATTEMPTS_MAX, "{statuses:?}");
    assert!(ask(&json!({"key": bridge.key})).status == 200, "the owner gets in afterwards");
    check_no_effect(bridge);
}

#[test]
fn c2_a_session_is_always_a_new_one_and_of_one_hub() {
    let (bridge, other) = (Bridge::start(), Bridge::start());
    let browser = Browser::open(&bridge);
    let planted = sign_in(&json!({"link": link(&bridge.home)})).and("Cookie", "drawbridge_console=planted");
    let answer = bridge.hub.connect().ask(&planted);
    let fresh = cookie_of(&answer);
    assert!(!fresh.contains("planted") && fresh != browser.cookie, "{fresh}");
    let set = answer.header("set-cookie").unwrap();
    for word in ["HttpOnly", "SameSite=Strict", "Path=/", "Max-Age="] {
        assert!(set.contains(word), "{set}");
    }
    let with = |cookie: &str| Request::new("GET", "/api/console/session").and("Cookie", cookie);
    assert_eq!(bridge.hub.connect().ask(&with("drawbridge_console=planted")).status, 401);
    assert_eq!(bridge.hub.connect().ask(&with(&fresh)).status, 200);
    assert_eq!(other.hub.connect().ask(&with(&fresh)).status, 401, "another hub knows it not");
    check_no_effect(bridge);
    other.holds();
}

/// The events of a job that goes on for long.
fn job_events(browser: &Browser) -> Connection {
    let job = json!({"tool": "terminal_run", "arguments": {"command": "sleep 60"}});
    let answer = browser.send(&browser.request("POST", "/api/jobs").body(job.to_string()));
    assert_eq!(answer.status, 202, "{}", answer.text());
    let path = format!("/api/jobs/{}/events", answer.json()["job"]["id"].as_str().unwrap());
    let mut stream = Connection::open(browser.address);
    stream.send(&browser.request("GET", &path));
    assert_eq!(stream.read_head().unwrap().status, 200);
    stream
}

#[test]
fn a_session_that_is_taken_back_opens_nothing_and_its_stream_ends() {
    let bridge = Bridge::start();
    let browser = Browser::open(&bridge);
    let mut events = browser.events(None);
    let mut job = job_events(&browser);
    let listed: Value = serde_json::from_str(&bridge.home.run(&["keys", "list", "--json"]).good()).unwrap();
    let session = listed.as_array().unwrap().iter().find(|key| key["kind"] == "console").unwrap();
    bridge.home.run(&["keys", "revoke", session["name"].as_str().unwrap()]).good();
    assert_eq!(browser.send(&browser.request("GET", "/api/console/now")).status, 401);
    assert_eq!(browser.send(&browser.request("GET", "/api/tools")).status, 401);
    while events.chunk().is_some() {}
    while job.chunk().is_some() {}
    bridge.holds();
}

#[test]
fn i2_streams_of_events_are_bounded_and_who_does_not_read_stops_nobody() {
    let mut bridge = Bridge::start();
    let browser = Browser::open(&bridge);
    let mut streams: Vec<Connection> = (0..STREAMS_MAX).map(|_| browser.events(None)).collect();
    let one_more = browser.send(&browser.request("GET", "/api/console/events"));
    assert_eq!(one_more.status, 503, "{}", one_more.text());
    let before = bridge.hub.resident_bytes();
    // Nobody reads any of them meanwhile.
    for _ in 0..1_200 {
        bridge.owner.text("files_list", json!({"path": "Drawbridge"}));
    }
    let grown = bridge.hub.resident_bytes().saturating_sub(before);
    assert!(grown < 64 * 1024 * 1024, "it grew by {grown} bytes");
    streams.pop();
    let mut again = wait_for("room for a stream", || {
        let mut stream = bridge.hub.connect();
        stream.send(&browser.request("GET", "/api/console/events").and("Last-Event-ID", "1"));
        (stream.read_head()?.status == 200).then_some(stream)
    });
    let gap = event(&mut again, "gap", |_| true);
    assert_eq!(gap["from"], 2, "what was missed is named: {gap}");
    event(&mut again, "call", |row| row["seq"].as_i64() == gap["to"].as_i64().map(|to| to + 1));
    for bad in ["x", "-1", "1.5"] {
        let answer = browser.send(&browser.request("GET", "/api/console/events").and("Last-Event-ID", bad));
        assert_eq!(answer.status, 400, "{bad}");
    }
    drop(streams);
    bridge.holds();
}

#[test]
fn b4_bodies_that_are_too_large_or_no_json_are_refused_by_the_console() {
    let bridge = Bridge::start();
    let browser = Browser::open(&bridge);
    let writes = signed_in().into_iter().filter(|(method, path)| {
        matches!(method.as_str(), "POST" | "PUT") && !path.starts_with("/api/console/hosts")
    });
    for (method, path) in writes {
        let request = browser.request(&method, &path);
        let huge = request.clone().body("x".repeat(2 * 1024 * 1024));
        assert_eq!(browser.send(&huge).status, 413, "{path}");
        for bad in ["", "{", "[]", "{\"a\": 1, \"a\": 2}", "\u{feff}{}", "null"] {
            assert_eq!(browser.send(&request.clone().body(bad)).status, 400, "{path} {bad:?}");
        }
        assert_eq!(
            browser.send(&request.with("Content-Type", "text/plain").body("{}")).status,
            415,
            "{path}"
        );
    }
    for path in ["/api/console/audit?limit=x", "/api/console/audit?nothing=1", "/api/console/audit?tool=%ff"]
    {
        assert!(matches!(browser.send(&browser.request("GET", path)).status, 200 | 400), "{path}");
    }
    check_no_effect(bridge);
}

#[test]
fn h8_pages_of_the_console_run_no_code_but_their_own() {
    let mut bridge = Bridge::start();
    let browser = Browser::open(&bridge);
    for path in ["/console/", "/console/tools", "/console/assets/x.js", "/console/../api/console/now"] {
        let answer = browser.send(&Request::new("GET", path));
        let policy = answer.header("content-security-policy").unwrap_or_default().to_owned();
        for word in ["default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "base-uri 'none'"] {
            assert!(policy.contains(word), "{path}: {policy}");
        }
        assert!(!policy.contains("unsafe"), "{path}: {policy}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
    }
    // What a call says of itself comes back as data, which no browser takes for a page.
    let evil = "<img src=x onerror=alert(1)>\u{202e}</script>";
    bridge.owner.tool("files_write", json!({"path": "Drawbridge/evil.txt", "content": evil}));
    for path in ["/api/console/audit", "/api/console/now", "/api/console/audit/export"] {
        let answer = browser.send(&browser.request("GET", path));
        let kind = answer.header("content-type").unwrap();
        assert!(["application/json", "application/x-ndjson"].contains(&kind), "{path}: {kind}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
    }
    bridge.holds();
}

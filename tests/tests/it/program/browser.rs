//! A browser that signed in at the console: its cookie, and what its pages send with every request.

use std::net::SocketAddr;

use serde_json::Value;

use super::{Bridge, Connection, Home, Request, Response};

pub(crate) struct Browser {
    pub(crate) address: SocketAddr,
    /// As `Set-Cookie` gave it: name and value.
    pub(crate) cookie: String,
}

/// The secret of a link of `drawbridge console`.
pub(crate) fn link(home: &Home) -> String {
    let printed = home.run(&["console", "--no-open"]).good();
    let link = printed.lines().next().unwrap();
    assert!(link.starts_with("http://127.0.0.1:"), "{printed}");
    link.split_once("/console/#link=").unwrap().1.to_owned()
}

/// A request to sign in, as the console's page sends it.
pub(crate) fn sign_in(body: &Value) -> Request {
    let request = Request::new("POST", "/api/console/session").and("Content-Type", "application/json");
    request.body(body.to_string())
}

/// The cookie that an answer sets: name and value.
pub(crate) fn cookie_of(answer: &Response) -> String {
    answer.header("set-cookie").unwrap().split(';').next().unwrap().to_owned()
}

impl Browser {
    /// Signs in by a link.
    pub(crate) fn open(bridge: &Bridge) -> Self {
        let address = bridge.hub.address();
        let link = link(&bridge.home);
        let answer = Connection::open(address).ask(&sign_in(&serde_json::json!({"link": link})));
        assert_eq!(answer.status, 200, "{}", answer.text());
        Self { address, cookie: cookie_of(&answer) }
    }

    /// A request as a page of the console makes it.
    pub(crate) fn request(&self, method: &str, path: &str) -> Request {
        Request::new(method, path)
            .and("Cookie", &self.cookie)
            .and("Origin", format!("http://{}", self.address))
            .and("Sec-Fetch-Site", "same-origin")
            .and("X-Drawbridge-Console", "1")
            .and("Content-Type", "application/json")
    }

    pub(crate) fn send(&self, request: &Request) -> Response {
        Connection::open(self.address).ask(request)
    }

    pub(crate) fn get(&self, path: &str) -> Value {
        let answer = self.send(&self.request("GET", path));
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        answer.json()
    }

    pub(crate) fn tell(&self, method: &str, path: &str, body: &Value) -> Value {
        let answer = self.send(&self.request(method, path).body(body.to_string()));
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        answer.json()
    }

    /// The stream of events, after a record of the audit.
    pub(crate) fn events(&self, after: Option<i64>) -> Connection {
        let mut stream = Connection::open(self.address);
        let request = self.request("GET", "/api/console/events");
        let request = after.map_or(request.clone(), |after| request.and("Last-Event-ID", after.to_string()));
        stream.send(&request);
        let head = stream.read_head().unwrap();
        assert_eq!((head.status, head.header("content-type")), (200, Some("text/event-stream")));
        stream
    }
}

/// Reads events until one of this name fits; gives what it says.
pub(crate) fn event(stream: &mut Connection, name: &str, fits: impl Fn(&Value) -> bool) -> Value {
    loop {
        let chunk = String::from_utf8(stream.chunk().unwrap_or_else(|| panic!("no {name} came"))).unwrap();
        for event in chunk.split("\n\n").filter(|event| event.contains(&format!("event: {name}\n"))) {
            let data = event.lines().find_map(|line| line.strip_prefix("data: ")).unwrap();
            let data: Value = serde_json::from_str(data).unwrap();
            if fits(&data) {
                return data;
            }
        }
    }
}

//! The requests that are sent and the check of what comes back.
//!
//! A request is encoded once. Between two calls only its digits change, in place, so that the generator spends its time
//! on sockets rather than on JSON: it shares the machine with the server that it measures.

use std::borrow::Cow;
use std::net::SocketAddr;

use anyhow::{Context, bail, ensure};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

/// What stands for the request id while a request is encoded; exactly [`ID_DIGITS`] bytes, and nowhere else in it.
const ID_MARK: &str = "19283746";

/// Every id has this many digits, so that the length of the body never changes.
const ID_DIGITS: usize = 8;

/// The first id a connection uses.
pub const ID_FIRST: u32 = 10_000_000;

/// The last id that still has [`ID_DIGITS`] digits.
pub const ID_LAST: u32 = 99_999_999;

/// Which revision of MCP a peer is spoken to in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// 2026-07-28: no session, everything a request needs travels with it.
    Stateless,
    /// 2025-11-25: `initialize`, then a session id on every request.
    Session,
}

impl Dialect {
    /// The revision as it goes over the wire.
    pub fn revision(self) -> &'static str {
        match self {
            Self::Stateless => "2026-07-28",
            Self::Session => "2025-11-25",
        }
    }
}

/// Where requests go and who sends them.
#[derive(Clone, Debug)]
pub struct Target {
    /// The address of the server; requests go to `/mcp`.
    pub address: SocketAddr,
    /// The key in the `Authorization` header. Peers without keys get the same header, and ignore it.
    pub key: String,
    /// How the server is spoken to.
    pub dialect: Dialect,
}

impl Target {
    /// Encodes one POST. `name` is the tool's name for `tools/call`; `session` is what `initialize` answered with.
    ///
    /// `message` gets the `_meta` of the stateless revision, when that is the dialect.
    pub fn encode(&self, mut message: Value, session: Option<&str>) -> Vec<u8> {
        let mut head = self.head("POST");
        head.push_str("Content-Type: application/json\r\nAccept: application/json, text/event-stream\r\n");
        if message["method"] != "initialize" {
            head.push_str(&format!("MCP-Protocol-Version: {}\r\n", self.dialect.revision()));
        }
        if let Some(session) = session {
            head.push_str(&format!("Mcp-Session-Id: {session}\r\n"));
        }
        if self.dialect == Dialect::Stateless {
            add_metadata(&mut message, &mut head);
        }
        let body = message.to_string();
        format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
    }

    /// Encodes the end of a session.
    pub fn encode_delete(&self, session: &str) -> Vec<u8> {
        let revision = self.dialect.revision();
        format!(
            "{}MCP-Protocol-Version: {revision}\r\nMcp-Session-Id: {session}\r\n\r\n",
            self.head("DELETE")
        )
        .into_bytes()
    }

    fn head(&self, method: &str) -> String {
        format!("{method} /mcp HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\n", self.address, self.key)
    }
}

/// Adds what 2026-07-28 asks of every request: `_meta` in the body, and headers that agree with the body.
fn add_metadata(message: &mut Value, head: &mut String) {
    let method = message["method"].as_str().unwrap_or_default();
    head.push_str(&format!("Mcp-Method: {method}\r\n"));
    if let Some(name) = message["params"]["name"].as_str() {
        head.push_str(&format!("Mcp-Name: {name}\r\n"));
    }
    message["params"]["_meta"] = json!({
        "io.modelcontextprotocol/protocolVersion": Dialect::Stateless.revision(),
        "io.modelcontextprotocol/clientInfo": client(),
        "io.modelcontextprotocol/clientCapabilities": {},
    });
}

fn client() -> Value {
    json!({"name": "drawbridge-bench", "version": env!("CARGO_PKG_VERSION")})
}

/// The `initialize` request of the older revisions.
pub fn initialize(revision: &str) -> Value {
    json!({"jsonrpc": "2.0", "id": 1, "method": "initialize",
        "params": {"protocolVersion": revision, "capabilities": {}, "clientInfo": client()}})
}

/// What a client says after `initialize` was answered.
pub fn initialized() -> Value {
    json!({"jsonrpc": "2.0", "method": "notifications/initialized"})
}

/// One page of `tools/list`.
pub fn list_tools(cursor: Option<&str>) -> Value {
    let params = cursor.map_or_else(|| json!({}), |cursor| json!({"cursor": cursor}));
    json!({"jsonrpc": "2.0", "id": ID_FIRST, "method": "tools/list", "params": params})
}

/// A `tools/call` of `name`.
pub fn call_tool(id: u32, name: &str, arguments: &Value) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": {"name": name, "arguments": arguments}})
}

/// The `echo` call, encoded once, with its id and its message renewed in place for every call.
pub struct EchoRequest {
    bytes: Vec<u8>,
    digits_at: Vec<usize>,
    id: u32,
}

impl EchoRequest {
    /// Encodes the call for `target`, within `session` if the dialect has them.
    pub fn new(target: &Target, session: Option<&str>) -> Self {
        let id = ID_MARK.parse().unwrap_or(ID_FIRST);
        let bytes =
            target.encode(call_tool(id, "echo", &json!({"message": format!("hello {ID_MARK}")})), session);
        let digits_at = positions(&bytes, ID_MARK.as_bytes());
        Self { bytes, digits_at, id: ID_FIRST - 1 }
    }

    /// The bytes of one more call. Ids count up and start over after [`ID_LAST`].
    pub fn renew(&mut self) -> &[u8] {
        self.id = if self.id >= ID_LAST { ID_FIRST } else { self.id + 1 };
        let digits = self.id.to_string();
        for at in &self.digits_at {
            self.bytes[*at..at + ID_DIGITS].copy_from_slice(digits.as_bytes());
        }
        &self.bytes
    }

    /// Checks the answer to the call that was last given out: its id, and the message in its content.
    ///
    /// # Errors
    ///
    /// When the answer is no JSON-RPC result, or is the answer to something else.
    pub fn check(&self, body: &[u8]) -> anyhow::Result<()> {
        let answer: Answer<'_> = serde_json::from_slice(body).with_context(|| unexpected(body))?;
        let Some(Echoed { content: [Text { text }] }) = answer.result else { bail!(unexpected(body)) };
        let echoed = text.strip_prefix("hello ").and_then(|digits| digits.parse().ok());
        ensure!(
            answer.id == self.id && echoed == Some(self.id),
            "call {} got the answer: {}",
            self.id,
            excerpt(body)
        );
        Ok(())
    }
}

#[derive(Deserialize)]
struct Answer<'a> {
    id: u32,
    #[serde(borrow)]
    result: Option<Echoed<'a>>,
}

#[derive(Deserialize)]
struct Echoed<'a> {
    #[serde(borrow)]
    content: [Text<'a>; 1],
}

#[derive(Deserialize)]
struct Text<'a> {
    #[serde(borrow)]
    text: Cow<'a, str>,
}

/// One page of the answer to `tools/list`.
pub struct ToolsPage {
    /// How many tools are on it.
    pub count: usize,
    /// What to ask the next page with, if there is one.
    pub cursor_next: Option<String>,
}

/// Reads one page of `tools/list`.
///
/// # Errors
///
/// When the body is no such answer.
pub fn tools_page(body: &[u8]) -> anyhow::Result<ToolsPage> {
    #[derive(Deserialize)]
    struct Answer<'a> {
        #[serde(borrow)]
        result: Page<'a>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Page<'a> {
        #[serde(borrow)]
        tools: Vec<&'a RawValue>,
        next_cursor: Option<String>,
    }
    let answer: Answer<'_> = serde_json::from_slice(body).with_context(|| unexpected(body))?;
    Ok(ToolsPage { count: answer.result.tools.len(), cursor_next: answer.result.next_cursor })
}

fn unexpected(body: &[u8]) -> String {
    format!("the server answered with something else than a result: {}", excerpt(body))
}

/// The beginning of an answer, for an error message.
pub fn excerpt(body: &[u8]) -> String {
    const EXCERPT_BYTES_MAX: usize = 300;
    String::from_utf8_lossy(&body[..body.len().min(EXCERPT_BYTES_MAX)]).into_owned()
}

fn positions(bytes: &[u8], mark: &[u8]) -> Vec<usize> {
    bytes.windows(mark.len()).enumerate().filter(|(_, window)| *window == mark).map(|(at, _)| at).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(dialect: Dialect) -> Target {
        Target { address: ([127, 0, 0, 1], 80).into(), key: "k".into(), dialect }
    }

    #[test]
    fn every_call_has_its_own_id_and_message() {
        let mut request = EchoRequest::new(&target(Dialect::Stateless), None);
        for id in ["10000000", "10000001"] {
            let text = String::from_utf8(request.renew().to_vec()).unwrap();
            assert!(text.contains(&format!(r#""id":{id},"#)), "{text}");
            assert!(text.contains(&format!(r#""message":"hello {id}""#)), "{text}");
        }
    }

    #[test]
    fn ids_start_over_before_they_grow_longer() {
        let mut request = EchoRequest::new(&target(Dialect::Session), Some("s"));
        request.id = ID_LAST;
        let length = request.bytes.len();
        assert_eq!(request.renew().len(), length);
        assert_eq!(request.id, ID_FIRST);
    }

    #[test]
    fn the_stateless_headers_agree_with_the_body() {
        let text = String::from_utf8(EchoRequest::new(&target(Dialect::Stateless), None).bytes).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        for line in ["MCP-Protocol-Version: 2026-07-28", "Mcp-Method: tools/call", "Mcp-Name: echo"] {
            assert!(head.lines().any(|found| found == line), "{line} is missing in {head}");
        }
        assert!(head.ends_with(&format!("Content-Length: {}", body.len())));
        let body: Value = serde_json::from_str(body).unwrap();
        assert_eq!(body["params"]["_meta"]["io.modelcontextprotocol/protocolVersion"], "2026-07-28");
    }

    #[test]
    fn only_the_right_answer_is_accepted() {
        let mut request = EchoRequest::new(&target(Dialect::Stateless), None);
        request.renew();
        let answer = |id: u32, text: &str| {
            json!({"jsonrpc": "2.0", "id": id, "result": {"content": [{"type": "text", "text": text}]}})
                .to_string()
        };
        request.check(answer(ID_FIRST, "hello 10000000").as_bytes()).unwrap();
        request.check(answer(ID_FIRST + 1, "hello 10000000").as_bytes()).unwrap_err();
        request.check(answer(ID_FIRST, "hello 10000001").as_bytes()).unwrap_err();
        request
            .check(br#"{"jsonrpc":"2.0","id":10000000,"error":{"code":-32602,"message":"no"}}"#)
            .unwrap_err();
        request.check(b"").unwrap_err();
    }

    #[test]
    fn a_page_of_tools_is_counted() {
        let page = tools_page(br#"{"id":1,"result":{"tools":[{"name":"a"},{"name":"b"}],"nextCursor":"c"}}"#)
            .unwrap();
        assert_eq!((page.count, page.cursor_next.as_deref()), (2, Some("c")));
        assert!(tools_page(br#"{"id":1,"error":{}}"#).is_err());
    }
}

//! HTTP/1.1 by hand, so that what is sent is what the test says and nothing else.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

use super::PATIENCE;

/// One request, with exactly these headers.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    pub(crate) fn new(method: &str, target: &str) -> Self {
        Self { method: method.to_owned(), target: target.to_owned(), headers: Vec::new(), body: Vec::new() }
    }

    /// The same request, to another place.
    pub(crate) fn to(self, target: &str) -> Self {
        Self { target: target.to_owned(), ..self }
    }

    /// One more header.
    pub(crate) fn and(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// This header, once, with this value.
    pub(crate) fn with(self, name: &str, value: impl Into<String>) -> Self {
        self.without(name).and(name, value)
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(present, _)| !present.eq_ignore_ascii_case(name));
        self
    }

    pub(crate) fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    fn bytes(&self, address: SocketAddr) -> Vec<u8> {
        let mut text = format!("{} {} HTTP/1.1\r\n", self.method, self.target);
        let names = |wanted: &str| self.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case(wanted));
        for (name, value) in self.headers.iter().filter(|(_, value)| value != NONE) {
            text += &format!("{name}: {value}\r\n");
        }
        if !names("host") {
            text += &format!("Host: {address}\r\n");
        }
        if !names("content-length") && !names("transfer-encoding") {
            text += &format!("Content-Length: {}\r\n", self.body.len());
        }
        text += "\r\n";
        [text.as_bytes(), &self.body].concat()
    }
}

/// The value of a header that is left out, although every request has it.
pub(crate) const NONE: &str = "\0none";

/// One answer.
#[derive(Debug, Clone)]
pub(crate) struct Response {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Response {
    pub(crate) fn header(&self, wanted: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(wanted))
            .map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The message in it; of an event stream the last one.
    pub(crate) fn json(&self) -> Value {
        let text = self.text();
        let message = text.lines().rev().find_map(|line| line.strip_prefix("data:")).unwrap_or(&text);
        serde_json::from_str(message).unwrap_or_else(|error| panic!("{error} in {} {text:?}", self.status))
    }
}

/// A connection to the hub.
pub(crate) struct Connection {
    stream: BufReader<TcpStream>,
    address: SocketAddr,
}

impl Connection {
    pub(crate) fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream: BufReader::new(stream), address }
    }

    /// Where the other end is.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Sends bytes as they are. The hub may have had enough before the end; what it says then counts.
    pub(crate) fn send_raw(&mut self, bytes: &[u8]) -> bool {
        self.stream.get_mut().write_all(bytes).is_ok()
    }

    /// Sends what the hub takes, and gives up when that stands still for so long.
    pub(crate) fn send_for(&mut self, patience: Duration, bytes: &[u8]) -> bool {
        self.stream.get_ref().set_write_timeout(Some(patience)).unwrap();
        let sent = self.send_raw(bytes);
        self.stream.get_ref().set_write_timeout(None).unwrap();
        sent
    }

    pub(crate) fn send(&mut self, request: &Request) {
        let bytes = request.bytes(self.address);
        self.send_raw(&bytes);
    }

    /// Says that nothing more will come.
    pub(crate) fn half_close(&mut self) {
        match self.stream.get_mut().shutdown(Shutdown::Write) {
            // The hub may have hung up already.
            Err(error) if error.kind() == std::io::ErrorKind::NotConnected => {}
            done => done.unwrap(),
        }
    }

    pub(crate) fn ask(&mut self, request: &Request) -> Response {
        self.send(request);
        self.read().unwrap_or_else(|| panic!("no answer to {} {}", request.method, request.target))
    }

    /// The next answer; `None` when the hub closed the connection instead.
    pub(crate) fn read(&mut self) -> Option<Response> {
        let mut response = self.read_head()?;
        response.body = match (response.header("content-length"), response.header("transfer-encoding")) {
            (Some(length), _) => self.take(length.parse().unwrap())?,
            (None, Some(_)) => std::iter::from_fn(|| self.chunk()).flatten().collect(),
            (None, None) => Vec::new(),
        };
        Some(response)
    }

    /// The head of the next answer, when its body is a stream.
    pub(crate) fn read_head(&mut self) -> Option<Response> {
        let mut words = self.line()?.split_whitespace().nth(1)?.to_owned();
        words.truncate(3);
        let mut headers = Vec::new();
        while let Some((name, value)) = self.line()?.split_once(':') {
            headers.push((name.to_owned(), value.trim().to_owned()));
        }
        Some(Response { status: words.parse().ok()?, headers, body: Vec::new() })
    }

    /// The next piece of a stream; `None` at its end.
    pub(crate) fn chunk(&mut self) -> Option<Vec<u8>> {
        let size = usize::from_str_radix(self.line()?.trim(), 16).ok()?;
        let data = self.take(size)?;
        self.line()?;
        (size > 0).then_some(data)
    }

    /// The next message of an event stream; `None` at its end. Comments are passed over.
    pub(crate) fn event(&mut self) -> Option<Value> {
        loop {
            let chunk = String::from_utf8(self.chunk()?).unwrap();
            let data = chunk.lines().find_map(|line| line.strip_prefix("data:")).map(str::trim);
            if let Some(data) = data.filter(|data| !data.is_empty()) {
                return Some(serde_json::from_str(data).unwrap());
            }
        }
    }

    fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        match self.stream.read_line(&mut line) {
            Ok(length) if length > 0 => Some(line),
            _ => None,
        }
    }

    /// So many bytes of a body.
    pub(crate) fn take(&mut self, length: usize) -> Option<Vec<u8>> {
        let mut bytes = vec![0; length];
        self.stream.read_exact(&mut bytes).ok()?;
        Some(bytes)
    }
}

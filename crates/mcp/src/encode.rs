//! Messages, written by splicing: what is JSON already goes out as it is.

use bytes::Bytes;
use drawbridge_contract::RawValue;
use memchr::memchr2;
use serde::Serialize;

use crate::envelope::Id;
use crate::error::{METHOD_NOT_FOUND, WireError};

/// What answers a request, ready to be sent.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    /// One JSON-RPC message.
    pub(crate) message: Bytes,
    /// How it went, for transports that say so outside of the message.
    pub(crate) verdict: Verdict,
}

/// How a request went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It has a result, or an error about what it named.
    Served,
    /// The request itself is at fault.
    Malformed,
    /// Its method does not exist.
    NoSuchMethod,
}

impl Reply {
    /// A result whose JSON is `body`, already rendered.
    pub(crate) fn spliced(id: &Id, body: &[u8]) -> Self {
        let mut out = open_result(id, body.len());
        out.extend_from_slice(body);
        Self::close(out)
    }

    /// A result with these members.
    pub(crate) fn object(id: &Id, size_hint: usize, write: impl FnOnce(&mut Object<'_>)) -> Self {
        let mut out = open_result(id, size_hint);
        let mut object = Object::open(&mut out);
        write(&mut object);
        object.close();
        Self::close(out)
    }

    pub(crate) fn error(id: Option<&Id>, error: &WireError) -> Self {
        let verdict = match error {
            WireError { code: METHOD_NOT_FOUND, .. } => Verdict::NoSuchMethod,
            WireError { is_malformed: true, .. } => Verdict::Malformed,
            _ => Verdict::Served,
        };
        let mut out = Vec::with_capacity(128 + error.message.len());
        let mut message = Object::message(&mut out);
        if let Some(id) = id {
            message.raw("id", id.as_json());
        }
        message.object("error", |object| {
            object.value("code", &error.code);
            object.value("message", &error.message);
            if let Some(data) = &error.data {
                object.value("data", data);
            }
        });
        message.close();
        Self { message: out.into(), verdict }
    }

    fn close(mut out: Vec<u8>) -> Self {
        out.push(b'}');
        Self { message: out.into(), verdict: Verdict::Served }
    }
}

fn open_result(id: &Id, size_hint: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(64 + id.as_json().len() + size_hint);
    out.extend_from_slice(br#"{"jsonrpc":"2.0","id":"#);
    out.extend_from_slice(id.as_json().as_bytes());
    out.extend_from_slice(br#","result":"#);
    out
}

/// A notification of ours.
pub(crate) fn notification(method: &str, write: impl FnOnce(&mut Object<'_>)) -> Bytes {
    message_to_host(None, method, write)
}

/// A request of ours to the host (legacy).
pub(crate) fn request(number: u64, method: &str, write: impl FnOnce(&mut Object<'_>)) -> Bytes {
    message_to_host(Some(number), method, write)
}

fn message_to_host(number: Option<u64>, method: &str, write: impl FnOnce(&mut Object<'_>)) -> Bytes {
    let mut out = Vec::with_capacity(256);
    let mut message = Object::message(&mut out);
    if let Some(number) = number {
        message.value("id", &number);
    }
    message.value("method", method);
    message.object("params", write);
    message.close();
    out.into()
}

/// One JSON array of messages: the answer to a batch (2025-03-26).
pub(crate) fn batch(messages: &[Bytes]) -> Bytes {
    let mut out = Vec::with_capacity(2 + messages.iter().map(|message| message.len() + 1).sum::<usize>());
    out.push(b'[');
    out.extend_from_slice(&messages.join(&b','));
    out.push(b']');
    out.into()
}

/// The message without line ends. Inside of strings JSON escapes them, so those that are there are white space that
/// came with a payload of somebody else.
pub(crate) fn one_line(message: Bytes) -> Bytes {
    if memchr2(b'\n', b'\r', &message).is_none() {
        return message;
    }
    let mut line = Vec::from(message);
    for byte in &mut line {
        if matches!(byte, b'\n' | b'\r') {
            *byte = b' ';
        }
    }
    line.into()
}

/// Writes the members of one JSON object.
pub(crate) struct Object<'a> {
    out: &'a mut Vec<u8>,
    is_empty: bool,
}

impl<'a> Object<'a> {
    pub(crate) fn open(out: &'a mut Vec<u8>) -> Self {
        out.push(b'{');
        Self { out, is_empty: true }
    }

    fn message(out: &'a mut Vec<u8>) -> Self {
        let mut message = Self::open(out);
        message.raw("jsonrpc", r#""2.0""#);
        message
    }

    pub(crate) fn close(self) {
        self.out.push(b'}');
    }

    /// A member whose value is JSON text already. `name` needs no escapes.
    pub(crate) fn raw(&mut self, name: &str, json: &str) {
        self.name(name);
        self.out.extend_from_slice(json.as_bytes());
    }

    /// A member whose value is serialised.
    pub(crate) fn value(&mut self, name: &str, value: &(impl Serialize + ?Sized)) {
        self.name(name);
        if serde_json::to_writer(&mut *self.out, value).is_err() {
            // Only types with keys that are no strings can fail, and we have none; `null` keeps the message JSON.
            self.out.extend_from_slice(b"null");
        }
    }

    /// A member whose value is an object.
    pub(crate) fn object(&mut self, name: &str, write: impl FnOnce(&mut Object<'_>)) {
        self.name(name);
        let mut inner = Object::open(self.out);
        write(&mut inner);
        inner.close();
    }

    /// A member whose name may need escapes, and whose value is an object.
    pub(crate) fn keyed_object(&mut self, name: &str, write: impl FnOnce(&mut Object<'_>)) {
        self.comma();
        write_value(self.out, name);
        self.out.push(b':');
        let mut inner = Object::open(self.out);
        write(&mut inner);
        inner.close();
    }

    /// A member whose value is a list of objects or other values.
    pub(crate) fn list<T>(&mut self, name: &str, items: &[T], mut write: impl FnMut(&mut Vec<u8>, &T)) {
        self.name(name);
        self.out.push(b'[');
        for (index, item) in items.iter().enumerate() {
            if index > 0 {
                self.out.push(b',');
            }
            write(self.out, item);
        }
        self.out.push(b']');
    }

    /// All members of a JSON object that is text already.
    pub(crate) fn members_of(&mut self, json: &RawValue) {
        let inner = json.get().trim().strip_prefix('{').and_then(|text| text.strip_suffix('}'));
        let Some(inner) = inner.map(str::trim).filter(|inner| !inner.is_empty()) else { return };
        self.comma();
        self.out.extend_from_slice(inner.as_bytes());
    }

    fn name(&mut self, name: &str) {
        self.comma();
        self.out.push(b'"');
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
    }

    fn comma(&mut self) {
        if !self.is_empty {
            self.out.push(b',');
        }
        self.is_empty = false;
    }
}

/// Writes one value, for [`Object::list`].
pub(crate) fn write_value(out: &mut Vec<u8>, value: &(impl Serialize + ?Sized)) {
    if serde_json::to_writer(&mut *out, value).is_err() {
        out.extend_from_slice(b"null");
    }
}

/// Who we are, as every modern result says in its `_meta`.
pub(crate) const SERVER_INFO: &str =
    concat!(r#"{"name":"drawbridge","title":"Drawbridge","version":""#, env!("CARGO_PKG_VERSION"), r#""}"#);

/// Who we are, for revisions without titles.
pub(crate) const SERVER_INFO_UNTITLED: &str =
    concat!(r#"{"name":"drawbridge","version":""#, env!("CARGO_PKG_VERSION"), r#""}"#);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_ends_of_foreign_payloads_do_not_break_the_framing() {
        let line = one_line(Bytes::from_static(b"{\"a\":\r\n 1}"));
        assert_eq!(&line[..], b"{\"a\":   1}");
    }

    #[test]
    fn an_error_without_an_id_has_no_id_member() {
        let reply = Reply::error(None, &WireError::parse("bad"));
        assert_eq!(&reply.message[..], br#"{"jsonrpc":"2.0","error":{"code":-32700,"message":"bad"}}"#);
        assert_eq!(reply.verdict, Verdict::Malformed);
    }

    #[test]
    fn members_are_spliced_whatever_the_white_space() {
        for (meta, expected) in
            [("{}", "{\"a\":1}"), (" { \"b\" : 2 } ", "{\"a\":1,\"b\" : 2}"), ("{ }", "{\"a\":1}")]
        {
            let raw = RawValue::from_string(meta.to_owned()).unwrap();
            let mut out = Vec::new();
            let mut object = Object::open(&mut out);
            object.value("a", &1);
            object.members_of(&raw);
            object.close();
            assert_eq!(String::from_utf8(out).unwrap(), expected);
        }
    }
}

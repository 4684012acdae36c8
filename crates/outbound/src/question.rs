//! Questions in HTTP/1.1, as bytes. No I/O.

use bytes::Bytes;
use reqwest::Method;
use reqwest::header::{CONNECTION, CONTENT_LENGTH, HeaderMap, TRANSFER_ENCODING};

/// A body up to this size goes out with its head, in one write.
const TOGETHER_BYTES_MAX: usize = 16 << 10;
/// What a head of the usual length needs.
const HEAD_BYTES: usize = 256;

/// One question, and how much of it was sent.
pub(crate) struct Question {
    method: Method,
    /// The head, and a short body.
    head: Vec<u8>,
    /// A longer one.
    body: Bytes,
    sent: usize,
    /// The server closed the connection before it had all: nothing more is sent.
    given_up: bool,
}

impl Question {
    /// A question for `target`, which begins with a slash and has no characters that a target may not have.
    pub(crate) fn new(method: Method, target: &str, headers: &HeaderMap, body: Bytes) -> Self {
        let together = if body.len() <= TOGETHER_BYTES_MAX { body.len() } else { 0 };
        let mut head = Vec::with_capacity(HEAD_BYTES + target.len() + together);
        for part in [method.as_str(), " ", target, " HTTP/1.1\r\n"] {
            head.extend_from_slice(part.as_bytes());
        }
        // How the message is framed is ours to say.
        let framing = [CONTENT_LENGTH, TRANSFER_ENCODING, CONNECTION];
        for (name, value) in headers.iter().filter(|(name, _)| !framing.contains(name)) {
            for part in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
                head.extend_from_slice(part);
            }
        }
        if !body.is_empty() || method == Method::POST {
            head.extend_from_slice(format!("content-length: {}\r\n", body.len()).as_bytes());
        }
        head.extend_from_slice(b"\r\n");
        head.extend_from_slice(&body[..together]);
        let body = body.slice(together..);
        Self { method, head, body, sent: 0, given_up: false }
    }

    pub(crate) fn method(&self) -> &Method {
        &self.method
    }

    /// What is sent next; `None` when there is nothing.
    pub(crate) fn rest(&self) -> Option<&[u8]> {
        if self.given_up || self.is_sent() {
            return None;
        }
        let of_body = self.sent.checked_sub(self.head.len());
        Some(of_body.map_or_else(|| &self.head[self.sent..], |from| &self.body[from..]))
    }

    pub(crate) fn sent(&mut self, bytes: usize) {
        self.sent += bytes;
    }

    /// Whether all of it was sent.
    pub(crate) fn is_sent(&self) -> bool {
        self.sent == self.head.len() + self.body.len()
    }

    /// Whether nothing of it was sent.
    pub(crate) fn is_untouched(&self) -> bool {
        self.sent == 0
    }

    /// Sends no more of it.
    pub(crate) fn give_up(&mut self) {
        self.given_up = true;
    }
}

#[cfg(test)]
mod tests {
    use reqwest::header::{HOST, HeaderValue};

    use super::*;

    fn whole(method: Method, body: impl Into<Bytes>) -> Vec<u8> {
        let mut headers = HeaderMap::from_iter([(HOST, HeaderValue::from_static("here"))]);
        headers.insert(CONTENT_LENGTH, HeaderValue::from_static("7"));
        let mut question = Question::new(method, "/x?y", &headers, body.into());
        assert!(question.is_untouched());
        let mut sent = Vec::new();
        while let Some(rest) = question.rest() {
            let some = &rest[..rest.len().min(1_000)];
            sent.extend_from_slice(some);
            let count = some.len();
            question.sent(count);
        }
        assert!(question.is_sent());
        sent
    }

    #[test]
    fn a_question_says_how_long_it_is_once() {
        let posted = "POST /x?y HTTP/1.1\r\nhost: here\r\ncontent-length: 2\r\n\r\n{}";
        assert_eq!(whole(Method::POST, "{}"), posted.as_bytes());
        assert_eq!(whole(Method::GET, ""), b"GET /x?y HTTP/1.1\r\nhost: here\r\n\r\n");
        assert!(whole(Method::POST, "").ends_with(b"content-length: 0\r\n\r\n"));
    }

    #[test]
    fn long_and_short_bodies_come_whole() {
        for size in [TOGETHER_BYTES_MAX - 1, TOGETHER_BYTES_MAX, TOGETHER_BYTES_MAX + 1, 1 << 20] {
            let sent = whole(Method::POST, vec![b'z'; size]);
            assert_eq!(sent.iter().filter(|byte| **byte == b'z').count(), size);
            assert!(sent.ends_with(b"z"));
        }
    }

    #[test]
    fn what_is_given_up_is_not_sent() {
        let mut question = Question::new(Method::POST, "/", &HeaderMap::new(), Bytes::from_static(b"x"));
        question.sent(1);
        question.give_up();
        assert!(question.rest().is_none() && !question.is_sent() && !question.is_untouched());
    }
}

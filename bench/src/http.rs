//! One keep-alive HTTP/1.1 connection, as lean as a client can be.
//!
//! It knows what the peers answer with and no more: a body with a length, a chunked body, and an event stream whose last
//! event is the answer. It never pipelines, and it never follows, retries or reconnects: any of that would hide a fault.

use std::net::SocketAddr;
use std::ops::Range;

use anyhow::{Context, bail, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A peer that sends more headers than this is not one of ours.
const HEADERS_MAX: usize = 64;

/// The longest answer that is read: well above a list of 500 tools.
const ANSWER_BYTES_MAX: usize = 16 << 20;

/// Room for an ordinary answer, so that one read takes it whole.
const BUFFER_BYTES: usize = 16 << 10;

/// An open connection.
pub struct Connection {
    stream: TcpStream,
    /// The answer as it came in.
    inbound: Vec<u8>,
    /// The body, when it had to be put together from chunks.
    joined: Vec<u8>,
}

/// An answer whose body has arrived in full.
pub struct Answer<'a> {
    /// The HTTP status, 200 to 599.
    pub status: u16,
    /// The session that the server opened, if it did.
    pub session: Option<String>,
    /// The JSON-RPC message; empty when there is none.
    pub body: &'a [u8],
}

impl Connection {
    /// Connects, with `TCP_NODELAY` on.
    ///
    /// # Errors
    ///
    /// When nobody listens there.
    pub async fn open(address: SocketAddr) -> anyhow::Result<Self> {
        let stream =
            TcpStream::connect(address).await.with_context(|| format!("cannot connect to {address}"))?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, inbound: Vec::with_capacity(BUFFER_BYTES), joined: Vec::new() })
    }

    /// Sends `request`, which is a whole HTTP request, and waits for the whole answer.
    ///
    /// # Errors
    ///
    /// When the connection ends early, or what comes back is no HTTP this client knows.
    pub async fn exchange(&mut self, request: &[u8]) -> anyhow::Result<Answer<'_>> {
        self.stream.write_all(request).await.context("the server closed the connection")?;
        self.inbound.clear();
        let head = self.read_head().await?;
        let body = match head.framing {
            Framing::Length(length) => self.read_length(head.length, length).await?,
            Framing::Chunked => self.read_chunks(head.length).await?,
        };
        let body = if head.is_event_stream { last_event(body) } else { body };
        Ok(Answer { status: head.status, session: head.session, body })
    }

    /// The last answer as it came over the wire, head and all.
    pub fn received(&self) -> &[u8] {
        &self.inbound
    }

    async fn read_head(&mut self) -> anyhow::Result<Head> {
        loop {
            self.read_more().await?;
            if let Some(head) = parse_head(&self.inbound)? {
                return Ok(head);
            }
        }
    }

    async fn read_length(&mut self, start: usize, length: usize) -> anyhow::Result<&[u8]> {
        while self.inbound.len() < start + length {
            self.read_more().await?;
        }
        ensure!(self.inbound.len() == start + length, "the server sent more than it announced");
        Ok(&self.inbound[start..])
    }

    async fn read_chunks(&mut self, start: usize) -> anyhow::Result<&[u8]> {
        loop {
            if join_chunks(&self.inbound[start..], &mut self.joined)? {
                return Ok(&self.joined);
            }
            self.read_more().await?;
        }
    }

    async fn read_more(&mut self) -> anyhow::Result<()> {
        ensure!(self.inbound.len() <= ANSWER_BYTES_MAX, "the answer is longer than {ANSWER_BYTES_MAX} bytes");
        let count = self.stream.read_buf(&mut self.inbound).await.context("cannot read the answer")?;
        ensure!(count > 0, "the server closed the connection before its answer was complete");
        Ok(())
    }
}

struct Head {
    /// Bytes up to the body.
    length: usize,
    status: u16,
    framing: Framing,
    is_event_stream: bool,
    session: Option<String>,
}

#[derive(Debug, PartialEq)]
enum Framing {
    Length(usize),
    Chunked,
}

/// Reads status line and headers; `None` while they are not complete.
fn parse_head(bytes: &[u8]) -> anyhow::Result<Option<Head>> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut response = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(length) = response.parse(bytes).context("the answer is not HTTP/1.1")?
    else {
        return Ok(None);
    };
    let mut head = Head {
        length,
        status: response.code.unwrap_or_default(),
        framing: Framing::Length(0),
        is_event_stream: false,
        session: None,
    };
    for header in response.headers.iter() {
        read_header(header, &mut head)?;
    }
    Ok(Some(head))
}

fn read_header(header: &httparse::Header<'_>, head: &mut Head) -> anyhow::Result<()> {
    let value = std::str::from_utf8(header.value).context("a header is not text")?;
    if header.name.eq_ignore_ascii_case("content-length") {
        head.framing = Framing::Length(value.parse().context("Content-Length is not a number")?);
    } else if header.name.eq_ignore_ascii_case("transfer-encoding") {
        ensure!(value.eq_ignore_ascii_case("chunked"), "unknown Transfer-Encoding: {value}");
        head.framing = Framing::Chunked;
    } else if header.name.eq_ignore_ascii_case("content-type") {
        head.is_event_stream = value.starts_with("text/event-stream");
    } else if header.name.eq_ignore_ascii_case("mcp-session-id") {
        head.session = Some(value.to_owned());
    }
    Ok(())
}

/// Puts the chunks in `bytes` together in `joined`; false while the last one has not arrived.
fn join_chunks(bytes: &[u8], joined: &mut Vec<u8>) -> anyhow::Result<bool> {
    joined.clear();
    let mut at = 0;
    while let httparse::Status::Complete((start, size)) = parse_chunk_size(&bytes[at..])? {
        let chunk = chunk_range(at + start, size)?;
        // Every chunk, the empty last one too, ends with a line break of its own.
        let end = chunk.end + 2;
        if end > bytes.len() {
            return Ok(false);
        }
        if chunk.is_empty() {
            ensure!(end == bytes.len(), "the server sent more than it announced");
            return Ok(true);
        }
        joined.extend_from_slice(&bytes[chunk]);
        at = end;
    }
    Ok(false)
}

fn parse_chunk_size(bytes: &[u8]) -> anyhow::Result<httparse::Status<(usize, u64)>> {
    match httparse::parse_chunk_size(bytes) {
        Ok(status) => Ok(status),
        Err(_) => bail!("the size of a chunk is not a number"),
    }
}

fn chunk_range(start: usize, size: u64) -> anyhow::Result<Range<usize>> {
    let size = usize::try_from(size)?;
    ensure!(size <= ANSWER_BYTES_MAX, "a chunk is longer than {ANSWER_BYTES_MAX} bytes");
    Ok(start..start + size)
}

/// The data of the last event that has some: what came before are a server's priming events and notifications.
fn last_event(stream: &[u8]) -> &[u8] {
    let lines = stream.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    let data = lines.filter_map(|line| line.strip_prefix(b"data:")).map(<[u8]>::trim_ascii);
    data.rev().find(|data| !data.is_empty()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_once_it_is_complete() {
        let text = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nMCP-Session-Id: s1\r\n\r\n{}";
        assert!(parse_head(&text[..40]).unwrap().is_none());
        let head = parse_head(text).unwrap().unwrap();
        assert_eq!((head.status, head.framing, head.length), (200, Framing::Length(2), text.len() - 2));
        assert_eq!(head.session.as_deref(), Some("s1"));
        assert!(parse_head(b"SSH-2.0-x\r\n\r\n").is_err());
    }

    #[test]
    fn chunks_are_joined_only_when_the_last_has_come() {
        let whole = b"4\r\nabcd\r\n2\r\nef\r\n0\r\n\r\n";
        let mut joined = Vec::new();
        for cut in 0..whole.len() {
            assert!(!join_chunks(&whole[..cut], &mut joined).unwrap(), "complete after {cut} bytes");
        }
        assert!(join_chunks(whole, &mut joined).unwrap());
        assert_eq!(joined, b"abcdef");
    }

    #[test]
    fn chunks_that_lie_are_refused() {
        let mut joined = Vec::new();
        assert!(join_chunks(b"zz\r\nabcd\r\n", &mut joined).is_err());
        assert!(join_chunks(b"fffffffffffffff0\r\nabcd\r\n", &mut joined).is_err());
        assert!(join_chunks(b"0\r\n\r\nmore", &mut joined).is_err());
    }

    #[test]
    fn the_last_event_with_data_is_the_answer() {
        assert_eq!(last_event(b"id: 0\ndata: \n\ndata: {\"a\":1}\r\n\r\n"), br#"{"a":1}"#);
        assert_eq!(last_event(b": nothing\n\n"), b"");
    }
}

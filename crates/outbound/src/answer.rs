//! Answers in HTTP/1.1 (RFC 9112), from their bytes: the head, and where the body ends. No I/O.

use std::ops::Range;

use bytes::{Buf as _, Bytes, BytesMut};
use reqwest::header::{CONNECTION, CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue, TRANSFER_ENCODING};
use reqwest::{Method, StatusCode};

/// How long a head may be, in bytes.
pub(crate) const HEAD_BYTES_MAX: usize = 64 << 10;
/// How many headers it may have.
pub(crate) const HEADERS_MAX: usize = 100;
/// How long the line before a chunk may be, and how long all that follows the last one, in bytes.
pub(crate) const CHUNK_LINE_BYTES_MAX: usize = 4 << 10;

/// What came is no answer that could be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadAnswer {
    #[error("what came is no HTTP/1.1: {0}")]
    Head(#[from] httparse::Error),
    #[error("the head of the answer has more than {HEAD_BYTES_MAX} bytes")]
    HeadTooLong,
    #[error("the answer does not say clearly how long it is")]
    Length,
    #[error("a chunk of the answer does not begin or end as one must")]
    Chunk,
    #[error("the connection was closed before the answer was complete")]
    Early,
}

/// The head of an answer.
#[derive(Debug)]
pub(crate) struct Head {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Body,
    /// Whether the connection may serve another question once the body has ended.
    pub(crate) keeps: bool,
}

/// What is still to come of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Body {
    /// So many bytes.
    Left(u64),
    /// Pieces that each say how long they are.
    Chunks(Chunk),
    /// All that comes until the server closes the connection.
    UntilClosed,
}

/// Where in its chunks a body is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Chunk {
    /// Before the line that says how long the next one is.
    Size,
    /// So many bytes before its end.
    Data(u64),
    /// Before the line end that follows it.
    End,
    /// After the last one, with so many bytes of trailers behind.
    Trailers(usize),
}

/// What the bytes that came make of a body.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Decoded {
    Bytes(Bytes),
    /// Nothing yet: more must come.
    More,
    End,
}

impl Head {
    /// Takes the head of an answer to a question of this method from the front of `buffer`; `None` while it is not whole.
    /// What a server says in between (1xx) is left out.
    ///
    /// # Errors
    /// [`BadAnswer`].
    pub(crate) fn decode(buffer: &mut BytesMut, asked: &Method) -> Result<Option<Self>, BadAnswer> {
        loop {
            let Some(head) = Self::next(buffer, asked)? else { return Ok(None) };
            if !head.status.is_informational() {
                return Ok(Some(head));
            }
            // Nobody asked for another protocol.
            if head.status == StatusCode::SWITCHING_PROTOCOLS {
                return Err(BadAnswer::Length);
            }
        }
    }

    fn next(buffer: &mut BytesMut, asked: &Method) -> Result<Option<Self>, BadAnswer> {
        let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
        let mut answer = httparse::Response::new(&mut headers);
        let httparse::Status::Complete(length) = answer.parse(buffer)? else {
            return if buffer.len() < HEAD_BYTES_MAX { Ok(None) } else { Err(BadAnswer::HeadTooLong) };
        };
        if length > HEAD_BYTES_MAX {
            return Err(BadAnswer::HeadTooLong);
        }
        let status = answer.code.and_then(|code| StatusCode::from_u16(code).ok());
        let status = status.ok_or(httparse::Error::Status)?;
        let is_modern = answer.version == Some(1);
        let places: Vec<(HeaderName, Range<usize>)> =
            answer.headers.iter().map(|header| place(buffer, header)).collect::<Result<_, _>>()?;
        let headers = headers_of(places, &buffer.split_to(length).freeze())?;
        let body = body_of(asked, status, &headers)?;
        let keeps = keeps(is_modern, &headers) && body != Body::UntilClosed;
        Ok(Some(Self { status, headers, body, keeps }))
    }
}

/// The name of a header, and where in `buffer` its value is.
fn place(buffer: &[u8], header: &httparse::Header<'_>) -> Result<(HeaderName, Range<usize>), BadAnswer> {
    let name = HeaderName::from_bytes(header.name.as_bytes()).map_err(|_| httparse::Error::HeaderName)?;
    let start = header.value.as_ptr() as usize - buffer.as_ptr() as usize;
    Ok((name, start..start + header.value.len()))
}

/// The headers, whose values stay where they came.
fn headers_of(places: Vec<(HeaderName, Range<usize>)>, head: &Bytes) -> Result<HeaderMap, BadAnswer> {
    let mut headers = HeaderMap::with_capacity(places.len());
    for (name, place) in places {
        let value = HeaderValue::from_maybe_shared(head.slice(place));
        headers.append(name, value.map_err(|_| httparse::Error::HeaderValue)?);
    }
    Ok(headers)
}

/// How long the body is (RFC 9112, section 6.3).
fn body_of(asked: &Method, status: StatusCode, headers: &HeaderMap) -> Result<Body, BadAnswer> {
    let has_none = status.is_informational()
        || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
        || *asked == Method::HEAD;
    if has_none {
        return Ok(Body::Left(0));
    }
    if headers.contains_key(TRANSFER_ENCODING) {
        let is_chunked = words(headers, &TRANSFER_ENCODING).last().is_some_and(is("chunked"));
        return Ok(if is_chunked { Body::Chunks(Chunk::Size) } else { Body::UntilClosed });
    }
    let mut lengths = words(headers, &CONTENT_LENGTH).map(length);
    match lengths.next() {
        None if headers.contains_key(CONTENT_LENGTH) => Err(BadAnswer::Length),
        None => Ok(Body::UntilClosed),
        Some(first) if lengths.all(|other| other == first) => first.map(Body::Left).ok_or(BadAnswer::Length),
        Some(_) => Err(BadAnswer::Length),
    }
}

fn length(word: &str) -> Option<u64> {
    // `parse` would take a sign.
    word.bytes().all(|byte| byte.is_ascii_digit()).then(|| word.parse().ok())?
}

fn keeps(is_modern: bool, headers: &HeaderMap) -> bool {
    // Two lengths are a mistake of somebody's: the next answer might begin elsewhere.
    let is_clear = !(headers.contains_key(TRANSFER_ENCODING) && headers.contains_key(CONTENT_LENGTH));
    let says = |word| words(headers, &CONNECTION).any(is(word));
    is_clear && !says("close") && (is_modern || says("keep-alive"))
}

fn is(word: &'static str) -> impl Fn(&str) -> bool {
    move |other| other.eq_ignore_ascii_case(word)
}

/// The words of a header that is a list; one that is no text has none.
fn words<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    let texts = headers.get_all(name).into_iter().map(|value| value.to_str().unwrap_or_default());
    texts.flat_map(|text| text.split(',')).map(str::trim).filter(|word| !word.is_empty())
}

impl Body {
    /// Takes what has come of the body from the front of `buffer`.
    ///
    /// # Errors
    /// [`BadAnswer::Chunk`].
    pub(crate) fn decode(&mut self, buffer: &mut BytesMut) -> Result<Decoded, BadAnswer> {
        match self {
            Self::Left(0) => Ok(Decoded::End),
            Self::Left(left) => Ok(take(left, buffer)),
            Self::UntilClosed => Ok(take(&mut { u64::MAX }, buffer)),
            Self::Chunks(chunk) => chunk.decode(buffer),
        }
    }

    /// Whether all of it was taken.
    pub(crate) fn has_ended(&self) -> bool {
        *self == Self::Left(0)
    }
}

/// As many of the bytes that are left as there are.
fn take(left: &mut u64, buffer: &mut BytesMut) -> Decoded {
    if buffer.is_empty() {
        return Decoded::More;
    }
    let count = usize::try_from(*left).unwrap_or(usize::MAX).min(buffer.len());
    *left -= count as u64;
    Decoded::Bytes(buffer.split_to(count).freeze())
}

impl Chunk {
    fn decode(&mut self, buffer: &mut BytesMut) -> Result<Decoded, BadAnswer> {
        loop {
            *self = match self {
                Self::Data(0) => Self::End,
                Self::Data(left) => return Ok(take(left, buffer)),
                Self::Size | Self::End | Self::Trailers(_) => {
                    let Some(length) = line_length(buffer)? else { return Ok(Decoded::More) };
                    let line = buffer.split_to(length);
                    buffer.advance(2);
                    match self.after(&line)? {
                        Some(next) => next,
                        None => return Ok(Decoded::End),
                    }
                }
            };
        }
    }

    /// What follows this line; `None` after the last.
    fn after(self, line: &[u8]) -> Result<Option<Self>, BadAnswer> {
        match self {
            Self::Trailers(_) if line.is_empty() => Ok(None),
            Self::Trailers(before) if before + line.len() <= CHUNK_LINE_BYTES_MAX => {
                Ok(Some(Self::Trailers(before + line.len() + 2)))
            }
            Self::End if line.is_empty() => Ok(Some(Self::Size)),
            Self::Size => Ok(Some(match size(line)? {
                0 => Self::Trailers(0),
                size => Self::Data(size),
            })),
            _ => Err(BadAnswer::Chunk),
        }
    }
}

/// How long the line at the front of `buffer` is, without its end; `None` while it is not whole.
fn line_length(buffer: &[u8]) -> Result<Option<usize>, BadAnswer> {
    match buffer.iter().position(|byte| *byte == b'\n') {
        Some(end) if end > 0 && end <= CHUNK_LINE_BYTES_MAX && buffer[end - 1] == b'\r' => Ok(Some(end - 1)),
        None if buffer.len() <= CHUNK_LINE_BYTES_MAX => Ok(None),
        _ => Err(BadAnswer::Chunk),
    }
}

/// The size of a chunk, from its line. What follows a semicolon is nobody's business.
fn size(line: &[u8]) -> Result<u64, BadAnswer> {
    let digits = line.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii_end();
    let is_hex = !digits.is_empty() && digits.iter().all(u8::is_ascii_hexdigit);
    let text = std::str::from_utf8(digits).ok().filter(|_| is_hex).ok_or(BadAnswer::Chunk)?;
    u64::from_str_radix(text, 16).map_err(|_| BadAnswer::Chunk)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(bytes: &[u8]) -> Result<Option<Head>, BadAnswer> {
        Head::decode(&mut bytes.into(), &Method::POST)
    }

    /// Everything that a whole answer says, fed in pieces of this size, and what is left.
    fn read(bytes: &[u8], piece: usize) -> Result<(Vec<u8>, bool, usize), BadAnswer> {
        let (mut buffer, mut head, mut said) = (BytesMut::new(), None::<Head>, Vec::new());
        let mut pieces = bytes.chunks(piece);
        loop {
            if head.is_none() {
                head = Head::decode(&mut buffer, &Method::POST)?;
            }
            if let Some(head) = &mut head {
                match head.body.decode(&mut buffer)? {
                    Decoded::Bytes(bytes) => {
                        said.extend_from_slice(&bytes);
                        continue;
                    }
                    Decoded::End => return Ok((said, head.keeps, buffer.len())),
                    Decoded::More => {}
                }
            }
            buffer.extend_from_slice(pieces.next().ok_or(BadAnswer::Early)?);
        }
    }

    const CHUNKED: &[u8] =
        b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n\
        2;a=\"b\"\r\nah\r\n00A\r\n0123456789\r\n0\r\nx-trailer: 1\r\n\r\n";

    #[test]
    fn an_answer_is_the_same_however_it_is_cut() {
        for piece in 1..CHUNKED.len() {
            assert_eq!(read(CHUNKED, piece), Ok((b"ah0123456789".to_vec(), true, 0)), "{piece}");
        }
        let whole = b"HTTP/1.1 200 \r\nContent-Length: 4, 4\r\ncontent-length: 4\r\n\r\nahoy!";
        assert_eq!(read(whole, 1_000), Ok((b"ahoy".to_vec(), true, 1)));
        for piece in 1..whole.len() {
            assert_eq!(read(whole, piece).unwrap().0, b"ahoy", "{piece}");
        }
    }

    #[test]
    fn what_breaks_off_is_never_whole() {
        for end in 0..CHUNKED.len() {
            assert_eq!(read(&CHUNKED[..end], 1_000), Err(BadAnswer::Early), "{end}");
        }
    }

    #[test]
    fn what_has_no_body_has_none_and_what_says_nothing_lasts_until_the_end() {
        let body = |text: &str, method: &Method| {
            Head::decode(&mut text.as_bytes().into(), method).unwrap().unwrap().body
        };
        for text in ["HTTP/1.1 204 No\r\n\r\n", "HTTP/1.1 304 No\r\ncontent-length: 9\r\n\r\n"] {
            assert_eq!(body(text, &Method::GET), Body::Left(0));
        }
        assert_eq!(body("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n", &Method::HEAD), Body::Left(0));
        for text in ["HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\n"] {
            assert_eq!(body(text, &Method::POST), Body::UntilClosed);
        }
    }

    #[test]
    fn a_connection_is_kept_only_where_both_know_where_they_are() {
        let keeps = |lines: &str| decode(format!("{lines}\r\n\r\n").as_bytes()).unwrap().unwrap().keeps;
        assert!(keeps("HTTP/1.1 200 OK\r\ncontent-length: 0"));
        assert!(keeps("HTTP/1.0 200 OK\r\ncontent-length: 0\r\nconnection: Keep-Alive"));
        for lines in [
            "HTTP/1.1 200 OK",
            "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: x, Close",
            "HTTP/1.0 200 OK\r\ncontent-length: 0",
            "HTTP/1.1 200 OK\r\ncontent-length: 0\r\ntransfer-encoding: chunked",
        ] {
            assert!(!keeps(lines), "{lines}");
        }
    }

    #[test]
    fn lengths_that_are_none_are_refused() {
        for length in ["", "-1", "+1", "0x1", "1, 2", "1\r\ncontent-length: 2", "99999999999999999999", "1;"]
        {
            let text = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n");
            assert_eq!(decode(text.as_bytes()).unwrap_err(), BadAnswer::Length, "{length}");
        }
        for size in ["", "x", "-1", " 1", "1 1", "10000000000000000", ";", "1\n"] {
            let text = format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{size}\r\n1\r\n");
            assert_eq!(read(text.as_bytes(), 1_000), Err(BadAnswer::Chunk), "{size:?}");
        }
        let switched = b"HTTP/1.1 101 Switching\r\nupgrade: x\r\n\r\n";
        assert_eq!(decode(switched).unwrap_err(), BadAnswer::Length);
    }

    #[test]
    fn heads_and_lines_are_bounded_at_their_edges() {
        let begin = "HTTP/1.1 200 OK\r\nx: ";
        let head = |bytes: usize| format!("{begin}{}\r\n\r\n", "y".repeat(bytes - begin.len() - 4));
        assert!(decode(head(HEAD_BYTES_MAX).as_bytes()).unwrap().is_some());
        assert_eq!(decode(head(HEAD_BYTES_MAX + 1).as_bytes()).unwrap_err(), BadAnswer::HeadTooLong);
        let endless = format!("{begin}{}", "y".repeat(HEAD_BYTES_MAX));
        assert_eq!(decode(endless.as_bytes()).unwrap_err(), BadAnswer::HeadTooLong);
        let headers = |count: usize| format!("HTTP/1.1 200 OK\r\n{}\r\n", "a: b\r\n".repeat(count));
        assert!(decode(headers(HEADERS_MAX).as_bytes()).unwrap().is_some());
        assert!(matches!(decode(headers(HEADERS_MAX + 1).as_bytes()), Err(BadAnswer::Head(_))));

        let chunked = |lines: &str| {
            read(format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{lines}").as_bytes(), 1_000)
        };
        let line = |bytes: usize| format!("1;{}\r\nx\r\n0\r\n\r\n", "y".repeat(bytes - 3));
        assert_eq!(chunked(&line(CHUNK_LINE_BYTES_MAX)).unwrap().0, b"x");
        assert_eq!(chunked(&line(CHUNK_LINE_BYTES_MAX + 1)), Err(BadAnswer::Chunk));
        let trailers =
            |count: usize| format!("0\r\n{}\r\n", format!("{}\r\n", "z".repeat(1022)).repeat(count));
        assert_eq!(chunked(&trailers(CHUNK_LINE_BYTES_MAX / 1024)).unwrap().0, b"");
        assert_eq!(chunked(&trailers(CHUNK_LINE_BYTES_MAX / 1024 + 1)), Err(BadAnswer::Chunk));
    }

    proptest::proptest! {
        #[test]
        fn nothing_that_comes_makes_it_panic(bytes: Vec<u8>, piece in 1..9_usize) {
            let _ = read(&bytes, piece);
            let _ = read(&[b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", &bytes[..]].concat(), piece);
        }
    }
}

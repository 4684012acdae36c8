//! Connections in plain HTTP/1.1 that are driven by those who wait for an answer, and kept open for the next.
//!
//! A client of the usual kind has a task for each connection and passes every question and every piece of an answer
//! through channels: that costs more than all that the hub does with them.

use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt as _, AsyncWrite as _};
use tokio::net::TcpStream;

use crate::OutboundError;
use crate::answer::{BadAnswer, Body, Decoded, Head};
use crate::question::Question;

/// How many connections to one server are kept open for later.
const IDLE_MAX: usize = 64;
/// How long one is kept; most servers close theirs earlier.
const IDLE_FOR: Duration = Duration::from_secs(60);
/// How much is read at once, in bytes, at first and where more comes than that.
const READ_BYTES: std::ops::RangeInclusive<usize> = 8 << 10..=64 << 10;

/// Where a server listens.
pub(crate) struct Place {
    /// A name, or an address without brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
    /// How long a connection may take.
    pub(crate) within: Duration,
}

/// The connections to one server that are not in use.
pub(crate) struct Pool {
    place: Place,
    /// With the time since which nobody has used it; the last used at the end.
    idle: Mutex<Vec<(Line, Instant)>>,
}

/// One connection. It only moves while somebody drives it.
struct Line {
    stream: TcpStream,
    /// What came and was not taken yet.
    buffer: BytesMut,
    /// How much is read next.
    read_bytes: usize,
}

/// The body of an answer, and the connection it comes over.
pub(crate) struct Flow {
    body: Body,
    keeps: bool,
    /// Given back once the body is complete.
    line: Option<Line>,
    pool: Arc<Pool>,
}

/// Why a connection gave no answer.
enum Unanswered {
    /// Nothing of the question was sent.
    Unsent(io::Error),
    Broken(OutboundError),
}

impl From<Unanswered> for OutboundError {
    fn from(unanswered: Unanswered) -> Self {
        match unanswered {
            Unanswered::Unsent(error) => failed(error),
            Unanswered::Broken(error) => error,
        }
    }
}

impl Pool {
    pub(crate) fn new(place: Place) -> Self {
        Self { place, idle: Mutex::default() }
    }

    /// Sends a question over a connection that is open, or a new one, and waits until its answer begins. A server may
    /// close a connection that nobody uses at any time: as long as nothing was sent, the next one is taken.
    pub(crate) async fn send(
        self: &Arc<Self>,
        mut question: Question,
    ) -> Result<(Head, Flow), OutboundError> {
        while let Some(line) = self.take() {
            match self.ask(line, &mut question).await {
                Err(Unanswered::Unsent(_)) => {}
                answer => return Ok(answer?),
            }
        }
        let line = self.place.connect().await?;
        Ok(self.ask(line, &mut question).await?)
    }

    async fn ask(
        self: &Arc<Self>,
        mut line: Line,
        question: &mut Question,
    ) -> Result<(Head, Flow), Unanswered> {
        let head = poll_fn(|context| line.poll_answer(question, context)).await?;
        // What was not sent whole leaves a server that waits for the rest of it.
        let keeps = head.keeps && question.is_sent();
        let flow = Flow { body: head.body, keeps, line: Some(line), pool: self.clone() };
        Ok((head, flow))
    }

    /// The connection that was used last, of those that are still open.
    fn take(&self) -> Option<Line> {
        loop {
            let (line, since) = self.idle().pop()?;
            if since.elapsed() < IDLE_FOR && line.is_free() {
                return Some(line);
            }
        }
    }

    fn give(&self, line: Line) {
        let mut idle = self.idle();
        idle.retain(|(_, since)| since.elapsed() < IDLE_FOR);
        if idle.len() < IDLE_MAX {
            idle.push((line, Instant::now()));
        }
    }

    fn idle(&self) -> MutexGuard<'_, Vec<(Line, Instant)>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    async fn connect(&self) -> Result<Line, OutboundError> {
        let connecting = TcpStream::connect((self.host.as_str(), self.port));
        let stream = match tokio::time::timeout(self.within, connecting).await {
            Ok(connected) => connected.map_err(|error| OutboundError::Connect(error.into()))?,
            Err(late) => return Err(OutboundError::Connect(late.into())),
        };
        // A socket that will not have it is slower, and nothing else.
        let _ = stream.set_nodelay(true);
        Ok(Line { stream, buffer: BytesMut::new(), read_bytes: *READ_BYTES.start() })
    }
}

impl Line {
    /// Whether it can take a question: the server has neither closed it nor said anything that nobody asked.
    fn is_free(&self) -> bool {
        let heard = self.stream.try_read(&mut [0]);
        matches!(heard, Err(error) if error.kind() == io::ErrorKind::WouldBlock)
    }

    /// Sends what is left of the question, and reads until the head of the answer has come. A server may answer before
    /// it has read everything, and close then: what it says counts.
    fn poll_answer(
        &mut self,
        question: &mut Question,
        context: &mut Context<'_>,
    ) -> Poll<Result<Head, Unanswered>> {
        let sending = self.poll_send(question, context);
        if let Poll::Ready(Err(error)) = sending {
            if question.is_untouched() {
                return Poll::Ready(Err(Unanswered::Unsent(error)));
            }
            question.give_up();
        }
        let broken = |error| Poll::Ready(Err(Unanswered::Broken(error)));
        loop {
            match Head::decode(&mut self.buffer, question.method()) {
                Ok(Some(head)) => return Poll::Ready(Ok(head)),
                Ok(None) => {}
                Err(error) => return broken(failed(error)),
            }
            match ready!(self.poll_read(context)) {
                Ok(0) => return broken(failed(BadAnswer::Early)),
                Ok(_) => {}
                Err(error) => return broken(failed(error)),
            }
        }
    }

    fn poll_send(&mut self, question: &mut Question, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Some(bytes) = question.rest() {
            let count = ready!(Pin::new(&mut self.stream).poll_write(context, bytes))?;
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            question.sent(count);
        }
        Poll::Ready(Ok(()))
    }

    /// Reads what has come; 0 bytes at the end.
    fn poll_read(&mut self, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        self.buffer.reserve(self.read_bytes);
        let room = self.buffer.capacity() - self.buffer.len();
        let count = ready!(pin!(self.stream.read_buf(&mut self.buffer)).poll(context))?;
        if count == room {
            self.read_bytes = (self.read_bytes * 2).min(*READ_BYTES.end());
        }
        Poll::Ready(Ok(count))
    }
}

impl Flow {
    /// The next bytes of the body; `None` after the last.
    pub(crate) async fn chunk(&mut self) -> Result<Option<Bytes>, OutboundError> {
        poll_fn(|context| self.poll_chunk(context)).await
    }

    fn poll_chunk(&mut self, context: &mut Context<'_>) -> Poll<Result<Option<Bytes>, OutboundError>> {
        let chunk = ready!(self.poll_next(context));
        match &chunk {
            Ok(Some(_)) if !self.body.has_ended() => {}
            Ok(_) => self.give_back(),
            // It is at nobody knows what.
            Err(_) => self.line = None,
        }
        Poll::Ready(chunk)
    }

    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Result<Option<Bytes>, OutboundError>> {
        let Some(line) = &mut self.line else {
            // A body that broke off stays broken off.
            let whole = if self.body.has_ended() { Ok(None) } else { Err(failed(BadAnswer::Early)) };
            return Poll::Ready(whole);
        };
        loop {
            match self.body.decode(&mut line.buffer).map_err(failed)? {
                Decoded::Bytes(bytes) => return Poll::Ready(Ok(Some(bytes))),
                Decoded::End => break,
                Decoded::More => {}
            }
            match ready!(line.poll_read(context)).map_err(failed)? {
                0 if self.body == Body::UntilClosed => break,
                0 => return Poll::Ready(Err(failed(BadAnswer::Early))),
                _ => {}
            }
        }
        self.body = Body::Left(0);
        Poll::Ready(Ok(None))
    }

    fn give_back(&mut self) {
        let Some(mut line) = self.line.take() else { return };
        if self.keeps && line.buffer.is_empty() {
            line.read_bytes = *READ_BYTES.start();
            self.pool.give(line);
        }
    }
}

fn failed(error: impl std::error::Error + Send + Sync + 'static) -> OutboundError {
    OutboundError::Failed(error.into())
}

#[cfg(test)]
mod tests {
    use reqwest::Method;
    use reqwest::header::{HOST, HeaderMap, HeaderValue};
    use tokio::io::AsyncWriteExt as _;
    use tokio::net::TcpListener;

    use tokio::time::timeout;

    use super::*;

    /// Longer than anything takes that should happen.
    const LONG: Duration = Duration::from_secs(60);

    /// Reads one question of a few bytes.
    async fn question(stream: &mut TcpStream) -> String {
        let mut bytes = Vec::new();
        while !bytes.ends_with(b"\r\n\r\nhello") {
            assert!(stream.read_buf(&mut bytes).await.unwrap() > 0, "the connection was closed");
        }
        String::from_utf8(bytes).unwrap()
    }

    async fn pool() -> (TcpListener, Arc<Pool>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let place = Place { host: "127.0.0.1".to_owned(), port, within: LONG };
        (listener, Arc::new(Pool::new(place)))
    }

    fn hello() -> Question {
        let host = HeaderMap::from_iter([(HOST, HeaderValue::from_static("here"))]);
        Question::new(Method::POST, "/x", &host, Bytes::from_static(b"hello"))
    }

    async fn ask(pool: &Arc<Pool>) -> Result<String, OutboundError> {
        let (_, mut flow) = pool.send(hello()).await?;
        let mut all = Vec::new();
        while let Some(chunk) = flow.chunk().await? {
            all.extend_from_slice(&chunk);
        }
        Ok(String::from_utf8(all).unwrap())
    }

    const WHOLE: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nahoy";
    const CHUNKED: &[u8] =
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nah\r\n2\r\noy\r\n0\r\n\r\n";

    #[tokio::test]
    async fn one_connection_serves_one_question_after_the_other() {
        let (listener, pool) = pool().await;
        let serve = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            for answer in [WHOLE, CHUNKED, WHOLE] {
                assert!(question(&mut stream).await.starts_with("POST /x HTTP/1.1\r\n"));
                stream.write_all(answer).await.unwrap();
            }
        });
        for _ in 0..3 {
            assert_eq!(ask(&pool).await.unwrap(), "ahoy");
        }
        serve.await.unwrap();
    }

    #[tokio::test]
    async fn a_connection_that_was_closed_meanwhile_is_not_used() {
        let (listener, pool) = pool().await;
        let serve = tokio::spawn(async move {
            for _ in 0..2 {
                let (mut stream, _) = listener.accept().await.unwrap();
                question(&mut stream).await;
                stream.write_all(WHOLE).await.unwrap();
            }
        });
        assert_eq!(ask(&pool).await.unwrap(), "ahoy");
        // The server closes as soon as it has answered.
        timeout(LONG, async {
            while pool.idle()[0].0.is_free() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        })
        .await
        .unwrap();
        assert_eq!(ask(&pool).await.unwrap(), "ahoy");
        serve.await.unwrap();
    }

    #[tokio::test]
    async fn a_server_may_answer_before_it_has_read_everything() {
        let (listener, pool) = pool().await;
        let serve = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.read_exact(&mut [0; 64]).await.unwrap();
            stream.write_all(b"HTTP/1.1 413 Too Large\r\ncontent-length: 4\r\n\r\nless").await.unwrap();
            stream
        });
        let question = Question::new(Method::POST, "/x", &HeaderMap::new(), vec![b'x'; 64 << 20].into());
        let (head, mut flow) = timeout(LONG, pool.send(question)).await.unwrap().unwrap();
        assert_eq!((head.status.as_u16(), flow.chunk().await.unwrap().unwrap()), (413, Bytes::from("less")));
        assert_eq!(flow.chunk().await.unwrap(), None);
        assert!(pool.idle().is_empty(), "the rest of the question is owed");
        drop(serve.await.unwrap());
    }

    #[tokio::test]
    async fn what_lasts_until_the_end_ends_with_its_connection_and_large_ones_come_whole() {
        for (head, size) in [("HTTP/1.1 200 OK\r\n\r\n", 3), ("HTTP/1.1 200 OK\r\n\r\n", 1 << 20)] {
            let (listener, pool) = pool().await;
            let serve = tokio::spawn(async move {
                let (mut stream, _) = listener.accept().await.unwrap();
                question(&mut stream).await;
                stream.write_all(head.as_bytes()).await.unwrap();
                stream.write_all(&vec![b'y'; size]).await.unwrap();
            });
            assert_eq!(ask(&pool).await.unwrap().len(), size);
            assert!(pool.idle().is_empty());
            serve.await.unwrap();
        }
    }

    #[tokio::test]
    async fn what_comes_after_an_answer_is_nobodys() {
        let (listener, pool) = pool().await;
        let serve = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            question(&mut stream).await;
            stream.write_all(&[WHOLE, WHOLE].concat()).await.unwrap();
            stream
        });
        assert_eq!(ask(&pool).await.unwrap(), "ahoy");
        let kept = pool.take();
        assert!(kept.is_none(), "an answer to nothing came before the next question");
        drop(serve.await.unwrap());
    }

    #[tokio::test]
    async fn an_answer_that_breaks_off_is_an_error_and_its_connection_is_not_kept() {
        for broken in [
            &WHOLE[..WHOLE.len() - 1],
            &CHUNKED[..CHUNKED.len() - 3],
            b"HTTP/1.1 200",
            b"",
            b"nonsense\r\n\r\n",
        ] {
            let (listener, pool) = pool().await;
            let serve = tokio::spawn(async move {
                let (mut stream, _) = listener.accept().await.unwrap();
                question(&mut stream).await;
                stream.write_all(broken).await.unwrap();
            });
            assert!(matches!(ask(&pool).await, Err(OutboundError::Failed(_))), "{broken:?}");
            assert!(pool.idle().is_empty());
            serve.await.unwrap();
        }
    }

    #[tokio::test]
    async fn an_answer_that_is_given_up_closes_its_connection() {
        let (listener, pool) = pool().await;
        let serve = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            question(&mut stream).await;
            stream.write_all(&CHUNKED[..CHUNKED.len() - 5]).await.unwrap();
            stream.read(&mut [0]).await.unwrap_or(0)
        });
        let (head, mut flow) = pool.send(hello()).await.unwrap();
        assert_eq!((head.status.as_u16(), flow.chunk().await.unwrap().unwrap()), (200, Bytes::from("ah")));
        drop(flow);
        assert_eq!(serve.await.unwrap(), 0, "closed");
    }

    #[tokio::test]
    async fn no_more_connections_are_kept_than_may_be() {
        let (listener, pool) = pool().await;
        let mut servers = Vec::new();
        for _ in 0..=IDLE_MAX {
            let line = pool.place.connect();
            let (line, accepted) = tokio::join!(line, listener.accept());
            servers.push(accepted.unwrap());
            pool.give(line.unwrap());
        }
        assert_eq!(pool.idle().len(), IDLE_MAX);
    }
}

//! Connections in plain HTTP/1.1 that are driven by those who wait for an answer, and kept open for the next.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request, response};
use http_body_util::Full;
use hyper::body::{Body as _, Incoming};
use hyper::client::conn::http1::{Connection, SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::OutboundError;

/// How many connections to one server are kept open for later.
const IDLE_MAX: usize = 64;
/// How long one is kept; most servers close theirs earlier.
const IDLE_FOR: Duration = Duration::from_secs(60);

type Question = Request<Full<Bytes>>;

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
    ask: SendRequest<Full<Bytes>>,
    connection: Connection<TokioIo<TcpStream>, Full<Bytes>>,
    /// A connection that has ended may not be driven again.
    ended: bool,
}

/// The body of an answer, and the connection it comes over.
pub(crate) struct Flow {
    body: Incoming,
    /// Given back once the body is complete.
    line: Option<Line>,
    pool: Arc<Pool>,
}

/// Why a connection gave no answer.
struct Unanswered {
    error: hyper::Error,
    /// The question, where nothing of it was sent.
    unsent: Option<Question>,
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
    ) -> Result<(response::Parts, Flow), OutboundError> {
        while let Some(line) = self.take().await {
            match self.ask(line, question).await {
                Err(Unanswered { unsent: Some(unsent), .. }) => question = unsent,
                answer => return answer.map_err(|unanswered| failed(unanswered.error)),
            }
        }
        let line = self.place.connect().await?;
        self.ask(line, question).await.map_err(|unanswered| failed(unanswered.error))
    }

    async fn ask(
        self: &Arc<Self>,
        mut line: Line,
        question: Question,
    ) -> Result<(response::Parts, Flow), Unanswered> {
        let (head, body) = line.answer(question).await?.into_parts();
        Ok((head, Flow { body, line: Some(line), pool: self.clone() }))
    }

    /// The connection that was used last, of those that are still open.
    async fn take(&self) -> Option<Line> {
        loop {
            let (mut line, since) = self.idle().pop()?;
            if since.elapsed() < IDLE_FOR && line.is_free().await {
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
        let (ask, connection) =
            handshake(TokioIo::new(stream)).await.map_err(|error| OutboundError::Connect(error.into()))?;
        Ok(Line { ask, connection, ended: false })
    }
}

impl Line {
    /// Lets the connection do what it can now.
    fn drive(&mut self, context: &mut Context<'_>) {
        if !self.ended {
            self.ended = Pin::new(&mut self.connection).poll(context).is_ready();
        }
    }

    /// Whether it can take a question.
    async fn is_free(&mut self) -> bool {
        poll_fn(|context| Poll::Ready(self.is_free_now(context))).await
    }

    fn is_free_now(&mut self, context: &mut Context<'_>) -> bool {
        self.drive(context);
        !self.ended && self.ask.is_ready()
    }

    async fn answer(&mut self, question: Question) -> Result<http::Response<Incoming>, Unanswered> {
        let mut answer = pin!(self.ask.try_send_request(question));
        poll_fn(|context| {
            if !self.ended {
                self.ended = Pin::new(&mut self.connection).poll(context).is_ready();
            }
            answer.as_mut().poll(context)
        })
        .await
        .map_err(|mut error| Unanswered { unsent: error.take_message(), error: error.into_error() })
    }
}

impl Flow {
    /// The next bytes of the body; `None` after the last.
    pub(crate) async fn chunk(&mut self) -> Result<Option<Bytes>, OutboundError> {
        poll_fn(|context| self.poll_chunk(context)).await
    }

    fn poll_chunk(&mut self, context: &mut Context<'_>) -> Poll<Result<Option<Bytes>, OutboundError>> {
        loop {
            // The body says first that it wants something; only then the connection reads.
            let mut frame = Pin::new(&mut self.body).poll_frame(context);
            if let (Poll::Pending, Some(line)) = (&frame, &mut self.line) {
                line.drive(context);
                frame = Pin::new(&mut self.body).poll_frame(context);
            }
            let Poll::Ready(frame) = frame else { return Poll::Pending };
            if self.body.is_end_stream() || frame.is_none() {
                self.give_back(context);
            }
            match frame {
                None => return Poll::Ready(Ok(None)),
                Some(Err(error)) => return Poll::Ready(Err(failed(error))),
                // What follows the last bytes are trailers, which nobody asked for.
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(bytes) => return Poll::Ready(Ok(Some(bytes))),
                    Err(_) => continue,
                },
            }
        }
    }

    fn give_back(&mut self, context: &mut Context<'_>) {
        if let Some(mut line) = self.line.take()
            && line.is_free_now(context)
        {
            self.pool.give(line);
        }
    }
}

fn failed(error: hyper::Error) -> OutboundError {
    OutboundError::Failed(error.into())
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

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
        let place = Place { host: "127.0.0.1".to_owned(), port, within: Duration::from_secs(5) };
        (listener, Arc::new(Pool::new(place)))
    }

    async fn ask(pool: &Arc<Pool>) -> Result<String, OutboundError> {
        let request = Request::post("/x").header("host", "here").body(Full::from("hello")).unwrap();
        let (_, mut flow) = pool.send(request).await?;
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
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert_eq!(ask(&pool).await.unwrap(), "ahoy");
        serve.await.unwrap();
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
        let request = Request::post("/x").header("host", "here").body(Full::from("hello")).unwrap();
        let (head, mut flow) = pool.send(request).await.unwrap();
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

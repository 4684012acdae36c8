//! A hub on a port of its own, and a client for it.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use drawbridge_contract::CancellationToken;
use drawbridge_contract::kit::Kit;
use drawbridge_web::{Front, Guard, HostNames, Listener, Web, routes};
use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;

use crate::door::{Door, KEY, Keys};
use crate::terminal::Terminal;
use crate::tools::{Done, Notes};

pub(crate) type Socket = WebSocketStream<TcpStream>;

/// A hub, until this is dropped.
pub(crate) struct House {
    pub(crate) address: SocketAddr,
    pub(crate) door: Arc<Door>,
    pub(crate) keys: Arc<Keys>,
    pub(crate) done: Arc<Done>,
    pub(crate) terminal: Arc<Terminal>,
    pub(crate) shutdown: CancellationToken,
}

impl Drop for House {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: http::HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    pub(crate) fn kind(&self) -> String {
        assert_eq!(self.headers["content-type"], "application/problem+json", "{}", self.text);
        let body = self.json();
        assert_eq!(body["status"], self.status.as_u16());
        body["type"].as_str().unwrap().trim_start_matches("urn:drawbridge:problem:").to_owned()
    }
}

impl House {
    pub(crate) async fn open() -> Self {
        let done = Arc::new(Done::default());
        let terminal = Arc::new(Terminal::default());
        let inner = Kit::of(Notes(done.clone(), terminal.clone())).handler();
        let door = Arc::new(Door { inner, refusal: Mutex::new(None), calls: Mutex::default() });
        let keys = Arc::new(Keys::new());
        let listener = Listener::bind(&[SocketAddr::from((Ipv4Addr::LOCALHOST, 0))]).await.unwrap();
        let address = listener.addresses()[0];
        let guard = Guard::new(keys.clone(), HostNames::new(&[], [address.port()]).unwrap());
        let shutdown = CancellationToken::new();
        let status = Arc::new(|| json!({ "health": "ok", "bridge": "lowered" }));
        let web = Web { handler: door.clone(), status, shutdown: shutdown.clone() };
        let pipes = drawbridge_web::stdio(shutdown.clone(), crate::stdio::echo);
        let handler = web.handler.clone();
        let front = Front::from(routes(guard.clone(), web, pipes));
        let front = front.with_post(guard.clone(), crate::front::SHORT, crate::front::answer);
        let front = front.with_exchanges(guard, &handler, &shutdown);
        tokio::spawn(listener.serve(front, shutdown.clone()));
        Self { address, door, keys, done, terminal, shutdown }
    }

    /// A request with our key, to be changed.
    pub(crate) fn request(&self, method: &str, path: &str) -> http::request::Builder {
        let request = Request::builder().method(method).uri(path).header("host", self.address.to_string());
        request.header("authorization", format!("Bearer {KEY}"))
    }

    /// Sends a request, and gives the answer as it comes.
    pub(crate) async fn send(&self, request: Request<Full<Bytes>>) -> http::Response<Incoming> {
        let stream = TcpStream::connect(self.address).await.unwrap();
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        sender.send_request(request).await.unwrap()
    }

    pub(crate) async fn ask(&self, request: http::request::Builder, body: &str) -> Answer {
        let request = request.body(Full::from(Bytes::copy_from_slice(body.as_bytes()))).unwrap();
        let (parts, body) = self.send(request).await.into_parts();
        let text = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
        Answer { status: parts.status, headers: parts.headers, text }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.ask(self.request("GET", path), "").await
    }

    pub(crate) async fn post(&self, path: &str, body: &str) -> Answer {
        self.ask(self.request("POST", path).header("content-type", "application/json"), body).await
    }

    /// Opens a WebSocket with our key, after `change` had its way with the request.
    pub(crate) async fn open_socket(
        &self,
        path: &str,
        change: impl FnOnce(&mut Request<()>),
    ) -> Result<Socket, Box<http::Response<Option<Vec<u8>>>>> {
        let mut request = format!("ws://{}{path}", self.address).into_client_request().unwrap();
        request.headers_mut().insert("authorization", format!("Bearer {KEY}").parse().unwrap());
        change(&mut request);
        let stream = TcpStream::connect(self.address).await.unwrap();
        match tokio_tungstenite::client_async(request, stream).await {
            Ok((socket, _)) => Ok(socket),
            Err(tokio_tungstenite::tungstenite::Error::Http(answer)) => Err(answer),
            Err(other) => panic!("{other}"),
        }
    }

    pub(crate) async fn socket(&self, path: &str) -> Socket {
        self.open_socket(path, |_| {}).await.unwrap()
    }
}

/// Waits for something that comes to pass in another task.
pub(crate) async fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    for _ in 0..6_000 {
        if is_so() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("{what}: not within a minute");
}

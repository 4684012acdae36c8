//! A receiver of webhooks on this machine, as good or bad as a test wants it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What it got: headers in lower case, and the body as it came.
#[derive(Debug, Clone)]
pub(crate) struct Got {
    pub(crate) path: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) text: String,
}

impl Got {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(of, _)| of == name).map_or("", |(_, value)| value)
    }

    pub(crate) fn body(&self) -> Value {
        serde_json::from_str(&self.text).unwrap()
    }

    pub(crate) fn event(&self) -> String {
        self.body()["event"].as_str().unwrap().to_owned()
    }

    pub(crate) fn job(&self) -> String {
        self.body()["taskId"].as_str().unwrap().to_owned()
    }
}

/// What it answers, from the number of the request (from 0) and what came.
type Mood = Box<dyn Fn(usize, &Got) -> Answer + Send + Sync>;

#[derive(Debug, Clone)]
pub(crate) enum Answer {
    Status(u16),
    With(&'static str),
    /// After so many milliseconds.
    Slowly(u64),
    /// Never.
    Hang,
}

pub(crate) struct Receiver {
    pub(crate) port: u16,
    got: Arc<Mutex<Vec<Got>>>,
}

impl Receiver {
    pub(crate) async fn start(mood: impl Fn(usize, &Got) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self::on(listener, mood)
    }

    pub(crate) fn on(
        listener: TcpListener,
        mood: impl Fn(usize, &Got) -> Answer + Send + Sync + 'static,
    ) -> Self {
        let port = listener.local_addr().unwrap().port();
        let got = Arc::<Mutex<Vec<Got>>>::default();
        let (shared, mood): (_, Arc<Mood>) = (Arc::clone(&got), Arc::new(Box::new(mood)));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&shared), Arc::clone(&mood)));
            }
        });
        Self { port, got }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}/{path}", self.port)
    }

    pub(crate) fn got(&self) -> Vec<Got> {
        self.got.lock().unwrap().clone()
    }

    /// Waits until `enough` of what came, for at most half a minute.
    pub(crate) async fn until(&self, enough: impl Fn(&[Got]) -> bool) -> Vec<Got> {
        for _ in 0..3_000 {
            let got = self.got();
            if enough(&got) {
                return got;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("not enough came: {:#?}", self.got());
    }
}

/// One request for each connection.
async fn serve(mut stream: TcpStream, got: Arc<Mutex<Vec<Got>>>, mood: Arc<Mood>) {
    let Some(request) = read(&mut stream).await else { return };
    let number = {
        let mut got = got.lock().unwrap();
        got.push(request.clone());
        got.len() - 1
    };
    let text = match mood(number, &request) {
        Answer::Status(status) => {
            format!("HTTP/1.1 {status} X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        }
        Answer::With(text) => text.to_owned(),
        Answer::Slowly(ms) => {
            tokio::time::sleep(Duration::from_millis(ms)).await;
            "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".to_owned()
        }
        Answer::Hang => {
            tokio::time::sleep(Duration::from_secs(60)).await;
            return;
        }
    };
    let _ = stream.write_all(text.as_bytes()).await;
}

async fn read(stream: &mut TcpStream) -> Option<Got> {
    let mut bytes = Vec::new();
    let head = loop {
        let mut chunk = [0; 4096];
        let count = stream.read(&mut chunk).await.ok().filter(|count| *count > 0)?;
        bytes.extend_from_slice(&chunk[..count]);
        if let Some(at) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break at;
        }
    };
    let text = String::from_utf8(bytes[..head].to_vec()).ok()?;
    let mut lines = text.lines();
    let path = lines.next()?.split(' ').nth(1)?.to_owned();
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
        .collect();
    let length = headers.iter().find(|(name, _)| name == "content-length")?.1.parse::<usize>().ok()?;
    let mut body = bytes[head + 4..].to_vec();
    let missing = length.checked_sub(body.len())?;
    let mut rest = vec![0; missing];
    stream.read_exact(&mut rest).await.ok()?;
    body.extend(rest);
    Some(Got { path, headers, text: String::from_utf8(body).ok()? })
}

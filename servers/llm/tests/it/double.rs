//! A provider that does what a test says: it answers byte by byte, hangs, lies and breaks off.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What it was asked.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) line: String,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Asked {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }
}

/// What it does.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    /// Writes these bytes, as one chunk of the body.
    Chunk(Vec<u8>),
    /// Waits.
    Wait(Duration),
    /// Says nothing any more, and keeps the connection.
    Hang,
    /// Closes the connection in the middle of the body.
    Break,
}

/// An answer.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: String,
    pub(crate) steps: Vec<Step>,
}

impl Reply {
    pub(crate) fn json(body: &Value) -> Self {
        Self::typed("application/json", vec![Step::Chunk(body.to_string().into_bytes())])
    }

    /// Events as they are written; each step one chunk.
    pub(crate) fn events(steps: Vec<Step>) -> Self {
        Self::typed("text/event-stream", steps)
    }

    pub(crate) fn typed(media_type: &str, steps: Vec<Step>) -> Self {
        Self { status: 200, headers: format!("content-type: {media_type}\r\n"), steps }
    }

    pub(crate) fn error(status: u16, headers: &str, body: &str) -> Self {
        let steps = vec![Step::Chunk(body.as_bytes().to_vec())];
        Self { status, headers: format!("content-type: application/json\r\n{headers}"), steps }
    }
}

/// A chunk of chat completions that says something.
pub(crate) fn says(text: &str) -> Step {
    event(
        &serde_json::json!({"id": "c1", "model": "real", "choices": [{"index": 0, "delta": {"content": text}}]}),
    )
}

/// The end of an answer, its usage, and the mark of the end.
pub(crate) fn ends(prompt: u64, completion: u64) -> Vec<Step> {
    let stop = serde_json::json!({"id": "c1", "model": "real", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]});
    let usage = serde_json::json!({"id": "c1", "model": "real", "choices": [], "usage": {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}});
    vec![event(&stop), event(&usage), Step::Chunk(b"data: [DONE]\n\n".to_vec())]
}

pub(crate) fn event(value: &Value) -> Step {
    Step::Chunk(format!("data: {value}\n\n").into_bytes())
}

/// An answer of these words, then its end.
pub(crate) fn answer(words: &[&str], prompt: u64, completion: u64) -> Reply {
    Reply::events(words.iter().map(|word| says(word)).chain(ends(prompt, completion)).collect())
}

type Script = dyn Fn(&Asked) -> Reply + Send + Sync;

/// The double, until dropped.
pub(crate) struct Double {
    pub(crate) address: SocketAddr,
    pub(crate) asked: Arc<Mutex<Vec<Asked>>>,
    /// How many connections were closed by the other side while an answer was on its way.
    pub(crate) left: Arc<Mutex<usize>>,
    task: JoinHandle<()>,
}

impl Drop for Double {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Double {
    pub(crate) async fn start(script: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (asked, left) = (Arc::<Mutex<Vec<Asked>>>::default(), Arc::<Mutex<usize>>::default());
        let script: Arc<Script> = Arc::new(script);
        let (of_task, left_of_task) = (asked.clone(), left.clone());
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (script, asked, left) = (script.clone(), of_task.clone(), left_of_task.clone());
                tokio::spawn(async move {
                    if serve(stream, &*script, &asked).await.is_err() {
                        *left.lock().unwrap() += 1;
                    }
                });
            }
        });
        Self { address, asked, left, task }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// How often a path was asked.
    pub(crate) fn count(&self, path: &str) -> usize {
        self.asked.lock().unwrap().iter().filter(|asked| asked.line.contains(path)).count()
    }

    pub(crate) fn last(&self) -> Asked {
        self.asked.lock().unwrap().last().cloned().unwrap()
    }

    /// Waits until a path was asked.
    pub(crate) async fn somebody_asked(&self, path: &str) {
        for _ in 0..6_000 {
            if self.count(path) > 0 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("nobody asked {path}");
    }

    /// Waits until somebody has left.
    pub(crate) async fn somebody_left(&self) {
        for _ in 0..6_000 {
            if *self.left.lock().unwrap() > 0 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("nobody left");
    }
}

async fn serve(mut stream: TcpStream, script: &Script, asked: &Mutex<Vec<Asked>>) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    while let Some(request) = read(&mut stream).await? {
        asked.lock().unwrap().push(request.clone());
        let reply = script(&request);
        let head =
            format!("HTTP/1.1 {} X\r\n{}transfer-encoding: chunked\r\n\r\n", reply.status, reply.headers);
        stream.write_all(head.as_bytes()).await?;
        for step in reply.steps {
            match step {
                Step::Chunk(bytes) => {
                    let mut chunk = format!("{:x}\r\n", bytes.len()).into_bytes();
                    chunk.extend_from_slice(&bytes);
                    chunk.extend_from_slice(b"\r\n");
                    stream.write_all(&chunk).await?;
                }
                Step::Wait(time) => tokio::time::sleep(time).await,
                Step::Hang => {
                    // Until the other side goes away.
                    let _ = stream.read(&mut [0; 1]).await;
                    return Err(std::io::ErrorKind::ConnectionAborted.into());
                }
                Step::Break => return Ok(()),
            }
        }
        stream.write_all(b"0\r\n\r\n").await?;
    }
    Ok(())
}

async fn read(stream: &mut TcpStream) -> std::io::Result<Option<Asked>> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break at;
        }
        let mut part = [0; 4096];
        match stream.read(&mut part).await? {
            0 => return Ok(None),
            count => bytes.extend_from_slice(&part[..count]),
        }
    };
    let head = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
    let length =
        head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok()).unwrap_or(0);
    let mut body = bytes.split_off(end + 4);
    while body.len() < length {
        let mut part = [0; 4096];
        match stream.read(&mut part).await? {
            0 => return Ok(None),
            count => body.extend_from_slice(&part[..count]),
        }
    }
    let line = head.lines().next().unwrap_or_default().to_owned();
    Ok(Some(Asked { line, head, body: String::from_utf8_lossy(&body).into_owned() }))
}

//! A model that answers slowly, word by word, in the form of chat completions, and keeps what it was asked.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};

/// How long it thinks about each word.
const THINKS: Duration = Duration::from_millis(40);

pub(super) struct Model {
    address: String,
    asked: Arc<Mutex<Vec<Value>>>,
}

impl Model {
    /// Starts it; it ends with the test's process.
    pub(super) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::<Mutex<Vec<Value>>>::default();
        let heard = asked.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let heard = heard.clone();
                // One that asks no more has been stopped by its person.
                std::thread::spawn(move || drop(serve(stream, &heard)));
            }
        });
        Self { address, asked }
    }

    pub(super) fn config(&self) -> String {
        let Self { address, .. } = self;
        format!(
            "[llm]\ndiscover = false\ndefault_model = 'model/tiny'\n[llm.provider.model]\nkind = 'compatible'\naddress = '{address}'\n"
        )
    }

    /// The messages of each question so far: roles and texts.
    pub(super) fn asked(&self) -> Vec<Vec<String>> {
        let message = |one: &Value| format!("{}: {}", one["role"], one["content"]).replace('"', "");
        let messages = |asked: &Value| asked["messages"].as_array().unwrap().iter().map(message).collect();
        self.asked.lock().unwrap().iter().map(messages).collect()
    }
}

fn serve(stream: TcpStream, heard: &Mutex<Vec<Value>>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let (mut first, mut line, mut length) = (String::new(), String::new(), 0);
    reader.read_line(&mut first)?;
    while reader.read_line(&mut line)? > 2 {
        if let Some(value) = line.to_lowercase().strip_prefix("content-length: ") {
            length = value.trim().parse().unwrap();
        }
        line.clear();
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    if !first.contains("/chat/completions") {
        let models = json!({"data": [{"id": "tiny", "object": "model"}]}).to_string();
        return write!(
            &stream,
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{models}",
            models.len()
        );
    }
    let asked: Value = serde_json::from_slice(&body).unwrap();
    let text = asked["messages"].as_array().unwrap().last().unwrap()["content"].to_string();
    heard.lock().unwrap().push(asked);
    answer(stream, if text.contains("forever") { usize::MAX } else { 3 })
}

/// Says so many words: `word1 word2 …`.
fn answer(mut stream: TcpStream, words: usize) -> std::io::Result<()> {
    write!(stream, "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n")?;
    let chunk = |delta: Value, finish: Value| json!({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "tiny", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]});
    for number in 1..=words {
        std::thread::sleep(THINKS);
        let word = if number == words { format!("word{number}") } else { format!("word{number} ") };
        write!(stream, "data: {}\n\n", chunk(json!({ "content": word }), Value::Null))?;
    }
    let end = chunk(json!({}), json!("stop"));
    write!(stream, "data: {end}\n\ndata: [DONE]\n\n")
}

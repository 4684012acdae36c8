//! Questions to a language model in OpenAI's chat completions, and the answers of the double that stands behind everybody.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::http::Connection;
use crate::wire::excerpt;

/// What the double says, as a part of JSON: every answer must hold it.
pub const WORD: &[u8] = b"quay ";

/// One word of a stream. Each has its number: LiteLLM ends a stream that says a hundred times the same.
pub fn word_event(index: u32) -> String {
    format!(
        r#"data: {{"id":"c","object":"chat.completion.chunk","created":1,"model":"tiny","choices":[{{"index":0,"delta":{{"role":"assistant","content":"quay {index} "}},"finish_reason":null}}]}}"#
    ) + "\n\n"
}

/// A whole answer.
pub const WHOLE_ANSWER: &str = r#"{"id":"c","object":"chat.completion","created":1,"model":"tiny","choices":[{"index":0,"message":{"role":"assistant","content":"quay "},"finish_reason":"stop"}],"usage":{"prompt_tokens":9,"completion_tokens":1,"total_tokens":10}}"#;

/// A stream that is longer than this is not the double's.
const STREAM_BYTES_MAX: usize = 1 << 20;

/// Who is asked, and with which key.
#[derive(Clone)]
pub struct Endpoint {
    /// Where it listens.
    pub address: SocketAddr,
    /// What it wants as a bearer token.
    pub key: String,
    /// What it calls the double's model.
    pub model: &'static str,
}

impl Endpoint {
    /// A question as it goes over the wire; `words` of a stream, or a whole answer.
    pub fn question(&self, words: Option<usize>) -> Vec<u8> {
        let Self { address, key, model } = self;
        let messages = json!([{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Where do ships lie?"}]);
        let mut body = json!({"model": model, "messages": messages, "temperature": 0.5, "max_tokens": words.unwrap_or(1)});
        if words.is_some() {
            body["stream"] = json!(true);
        }
        let body = body.to_string();
        let length = body.len();
        format!(
            "POST /v1/chat/completions HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {key}\r\n\
             Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        )
        .into_bytes()
    }

    /// Asks again and again over one connection until `deadline`; the time of each answer.
    ///
    /// # Errors
    ///
    /// When an answer is wrong or the connection ends.
    pub async fn repeat(&self, deadline: Instant) -> anyhow::Result<Vec<Duration>> {
        let mut connection = Connection::open(self.address).await?;
        let question = self.question(None);
        let mut latencies = Vec::new();
        while Instant::now() < deadline {
            let start = Instant::now();
            let answer = connection.exchange(&question).await?;
            latencies.push(start.elapsed());
            let holds = answer.body.windows(WORD.len()).any(|part| part == WORD);
            ensure!(
                answer.status == 200 && holds,
                "a wrong answer: {} {}",
                answer.status,
                excerpt(answer.body)
            );
        }
        Ok(latencies)
    }

    /// Asks for one stream of `words` over a connection of its own.
    ///
    /// # Errors
    ///
    /// When it ends early or has another number of words.
    pub async fn stream(&self, words: usize) -> anyhow::Result<Streamed> {
        let mut stream = TcpStream::connect(self.address).await?;
        stream.set_nodelay(true)?;
        let start = Instant::now();
        stream.write_all(&self.question(Some(words))).await?;
        let (mut bytes, mut first) = (Vec::with_capacity(64 << 10), None);
        // The mark of the last chunk is the end; a word may lie across two reads.
        while !bytes.ends_with(b"0\r\n\r\n") {
            let from = bytes.len().saturating_sub(WORD.len());
            let count = stream.read_buf(&mut bytes).await.context("cannot read the stream")?;
            ensure!(count > 0 && bytes.len() < STREAM_BYTES_MAX, "the stream broke off: {}", excerpt(&bytes));
            if first.is_none() && count_words(&bytes[from..]) > 0 {
                first = Some(start.elapsed());
            }
        }
        let total = start.elapsed();
        let said = count_words(&bytes);
        ensure!(said == words, "{said} words of {words} came: {}", excerpt(&bytes));
        Ok(Streamed { first: first.unwrap_or(total), total })
    }
}

/// When a stream said its first word and when it ended, from the question on.
#[derive(Clone, Copy)]
pub struct Streamed {
    /// Its first word.
    pub first: Duration,
    /// Its end.
    pub total: Duration,
}

fn count_words(bytes: &[u8]) -> usize {
    bytes.windows(WORD.len()).filter(|part| *part == WORD).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_doubles_answers_hold_the_word_once() {
        assert_eq!((count_words(word_event(7).as_bytes()), count_words(WHOLE_ANSWER.as_bytes())), (1, 1));
        assert_eq!(count_words(b"{}"), 0);
    }

    #[test]
    fn a_question_asks_for_what_is_wanted() {
        let address = SocketAddr::from(([127, 0, 0, 1], 9));
        let endpoint = Endpoint { address, key: "k".into(), model: "m" };
        let [whole, stream] =
            [None, Some(200)].map(|words| String::from_utf8(endpoint.question(words)).unwrap());
        assert!(stream.contains(r#""stream":true"#) && stream.contains(r#""max_tokens":200"#));
        assert!(!whole.contains("stream") && whole.contains("Bearer k"));
    }
}

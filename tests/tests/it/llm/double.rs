//! A provider that speaks chat completions and says what it is asked for: `hello`, `weather` (a tool call), or `broken`
//! (a stream that ends in its middle). It has no model `none`.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};

use serde_json::{Value, json};

/// What it said it used, for every question.
const USAGE: [(&str, u64); 3] = [("prompt_tokens", 10), ("completion_tokens", 5), ("total_tokens", 15)];

/// Starts it; gives its address. It ends with the test's process.
pub(crate) fn start() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || serve(stream));
        }
    });
    address
}

/// Answers one question on each connection.
fn serve(mut stream: TcpStream) -> std::io::Result<()> {
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
    let (media, answer) = answer(&first, &serde_json::from_slice(&body).unwrap_or_default());
    let status = if answer == NO_MODEL { "404 Not Found" } else { "200 OK" };
    let head = format!("HTTP/1.1 {status}\r\ncontent-type: {media}\r\nconnection: close\r\n");
    let broken = answer.contains(BREAKS);
    // A length that is never reached: the connection ends before the answer does.
    let length = answer.len() + usize::from(broken);
    stream.write_all(format!("{head}content-length: {length}\r\n\r\n{answer}").as_bytes())
}

/// Its answer about a model that it has not.
const NO_MODEL: &str = r#"{"error":{"message":"There is no model none.","type":"invalid_request_error","code":"model_not_found"}}"#;

/// What it says when it breaks off.
const BREAKS: &str = "and then";

fn answer(line: &str, asked: &Value) -> (&'static str, String) {
    if line.contains("/models") {
        return ("application/json", json!({"data": [{"id": "tiny", "object": "model"}]}).to_string());
    }
    if line.contains("/embeddings") {
        return ("application/json", vectors(asked).to_string());
    }
    if asked["model"] == "none" {
        return ("application/json", NO_MODEL.to_owned());
    }
    let said = said(asked);
    if asked["stream"] == true {
        return ("text/event-stream", events(&said));
    }
    let finish = if said["tool_calls"].is_null() { "stop" } else { "tool_calls" };
    let choice = json!({"index": 0, "message": said, "finish_reason": finish});
    let whole = json!({"id": "c1", "object": "chat.completion", "created": 1, "model": "tiny", "choices": [choice], "usage": usage()});
    ("application/json", whole.to_string())
}

fn usage() -> Value {
    USAGE
        .iter()
        .map(|(name, count)| ((*name).to_owned(), json!(count)))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

fn vectors(asked: &Value) -> Value {
    let count = asked["input"].as_array().map_or(1, Vec::len);
    let one = |index| json!({"object": "embedding", "index": index, "embedding": [0.5, -1.0, 0.25]});
    let data: Vec<Value> = (0..count).map(one).collect();
    json!({"object": "list", "model": "tiny", "data": data, "usage": {"prompt_tokens": 10, "total_tokens": 10}})
}

/// The whole message that fits the last thing it was told.
fn said(asked: &Value) -> Value {
    let last = asked["messages"].as_array().and_then(|messages| messages.last()).cloned().unwrap_or_default();
    let text = match &last["content"] {
        Value::Array(parts) => parts[0]["text"].as_str().unwrap_or_default(),
        other => other.as_str().unwrap_or_default(),
    };
    if last["role"] == "tool" {
        return json!({"role": "assistant", "content": format!("It says: {text}")});
    }
    match text {
        "weather" => {
            let function = json!({"name": "weather", "arguments": "{\"city\": \"Oslo\"}"});
            let call = json!({"id": "call_1", "type": "function", "function": function});
            json!({"role": "assistant", "content": null, "tool_calls": [call]})
        }
        "broken" => json!({"role": "assistant", "content": format!("Well, {BREAKS}")}),
        _ => json!({"role": "assistant", "content": "Hello, wörld."}),
    }
}

/// A message as a stream of events: its text in words, or its calls; then its end and its usage.
fn events(said: &Value) -> String {
    let mut deltas = vec![json!({"role": "assistant", "content": ""})];
    if let Some(text) = said["content"].as_str() {
        deltas.extend(text.split_inclusive(' ').map(|word| json!({ "content": word })));
    }
    for call in said["tool_calls"].as_array().into_iter().flatten() {
        let mut call = call.clone();
        call["index"] = json!(0);
        deltas.push(json!({ "tool_calls": [call] }));
    }
    let mut choices: Vec<Value> = deltas
        .into_iter()
        .map(|delta| json!([{"index": 0, "delta": delta, "finish_reason": null}]))
        .collect();
    if !said["content"].as_str().is_some_and(|text| text.contains(BREAKS)) {
        let finish = if said["tool_calls"].is_null() { "stop" } else { "tool_calls" };
        choices.push(json!([{"index": 0, "delta": {}, "finish_reason": finish}]));
        choices.push(json!([]));
    }
    let event = |choices: &Value| {
        let mut event = json!({"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "tiny", "choices": choices});
        if choices == &json!([]) {
            event["usage"] = usage();
        }
        format!("data: {event}\n\n")
    };
    let whole = choices.last() == Some(&json!([]));
    let text: String = choices.iter().map(event).collect();
    if whole { text + "data: [DONE]\n\n" } else { text }
}

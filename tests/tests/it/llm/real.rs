//! llama.cpp's own server with a tiny model of random weights, made by this test.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use super::{python, script};
use crate::program::{Bridge, Home, Request, Response, wait_for};

/// llama.cpp's server; ends when dropped.
struct Llama {
    child: Child,
    address: String,
    _folder: tempfile::TempDir,
}

impl Llama {
    fn start(options: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new(python());
        command.arg(script("llm-python/llama_server.py")).arg(folder.path()).args(options);
        // It writes no compiled files into the checkout.
        command.env("PYTHONDONTWRITEBYTECODE", "1").stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.stderr(Stdio::null()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let address = lines.filter_map(|line| Some(line.strip_prefix("listening on ")?.to_owned())).next();
        let address = address.expect("llama.cpp's server starts: see tests/llm-python/llama_server.py");
        Self { child, address, _folder: folder }
    }

    fn config(&self) -> String {
        let address = &self.address;
        format!("[llm]\ndiscover = false\n[llm.provider.real]\nkind = 'llama-cpp'\naddress = '{address}'\n")
    }

    /// Whether it is writing an answer.
    fn is_busy(&self) -> bool {
        let address = self.address.trim_start_matches("http://").parse().unwrap();
        let slots = crate::program::Connection::open(address).ask(&Request::new("GET", "/slots")).json();
        slots.as_array().unwrap().iter().any(|slot| slot["is_processing"] == true)
    }
}

impl Drop for Llama {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn request(bridge: &Bridge, path: &str, body: &Value) -> Request {
    let request = Request::new("POST", path).and("Authorization", format!("Bearer {}", bridge.key));
    request.and("Content-Type", "application/json").body(body.to_string())
}

fn ask(bridge: &Bridge, path: &str, body: &Value) -> Response {
    bridge.hub.connect().ask(&request(bridge, path, body))
}

fn events(response: &Response) -> Vec<Value> {
    let text = response.text();
    let data = text.lines().filter_map(|line| line.strip_prefix("data: "));
    data.filter(|data| *data != "[DONE]").map(|data| serde_json::from_str(data).unwrap()).collect()
}

#[test]
fn a_real_server_streams_and_is_counted() {
    let llama = Llama::start(&[]);
    let mut bridge = Bridge::configured(&llama.config());
    let hello = json!([{"role": "user", "content": "Hello"}]);
    let body = json!({"model": "real/tiny", "messages": hello, "max_tokens": 20, "stream": true, "stream_options": {"include_usage": true}});
    let answer = ask(&bridge, "/v1/chat/completions", &body);
    let events = events(&answer);
    let words = events.iter().filter(|event| event["choices"][0]["delta"]["content"].is_string()).count();
    let usage = &events.last().unwrap()["usage"];
    assert!(words >= 15, "{}", answer.text());
    assert_eq!(usage["completion_tokens"], 20, "{}", answer.text());

    let told =
        bridge.owner.tool("llm_chat", json!({"model": "real/tiny", "prompt": "Hello", "max_tokens": 7}));
    let data = &told["result"]["structuredContent"];
    assert_eq!(
        (&data["usage"]["completion_tokens"], &data["stats"]["stop_reason"]),
        (&json!(7), &json!("length")),
        "{told}"
    );
    let said = bridge.home.run(&["llm", "chat", "-m", "real/tiny", "--max-tokens", "5", "Hello"]).good();
    assert!(!said.trim().is_empty());
    let models = bridge.home.run(&["llm", "models"]).good();
    assert!(models.contains("real/tiny"), "{models}");
    let used: Value = serde_json::from_str(&bridge.home.run(&["--json", "llm", "usage"]).good()).unwrap();
    let tokens: u64 =
        used.as_array().unwrap().iter().filter_map(|row| row["completion_tokens"].as_u64()).sum();
    assert_eq!(tokens, 20 + 7 + 5, "{used}");
}

#[test]
fn who_goes_away_stops_a_real_server() {
    let llama = Llama::start(&[]);
    let bridge = Bridge::configured(&llama.config());
    let long = json!({"model": "real/tiny", "messages": [{"role": "user", "content": "Hello"}], "max_tokens": 60000, "stream": true});
    let mut connection = bridge.hub.connect();
    connection.send(&request(&bridge, "/v1/chat/completions", &long));
    assert_eq!(connection.read_head().unwrap().status, 200);
    assert!(connection.chunk().is_some());
    assert!(llama.is_busy());
    drop(connection);
    wait_for("the end of an answer nobody reads", || (!llama.is_busy()).then_some(()));
    let used = wait_for("what was used until then", || {
        let used: Value = serde_json::from_str(&bridge.home.run(&["--json", "llm", "usage"]).good()).unwrap();
        used[0]["completion_tokens"].as_u64().filter(|tokens| *tokens > 0)
    });
    assert!(used < 60000, "{used} tokens: it went on to its end");
}

#[test]
fn a_real_server_calls_tools_and_keeps_to_a_schema() {
    let llama = Llama::start(&[]);
    let bridge = Bridge::configured(&llama.config());
    let side = json!({"type": "object", "properties": {"side": {"type": "string", "enum": ["port", "starboard"]}}, "required": ["side"], "additionalProperties": false});
    let asked = json!([{"role": "user", "content": "Which side?"}]);
    // In OpenAI's words, passed on as they are.
    let format =
        json!({"type": "json_schema", "json_schema": {"name": "side", "schema": side, "strict": true}});
    let body =
        json!({"model": "real/tiny", "messages": asked, "max_tokens": 1000, "response_format": format});
    let answer = ask(&bridge, "/v1/chat/completions", &body).json();
    let chosen: Value =
        serde_json::from_str(answer["choices"][0]["message"]["content"].as_str().unwrap()).unwrap();
    assert!(["port", "starboard"].map(Value::from).contains(&chosen["side"]), "{answer}");
    // In Anthropic's words, translated there and back.
    let tools = json!([{"name": "choose", "description": "Chooses.", "input_schema": side}]);
    let body = json!({"model": "real/tiny", "messages": asked, "max_tokens": 20000, "tools": tools, "tool_choice": {"type": "any"}});
    let answer = ask(&bridge, "/v1/messages", &body).json();
    let blocks = answer["content"].as_array().unwrap_or_else(|| panic!("{answer}"));
    let call = blocks.iter().find(|block| block["type"] == "tool_use").unwrap_or_else(|| panic!("{answer}"));
    assert_eq!(call["name"], "choose");
    assert!(["port", "starboard"].map(Value::from).contains(&call["input"]["side"]), "{answer}");
    assert_eq!(answer["stop_reason"], "tool_use");
}

#[test]
fn a_real_server_makes_vectors() {
    let llama = Llama::start(&["embedding"]);
    let bridge = Bridge::configured(&llama.config());
    let answer =
        ask(&bridge, "/v1/embeddings", &json!({"model": "real/tiny", "input": ["boat", "sail"]})).json();
    let vectors = answer["data"].as_array().unwrap_or_else(|| panic!("{answer}"));
    let lengths: Vec<usize> = vectors.iter().map(|one| one["embedding"].as_array().unwrap().len()).collect();
    assert_eq!(lengths, [64, 64]);
    assert_ne!(vectors[0]["embedding"], vectors[1]["embedding"]);
    assert!(answer["usage"]["prompt_tokens"].as_u64().unwrap() > 0, "{answer}");
    let tokens =
        ask(&bridge, "/v1/embeddings", &json!({"model": "real/tiny", "input": [[5, 6, 7], [8]]})).json();
    let lengths = |answer: &Value| {
        let vectors = answer["data"].as_array().unwrap_or_else(|| panic!("{answer}"));
        vectors.iter().map(|one| one["embedding"].as_array().unwrap().len()).collect::<Vec<_>>()
    };
    assert_eq!((lengths(&tokens), &tokens["usage"]["prompt_tokens"]), (vec![64, 64], &json!(4)), "{tokens}");
    let one = ask(&bridge, "/v1/embeddings", &json!({"model": "real/tiny", "input": [5, 6, 7]})).json();
    assert_eq!(
        (lengths(&one), &one["usage"]["prompt_tokens"]),
        (vec![64], &json!(3)),
        "a flat list is one: {one}"
    );
}

/// The port where llama.cpp's server usually is, and where it is looked for.
const USUAL_PORT: &str = "8080";

#[test]
fn a_real_server_is_found_and_asked_by_nobodys_configuration() {
    let _llama = Llama::start(&["port", USUAL_PORT]);
    let home = Home::new();
    let found = home.run(&["llm", "discover"]).good();
    assert!(found.contains("llama-cpp") && found.contains(USUAL_PORT), "{found}");
    let said = home.run(&["llm", "chat", "--max-tokens", "8", "Hello"]).good();
    assert!(said.split_whitespace().count() >= 2, "{said}");
}

//! Language models through the program: a person asks one, a program streams from one, and an agent works on real files.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::program::{Bridge, Home, Request, Response};

/// A server of a model that says what a test wants, given the question.
struct Model {
    address: String,
    asked: Arc<Mutex<Vec<Value>>>,
}

impl Model {
    fn start(answers: impl Fn(&Value) -> Vec<Value> + Send + Clone + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::<Mutex<Vec<Value>>>::default();
        let heard = asked.clone();
        // Ends with the test's process.
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (answers, heard) = (answers.clone(), heard.clone());
                std::thread::spawn(move || serve(stream, &answers, &heard));
            }
        });
        Self { address, asked }
    }

    fn config(&self) -> String {
        let Self { address, .. } = self;
        format!(
            "[llm]\ndiscover = false\ndefault_model = 'model/tiny'\n[llm.provider.model]\nkind = 'compatible'\n\
             address = '{address}'\nkey = 'secret:model'\n[[llm.quota]]\ncallers = ['key:*']\ntokens_per_day = 110\n"
        )
    }
}

/// Answers one question on each connection, in events.
fn serve(stream: TcpStream, answers: &impl Fn(&Value) -> Vec<Value>, heard: &Mutex<Vec<Value>>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let (mut length, mut key, mut line) = (0, false, String::new());
    while reader.read_line(&mut line).unwrap_or(0) > 2 {
        let lower = line.to_lowercase();
        if let Some(value) = lower.strip_prefix("content-length: ") {
            length = value.trim().parse().unwrap();
        }
        key |= lower.contains("bearer the-models-key");
        line.clear();
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let asked: Value = serde_json::from_slice(&body).unwrap_or_default();
    let events: String = match key {
        true => answers(&asked).iter().map(|event| format!("data: {event}\n\n")).collect(),
        false => "data: {\"error\": {\"message\": \"no key\"}}\n\n".to_owned(),
    };
    heard.lock().unwrap().push(asked);
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";
    let mut stream = stream;
    let _ = stream.write_all(format!("{head}{events}data: [DONE]\n\n").as_bytes());
}

fn says(words: &[&str], tokens: u64) -> Vec<Value> {
    let mut events: Vec<Value> =
        words.iter().map(|word| json!({"choices": [{"index": 0, "delta": {"content": word}}]})).collect();
    events.push(json!({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}));
    events.push(json!({"choices": [], "usage": {"prompt_tokens": 10, "completion_tokens": tokens}}));
    events
}

fn wants(tool: &str, arguments: &Value) -> Vec<Value> {
    let call = json!({"index": 0, "id": "call_1", "type": "function", "function": {"name": tool, "arguments": arguments.to_string()}});
    vec![
        json!({"choices": [{"index": 0, "delta": {"tool_calls": [call]}}]}),
        json!({"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]}),
    ]
}

fn home_with(model: &Model) -> Home {
    let home = Home::new();
    home.configure(&model.config());
    let mut set = home.command(&["secrets", "set", "model"]);
    set.stdin(std::process::Stdio::piped());
    let mut child = set.stdout(std::process::Stdio::null()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"the-models-key\n").unwrap();
    assert!(child.wait().unwrap().success());
    home
}

fn completion(bridge: &Bridge, key: &str, max_tokens: u64) -> Response {
    let body = json!({"model": "model/tiny", "stream": true, "max_tokens": max_tokens, "messages": [{"role": "user", "content": "Hi"}]});
    let request = Request::new("POST", "/v1/chat/completions").with("Authorization", format!("Bearer {key}"));
    let request = request.with("Content-Type", "application/json").body(body.to_string());
    bridge.hub.connect().ask(&request)
}

#[test]
fn a_person_asks_with_and_without_a_hub_and_sees_what_was_used() {
    let model = Model::start(|_| says(&["Because ", "of scattering."], 4));
    let home = home_with(&model);
    let alone = home.run(&["llm", "chat", "Why is the sky blue?"]).good();
    assert_eq!(alone, "Because of scattering.\n");
    assert_eq!(model.asked.lock().unwrap()[0]["messages"][0]["content"], "Why is the sky blue?");
    let bridge = Bridge::start_in(home);
    assert_eq!(
        bridge.home.run(&["llm", "chat", "Why?", "-s", "Be brief."]).good(),
        "Because of scattering.\n"
    );
    let used: Value = serde_json::from_str(&bridge.home.run(&["--json", "llm", "usage"]).good()).unwrap();
    assert_eq!((&used[0]["model"], &used[0]["prompt_tokens"]), (&json!("model/tiny"), &json!(20)), "{used}");
    let secrets = std::fs::read_to_string(bridge.home.state().join("secrets")).unwrap();
    assert!(!secrets.contains("the-models-key"));
}

#[test]
fn a_program_streams_with_a_key_until_its_limit_or_the_bridge() {
    let model = Model::start(|_| says(&["Hel", "lo"], 20));
    let bridge = Bridge::start_in(home_with(&model));
    let key = bridge.home.add_key("program", &[]);
    for _ in 0..3 {
        let answer = completion(&bridge, &key, 20);
        let text = answer.text();
        assert_eq!(
            (answer.status, answer.header("content-type")),
            (200, Some("text/event-stream")),
            "{text}"
        );
        assert!(text.contains("Hel") && text.contains("[DONE]") && !text.contains("usage"), "{text}");
    }
    let over = completion(&bridge, &key, 20);
    assert_eq!(over.status, 429);
    assert!(over.json()["error"]["message"].as_str().unwrap().contains("tokens a day"), "{}", over.text());
    assert_eq!(completion(&bridge, "wrong", 1).status, 401);
    bridge.home.audited("a question", |record| {
        record["caller"] == "key:program" && record["target"] == "exchange:llm/v1/chat/completions"
    });
    bridge.home.run(&["raise"]).good();
    let raised = completion(&bridge, &bridge.key, 1);
    assert_eq!(raised.status, 423);
    assert!(raised.json()["error"]["message"].as_str().unwrap().contains("bridge is raised"));
}

#[test]
fn an_agent_reads_and_edits_real_files_through_the_door() {
    let model = Model::start(|asked| {
        let results =
            asked["messages"].as_array().unwrap().iter().filter(|one| one["role"] == "tool").count();
        match results {
            0 => wants("files_read", &json!({"path": "Drawbridge/notes.md"})),
            1 => wants("files_write", &json!({"path": "Drawbridge/answer.md", "content": "sails"})),
            2 => wants("files_read", &json!({"path": "../secret.txt"})),
            _ => says(&["Done."], 3),
        }
    });
    let mut bridge = Bridge::start_in(home_with(&model));
    std::fs::write(bridge.home.in_root("notes.md"), "boats have sails").unwrap();
    let tools = json!(["files_read", "files_write"]);
    let answer = bridge.owner.tool("llm_agent", json!({"prompt": "What do boats have?", "tools": tools}));
    let data = &answer["result"]["structuredContent"];
    assert_eq!((&data["text"], &data["stopped"]), (&json!("Done."), &json!("answered")), "{answer}");
    assert_eq!(std::fs::read_to_string(bridge.home.in_root("answer.md")).unwrap(), "sails");
    assert_eq!(
        data["rounds"][2]["calls"][0]["failed"], true,
        "outside of the root is outside for the model, too"
    );
    let last = model.asked.lock().unwrap().last().cloned().unwrap().to_string();
    assert!(last.contains("boats have sails"), "{last}");
    bridge.home.audited("the model's call", |record| {
        record["target"] == "files_write" && record["parent"].is_string()
    });
}

//! Language models through the program: a person asks one, a program streams from one, and an agent works on real files.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::Stdio;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::program::{Bridge, Home, PATIENCE, Request, Response, wait_for};

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
    set.stdin(Stdio::piped());
    let mut child = set.stdout(Stdio::null()).spawn().unwrap();
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
fn what_was_used_just_before_the_end_is_on_disk_when_the_hub_has_ended() {
    let model = Model::start(|_| says(&["yes"], 1));
    let bridge = Bridge::start_in(home_with(&model));
    for _ in 0..20 {
        assert_eq!(completion(&bridge, &bridge.key, 1).status, 200);
    }
    bridge.home.run(&["stop"]).good();
    let used: Value = serde_json::from_str(&bridge.home.run(&["--json", "llm", "usage"]).good()).unwrap();
    assert_eq!((&used[0]["requests"], &used[0]["completion_tokens"]), (&json!(20), &json!(20)), "{used}");
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

/// The answer to a question in this dialect's words.
fn ask(bridge: &Bridge, key: &str, path: &str, body: &Value) -> Response {
    let request = Request::new("POST", path).with("Authorization", format!("Bearer {key}"));
    bridge.hub.connect().ask(&request.with("Content-Type", "application/json").body(body.to_string()))
}

#[test]
fn files_in_questions_reach_models_that_read_them_and_are_refused_by_name_elsewhere() {
    let model = Model::start(|_| says(&["A bill."], 4));
    let home = home_with(&model);
    let Model { address, .. } = &model;
    let local =
        format!("[llm.provider.local]\nkind = 'llama-cpp'\naddress = '{address}'\nkey = 'secret:model'\n");
    home.configure(&format!("{}{local}", model.config()));
    let bridge = Bridge::start_in(home);
    let question = |model: &str, source: Value| {
        let document = json!({"type": "document", "title": "bill", "source": source});
        json!({"model": model, "max_tokens": 9, "stream": true, "messages": [{"role": "user", "content": [document]}]})
    };
    let text = json!({"type": "text", "media_type": "text/plain", "data": "5 euros"});
    let pdf = json!({"type": "base64", "media_type": "application/pdf", "data": "JVBERi0xLjQK"});
    let said = |model: &str, source: &Value| {
        ask(&bridge, &bridge.key, "/v1/messages", &question(model, source.clone()))
    };
    let heard = || model.asked.lock().unwrap().last().cloned().unwrap()["messages"][0]["content"].take();
    let answer = said("local/tiny", &text);
    assert!(answer.status == 200 && answer.text().contains("A bill."), "{}", answer.text());
    assert_eq!(heard(), "\nFile bill:\n5 euros\n");
    assert_eq!(said("model/tiny", &pdf).status, 200);
    let url = "data:application/pdf;base64,JVBERi0xLjQK";
    assert_eq!(heard()[0], json!({"type": "file", "file": {"filename": "bill", "file_data": url}}));
    let refused = said("local/tiny", &pdf);
    let why = refused.json()["error"]["message"].as_str().unwrap().to_owned();
    assert!(refused.status == 400 && why.contains("\"bill\"") && why.contains("no PDF"), "{why}");
}

#[test]
fn a_tool_that_the_provider_runs_costs_its_price_and_is_refused_where_none_is_known() {
    let model = Model::start(|_| says(&["Found."], 4));
    let home = home_with(&model);
    let Model { address, .. } = &model;
    home.configure(&format!(
        "[llm]\ndiscover = false\n[llm.provider.model]\nkind = 'compatible'\naddress = '{address}'\nkey = 'secret:model'\n\
         [llm.price.'model/priced']\ninput = 0\noutput = 0\ntools = {{ web_search = 0.4 }}\n\
         [[llm.quota]]\ncallers = ['key:*']\nmoney_per_day = 1.0\n"
    ));
    let bridge = Bridge::start_in(home);
    let key = bridge.home.add_key("program", &[]);
    let search = |key: &str, model: &str| {
        let body = json!({"model": model, "stream": true, "web_search_options": {}, "messages": [{"role": "user", "content": "Hi"}]});
        ask(&bridge, key, "/v1/chat/completions", &body)
    };
    let refused = search(&key, "model/tiny");
    assert_eq!((refused.status, &refused.json()["error"]["code"]), (403, &json!("tool_without_price")));
    assert!(refused.text().contains("tools.web_search in [llm.price"), "{}", refused.text());
    let open = search(&bridge.key, "model/tiny");
    assert_eq!(open.status, 200, "the owner has no limit: {}", open.text());
    // The answer is read to its end, so what it cost is known.
    let answers = [(); 3].map(|()| search(&key, "model/priced").status);
    assert_eq!(answers, [200, 200, 429], "two fit into the day, a third does not");
    let used: Value = serde_json::from_str(&bridge.home.run(&["--json", "llm", "usage"]).good()).unwrap();
    let row = used.as_array().unwrap().iter().find(|row| row["model"] == "model/priced").unwrap();
    assert_eq!((&row["cost"], &row["requests"]), (&json!(0.8), &json!(2)), "{used}");
}

/// A model that never stops; gives its address, and hears when somebody has left.
fn endless() -> (String, std::sync::mpsc::Receiver<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let (leaves, left) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let leaves = leaves.clone();
            std::thread::spawn(move || {
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                let mut line = String::new();
                while reader.read_line(&mut line).unwrap_or(0) > 2 {
                    line.clear();
                }
                let mut stream = stream;
                let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";
                let piece = format!(
                    "data: {}\n\n",
                    json!({"choices": [{"index": 0, "delta": {"content": "on and "}}]})
                );
                let mut write = |text: &str| stream.write_all(text.as_bytes());
                if write(head).is_ok() {
                    while write(&piece).is_ok() {}
                }
                let _ = leaves.send(());
            });
        }
    });
    (address, left)
}

#[test]
fn control_c_stops_an_answer_that_would_go_on_for_ever() {
    let (address, left) = endless();
    let home = Home::new();
    home.configure(&format!(
        "[llm]\ndiscover = false\n[llm.provider.model]\nkind = 'compatible'\naddress = '{address}'\n"
    ));
    let mut command = home.command(&["llm", "chat", "-m", "model/tiny", "Go on."]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut said = child.stdout.take().unwrap();
    said.read_exact(&mut [0; 2_000]).unwrap();
    rustix::process::kill_process(rustix::process::Pid::from_child(&child), rustix::process::Signal::INT)
        .unwrap();
    // It ends because it was told to, and not because nobody reads.
    let read = std::thread::spawn(move || std::io::copy(&mut said, &mut std::io::sink()));
    let ended = wait_for("the end of the command", || child.try_wait().unwrap());
    let mut why = String::new();
    child.stderr.take().unwrap().read_to_string(&mut why).unwrap();
    assert!(ended.code() == Some(1) && why.contains("cancelled"), "{ended:?}: {why}");
    left.recv_timeout(PATIENCE).unwrap();
    read.join().unwrap().unwrap();
}

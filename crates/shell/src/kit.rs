//! For tests: a hub in memory, which answers as a test says and keeps what it was asked, and a person who answers from a
//! list.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use drawbridge_contract::BoxFuture;
use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};

use crate::link::{Client, Dial, DialError, Wire};
use crate::person::Person;
use crate::render::Look;
use crate::screen::Screen;
use crate::session::{Session, Shared};

type Answering = dyn Fn(&Value) -> Vec<Value> + Send + Sync;

/// A hub in memory.
#[derive(Clone)]
pub(crate) struct MemoryHub {
    answering: Arc<Answering>,
    heard: Arc<Mutex<Vec<Value>>>,
    /// What dialling gives, each time; at its end a way.
    refusals: Arc<Mutex<VecDeque<DialError>>>,
}

/// In the place of an answer: the hub hangs up.
pub(crate) const HANGS_UP: Value = Value::Null;

/// The answer to a request.
pub(crate) fn answer(request: &Value, result: Value) -> Value {
    json!({"jsonrpc": "2.0", "id": request["id"], "result": result})
}

impl MemoryHub {
    /// One that says to each message what `answering` says.
    pub(crate) fn new(answering: impl Fn(&Value) -> Vec<Value> + Send + Sync + 'static) -> Self {
        Self { answering: Arc::new(answering), heard: Arc::default(), refusals: Arc::default() }
    }

    pub(crate) fn heard(&self) -> Vec<Value> {
        self.heard.lock().unwrap().clone()
    }

    /// The next dialling fails so.
    pub(crate) fn refuses(&self, error: DialError) {
        self.refusals.lock().unwrap().push_back(error);
    }

    fn open(&self) -> Wire {
        let (wire, mut to_hub, from_hub) = Wire::pair();
        let hub = self.clone();
        tokio::spawn(async move {
            while let Some(text) = to_hub.recv().await {
                let message: Value = serde_json::from_str(&text).unwrap();
                hub.heard.lock().unwrap().push(message.clone());
                for said in (hub.answering)(&message) {
                    if said == HANGS_UP || from_hub.send(said.to_string()).await.is_err() {
                        return;
                    }
                }
            }
        });
        wire
    }
}

impl Dial for MemoryHub {
    fn dial(&self) -> BoxFuture<'_, Result<Wire, DialError>> {
        let refusal = self.refusals.lock().unwrap().pop_front();
        Box::pin(async { refusal.map_or_else(|| Ok(self.open()), Err) })
    }

    fn place(&self) -> String {
        "memory".to_owned()
    }
}

/// A person who gives these answers, and leaves after the last.
struct Listed {
    answers: VecDeque<&'static str>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Person for Listed {
    fn ask(&mut self, question: &str) -> Option<String> {
        self.asked.lock().unwrap().push(question.to_owned());
        self.answers.pop_front().map(str::to_owned)
    }
}

/// What was shown.
#[derive(Clone, Default)]
pub(crate) struct Seen(Arc<Mutex<Vec<u8>>>);

impl Seen {
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Seen {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A session at a hub in memory, and what is seen of it.
pub(crate) struct Stay {
    pub(crate) session: Session,
    pub(crate) out: Seen,
    pub(crate) err: Seen,
    /// What the person was asked.
    pub(crate) asked: Arc<Mutex<Vec<String>>>,
    pub(crate) _runtime: Runtime,
}

/// Begins a stay with a person who gives these answers.
pub(crate) fn stay(hub: &MemoryHub, answers: &[&'static str]) -> Stay {
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let client = runtime.block_on(Client::connect(Arc::new(hub.clone()), Arc::new(|_| {}))).unwrap();
    let (out, err, asked) = (Seen::default(), Seen::default(), Arc::<Mutex<Vec<String>>>::default());
    let look = Look { width: 80, color: false };
    let session = Session {
        runtime: runtime.handle().clone(),
        client,
        shared: Arc::new(Shared::default()),
        screen: Screen::new(Box::new(out.clone()), Box::new(err.clone()), look, false),
        person: Box::new(Listed { answers: answers.iter().copied().collect(), asked: asked.clone() }),
        editor: Box::new(|_| Ok(())),
        notices: Arc::new(|_| {}),
        streams: false,
        keep_going: false,
    };
    Stay { session, out, err, asked, _runtime: runtime }
}

/// A hub that serves these tools, and answers their calls so.
pub(crate) fn hub_of(
    tools: Value,
    called: impl Fn(&Value) -> Vec<Value> + Send + Sync + 'static,
) -> MemoryHub {
    MemoryHub::new(move |message| match message["method"].as_str() {
        Some("tools/list") => vec![answer(message, json!({ "tools": tools }))],
        Some("mcp.hello") => vec![answer(message, json!(["mcp.hello", "mcp.licence.check", "mcp.llm.chat"]))],
        Some("notifications/cancelled") => Vec::new(),
        _ => called(message),
    })
}

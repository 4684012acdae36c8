//! A small server with one tool for each way a call can go, and one stream.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use drawbridge_contract::{
    Annotations, Attachment, Context, Example, Exchanges, InputRequest, InputRequired, LiveStream, Outcome,
    Server, StreamHandle, StreamInput, StreamMode, StreamOutput, Streams, Tool, ToolError, ToolResult,
    ToolSpec, TypedTool, bind, raw,
};
use futures::StreamExt as _;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::sync::mpsc;

use crate::terminal::{self, Terminal};

/// What the tools did.
#[derive(Default)]
pub(crate) struct Done {
    /// How many calls ran to their end.
    pub(crate) finished: AtomicUsize,
    /// How many were dropped before.
    pub(crate) stopped: AtomicUsize,
}

#[derive(Deserialize, JsonSchema)]
pub(crate) struct Text {
    /// What to say.
    text: String,
}

#[derive(Serialize, JsonSchema)]
struct Said {
    /// What was said.
    said: String,
}

macro_rules! tool {
    ($name:ident, $input:ty, $spec:expr, |$done:ident, $given:ident, $context:ident| $body:expr) => {
        struct $name;
        impl TypedTool<Done> for $name {
            type Input = $input;
            fn spec() -> ToolSpec {
                $spec
            }
            async fn run(
                $done: &Arc<Done>,
                $given: $input,
                $context: &Context,
            ) -> Result<Outcome, ToolError> {
                $body
            }
        }
    };
}

const LONG: &str = "Says it again. Use it when you want to see what comes back, which is what you sent, and nothing else, \
                    whatever it was, as long as it was text. It reads nothing, writes nothing and asks nobody. This sentence \
                    is here because some importers take only three hundred characters, and a description may be longer than that.";

tool!(
    Echo,
    Text,
    ToolSpec::of::<Text>("notes_echo", "Echo", LONG)
        .gives::<Said>()
        .annotated(Annotations::READS)
        .examples(&[Example { says: "Says hi.", args: r#"{"text": "hi"}"#, gives: "hi" }]),
    |done, input, _context| {
        done.finished.fetch_add(1, Ordering::SeqCst);
        Ok(ToolResult::text_and(&input.text, &Said { said: input.text.clone() }).into())
    }
);

tool!(
    Fail,
    Text,
    ToolSpec::of::<Text>("notes_fail", "Fail", "Cannot.").annotated(Annotations::READS),
    |_done, input, _context| Err(ToolError::NotFound(format!("no note {}", input.text)))
);

/// Counts a call that was dropped before its end.
struct Stopped(Arc<Done>);

impl Drop for Stopped {
    fn drop(&mut self) {
        self.0.stopped.fetch_add(1, Ordering::SeqCst);
    }
}

tool!(
    Slow,
    Text,
    ToolSpec::of::<Text>("notes_slow", "Slow", "Tells how far it is, and then hangs.")
        .annotated(Annotations::READS),
    |done, input, context| {
        let _stopped = Stopped(done.clone());
        for step in 1..=3 {
            context.progress(f64::from(step), Some(3.0), Some(&input.text));
        }
        if input.text == "hang" { std::future::pending().await } else { Ok(ToolResult::text("done").into()) }
    }
);

tool!(
    Ask,
    Text,
    ToolSpec::of::<Text>("notes_ask", "Ask", "Asks who.").annotated(Annotations::CHANGES),
    |_done, input, context| match &context.answers {
        None => {
            let schema = raw(&json!({ "type": "object", "properties": { "name": { "type": "string" } } }));
            let request = InputRequest::ElicitForm { message: "Who?".to_owned(), schema };
            let requests = [("who".to_owned(), request)].into();
            Ok(Outcome::InputRequired(InputRequired { requests, state: Some("a state".to_owned()) }))
        }
        Some(answers) => {
            let state = answers.state.clone().unwrap_or_default();
            Ok(ToolResult::text(&format!("{} with {state}: {}", input.text, answers.responses["who"])).into())
        }
    }
);

pub(crate) struct Notes(pub(crate) Arc<Done>, pub(crate) Arc<Terminal>);

impl Server for Notes {
    fn name(&self) -> &str {
        "terminal"
    }

    fn tools(&self) -> Vec<Arc<dyn Tool>> {
        let done = &self.0;
        let mut tools =
            vec![bind::<_, Ask>(done), bind::<_, Echo>(done), bind::<_, Fail>(done), bind::<_, Slow>(done)];
        tools.extend(terminal::tools(&self.1));
        tools
    }

    fn streams(&self) -> Option<Arc<dyn Streams>> {
        Some(Arc::new(Screens))
    }

    fn exchanges(&self) -> Option<Arc<dyn Exchanges>> {
        Some(Arc::new(crate::exchanges::Echoes(self.0.clone())))
    }
}

/// One stream, `main`: it greets, gives back what is typed, tells of other input in notices, and ends on `exit`. `flood`
/// makes it send [`FLOOD_BYTES`].
struct Screens;

/// How much `flood` sends.
pub(crate) const FLOOD_BYTES: usize = 50 * 1024 * 1024;
/// How large its pieces are: what one read from a terminal gives.
const PIECE_BYTES: usize = 4096;

impl Streams for Screens {
    fn open(&self, id: &str, mode: StreamMode, _: &Context) -> Result<StreamHandle, ToolError> {
        match id {
            "main" => Ok(StreamHandle(Arc::new(Screen(mode)))),
            _ => Err(ToolError::NotFound(format!("there is no terminal {id}"))),
        }
    }
}

struct Screen(StreamMode);

impl LiveStream for Screen {
    fn attach(self: Arc<Self>) -> Attachment {
        let (typed, keys) = mpsc::channel(8);
        let (shown, output) = mpsc::channel(64);
        tokio::spawn(show(keys, shown));
        let output =
            futures::stream::unfold(output, |mut output| async { Some((output.recv().await?, output)) });
        // A watcher types nothing, so its sender has to live on here for the screen to stay.
        match self.0 {
            StreamMode::Type => Attachment { output: output.boxed(), input: Some(typed) },
            StreamMode::Watch => {
                let output = output.map(move |shown| {
                    let _stays = &typed;
                    shown
                });
                Attachment { output: output.boxed(), input: None }
            }
        }
    }
}

async fn show(mut keys: mpsc::Receiver<StreamInput>, shown: mpsc::Sender<StreamOutput>) {
    let _ = shown.send(StreamOutput::Bytes(Bytes::from_static(b"hello\r\n"))).await;
    while let Some(input) = keys.recv().await {
        let told = match input {
            StreamInput::Bytes(bytes) if &bytes[..] == b"exit" => break,
            StreamInput::Bytes(bytes) if &bytes[..] == b"flood" => {
                flood(&shown).await;
                continue;
            }
            StreamInput::Bytes(bytes) => StreamOutput::Bytes(bytes),
            other => StreamOutput::Notice(raw(&json!({ "told": format!("{other:?}") }))),
        };
        if shown.send(told).await.is_err() {
            return;
        }
    }
    let _ = shown.send(StreamOutput::Bytes(Bytes::from_static(b"bye\r\n"))).await;
}

async fn flood(shown: &mpsc::Sender<StreamOutput>) {
    let piece = Bytes::from(vec![b'x'; PIECE_BYTES]);
    for _ in 0..FLOOD_BYTES / PIECE_BYTES {
        if shown.send(StreamOutput::Bytes(piece.clone())).await.is_err() {
            return;
        }
    }
}

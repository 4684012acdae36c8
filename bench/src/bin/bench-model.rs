//! A model behind chat completions that answers at once: `bench-model`. Prints where it listens.
//!
//! As a stream it says as many words as `max_tokens` asks for, one each millisecond, the first at once. It reads no more
//! of a question than it must: it stands for a provider that is not what is measured.

use std::convert::Infallible;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::serve::ListenerExt as _;
use drawbridge_bench::model::{WHOLE_ANSWER, word_event};
use futures::{StreamExt as _, stream};
use serde::Deserialize;
use tokio::time::{Instant, sleep_until};

/// The product's own allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Between two words of a stream.
const PAUSE: Duration = Duration::from_millis(1);

/// What ends a stream: its reason, its usage, and the mark of the end.
const END: &str = concat!(
    r#"data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"tiny","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#,
    "\n\n",
    r#"data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"tiny","choices":[],"usage":{"prompt_tokens":9,"completion_tokens":200,"total_tokens":209}}"#,
    "\n\ndata: [DONE]\n\n",
);

#[derive(Deserialize)]
struct Question {
    #[serde(default)]
    stream: bool,
    #[serde(default)]
    max_tokens: u32,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    let listener = listener.tap_io(|stream| {
        // A socket that will not have it is slower, and nothing else.
        let _ = stream.set_nodelay(true);
    });
    let routes = Router::new().route("/v1/chat/completions", post(answer)).route("/v1/models", get(models));
    Ok(axum::serve(listener, routes).await?)
}

async fn models() -> Response {
    ([(CONTENT_TYPE, "application/json")], r#"{"object":"list","data":[{"id":"tiny","object":"model"}]}"#)
        .into_response()
}

async fn answer(body: Bytes) -> Response {
    let Ok(question) = serde_json::from_slice::<Question>(&body) else {
        return axum::http::StatusCode::BAD_REQUEST.into_response();
    };
    if !question.stream {
        return ([(CONTENT_TYPE, "application/json")], WHOLE_ANSWER).into_response();
    }
    let begun = Instant::now();
    let words = stream::iter(0..question.max_tokens).then(move |index| async move {
        sleep_until(begun + PAUSE * index).await;
        Ok::<_, Infallible>(Bytes::from(word_event(index)))
    });
    let whole = words.chain(stream::once(async { Ok(Bytes::from_static(END.as_bytes())) }));
    ([(CONTENT_TYPE, "text/event-stream")], Body::from_stream(whole)).into_response()
}

//! A call as events (WHATWG HTML, server-sent events): `progress` and `log` while it runs, `result` or `problem` last.

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use drawbridge_contract::{Answer, BoxFuture, Call, Event, Live, LogLevel, Outcome, Refusal, Sink};
use futures::{Stream, StreamExt as _, stream};
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderName, HeaderValue, StatusCode};
use serde_json::json;
use tokio::sync::mpsc;

use super::result;
use crate::limits::{EVENTS_QUEUED_MAX, KEEP_ALIVE, QUIET_MAX};
use crate::problem::Problem;
use crate::web::Shared;

const X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// Makes the call. One that is refused before anything happened is answered as without events, with its status.
pub(super) async fn serve(web: &Shared, call: Call) -> Response {
    let (sink, events) = mpsc::channel(EVENTS_QUEUED_MAX);
    let live = Live { sink: Some(Arc::new(Queue(sink))), ..Live::default() };
    let mut running = Running { answer: Some(web.handler.clone().call(call, live)), events, held: None };
    let first = match tokio::time::timeout(QUIET_MAX, running.step()).await {
        Ok(Some(Step::Over(Err(problem)))) => return problem.into_response(),
        Ok(Some(step)) => frame(step),
        Ok(None) | Err(_) => Bytes::from_static(b":\n\n"),
    };
    respond(stream::once(async { first }).chain(running.into_frames()))
}

pub(crate) fn respond(frames: impl Stream<Item = Bytes> + Send + 'static) -> Response {
    let mut response = Response::new(Body::from_stream(frames.map(Ok::<_, Infallible>)));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // Reverse proxies would hold events back otherwise.
    headers.insert(X_ACCEL_BUFFERING, HeaderValue::from_static("no"));
    response
}

/// Takes events without ever waiting: one that finds the queue full is lost.
struct Queue(mpsc::Sender<Event>);

impl Sink for Queue {
    fn send(&self, event: Event) {
        let _ = self.0.try_send(event);
    }
}

/// A call under way. Dropped, its work stops.
struct Running {
    answer: Option<BoxFuture<'static, Result<Outcome<Answer>, Refusal>>>,
    events: mpsc::Receiver<Event>,
    /// The answer, while events that came before it are still to be sent.
    held: Option<Result<(StatusCode, String), Problem>>,
}

enum Step {
    Event(Event),
    Over(Result<(StatusCode, String), Problem>),
}

impl Running {
    /// The next step; `None` after the last. May be dropped and called again: nothing is lost.
    async fn step(&mut self) -> Option<Step> {
        if let Some(answer) = &mut self.answer {
            tokio::select! {
                biased;
                Some(event) = self.events.recv() => return Some(Step::Event(event)),
                outcome = answer => self.held = Some(result::write(outcome)),
            }
            self.answer = None;
        }
        match self.events.try_recv() {
            Ok(event) => Some(Step::Event(event)),
            Err(_) => self.held.take().map(Step::Over),
        }
    }

    fn into_frames(self) -> impl Stream<Item = Bytes> + Send {
        stream::unfold(self, |mut running| async {
            match tokio::time::timeout(KEEP_ALIVE, running.step()).await {
                Ok(step) => Some((frame(step?), running)),
                Err(_) => Some((Bytes::from_static(b":\n\n"), running)),
            }
        })
    }
}

/// A step as one event. JSON of ours has no line ends; what a tool wrote may have some between its tokens.
fn frame(step: Step) -> Bytes {
    let (event, data) = match step {
        Step::Event(Event::Progress { progress, total, message }) => {
            ("progress", json!({ "progress": progress, "total": total, "message": message }).to_string())
        }
        Step::Event(Event::Log { level, logger, data }) => {
            ("log", json!({ "level": word(level), "logger": logger, "data": data }).to_string())
        }
        Step::Over(Ok((_, text))) => ("result", text),
        Step::Over(Err(problem)) => ("problem", problem.body().to_string()),
    };
    let data = data.replace(['\r', '\n'], " ");
    format!("event: {event}\ndata: {data}\n\n").into()
}

fn word(level: LogLevel) -> String {
    format!("{level:?}").to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use drawbridge_contract::ToolResult;

    use super::*;

    fn progress(number: usize) -> Event {
        Event::Progress { progress: number as f64, total: None, message: None }
    }

    #[test]
    fn a_frame_is_one_line_of_data() {
        let log = Event::Log { level: LogLevel::Warning, logger: None, data: json!("a\nb") };
        assert_eq!(
            &frame(Step::Event(log))[..],
            b"event: log\ndata: {\"data\":\"a\\nb\",\"level\":\"warning\",\"logger\":null}\n\n"
        );
        assert_eq!(
            &frame(Step::Over(Ok((StatusCode::OK, "{\n}".to_owned()))))[..],
            b"event: result\ndata: { }\n\n"
        );
    }

    #[tokio::test]
    async fn events_come_before_the_answer_and_are_dropped_at_the_bound() {
        let (sink, events) = mpsc::channel(EVENTS_QUEUED_MAX);
        let queue = Queue(sink);
        for number in 0..EVENTS_QUEUED_MAX + 5 {
            queue.send(progress(number));
        }
        let done = async { Ok(Outcome::Complete(Answer::Tool(ToolResult::text("done")))) };
        let running = Running { answer: Some(Box::pin(done)), events, held: None };
        let frames: Vec<Bytes> = running.into_frames().collect().await;
        assert_eq!(frames.len(), EVENTS_QUEUED_MAX + 1);
        assert!(frames.last().unwrap().starts_with(b"event: result\n"));
    }

    #[tokio::test(start_paused = true)]
    async fn silence_is_filled() {
        let (_sink, events) = mpsc::channel(1);
        let slow = async {
            tokio::time::sleep(KEEP_ALIVE * 2 + KEEP_ALIVE / 2).await;
            Err(Refusal::Raised)
        };
        let running = Running { answer: Some(Box::pin(slow)), events, held: None };
        let frames: Vec<Bytes> = running.into_frames().collect().await;
        assert_eq!(frames.iter().filter(|frame| *frame == ":\n\n").count(), 2);
        assert!(frames[2].starts_with(b"event: problem\n"));
    }
}

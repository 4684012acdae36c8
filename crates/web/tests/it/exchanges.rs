//! Requests of other protocols, over the wire.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use drawbridge_contract::{
    BoxFuture, Context, ExchangeMethod, ExchangeRefusal, ExchangeReply, ExchangeRequest, ExchangeRoute,
    Exchanges, Refusal, Target, ToolError,
};
use futures::{StreamExt as _, stream};
use http_body_util::{BodyExt as _, Full};
use serde_json::json;

use crate::door::KEY;
use crate::house::{House, eventually};
use crate::tools::Done;

/// How large a body may be here.
const BODY_BYTES_MAX: usize = 64;

/// Answers whole, and piece by piece.
pub(crate) struct Echoes(pub(crate) Arc<Done>);

/// Notes that a stream was dropped.
struct Gone(Arc<Done>);

impl Drop for Gone {
    fn drop(&mut self) {
        self.0.stopped.fetch_add(1, Ordering::SeqCst);
    }
}

const fn route(path: &'static str, method: ExchangeMethod) -> ExchangeRoute {
    let (tool, body_bytes_max, headers) = ("notes_echo", BODY_BYTES_MAX, &["x-kept"]);
    ExchangeRoute { path, method, tool, body_bytes_max, headers, title: "An echo" }
}

const TABLE: &[ExchangeRoute] = &[
    route("/v9/echo", ExchangeMethod::Post),
    route("/v9/list", ExchangeMethod::Get),
    route("/v9/list/{*rest}", ExchangeMethod::Get),
    route("/v9/stream", ExchangeMethod::Post),
];

impl Exchanges for Echoes {
    fn table(&self) -> &'static [ExchangeRoute] {
        TABLE
    }

    fn exchange<'a>(
        &'a self,
        request: &'a ExchangeRequest,
        _: &'a Context,
    ) -> BoxFuture<'a, Result<ExchangeReply, ToolError>> {
        Box::pin(async move {
            Ok(match &*request.path {
                "/v9/list" => ExchangeReply {
                    retry_after: Some(Duration::from_secs(3)),
                    ..ExchangeReply::json(429, "[]")
                },
                "/v9/list/{*rest}" => ExchangeReply::json(200, request.rest.to_string()),
                "/v9/stream" => {
                    let gone = Gone(self.0.clone());
                    let first = stream::once(async move { Bytes::from_static(b"data: 1\n\n") });
                    let rest = stream::pending().inspect(move |_: &Bytes| _ = &gone);
                    ExchangeReply::stream("text/event-stream", first.chain(rest).boxed())
                }
                _ => ExchangeReply::json(200, request.body.clone()),
            })
        })
    }

    fn refusal(&self, path: &str, refused: &ExchangeRefusal<'_>) -> Option<Bytes> {
        let body = json!({ "error": { "type": refused.kind, "status": refused.status } });
        (path != "/v9/list").then(|| body.to_string().into())
    }
}

#[tokio::test]
async fn a_body_goes_in_and_an_answer_comes_out() {
    let house = House::open().await;
    let answer = house.post("/v9/echo", r#"{"a": 1}"#).await;
    assert_eq!((answer.status.as_u16(), answer.text.as_str()), (200, r#"{"a": 1}"#));
    let call = house.door.calls.lock().unwrap().pop().unwrap();
    assert!(matches!(&call.target, Target::Exchange(request) if &*request.server == "terminal"));
    assert_eq!(call.arguments.value()["bytes"], 8);
    let list = house.get("/v9/list").await;
    assert_eq!((list.status.as_u16(), &list.headers["retry-after"]), (429, &"3".parse().unwrap()));
}

#[tokio::test]
async fn what_follows_a_path_and_the_headers_that_are_wanted_come_along_and_no_others() {
    let house = House::open().await;
    for (path, rest) in [("a", "a"), ("a/b%20c", "a/b c"), ("..%2Fx", "../x")] {
        assert_eq!(house.get(&format!("/v9/list/{path}")).await.text, rest);
    }
    let mut request = house.request("GET", "/v9/list/a").header("x-api-key", KEY).header("x-kept", "yes");
    request = request.header("x-other", "no");
    request.headers_mut().unwrap().remove("authorization");
    assert_eq!(house.ask(request, "").await.status, 200, "a key is taken there, too");
    let call = house.door.calls.lock().unwrap().pop().unwrap();
    let Target::Exchange(request) = &call.target else { panic!("{:?}", call.target) };
    assert_eq!(request.headers, [("x-kept", "yes".into())]);
    let document = house.get("/openapi.json").await.text;
    assert!(document.contains(r#""/v9/list/{rest}""#) && document.contains("An echo"), "{document}");
}

#[tokio::test]
async fn a_key_may_come_there_as_x_api_key_and_nowhere_else() {
    let house = House::open().await;
    let ask = |path: &'static str, key: &'static str| {
        let mut request =
            house.request("POST", path).header("content-type", "application/json").header("x-api-key", key);
        request.headers_mut().unwrap().remove("authorization");
        house.ask(request, "{}")
    };
    assert_eq!(ask("/v9/echo", KEY).await.status, 200);
    for (path, key) in [("/v9/echo", "wrong"), ("/api/tools/notes_echo", KEY)] {
        assert_eq!(ask(path, key).await.status, 401, "{path}");
    }
}

#[tokio::test]
async fn strangers_foreign_pages_and_bodies_that_are_too_large_stay_outside() {
    let house = House::open().await;
    for (name, value, status) in [
        ("authorization", "Bearer wrong", 401),
        ("host", "evil.test", 403),
        ("origin", "http://evil.test", 403),
        ("content-type", "text/plain", 415),
    ] {
        let mut request = house.request("POST", "/v9/echo").header("content-type", "application/json");
        request.headers_mut().unwrap().insert(name, value.parse().unwrap());
        assert_eq!(house.ask(request, "{}").await.status, status, "{name}");
    }
    let body = |size: usize| format!("{}{}", "{}", " ".repeat(size - 2));
    assert_eq!(house.post("/v9/echo", &body(BODY_BYTES_MAX)).await.status, 200);
    assert_eq!(house.post("/v9/echo", &body(BODY_BYTES_MAX + 1)).await.status, 413);
    assert_eq!(house.get("/v9/echo").await.status, 405);
}

#[tokio::test]
async fn a_refusal_of_the_door_has_the_shape_of_the_protocol() {
    let house = House::open().await;
    house.door.refuse(Refusal::RateLimited { per_minute: 1, retry_after: Duration::from_secs(2) });
    let answer = house.post("/v9/echo", "{}").await;
    assert_eq!((answer.status.as_u16(), &answer.headers["retry-after"]), (429, &"2".parse().unwrap()));
    assert_eq!(answer.headers["content-type"], "application/json");
    assert_eq!(answer.json(), json!({"error": {"type": "rate-limited", "status": 429}}));
    assert_eq!(house.get("/v9/list").await.kind(), "rate-limited");
}

async fn open(house: &House) -> hyper::body::Incoming {
    let request = house.request("POST", "/v9/stream").header("content-type", "application/json");
    let response = house.send(request.body(Full::from("{}")).unwrap()).await;
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let mut body = response.into_body();
    let first = tokio::time::timeout(Duration::from_secs(10), body.frame()).await.unwrap().unwrap().unwrap();
    assert_eq!(first.into_data().unwrap(), "data: 1\n\n");
    body
}

#[tokio::test]
async fn the_first_piece_comes_at_once_and_who_leaves_stops_the_work() {
    let house = House::open().await;
    drop(open(&house).await);
    eventually("the stream is dropped", || house.done.stopped.load(Ordering::SeqCst) == 1).await;
}

#[tokio::test]
async fn a_stream_is_cut_when_its_caller_may_not_read_it_any_more() {
    let house = House::open().await;
    let mut body = open(&house).await;
    house.door.refuse(Refusal::Raised);
    let cut = tokio::time::timeout(Duration::from_secs(20), body.frame()).await.unwrap();
    assert!(matches!(cut, Some(Err(_))), "cut, and not ended as if it were whole: {cut:?}");
    eventually("the stream is dropped", || house.done.stopped.load(Ordering::SeqCst) == 1).await;
}

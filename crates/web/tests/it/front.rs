//! The short way past the router is no way past the guard.

use std::sync::Arc;

use axum::response::{IntoResponse, Response};
use drawbridge_contract::Caller;
use http::{Request, StatusCode};
use hyper::body::Incoming;

use crate::door::KEY;
use crate::house::House;

/// What is posted here goes past the router.
pub(crate) const SHORT: &str = "/short";

/// Says who asked.
pub(crate) async fn answer(caller: Arc<Caller>, _request: Request<Incoming>) -> Response {
    format!("for {}", caller.id).into_response()
}

fn to(house: &House, method: &str, path: &str) -> http::request::Builder {
    Request::builder().method(method).uri(path).header("host", house.address.to_string())
}

#[tokio::test]
async fn who_has_the_key_is_answered_past_the_router() {
    let answer = House::open().await.post(SHORT, "").await;
    assert_eq!((answer.status, answer.text.as_str()), (StatusCode::OK, "for owner"));
}

#[tokio::test]
async fn a2_a_stranger_hears_the_same_on_both_ways() {
    let house = House::open().await;
    let bearer = |key: &str| ("authorization", format!("Bearer {key}"));
    let strangers: [&[(&str, String)]; 6] = [
        &[],
        &[bearer("nobody's")],
        &[bearer(KEY), ("origin", "http://evil.test".to_owned())],
        &[bearer(KEY), bearer(KEY)],
        &[("x-api-key", KEY.to_owned())],
        &[bearer(KEY), ("host", "evil.test".to_owned())],
    ];
    for headers in strangers {
        let ask = async |path| {
            let with = |request: http::request::Builder, (name, value): &(&str, String)| {
                request.header(*name, value)
            };
            let answer = house.ask(headers.iter().fold(to(&house, "POST", path), with), "").await;
            (answer.status, answer.text)
        };
        let (short, routed) = (ask(SHORT).await, ask("/api/tools/none").await);
        assert!(short.0.is_client_error(), "{headers:?}: {short:?}");
        assert_eq!(short, routed, "{headers:?}");
    }
}

#[tokio::test]
async fn everything_else_goes_to_the_router() {
    let house = House::open().await;
    for (method, path) in [("GET", SHORT), ("POST", "/short/"), ("POST", "/short?no/../x")] {
        let answer = house.ask(house.request(method, path), "").await;
        let found = path.contains('?');
        assert_eq!(answer.status == StatusCode::OK, found, "{method} {path}: {}", answer.text);
    }
    let upgrade = house.request("POST", SHORT).header("upgrade", "h2c");
    assert_eq!(house.ask(upgrade, "").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a2_who_brings_no_key_to_an_exchange_hears_what_is_heard_everywhere() {
    let house = House::open().await;
    let ask = async |path| {
        let request = to(&house, "POST", path).header("content-type", "application/json");
        let answer = house.ask(request, "{}").await;
        (answer.status, answer.text)
    };
    let (exchange, routed) = (ask("/v9/echo").await, ask("/api/tools/none").await);
    assert_eq!((exchange.0, &exchange), (StatusCode::UNAUTHORIZED, &routed));
}

//! `GET /api/console/audit/export`: the whole audit as lines of JSON, with the hashes that hold it together.

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use bytes::Bytes;
use drawbridge_store::{PAGE_MAX, Store};
use futures::stream;
use http::HeaderValue;
use http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};

use super::read;
use crate::problem::Problem;
use crate::shared::Shared;

/// Streams it, a page at a time: a reader that is slow holds no more than one in memory.
pub(crate) async fn export(State(console): State<Arc<Shared>>) -> Result<Response, Problem> {
    console.store.flush().await?;
    let last = console.store.audit_head()?.seq;
    let lines = stream::unfold((console.store.clone(), 0), move |(store, after)| async move {
        let (bytes, after) = next(&store, after, last).await?;
        Some((Ok::<_, Infallible>(bytes), (store, after)))
    });
    let mut response = Response::new(Body::from_stream(lines));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson"));
    headers.insert(CONTENT_DISPOSITION, HeaderValue::from_static("attachment; filename=\"audit.ndjson\""));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    Ok(response)
}

/// The records after one number as lines, up to the one that was the last when it began.
async fn next(store: &Store, after: i64, last: i64) -> Option<(Bytes, i64)> {
    let entries = read(store, move |store| store.audit_follow(after, PAGE_MAX)).await;
    let entries =
        entries.inspect_err(|_| tracing::error!("the audit could not be exported to its end")).ok()?;
    let wanted: Vec<_> = entries.into_iter().filter(|entry| entry.seq <= last).collect();
    let after = wanted.last()?.seq;
    let lines: String =
        wanted.iter().map(|entry| format!("{}\n", drawbridge_contract::raw(entry).get())).collect();
    Some((lines.into(), after))
}

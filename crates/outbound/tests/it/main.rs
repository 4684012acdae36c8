//! Requests against listeners of this machine.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use drawbridge_outbound::{AllowedHosts, Method, Outbound, OutboundError, Response, Settings, body};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// A listener that answers every connection with the same bytes; its port, and how many came.
async fn server(answer: &'static str) -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let came = Arc::<AtomicUsize>::default();
    let counter = Arc::clone(&came);
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            counter.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(async move {
                let _ = stream.read(&mut [0; 4096]).await;
                let _ = stream.write_all(answer.as_bytes()).await;
                if answer.is_empty() {
                    tokio::time::sleep(Duration::from_secs(30)).await;
                }
            });
        }
    });
    (port, came)
}

fn client(allowed: &[String]) -> Outbound {
    let allowed = AllowedHosts::parse(allowed).unwrap();
    Outbound::new(Settings { allowed, read_timeout: Duration::from_secs(2), ..Settings::default() })
}

async fn get(client: &Outbound, url: &str) -> Result<Response, OutboundError> {
    client.send(client.request(Method::GET, url)?).await
}

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\nconnection: close\r\n\r\nhello";

#[tokio::test]
async fn g1_a_name_that_leads_home_is_refused_when_it_is_dialled() {
    let (port, came) = server(OK).await;
    let error = get(&client(&[]), &format!("http://localhost:{port}/")).await.unwrap_err();
    assert!(matches!(&error, OutboundError::Refused { host } if host == "localhost"), "{error:?}");
    assert!(!error.is_passing());
    assert_eq!(came.load(Ordering::SeqCst), 0, "nobody was connected to");
}

#[tokio::test]
async fn an_allowed_host_is_reached_and_its_other_ports_are_not() {
    let (port, came) = server(OK).await;
    let (other, other_came) = server(OK).await;
    let client = client(&[format!("localhost:{port}")]);
    let response = get(&client, &format!("http://localhost:{port}/")).await.unwrap();
    assert_eq!(body(response, 5).await.unwrap(), "hello");
    assert!(get(&client, &format!("http://localhost:{other}/")).await.is_err());
    assert_eq!((came.load(Ordering::SeqCst), other_came.load(Ordering::SeqCst)), (1, 0));
}

#[tokio::test]
async fn g3_a_redirect_is_an_answer_and_is_not_followed() {
    let (port, came) =
        server("HTTP/1.1 302 Found\r\nlocation: /again\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
            .await;
    let response = get(&client(&["127.0.0.1".into()]), &format!("http://127.0.0.1:{port}/")).await.unwrap();
    assert_eq!(response.status(), 302);
    assert_eq!(came.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_body_beyond_its_bound_is_refused() {
    let (port, _) = server(OK).await;
    let response = get(&client(&["127.0.0.1".into()]), &format!("http://127.0.0.1:{port}/")).await.unwrap();
    assert!(matches!(body(response, 4).await, Err(OutboundError::TooLarge { bytes_max: 4 })));
}

#[tokio::test]
async fn silence_and_a_closed_port_are_told_apart_and_pass() {
    let (port, _) = server("").await;
    let client = client(&["127.0.0.1".into()]);
    let silent = get(&client, &format!("http://127.0.0.1:{port}/secret?token=x")).await.unwrap_err();
    assert!(matches!(silent, OutboundError::Timeout(_)), "{silent:?}");
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let closed = listener.local_addr().unwrap().port();
    drop(listener);
    let refused = get(&client, &format!("http://127.0.0.1:{closed}/secret?token=x")).await.unwrap_err();
    assert!(matches!(refused, OutboundError::Connect(_)), "{refused:?}");
    for error in [silent, refused] {
        assert!(error.is_passing());
        assert!(!format!("{error} {error:?}").contains("token"), "the URL is in the message");
    }
}

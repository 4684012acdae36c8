//! How fast a terminal is without a network: 50 MB through it with a viewer, the echo of a key, and `terminal_run true`.
//!
//! `cargo run --release -p drawbridge-terminal --example speed`
#![expect(clippy::unwrap_used, reason = "a measurement that fails has nothing to say")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use drawbridge_contract::kit::Kit;
use drawbridge_contract::{Answer, Attachment, Live, Outcome, StreamInput, StreamMode, StreamOutput, Target};
use drawbridge_sandbox::Sandbox;
use drawbridge_terminal::{Confinement, Terminal, TerminalSettings};
use futures::StreamExt as _;

const BYTES: usize = 50_000_000;
const ROUNDS: usize = 300;

fn main() {
    drawbridge_sandbox::helper_main();
    tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(measure());
}

async fn measure() {
    let home = tempfile::tempdir().unwrap();
    let settings = TerminalSettings::new(home.path().join("state"), home.path());
    let kit = Kit::of(Terminal::open(settings, Arc::new(Sandbox::new())).unwrap());
    let line: String = ('!'..='~').take(79).collect::<String>() + "\n";
    std::fs::write(home.path().join("large"), line.repeat(BYTES / line.len())).unwrap();

    let begun = Instant::now();
    let mut viewer = open(&kit, "flood", r#"["cat", "large"]"#).await;
    let mut bytes = 0;
    while let Some(shown) = viewer.output.next().await {
        if let StreamOutput::Bytes(piece) = shown {
            bytes += piece.len();
        }
    }
    let took = begun.elapsed().as_secs_f64();
    println!(
        "cat of 50 MB: {took:.2} s, {:.0} MB/s; the viewer got {:.1} MB",
        BYTES as f64 / took / 1e6,
        bytes as f64 / 1e6
    );

    let mut viewer = open(&kit, "echo", r#"["cat"]"#).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    let input = viewer.input.clone().unwrap();
    println!("echo of a key: {}", middle(async || {
        input.send(StreamInput::Bytes(Bytes::from_static(b"x"))).await.unwrap();
        while !matches!(viewer.output.next().await, Some(StreamOutput::Bytes(piece)) if piece.ends_with(b"x")) {}
    }).await);

    println!(
        "terminal_run true, confined: {}",
        middle(async || {
            kit.call("terminal_run", r#"{"argv": ["true"]}"#).await.unwrap();
        })
        .await
    );
    let settings = TerminalSettings {
        confinement: Confinement::Off,
        ..TerminalSettings::new(home.path().join("state"), home.path())
    };
    let free = Kit::of(Terminal::open(settings, Arc::new(Sandbox::new())).unwrap());
    println!(
        "terminal_run true, not confined: {}",
        middle(async || {
            free.call("terminal_run", r#"{"argv": ["true"]}"#).await.unwrap();
        })
        .await
    );
    let bare = middle(async || {
        std::process::Command::new("true").status().unwrap();
    });
    println!("fork and exec of true: {}", bare.await);
}

/// Opens a terminal and joins it.
async fn open(kit: &Kit, name: &str, argv: &str) -> Attachment {
    kit.call("terminal_open", &format!(r#"{{"name": "{name}", "argv": {argv}}}"#)).await.unwrap();
    let target = Target::Stream { server: "terminal".into(), id: name.into(), mode: StreamMode::Type };
    match kit.outcome(target, "{}", Live::default()).await.unwrap() {
        Outcome::Complete(Answer::Stream(stream)) => stream.0.attach(),
        other => panic!("{other:?}"),
    }
}

async fn middle(mut round: impl AsyncFnMut()) -> String {
    let mut took = Vec::new();
    for _ in 0..ROUNDS {
        let begun = Instant::now();
        round().await;
        took.push(begun.elapsed().as_secs_f64() * 1000.0);
    }
    took.sort_by(f64::total_cmp);
    format!("p50 {:.3} ms, p99 {:.3} ms", took[ROUNDS / 2], took[ROUNDS * 99 / 100])
}

//! Work ends when its call does.

use std::fs;
use std::time::{Duration, Instant};

use drawbridge_contract::{Cancellation, Live, Target};

use crate::sample::Sample;

#[tokio::test(flavor = "multi_thread")]
async fn a_search_ends_soon_after_it_is_cancelled() {
    let sample = Sample::new();
    // A file without an end in sight: a terabyte of nothing, read as one text.
    let file = fs::File::create(sample.at("huge.txt")).unwrap();
    file.set_len(1 << 40).unwrap();
    let live = Live { cancellation: Cancellation::new(), sink: None };
    let (cancellation, kit) = (live.cancellation.clone(), sample.kit.clone());
    let read = tokio::spawn(async move {
        let arguments = r#"{"path": "huge.txt", "from_line": 5, "encoding": "utf-8"}"#;
        kit.outcome(Target::Tool("files_read".into()), arguments, live).await
    });
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(!read.is_finished());
    let cancelled = Instant::now();
    cancellation.cancel();
    let done = format!("{:?}", read.await.unwrap());
    assert!(done.contains("cancelled"), "{done}");
    assert!(cancelled.elapsed() < Duration::from_secs(30));
}

#[tokio::test]
async fn a_call_that_is_dropped_stops_its_work() {
    let sample = Sample::new();
    fs::create_dir(sample.at("source")).unwrap();
    for number in 0..3000 {
        fs::write(sample.at(&format!("source/{number}")), "x").unwrap();
    }
    let copy = sample.kit.call("files_copy", r#"{"from": "source", "to": "copy"}"#);
    let _ = tokio::time::timeout(Duration::from_millis(2), copy).await;
    tokio::time::sleep(Duration::from_millis(1500)).await;
    let staged = || fs::read_dir(sample.at(".drawbridge-trash/staging")).map_or(0, Iterator::count);
    for _ in 0..1_200 {
        if staged() == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    // Whole or not at all, and nothing half-done is left.
    let copied = fs::read_dir(sample.at("copy")).map_or(0, Iterator::count);
    assert!(copied == 0 || copied == 3000, "{copied}");
    assert_eq!(staged(), 0);
}

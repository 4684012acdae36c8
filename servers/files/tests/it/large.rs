//! Very large files and folders, in bounded memory.

use std::fs;
use std::io::{Seek as _, SeekFrom, Write as _};
use std::time::Instant;

use crate::sample::Sample;

/// How many entries the large folder has, unless DRAWBRIDGE_TEST_ENTRIES says otherwise: a million takes a minute to
/// make on a disk.
const ENTRIES: usize = 100_000;

fn entries() -> usize {
    std::env::var("DRAWBRIDGE_TEST_ENTRIES").map_or(ENTRIES, |number| number.parse().unwrap())
}

/// The most memory this process had so far, in KiB.
fn memory_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[tokio::test]
async fn e8_a_sparse_terabyte() {
    let sample = Sample::new();
    let mut file = fs::File::create(sample.at("huge.txt")).unwrap();
    file.write_all(b"first\nsecond\n").unwrap();
    file.seek(SeekFrom::Start(1 << 40)).unwrap();
    file.write_all(b"\nlast line\n").unwrap();
    let started = Instant::now();
    let first = r#"{"path": "huge.txt", "lines": 1, "encoding": "utf-8"}"#;
    sample
        .kit
        .check("files_read", first, "first\n\n[Lines 1 to 1 of notes/huge.txt. Go on with from_line=2.]")
        .await;
    let last = r#"{"path": "huge.txt", "from_line": -1, "encoding": "utf-8"}"#;
    sample.kit.check("files_read", last, "last line").await;
    let middle = r#"{"path": "huge.txt", "from_byte": 500000000000, "bytes_max": 64}"#;
    sample.kit.check("files_read", middle, "[Go on with from_byte=500000000064 of 1099511627787.]").await;
    sample.kit.check("files_search", r#"{"pattern": "monday"}"#, "1 line in 1 file").await;
    sample
        .kit
        .check(
            "files_edit",
            r#"{"path": "huge.txt", "edits": [{"old_text": "a", "new_text": "b"}]}"#,
            "at most",
        )
        .await;
    assert!(started.elapsed().as_secs() < 60, "{:?}", started.elapsed());
}

#[tokio::test]
async fn e8_a_folder_of_very_many_entries() {
    let sample = Sample::new();
    let folder = sample.at("many");
    fs::create_dir(&folder).unwrap();
    let count = entries();
    for number in 0..count {
        fs::File::create(folder.join(format!("{number:07}.txt"))).unwrap();
    }
    let before = memory_kib();
    let page = sample.kit.data("files_list", r#"{"path": "many", "limit": 3, "descending": true}"#).await;
    assert_eq!(
        (page["total"].as_u64().unwrap(), &page["entries"][0]["name"]),
        (count as u64, &format!("{:07}.txt", count - 1).into())
    );
    let total = format!(r#""total":{count}"#);
    sample.kit.check("files_find", r#"{"pattern": "*.txt", "path": "many", "limit": 1}"#, &total).await;
    sample
        .kit
        .check("files_tree", r#"{"path": "many", "entries_max": 5}"#, &format!("… {} more", count - 5))
        .await;
    sample.kit.check("files_search", r#"{"pattern": "x", "path": "many"}"#, "[0 lines in 0 files").await;
    let grown = memory_kib().saturating_sub(before);
    // The names alone are more than a megabyte; other tests run in this process at the same time.
    assert!(grown < 64 * 1024, "{grown} KiB more");
}

#[tokio::test]
async fn a_file_of_many_lines_is_read_deep_inside() {
    let sample = Sample::new();
    let mut file = std::io::BufWriter::new(fs::File::create(sample.at("log.big")).unwrap());
    for line in 0..3_000_000 {
        writeln!(file, "{line} something happened").unwrap();
    }
    drop(file.into_inner().unwrap());
    let before = memory_kib();
    let deep = r#"{"path": "log.big", "from_line": 2500001, "lines": 2}"#;
    sample.kit.check("files_read", deep, "2500000 something happened\n2500001 something happened\n").await;
    sample
        .kit
        .check("files_read", r#"{"path": "log.big", "from_line": -1}"#, "2999999 something happened")
        .await;
    sample
        .kit
        .check("files_search", r#"{"pattern": "^2999999 "}"#, "3000000: 2999999 something happened")
        .await;
    assert!(memory_kib().saturating_sub(before) < 64 * 1024);
}

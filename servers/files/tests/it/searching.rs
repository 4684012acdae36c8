//! Finding by name and by contents.

use std::fs;

use serde_json::{Value, json};

use crate::sample::Sample;

/// A tree with known matches: 30 files of 10 lines, of which every third line matches.
fn forest() -> Sample {
    let sample = Sample::new();
    for number in 0..30 {
        let folder = sample.at(&format!("wood/{}", number % 4));
        fs::create_dir_all(&folder).unwrap();
        let text: String = (0..10)
            .map(|line| format!("{} {line}\n", if line % 3 == 0 { "Needle" } else { "hay" }))
            .collect();
        fs::write(folder.join(format!("{number:02}.txt")), text).unwrap();
    }
    sample
}

#[tokio::test]
async fn pages_of_matches_together_are_all() {
    let sample = forest();
    for context in [0, 1] {
        let mut arguments = json!({ "pattern": "needle", "path": "wood", "limit": 7, "context": context });
        let (mut found, mut rounds) = (Vec::new(), 0);
        loop {
            let result = sample.kit.call("files_search", &arguments.to_string()).await.unwrap();
            let said = result.content.plain_text();
            let mut file = String::new();
            for line in said.lines() {
                match line.split_once(": ") {
                    _ if line.starts_with("notes/") => file = line.to_owned(),
                    Some((number, text)) if text.starts_with("Needle") => {
                        found.push(format!("{file}:{number}"));
                    }
                    _ => {}
                }
            }
            rounds += 1;
            let about: Value = serde_json::from_str(result.meta.unwrap().get()).unwrap();
            assert_eq!(about["drawbridge/files"]["lines_total"], 120);
            match &about["drawbridge/files"]["next_cursor"] {
                Value::Null => break,
                cursor => arguments["cursor"] = cursor.clone(),
            }
        }
        let mut sorted = found.clone();
        sorted.sort_by_key(|found| {
            let (file, line) = found.split_once(':').unwrap();
            (file.to_owned(), line.parse::<u32>().unwrap())
        });
        sorted.dedup();
        assert_eq!((found.len(), rounds), (120, 18));
        assert_eq!(found, sorted);
    }
}

#[tokio::test]
async fn what_a_search_is_told() {
    let sample = Sample::new();
    let kit = &sample.kit;
    kit.check("files_search", r#"{"pattern": "ONIONS"}"#, "[0 lines in 0 files match").await;
    kit.check("files_search", r#"{"pattern": "ONIONS", "case": "insensitive"}"#, "2 lines in 2 files match")
        .await;
    kit.check("files_search", r#"{"pattern": "onion", "word": true}"#, "[0 lines").await;
    kit.check("files_search", r#"{"pattern": "a.*a", "literal": true}"#, "[0 lines").await;
    kit.check("files_search", r#"{"pattern": "("}"#, "literal=true takes it as plain text").await;
    kit.check("files_search", r#"{"pattern": "(", "literal": true}"#, "[0 lines").await;
    kit.check("files_search", r#"{"pattern": ""}"#, "a pattern is needed").await;
    kit.check(
        "files_search",
        r#"{"pattern": "salt", "path": "recipes/soup.md", "context": 1}"#,
        "1- # Soup\n2: Water",
    )
    .await;
    kit.check("files_search", r#"{"pattern": "quiet", "hidden": true}"#, "notes/.hidden\n1: quiet").await;
    kit.check("files_search", r##"{"pattern": "#", "globs": ["*.md", "!*c*.md"]}"##, "3 lines in 3 files")
        .await;
    kit.check("files_search", r##"{"pattern": "#", "globs": ["recipes/**"]}"##, "2 lines in 2 files").await;
    kit.check(
        "files_search",
        r##"{"pattern": "^# ", "files_only": true, "limit": 1}"##,
        "notes/plans/2026/garden.md: 1\n[4 lines in 4 files",
    )
    .await;
    fs::write(sample.at(".gitignore"), "recipes\n").unwrap();
    kit.check("files_search", r#"{"pattern": "onions?"}"#, "1 line in 1 file").await;
    kit.check("files_search", r#"{"pattern": "onions?", "ignored": true}"#, "2 lines in 2 files").await;
}

#[tokio::test]
async fn binary_long_and_foreign_files() {
    let sample = Sample::new();
    fs::write(sample.at("bin"), b"needle\0needle").unwrap();
    let utf_16: Vec<u8> = "\u{feff}a\nneedle\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    fs::write(sample.at("utf16.txt"), utf_16).unwrap();
    fs::write(sample.at("min.js"), format!("{}needle{}", "x".repeat(100_000), "y".repeat(100_000))).unwrap();
    let said = sample.kit.says("files_search", r#"{"pattern": "needle"}"#).await;
    assert!(said.contains("notes/utf16.txt\n2: needle\n"), "{said}");
    assert!(said.contains("Not searched, because not text: 1 file."), "{said}");
    assert!(said.contains("xxxneedleyyy") && said.len() < 2_000, "{said}");
}

#[tokio::test]
async fn a_pattern_that_would_be_a_catastrophe_elsewhere() {
    let sample = Sample::new();
    fs::write(sample.at("a.txt"), format!("{}!\n", "a".repeat(50_000))).unwrap();
    let started = std::time::Instant::now();
    sample.kit.check("files_search", r#"{"pattern": "(a+)+$", "path": "a.txt"}"#, "[0 lines").await;
    sample.kit.check("files_search", r#"{"pattern": "(x{1000}){1000}"}"#, "the pattern cannot be used").await;
    assert!(started.elapsed() < std::time::Duration::from_secs(60));
}

#[tokio::test]
async fn names_by_glob_and_by_letters() {
    let sample = forest();
    let kit = &sample.kit;
    kit.check("files_find", r#"{"pattern": "*.MD"}"#, r#""total":4"#).await;
    kit.check("files_find", r#"{"pattern": "*.MD", "case_sensitive": true}"#, r#""total":0"#).await;
    kit.check("files_find", r#"{"pattern": "wood/*/0?.txt"}"#, r#""total":10"#).await;
    kit.check("files_find", r#"{"pattern": "*", "kind": "directory", "depth": 1}"#, r#""total":3"#).await;
    let best = kit.data("files_find", r#"{"pattern": "soup"}"#).await;
    assert_eq!(best["matches"][0]["path"], "notes/recipes/soup.md");
    let mut arguments = json!({ "pattern": "txt", "path": "wood", "limit": 7 });
    let mut paths = Vec::new();
    loop {
        let page = kit.data("files_find", &arguments.to_string()).await;
        assert_eq!(page["total"], 30);
        paths.extend(page["matches"].as_array().unwrap().iter().map(|found| found["path"].to_string()));
        match page.get("next_cursor") {
            Some(cursor) => arguments["cursor"] = cursor.clone(),
            None => break,
        }
    }
    paths.sort();
    paths.dedup();
    assert_eq!(paths.len(), 30);
    kit.check("files_find", r#"{"pattern": " "}"#, "a pattern is needed").await;
    kit.check("files_find", r#"{"pattern": "{a"}"#, "the glob cannot be read").await;
}

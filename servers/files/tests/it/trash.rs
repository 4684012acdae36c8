//! What was removed or replaced can be had back.

use std::fs;

use drawbridge_files::TrashSettings;
use serde_json::Value;

use crate::sample::Sample;

async fn entries(sample: &Sample, arguments: &str) -> Vec<Value> {
    sample.kit.data("files_trash", arguments).await["entries"].as_array().unwrap().clone()
}

#[tokio::test]
async fn a_folder_comes_back_as_it_was() {
    let sample = Sample::new();
    let full = r#"{"path": "recipes"}"#;
    sample.kit.check("files_delete", full, "is not empty; recursive=true").await;
    let data = sample.kit.data("files_delete", r#"{"path": "recipes", "recursive": true}"#).await;
    assert!(!sample.at("recipes").exists());
    let listed = entries(&sample, "{}").await;
    assert_eq!((&listed[0]["path"], &listed[0]["size_bytes"]), (&"notes/recipes".into(), &55.into()));
    let id = data["trash_id"].as_str().unwrap();
    let restore = format!(r#"{{"trash_id": "{id}"}}"#);
    sample.kit.check("files_restore", &restore, "notes/recipes").await;
    assert_eq!(sample.text("recipes/soup.md"), "# Soup\nWater, salt, onions.\n");
    sample.kit.check("files_restore", &restore, "in the trash; files_trash shows").await;
    assert!(entries(&sample, "{}").await.is_empty());
}

#[tokio::test]
async fn an_earlier_version_comes_back() {
    let sample = Sample::new();
    for content in ["two", "three"] {
        let write = format!(r#"{{"path": "log.txt", "content": "{content}"}}"#);
        sample.kit.check("files_write", &write, "trash_id").await;
    }
    let versions = entries(&sample, r#"{"path": "log.txt"}"#).await;
    assert_eq!(versions.len(), 2);
    assert!(versions.iter().all(|version| version["why"] == "replaced"));
    let oldest = versions[1]["trash_id"].as_str().unwrap();
    let restore = format!(r#"{{"trash_id": "{oldest}"}}"#);
    sample.kit.check("files_restore", &restore, "notes/log.txt is there already").await;
    let beside = format!(r#"{{"trash_id": "{oldest}", "to": "was/log.txt"}}"#);
    sample.kit.check("files_restore", &beside, "notes/was/log.txt").await;
    assert_eq!(sample.text("was/log.txt"), "monday\ntuesday\n");
    let newer = versions[0]["trash_id"].as_str().unwrap();
    let over = format!(r#"{{"trash_id": "{newer}", "overwrite": true}}"#);
    sample.kit.check("files_restore", &over, "trash_id").await;
    assert_eq!(sample.text("log.txt"), "two");
    assert_eq!(entries(&sample, r#"{"path": "log.txt"}"#).await.len(), 1);
}

#[tokio::test]
async fn pages_of_the_trash() {
    let sample = Sample::new();
    for number in 0..25 {
        fs::write(sample.at(&format!("{number}.tmp")), "x").unwrap();
        sample.kit.check("files_delete", &format!(r#"{{"path": "{number}.tmp"}}"#), "trash_id").await;
    }
    let first = sample.kit.data("files_trash", r#"{"limit": 10}"#).await;
    assert_eq!(first["entries"][0]["path"], "notes/24.tmp");
    let mut cursor = first["next_cursor"].clone();
    let mut count = 10;
    while !cursor.is_null() {
        let page = sample.kit.data("files_trash", &format!(r#"{{"limit": 10, "cursor": {cursor}}}"#)).await;
        count += page["entries"].as_array().unwrap().len();
        cursor = page["next_cursor"].clone();
    }
    assert_eq!(count, 25);
}

#[tokio::test]
async fn the_trash_is_bounded() {
    let bounds = TrashSettings { entries_max: 10, bytes_max: 1 << 20, days_max: 30 };
    let sample = Sample::with(|settings| drawbridge_files::FilesSettings { trash: bounds, ..settings });
    for number in 0..150 {
        let write = format!(r#"{{"path": "log.txt", "content": "{number}"}}"#);
        sample.kit.check("files_write", &write, "trash_id").await;
    }
    // Looked at after every 64: at most that many more than the bound.
    let left = entries(&sample, r#"{"limit": 500}"#).await.len();
    assert!((10..10 + 64).contains(&left), "{left}");
    // What went in last stays, even if it alone is too large.
    fs::write(sample.at("huge"), vec![b'x'; 2 << 20]).unwrap();
    let data = sample.kit.data("files_delete", r#"{"path": "huge"}"#).await;
    let listed = entries(&sample, "{}").await;
    assert_eq!((listed.len(), &listed[0]["trash_id"]), (1, &data["trash_id"]));
}

#[tokio::test]
async fn purging_is_for_good() {
    let sample = Sample::new();
    sample.kit.check("files_purge", r#"{"path": "recipes"}"#, "is not empty").await;
    sample.kit.check("files_purge", r#"{"path": "recipes", "recursive": true}"#, "notes/recipes").await;
    assert!(!sample.at("recipes").exists() && entries(&sample, "{}").await.is_empty());
    let data = sample.kit.data("files_delete", r#"{"path": "old.txt"}"#).await;
    sample.kit.check("files_delete", r#"{"path": "log.txt"}"#, "trash_id").await;
    let one = format!(r#"{{"trash_id": {}}}"#, data["trash_id"]);
    sample.kit.check("files_purge", &one, "notes/old.txt").await;
    sample.kit.check("files_purge", r#"{"trash_id": "all"}"#, "notes/log.txt").await;
    assert!(entries(&sample, "{}").await.is_empty());
    sample.kit.check("files_purge", "{}", "give either path or trash_id").await;
    sample.kit.check("files_purge", r#"{"trash_id": "../todo.md"}"#, "in the trash").await;
    assert!(sample.at("todo.md").exists());
}

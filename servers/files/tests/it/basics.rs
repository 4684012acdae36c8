//! Reading, listing and writing, as people do every day.

use std::fs;

use crate::sample::Sample;

#[tokio::test]
async fn a_file_is_listed_read_and_written() {
    let sample = Sample::new();
    let kit = &sample.kit;
    kit.check("files_list", r#"{"path": "notes"}"#, r#""name":"recipes","kind":"directory""#).await;
    kit.check("files_list", "{}", r#""total":5"#).await;
    kit.check("files_read", r#"{"path": "todo.md"}"#, "- milk").await;
    kit.check("files_write", r#"{"path": "todo.md", "content": "done\n"}"#, "trash_id").await;
    assert_eq!(sample.text("todo.md"), "done\n");
    assert!(fs::read_dir(sample.at(".drawbridge-trash/staging")).unwrap().next().is_none());
    kit.check("files_write", r#"{"path": "todo.md", "content": "more\n", "append": true}"#, r#""size_bytes":10"#).await;
    assert_eq!(sample.text("todo.md"), "done\nmore\n");
    kit.check("files_write", r#"{"path": "todo.md", "content": "", "create_only": true}"#, "there already").await;
    kit.check("files_write", r#"{"path": "a/b/c.txt", "content": "x"}"#, "there is nothing at notes/a").await;
    kit.check("files_write", r#"{"path": "a/b/c.txt", "content": "x", "make_parents": true}"#, "\"created\":true").await;
}

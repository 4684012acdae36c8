//! Reading, listing and writing, as people do every day.

use std::fs;
use std::io::Write as _;

use crate::sample::Sample;

#[tokio::test]
async fn every_example_gives_what_it_says() {
    let sample = Sample::new();
    fs::write(sample.at("plans/letter.docx"), letter()).unwrap();
    sample.kit.check_examples().await;
}

/// A Word document of two paragraphs.
fn letter() -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    writer.start_file("word/document.xml", zip::write::SimpleFileOptions::default()).unwrap();
    let xml = "<w:document><w:body><w:p><w:r><w:t>Dear reader,</w:t></w:r></w:p>\
               <w:p><w:r><w:t>all is well.</w:t></w:r></w:p></w:body></w:document>";
    writer.write_all(xml.as_bytes()).unwrap();
    writer.finish().unwrap().into_inner()
}

#[tokio::test]
async fn a_word_document_is_read_and_changed_and_its_old_version_kept() {
    let sample = Sample::new();
    let kit = &sample.kit;
    fs::write(sample.at("letter.docx"), letter()).unwrap();
    kit.check(
        "files_docx_read",
        r#"{"path": "letter.docx", "from": 1}"#,
        r#"[{"index":1,"text":"all is well."}],"total":2"#,
    )
    .await;
    let edit = r#"{"path": "letter.docx", "paragraphs": [{"index": 1, "new_text": "all is <new>."}]}"#;
    kit.check("files_docx_edit", edit, r#""changed":1"#).await;
    kit.check("files_docx_read", r#"{"path": "letter.docx"}"#, r#""text":"all is <new>.""#).await;
    kit.check("files_trash", "{}", "letter.docx").await;
    let beyond = r#"{"path": "letter.docx", "paragraphs": [{"index": 0, "new_text": "x"}, {"index": 2, "new_text": "y"}]}"#;
    kit.check("files_docx_edit", beyond, "there is no paragraph 2: it has 2").await;
    kit.check("files_docx_read", r#"{"path": "letter.docx"}"#, "Dear reader,").await;
    kit.check(
        "files_docx_edit",
        r#"{"path": "letter.docx", "paragraphs": [{"index": 0, "new_text": "x"}], "if_revision": "old"}"#,
        "has changed since",
    )
    .await;
    kit.check("files_docx_read", r#"{"path": "todo.md"}"#, "no Word document").await;
}

#[tokio::test]
async fn a_file_is_listed_read_and_written() {
    let sample = Sample::new();
    let kit = &sample.kit;
    let listed = "plans/\nrecipes/\nlog.txt\nold.txt\ntodo.md\n[5 of 5 entries of notes. 1 hidden ones are not counted.]\n";
    assert_eq!(kit.says("files_list", r#"{"path": "notes"}"#).await, listed);
    assert_eq!(kit.says("files_list", "{}").await, listed);
    kit.check("files_read", r#"{"path": "todo.md"}"#, "- milk").await;
    kit.check("files_write", r#"{"path": "todo.md", "content": "done\n"}"#, "trash_id").await;
    assert_eq!(sample.text("todo.md"), "done\n");
    assert!(fs::read_dir(sample.at(".drawbridge-trash/staging")).unwrap().next().is_none());
    let more = r#"{"path": "todo.md", "content": "more\n", "append": true}"#;
    kit.check("files_write", more, r#""size_bytes":10"#).await;
    assert_eq!(sample.text("todo.md"), "done\nmore\n");
    kit.check("files_write", r#"{"path": "todo.md", "content": "", "create_only": true}"#, "there already")
        .await;
    kit.check("files_write", r#"{"path": "a/b/c.txt", "content": "x"}"#, "there is nothing at notes/a").await;
    let deep = r#"{"path": "a/b/c.txt", "content": "x", "make_parents": true}"#;
    kit.check("files_write", deep, r#""created":true"#).await;
    kit.check("files_write", r#"{"path": "b.bin", "content": "AAEC", "encoding": "base64"}"#, "revision")
        .await;
    assert_eq!(fs::read(sample.at("b.bin")).unwrap(), [0, 1, 2]);
    kit.check("files_write", r#"{"path": "b.bin", "content": "?", "encoding": "base64"}"#, "not base64")
        .await;
    kit.check("files_write", r#"{"path": "recipes", "content": "?"}"#, "notes/recipes is a directory").await;
}

#[tokio::test]
async fn a_change_that_someone_else_made_is_not_overwritten() {
    let sample = Sample::new();
    let seen = sample.kit.data("files_stat", r#"{"path": "todo.md"}"#).await["revision"]
        .as_str()
        .unwrap()
        .to_owned();
    fs::write(sample.at("todo.md"), "from another program").unwrap();
    let write = format!(r#"{{"path": "todo.md", "content": "mine", "if_revision": "{seen}"}}"#);
    sample.kit.check("files_write", &write, "has changed since").await;
    let edits = r#"[{"old_text": "from", "new_text": "by"}]"#;
    let edit = format!(r#"{{"path": "todo.md", "edits": {edits}, "if_revision": "{seen}"}}"#);
    sample.kit.check("files_edit", &edit, "has changed since").await;
    assert_eq!(sample.text("todo.md"), "from another program");
    let gone = r#"{"path": "gone.md", "content": "x", "if_revision": "1-2-3"}"#;
    sample.kit.check("files_write", gone, "there is nothing at notes/gone.md").await;
}

#[cfg(unix)]
#[tokio::test]
async fn permissions_stay_when_a_file_is_replaced() {
    use std::os::unix::fs::PermissionsExt as _;
    let sample = Sample::new();
    fs::set_permissions(sample.at("todo.md"), fs::Permissions::from_mode(0o640)).unwrap();
    sample.kit.check("files_write", r#"{"path": "todo.md", "content": "x"}"#, "revision").await;
    assert_eq!(fs::metadata(sample.at("todo.md")).unwrap().permissions().mode() & 0o7777, 0o640);
}

#[tokio::test]
async fn moving_and_copying() {
    let sample = Sample::new();
    let kit = &sample.kit;
    kit.check("files_move", r#"{"from": "todo.md", "to": "recipes"}"#, "notes/recipes is there already")
        .await;
    kit.check("files_move", r#"{"from": "todo.md", "to": "log.txt"}"#, "there already").await;
    kit.check("files_move", r#"{"from": "todo.md", "to": "log.txt", "overwrite": true}"#, "trash_id").await;
    assert!(sample.text("log.txt").starts_with("# To do"));
    kit.check("files_move", r#"{"from": "recipes", "to": "recipes/inner"}"#, "nothing can go into itself")
        .await;
    kit.check("files_copy", r#"{"from": "recipes", "to": "recipes/inner"}"#, "nothing can go into itself")
        .await;
    kit.check("files_copy", r#"{"from": "recipes", "to": "x/y"}"#, "there is nothing at notes/x").await;
    kit.check("files_copy", r#"{"from": "recipes", "to": "x/y", "make_parents": true}"#, r#""files":2"#)
        .await;
    assert_eq!(sample.text("x/y/soup.md"), sample.text("recipes/soup.md"));
    kit.check("files_copy", r#"{"from": "log.txt", "to": "log.txt", "overwrite": true}"#, "there already")
        .await;
    kit.check("files_copy", r#"{"from": "log.txt", "to": "old.txt", "overwrite": true}"#, r#""files":1"#)
        .await;
    kit.check("files_copy", r#"{"from": "recipes", "to": "plans", "overwrite": true}"#, "trash_id").await;
    assert!(sample.at("plans/cake.md").exists() && !sample.at("plans/2026").exists());
    kit.check("files_mkdir", r#"{"path": "plans/cake.md/x"}"#, "notes/plans/cake.md is not a directory")
        .await;
    kit.check("files_mkdir", r#"{"path": "plans"}"#, r#""created":false"#).await;
}

#[tokio::test]
async fn several_files_at_once() {
    let sample = Sample::new();
    let said = sample
        .kit
        .says("files_read_many", r#"{"paths": ["log.txt", "nowhere", "recipes", "old.txt"]}"#)
        .await;
    assert!(said.contains("==> notes/log.txt <==\nmonday\n"), "{said}");
    assert!(said.contains("==> nowhere <==\n[there is nothing at notes/nowhere"), "{said}");
    assert!(said.contains("==> recipes <==\n[notes/recipes is a directory"), "{said}");
    assert!(said.contains("no longer needed"), "{said}");
    let many = serde_json::json!({ "paths": vec!["log.txt"; 101] });
    sample.kit.check("files_read_many", &many.to_string(), "101 paths are too many").await;
}

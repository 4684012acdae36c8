//! Editing text.

use std::fs;

use expect_test::expect;

use crate::sample::Sample;

#[tokio::test]
async fn several_edits_are_made_or_none() {
    let sample = Sample::new();
    let both = r#"{"path": "todo.md", "edits": [
        {"old_text": "- milk\n", "new_text": ""}, {"old_text": "Ada", "new_text": "Grace"}]}"#;
    let said = sample.kit.says("files_edit", both).await;
    let said = said.split_once('\n').unwrap().1;
    expect![[r#"
        --- notes/todo.md
        +++ notes/todo.md
        @@ -1,4 +1,3 @@
         # To do
        -- milk
         - bread
        -- write to Ada
        +- write to Grace
    "#]]
    .assert_eq(said);
    assert_eq!(sample.text("todo.md"), "# To do\n- bread\n- write to Grace\n");
    let half = r#"{"path": "todo.md", "edits": [
        {"old_text": "bread", "new_text": "butter"}, {"old_text": "write to Grac ", "new_text": "x"}]}"#;
    let said = sample.kit.says("files_edit", half).await;
    assert!(said.contains("No edit was made: edit 2 of 2: old_text is not in the file."), "{said}");
    assert!(said.contains("The nearest is from line 3:\n- write to Grace"), "{said}");
    assert_eq!(sample.text("todo.md"), "# To do\n- bread\n- write to Grace\n");
}

#[tokio::test]
async fn a_dry_run_and_a_change_that_is_none_leave_the_file() {
    let sample = Sample::new();
    let before = fs::metadata(sample.at("log.txt")).unwrap().modified().unwrap();
    let dry =
        r#"{"path": "log.txt", "edits": [{"old_text": "monday", "new_text": "sunday"}], "dry_run": true}"#;
    sample.kit.check("files_edit", dry, "Would change 1 place in notes/log.txt; nothing was changed.").await;
    let none = r#"{"path": "log.txt", "edits": [{"old_text": "monday", "new_text": "monday"}]}"#;
    sample.kit.check("files_edit", none, "is already so; nothing was changed.").await;
    assert_eq!(fs::metadata(sample.at("log.txt")).unwrap().modified().unwrap(), before);
}

#[tokio::test]
async fn encoding_mark_and_line_ends_stay() {
    let sample = Sample::new();
    let utf_16: Vec<u8> = "\u{feff}one\r\ntwo\r\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    fs::write(sample.at("w.txt"), utf_16).unwrap();
    let edit = r#"{"path": "w.txt", "edits": [{"old_text": "one\ntwo", "new_text": "eins\nzwei €"}]}"#;
    sample.kit.check("files_edit", edit, "+zwei €").await;
    let after: Vec<u8> = "\u{feff}eins\r\nzwei €\r\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(fs::read(sample.at("w.txt")).unwrap(), after);
    fs::write(sample.at("l.txt"), b"Gr\xfc\xdfe aus K\xf6ln, sch\xf6ne Gr\xfc\xdfe").unwrap();
    let edit = r#"{"path": "l.txt", "edits": [{"old_text": "Köln", "new_text": "Lübeck"}]}"#;
    sample.kit.check("files_edit", edit, "+Grüße aus Lübeck").await;
    assert_eq!(fs::read(sample.at("l.txt")).unwrap(), b"Gr\xfc\xdfe aus L\xfcbeck, sch\xf6ne Gr\xfc\xdfe");
    let edit = r#"{"path": "l.txt", "edits": [{"old_text": "Grüße aus", "new_text": "世界"}]}"#;
    sample.kit.check("files_edit", edit, "lacks a character").await;
}

#[tokio::test]
async fn what_is_no_text_is_not_edited() {
    let sample = Sample::new();
    fs::write(sample.at("b.bin"), [0, 1, 2]).unwrap();
    let edit =
        |path: &str| format!(r#"{{"path": "{path}", "edits": [{{"old_text": "a", "new_text": "b"}}]}}"#);
    sample.kit.check("files_edit", &edit("b.bin"), "is not a text").await;
    sample.kit.check("files_edit", &edit("recipes"), "is a directory").await;
    sample.kit.check("files_edit", &edit("nowhere"), "there is nothing at").await;
    fs::write(sample.at("mixed.txt"), [b"plain text and then ".repeat(4000), vec![0xff]].concat()).unwrap();
    sample.kit.check("files_edit", &edit("mixed.txt"), "which an edit would destroy").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn edits_of_one_file_at_the_same_time_all_count() {
    let sample = Sample::new();
    let lines: String = (0..40).map(|number| format!("<{number}>\n")).collect();
    fs::write(sample.at("shared.txt"), lines).unwrap();
    let edits = (0..40).map(|number| {
        let kit = sample.kit.clone();
        tokio::spawn(async move {
            let edit = format!(
                r#"{{"path": "shared.txt", "edits": [{{"old_text": "<{number}>", "new_text": "done"}}]}}"#
            );
            kit.check("files_edit", &edit, "Changed 1 place").await;
        })
    });
    for edit in edits.collect::<Vec<_>>() {
        edit.await.unwrap();
    }
    assert_eq!(sample.text("shared.txt"), "done\n".repeat(40));
}

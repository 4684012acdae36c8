//! What comes back from files of every kind.

use std::fs;

use serde_json::Value;

use crate::sample::Sample;

async fn blocks(sample: &Sample, arguments: &str) -> Vec<Value> {
    sample.kit.call("files_read", arguments).await.unwrap().content.parse().unwrap()
}

#[tokio::test]
async fn the_text_of_a_file_comes_once_and_exactly() {
    let sample = Sample::new();
    fs::write(sample.at("odd.txt"), "\u{feff}tabs\t\"quotes\" \\ \r\nÄ 世 🦀\u{1}").unwrap();
    let result = sample.kit.call("files_read", r#"{"path": "odd.txt"}"#).await.unwrap();
    assert_eq!(result.content.plain_text(), "tabs\t\"quotes\" \\ \r\nÄ 世 🦀\u{1}");
    assert!(result.structured.is_none(), "the text would come twice, or not at all");
    let about: Value = serde_json::from_str(result.meta.unwrap().get()).unwrap();
    assert_eq!(about["drawbridge/files"]["encoding"], "UTF-8");
    assert!(about["drawbridge/files"]["revision"].is_string());
}

#[tokio::test]
async fn parts_say_how_to_go_on() {
    let sample = Sample::new();
    let text: String = (1..=1000).map(|line| format!("line {line}\n")).collect();
    fs::write(sample.at("long.txt"), &text).unwrap();
    let part = r#"{"path": "long.txt", "from_line": 10, "lines": 2}"#;
    let said = sample.kit.says("files_read", part).await;
    assert_eq!(
        said,
        "line 10\nline 11\n\n[Lines 10 to 11 of 1000 of notes/long.txt. Go on with from_line=12.]"
    );
    let said = sample.kit.says("files_read", r#"{"path": "long.txt", "from_line": -2}"#).await;
    assert!(said.starts_with("line 999\nline 1000\n"), "{said}");
    let (mut whole, mut from) = (String::new(), 0);
    loop {
        let arguments = format!(r#"{{"path": "long.txt", "from_byte": {from}, "bytes_max": 1000}}"#);
        let result = sample.kit.call("files_read", &arguments).await.unwrap();
        whole.push_str(result.content.parse().unwrap()[0]["text"].as_str().unwrap());
        let about: Value = serde_json::from_str(result.meta.unwrap().get()).unwrap();
        match about["drawbridge/files"]["next_byte"].as_u64() {
            Some(next) => from = next,
            None => break,
        }
    }
    assert_eq!(whole, text);
    sample
        .kit
        .check("files_read", r#"{"path": "long.txt", "from_line": 5000}"#, "There are no lines here")
        .await;
    sample
        .kit
        .check("files_read", r#"{"path": "long.txt", "from_line": 5, "from_byte": 5}"#, "not both")
        .await;
}

#[tokio::test]
async fn other_encodings_are_read_as_text() {
    let sample = Sample::new();
    let utf_16: Vec<u8> = "\u{feff}Grüße\nzwei\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    fs::write(sample.at("utf16.txt"), utf_16).unwrap();
    sample.kit.check("files_read", r#"{"path": "utf16.txt"}"#, "Grüße\nzwei\n").await;
    sample.kit.check("files_read", r#"{"path": "utf16.txt", "from_line": 2}"#, "zwei\n").await;
    fs::write(sample.at("latin.txt"), b"Gr\xfc\xdfe aus K\xf6ln, sch\xf6ne Gr\xfc\xdfe").unwrap();
    sample.kit.check("files_read", r#"{"path": "latin.txt"}"#, "Grüße aus Köln").await;
    sample.kit.check("files_read", r#"{"path": "latin.txt", "encoding": "windows-1251"}"#, "GrьЯe").await;
    sample.kit.check("files_read", r#"{"path": "latin.txt", "encoding": "base64"}"#, "").await;
    sample
        .kit
        .check("files_read", r#"{"path": "latin.txt", "encoding": "klingon"}"#, "klingon is no encoding")
        .await;
    let mut broken = "long enough to be text\n".repeat(5000).into_bytes();
    broken.push(0xff);
    fs::write(sample.at("broken.txt"), broken).unwrap();
    sample.kit.check("files_read", r#"{"path": "broken.txt"}"#, "Some bytes are not valid UTF-8").await;
}

#[tokio::test]
async fn what_is_no_text_comes_as_what_it_is() {
    let sample = Sample::new();
    let png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0";
    fs::write(sample.at("dot.png"), png).unwrap();
    fs::write(sample.at("data.bin"), [0, 1, 2, 3]).unwrap();
    let image = &blocks(&sample, r#"{"path": "dot.png"}"#).await[0];
    assert_eq!((image["type"].as_str(), image["mimeType"].as_str()), (Some("image"), Some("image/png")));
    let data = &blocks(&sample, r#"{"path": "data.bin"}"#).await[0];
    assert_eq!(data["resource"]["blob"], "AAECAw==");
    assert_eq!(data["resource"]["uri"], "file:///notes/data.bin");
    let data =
        blocks(&sample, r#"{"path": "dot.png", "encoding": "base64", "bytes_max": 16, "from_byte": 1}"#)
            .await;
    assert_eq!(data[0]["type"], "resource");
    assert_eq!(data[1]["text"], "[Go on with from_byte=17 of 29.]");
    sample.kit.check("files_read", r#"{"path": "data.bin", "from_line": 1}"#, "has no lines").await;
    sample.kit.check("files_read", r#"{"path": "recipes"}"#, "is a directory").await;
    sample.kit.check("files_read", r#"{"path": "nowhere.md"}"#, "there is nothing at notes/nowhere.md").await;
}

#[tokio::test]
async fn an_empty_file_is_an_empty_text() {
    let sample = Sample::new();
    fs::write(sample.at("empty"), "").unwrap();
    assert_eq!(sample.kit.says("files_read", r#"{"path": "empty"}"#).await, "");
}

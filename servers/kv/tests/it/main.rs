//! The tools through the kit's door: every example, and what callers rely on.
#![expect(clippy::unwrap_used, reason = "a test that fails should say where")]

use std::fmt::Write as _;

use drawbridge_contract::Server as _;
use drawbridge_contract::kit::Kit;
use drawbridge_kv::Kv;
use expect_test::expect_file;

fn open() -> (tempfile::TempDir, Kit) {
    let folder = tempfile::tempdir().unwrap();
    let kit = Kit::of(Kv::open(folder.path()).unwrap());
    (folder, kit)
}

#[tokio::test]
async fn every_example_holds() {
    let (_folder, kit) = open();
    kit.check_examples().await;
}

#[tokio::test]
async fn what_is_set_is_found_until_it_is_deleted() {
    let (_folder, kit) = open();
    kit.check("kv_set", r#"{"key": "a", "value": [1, {"b": null}]}"#, r#""key":"a""#).await;
    kit.check("kv_get", r#"{"key": "a"}"#, r#""value":[1,{"b":null}],"found":true"#).await;
    kit.check("kv_get", r#"{"key": "a", "shared": true}"#, r#""found":false"#).await;
    kit.check("kv_set", r#"{"key": "a", "value": 2, "create_only": true}"#, "there already").await;
    kit.check("kv_delete", r#"{"key": "a"}"#, r#""deleted":true"#).await;
    kit.check("kv_get", r#"{"key": "a"}"#, r#""value":null,"found":false"#).await;
}

#[tokio::test]
async fn keys_are_listed_by_their_beginning_page_by_page() {
    let (_folder, kit) = open();
    for key in ["user:1", "user:2", "user:3", "user_x", "User:9", "é"] {
        kit.says("kv_set", &format!(r#"{{"key": "{key}", "value": 1}}"#)).await;
    }
    kit.check(
        "kv_list",
        r#"{"prefix": "user:", "limit": 2}"#,
        r#"{"keys":[{"key":"user:1"},{"key":"user:2"}],"more":true}"#,
    )
    .await;
    kit.check(
        "kv_list",
        r#"{"prefix": "user:", "limit": 2, "after": "user:2"}"#,
        r#"{"keys":[{"key":"user:3"}],"more":false}"#,
    )
    .await;
    kit.check("kv_list", r#"{"prefix": "é"}"#, r#"{"keys":[{"key":"é"}],"more":false}"#).await;
}

#[tokio::test]
async fn a_file_that_is_none_of_ours_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    drop(Kv::open(folder.path()).unwrap());
    std::fs::write(
        folder.path().join("kv.db"),
        "this is no database, and long enough to be read as one. ".repeat(20),
    )
    .unwrap();
    let error = Kv::open(folder.path()).err().unwrap().to_string();
    assert!(error.contains("kv.db"), "{error}");
}

#[test]
fn the_documentation_is_in_step() {
    let folder = tempfile::tempdir().unwrap();
    let mut tools = String::new();
    for tool in Kv::open(folder.path()).unwrap().tools() {
        let spec = tool.spec();
        let kind = if spec.annotations.read_only { "reads" } else { "changes" };
        let _ = write!(tools, "### `{}` ({kind})\n\n{}\n\n", spec.name, spec.description);
        for example in spec.examples {
            let _ = write!(tools, "{}\n\n```json\n{}\n```\n\n", example.says, example.args);
        }
    }
    let generated = format!(
        "# The tools of the kv server\n\n<!-- Made by the test `the_documentation_is_in_step` from the tools' own \
         descriptions: run it with UPDATE_EXPECT=1 to renew this file. -->\n\n[gateway.md](gateway.md) tells what they keep, and \
         for whom.\n\n{}\n",
        tools.trim_end()
    );
    expect_file!["../../../../docs/kv-tools.md"].assert_eq(&generated);
}

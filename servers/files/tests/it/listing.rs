//! Lists and trees.

use std::collections::BTreeSet;
use std::fs;

use crate::sample::Sample;

#[tokio::test]
async fn pages_together_are_the_whole_in_any_order() {
    let sample = Sample::new();
    fs::create_dir(sample.at("many")).unwrap();
    for number in 0..57 {
        fs::write(sample.at(&format!("many/{number:02}.txt")), "x".repeat(number % 7)).unwrap();
        fs::create_dir_all(sample.at(&format!("many/d{}", number % 5))).unwrap();
    }
    for sort in ["name", "size", "modified"] {
        for descending in [true, false] {
            let mut arguments =
                serde_json::json!({ "path": "many", "sort": sort, "descending": descending, "limit": 10 });
            let (mut names, mut pages) = (Vec::new(), 0);
            loop {
                let page = sample.kit.data("files_list", &arguments.to_string()).await;
                assert_eq!(page["total"], 62);
                names.extend(
                    page["entries"].as_array().unwrap().iter().map(|entry| entry["name"].to_string()),
                );
                pages += 1;
                let Some(cursor) = page.get("next_cursor") else { break };
                arguments["cursor"] = cursor.clone();
            }
            assert_eq!((names.len(), pages), (62, 7), "{sort} {descending}");
            assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), 62);
            assert!(names[..5].iter().all(|name| name.starts_with("\"d")), "{names:?}");
        }
    }
    sample.kit.check("files_list", r#"{"cursor": "abc"}"#, "this cursor is not one").await;
}

#[tokio::test]
async fn order_details_and_rules() {
    let sample = Sample::new();
    let largest =
        r#"{"sort": "size", "descending": true, "details": true, "limit": 1, "directories_first": false}"#;
    fs::write(sample.at("large.txt"), "x".repeat(100_000)).unwrap();
    let page = sample.kit.data("files_list", largest).await;
    assert_eq!(page["entries"][0]["name"], "large.txt");
    assert_eq!(page["entries"][0]["size_bytes"], 100_000);
    assert!(page["entries"][0]["modified"].as_str().unwrap().starts_with("20"));
    let page = sample.kit.data("files_list", "{}").await;
    assert_eq!(page["hidden"], 1);
    sample.kit.check("files_list", r#"{"hidden": true}"#, ".hidden").await;
    fs::write(sample.at(".gitignore"), "*.txt\n!log.txt\n/recipes/\n").unwrap();
    let names = |page: serde_json::Value| {
        let names = page["entries"]
            .as_array()
            .unwrap()
            .iter()
            .map(|entry| entry["name"].as_str().unwrap().to_owned());
        names.collect::<Vec<String>>()
    };
    let page = sample.kit.data("files_list", r#"{"skip_ignored": true}"#).await;
    assert_eq!(names(page), ["plans", "log.txt", "todo.md"]);
    fs::write(sample.at("plans/.ignore"), "2026\n").unwrap();
    let page = sample.kit.data("files_list", r#"{"path": "plans", "skip_ignored": true}"#).await;
    assert!(names(page).is_empty());
    sample.kit.check("files_list", r#"{"path": "todo.md"}"#, "notes/todo.md is not a directory").await;
}

#[tokio::test]
async fn a_tree_shows_upper_levels_first() {
    let sample = Sample::new();
    let whole = "notes/\n  plans/\n    2026/\n      garden.md\n  recipes/\n    cake.md\n    soup.md\n  log.txt\n  old.txt\n  todo.md\n";
    assert_eq!(sample.kit.says("files_tree", "{}").await, whole);
    let said = sample.kit.says("files_tree", r#"{"depth": 1, "directories_only": true}"#).await;
    assert_eq!(said, "notes/\n  plans/\n  recipes/\n");
    let said = sample.kit.says("files_tree", r#"{"entries_max": 6}"#).await;
    assert!(said.contains("  todo.md\n") && said.contains("    2026/\n"), "{said}");
    assert!(said.contains("    … 2 more\n") && said.contains("[3 more are not shown"), "{said}");
}

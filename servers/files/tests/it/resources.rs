//! Files as resources.

use std::fs;
use std::time::Duration;

use drawbridge_contract::kit::Kit;
use drawbridge_contract::{Answer, Change, Completion, CompletionOf, Live, Outcome, Server as _, Target};
use drawbridge_files::{Files, FilesSettings, RootSettings};

use crate::sample::Sample;

async fn read(kit: &Kit, uri: &str) -> Result<String, String> {
    match kit.outcome(Target::Resource(uri.into()), "{}", Live::default()).await {
        Ok(Outcome::Complete(Answer::Resource(read))) => {
            let contents = &read.contents[0];
            Ok(contents.text.clone().or(contents.blob.clone()).unwrap())
        }
        Ok(other) => panic!("{other:?}"),
        Err(refusal) => Err(refusal.to_string()),
    }
}

#[tokio::test]
async fn files_are_listed_and_read_by_uri() {
    let sample = Sample::new();
    fs::write(sample.at("two words.txt"), "ok").unwrap();
    fs::write(sample.at("b.bin"), [0, 1]).unwrap();
    assert_eq!(read(&sample.kit, "file:///notes/two%20words.txt").await.unwrap(), "ok");
    assert_eq!(read(&sample.kit, "file:///notes/b.bin").await.unwrap(), "AAE=");
    let folder = read(&sample.kit, "file:///notes/recipes").await.unwrap();
    assert_eq!(folder, "file:///notes/recipes/cake.md\nfile:///notes/recipes/soup.md\n");
    let view = sample.kit.handler().view(&owner());
    let listed: Vec<String> = view.list_resources().into_iter().map(|resource| resource.uri).collect();
    assert!(listed.contains(&"file:///notes/todo.md".to_owned()), "{listed:?}");
    assert!(!listed.iter().any(|uri| uri.contains(".hidden")), "{listed:?}");
    assert_eq!(view.templates[0].uri_template, "file:///notes/{+path}");
}

#[tokio::test]
async fn no_uri_leads_out() {
    let sample = Sample::new();
    fs::write(sample.home.path().join("secret.txt"), "the-secret-text").unwrap();
    for uri in [
        "file:///notes/../secret.txt",
        "file:///notes/%2e%2e/secret.txt",
        "file:///notes/..%2fsecret.txt",
        "file:///etc/passwd",
        "file:////etc/passwd",
        "file:///notes/%00",
        "http://notes/todo.md",
    ] {
        assert!(read(&sample.kit, uri).await.is_err(), "{uri}");
    }
}

#[tokio::test]
async fn paths_are_completed() {
    let sample = Sample::new();
    let complete = async |prefix: &str| {
        let of = CompletionOf::Template("file:///notes/{+path}".to_owned());
        let request =
            Completion { of, argument: "path".to_owned(), prefix: prefix.to_owned(), known: [].into() };
        sample.kit.handler().complete(&owner(), request).await.unwrap().values
    };
    assert_eq!(complete("").await, ["log.txt", "old.txt", "plans/", "recipes/", "todo.md"]);
    assert_eq!(complete("re").await, ["recipes/"]);
    assert_eq!(complete("recipes/s").await, ["recipes/soup.md"]);
    assert_eq!(complete(".h").await, [".hidden"]);
    assert!(complete("../").await.is_empty() && complete("nowhere/").await.is_empty());
}

#[tokio::test]
async fn changes_are_told_while_somebody_watches() {
    let home = tempfile::tempdir().unwrap();
    let root = home.path().join("r");
    fs::create_dir(&root).unwrap();
    fs::write(root.join("a.txt"), "1").unwrap();
    let settings = FilesSettings { watches_max: 2, ..FilesSettings::of(vec![RootSettings::new("r", &root)]) };
    let files = Files::open(settings).unwrap();
    let (resources, mut changes) = (files.resources().unwrap(), files.changes().unwrap());
    let file = resources.watch("file:///r/a.txt").unwrap();
    let folder = resources.watch("file:///r").unwrap();
    let third = resources.watch("file:///r/a.txt").err().unwrap().to_string();
    assert!(third.contains("2 files are watched already"), "{third}");
    assert!(resources.watch("file:///r/missing").is_err());
    // In place, and by another file under the same name.
    for step in 0..2 {
        match step {
            0 => fs::write(root.join("a.txt"), "2").unwrap(),
            _ => {
                fs::write(root.join("b.tmp"), "3").unwrap();
                fs::rename(root.join("b.tmp"), root.join("a.txt")).unwrap();
            }
        }
        let told = told(&mut changes, 2).await;
        assert_eq!(told, ["file:///r", "file:///r/a.txt"], "step {step}");
    }
    drop(file);
    fs::write(root.join("a.txt"), "4").unwrap();
    assert_eq!(told(&mut changes, 1).await, ["file:///r"]);
    drop(folder);
    fs::write(root.join("a.txt"), "5").unwrap();
    assert!(told(&mut changes, 0).await.is_empty());
    let _again = resources.watch("file:///r/a.txt").unwrap();
    fs::write(root.join("a.txt"), "6").unwrap();
    assert_eq!(told(&mut changes, 1).await, ["file:///r/a.txt"]);
}

/// What is told, each once: what is expected, however long that takes, and what else comes within a second.
async fn told(
    changes: &mut drawbridge_contract::broadcast::Receiver<Change>,
    expected: usize,
) -> Vec<String> {
    let mut uris = std::collections::BTreeSet::new();
    loop {
        let patience = Duration::from_millis(if uris.len() < expected { 60_000 } else { 700 });
        match tokio::time::timeout(patience, changes.recv()).await {
            Ok(Ok(Change::Resource(uri))) => uris.insert(uri),
            _ => return uris.into_iter().collect(),
        };
    }
}

fn owner() -> drawbridge_contract::Caller {
    drawbridge_contract::Caller::new("owner", drawbridge_contract::CallerKind::Owner)
}

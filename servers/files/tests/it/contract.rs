//! What callers rely on, committed: a change of it shows in review.

use std::fmt::Write as _;

use drawbridge_contract::{Server as _, ToolSpec};
use drawbridge_files::{Files, FilesSettings, PROTECTED_NAMES, RootSettings, SECRET_NAMES};
use expect_test::expect_file;

fn specs() -> Vec<ToolSpec> {
    let home = tempfile::tempdir().unwrap();
    let files = Files::open(FilesSettings::of(vec![RootSettings::new("notes", home.path())])).unwrap();
    files.tools().iter().map(|tool| tool.spec().clone()).collect()
}

#[test]
fn the_contract_is_unchanged() {
    let contract = serde_json::to_string_pretty(&specs()).unwrap();
    expect_file!["../../contract.json"].assert_eq(&(contract + "\n"));
}

#[test]
fn only_what_cannot_be_had_back_is_called_destructive() {
    let names = |wanted: fn(&ToolSpec) -> bool| -> Vec<String> {
        specs().iter().filter(|spec| wanted(spec)).map(|spec| spec.name.to_string()).collect()
    };
    assert_eq!(names(|spec| spec.annotations.destructive), ["files_purge"]);
    let changing = [
        "files_write",
        "files_edit",
        "files_docx_edit",
        "files_mkdir",
        "files_copy",
        "files_move",
        "files_delete",
        "files_restore",
        "files_purge",
    ];
    assert_eq!(names(|spec| !spec.annotations.read_only), changing);
    assert!(specs().iter().all(|spec| !spec.annotations.open_world));
}

/// The part of the documentation that comes from the specs and settings is in step with them.
#[test]
fn the_documentation_is_in_step() {
    let mut tools = String::new();
    for spec in specs() {
        let kind = match (spec.annotations.read_only, spec.annotations.destructive) {
            (true, _) => "reads",
            (_, true) => "destroys",
            _ => "changes",
        };
        let _ = write!(tools, "### `{}` ({kind})\n\n{}\n\n", spec.name, spec.description);
        for example in spec.examples {
            let _ = write!(tools, "{}\n\n```json\n{}\n```\n\n", example.says, example.args);
        }
    }
    let list = |names: &[&str]| names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let generated = format!(
        "# The tools of the files server\n\n<!-- Made by the test `the_documentation_is_in_step` from the tools' own \
         descriptions: run it with UPDATE_EXPECT=1 to renew this file. -->\n\nWhat holds for all of them is in \
         [files.md](files.md).\n\n{tools}## Names that are refused\n\nNeither read nor written: {}.\n\nRead but not \
         written: {}.\n",
        list(SECRET_NAMES),
        list(PROTECTED_NAMES),
    );
    expect_file!["../../../../docs/files-tools.md"].assert_eq(&generated);
}

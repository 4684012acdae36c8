//! A person types, and a hub answers.

use std::os::unix::fs::PermissionsExt as _;

use drawbridge_sandbox::Size;
use expect_test::expect;

use super::model::Model;
use super::person::Person;
use super::{fill, home};
use crate::program::Home;

const PROMPT: &str = "/Drawbridge>";

#[tokio::test]
async fn one_who_has_never_seen_it_is_taught_and_looks_around() {
    let home = home();
    let _hub = home.serve();
    let mut person = Person::at(&home).await;
    person.is_asked(PROMPT).await;
    expect![[r#"
        Drawbridge, this machine. `help` teaches you, Tab completes, Ctrl-D leaves.
        /Drawbridge>"#]]
    .assert_eq(&person.screen());
    person.enter("help files").await;
    person.sees("Tab completes names of files on the hub").await;
    person.enter("claer").await;
    person.sees("do you mean clear?").await;
    person.is_asked(PROMPT).await;
    person.enter("clear").await;
    person.is_asked(PROMPT).await;
    person.enter("ls").await;
    person.sees("notes/  a.txt").await;
    person.is_asked(PROMPT).await;
    expect![[r#"
        /Drawbridge> ls
        notes/  a.txt
        /Drawbridge>"#]]
    .assert_eq(&person.screen());
    person.leave(PROMPT).await;
}

#[tokio::test]
async fn in_a_narrow_terminal_help_breaks_between_words_and_times_are_short() {
    let home = home();
    let _hub = home.serve();
    let mut person = Person::before(Size { columns: 44, rows: 20 }, &home, "", "").await;
    person.is_asked(PROMPT).await;
    person.enter("help approvals").await;
    person
        .sees("What destroys, or reaches out, needs your\nagreement: you see what would run, and say y\n")
        .await;
    person.is_asked(PROMPT).await;
    person.press("\x0chelp keys\r").await;
    person.sees("\n  Tab        completes; again to choose").await;
    person.is_asked(PROMPT).await;
    person.press("\x0cls -l\r").await;
    person
        .sees_that("a time", |screen| {
            screen.lines().any(|line| line.starts_with("a.txt") && line.contains('-') && !line.contains('T'))
        })
        .await;
    person.leave(PROMPT).await;
}

#[tokio::test]
async fn tab_completes_commands_paths_flags_and_values() {
    let home = home();
    let _hub = home.serve();
    let mut person = Person::at(&home).await;
    person.is_asked(PROMPT).await;
    // A folder, then the only file in it, whose name has a blank.
    person.press("cat no\t").await;
    person.sees("cat notes/").await;
    person.press("\t").await;
    person.sees("cat notes/todo\\ list.md").await;
    person.press("\r").await;
    person.sees("- milk").await;
    person.press("files_li\t").await;
    person.sees("files_list ").await;
    person.press("--so\t").await;
    person.sees("files_list --sort").await;
    person.press("mod\t").await;
    person.sees("--sort modified").await;
    person.press("\x15fi\t").await;
    // Several fit: they are shown, and each Tab goes on to the next.
    person.sees("files_edit").await;
    person.sees("files_write").await;
    person.press("\x03").await;
    person.leave(PROMPT).await;
}

#[tokio::test]
async fn the_door_asks_inline_and_hears_yes_and_no() {
    let home = Home::new();
    home.configure("[[rules]]\ntools = [\"files_delete\"]\nthen = \"ask\"\n");
    fill(&home);
    let _hub = home.serve();
    let mut person = Person::at(&home).await;
    person.is_asked(PROMPT).await;
    person.enter("rm a.txt").await;
    person.sees("Allow files_delete for owner?").await;
    person.sees("[N] no:").await;
    person.press("n\r").await;
    person.sees("Nothing was done.").await;
    assert!(home.root().join("a.txt").exists());
    person.is_asked(PROMPT).await;
    person.press("\x0crm a.txt\r").await;
    person.sees("[N] no:").await;
    person.press("y\r").await;
    person.sees("trash id").await;
    assert!(!home.root().join("a.txt").exists());
    person.leave(PROMPT).await;
    let audit = home.run(&["--json", "audit", "tail", "-n", "200"]).good();
    for act in ["approval.deny", "approval.approve"] {
        assert!(audit.contains(act), "{act}: {audit}");
    }
}

#[tokio::test]
async fn ctrl_c_stops_the_call_and_not_the_shell() {
    let home = home();
    let _hub = home.serve();
    let mut person = Person::at(&home).await;
    person.is_asked(PROMPT).await;
    person.enter("run \"touch begun; sleep 987681; touch over\"").await;
    wait_until(|| home.root().join("begun").exists()).await;
    person.press("\x03").await;
    person.sees("cancelled").await;
    person.is_asked(PROMPT).await;
    person.enter("pwd").await;
    person.sees_that("where it is", |screen| screen.lines().any(|line| line == "/Drawbridge")).await;
    wait_until(|| !runs("987681")).await;
    // At the prompt it throws the line away.
    person.press("half a line").await;
    person.sees("half a line").await;
    person.press("\x03").await;
    person.is_asked(PROMPT).await;
    person.enter("pwd").await;
    person
        .sees_that("it twice", |screen| screen.lines().filter(|line| *line == "/Drawbridge").count() == 2)
        .await;
    person.leave(PROMPT).await;
}

fn runs(mark: &str) -> bool {
    let found = std::process::Command::new("pgrep").args(["-f", &format!("^sleep {mark}$")]).output();
    found.unwrap().status.success()
}

async fn wait_until(is_so: impl Fn() -> bool) {
    for _ in 0..600 {
        if is_so() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("it never was so");
}

#[tokio::test]
async fn work_goes_on_in_the_background() {
    let home = home();
    let _hub = home.serve();
    let mut person = Person::at(&home).await;
    person.is_asked(PROMPT).await;
    person.enter("run \"sleep 0.3; echo from afar\" &").await;
    person.sees("[1] terminal_run").await;
    // Told while nothing was pressed.
    person.sees("[1] terminal_run is done: `fg` shows its answer").await;
    person.enter("run \"sleep 987682\" &").await;
    person.sees("[2] terminal_run").await;
    wait_until(|| runs("987682")).await;
    person.enter("jobs").await;
    person
        .sees_that("both jobs", |screen| {
            let is = |number: &str, state: &str| {
                screen.lines().any(|line| line.starts_with(number) && line.contains(state))
            };
            is("[1]", "completed") && is("[2]", "running")
        })
        .await;
    person.enter("stop 2").await;
    person.sees("[2] terminal_run is cancelled").await;
    wait_until(|| !runs("987682")).await;
    person.enter("fg 1").await;
    person.sees_that("the answer", |screen| screen.lines().any(|line| line == "from afar")).await;
    person.enter("fg 7").await;
    person.sees("there is no job 7 here").await;
    person.leave(PROMPT).await;
}

#[tokio::test]
async fn a_job_that_must_be_approved_says_so_and_goes_on() {
    let home = Home::new();
    home.configure("[[rules]]\ntools = [\"files_delete\"]\nthen = \"ask\"\n");
    fill(&home);
    let _hub = home.serve();
    let mut person = Person::at(&home).await;
    person.is_asked(PROMPT).await;
    person.enter("rm a.txt &").await;
    person.sees("[1] files_delete waits for you: `fg` says for what").await;
    assert!(home.root().join("a.txt").exists());
    person.enter("fg").await;
    person.sees("approvals approve").await;
    let id =
        person.screen().split("approvals approve ").nth(1).unwrap().split('`').next().unwrap().to_owned();
    home.run(&["approvals", "approve", &id]).good();
    person.sees("trash id").await;
    assert!(!home.root().join("a.txt").exists());
    person.leave(PROMPT).await;
}

#[tokio::test]
async fn a_model_answers_word_by_word_and_remembers_in_a_chat() {
    let (home, model) = (Home::new(), Model::start());
    home.configure(&model.config());
    fill(&home);
    let _hub = home.serve();
    let mut person = Person::at(&home).await;
    person.is_asked(PROMPT).await;
    // It never ends by itself: what is seen came in pieces.
    person.enter("llm talk forever").await;
    person.sees("word1 word2").await;
    person.press("\x03").await;
    person.sees("cancelled").await;
    person.is_asked(PROMPT).await;
    person.press("\x0c").await;
    person.enter("cat a.txt | llm \"what is this?\"").await;
    person.sees_that("the answer", |screen| screen.lines().any(|line| line == "word1 word2 word3")).await;
    person.is_asked(PROMPT).await;
    person.press("\x0c").await;
    person.enter("chat --system brief").await;
    person.is_asked("chat>").await;
    person.enter("one").await;
    person.sees_that("an answer", |screen| screen.lines().any(|line| line == "word1 word2 word3")).await;
    person.is_asked("chat>").await;
    person.enter("two").await;
    person.sees_that("two answers", |screen| screen.matches("word1 word2 word3").count() == 2).await;
    person.is_asked("chat>").await;
    person.press("\x04").await;
    person.leave(PROMPT).await;
    let asked = model.asked();
    assert_eq!(asked[1], ["user: what is this?\\n\\nhello\\nworld\\n"]);
    assert_eq!(
        asked.last().unwrap(),
        &["system: brief", "user: one", "assistant: word1 word2 word3", "user: two"]
    );
}

#[tokio::test]
async fn it_connects_again_by_itself_and_says_so() {
    let home = home();
    let hub = home.serve();
    let mut person = Person::at(&home).await;
    person.is_asked(PROMPT).await;
    person.enter("cd notes").await;
    person.is_asked("/Drawbridge/notes>").await;
    hub.interrupt();
    person.sees("went away; trying to reach it again").await;
    // What is asked meanwhile waits for the hub.
    person.enter("ls").await;
    person.sees("Waiting for the hub").await;
    let _hub = home.serve();
    person.sees("Connected again").await;
    person.sees("todo list.md").await;
    person.leave("/Drawbridge/notes>").await;
}

#[tokio::test]
async fn lines_are_kept_for_the_next_time_but_not_those_with_a_blank_before() {
    let home = home();
    let _hub = home.serve();
    let mut person = Person::at(&home).await;
    person.is_asked(PROMPT).await;
    person.enter("cat a.txt").await;
    person.sees("world").await;
    person.enter(" find secret-word").await;
    person.sees("There is nothing").await;
    person.leave(PROMPT).await;

    let kept = home.state().join("shell_history");
    assert_eq!(std::fs::metadata(&kept).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(std::fs::read_to_string(&kept).unwrap(), "cat a.txt\n");
    let mut person = Person::at(&home).await;
    person.is_asked(PROMPT).await;
    person.press("\x12a.t").await;
    person.sees("(search: a.t) cat a.txt").await;
    person.press("\r").await;
    person.is_asked("/Drawbridge> cat a.txt").await;
    person.press("\r").await;
    person.sees("world").await;
    person.leave(PROMPT).await;
}

#[tokio::test]
async fn a_text_is_edited_in_the_persons_own_editor() {
    let home = home();
    let _hub = home.serve();
    let editor = home.path("editor");
    std::fs::write(
        &editor,
        "#!/bin/sh\nsed -i s/world/moon/ \"$1\"\n[ -z \"$MEANWHILE\" ] || echo other > \"$MEANWHILE\"\n",
    )
    .unwrap();
    std::fs::set_permissions(&editor, std::fs::Permissions::from_mode(0o755)).unwrap();
    let file = home.root().join("a.txt");

    let mut person = Person::with(&home, &format!("EDITOR='{}'", editor.display()), "").await;
    person.is_asked(PROMPT).await;
    person.enter("edit a.txt").await;
    person.sees("Written: /Drawbridge/a.txt").await;
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "hello\nmoon\n");
    person.enter("edit a.txt").await;
    person.sees("Nothing was changed.").await;
    person.leave(PROMPT).await;

    std::fs::write(&file, "world\n").unwrap();
    let variables = format!("EDITOR='{}' MEANWHILE='{}'", editor.display(), file.display());
    let mut person = Person::with(&home, &variables, "").await;
    person.is_asked(PROMPT).await;
    person.enter("edit a.txt").await;
    person.sees("Your text is kept in").await;
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "other\n");
    person.leave(PROMPT).await;
}

#[tokio::test]
async fn without_colours_there_are_none_and_no_text_from_outside_steers_the_terminal() {
    let home = home();
    std::fs::write(home.root().join("evil.txt"), "a\u{9b}2Jb\u{202e}c\u{200e}\n").unwrap();
    let _hub = home.serve();
    let mut person = Person::with(&home, "NO_COLOR=1", "").await;
    person.is_asked(PROMPT).await;
    person.enter("cat evil.txt").await;
    person.sees("a2Jbc").await;
    person.sees("cat evil.txt").await;
    person.leave(PROMPT).await;
}

//! People who watch a terminal and type in it, beside the programs that use it.

use std::sync::Arc;
use std::time::Duration;

use drawbridge_contract::{Attachment, StreamInput, StreamMode, StreamOutput};
use futures::StreamExt as _;
use serde_json::{Value, json};

use crate::desk::{Desk, Seat};

/// A person's terminal, connected to a session.
struct Person {
    attachment: Attachment,
    parser: vt100::Parser,
    notices: Vec<Value>,
    /// Everything that came.
    bytes: Vec<u8>,
    over: bool,
}

impl Person {
    async fn join(seat: &Seat, session: &str, mode: StreamMode) -> Self {
        let stream = seat.join(session, mode).await.unwrap();
        let size = |count| std::num::NonZeroU16::new(count).unwrap();
        Self {
            attachment: Arc::clone(&stream.0).attach(),
            parser: vt100::Parser::new(size(24), size(80), 1000),
            notices: Vec::new(),
            bytes: Vec::new(),
            over: false,
        }
    }

    async fn type_in(&self, text: &str) {
        self.input(StreamInput::Bytes(text.to_owned().into())).await;
    }

    async fn input(&self, input: StreamInput) {
        self.attachment.input.as_ref().unwrap().send(input).await.unwrap();
    }

    /// Looks until the screen has this.
    async fn sees(&mut self, text: &str) {
        self.look(|person| person.parser.screen().contents().contains(text), text).await;
    }

    /// Looks until a notice has this.
    async fn is_told(&mut self, pointer: &str, value: Value) {
        let told =
            |person: &Self| person.notices.iter().any(|notice| notice.pointer(pointer) == Some(&value));
        self.look(told, pointer).await;
    }

    async fn look(&mut self, is_there: impl Fn(&Self) -> bool, what: &str) {
        let wait = async {
            while !is_there(self) {
                self.next().await;
                assert!(!self.over || is_there(self), "the stream ended without {what}");
            }
        };
        if tokio::time::timeout(Duration::from_secs(60), wait).await.is_err() {
            panic!("never saw {what}:\n{}\n{:?}", self.parser.screen().contents(), self.notices);
        }
    }

    async fn next(&mut self) {
        match self.attachment.output.next().await {
            Some(StreamOutput::Bytes(bytes)) => {
                self.parser.process(&bytes);
                self.bytes.extend_from_slice(&bytes);
            }
            Some(StreamOutput::Notice(notice)) => {
                self.notices.push(serde_json::from_str(notice.get()).unwrap());
            }
            None => self.over = true,
        }
    }
}

#[tokio::test]
async fn two_hosts_and_a_person_share_a_terminal() {
    let desk = Desk::new();
    let ada = desk.key("ada");
    ada.bash("t").await;
    // Two hosts with the same key, and the owner in another window.
    let (first, second) = (ada.clone(), ada.clone());
    first.line("t", "echo from the first").await;
    let mut person = Person::join(&desk.owner, "t", StreamMode::Type).await;
    person.sees("from the first").await;
    let (one, two) = tokio::join!(first.line("t", "sleep 0.2; echo one"), async {
        tokio::time::sleep(Duration::from_millis(400)).await;
        second.line("t", "echo two").await
    });
    assert!(
        one["text"].as_str().unwrap().contains("one\n") && two["text"].as_str().unwrap().contains("two\n")
    );
    person.sees("\ntwo").await;
    let cursor = two["cursor"].clone();
    person.type_in("echo by hand\r").await;
    let read = json!({ "session": "t", "since": cursor });
    for host in [&first, &second] {
        let seen = host.data("terminal_read", read.clone()).await;
        assert!(seen["text"].as_str().unwrap().contains("by hand\n"), "{seen}");
        assert_eq!(seen["commands"][0]["line"], "echo by hand");
    }
    let listed = first.data("terminal_list", json!({})).await;
    assert_eq!(listed["terminals"][0]["viewers"], 1);
    drop(person);
    let listed = first.data("terminal_list", json!({})).await;
    assert_eq!(listed["terminals"][0]["viewers"], 0);
}

#[tokio::test]
async fn the_person_can_pause_the_programs_typing() {
    let desk = Desk::new();
    let ada = desk.key("ada");
    ada.bash("t").await;
    let mut person = Person::join(&desk.owner, "t", StreamMode::Type).await;
    person.input(StreamInput::Pause(true)).await;
    person.is_told("/paused", json!(true)).await;
    for (tool, more) in [
        ("terminal_write", json!({"text": "x"})),
        ("terminal_signal", json!({"signal": "INT"})),
        ("terminal_resize", json!({"columns": 10, "rows": 10})),
        ("terminal_close", json!({})),
    ] {
        let mut arguments = json!({ "session": "t" });
        arguments.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let error = ada.error(tool, arguments).await;
        assert!(error.contains("the owner has paused t"), "{tool}: {error}");
    }
    person.type_in("echo mine\r").await;
    person.sees("\nmine").await;
    assert!(
        ada.data("terminal_screen", json!({ "session": "t" })).await["text"]
            .as_str()
            .unwrap()
            .contains("\nmine")
    );
    // Programs that ask the terminal are still answered.
    person.input(StreamInput::Pause(false)).await;
    let unpaused = |notices: &[Value]| notices.iter().filter(|notice| notice["paused"] == false).count() == 2;
    person.look(|person| unpaused(&person.notices), "the end of the pause").await;
    ada.line("t", "echo theirs").await;
    person.sees("\ntheirs").await;
}

#[tokio::test]
async fn others_see_nothing_and_keys_only_watch_their_own() {
    let desk = Desk::new();
    let (ada, bob) = (desk.key("ada"), desk.key("bob"));
    ada.bash("t").await;
    for mode in [StreamMode::Watch, StreamMode::Type] {
        let refusal = bob.join("t", mode).await.unwrap_err().to_string();
        assert!(refusal.contains("no terminal"), "{refusal}");
    }
    let refusal = ada.join("t", StreamMode::Type).await.unwrap_err().to_string();
    assert!(refusal.contains("terminal_write, which is in the audit"), "{refusal}");
    let mut watcher = Person::join(&ada, "t", StreamMode::Watch).await;
    assert!(watcher.attachment.input.is_none());
    ada.line("t", "echo seen").await;
    watcher.sees("\nseen").await;
}

#[tokio::test]
async fn who_comes_late_sees_the_same_also_behind_an_editor() {
    let desk = Desk::new();
    std::fs::write(desk.at("long"), "line\n".repeat(100)).unwrap();
    desk.owner.bash("t").await;
    desk.owner.line("t", "echo before").await;
    desk.owner.keys("t", "less long", &["enter"]).await;
    desk.owner.screen_with("t", "^long$").await;
    let mut person = Person::join(&desk.owner, "t", StreamMode::Type).await;
    person.look(|person| person.parser.screen().alternate_screen(), "the editor").await;
    let screen = desk.owner.data("terminal_screen", json!({ "session": "t" })).await;
    assert_eq!(person.parser.screen().contents(), screen["text"].as_str().unwrap());
    person.type_in("q").await;
    person.look(|person| !person.parser.screen().alternate_screen(), "the shell").await;
    person.sees("\nbefore").await;
}

#[tokio::test]
async fn who_comes_late_can_scroll_back() {
    let desk = Desk::new();
    desk.owner.bash("t").await;
    desk.owner.line("t", "seq 1 200").await;
    let mut person = Person::join(&desk.owner, "t", StreamMode::Watch).await;
    person.sees("\n200").await;
    person.parser.screen_mut().set_scrollback(180);
    assert!(
        person.parser.screen().contents().contains("\n15\n16\n"),
        "{}",
        person.parser.screen().contents()
    );
}

#[tokio::test]
async fn a_window_gives_the_terminal_its_size() {
    let desk = Desk::new();
    desk.owner.bash("t").await;
    let mut person = Person::join(&desk.owner, "t", StreamMode::Type).await;
    person.is_told("/size/columns", json!(80)).await;
    person.input(StreamInput::Resize { columns: 100, rows: 40 }).await;
    person.is_told("/size/columns", json!(100)).await;
    assert!(desk.owner.line("t", "stty size").await["text"].as_str().unwrap().contains("40 100"));
    // Sizes at the edge are brought within it.
    person.input(StreamInput::Resize { columns: 0, rows: u16::MAX }).await;
    person.is_told("/size/rows", json!(500)).await;
}

#[tokio::test]
async fn a_slow_viewer_holds_nobody_and_is_brought_up_to_date() {
    let desk = Desk::new();
    desk.owner.bash("t").await;
    let mut slow = Person::join(&desk.owner, "t", StreamMode::Watch).await;
    slow.is_told("/paused", json!(false)).await;
    let read = json!({ "timeout_ms": 120_000 });
    let write = json!({ "session": "t", "text": "seq 1 1500000; echo the end", "enter": true, "read": read });
    let answer = desk.owner.data("terminal_write", write).await;
    assert_eq!(answer["commands"][0]["exit_code"], 0, "{answer}");
    slow.sees("\nthe end").await;
    assert!(slow.bytes.len() < 10_000_000, "{} bytes were kept for it", slow.bytes.len());
}

#[tokio::test]
async fn viewers_are_told_the_end() {
    let desk = Desk::new();
    desk.owner.bash("t").await;
    let mut person = Person::join(&desk.owner, "t", StreamMode::Type).await;
    person.type_in("exit 9\r").await;
    person.is_told("/ended/exit_code", json!(9)).await;
    person.next().await;
    assert!(person.over);
    let mut late = Person::join(&desk.owner, "t", StreamMode::Watch).await;
    late.is_told("/ended/exit_code", json!(9)).await;
    late.sees("exit 9").await;
}

#[tokio::test]
async fn h4_what_programs_print_does_not_act_on_a_persons_terminal() {
    let desk = Desk::new();
    desk.owner.bash("t").await;
    let mut person = Person::join(&desk.owner, "t", StreamMode::Watch).await;
    let evil = r"printf 'a\033]52;c;ZXZpbA==\007b\033[6nc\033[5id\033P$qm\033\\e\n'";
    desk.owner.line("t", evil).await;
    person.sees("\nabcde").await;
    let clean = String::from_utf8_lossy(&person.bytes).into_owned();
    for acts in ["\x1b]52", "\x1b[6n", "\x1b[5i", "\x1bP"] {
        assert!(!clean.contains(acts), "{acts:?} came through");
    }
}

#[tokio::test]
async fn a_program_that_asks_is_answered_once_however_many_watch() {
    let desk = Desk::new();
    desk.owner.bash("t").await;
    let mut people = Vec::new();
    for _ in 0..3 {
        people.push(Person::join(&desk.owner, "t", StreamMode::Type).await);
    }
    let asked = desk
        .owner
        .line("t", r"read -rs -d R -p $'\e[6n' row; echo row ${row#*[}; read -rs -t 0.3 more; echo [$more]")
        .await;
    assert!(asked["text"].as_str().unwrap().contains("\nrow 3;1\n[]\n"), "{asked}");
}

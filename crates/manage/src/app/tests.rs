use super::*;

fn key(code: KeyCode) -> Input {
    Input::Event(Event::Key(KeyEvent::new(code, KeyModifiers::NONE)))
}

/// Presses each character; gives what is wanted after the last.
fn press(app: &mut App, keys: &str) -> Vec<Wish> {
    let mut wanted = Vec::new();
    for one in keys.chars() {
        let code = match one {
            '\n' => KeyCode::Enter,
            '\u{1b}' => KeyCode::Esc,
            one => KeyCode::Char(one),
        };
        wanted = app.take(key(code));
    }
    wanted
}

fn tell(app: &mut App, news: News) -> Vec<Wish> {
    app.take(Input::News(news))
}

fn letter(id: &str) -> Row {
    Row { id: id.to_owned(), cells: vec![id.to_owned(); 5], ..Row::default() }
}

fn with_letters(ids: &[&str]) -> App {
    let mut app = App::default();
    press(&mut app, "5");
    tell(&mut app, News::Rows(List::DeadLetters, ids.iter().map(|id| letter(id)).collect()));
    app
}

#[test]
fn the_hub_is_stopped_only_after_a_yes() {
    let mut app = App::default();
    assert!(press(&mut app, "x").is_empty());
    assert!(press(&mut app, "n").is_empty() && app.message.is_some());
    assert_eq!(press(&mut app, "xy"), [Wish::Stop]);
    assert_eq!(press(&mut app, "ry"), [Wish::Restart]);
    assert!(app.at_work, "a person sees that it takes a moment");
    for _ in 0..2 {
        tell(&mut app, News::Done("ok".to_owned()));
    }
}

#[test]
fn the_bridge_is_raised_and_lowered_after_a_yes() {
    let mut app = App::default();
    assert_eq!(press(&mut app, "by"), [Wish::Raise(true)]);
    tell(&mut app, News::Status { running: true, raised: true, facts: Vec::new() });
    assert_eq!(press(&mut app, "by"), [Wish::Raise(false)]);
}

#[test]
fn a_page_is_looked_at_when_it_opens_and_when_time_passes_unless_an_answer_is_due() {
    let mut app = App::default();
    assert_eq!(app.begin(), [Wish::Status]);
    assert!(app.take(Input::Tick).is_empty(), "the first has not answered");
    tell(&mut app, News::Status { running: false, raised: false, facts: Vec::new() });
    assert_eq!(app.take(Input::Tick), [Wish::Status]);
    tell(&mut app, News::Failed("no".to_owned()));
    assert_eq!(press(&mut app, "4"), [Wish::Status, Wish::List(List::Queues)]);
    assert_eq!(app.take(key(KeyCode::Tab)), [Wish::Status, Wish::List(List::DeadLetters)]);
    assert_eq!(app.take(key(KeyCode::BackTab))[1], Wish::List(List::Queues));
}

#[test]
fn dead_letters_are_inspected_edited_replayed_and_discarded() {
    let mut app = with_letters(&["1-a", "1-b"]);
    app.take(key(KeyCode::Down));
    assert_eq!(press(&mut app, "r"), [Wish::Replay(Some("1-b".to_owned()))]);
    assert_eq!(press(&mut app, "ay"), [Wish::Replay(None)]);
    assert_eq!(press(&mut app, "dy"), [Wish::Discard("1-b".to_owned())]);
    assert_eq!(press(&mut app, "\n"), [Wish::Inspect("1-b".to_owned())]);
    let told = |arguments: &str| News::Letter {
        id: "1-b".to_owned(),
        arguments: arguments.to_owned(),
        lines: vec!["why".to_owned()],
    };
    tell(&mut app, told("{}"));
    assert!(matches!(&app.overlay, Some(Overlay::Text { lines, .. }) if lines == &["why"]));
    press(&mut app, "\u{1b}");
    assert_eq!(press(&mut app, "e"), [Wish::Inspect("1-b".to_owned())]);
    tell(&mut app, told(r#"{"a":1}"#));
    app.take(key(KeyCode::Backspace));
    assert!(press(&mut app, "\n").is_empty(), "that is no JSON, and can be mended");
    assert_eq!(
        press(&mut app, "}\n"),
        [Wish::Edit { id: "1-b".to_owned(), arguments: serde_json::json!({ "a": 1 }) }]
    );
}

#[test]
fn arguments_that_are_not_all_shown_are_not_given_back() {
    let mut app = with_letters(&["1-a"]);
    for arguments in [r#"{"token":"***"}"#, r#"{"text":"long… (5000 bytes)"}"#] {
        press(&mut app, "e");
        let (id, lines) = ("1-a".to_owned(), Vec::new());
        tell(&mut app, News::Letter { id, arguments: arguments.to_owned(), lines });
        assert!(app.overlay.is_none() && app.message.as_ref().unwrap().1.contains("drawbridge jobs edit"));
    }
}

#[test]
fn a_key_is_made_in_three_questions_and_shown_until_it_is_closed() {
    let mut app = App::default();
    press(&mut app, "6");
    assert!(press(&mut app, "a\n").is_empty() && app.overlay.is_none(), "without a name there is no key");
    let made = Wish::AddKey {
        name: "laptop".to_owned(),
        scopes: vec!["files_*".to_owned(), "jobs_*".to_owned()],
        expires: "30d".to_owned(),
    };
    assert_eq!(press(&mut app, "alaptop\nfiles_* jobs_*\n30d\n"), [made]);
    tell(&mut app, News::Once { title: "laptop".to_owned(), lines: vec!["drawbridge_x".to_owned()] });
    tell(&mut app, News::Rows(List::Keys, vec![letter("laptop")]));
    assert!(matches!(&app.overlay, Some(Overlay::Text { .. })));
    press(&mut app, "\u{1b}");
    assert_eq!(press(&mut app, "dy"), [Wish::Revoke("laptop".to_owned())]);
}

#[test]
fn the_log_is_followed_until_a_person_moves_and_stays_where_they_look() {
    let mut app = App::default();
    press(&mut app, "2");
    let lines = |count: usize| (0..count).map(|line| format!("line {line}")).collect();
    tell(&mut app, News::Logs(lines(100)));
    app.take(key(KeyCode::Up));
    assert!(!app.logs.follow);
    tell(&mut app, News::Logs(lines(110)));
    assert_eq!(app.logs.above, 11, "the same lines are in sight");
    app.take(key(KeyCode::End));
    assert!(app.logs.follow && app.logs.above == 0);
    press(&mut app, "\n");
    assert!(
        matches!(&app.overlay, Some(Overlay::Text { lines, .. }) if lines.len() == 20 && lines[0] == "line 109")
    );
    press(&mut app, "\u{1b}");
    let wanted = press(&mut app, "/warn\n");
    assert_eq!(wanted, [Wish::Logs { filter: "warn".to_owned(), lines_max: LOG_LINES_MAX }]);
}

#[test]
fn the_chosen_row_stays_chosen_when_others_go() {
    let mut app = with_letters(&["1-a", "1-b", "1-c"]);
    app.take(key(KeyCode::End));
    tell(&mut app, News::Rows(List::DeadLetters, vec![letter("1-c"), letter("1-d")]));
    assert_eq!(press(&mut app, "r"), [Wish::Replay(Some("1-c".to_owned()))]);
    tell(&mut app, News::Rows(List::DeadLetters, Vec::new()));
    assert!(press(&mut app, "r").is_empty());
}

#[test]
fn h4_text_from_outside_moves_no_cursor() {
    let mut app = with_letters(&["1-\u{1b}[2Ja"]);
    let evil = "a\u{1b}]0;owned\u{7}\u{9b}2J\u{202e}b\nc";
    tell(&mut app, News::Logs(vec![evil.to_owned()]));
    tell(&mut app, News::Failed(evil.to_owned()));
    let fact = Fact { name: evil.to_owned(), value: evil.to_owned(), ..Fact::default() };
    tell(&mut app, News::Status { running: true, raised: false, facts: vec![fact] });
    tell(&mut app, News::Once { title: evil.to_owned(), lines: vec![evil.to_owned()] });
    let shown = format!(
        "{:?}",
        (&app.logs.lines, &app.message, &app.facts, &app.overlay, &app.list(List::DeadLetters).rows[0].cells)
    );
    assert!(!shown.contains("\\u{") && !shown.contains("\\n"), "{shown}");
}

#[test]
fn a_person_leaves_with_q_or_control_c() {
    let mut app = App::default();
    press(&mut app, "q");
    assert!(app.has_ended());
    let mut app = App::default();
    press(&mut app, "2/");
    app.take(Input::Event(Event::Key(KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL))));
    assert!(app.has_ended());
}

proptest::proptest! {
    #[test]
    fn no_keys_make_it_panic(keys in "[1-6a-z/?\n\u{1b}{}\"]{0,60}") {
        let mut app = with_letters(&["1-a", "1-b"]);
        press(&mut app, &keys);
    }
}

use expect_test::{Expect, expect};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};

use super::*;
use crate::app::Input;
use crate::desk::{Fact, List, News, Row};

fn drawn(app: &App, colours: bool, columns: u16, rows: u16) -> Terminal<TestBackend> {
    let mut terminal = Terminal::new(TestBackend::new(columns, rows)).unwrap();
    terminal.draw(|frame| all(app, &Theme::new(colours), frame)).unwrap();
    terminal
}

fn text(terminal: &Terminal<TestBackend>) -> String {
    let buffer = terminal.backend().buffer();
    let row = |y| (0..buffer.area.width).map(|x| buffer[(x, y)].symbol()).collect::<String>();
    (0..buffer.area.height).map(|y| format!("{}\n", row(y).trim_end())).collect()
}

fn check(app: &App, expected: &Expect) {
    expected.assert_eq(&text(&drawn(app, true, 80, 24)));
}

fn press(app: &mut App, code: KeyCode) {
    app.take(Input::Event(Event::Key(KeyEvent::new(code, KeyModifiers::NONE))));
}

fn running() -> App {
    let mut app = App::default();
    let fact = |name: &str, value: &str, tone| Fact { name: name.to_owned(), value: value.to_owned(), tone };
    let facts = vec![
        fact("hub", "process 4711, http://127.0.0.1:4747", Tone::Good),
        fact("bridge", "lowered", Tone::Plain),
        fact("jobs", "1 of 4 workers busy", Tone::Plain),
    ];
    app.take(Input::News(News::Status { running: true, raised: false, facts }));
    app
}

fn with_letters() -> App {
    let mut app = running();
    press(&mut app, KeyCode::Char('5'));
    let row = |id: &str, why: &str| Row {
        id: id.to_owned(),
        cells: [id, "terminal_run", "dead", "1/1", why].map(str::to_owned).to_vec(),
        tone: Tone::Bad,
        detail: vec![format!("{why}; Enter shows all of it.")],
    };
    let rows =
        vec![row("1-8c7360f91582a652", "its worker was lost"), row("2-77aa60f91582a6ff", "no such file")];
    app.take(Input::News(News::Rows(List::DeadLetters, rows)));
    app
}

#[test]
fn status() {
    check(
        &running(),
        &expect![[r#"
         Drawbridge   the hub runs
        ┌─────────────────┐┌ Status ───────────────────────────────────────────────────┐
        │ 1 Status        ││hub        process 4711, http://127.0.0.1:4747             │
        │ 2 Logs          ││bridge     lowered                                         │
        │ 3 Configuration ││jobs       1 of 4 workers busy                             │
        │ 4 Queues        ││                                                           │
        │ 5 Dead letters  ││                                                           │
        │ 6 Keys          ││                                                           │
        │                 ││                                                           │
        │                 ││                                                           │
        │                 ││                                                           │
        │                 ││                                                           │
        │                 ││                                                           │
        │                 ││                                                           │
        │                 ││                                                           │
        │                 ││                                                           │
        │                 ││                                                           │
        │                 ││                                                           │
        │                 ││                                                           │
        │                 ││                                                           │
        │                 ││                                                           │
        └─────────────────┘└───────────────────────────────────────────────────────────┘

         s start  x stop  r restart  b bridge  ? help  q leave
    "#]],
    );
}

#[test]
fn dead_letters() {
    check(
        &with_letters(),
        &expect![[r#"
         Drawbridge   the hub runs
        ┌─────────────────┐┌ Dead letters ─────────────────────────────────────────────┐
        │ 1 Status        ││ID                 TOOL           STATE  TRIED WHY         │
        │ 2 Logs          ││1-8c7360f91582a652 terminal_run   dead   1/1   its worker w│
        │ 3 Configuration ││2-77aa60f91582a6ff terminal_run   dead   1/1   no such file│
        │ 4 Queues        ││                                                           │
        │ 5 Dead letters  ││                                                           │
        │ 6 Keys          ││                                                           │
        │                 ││                                                           │
        │                 ││                                                           │
        │                 ││                                                           │
        │                 ││                                                           │
        │                 ││                                                           │
        │                 ││                                                           │
        │                 ││                                                           │
        │                 ││                                                           │
        │                 ││                                                           │
        │                 ││                                                           │
        │                 ││its worker was lost; Enter shows all of it.                │
        │                 ││                                                           │
        │                 ││                                                           │
        └─────────────────┘└───────────────────────────────────────────────────────────┘

         Enter inspect  e edit  r replay  a replay all  d discard  ? help  q leave
    "#]],
    );
}

#[test]
fn a_question_lies_over_the_page() {
    let mut app = with_letters();
    press(&mut app, KeyCode::Char('d'));
    check(
        &app,
        &expect![[r#"
         Drawbridge   the hub runs
        ┌─────────────────┐┌ Dead letters ─────────────────────────────────────────────┐
        │ 1 Status        ││ID                 TOOL           STATE  TRIED WHY         │
        │ 2 Logs          ││1-8c7360f91582a652 terminal_run   dead   1/1   its worker w│
        │ 3 Configuration ││2-77aa60f91582a6ff terminal_run   dead   1/1   no such file│
        │ 4 Queues        ││                                                           │
        │ 5 Dead letters  ││                                                           │
        │ 6 Keys          ││                                                           │
        │                 ││                                                           │
        │  ┌ Sure? ─────────────────────────────────────────────────────────────────┐  │
        │  │Forget 1-8c7360f91582a652 for good?  y / n                              │  │
        │  │                                                                        │  │
        │  └────────────────────────────────────────────────────────────────────────┘  │
        │                 ││                                                           │
        │                 ││                                                           │
        │                 ││                                                           │
        │                 ││                                                           │
        │                 ││                                                           │
        │                 ││its worker was lost; Enter shows all of it.                │
        │                 ││                                                           │
        │                 ││                                                           │
        └─────────────────┘└───────────────────────────────────────────────────────────┘

         y yes  any other key no
    "#]],
    );
}

#[test]
fn a_line_is_typed() {
    let mut app = running();
    press(&mut app, KeyCode::Char('2'));
    let lines = (0..40).map(|line| format!("2026-11-21 INFO line {line}")).collect();
    app.take(Input::News(News::Logs(lines)));
    press(&mut app, KeyCode::Char('/'));
    press(&mut app, KeyCode::Char('w'));
    check(
        &app,
        &expect![[r#"
         Drawbridge   the hub runs
        ┌─────────────────┐┌ Logs (following) ─────────────────────────────────────────┐
        │ 1 Status        ││2026-11-21 INFO line 21                                    │
        │ 2 Logs          ││2026-11-21 INFO line 22                                    │
        │ 3 Configuration ││2026-11-21 INFO line 23                                    │
        │ 4 Queues        ││2026-11-21 INFO line 24                                    │
        │ 5 Dead letters  ││2026-11-21 INFO line 25                                    │
        │ 6 Keys          ││2026-11-21 INFO line 26                                    │
        │                 ││2026-11-21 INFO line 27                                    │
        │                 ││2026-11-21 INFO line 28                                    │
        │  ┌ Only lines with this text; empty for all ──────────────────────────────┐  │
        │  │w                                                                       │  │
        │  └────────────────────────────────────────────────────────────────────────┘  │
        │                 ││2026-11-21 INFO line 32                                    │
        │                 ││2026-11-21 INFO line 33                                    │
        │                 ││2026-11-21 INFO line 34                                    │
        │                 ││2026-11-21 INFO line 35                                    │
        │                 ││2026-11-21 INFO line 36                                    │
        │                 ││2026-11-21 INFO line 37                                    │
        │                 ││2026-11-21 INFO line 38                                    │
        │                 ││2026-11-21 INFO line 39                                    │
        └─────────────────┘└───────────────────────────────────────────────────────────┘

         Enter done  Esc leave it
    "#]],
    );
}

#[test]
fn without_colours_nothing_has_one_and_what_matters_is_bold() {
    let with = drawn(&with_letters(), true, 80, 24);
    let without = drawn(&with_letters(), false, 80, 24);
    assert_eq!(text(&with), text(&without));
    let coloured = |terminal: &Terminal<TestBackend>| {
        terminal.backend().buffer().content().iter().filter(|cell| cell.fg != Color::Reset).count()
    };
    assert!(coloured(&with) > 0);
    assert_eq!(coloured(&without), 0);
    let bold = without.backend().buffer().content().iter().any(|cell| cell.modifier.contains(Modifier::BOLD));
    assert!(bold);
}

#[test]
fn a_window_that_is_too_small_says_so_and_no_size_panics() {
    assert!(text(&drawn(&running(), true, COLUMNS_MIN - 1, 24)).contains("too small"));
    assert!(!text(&drawn(&running(), true, COLUMNS_MIN, ROWS_MIN)).contains("too small"));
    let mut asking = with_letters();
    press(&mut asking, KeyCode::Char('d'));
    for (columns, rows) in [(1, 1), (10, 3), (50, 12), (51, 13), (300, 100)] {
        drawn(&asking, true, columns, rows);
        drawn(&running(), false, columns, rows);
    }
}

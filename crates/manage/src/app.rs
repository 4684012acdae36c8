//! The state of the menu. Keys, answers and the clock change it; what it wants done it returns.

use drawbridge_contract::is_visible;
use ratatui::crossterm::event::{Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use crate::desk::{Fact, List, News, Row, Tone, Wish};
use crate::line::Line;

/// How many lines of the log are asked for.
pub(crate) const LOG_LINES_MAX: usize = 500;
/// How many lines of the log are shown whole at once.
const WHOLE_LINES: usize = 20;
/// How many lines one step of a page goes.
const PAGE_LINES: usize = 10;
/// What stands for a secret in arguments that may be seen, and what ends a value that was cut: arguments that hold one are
/// not all there, and must not be given back as if they were.
const NOT_WHOLE: &[&str] = &["***", "… ("];

/// What the state is told.
pub(crate) enum Input {
    /// The person did something.
    Event(Event),
    /// The desk answered.
    News(News),
    /// Time has passed.
    Tick,
}

/// What can be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Page {
    #[default]
    Status,
    Logs,
    List(List),
}

impl Page {
    pub(crate) const ALL: [Self; 6] = [
        Self::Status,
        Self::Logs,
        Self::List(List::Settings),
        Self::List(List::Queues),
        Self::List(List::DeadLetters),
        Self::List(List::Keys),
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Status => "Status",
            Self::Logs => "Logs",
            Self::List(List::Settings) => "Configuration",
            Self::List(List::Queues) => "Queues",
            Self::List(List::DeadLetters) => "Dead letters",
            Self::List(List::Keys) => "Keys",
        }
    }

    /// The keys of this page, for the last line.
    pub(crate) fn keys(self) -> &'static str {
        match self {
            Self::Status => "s start  x stop  r restart  b bridge",
            Self::Logs => "/ filter  f follow  Enter whole lines  ↑↓ move",
            Self::List(List::Settings) => "Enter explain  ↑↓ move",
            Self::List(List::Queues) => "p pause or resume  ↑↓ move",
            Self::List(List::DeadLetters) => "Enter inspect  e edit  r replay  a replay all  d discard",
            Self::List(List::Keys) => "a add  d revoke  ↑↓ move",
        }
    }
}

/// What lies over the page.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Overlay {
    /// Text to be read.
    Text { title: String, lines: Vec<String>, top: usize },
    /// Something that is done only after a yes.
    Confirm { question: String, wish: Wish },
    /// A line to be typed.
    Prompt { title: String, line: Line, then: Then },
}

/// What becomes of a line that was typed.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Then {
    Filter,
    Arguments { id: String },
    KeyName,
    KeyScopes { name: String },
    KeyExpires { name: String, scopes: Vec<String> },
}

/// The rows of a list, and which one is chosen.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    pub(crate) rows: Vec<Row>,
    pub(crate) chosen: usize,
    /// Whether they were told at all.
    pub(crate) known: bool,
}

/// The log.
#[derive(Debug)]
pub(crate) struct Logs {
    pub(crate) lines: Vec<String>,
    pub(crate) filter: String,
    /// Whether the newest line is kept in sight.
    pub(crate) follow: bool,
    /// How many lines above the newest one is the last in sight.
    pub(crate) above: usize,
}

/// The state.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) page: Page,
    pub(crate) running: bool,
    pub(crate) raised: bool,
    pub(crate) facts: Vec<Fact>,
    pub(crate) logs: Logs,
    lists: [Rows; List::ALL.len()],
    pub(crate) overlay: Option<Overlay>,
    pub(crate) message: Option<(Tone, String)>,
    /// How many wishes wait for their answer.
    open: usize,
    /// Whether one of them is more than a look.
    pub(crate) at_work: bool,
    /// A dead letter that is to be edited as soon as its arguments are here.
    to_edit: Option<String>,
    ended: bool,
}

impl Default for App {
    fn default() -> Self {
        let logs = Logs { lines: Vec::new(), filter: String::new(), follow: true, above: 0 };
        Self {
            page: Page::default(),
            running: false,
            raised: false,
            facts: Vec::new(),
            logs,
            lists: Default::default(),
            overlay: None,
            message: None,
            open: 0,
            at_work: false,
            to_edit: None,
            ended: false,
        }
    }
}

impl App {
    /// What is wanted at the beginning.
    pub(crate) fn begin(&mut self) -> Vec<Wish> {
        self.wishing(vec![Wish::Status])
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.ended
    }

    pub(crate) fn list(&self, list: List) -> &Rows {
        &self.lists[place(list)]
    }

    /// Takes what happened, and gives what is wanted now.
    pub(crate) fn take(&mut self, input: Input) -> Vec<Wish> {
        let wanted = match input {
            Input::Event(Event::Key(key)) if key.kind != KeyEventKind::Release => self.press(key),
            Input::Event(Event::Paste(text)) => {
                if let Some(Overlay::Prompt { line, .. }) = &mut self.overlay {
                    line.paste(&text);
                }
                Vec::new()
            }
            Input::Event(_) => Vec::new(),
            Input::News(news) => {
                self.open = self.open.saturating_sub(1);
                self.hear(news)
            }
            // What is slow is not asked for again before it has answered.
            Input::Tick if self.open == 0 => self.refresh(),
            Input::Tick => Vec::new(),
        };
        self.wishing(wanted)
    }

    fn wishing(&mut self, wanted: Vec<Wish>) -> Vec<Wish> {
        self.open += wanted.len();
        self.at_work |= wanted.iter().any(|wish| !is_look(wish));
        self.at_work &= self.open > 0;
        wanted
    }

    fn refresh(&self) -> Vec<Wish> {
        let shown = match self.page {
            Page::Status => None,
            Page::Logs => Some(self.look_at_logs()),
            Page::List(list) => Some(Wish::List(list)),
        };
        std::iter::once(Wish::Status).chain(shown).collect()
    }

    fn look_at_logs(&self) -> Wish {
        Wish::Logs { filter: self.logs.filter.clone(), lines_max: LOG_LINES_MAX }
    }

    fn hear(&mut self, news: News) -> Vec<Wish> {
        match news {
            News::Status { running, raised, facts } => {
                (self.running, self.raised) = (running, raised);
                self.facts = facts
                    .into_iter()
                    .map(|fact| Fact { name: clean(&fact.name), value: clean(&fact.value), ..fact })
                    .collect();
            }
            News::Logs(lines) => {
                let grown = lines.len().saturating_sub(self.logs.lines.len());
                self.logs.lines = lines.iter().map(|line| clean(line)).collect();
                // What is in sight stays where it is.
                self.logs.above = if self.logs.follow { 0 } else { self.logs.above + grown };
                self.logs.above = self.logs.above.min(self.logs.lines.len().saturating_sub(1));
            }
            News::Rows(list, rows) => self.lists[place(list)].set(rows),
            News::Letter { id, arguments, lines } => self.show_letter(id, &arguments, &lines),
            News::Once { title, lines } => {
                self.show(&title, &lines);
                return self.refresh();
            }
            News::Done(what) => {
                self.message = Some((Tone::Good, clean(&what)));
                return self.refresh();
            }
            News::Failed(why) => self.message = Some((Tone::Bad, clean(&why))),
        }
        Vec::new()
    }

    fn show(&mut self, title: &str, lines: &[String]) {
        let lines = lines.iter().map(|line| clean(line)).collect();
        self.overlay = Some(Overlay::Text { title: clean(title), lines, top: 0 });
    }

    fn show_letter(&mut self, id: String, arguments: &str, lines: &[String]) {
        if self.to_edit.take().is_none_or(|wanted| wanted != id) {
            return self.show(&id, lines);
        }
        if NOT_WHOLE.iter().any(|mark| arguments.contains(mark)) {
            let why = "its arguments hold secrets or long values that are not shown here: `drawbridge jobs edit` takes all of them";
            self.message = Some((Tone::Notice, why.to_owned()));
            return;
        }
        let (title, line) = (format!("Arguments of {}", clean(&id)), Line::of(&clean(arguments)));
        self.overlay = Some(Overlay::Prompt { title, line, then: Then::Arguments { id } });
    }

    fn press(&mut self, key: KeyEvent) -> Vec<Wish> {
        if key.modifiers.contains(KeyModifiers::CONTROL) && key.code == KeyCode::Char('c') {
            self.ended = true;
            return Vec::new();
        }
        match self.overlay.take() {
            Some(overlay) => self.press_over(overlay, key),
            None => {
                self.message = None;
                self.press_page(key)
            }
        }
    }

    fn press_over(&mut self, overlay: Overlay, key: KeyEvent) -> Vec<Wish> {
        match overlay {
            Overlay::Confirm { wish, .. } if matches!(key.code, KeyCode::Char('y' | 'Y')) => {
                return vec![wish];
            }
            Overlay::Confirm { .. } => self.message = Some((Tone::Plain, "Nothing was done.".to_owned())),
            Overlay::Text { title, lines, top } => {
                if let Some(top) = scrolled(key.code, top, lines.len()) {
                    self.overlay = Some(Overlay::Text { title, lines, top });
                }
            }
            Overlay::Prompt { line, then, .. } if key.code == KeyCode::Enter => {
                return self.typed(&line.text(), then);
            }
            Overlay::Prompt { title, mut line, then } if key.code != KeyCode::Esc => {
                line.press(key);
                self.overlay = Some(Overlay::Prompt { title, line, then });
            }
            Overlay::Prompt { .. } => {}
        }
        Vec::new()
    }

    fn typed(&mut self, text: &str, then: Then) -> Vec<Wish> {
        match then {
            Then::Filter => {
                text.clone_into(&mut self.logs.filter);
                (self.logs.above, self.logs.follow) = (0, true);
                vec![self.look_at_logs()]
            }
            Then::Arguments { id } => match serde_json::from_str(text) {
                Ok(arguments @ serde_json::Value::Object(_)) => vec![Wish::Edit { id, arguments }],
                _ => {
                    let title = "That is no JSON object. Arguments".to_owned();
                    self.overlay =
                        Some(Overlay::Prompt { title, line: Line::of(text), then: Then::Arguments { id } });
                    Vec::new()
                }
            },
            Then::KeyName if text.trim().is_empty() => Vec::new(),
            Then::KeyName => {
                let then = Then::KeyScopes { name: text.trim().to_owned() };
                self.prompt("Which tools may it use, such as files_*? Empty for all", then)
            }
            Then::KeyScopes { name } => {
                let scopes = text.split_whitespace().map(str::to_owned).collect();
                self.prompt(
                    "When does it expire, such as 30d? Empty for never",
                    Then::KeyExpires { name, scopes },
                )
            }
            Then::KeyExpires { name, scopes } => {
                vec![Wish::AddKey { name, scopes, expires: text.trim().to_owned() }]
            }
        }
    }

    fn prompt(&mut self, title: &str, then: Then) -> Vec<Wish> {
        self.overlay = Some(Overlay::Prompt { title: title.to_owned(), line: Line::default(), then });
        Vec::new()
    }

    fn confirm(&mut self, question: String, wish: Wish) -> Vec<Wish> {
        self.overlay = Some(Overlay::Confirm { question: clean(&question), wish });
        Vec::new()
    }

    fn press_page(&mut self, key: KeyEvent) -> Vec<Wish> {
        match key.code {
            KeyCode::Char('q') | KeyCode::Esc => self.ended = true,
            KeyCode::Char('?') | KeyCode::F(1) => self.help(),
            KeyCode::Char('g') | KeyCode::F(5) => return self.refresh(),
            KeyCode::Tab | KeyCode::Right => return self.turn(1),
            KeyCode::BackTab | KeyCode::Left => return self.turn(Page::ALL.len() - 1),
            KeyCode::Char(digit @ '1'..='6') => return self.open(Page::ALL[digit as usize - '1' as usize]),
            _ => {
                return match self.page {
                    Page::Status => self.press_status(key.code),
                    Page::Logs => self.press_logs(key.code),
                    Page::List(list) => self.press_list(list, key.code),
                };
            }
        }
        Vec::new()
    }

    fn turn(&mut self, by: usize) -> Vec<Wish> {
        let now = Page::ALL.iter().position(|page| *page == self.page).unwrap_or_default();
        self.open(Page::ALL[(now + by) % Page::ALL.len()])
    }

    fn open(&mut self, page: Page) -> Vec<Wish> {
        self.page = page;
        self.refresh()
    }

    fn help(&mut self) {
        let lines = [
            "1 to 6, Tab     the pages",
            "↑ ↓ PgUp PgDn   move",
            "g               look again now",
            "q, Esc          leave; the hub goes on",
            "",
            "Everything here is also a plain command:",
            "  drawbridge start, stop, restart, status, raise, lower",
            "  drawbridge logs --follow --filter TEXT",
            "  drawbridge config check, config explain",
            "  drawbridge jobs queues, pause, resume",
            "  drawbridge jobs dead-letters, edit, replay, discard",
            "  drawbridge keys add, list, revoke",
        ];
        self.show("Help", &lines.map(str::to_owned));
    }

    fn press_status(&mut self, code: KeyCode) -> Vec<Wish> {
        match code {
            KeyCode::Char('s') if self.running => {
                self.message = Some((Tone::Plain, "It runs already.".to_owned()));
                Vec::new()
            }
            KeyCode::Char('s') => vec![Wish::Start],
            KeyCode::Char('x') => {
                self.confirm("Stop the hub? Jobs that run are interrupted.".to_owned(), Wish::Stop)
            }
            KeyCode::Char('r') => {
                self.confirm("Restart the hub? Jobs that run are interrupted.".to_owned(), Wish::Restart)
            }
            KeyCode::Char('b') if self.raised => {
                self.confirm("Lower the bridge and let calls in again?".to_owned(), Wish::Raise(false))
            }
            KeyCode::Char('b') => {
                self.confirm("Raise the bridge and refuse every call?".to_owned(), Wish::Raise(true))
            }
            _ => Vec::new(),
        }
    }

    fn press_logs(&mut self, code: KeyCode) -> Vec<Wish> {
        let last = self.logs.lines.len().saturating_sub(1);
        match code {
            KeyCode::Char('/') => {
                let line = Line::of(&self.logs.filter);
                let title = "Only lines with this text; empty for all".to_owned();
                self.overlay = Some(Overlay::Prompt { title, line, then: Then::Filter });
            }
            KeyCode::Enter => {
                let end = self.logs.lines.len() - self.logs.above.min(self.logs.lines.len());
                let lines = self.logs.lines[end.saturating_sub(WHOLE_LINES)..end].to_vec();
                self.show("The newest first", &lines.into_iter().rev().collect::<Vec<_>>());
            }
            KeyCode::Char('f') => {
                self.logs.follow = !self.logs.follow;
                if self.logs.follow {
                    self.logs.above = 0;
                }
            }
            _ => {
                // Up is back in time, away from the newest line at the bottom.
                let mirrored = scrolled(code, last - self.logs.above.min(last), last + 1);
                let Some(at) = mirrored.filter(|_| is_move(code)) else { return Vec::new() };
                self.logs.above = last - at;
                self.logs.follow = self.logs.above == 0;
            }
        }
        Vec::new()
    }

    fn press_list(&mut self, list: List, code: KeyCode) -> Vec<Wish> {
        let rows = &mut self.lists[place(list)];
        if let Some(chosen) = scrolled(code, rows.chosen, rows.rows.len()).filter(|_| is_move(code)) {
            rows.chosen = chosen;
            return Vec::new();
        }
        match (list, code) {
            (List::Keys, KeyCode::Char('a')) => {
                return self.prompt("What is the new key called?", Then::KeyName);
            }
            (List::DeadLetters, KeyCode::Char('a')) if !rows.rows.is_empty() => {
                let question = format!("Try all {} dead letters again?", rows.rows.len());
                return self.confirm(question, Wish::Replay(None));
            }
            _ => {}
        }
        let Some(row) = rows.rows.get(rows.chosen).cloned() else { return Vec::new() };
        self.press_row(list, code, row)
    }

    fn press_row(&mut self, list: List, code: KeyCode, row: Row) -> Vec<Wish> {
        let id = row.id;
        match (list, code) {
            (List::Settings, KeyCode::Enter) => {
                self.show(&id, &row.detail);
                Vec::new()
            }
            (List::Queues, KeyCode::Char('p')) => {
                vec![Wish::Pause { queue: id, paused: row.tone != Tone::Notice }]
            }
            (List::DeadLetters, KeyCode::Enter) => vec![Wish::Inspect(id)],
            (List::DeadLetters, KeyCode::Char('e')) => {
                self.to_edit = Some(id.clone());
                vec![Wish::Inspect(id)]
            }
            (List::DeadLetters, KeyCode::Char('r')) => vec![Wish::Replay(Some(id))],
            (List::DeadLetters, KeyCode::Char('d')) => {
                self.confirm(format!("Forget {id} for good?"), Wish::Discard(id))
            }
            (List::Keys, KeyCode::Char('d')) => {
                self.confirm(format!("Revoke the key of {id} for good?"), Wish::Revoke(id))
            }
            _ => Vec::new(),
        }
    }
}

impl Rows {
    /// The row that was chosen stays so, wherever it is now.
    fn set(&mut self, rows: Vec<Row>) {
        let id = self.rows.get(self.chosen).map(|row| row.id.clone());
        let found = id.and_then(|id| rows.iter().position(|row| row.id == id));
        self.chosen = found.unwrap_or(self.chosen).min(rows.len().saturating_sub(1));
        self.rows = rows.into_iter().map(clean_row).collect();
        self.known = true;
    }
}

fn place(list: List) -> usize {
    List::ALL.iter().position(|one| *one == list).unwrap_or_default()
}

fn is_look(wish: &Wish) -> bool {
    matches!(wish, Wish::Status | Wish::Logs { .. } | Wish::List(_) | Wish::Inspect(_))
}

fn is_move(code: KeyCode) -> bool {
    matches!(
        code,
        KeyCode::Up
            | KeyCode::Down
            | KeyCode::PageUp
            | KeyCode::PageDown
            | KeyCode::Home
            | KeyCode::End
            | KeyCode::Char('j' | 'k')
    )
}

/// The place after a key among `count`; `None` for a key that closes.
fn scrolled(code: KeyCode, at: usize, count: usize) -> Option<usize> {
    let last = count.saturating_sub(1);
    match code {
        KeyCode::Up | KeyCode::Char('k') => Some(at.saturating_sub(1)),
        KeyCode::Down | KeyCode::Char('j') => Some((at + 1).min(last)),
        KeyCode::PageUp => Some(at.saturating_sub(PAGE_LINES)),
        KeyCode::PageDown => Some((at + PAGE_LINES).min(last)),
        KeyCode::Home => Some(0),
        KeyCode::End => Some(last),
        _ => None,
    }
}

fn clean_row(row: Row) -> Row {
    Row {
        cells: row.cells.iter().map(|cell| clean(cell)).collect(),
        detail: row.detail.iter().map(|line| clean(line)).collect(),
        ..row
    }
}

/// Text as a person may see it, on one line.
fn clean(text: &str) -> String {
    let shown = text.chars().map(|one| if matches!(one, '\t' | '\n') { ' ' } else { one });
    shown.filter(|&one| is_visible(one)).collect()
}

#[cfg(test)]
mod tests;

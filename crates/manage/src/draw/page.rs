//! Each page.

use std::borrow::Cow;

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Cell, Paragraph, Row as TableRow, Table, TableState, Wrap};

use super::Theme;
use crate::app::{App, Page, Rows};
use crate::desk::List;

/// How many lines at the bottom tell of the row that is chosen.
const DETAIL_ROWS: u16 = 3;

pub(super) fn draw(app: &App, theme: &Theme, frame: &mut Frame<'_>, area: Rect) {
    match app.page {
        Page::Status => draw_status(app, theme, frame, area),
        Page::Logs => draw_logs(app, frame, area),
        Page::List(list) => draw_list(app.list(list), list, theme, frame, area),
    }
}

fn draw_status(app: &App, theme: &Theme, frame: &mut Frame<'_>, area: Rect) {
    let line = |fact: &crate::Fact| {
        Line::from(vec![
            Span::raw(format!("{:<11}", fact.name)),
            Span::styled(fact.value.clone(), theme.of(fact.tone)),
        ])
    };
    let lines: Vec<Line<'static>> = app.facts.iter().map(line).collect();
    let block = Block::bordered().title(" Status ");
    frame.render_widget(Paragraph::new(lines).wrap(Wrap { trim: false }).block(block), area);
}

fn draw_logs(app: &App, frame: &mut Frame<'_>, area: Rect) {
    let logs = &app.logs;
    let shown = if logs.filter.is_empty() { String::new() } else { format!("with {:?} ", logs.filter) };
    let how = if logs.follow { "following" } else { "standing still" };
    let block = Block::bordered().title(format!(" Logs {shown}({how}) "));
    let height = usize::from(block.inner(area).height);
    let end = logs.lines.len().saturating_sub(logs.above);
    let lines: Vec<Line<'_>> =
        logs.lines[end.saturating_sub(height)..end].iter().map(|line| Line::raw(short(line))).collect();
    let text =
        if lines.is_empty() { Paragraph::new("There is nothing here.") } else { Paragraph::new(lines) };
    frame.render_widget(text.block(block), area);
}

/// A line of the log without its day and its module, so that what it says is in sight: those of text begin with a time
/// (RFC 3339), a level, and a module with a colon. Enter shows all of it.
fn short(line: &str) -> Cow<'_, str> {
    let mut words = line.split_whitespace();
    let (time, level, module) = (words.next(), words.next(), words.next());
    let (Some(time), Some(level), Some(module)) = (time.and_then(|time| time.get(11..19)), level, module)
    else {
        return line.into();
    };
    match line.split_once(module).filter(|_| module.ends_with(':')) {
        Some((_, says)) => format!("{time} {level:<5}{says}").into(),
        None => line.into(),
    }
}

fn draw_list(rows: &Rows, list: List, theme: &Theme, frame: &mut Frame<'_>, area: Rect) {
    let block = Block::bordered().title(format!(" {} ", Page::List(list).name()));
    let inner = block.inner(area);
    frame.render_widget(block, area);
    if rows.rows.is_empty() {
        let words = if rows.known { nothing(list) } else { "…" };
        return frame.render_widget(Paragraph::new(words).wrap(Wrap { trim: true }), inner);
    }
    let [table, detail] =
        Layout::vertical([Constraint::Min(1), Constraint::Length(DETAIL_ROWS)]).areas(inner);
    draw_table(rows, list, theme, frame, table);
    if let Some(row) = rows.rows.get(rows.chosen) {
        let lines: Vec<Line<'_>> = row.detail.iter().map(|line| Line::raw(line.as_str())).collect();
        frame.render_widget(Paragraph::new(lines).wrap(Wrap { trim: true }), detail);
    }
}

fn nothing(list: List) -> &'static str {
    match list {
        List::Settings => "There is nothing to configure.",
        List::Queues => "There is no queue: no job was submitted, or no hub runs.",
        List::DeadLetters => "There is no dead letter.",
        List::Keys => "There is no key yet; a makes one.",
    }
}

fn draw_table(rows: &Rows, list: List, theme: &Theme, frame: &mut Frame<'_>, area: Rect) {
    let row = |row: &crate::Row| {
        TableRow::new(row.cells.iter().map(|cell| Cell::from(cell.clone()))).style(theme.of(row.tone))
    };
    let head = TableRow::new(list.heads().iter().map(|head| Cell::from(*head))).style(theme.strong());
    let table = Table::new(rows.rows.iter().map(row), widths(list))
        .header(head)
        .row_highlight_style(theme.chosen())
        .column_spacing(1);
    let mut state = TableState::default().with_selected(Some(rows.chosen));
    frame.render_stateful_widget(table, area, &mut state);
}

fn widths(list: List) -> Vec<Constraint> {
    use Constraint::{Fill, Length};
    match list {
        List::Settings => vec![Length(28), Fill(1)],
        List::Queues => vec![Fill(1), Length(7), Length(7), Length(7), Length(7), Length(8)],
        List::DeadLetters => vec![Length(18), Length(14), Length(6), Length(5), Fill(1)],
        List::Keys => vec![Length(14), Length(7), Fill(1), Length(11), Length(11)],
    }
}

#[cfg(test)]
mod tests {
    use super::short;

    #[test]
    fn a_line_of_the_log_is_shortened_only_if_it_is_one() {
        let line = "2026-11-21T01:45:52.562814Z  INFO drawbridge::serve: asked to end now=true";
        assert_eq!(short(line), "01:45:52 INFO  asked to end now=true");
        for other in [
            "",
            "a",
            "2026 INFO x: y",
            r#"{"timestamp":"2026-11-21T01:45:52Z", "level": "INFO"}"#,
            "ééééééééééééé a b: c",
        ] {
            assert_eq!(short(other), other);
        }
    }
}

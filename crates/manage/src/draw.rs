//! The state as cells.

mod overlay;
mod page;

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Paragraph};

use crate::app::{App, Page};
use crate::desk::Tone;

/// The smallest window in which something can be read.
const COLUMNS_MIN: u16 = 50;
const ROWS_MIN: u16 = 12;
/// The width of the menu, with its frame.
const MENU_COLUMNS: u16 = 19;

/// How tones look.
pub(crate) struct Theme {
    colours: bool,
}

impl Theme {
    pub(crate) fn new(colours: bool) -> Self {
        Self { colours }
    }

    pub(crate) fn of(&self, tone: Tone) -> Style {
        let (colour, without) = match tone {
            Tone::Plain => return Style::new(),
            Tone::Good => (Color::Green, Modifier::empty()),
            Tone::Notice => (Color::Yellow, Modifier::BOLD),
            Tone::Bad => (Color::Red, Modifier::BOLD),
        };
        if self.colours { Style::new().fg(colour) } else { Style::new().add_modifier(without) }
    }

    pub(crate) fn chosen(&self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }

    pub(crate) fn strong(&self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }
}

/// Draws everything.
pub(crate) fn all(app: &App, theme: &Theme, frame: &mut Frame<'_>) {
    let area = frame.area();
    if area.width < COLUMNS_MIN || area.height < ROWS_MIN {
        let words = format!("This window is too small: {COLUMNS_MIN} by {ROWS_MIN} at least. q leaves.");
        return frame.render_widget(Paragraph::new(words), area);
    }
    let [head, body, message, keys] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Min(1),
        Constraint::Length(1),
        Constraint::Length(1),
    ])
    .areas(area);
    let [menu, content] =
        Layout::horizontal([Constraint::Length(MENU_COLUMNS), Constraint::Min(1)]).areas(body);
    frame.render_widget(head_line(app, theme), head);
    draw_menu(app, theme, frame, menu);
    page::draw(app, theme, frame, content);
    frame.render_widget(message_line(app, theme), message);
    frame.render_widget(Paragraph::new(format!(" {}", keys_of(app))), keys);
    if let Some(over) = &app.overlay {
        overlay::draw(over, theme, frame, body);
    }
}

fn head_line(app: &App, theme: &Theme) -> Paragraph<'static> {
    let hub = if app.running {
        Span::styled("the hub runs", theme.of(Tone::Good))
    } else {
        Span::styled("no hub runs", theme.of(Tone::Notice))
    };
    let mut spans = vec![Span::styled(" Drawbridge", theme.strong()), Span::raw("   "), hub];
    if app.raised {
        spans.push(Span::raw("   "));
        spans.push(Span::styled("the bridge is raised: every call is refused", theme.of(Tone::Bad)));
    }
    Paragraph::new(Line::from(spans))
}

fn message_line(app: &App, theme: &Theme) -> Paragraph<'static> {
    match &app.message {
        _ if app.at_work => Paragraph::new(" One moment …"),
        Some((tone, text)) => Paragraph::new(format!(" {text}")).style(theme.of(*tone)),
        None => Paragraph::new(""),
    }
}

fn keys_of(app: &App) -> String {
    use crate::app::Overlay;
    match &app.overlay {
        Some(Overlay::Confirm { .. }) => "y yes  any other key no".to_owned(),
        Some(Overlay::Prompt { .. }) => "Enter done  Esc leave it".to_owned(),
        Some(Overlay::Text { .. }) => "↑↓ move  any other key closes".to_owned(),
        None => format!("{}  ? help  q leave", app.page.keys()),
    }
}

fn draw_menu(app: &App, theme: &Theme, frame: &mut Frame<'_>, area: Rect) {
    let line = |(index, page): (usize, &Page)| {
        let text = format!(" {} {:<13}", index + 1, page.name());
        if *page == app.page { Line::styled(text, theme.chosen()) } else { Line::raw(text) }
    };
    let lines: Vec<Line<'static>> = Page::ALL.iter().enumerate().map(line).collect();
    frame.render_widget(Paragraph::new(lines).block(Block::bordered()), area);
}

#[cfg(test)]
mod tests;

//! What lies over a page: text to be read, a question, a line to be typed.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Clear, Paragraph, Wrap};

use super::Theme;
use crate::app::Overlay;

/// How far it stays from the sides.
const MARGIN: u16 = 3;

pub(super) fn draw(overlay: &Overlay, theme: &Theme, frame: &mut Frame<'_>, body: Rect) {
    match overlay {
        Overlay::Text { title, lines, top } => {
            let area = middle(body, body.height.saturating_sub(2));
            let shown: Vec<Line<'_>> = lines.iter().skip(*top).map(|line| Line::raw(line.as_str())).collect();
            show(frame, area, title, Paragraph::new(shown).wrap(Wrap { trim: false }), theme);
        }
        Overlay::Confirm { question, .. } => {
            let text = Paragraph::new(format!("{question}  y / n")).wrap(Wrap { trim: true });
            show(frame, middle(body, 4), "Sure?", text, theme);
        }
        Overlay::Prompt { title, line, .. } => {
            let area = middle(body, 3);
            let width = usize::from(area.width.saturating_sub(3));
            let (before, after) = line.halves();
            // The place of the cursor stays in sight.
            let skipped = before.chars().count().saturating_sub(width);
            let before: String = before.chars().skip(skipped).collect();
            let mut after = after.chars();
            let at = after.next().unwrap_or(' ');
            let rest: String = after.collect();
            let spans =
                vec![Span::raw(before), Span::styled(at.to_string(), theme.chosen()), Span::raw(rest)];
            show(frame, area, title, Paragraph::new(Line::from(spans)), theme);
        }
    }
}

fn show(frame: &mut Frame<'_>, area: Rect, title: &str, text: Paragraph<'_>, theme: &Theme) {
    frame.render_widget(Clear, area);
    let block = Block::bordered().title(format!(" {title} ")).border_style(theme.strong());
    frame.render_widget(text.block(block), area);
}

/// A part of `body` in its middle, with so many rows.
fn middle(body: Rect, rows: u16) -> Rect {
    let (width, height) = (body.width.saturating_sub(2 * MARGIN), rows.min(body.height));
    Rect { x: body.x + MARGIN, y: body.y + (body.height - height) / 2, width, height }
}

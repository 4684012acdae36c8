//! A line of text as it is typed.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// How long it may get, in characters.
pub(crate) const CHARACTERS_MAX: usize = 4096;

/// Text and the place in it where the next character goes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Line {
    text: Vec<char>,
    at: usize,
}

impl Line {
    pub(crate) fn of(text: &str) -> Self {
        let text: Vec<char> = text.chars().take(CHARACTERS_MAX).collect();
        Self { at: text.len(), text }
    }

    pub(crate) fn text(&self) -> String {
        self.text.iter().collect()
    }

    /// Characters before the cursor, and those from it on.
    pub(crate) fn halves(&self) -> (String, String) {
        (self.text[..self.at].iter().collect(), self.text[self.at..].iter().collect())
    }

    /// Takes a key, if it is one for a line.
    pub(crate) fn press(&mut self, key: KeyEvent) {
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            KeyCode::Char('a') if control => self.at = 0,
            KeyCode::Char('e') if control => self.at = self.text.len(),
            KeyCode::Char('u') if control => drop(self.text.drain(..std::mem::take(&mut self.at))),
            KeyCode::Char('k') if control => self.text.truncate(self.at),
            KeyCode::Char(character) if !control && !character.is_control() => self.insert(character),
            KeyCode::Home => self.at = 0,
            KeyCode::End => self.at = self.text.len(),
            KeyCode::Left => self.at = self.at.saturating_sub(1),
            KeyCode::Right => self.at = (self.at + 1).min(self.text.len()),
            KeyCode::Delete if self.at < self.text.len() => drop(self.text.remove(self.at)),
            KeyCode::Backspace if self.at > 0 => {
                self.at -= 1;
                self.text.remove(self.at);
            }
            _ => {}
        }
    }

    /// Takes what was pasted, on one line.
    pub(crate) fn paste(&mut self, text: &str) {
        text.chars().map(|one| if one.is_whitespace() { ' ' } else { one }).for_each(|one| {
            if !one.is_control() {
                self.insert(one);
            }
        });
    }

    fn insert(&mut self, character: char) {
        if self.text.len() < CHARACTERS_MAX {
            self.text.insert(self.at, character);
            self.at += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn press(line: &mut Line, code: KeyCode) {
        line.press(KeyEvent::new(code, KeyModifiers::NONE));
    }

    #[test]
    fn keys_change_the_line_where_the_cursor_is() {
        let mut line = Line::of("añb");
        press(&mut line, KeyCode::Left);
        press(&mut line, KeyCode::Backspace);
        press(&mut line, KeyCode::Char('é'));
        assert_eq!(line.halves(), ("aé".to_owned(), "b".to_owned()));
        press(&mut line, KeyCode::Delete);
        press(&mut line, KeyCode::Delete);
        press(&mut line, KeyCode::Home);
        press(&mut line, KeyCode::Backspace);
        assert_eq!(line.text(), "aé");
        line.press(KeyEvent::new(KeyCode::Char('k'), KeyModifiers::CONTROL));
        assert_eq!(line.text(), "");
    }

    #[test]
    fn what_is_pasted_stays_on_one_line_and_within_the_bound() {
        let mut line = Line::default();
        line.paste("a\nb\u{1b}[31m");
        assert_eq!(line.text(), "a b[31m");
        line.paste(&"x".repeat(CHARACTERS_MAX + 10));
        assert_eq!(line.text().chars().count(), CHARACTERS_MAX);
        press(&mut line, KeyCode::Char('y'));
        assert_eq!(line.text().chars().count(), CHARACTERS_MAX);
    }
}

//! The grey text behind the cursor: what was typed before like this, or what the command still needs.

use std::sync::Arc;

use nu_ansi_term::{Color, Style};
use reedline::{Hinter, History, SearchQuery};

use crate::catalog::Catalog;
use crate::commands;
use crate::language::arguments::is_flag;
use crate::language::lex::{Kind, Word, lex};
use crate::session::Shared;

pub(crate) struct Hints {
    pub(crate) shared: Arc<Shared>,
    /// What may be taken over with the arrow key: only what was typed before.
    pub(crate) taken: String,
}

/// What the command at the end of a line still needs, in words.
pub(crate) fn needs(line: &str, catalog: &Catalog) -> Option<String> {
    let tokens = lex(line).tokens;
    let begin = tokens.iter().rposition(|token| matches!(token.kind, Kind::Next | Kind::Background));
    let words: Option<Vec<&Word>> = tokens[begin.map_or(0, |at| at + 1)..]
        .iter()
        .map(|token| match &token.kind {
            Kind::Word(word) => Some(word),
            _ => None,
        })
        .collect();
    let words = words?;
    let (name, rest) = words.split_first()?;
    if !line.ends_with(char::is_whitespace)
        || rest.iter().any(|word| is_flag(word) || word.text.starts_with('{'))
    {
        return None;
    }
    let usage = commands::usage(catalog, &name.text)?;
    let left = usage.words.iter().skip(rest.len()).map(|word| word.to_uppercase()).collect::<Vec<_>>();
    (!left.is_empty()).then(|| left.join(" "))
}

impl Hinter for Hints {
    fn handle(
        &mut self,
        line: &str,
        position: usize,
        history: &dyn History,
        color: bool,
        _cwd: &str,
    ) -> String {
        self.taken.clear();
        if line.is_empty() || position < line.len() {
            return String::new();
        }
        let query = SearchQuery::last_with_prefix(line.to_owned(), history.session());
        let before = history.search(query).unwrap_or_default();
        if let Some(rest) = before.first().and_then(|entry| entry.command_line.get(line.len()..)) {
            rest.clone_into(&mut self.taken);
        }
        let hint = match self.taken.is_empty() {
            false => self.taken.clone(),
            true => needs(line, &self.shared.catalog()).unwrap_or_default(),
        };
        if color && !hint.is_empty() { style().paint(hint).to_string() } else { hint }
    }

    fn complete_hint(&self) -> String {
        self.taken.clone()
    }

    fn next_hint_token(&self) -> String {
        let end = self.taken.trim_start().find(char::is_whitespace);
        let blanks = self.taken.len() - self.taken.trim_start().len();
        end.map_or_else(|| self.taken.clone(), |end| self.taken[..blanks + end].to_owned())
    }
}

fn style() -> Style {
    Color::DarkGray.normal()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::catalog::Tool;
    use crate::language::schema::parameters;

    #[test]
    fn a_command_says_what_it_still_needs() {
        let schema = json!({"properties": {"from": {}, "to": {}}, "required": ["from", "to"]});
        let tool = Tool {
            name: "files_copy".to_owned(),
            says: String::new(),
            parameters: parameters(&schema),
            may: "changes",
        };
        let catalog = Catalog { tools: vec![tool], ..Catalog::default() };
        let needs = |line: &str| needs(line, &catalog);
        assert_eq!(needs("cp ").as_deref(), Some("FROM TO"));
        assert_eq!(needs("ls; files_copy a ").as_deref(), Some("TO"));
        for line in ["", "cp", "cp a b ", "cp -f ", "cp {} ", "nothing ", "cp a > "] {
            assert_eq!(needs(line), None, "{line}");
        }
    }
}

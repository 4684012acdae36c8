//! Colours of what is typed.

use std::sync::Arc;

use nu_ansi_term::{Color, Style};
use reedline::{Highlighter, StyledText};

use crate::catalog::Catalog;
use crate::commands;
use crate::language::arguments::is_flag;
use crate::language::lex::{Kind, Token, lex};
use crate::session::Shared;

/// What a piece of a line is, for its colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ink {
    Blank,
    Command,
    /// A name that means nothing to us.
    Unknown,
    Flag,
    Word,
    Quoted,
    Json,
    Sign,
    Comment,
}

impl Ink {
    fn style(self) -> Style {
        match self {
            Self::Blank | Self::Word => Style::new(),
            Self::Command => Color::Green.bold(),
            Self::Unknown => Color::Red.normal(),
            Self::Flag => Color::Cyan.normal(),
            Self::Quoted => Color::Yellow.normal(),
            Self::Json => Color::Blue.normal(),
            Self::Sign => Color::Purple.bold(),
            Self::Comment => Style::new().dimmed(),
        }
    }
}

/// The pieces of a line, blanks included, in their order.
pub(crate) fn inks<'a>(line: &'a str, catalog: &Catalog) -> Vec<(Ink, &'a str)> {
    let (mut pieces, mut at, mut expects) = (Vec::new(), 0, Expects::Command);
    for token in lex(line).tokens {
        if at < token.start {
            pieces.push((Ink::Blank, &line[at..token.start]));
        }
        let text = &line[token.start..token.end];
        pieces.push((ink(&token, text, expects, catalog), text));
        expects = match token.kind {
            Kind::Next | Kind::Background => Expects::Command,
            Kind::Pipe => Expects::View,
            _ => Expects::Word,
        };
        at = token.end;
    }
    if at < line.len() {
        pieces.push((Ink::Blank, &line[at..]));
    }
    pieces
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expects {
    Command,
    View,
    Word,
}

fn ink(token: &Token, text: &str, expects: Expects, catalog: &Catalog) -> Ink {
    let Kind::Word(word) = &token.kind else {
        return if token.kind == Kind::Comment { Ink::Comment } else { Ink::Sign };
    };
    match expects {
        // A method of the older dialect may exist without being listed.
        Expects::Command if commands::is_known(catalog, &word.text) || word.text.contains('.') => {
            Ink::Command
        }
        Expects::Command => Ink::Unknown,
        Expects::View if matches!(&*word.text, "json" | "text" | "table" | "get" | "llm") => Ink::Command,
        Expects::View => Ink::Unknown,
        Expects::Word if is_flag(word) => Ink::Flag,
        Expects::Word if text.starts_with(['{', '[']) => Ink::Json,
        Expects::Word if text.contains(['\'', '"']) => Ink::Quoted,
        Expects::Word => Ink::Word,
    }
}

/// Colours lines while they are typed.
pub(crate) struct Inks(pub(crate) Arc<Shared>);

impl Highlighter for Inks {
    fn highlight(&self, line: &str, _cursor: usize) -> StyledText {
        let mut text = StyledText::new();
        for (ink, piece) in inks(line, &self.0.catalog()) {
            text.push((ink.style(), piece.to_owned()));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_piece_has_its_ink() {
        let catalog = Catalog::default();
        let found: Vec<(Ink, &str)> = inks("help --x 'a b' {\"c\":1} | json; nope | wc # so", &catalog)
            .into_iter()
            .filter(|(ink, _)| *ink != Ink::Blank)
            .collect();
        assert_eq!(
            found,
            [
                (Ink::Command, "help"),
                (Ink::Flag, "--x"),
                (Ink::Quoted, "'a b'"),
                (Ink::Json, "{\"c\":1}"),
                (Ink::Sign, "|"),
                (Ink::Command, "json"),
                (Ink::Sign, ";"),
                (Ink::Unknown, "nope"),
                (Ink::Sign, "|"),
                (Ink::Unknown, "wc"),
                (Ink::Comment, "# so"),
            ]
        );
    }

    proptest::proptest! {
        #[test]
        fn nothing_of_a_line_is_lost(line in "\\PC{0,60}") {
            let catalog = Catalog::default();
            let together: String = inks(&line, &catalog).into_iter().map(|(_, piece)| piece).collect();
            proptest::prop_assert_eq!(together, line);
        }
    }
}

//! Cuts a line into words and signs, and says where each stands: for running it, colouring it and completing it.

use std::iter::Peekable;
use std::str::CharIndices;

/// A word as it is meant: without its quotes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Word {
    /// Its text.
    pub(crate) text: String,
    /// Whether it begins without a quote: only such words can be flags or JSON.
    pub(crate) plain: bool,
}

/// One piece of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) kind: Kind,
    /// Its first byte.
    pub(crate) start: usize,
    /// The byte after it.
    pub(crate) end: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    Word(Word),
    /// `|`
    Pipe,
    /// `;` or a line's end.
    Next,
    /// `&`
    Background,
    /// `>`
    Into,
    /// `>>`
    Append,
    /// `>|`
    Replace,
    /// `# …`
    Comment,
}

/// A line in pieces.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Lexed {
    pub(crate) tokens: Vec<Token>,
    /// What was opened and not closed, as a person would call it.
    pub(crate) open: Option<&'static str>,
}

const SINGLE: &str = "a quote '";
const DOUBLE: &str = "a quote \"";
const BRACKET: &str = "a bracket";
const BACKSLASH: &str = "a line that ends with \\";

/// Cuts a line. Never fails: what is not closed is said in [`Lexed::open`].
pub(crate) fn lex(line: &str) -> Lexed {
    let mut lexer =
        Lexer { chars: line.char_indices().peekable(), length: line.len(), lexed: Lexed::default() };
    lexer.run();
    lexer.lexed
}

struct Lexer<'a> {
    chars: Peekable<CharIndices<'a>>,
    length: usize,
    lexed: Lexed,
}

impl Lexer<'_> {
    fn run(&mut self) {
        while let Some(&(start, character)) = self.chars.peek() {
            match character {
                '\n' => self.sign(start, Kind::Next),
                blank if blank.is_whitespace() => drop(self.chars.next()),
                ';' => self.sign(start, Kind::Next),
                '|' => self.sign(start, Kind::Pipe),
                '>' => self.file(start),
                '&' if self.ends_command() => self.sign(start, Kind::Background),
                '#' => self.comment(start),
                _ => self.word(start),
            }
        }
    }

    fn position(&mut self) -> usize {
        self.chars.peek().map_or(self.length, |&(at, _)| at)
    }

    fn push(&mut self, start: usize, kind: Kind) {
        let end = self.position();
        self.lexed.tokens.push(Token { kind, start, end });
    }

    fn sign(&mut self, start: usize, kind: Kind) {
        self.chars.next();
        self.push(start, kind);
    }

    fn file(&mut self, start: usize) {
        self.chars.next();
        let kind = match self.chars.peek() {
            Some((_, '>')) => Kind::Append,
            Some((_, '|')) => Kind::Replace,
            _ => return self.push(start, Kind::Into),
        };
        self.sign(start, kind);
    }

    fn comment(&mut self, start: usize) {
        while self.chars.next_if(|&(_, character)| character != '\n').is_some() {}
        self.push(start, Kind::Comment);
    }

    /// Whether the `&` that comes next stands at a command's end, and not inside an address.
    fn ends_command(&self) -> bool {
        let mut ahead = self.chars.clone();
        ahead.next();
        ahead.next().is_none_or(|(_, after)| after.is_whitespace() || after == ';')
    }

    fn word(&mut self, start: usize) {
        let mut word = Word { text: String::new(), plain: true };
        while let Some(&(_, character)) = self.chars.peek() {
            match character {
                '\'' => self.single(&mut word),
                '"' => self.double(&mut word),
                '\\' => self.escaped(&mut word),
                '{' | '[' if begins_value(&word) => self.brackets(&mut word),
                ';' | '|' | '>' => break,
                '&' if self.ends_command() => break,
                blank if blank.is_whitespace() => break,
                other => {
                    word.text.push(other);
                    self.chars.next();
                }
            }
        }
        self.push(start, Kind::Word(word));
    }

    fn single(&mut self, word: &mut Word) {
        word.plain &= !word.text.is_empty();
        self.chars.next();
        for (_, character) in self.chars.by_ref() {
            match character {
                '\'' => return,
                other => word.text.push(other),
            }
        }
        self.lexed.open = Some(SINGLE);
    }

    fn double(&mut self, word: &mut Word) {
        word.plain &= !word.text.is_empty();
        self.chars.next();
        while let Some((_, character)) = self.chars.next() {
            match character {
                '"' => return,
                '\\' => match self.chars.next() {
                    Some((_, 'n')) => word.text.push('\n'),
                    Some((_, 't')) => word.text.push('\t'),
                    Some((_, other @ ('"' | '\\'))) => word.text.push(other),
                    Some((_, other)) => word.text.extend(['\\', other]),
                    None => break,
                },
                other => word.text.push(other),
            }
        }
        self.lexed.open = Some(DOUBLE);
    }

    fn escaped(&mut self, word: &mut Word) {
        word.plain &= !word.text.is_empty();
        self.chars.next();
        match self.chars.next() {
            // A line that goes on below.
            Some((_, '\n')) => {}
            Some((_, other)) => word.text.push(other),
            None => self.lexed.open = Some(BACKSLASH),
        }
    }

    /// JSON stays as it is, blanks and quotes included, to the bracket that closes it.
    fn brackets(&mut self, word: &mut Word) {
        let (mut depth, mut in_text) = (0_usize, false);
        while let Some((_, character)) = self.chars.next() {
            word.text.push(character);
            match character {
                '\\' if in_text => word.text.extend(self.chars.next().map(|(_, escaped)| escaped)),
                '"' => in_text = !in_text,
                '{' | '[' if !in_text => depth += 1,
                '}' | ']' if !in_text => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                return;
            }
        }
        self.lexed.open = Some(BRACKET);
    }
}

/// Whether a bracket that comes now begins JSON: at a word's beginning, or as the value of a flag.
fn begins_value(word: &Word) -> bool {
    word.text.is_empty() && word.plain || word.text.starts_with("--") && word.text.ends_with('=')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        lex(line)
            .tokens
            .into_iter()
            .map(|token| match token.kind {
                Kind::Word(word) => word.text,
                other => format!("<{other:?}>"),
            })
            .collect()
    }

    #[test]
    fn words_quotes_and_escapes() {
        assert_eq!(words(r#"cat "a b" 'c "d' e\ f"#), ["cat", "a b", "c \"d", "e f"]);
        assert_eq!(words(r#"x "one\ntwo\"\\\d" """#), ["x", "one\ntwo\"\\\\d", ""]);
        assert_eq!(words("a  \t b # and this is nothing"), ["a", "b", "<Comment>"]);
        assert_eq!(words("a#b"), ["a#b"]);
    }

    #[test]
    fn signs_stand_anywhere_but_an_ampersand_only_at_an_end() {
        assert_eq!(
            words("ls|json>x;pwd &"),
            ["ls", "<Pipe>", "json", "<Into>", "x", "<Next>", "pwd", "<Background>"]
        );
        assert_eq!(words("get http://h/?a=1&b=2 >> f"), ["get", "http://h/?a=1&b=2", "<Append>", "f"]);
        assert_eq!(words("x >| f\ny"), ["x", "<Replace>", "f", "<Next>", "y"]);
        assert_eq!(words("sleep&"), ["sleep", "<Background>"]);
    }

    #[test]
    fn json_is_one_word_and_globs_stay_words() {
        assert_eq!(words(r#"t {"a": "b } c", "d": [1, 2]} x"#), ["t", r#"{"a": "b } c", "d": [1, 2]}"#, "x"]);
        assert_eq!(words(r#"t --edits=[{"a": 1}] y"#), ["t", r#"--edits=[{"a": 1}]"#, "y"]);
        assert_eq!(words("find [a-z]*.md a{b,c}"), ["find", "[a-z]*.md", "a{b,c}"]);
        assert_eq!(words(r#"t {"a": "\"}"}"#), ["t", r#"{"a": "\"}"}"#]);
    }

    #[test]
    fn what_is_open_is_named() {
        for (line, open) in [("a 'b", SINGLE), ("a \"b", DOUBLE), ("a {\"b\":", BRACKET), ("a \\", BACKSLASH)]
        {
            assert_eq!(lex(line).open, Some(open), "{line}");
        }
        assert_eq!(lex("a\\\nb").open, None);
    }

    proptest::proptest! {
        #[test]
        fn any_line_is_cut_into_pieces_that_stand_in_order(line in "\\PC{0,80}") {
            let lexed = lex(&line);
            let mut at = 0;
            for token in &lexed.tokens {
                proptest::prop_assert!(at <= token.start && token.start < token.end && token.end <= line.len());
                proptest::prop_assert!(line.is_char_boundary(token.start) && line.is_char_boundary(token.end));
                proptest::prop_assert!(line[at..token.start].chars().all(char::is_whitespace));
                at = token.end;
            }
            proptest::prop_assert!(line[at..].chars().all(char::is_whitespace));
        }

        #[test]
        fn any_text_comes_back_from_either_quote(text in "[^\\x00]{0,40}") {
            let double = format!("x \"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
            proptest::prop_assert_eq!(words(&double), vec!["x".to_owned(), text.clone()]);
            let single = format!("x '{}'", text.replace('\'', "'\\''"));
            proptest::prop_assert_eq!(words(&single), vec!["x".to_owned(), text]);
        }
    }
}

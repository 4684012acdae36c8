//! Makes commands of the pieces of a line.

use super::lex::{Kind, Lexed, Token, Word, lex};

/// One command: what to run, how to show what comes of it, and where.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Command {
    /// The name and its arguments; never empty.
    pub(crate) words: Vec<Word>,
    /// What each `|` makes of it.
    pub(crate) views: Vec<View>,
    /// The file that it goes to.
    pub(crate) file: Option<File>,
    /// Whether it runs as a job.
    pub(crate) background: bool,
}

/// What a `|` makes of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum View {
    /// `| json`
    Json,
    /// `| text`
    Text,
    /// `| table`
    Table,
    /// `| get entries.0.name`
    Get(String),
    /// `| llm "…"`: the words of a question about it.
    Ask(Vec<Word>),
}

/// `> FILE` and its kin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct File {
    pub(crate) path: String,
    pub(crate) how: How,
}

/// What becomes of a file that is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum How {
    /// `>` asks.
    Ask,
    /// `>>` adds to it.
    Append,
    /// `>|` replaces it.
    Replace,
}

/// What is wrong with a line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SyntaxError {
    #[error("{0} is open at the end of the line: close it, or go on below")]
    Open(&'static str),
    #[error("there is nothing before `{0}`")]
    Nothing(&'static str),
    #[error("{0} is no view: after `|` come json, text, table, get FIELD, or llm \"QUESTION\"")]
    View(String),
    #[error("`| get` needs the name of a field, such as `| get entries.0.name`")]
    Field,
    #[error("`| {0}` takes no words")]
    Words(&'static str),
    #[error("`>` needs the name of a file on this machine")]
    File,
    #[error("`> FILE` comes at a command's end")]
    AfterFile,
    #[error(
        "what runs in the background shows nothing here: `fg` brings its answer, and `fg > FILE` keeps it"
    )]
    Background,
}

/// The commands of a line, or of a whole script.
///
/// # Errors
/// When quotes or brackets stay open, or signs stand where they mean nothing.
pub(crate) fn parse(line: &str) -> Result<Vec<Command>, SyntaxError> {
    let Lexed { tokens, open } = lex(line);
    if let Some(open) = open {
        return Err(SyntaxError::Open(open));
    }
    let mut commands = Vec::new();
    let mut pieces: Vec<Token> = Vec::new();
    for token in tokens {
        match token.kind {
            Kind::Comment => {}
            Kind::Next => finish(&mut pieces, false, &mut commands)?,
            Kind::Background if pieces.is_empty() => return Err(SyntaxError::Nothing("&")),
            Kind::Background => finish(&mut pieces, true, &mut commands)?,
            _ => pieces.push(token),
        }
    }
    finish(&mut pieces, false, &mut commands)?;
    Ok(commands)
}

fn finish(pieces: &mut Vec<Token>, background: bool, to: &mut Vec<Command>) -> Result<(), SyntaxError> {
    if !pieces.is_empty() {
        let command = command(std::mem::take(pieces), background)?;
        to.push(command);
    }
    Ok(())
}

fn command(pieces: Vec<Token>, background: bool) -> Result<Command, SyntaxError> {
    let (pieces, file) = file(pieces)?;
    let mut parts = pieces.split(|token| token.kind == Kind::Pipe).map(words);
    let first = parts.next().unwrap_or_default();
    if first.is_empty() {
        return Err(SyntaxError::Nothing(if pieces.is_empty() { ">" } else { "|" }));
    }
    let views = parts.map(view).collect::<Result<Vec<_>, _>>()?;
    if background && (file.is_some() || !views.is_empty()) {
        return Err(SyntaxError::Background);
    }
    Ok(Command { words: first, views, file, background })
}

/// Takes the file from the end.
fn file(mut pieces: Vec<Token>) -> Result<(Vec<Token>, Option<File>), SyntaxError> {
    let how = |kind: &Kind| match kind {
        Kind::Into => Some(How::Ask),
        Kind::Append => Some(How::Append),
        Kind::Replace => Some(How::Replace),
        _ => None,
    };
    let Some(at) = pieces.iter().position(|token| how(&token.kind).is_some()) else {
        return Ok((pieces, None));
    };
    let file = pieces.split_off(at);
    match &file[..] {
        [sign, Token { kind: Kind::Word(path), .. }] => {
            let how = how(&sign.kind).unwrap_or(How::Ask);
            Ok((pieces, Some(File { path: path.text.clone(), how })))
        }
        [_] => Err(SyntaxError::File),
        [_, Token { kind: Kind::Word(_), .. }, ..] => Err(SyntaxError::AfterFile),
        _ => Err(SyntaxError::File),
    }
}

fn words(tokens: &[Token]) -> Vec<Word> {
    let word = |token: &Token| match &token.kind {
        Kind::Word(word) => Some(word.clone()),
        _ => None,
    };
    tokens.iter().filter_map(word).collect()
}

fn view(mut words: Vec<Word>) -> Result<View, SyntaxError> {
    if words.is_empty() {
        return Err(SyntaxError::View("nothing".to_owned()));
    }
    let name = words.remove(0).text;
    match (&*name, words.len()) {
        ("json", 0) => Ok(View::Json),
        ("text", 0) => Ok(View::Text),
        ("table", 0) => Ok(View::Table),
        ("json", _) => Err(SyntaxError::Words("json")),
        ("text", _) => Err(SyntaxError::Words("text")),
        ("table", _) => Err(SyntaxError::Words("table")),
        ("get", 1) => Ok(View::Get(words.remove(0).text)),
        ("get", _) => Err(SyntaxError::Field),
        ("llm", _) => Ok(View::Ask(words)),
        _ => Err(SyntaxError::View(name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(line: &str) -> Command {
        let mut commands = parse(line).unwrap();
        assert_eq!(commands.len(), 1, "{line}");
        commands.remove(0)
    }

    fn texts(words: &[Word]) -> Vec<&str> {
        words.iter().map(|word| &*word.text).collect()
    }

    #[test]
    fn a_command_with_everything() {
        let command = one("ls -l work | get entries.0 | json >> 'my file'");
        assert_eq!(texts(&command.words), ["ls", "-l", "work"]);
        assert_eq!(command.views, [View::Get("entries.0".to_owned()), View::Json]);
        assert_eq!(command.file, Some(File { path: "my file".to_owned(), how: How::Append }));
        assert!(!command.background);
    }

    #[test]
    fn several_commands_and_the_background() {
        let commands = parse("cd a; ls &\n\n# nothing\npwd").unwrap();
        let names: Vec<_> = commands.iter().map(|one| (&*one.words[0].text, one.background)).collect();
        assert_eq!(names, [("cd", false), ("ls", true), ("pwd", false)]);
        assert_eq!(parse(" ; \n # x").unwrap(), []);
    }

    #[test]
    fn what_means_nothing_is_refused_in_words() {
        for (line, error) in [
            ("| json", SyntaxError::Nothing("|")),
            ("> x", SyntaxError::Nothing(">")),
            ("&", SyntaxError::Nothing("&")),
            ("ls | wc", SyntaxError::View("wc".to_owned())),
            ("ls |", SyntaxError::View("nothing".to_owned())),
            ("ls | get", SyntaxError::Field),
            ("ls | json x", SyntaxError::Words("json")),
            ("ls >", SyntaxError::File),
            ("ls > | json", SyntaxError::File),
            ("ls > x | json", SyntaxError::AfterFile),
            ("ls | json &", SyntaxError::Background),
            ("ls > x &", SyntaxError::Background),
            ("ls 'x", SyntaxError::Open("a quote '")),
        ] {
            assert_eq!(parse(line).unwrap_err(), error, "{line}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_line_is_taken_or_refused(line in "[a-z|>&;#'\"{}\\[\\]\\\\ \\n]{0,60}") {
            if let Ok(commands) = parse(&line) {
                proptest::prop_assert!(commands.iter().all(|command| !command.words.is_empty()));
            }
        }
    }
}

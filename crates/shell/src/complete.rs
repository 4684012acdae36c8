//! What can stand where the cursor is. Finding out what is wanted is pure; only paths and models are asked of the hub.

use std::sync::Arc;
use std::time::Duration;

use reedline::{Completer, CompletionResult, Span, Suggestion};
use serde_json::{Value, json};
use tokio::runtime::Handle;
use tokio::time::timeout;

use crate::catalog::Catalog;
use crate::commands::help::TOPICS;
use crate::commands::{self, Takes};
use crate::language::arguments::{Usage, is_flag};
use crate::language::lex::{Kind, Token, Word, lex};
use crate::language::schema::{Kind as Typed, Parameter};
use crate::link::Client;
use crate::render::plain_line;
use crate::session::Shared;

/// How long the hub may take: nobody wants to wait for a Tab.
const PATIENCE: Duration = Duration::from_millis(1_500);
/// How many entries of a folder are asked for.
const ENTRIES_MAX: u64 = 1_000;
/// The views after `|`.
const VIEWS: [(&str, &str); 5] = [
    ("json", "as JSON"),
    ("text", "as text"),
    ("table", "as a table"),
    ("get", "one field"),
    ("llm", "a question about it"),
];

/// What is wanted at the cursor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Want {
    Nothing,
    /// A command's name.
    Command,
    View,
    /// A flag of this command.
    Flag(String),
    /// One of these words.
    Choice(Vec<String>),
    /// A path in the roots.
    Path {
        folders_only: bool,
    },
    Job,
    Topic,
    Model,
}

/// What is wanted, and the bytes of the line that it replaces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) want: Want,
    pub(crate) start: usize,
    /// What was typed of it, without quotes.
    pub(crate) typed: String,
}

/// Finds out what is wanted at the end of `line`, which is what stands before the cursor.
pub(crate) fn wanted(line: &str, catalog: &Catalog) -> Wanted {
    let mut tokens = lex(line).tokens;
    let typing = tokens.pop_if(|token| token.end == line.len() && matches!(token.kind, Kind::Word(_)));
    let (start, typed) = match &typing {
        Some(Token { kind: Kind::Word(word), start, .. }) => (*start, word.clone()),
        _ => (line.len(), Word { text: String::new(), plain: true }),
    };
    let is_start = |token: &Token| matches!(token.kind, Kind::Next | Kind::Background | Kind::Pipe);
    let begin = tokens.iter().rposition(is_start).map_or(0, |at| at + 1);
    let in_view = begin > 0 && tokens[begin - 1].kind == Kind::Pipe;
    let words: Option<Vec<&Word>> = tokens[begin..].iter().map(word_of).collect();
    let want = match words.as_deref() {
        // A comment, or a file of this machine.
        None => Want::Nothing,
        Some([]) if in_view => Want::View,
        Some([]) => Want::Command,
        Some([name, ..]) if in_view && name.text != "llm" => Want::Nothing,
        Some([name, words @ ..]) => of_command(&name.text, words, &typed, catalog),
    };
    // The value of `--flag=` is replaced, and the flag stays.
    match typed.text.split_once('=') {
        Some((flag, value)) if typed.plain && flag.starts_with("--") => {
            Wanted { want, start: start + flag.len() + 1, typed: value.to_owned() }
        }
        _ => Wanted { want, start, typed: typed.text },
    }
}

fn word_of(token: &Token) -> Option<&Word> {
    match &token.kind {
        Kind::Word(word) => Some(word),
        _ => None,
    }
}

fn of_command(name: &str, words: &[&Word], typed: &Word, catalog: &Catalog) -> Want {
    if let Some(builtin) = commands::builtin(name) {
        return match builtin.takes {
            Takes::Path => Want::Path { folders_only: false },
            Takes::Folder => Want::Path { folders_only: true },
            Takes::Job => Want::Job,
            Takes::Topic => Want::Topic,
            Takes::Nothing => Want::Nothing,
        };
    }
    let Some(usage) = commands::usage(catalog, name) else { return Want::Nothing };
    let tool = commands::alias(name).map_or(name, |alias| alias.tool);
    if is_flag(typed) || typed.plain && typed.text == "-" {
        return match typed.text.split_once('=') {
            Some((flag, _)) => {
                usage.parameter(flag.trim_start_matches('-')).map_or(Want::Nothing, |one| of_value(tool, one))
            }
            None => Want::Flag(name.to_owned()),
        };
    }
    match words.last().and_then(|last| flag_before(&usage, last)) {
        Some(parameter) => of_value(tool, parameter),
        None => of_position(&usage, tool, words),
    }
}

/// The argument whose value comes now.
fn flag_before<'a>(usage: &'a Usage, last: &Word) -> Option<&'a Parameter> {
    if !is_flag(last) || !usage.needs_value(&last.text) {
        return None;
    }
    match last.text.strip_prefix("--") {
        Some(long) => usage.parameter(long),
        None => {
            let letter = last.text.chars().last()?;
            usage.parameter(usage.short.iter().find(|short| short.letter == letter)?.name)
        }
    }
}

fn of_position(usage: &Usage, tool: &str, words: &[&Word]) -> Want {
    let (mut free, mut words) = (0_usize, words.iter());
    while let Some(word) = words.next() {
        match is_flag(word) {
            true if usage.needs_value(&word.text) => drop(words.next()),
            true => {}
            false => free += 1,
        }
    }
    // The last word may be said again (`cat a b`).
    let name = usage.words.get(free.min(usage.words.len().saturating_sub(1)));
    name.and_then(|name| usage.parameter(name)).map_or(Want::Nothing, |parameter| of_value(tool, parameter))
}

fn of_value(tool: &str, parameter: &Parameter) -> Want {
    if !parameter.choices.is_empty() {
        return Want::Choice(parameter.choices.clone());
    }
    match (&*parameter.name, parameter.kind) {
        (name, _) if commands::is_path(tool, name) => {
            let folders_only = matches!(tool, "files_list" | "files_tree" | "files_find");
            Want::Path { folders_only }
        }
        (_, Typed::Switch) => Want::Choice(vec!["true".to_owned(), "false".to_owned()]),
        ("model", _) if tool.starts_with("llm_") => Want::Model,
        ("id", _) if tool.starts_with("jobs_") => Want::Job,
        _ => Want::Nothing,
    }
}

/// One thing that can stand there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Choice {
    pub(crate) text: String,
    pub(crate) says: String,
    /// Whether the word is over with it; a folder's is not.
    pub(crate) is_whole: bool,
}

impl Choice {
    fn new(text: impl Into<String>, says: impl AsRef<str>) -> Self {
        Self { text: text.into(), says: plain_line(says.as_ref()), is_whole: true }
    }
}

/// What can stand there, as far as we know it ourselves.
fn known(want: &Want, shared: &Shared) -> Vec<Choice> {
    let catalog = shared.catalog();
    match want {
        Want::Nothing | Want::Path { .. } | Want::Model => Vec::new(),
        Want::Command => commands::names(&catalog).into_iter().map(|name| command(&catalog, name)).collect(),
        Want::View => VIEWS.iter().map(|(name, says)| Choice::new(*name, says)).collect(),
        Want::Flag(name) => commands::usage(&catalog, name).map_or_else(Vec::new, |usage| flags(&usage)),
        Want::Choice(words) => words.iter().map(|word| Choice::new(word, "")).collect(),
        Want::Job => {
            let jobs = shared.jobs();
            jobs.iter().enumerate().map(|(at, job)| Choice::new((at + 1).to_string(), &job.tool)).collect()
        }
        Want::Topic => {
            let topics = TOPICS.iter().map(|topic| Choice::new(topic.name, topic.title));
            topics.chain(commands::names(&catalog).into_iter().map(|name| command(&catalog, name))).collect()
        }
    }
}

fn command(catalog: &Catalog, name: &str) -> Choice {
    let says = commands::builtin(name)
        .map(|builtin| builtin.says)
        .or_else(|| commands::alias(name).map(|alias| alias.says))
        .or_else(|| catalog.tool(name).map(crate::catalog::Tool::summary));
    Choice::new(name, says.unwrap_or_default())
}

fn flags(usage: &Usage) -> Vec<Choice> {
    usage
        .parameters
        .iter()
        .map(|one| Choice::new(format!("--{}", one.name.replace('_', "-")), &one.says))
        .collect()
}

/// Completes lines, asking the hub where only it knows.
pub(crate) struct FromHub {
    pub(crate) runtime: Handle,
    pub(crate) client: Client,
    pub(crate) shared: Arc<Shared>,
}

impl FromHub {
    fn choices(&self, wanted: &Wanted) -> Vec<Choice> {
        match &wanted.want {
            Want::Path { folders_only } => self.paths(&wanted.typed, *folders_only),
            Want::Model => self.models(),
            other => known(other, &self.shared),
        }
    }

    /// What a tool answers, if it does so soon. Nothing is asked of a hub that is away.
    fn ask(&self, tool: &str, arguments: Value) -> Value {
        if !self.client.is_connected() {
            return Value::Null;
        }
        let params = json!({ "name": tool, "arguments": arguments });
        let asked = async { timeout(PATIENCE, self.client.ask("tools/call", params)).await };
        match self.runtime.block_on(asked) {
            Ok(Ok(mut answer)) => answer["structuredContent"].take(),
            _ => Value::Null,
        }
    }

    fn paths(&self, typed: &str, folders_only: bool) -> Vec<Choice> {
        let (folder, start) = typed.rsplit_once('/').map_or(("", typed), |(folder, start)| (folder, start));
        let (path, roots) = {
            let place = self.shared.place();
            let at_top = typed.starts_with('/') && folder.is_empty();
            let path = if at_top { String::new() } else { place.resolve(folder) };
            (path, place.roots().to_vec())
        };
        let before = &typed[..typed.len() - start.len()];
        if path.is_empty() {
            let root =
                |name: &String| Choice { is_whole: false, ..Choice::new(format!("{before}{name}/"), "") };
            return roots.iter().map(root).collect();
        }
        let hidden = start.starts_with('.');
        let found = self.ask("files_list", json!({"path": path, "limit": ENTRIES_MAX, "hidden": hidden}));
        let entries = found["entries"].as_array().into_iter().flatten();
        entries.filter_map(|entry| path_choice(entry, before, folders_only)).collect()
    }

    fn models(&self) -> Vec<Choice> {
        let found = self.ask("llm_models", json!({}));
        let models = found["models"].as_array().into_iter().flatten();
        models.filter_map(|one| one["model"].as_str()).map(|name| Choice::new(name, "")).collect()
    }
}

fn path_choice(entry: &Value, before: &str, folders_only: bool) -> Option<Choice> {
    let name = entry["name"].as_str()?;
    match entry["kind"].as_str() {
        Some("directory") => Some(Choice { is_whole: false, ..Choice::new(format!("{before}{name}/"), "") }),
        Some("file") if folders_only => None,
        _ => Some(Choice::new(format!("{before}{name}"), "")),
    }
}

impl Completer for FromHub {
    fn complete(&mut self, line: &str, position: usize) -> CompletionResult {
        let line = line.get(..position).unwrap_or(line);
        let wanted = wanted(line, &self.shared.catalog());
        let choices = self.choices(&wanted);
        // Nothing that a person would not see as what it is: it would be typed for them.
        let is_plain = |choice: &Choice| choice.text.chars().all(drawbridge_contract::is_visible);
        let fitting =
            choices.into_iter().filter(|choice| choice.text.starts_with(&wanted.typed) && is_plain(choice));
        let suggestion = |choice: Choice| Suggestion {
            value: quoted(&choice.text),
            display_override: Some(choice.text.clone()),
            description: (!choice.says.is_empty()).then_some(choice.says),
            span: Span::new(wanted.start, position),
            append_whitespace: choice.is_whole,
            ..Suggestion::default()
        };
        CompletionResult::fresh(fitting.map(suggestion).collect::<Vec<_>>())
    }
}

/// As it has to be typed: what means something to us is escaped.
fn quoted(text: &str) -> String {
    let means = |character: char| character.is_whitespace() || "'\"\\|;>&#{}[]".contains(character);
    let mut typed = String::with_capacity(text.len());
    for character in text.chars() {
        if means(character) {
            typed.push('\\');
        }
        typed.push(character);
    }
    typed
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::catalog::Tool;
    use crate::language::schema::parameters;

    fn catalog() -> Catalog {
        let tool = |name: &str, schema: &Value| Tool {
            name: name.to_owned(),
            says: "Does it. And more.".to_owned(),
            parameters: parameters(schema),
            may: "reads",
        };
        let files = json!({"properties": {
            "path": {"type": "string"}, "hidden": {"type": "boolean"}, "details": {"type": "boolean"},
            "sort": {"enum": ["name", "size"]}, "limit": {"type": "integer"},
        }});
        let copy = json!({"properties": {"from": {"type": "string"}, "to": {"type": "string"}}, "required": ["from", "to"]});
        let chat = json!({"properties": {"prompt": {"type": "string"}, "model": {"type": "string"}, "files": {"type": "array", "items": {"type": "string"}}}});
        Catalog {
            tools: vec![tool("files_copy", &copy), tool("files_list", &files), tool("llm_chat", &chat)],
            methods: vec!["mcp.fs.list".to_owned()],
            read_at: None,
        }
    }

    fn check(line: &str, want: &Want, typed: &str) {
        let found = wanted(line, &catalog());
        assert_eq!((&found.want, &*found.typed), (want, typed), "{line}");
        assert!(line.is_char_boundary(found.start), "{line}");
    }

    #[test]
    fn what_is_wanted_is_known_at_every_place() {
        let path = Want::Path { folders_only: false };
        let folder = Want::Path { folders_only: true };
        check("", &Want::Command, "");
        check("fil", &Want::Command, "fil");
        check("ls; fi", &Want::Command, "fi");
        check("ls | js", &Want::View, "js");
        check("ls | get x", &Want::Nothing, "x");
        check("ls ", &folder, "");
        check("ls notes/", &folder, "notes/");
        check("cd no", &folder, "no");
        check("edit no", &path, "no");
        check("cp a", &path, "a");
        check("cp a 'b c", &path, "b c");
        check("ls --", &Want::Flag("ls".to_owned()), "--");
        check("ls -", &Want::Flag("ls".to_owned()), "-");
        check("ls --so", &Want::Flag("ls".to_owned()), "--so");
        check("ls --sort ", &Want::Choice(vec!["name".to_owned(), "size".to_owned()]), "");
        check("ls --sort=si", &Want::Choice(vec!["name".to_owned(), "size".to_owned()]), "si");
        check("ls --limit 5 no", &folder, "no");
        check("ls --limit ", &Want::Nothing, "");
        check("files_list --details no", &folder, "no");
        check("llm --model ", &Want::Model, "");
        check("llm -m ", &Want::Model, "");
        check("llm --files no", &path, "no");
        check("ls | llm --model ", &Want::Model, "");
        check("fg ", &Want::Job, "");
        check("help la", &Want::Topic, "la");
        check("ls > no", &Want::Nothing, "no");
        check("ls # no", &Want::Nothing, "");
        check("nothing x", &Want::Nothing, "x");
    }

    #[test]
    fn names_with_blanks_are_escaped() {
        assert_eq!(quoted("my notes/a&b.txt"), "my\\ notes/a\\&b.txt");
        let Kind::Word(word) = &lex(&quoted("a 'b\" {c}")).tokens[0].kind else { panic!() };
        assert_eq!(word.text, "a 'b\" {c}");
    }

    #[test]
    fn h4_names_from_the_hub_that_hide_something_are_not_offered() {
        let entries = json!([
            {"name": "good.txt", "kind": "file"}, {"name": "gone\u{1b}[2J", "kind": "file"},
            {"name": "gnu\u{202e}txt.exe", "kind": "file"}, {"name": "g dir", "kind": "directory"},
        ]);
        let hub = crate::kit::hub_of(json!([]), move |message| {
            assert_eq!(message["params"]["arguments"]["path"], "work");
            vec![crate::kit::answer(message, json!({"structuredContent": {"entries": entries}}))]
        });
        let stay = crate::kit::stay(&hub, &[]);
        let session = &stay.session;
        *session.shared.place() = crate::place::Place::at_start(vec!["work".to_owned()]);
        let (runtime, client, shared) =
            (session.runtime.clone(), session.client.clone(), session.shared.clone());
        let mut completer = FromHub { runtime, client, shared };
        let found = completer.complete("edit g", 6);
        let values: Vec<&str> = found.suggestions().iter().map(|one| &*one.value).collect();
        assert_eq!(values, ["good.txt", "g\\ dir/"]);
    }

    proptest::proptest! {
        #[test]
        fn any_line_can_be_completed(line in "[-a-z=|;'\"{} ]{0,40}") {
            let _ = wanted(&line, &catalog());
        }
    }
}

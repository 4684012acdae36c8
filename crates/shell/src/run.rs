//! Runs lines: finds what is meant, calls it, and brings what comes of it where it belongs.

use serde_json::{Map, Value};

use crate::commands::{self, Alias};
use crate::failure::Failure;
use crate::file;
use crate::language::lex::Word;
use crate::language::parse::{Command, View, parse};
use crate::render::{Content, Look, content, data, plain, show};
use crate::session::Session;

/// What a command gives.
#[derive(Debug)]
pub(crate) enum Produced {
    /// It was shown already, or there is nothing to show.
    Nothing,
    Text(String),
    Data(Value),
    /// What a tool answered.
    Result(Value),
}

/// Runs all commands of a line to the first that fails; or all of them, and then the last failure is given.
pub(crate) fn line(session: &mut Session, line: &str) -> Result<(), Failure> {
    let mut last = Ok(());
    for command in parse(line)? {
        let done = one(session, &command);
        match done {
            Ok(()) => {}
            Err(failure) if session.keep_going && !failure.is_end() => {
                if let Err(earlier) = std::mem::replace(&mut last, Err(failure)) {
                    session.screen.complain(&earlier.to_string())?;
                }
            }
            other => return other,
        }
    }
    last
}

fn one(session: &mut Session, command: &Command) -> Result<(), Failure> {
    let [name, words @ ..] = &command.words[..] else { return Ok(()) };
    if command.background {
        let (tool, arguments) = call_of(session, name, words)?;
        return commands::jobs::begin(session, &tool, arguments);
    }
    if let Some(file) = &command.file {
        // Asked before anything is done whose answer would be lost.
        file::may_write(session, file)?;
    }
    // Pieces are shown as they come only where nothing else is made of the answer.
    session.streams = command.views.is_empty() && command.file.is_none();
    let produced = produce(session, name, words);
    session.streams = false;
    deliver(session, produced?, command)
}

fn produce(session: &mut Session, name: &Word, words: &[Word]) -> Result<Produced, Failure> {
    if let Some(builtin) = commands::builtin(&name.text) {
        return (builtin.run)(session, words);
    }
    let is_known = |session: &Session| commands::is_known(&session.shared.catalog(), &name.text);
    if !is_known(session) {
        // It may be newer than our list.
        session.refresh()?;
    }
    if is_old(session, &name.text) {
        return old(session, &name.text, words);
    }
    if let Some(alias) = commands::alias(&name.text) {
        return aliased(session, alias, words);
    }
    let (tool, arguments) = call_of(session, name, words)?;
    call(session, &tool, arguments)
}

/// Calls a tool; text that was written before our eyes is not given again.
pub(crate) fn call(
    session: &mut Session,
    tool: &str,
    arguments: Map<String, Value>,
) -> Result<Produced, Failure> {
    session.screen.forget_pieces();
    let result = session.call(tool, arguments)?;
    let written = session.screen.pieces();
    match (written.is_empty(), content(&result)) {
        (false, Content::Text(text)) => Ok(rest(&text, &written)),
        _ => Ok(Produced::Result(result)),
    }
}

/// What of an answer was not shown in pieces. On a slow wire pieces may be lost, and then all of it is shown.
fn rest(whole: &str, written: &str) -> Produced {
    match whole.strip_prefix(written) {
        Some("") => Produced::Nothing,
        Some(rest) => Produced::Text(rest.to_owned()),
        None if whole.trim() == written.trim() => Produced::Nothing,
        None => Produced::Text(format!("(Some of it was lost on the way; here is all of it.)\n\n{whole}")),
    }
}

/// A short name for a tool, once or for each of its words.
fn aliased(session: &mut Session, alias: &'static Alias, words: &[Word]) -> Result<Produced, Failure> {
    let mut calls = commands::calls(session, alias, words)?;
    let Some(last) = calls.pop() else { return Ok(Produced::Nothing) };
    let mut texts = String::new();
    for arguments in calls {
        match call(session, alias.tool, arguments)? {
            Produced::Result(result) => match content(&result) {
                Content::Text(text) => texts.push_str(&text),
                _ => texts.push_str(&show(&data(&result), session.screen.look)),
            },
            Produced::Text(text) => texts.push_str(&text),
            Produced::Nothing | Produced::Data(_) => {}
        }
        if !texts.is_empty() && !texts.ends_with('\n') {
            texts.push('\n');
        }
    }
    match call(session, alias.tool, last)? {
        Produced::Result(result) if !texts.is_empty() => match content(&result) {
            Content::Text(text) => Ok(Produced::Text(texts + &text)),
            _ => Ok(Produced::Text(texts + &show(&data(&result), session.screen.look))),
        },
        other => Ok(other),
    }
}

/// The one call that a command stands for: what the background and scripts need.
fn call_of(
    session: &mut Session,
    name: &Word,
    words: &[Word],
) -> Result<(String, Map<String, Value>), Failure> {
    if let Some(alias) = commands::alias(&name.text) {
        let mut calls = commands::calls(session, alias, words)?;
        return match (calls.pop(), calls.is_empty()) {
            (Some(arguments), true) => Ok((alias.tool.to_owned(), arguments)),
            _ => Err(Failure::Usage(format!("{} can run one thing in the background at a time", alias.name))),
        };
    }
    let catalog = session.shared.catalog();
    match catalog.tool(&name.text) {
        Some(tool) => {
            let usage = commands::usage_of_tool(tool);
            let arguments = commands::placed(session, tool, usage.arguments(words)?, words);
            Ok((tool.name.clone(), arguments))
        }
        None if commands::builtin(&name.text).is_some() || is_old(session, &name.text) => {
            Err(Failure::Usage(format!("{} is no tool: only tools run in the background", name.text)))
        }
        None => Err(unknown(session, &name.text)),
    }
}

fn unknown(session: &Session, name: &str) -> Failure {
    let catalog = session.shared.catalog();
    let near = commands::nearest(&catalog, name);
    let hint =
        near.map_or_else(|| "`help` shows what there is".to_owned(), |near| format!("do you mean {near}?"));
    Failure::Usage(format!("there is no {name:?}; {hint}"))
}

fn is_old(session: &Session, name: &str) -> bool {
    name.contains('.') && session.shared.catalog().tool(name).is_none()
}

/// A method of the older dialect: each word is JSON, or else text; one JSON array is all parameters.
fn old(session: &mut Session, method: &str, words: &[Word]) -> Result<Produced, Failure> {
    let read = |word: &Word| match word.plain {
        true => serde_json::from_str(&word.text).unwrap_or_else(|_| Value::from(&*word.text)),
        false => Value::from(&*word.text),
    };
    let mut values: Vec<Value> = words.iter().map(read).collect();
    if values.len() == 1 && (values[0].is_array() || values[0].is_object()) {
        values = match values.remove(0) {
            Value::Array(all) => all,
            other => return old_answer(session, method, other),
        };
    }
    old_answer(session, method, Value::Array(values))
}

fn old_answer(session: &mut Session, method: &str, params: Value) -> Result<Produced, Failure> {
    let answer = session.request(method, params)?;
    match answer["type"].as_str() {
        Some("llm_stream_end") => Ok(Produced::Nothing),
        _ => Ok(Produced::Data(answer)),
    }
}

/// Brings an answer through its views to its file, or to the screen.
fn deliver(session: &mut Session, produced: Produced, command: &Command) -> Result<(), Failure> {
    let mut produced = produced;
    for view in &command.views {
        produced = seen(session, view, produced)?;
    }
    match &command.file {
        Some(file) => file::write(session, file, &bytes_of(&produced)),
        None => display(session, &produced),
    }
}

fn seen(session: &mut Session, view: &View, produced: Produced) -> Result<Produced, Failure> {
    match view {
        View::Text => Ok(Produced::Text(text_of(&produced))),
        View::Json => {
            let value = value_of(produced);
            Ok(Produced::Text(serde_json::to_string_pretty(&value).unwrap_or_default()))
        }
        View::Table => Ok(Produced::Data(value_of(produced))),
        View::Get(path) => Ok(Produced::Data(get(&value_of(produced), path)?)),
        View::Ask(words) => {
            let text = text_of(&produced);
            // The last of the views may show pieces.
            commands::llm::about(session, words, &text)
        }
    }
}

/// A field, by names and numbers between dots.
fn get(value: &Value, path: &str) -> Result<Value, Failure> {
    let mut found = value;
    for part in path.split('.') {
        let inner = match found {
            Value::Array(items) => part.parse::<usize>().ok().and_then(|at| items.get(at)),
            other => other.get(part),
        };
        found = inner.ok_or_else(|| Failure::Failed(nothing_at(found, part, path)))?;
    }
    Ok(found.clone())
}

fn nothing_at(value: &Value, part: &str, path: &str) -> String {
    let has = match value {
        Value::Object(object) => object.keys().cloned().collect::<Vec<_>>().join(", "),
        Value::Array(items) if items.is_empty() => "nothing".to_owned(),
        Value::Array(items) => format!("0 to {}", items.len() - 1),
        _ => "no fields".to_owned(),
    };
    format!("there is no {part:?} of {path:?}; there is {has}")
}

fn value_of(produced: Produced) -> Value {
    match produced {
        Produced::Nothing => Value::Null,
        Produced::Text(text) => serde_json::from_str(&text).unwrap_or(Value::String(text)),
        Produced::Data(value) => value,
        Produced::Result(result) => data(&result),
    }
}

fn text_of(produced: &Produced) -> String {
    match produced {
        Produced::Nothing => String::new(),
        Produced::Text(text) => text.clone(),
        Produced::Data(Value::String(text)) => text.clone(),
        Produced::Data(value) => show(value, Look::PLAIN),
        Produced::Result(result) => match content(result) {
            Content::Text(text) => text,
            Content::Data(value) => {
                // The text that the tool wrote beside its data is made for reading.
                let written = result["content"][0]["text"].as_str().unwrap_or_default();
                if written.starts_with(['{', '[']) || written.is_empty() {
                    show(&value, Look::PLAIN)
                } else {
                    written.to_owned()
                }
            }
            Content::Bytes { media, bytes } => format!("[{media}, {} bytes]", bytes.len()),
        },
    }
}

/// What goes into a file: bytes as they are, tables as they look without colours.
fn bytes_of(produced: &Produced) -> Vec<u8> {
    let text = match produced {
        Produced::Result(result) => match content(result) {
            Content::Bytes { bytes, .. } => return bytes,
            // What a file holds is written as it is, with nothing added.
            Content::Text(text) => return text.into_bytes(),
            Content::Data(value) => show(&value, Look::PLAIN),
        },
        other => text_of(other),
    };
    let end = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    (text + end).into_bytes()
}

fn display(session: &mut Session, produced: &Produced) -> Result<(), Failure> {
    let look = session.screen.look;
    let shown = match produced {
        Produced::Nothing => return Ok(()),
        Produced::Text(text) => plain(text),
        Produced::Data(value) => show(value, look),
        Produced::Result(result) => match content(result) {
            Content::Text(text) => plain(&text),
            Content::Data(value) => show(&value, look),
            Content::Bytes { bytes, media } => {
                plain(&format!("[{media}, {} bytes: `> FILE` saves it here]", bytes.len()))
            }
        },
    };
    Ok(session.screen.show(&shown)?)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::kit::{MemoryHub, answer, hub_of, stay};

    fn tools() -> Value {
        json!([
            {"name": "llm_chat", "inputSchema": {"properties": {"prompt": {"type": "string"}}}},
            {"name": "echo", "inputSchema": {"properties": {"text": {"type": "string"}}, "required": ["text"]}},
        ])
    }

    fn progress(message: &Value, text: &str) -> Value {
        let params = json!({"progressToken": message["id"], "progress": 1, "message": text});
        json!({"jsonrpc": "2.0", "method": "notifications/progress", "params": params})
    }

    fn text(message: &Value, text: &str) -> Value {
        answer(
            message,
            json!({"content": [{"type": "text", "text": text}], "structuredContent": {"text": text}}),
        )
    }

    /// A hub whose model says these pieces, and then this whole.
    fn speaking(pieces: &'static [&'static str], whole: &'static str) -> MemoryHub {
        hub_of(tools(), move |message| {
            let mut said: Vec<Value> = pieces.iter().map(|piece| progress(message, piece)).collect();
            said.push(text(message, whole));
            said
        })
    }

    fn shown(hub: &MemoryHub, typed: &str) -> String {
        let mut stay = stay(hub, &[]);
        line(&mut stay.session, typed).unwrap();
        stay.out.text()
    }

    #[test]
    fn what_was_shown_in_pieces_is_not_shown_again_and_what_was_lost_is() {
        assert_eq!(shown(&speaking(&["Hello, ", "you."], "Hello, you."), "llm hi"), "Hello, you.\n");
        assert_eq!(shown(&speaking(&["Hello, "], "Hello, you."), "llm hi"), "Hello, \nyou.\n");
        let lost = shown(&speaking(&["you."], "Hello, you."), "llm hi");
        assert!(lost.contains("Some of it was lost") && lost.ends_with("Hello, you.\n"), "{lost}");
        assert_eq!(
            shown(&speaking(&["Hello, ", "you."], "Hello, you."), "llm hi | json"),
            "{\n  \"text\": \"Hello, you.\"\n}\n"
        );
        assert_eq!(shown(&speaking(&["a\u{1b}[2Jb"], "a\u{1b}[2Jb"), "llm hi"), "a[2Jb\n");
    }

    #[test]
    fn the_older_methods_take_words_and_stream() {
        let hub = hub_of(tools(), |message| {
            assert_eq!(message["params"], json!([[{"role": "user"}], {"stream": true}]));
            let chunk = json!({"type": "llm_chunk", "content": {"choices": [{"delta": {"content": "hi"}}]}});
            vec![answer(message, chunk), answer(message, json!({"type": "llm_stream_end"}))]
        });
        assert_eq!(shown(&hub, r#"mcp.llm.chat [{"role":"user"}] {"stream":true}"#), "hi\n");
        assert_eq!(shown(&hub, r#"mcp.llm.chat [[{"role":"user"}],{"stream":true}]"#), "hi\n");
        let plain = hub_of(tools(), |message| vec![answer(message, json!([message["params"].clone()]))]);
        assert_eq!(shown(&plain, "mcp.x a 1 '1' | get 0 | json"), "[\n  \"a\",\n  1,\n  \"1\"\n]\n");
    }

    #[test]
    fn several_are_run_to_the_first_that_fails() {
        let hub = hub_of(tools(), |message| {
            let said = message["params"]["arguments"]["text"].as_str().unwrap_or_default();
            vec![answer(
                message,
                json!({"content": [{"type": "text", "text": said}], "isError": said == "bad"}),
            )]
        });
        let mut one = stay(&hub, &[]);
        let failure = line(&mut one.session, "echo a; echo bad; echo b").unwrap_err();
        assert_eq!(
            (failure.code(), failure.to_string(), one.out.text()),
            (1, "bad".to_owned(), "a\n".to_owned())
        );
        let mut all = stay(&hub, &[]);
        all.session.keep_going = true;
        let failure = line(&mut all.session, "echo a; echo bad; nope; echo b").unwrap_err();
        assert_eq!((failure.code(), all.out.text()), (2, "a\nb\n".to_owned()));
        assert_eq!(all.err.text(), "bad\n");
    }

    #[test]
    fn fields_are_found_and_those_that_are_not_are_said() {
        let value = json!({"a": [{"b": 1}, {}]});
        assert_eq!(get(&value, "a.0.b").unwrap(), json!(1));
        for (path, says) in [("x", "there is a"), ("a.2", "there is 0 to 1"), ("a.0.b.c", "no fields")] {
            let said = get(&value, path).unwrap_err().to_string();
            assert!(said.contains(says), "{path}: {said}");
        }
    }

    #[test]
    fn h4_a_failure_does_nothing_to_a_terminal() {
        let hub = hub_of(tools(), |message| {
            vec![json!({"id": message["id"], "error": {"code": -32000, "message": "no\u{1b}[2J\u{202e}x"}})]
        });
        let mut stay = stay(&hub, &[]);
        let failure = line(&mut stay.session, "echo a").unwrap_err();
        stay.session.screen.complain(&failure.to_string()).unwrap();
        assert_eq!((failure.code(), stay.err.text()), (3, "no[2Jx\n".to_owned()));
    }
}

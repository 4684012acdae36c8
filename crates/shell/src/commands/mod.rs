//! What has a name of its own. A short name for a tool is an entry in [`ALIASES`]; what does more than a tool is an entry
//! in [`BUILTINS`]. Everything else that can be typed comes from the hub.

pub(crate) mod chat;
pub(crate) mod edit;
pub(crate) mod folders;
pub(crate) mod help;
pub(crate) mod jobs;
pub(crate) mod licence;
pub(crate) mod llm;

use serde_json::{Map, Value};

use crate::catalog::{Catalog, Tool};
use crate::failure::Failure;
use crate::language::arguments::{Short, Usage, is_flag};
use crate::language::lex::Word;
use crate::run::Produced;
use crate::session::Session;

/// A command of the shell itself.
pub(crate) struct Builtin {
    pub(crate) name: &'static str,
    /// How it is called.
    pub(crate) usage: &'static str,
    /// What it does.
    pub(crate) says: &'static str,
    /// What its words are, for completion.
    pub(crate) takes: Takes,
    pub(crate) run: fn(&mut Session, &[Word]) -> Result<Produced, Failure>,
}

/// What a word can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Takes {
    Nothing,
    /// A file or folder of the roots.
    Path,
    /// A folder of the roots.
    Folder,
    /// A number of a job.
    Job,
    /// A command, a tool or a topic.
    Topic,
}

/// The commands of the shell itself, in the order in which help shows them.
pub(crate) const BUILTINS: &[Builtin] = &[
    Builtin {
        name: "help",
        usage: "help [TOPIC | COMMAND | TOOL]",
        says: "Teaches the shell; shows how a command or tool is called.",
        takes: Takes::Topic,
        run: help::run,
    },
    Builtin {
        name: "tools",
        usage: "tools [PART OF A NAME]",
        says: "Lists the tools that the hub serves you.",
        takes: Takes::Nothing,
        run: help::tools,
    },
    Builtin {
        name: "cd",
        usage: "cd [FOLDER]",
        says: "Goes to a folder; alone to the top.",
        takes: Takes::Folder,
        run: folders::cd,
    },
    Builtin {
        name: "pwd",
        usage: "pwd",
        says: "Says where you are.",
        takes: Takes::Nothing,
        run: folders::pwd,
    },
    Builtin {
        name: "edit",
        usage: "edit FILE",
        says: "Opens a text in your editor ($VISUAL, $EDITOR), and writes it back unless somebody changed it meanwhile.",
        takes: Takes::Path,
        run: edit::run,
    },
    Builtin {
        name: "chat",
        usage: "chat [--model NAME] [--system TEXT]",
        says: "Talks with a language model, which remembers what was said.",
        takes: Takes::Nothing,
        run: chat::run,
    },
    Builtin {
        name: "jobs",
        usage: "jobs",
        says: "Lists your jobs; those begun here have a number.",
        takes: Takes::Nothing,
        run: jobs::list,
    },
    Builtin {
        name: "fg",
        usage: "fg [NUMBER | ID]",
        says: "Waits for a job and shows its answer; Ctrl-C leaves it running.",
        takes: Takes::Job,
        run: jobs::foreground,
    },
    Builtin {
        name: "stop",
        usage: "stop [NUMBER | ID]",
        says: "Stops a job.",
        takes: Takes::Job,
        run: jobs::stop,
    },
    Builtin {
        name: "licence",
        usage: "licence",
        says: "Shows what your key may do here, and what is left of it.",
        takes: Takes::Nothing,
        run: licence::run,
    },
    Builtin { name: "clear", usage: "clear", says: "Empties the screen.", takes: Takes::Nothing, run: clear },
    Builtin {
        name: "exit",
        usage: "exit [STATUS]",
        says: "Leaves; so do quit and Ctrl-D. Jobs go on.",
        takes: Takes::Nothing,
        run: exit,
    },
    Builtin { name: "quit", usage: "quit", says: "Leaves.", takes: Takes::Nothing, run: exit },
];

/// A short name for a tool, called as people are used to.
pub(crate) struct Alias {
    pub(crate) name: &'static str,
    pub(crate) tool: &'static str,
    /// What its words stand for.
    words: &'static [&'static str],
    short: &'static [Short],
    /// What happens with words beyond those.
    more: More,
    /// What it does.
    pub(crate) says: &'static str,
}

/// What becomes of more words than an alias has names for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum More {
    Refused,
    /// Each word is a call of its own: `cat a b`.
    Repeats,
    /// All words are one text: `llm what is this`.
    Joins,
}

/// A switch.
const fn on(letter: char, name: &'static str) -> Short {
    Short { letter, name, value: None }
}

/// A switch that people are used to, and that changes nothing here.
const fn idle(letter: char) -> Short {
    Short { letter, name: "", value: None }
}

/// The short names, in the order in which help shows them.
pub(crate) const ALIASES: &[Alias] = &[
    Alias {
        name: "ls",
        tool: "files_list",
        words: &["path"],
        short: &[on('l', "details"), on('a', "hidden"), on('r', "descending")],
        more: More::Refused,
        says: "Lists a folder.",
    },
    Alias {
        name: "dir",
        tool: "files_list",
        words: &["path"],
        short: &[on('l', "details"), on('a', "hidden")],
        more: More::Refused,
        says: "The same as ls.",
    },
    Alias {
        name: "tree",
        tool: "files_tree",
        words: &["path"],
        short: &[on('a', "hidden"), on('d', "directories_only"), on('L', "depth")],
        more: More::Refused,
        says: "Shows folders within folders.",
    },
    Alias {
        name: "cat",
        tool: "files_read",
        words: &["path"],
        short: &[on('n', "lines")],
        more: More::Repeats,
        says: "Shows what is in files.",
    },
    Alias {
        name: "find",
        tool: "files_find",
        words: &["pattern", "path"],
        short: &[on('a', "hidden")],
        more: More::Refused,
        says: "Finds files by name: a glob, or some letters of the path.",
    },
    Alias {
        name: "grep",
        tool: "files_search",
        words: &["pattern", "path"],
        short: &[
            Short { letter: 'i', name: "case", value: Some("insensitive") },
            on('w', "word"),
            on('F', "literal"),
            on('l', "files_only"),
            on('C', "context"),
            on('a', "hidden"),
        ],
        more: More::Refused,
        says: "Finds lines in texts.",
    },
    Alias {
        name: "cp",
        tool: "files_copy",
        words: &["from", "to"],
        short: &[on('f', "overwrite"), on('p', "make_parents")],
        more: More::Refused,
        says: "Copies a file, or a folder with everything in it.",
    },
    Alias {
        name: "mv",
        tool: "files_move",
        words: &["from", "to"],
        short: &[on('f', "overwrite"), on('p', "make_parents")],
        more: More::Refused,
        says: "Moves or renames.",
    },
    Alias {
        name: "rm",
        tool: "files_delete",
        words: &["path"],
        short: &[on('r', "recursive"), on('R', "recursive"), idle('f')],
        more: More::Repeats,
        says: "Moves to the trash; files_restore brings back.",
    },
    Alias {
        name: "mkdir",
        tool: "files_mkdir",
        words: &["path"],
        short: &[],
        more: More::Repeats,
        says: "Makes folders.",
    },
    Alias {
        name: "run",
        tool: "terminal_run",
        words: &["command"],
        short: &[],
        more: More::Joins,
        says: "Runs a command on the hub's machine: run \"make test\".",
    },
    Alias {
        name: "llm",
        tool: "llm_chat",
        words: &["prompt"],
        short: &[on('m', "model"), on('s', "system")],
        more: More::Joins,
        says: "Asks a language model; the answer comes as it is written.",
    },
    Alias {
        name: "models",
        tool: "llm_models",
        words: &["contains"],
        short: &[],
        more: More::Refused,
        says: "Lists the language models.",
    },
];

/// Arguments that are paths in the roots when they are typed as words or flags, by the beginning of the tool's name.
const PATHS: &[(&str, &[&str])] = &[("files_", &["path", "from", "to", "paths"]), ("llm_", &["files"])];

impl Alias {
    /// How it is called, by what its tool takes.
    pub(crate) fn usage(&self, tool: &Tool) -> Usage {
        Usage {
            name: self.name.to_owned(),
            words: self.words.iter().map(|name| (*name).to_owned()).collect(),
            parameters: tool.parameters.clone(),
            short: self.short,
        }
    }
}

/// A command of the shell itself, by its name.
pub(crate) fn builtin(name: &str) -> Option<&'static Builtin> {
    BUILTINS.iter().find(|builtin| builtin.name == name)
}

/// A short name.
pub(crate) fn alias(name: &str) -> Option<&'static Alias> {
    ALIASES.iter().find(|alias| alias.name == name)
}

/// Whether a name means something.
pub(crate) fn is_known(catalog: &Catalog, name: &str) -> bool {
    builtin(name).is_some()
        || alias(name).is_some_and(|alias| catalog.tool(alias.tool).is_some())
        || catalog.tool(name).is_some()
        || catalog.methods.iter().any(|method| method == name)
}

/// Every name that means something, in order.
pub(crate) fn names(catalog: &Catalog) -> Vec<&str> {
    let aliases = ALIASES.iter().filter(|alias| catalog.tool(alias.tool).is_some()).map(|alias| alias.name);
    let tools = catalog.tools.iter().map(|tool| &*tool.name);
    let mut names: Vec<&str> = BUILTINS.iter().map(|one| one.name).chain(aliases).collect();
    names.sort_unstable();
    names.extend(tools);
    names.extend(catalog.methods.iter().map(|method| &**method));
    names
}

/// The name that was perhaps meant: one that differs by a letter or two, or contains what was typed.
pub(crate) fn nearest<'a>(catalog: &'a Catalog, typed: &str) -> Option<&'a str> {
    let names = names(catalog);
    let close = names.iter().map(|name| (distance(name, typed), *name)).min_by_key(|(distance, _)| *distance);
    let bound = if typed.chars().count() < 4 { 1 } else { 2 };
    close
        .filter(|(distance, _)| *distance <= bound)
        .map(|(_, name)| name)
        .or_else(|| names.into_iter().find(|name| typed.len() > 2 && name.contains(typed)))
}

/// How many letters have to be put in, left out or exchanged (Levenshtein).
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (line, letter) in one.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], line + 1);
        for at in 0..other.len() {
            let same = diagonal + usize::from(letter != other[at]);
            diagonal = row[at + 1];
            row[at + 1] = same.min(row[at] + 1).min(diagonal + 1);
        }
    }
    row[other.len()]
}

/// How a tool is called by its own name.
pub(crate) fn usage_of_tool(tool: &Tool) -> Usage {
    Usage::of_tool(&tool.name, tool.parameters.clone())
}

/// How a command is called, where its flags come from a tool.
pub(crate) fn usage(catalog: &Catalog, name: &str) -> Option<Usage> {
    match alias(name) {
        Some(alias) => catalog.tool(alias.tool).map(|tool| alias.usage(tool)),
        None => catalog.tool(name).map(usage_of_tool),
    }
}

/// Whether an argument of a tool is a path in the roots.
pub(crate) fn is_path(tool: &str, argument: &str) -> bool {
    PATHS.iter().any(|(prefix, names)| tool.starts_with(prefix) && names.contains(&argument))
}

/// The calls that a short name with these words stands for.
pub(crate) fn calls(
    session: &mut Session,
    alias: &'static Alias,
    words: &[Word],
) -> Result<Vec<Map<String, Value>>, Failure> {
    let catalog = session.shared.catalog();
    let Some(tool) = catalog.tool(alias.tool) else {
        let why = format!("{} needs the tool {}, which the hub does not serve you", alias.name, alias.tool);
        return Err(Failure::Failed(why));
    };
    let usage = alias.usage(tool);
    let groups = match alias.more {
        More::Refused => vec![words.to_vec()],
        More::Repeats => usage.one_by_one(words),
        More::Joins => vec![usage.joined(words)],
    };
    let mut calls = Vec::new();
    for words in groups {
        let mut arguments = placed(session, tool, usage.arguments(&words)?, &words);
        folders::into_folder(session, alias.name, &mut arguments)?;
        calls.push(arguments);
    }
    Ok(calls)
}

/// Arguments with their paths seen from where the person is. What was given as JSON stays as it is.
pub(crate) fn placed(
    session: &Session,
    tool: &Tool,
    mut arguments: Map<String, Value>,
    words: &[Word],
) -> Map<String, Value> {
    let is_json =
        words.iter().find(|word| !is_flag(word)).is_some_and(|word| word.plain && word.text.starts_with('{'));
    if is_json {
        return arguments;
    }
    let place = session.shared.place();
    for (name, value) in &mut arguments {
        if is_path(&tool.name, name) {
            resolve(value, &place);
        }
    }
    let path = tool.parameters.iter().find(|one| one.name == "path");
    if path.is_some_and(|one| !one.required) && is_path(&tool.name, "path") && !place.path().is_empty() {
        arguments.entry("path").or_insert_with(|| place.path().into());
    }
    arguments
}

fn resolve(value: &mut Value, place: &crate::place::Place) {
    match value {
        Value::String(path) => *path = place.resolve(path),
        Value::Array(paths) => paths.iter_mut().for_each(|path| resolve(path, place)),
        _ => {}
    }
}

fn clear(session: &mut Session, words: &[Word]) -> Result<Produced, Failure> {
    no_words("clear", words)?;
    session.screen.wipe()?;
    Ok(Produced::Nothing)
}

fn exit(_: &mut Session, words: &[Word]) -> Result<Produced, Failure> {
    let code = match words {
        [] => Some(0),
        [code] => code.text.parse().ok(),
        _ => None,
    };
    Err(code.map_or_else(|| Failure::Usage("exit takes a status from 0 to 255".to_owned()), Failure::Exit))
}

/// Refuses words where there are to be none.
fn no_words(name: &str, words: &[Word]) -> Result<(), Failure> {
    if words.is_empty() { Ok(()) } else { Err(Failure::Usage(format!("{name} takes no words"))) }
}

/// The one word of a command.
fn one_word<'a>(usage: &str, words: &'a [Word]) -> Result<&'a str, Failure> {
    match words {
        [one] => Ok(&one.text),
        _ => Err(Failure::Usage(format!("it is called like this: {usage}"))),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::kit::{answer, hub_of, stay};

    #[test]
    fn no_name_is_given_twice() {
        let mut names: Vec<&str> =
            BUILTINS.iter().map(|one| one.name).chain(ALIASES.iter().map(|one| one.name)).collect();
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all);
    }

    #[test]
    fn rm_takes_the_switches_that_people_type() {
        let tools = json!([{"name": "files_delete", "inputSchema": {"required": ["path"], "properties": {
            "path": {"type": "string"}, "recursive": {"type": "boolean"}}}}]);
        let hub = hub_of(tools, |message| vec![answer(message, json!({"content": []}))]);
        let mut stay = stay(&hub, &[]);
        crate::run::line(&mut stay.session, "rm -f a; rm -rf b; rm -Rf c; rm -f d e").unwrap();
        let given: Vec<Value> = hub.heard().iter().map(|one| one["params"]["arguments"].clone()).collect();
        let expected = [
            json!({"path": "a"}),
            json!({"path": "b", "recursive": true}),
            json!({"path": "c", "recursive": true}),
            json!({"path": "d"}),
            json!({"path": "e"}),
        ];
        assert_eq!(given.into_iter().filter(Value::is_object).collect::<Vec<_>>(), expected);
        let failure = crate::run::line(&mut stay.session, "rm -x a").unwrap_err();
        assert_eq!((failure.code(), failure.to_string().contains("-x")), (2, true), "{failure}");
    }

    #[test]
    fn the_screen_is_emptied_where_somebody_looks() {
        let hub = hub_of(json!([]), |_| Vec::new());
        for (is_live, expected) in [(true, "\u{1b}[H\u{1b}[2J"), (false, "")] {
            let mut stay = stay(&hub, &[]);
            stay.session.screen.is_live = is_live;
            crate::run::line(&mut stay.session, "clear").unwrap();
            assert_eq!((stay.err.text(), stay.out.text()), (expected.to_owned(), String::new()));
            assert_eq!(crate::run::line(&mut stay.session, "clear all").unwrap_err().code(), 2);
        }
    }

    #[test]
    fn names_that_were_meant_are_found() {
        let tool = |name: &str| Tool {
            name: name.to_owned(),
            says: String::new(),
            parameters: Vec::new(),
            may: "reads",
        };
        let catalog = Catalog { tools: vec![tool("files_list"), tool("files_read")], ..Catalog::default() };
        assert_eq!(nearest(&catalog, "hepl"), Some("help"));
        assert_eq!(nearest(&catalog, "file_read"), Some("files_read"));
        assert_eq!(nearest(&catalog, "read"), Some("files_read"));
        assert_eq!(nearest(&catalog, "sl"), None);
        assert_eq!(nearest(&catalog, "xyzzy"), None);
        assert_eq!((distance("", "abc"), distance("abc", "abc"), distance("abc", "axc")), (3, 0, 1));
    }
}

//! `help` and `tools`: the shell teaches itself.

use nu_ansi_term::{Color, Style};
use serde_json::{Value, json};

use super::{ALIASES, BUILTINS, alias, builtin, nearest, usage};
use crate::catalog::Tool;
use crate::failure::Failure;
use crate::language::arguments::Usage;
use crate::language::lex::Word;
use crate::language::schema::Parameter;
use crate::render::{Look, plain_line, wrap};
use crate::run::Produced;
use crate::session::Session;

/// A page of help.
pub(crate) struct Topic {
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    text: &'static str,
}

/// The pages, in the order in which one should read them.
pub(crate) const TOPICS: &[Topic] = &[
    Topic {
        name: "files",
        title: "Looking at files and changing them",
        text: "\
You see the folders that the hub's owner gave, its roots, as one tree. `/` is its top.

  ls              what is here                 ls -l notes     with sizes and times
  cd notes        go there                     pwd             where am I
  cat a.txt       what is in it                tree -L 2       two levels of folders
  find '*.md'     by name                      grep -i milk    lines with milk in them
  cp a.txt b.txt  copy                         mv a.txt notes  move into a folder
  rm a.txt        to the trash                 edit a.txt      in your editor

Tab completes names of files on the hub. `cat a.txt > here.txt` brings a file to this machine.",
    },
    Topic {
        name: "tools",
        title: "Any tool, by its name",
        text: "\
Everything that the hub can do is a tool; `tools` lists them, and `help files_search` shows one.

  files_search milk notes             words stand for what the tool needs, in its order
  files_search milk --limit 5         everything else has a flag; Tab after -- shows them
  files_search milk --no-hidden       a switch can be turned off
  files_list --globs a --globs b      a list is given one by one, or as JSON
  files_search {\"pattern\": \"milk\"}    or all of it as JSON
  mcp.fs.list /notes                  methods of the older dialect go by their names, too

Quotes keep blanks together: 'as it is', or \"with \\n for a line's end\".",
    },
    Topic {
        name: "answers",
        title: "What to do with an answer",
        text: "  ls | json              as JSON                  jobs | table        as a table
  ls | get entries.0     one field of it          cat a | llm \"sum up\"  a question about it
  cat a > here.txt       into a file on this machine: asks before it replaces one
  cat a >| here.txt      replaces it              cat a >> here.txt   adds to it
  ls; pwd                one after the other, to the first that fails",
    },
    Topic {
        name: "llm",
        title: "Language models",
        text: "  llm why is the sky blue              the answer comes as it is written; Ctrl-C stops it
  llm -m tiny -s \"be brief\" \"what?\"    another model; how it is to behave
  llm \"what is this?\" --files a.txt    with files from the roots
  chat                                 a talk that remembers what was said
  models                               which there are",
    },
    Topic {
        name: "jobs",
        title: "Work in the background",
        text: "  grep milk / &      begins it as a job and gives a number: [1]
  jobs               your jobs, those of other days too
  fg 1               waits for it, answers what it asks, and shows its answer
  stop 1             stops it

A job belongs to the hub: it goes on when you leave. You are told when it ends.",
    },
    Topic {
        name: "approvals",
        title: "When the hub asks you",
        text: "\
What destroys, or reaches out, needs your agreement: you see what would run, and say y (once), h (the same for an \
hour) or n. A tool may ask for more in the same way. In scripts nobody can be asked, and such a call ends with \
status 3; rules in the hub's configuration can allow it (see `drawbridge approvals`).",
    },
    Topic {
        name: "keys",
        title: "The keyboard",
        text: "  Tab        completes; again to choose       Ctrl-R     searches what you typed before
  Ctrl-C     stops what runs, not the shell   Ctrl-D     leaves
  ->         takes the grey suggestion        Alt-Enter  begins a new line

Lines are kept for the next time, but those that begin with a blank: type secrets so.",
    },
    Topic {
        name: "scripts",
        title: "Without a person",
        text: "  drawbridge shell -c 'cd notes; cat a.txt'
  drawbridge shell < script

The first command that fails ends it, unless --keep-going says otherwise. The status is 0 when all went well, 1 when \
a tool failed, 2 when a line means nothing, 3 when it was refused, 4 when the hub is away, 130 after Ctrl-C.",
    },
];

/// `help`
pub(super) fn run(session: &mut Session, words: &[Word]) -> Result<Produced, Failure> {
    let [word] = words else {
        return match words {
            [] => show(session, start),
            _ => Err(Failure::Usage("help takes one word, such as `help files`".to_owned())),
        };
    };
    let name = &*word.text;
    if let Some(topic) = TOPICS.iter().find(|topic| topic.name == name) {
        return show(session, |page| {
            page.title(topic.title);
            page.text(topic.text);
        });
    }
    if let Some(builtin) = builtin(name) {
        return show(session, |page| page.text(&format!("{}\n\n{}", builtin.usage, builtin.says)));
    }
    let catalog = session.shared.catalog();
    let tool = catalog.tool(alias(name).map_or(name, |alias| alias.tool));
    match (tool, usage(&catalog, name)) {
        (Some(tool), Some(usage)) => show(session, |page| page.tool(name, tool, &usage)),
        _ => {
            let near =
                nearest(&catalog, name).map_or_else(String::new, |near| format!(" Do you mean {near}?"));
            Err(Failure::Usage(format!("there is no help on {name:?}.{near} `help` shows the topics.")))
        }
    }
}

/// `tools`
pub(super) fn tools(session: &mut Session, words: &[Word]) -> Result<Produced, Failure> {
    session.refresh()?;
    let catalog = session.shared.catalog();
    let fits = |tool: &&Tool| words.iter().all(|word| tool.name.contains(&word.text));
    let row =
        |tool: &Tool| json!({"name": tool.name, "may": tool.may, "what it does": plain_line(tool.summary())});
    let rows: Vec<Value> = catalog.tools.iter().filter(fits).map(row).collect();
    if rows.is_empty() {
        return Err(Failure::Failed("no tool has such a name; `tools` alone lists all".to_owned()));
    }
    Ok(Produced::Data(rows.into()))
}

fn show(session: &mut Session, write: impl FnOnce(&mut Page)) -> Result<Produced, Failure> {
    let mut page = Page { text: String::new(), look: session.screen.look };
    write(&mut page);
    // Our own text has colours; what came from the hub was made plain on its way in.
    session.screen.show(&page.text)?;
    Ok(Produced::Nothing)
}

fn start(page: &mut Page) {
    page.title("Drawbridge's shell");
    page.text(
        "Type a command, and Tab when you do not know how it goes on. Try: ls, tree, help files, tools.",
    );
    page.text("");
    for one in BUILTINS {
        page.row(one.name, one.says);
    }
    for one in ALIASES {
        page.row(one.name, one.says);
    }
    page.text("");
    page.title("More: help TOPIC, help TOOL");
    for topic in TOPICS {
        page.row(topic.name, topic.title);
    }
}

/// The width of names in lists, and from which width of a terminal on there is room for what is said beside them.
const NAME_WIDTH: usize = 16;
const TWO_COLUMNS_MIN: usize = 60;

struct Page {
    text: String,
    look: Look,
}

impl Page {
    fn text(&mut self, text: &str) {
        self.text.push_str(&wrap(text, self.look.width, None));
        self.text.push('\n');
    }

    fn title(&mut self, text: &str) {
        let text = wrap(text, self.look.width, None);
        self.text.push_str(&self.look.paint(Style::new().bold(), &text));
        self.text.push('\n');
    }

    fn row(&mut self, name: &str, says: &str) {
        let blanks = NAME_WIDTH.saturating_sub(name.chars().count()).max(2);
        // Where two columns have no room, what is said goes on a little to the right.
        let hang = if self.look.width >= TWO_COLUMNS_MIN { 2 + NAME_WIDTH } else { 4 };
        let row = wrap(&format!("  {name}{}{says}", " ".repeat(blanks)), self.look.width, Some(hang));
        self.text.push_str(&row.replacen(name, &self.look.paint(Color::Cyan.normal(), name), 1));
        self.text.push('\n');
    }

    fn tool(&mut self, name: &str, tool: &Tool, usage: &Usage) {
        self.title(&plain_line(&usage.line()));
        self.text(&format!("\n{}", plain_line(&tool.says)));
        let same = if name == tool.name { String::new() } else { format!("; the tool is {}", tool.name) };
        self.text(&format!("({}{})\n", tool.may, plain_line(&same)));
        for parameter in &usage.parameters {
            self.row(&flag(usage, parameter), &about(parameter));
        }
    }
}

fn flag(usage: &Usage, parameter: &Parameter) -> String {
    let letter = usage.short.iter().find(|short| short.name == parameter.name && short.value.is_none());
    let short = letter.map_or_else(String::new, |short| format!("-{}, ", short.letter));
    plain_line(&format!("{short}--{}", parameter.name.replace('_', "-")))
}

fn about(parameter: &Parameter) -> String {
    let mut about = if parameter.choices.is_empty() {
        parameter.kind.name().to_owned()
    } else {
        parameter.choices.join("|")
    };
    if parameter.required {
        about.push_str(", required");
    }
    if let Some(default) =
        parameter.default.as_ref().filter(|one| !matches!(one, Value::Array(_) | Value::Object(_)))
    {
        about.push_str(&format!(", else {default}"));
    }
    plain_line(&format!("({about}) {}", parameter.says))
}

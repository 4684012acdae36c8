//! The interactive shell: a client of a hub like any other. It knows no way past the door; what it shows, the hub said.
//!
//! Start at [`run()`]. A line goes through `language/` (words, JSON, views), is called by `run.rs` over `link/`, and shown by
//! `render/`. Who starts it says how the hub is reached ([`Dial`]) and whose editor is used.

mod approvals;
mod catalog;
mod commands;
mod complete;
mod failure;
mod file;
mod highlight;
mod hint;
#[cfg(test)]
mod kit;
mod language;
mod link;
mod person;
mod place;
mod prompt;
mod render;
mod run;
mod screen;
mod session;
mod terminal;

use std::io::{BufRead, BufReader, IsTerminal as _, Read as _};
use std::path::PathBuf;
use std::sync::Arc;

use tokio::runtime::Handle;

use crate::failure::Failure;
use crate::language::lex::lex;
use crate::link::Client;
use crate::person::{Nobody, Person};
use crate::render::Look;
use crate::screen::Screen;
use crate::session::{Session, Shared};
use crate::terminal::{AtTerminal, Notices};

pub use link::{Address, AddressError, Dial, DialError, Wire};
pub use session::Editor;

/// How long one command of a script may be, in bytes.
const COMMAND_BYTES_MAX: usize = 1024 * 1024;

/// How a shell is started.
pub struct Start {
    /// How the hub is reached.
    pub dial: Arc<dyn Dial>,
    /// Whose editor is used.
    pub editor: Editor,
    /// Where typed lines are kept; nowhere if `None`.
    pub history: Option<PathBuf>,
    /// Whether there are colours, where somebody sees them.
    pub color: bool,
    /// A name to be shown in the prompt.
    pub name: Option<&'static str>,
    /// Whether a script goes on after a command that failed.
    pub keep_going: bool,
    /// What is said first to a person.
    pub greeting: String,
}

/// Where the lines come from.
pub enum Input {
    /// A person at this terminal.
    Person,
    /// One line, as an argument.
    Line(String),
    /// A script on standard input.
    Script,
}

/// Runs a shell to its end, and gives the status for the process: 0 when all went well, 1 when a tool failed, 2 for what
/// means nothing, 3 when refused, 4 when the hub is away, 130 after Ctrl-C. To be called outside of the runtime, whose
/// threads carry the way to the hub meanwhile.
///
/// # Errors
/// When the hub cannot be reached the first time.
pub fn run(runtime: &Handle, start: Start, input: Input) -> Result<u8, DialError> {
    let (notices, printer) = Notices::new();
    let say: Arc<dyn Fn(&str) + Send + Sync> = {
        let notices = notices.clone();
        Arc::new(move |text| notices.say(text))
    };
    let client = runtime.block_on(Client::connect(start.dial, say.clone()))?;
    let mut session = Session {
        runtime: runtime.clone(),
        client,
        shared: Arc::new(Shared::default()),
        screen: screen(start.color),
        person: person(&input),
        editor: start.editor,
        notices: say,
        streams: false,
        keep_going: start.keep_going && !matches!(input, Input::Person),
    };
    if let Err(failure) = session.look_around() {
        return Ok(ended(&mut session, failure));
    }
    Ok(match input {
        Input::Person => {
            let _ = session.screen.note(&start.greeting);
            terminal::talk(&mut session, &notices, printer, start.history.as_deref(), start.name)
        }
        Input::Line(line) => once(&mut session, &line),
        Input::Script => script(&mut session, BufReader::new(std::io::stdin())),
    })
}

fn screen(color: bool) -> Screen {
    let (out, err) = (std::io::stdout(), std::io::stderr());
    let look = Look { width: terminal::width(), color: color && out.is_terminal() };
    let is_live = err.is_terminal();
    Screen::new(Box::new(out), Box::new(err), look, is_live)
}

/// A person can be asked where both ends are a terminal, and the script does not come from there.
fn person(input: &Input) -> Box<dyn Person> {
    let is_there = std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
    if is_there && !matches!(input, Input::Script) { Box::new(AtTerminal) } else { Box::new(Nobody) }
}

/// Says why, and gives the status.
fn ended(session: &mut Session, failure: Failure) -> u8 {
    if !failure.is_end() {
        let _ = session.screen.complain(&failure.to_string());
    }
    failure.code()
}

fn once(session: &mut Session, line: &str) -> u8 {
    match run::line(session, line) {
        Ok(()) => 0,
        Err(failure) => ended(session, failure),
    }
}

/// Runs lines as they come; one whose quotes or brackets are open goes on with the next.
fn script(session: &mut Session, mut lines: impl BufRead) -> u8 {
    let (mut command, mut status) = (String::new(), 0);
    loop {
        let read = (&mut lines).take(COMMAND_BYTES_MAX as u64).read_line(&mut command);
        if command.len() >= COMMAND_BYTES_MAX {
            let why = format!("a command has {COMMAND_BYTES_MAX} bytes or more, which is too long");
            return ended(session, Failure::Usage(why));
        }
        let is_end = !matches!(read, Ok(1..));
        if !is_end && lex(&command).open.is_some() {
            continue;
        }
        match run::line(session, &std::mem::take(&mut command)) {
            Ok(()) => {}
            Err(failure) if session.keep_going && !failure.is_end() => status = ended(session, failure),
            Err(failure) => return ended(session, failure),
        }
        if is_end {
            return status;
        }
    }
}

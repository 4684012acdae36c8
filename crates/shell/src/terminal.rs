//! The person's terminal: lines are typed in it, and questions answered.

use std::fs::OpenOptions;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::SyncSender;

use nu_ansi_term::{Color, Style};
use reedline::{
    ColumnarMenu, EditCommand, Emacs, ExternalPrinter, FileBackedHistory, Highlighter, KeyCode, KeyModifiers,
    MenuBuilder, Reedline, ReedlineEvent, ReedlineMenu, Signal, ValidationResult, Validator,
    default_emacs_keybindings,
};

use crate::complete::FromHub;
use crate::failure::Failure;
use crate::highlight::Inks;
use crate::hint::Hints;
use crate::language::lex::lex;
use crate::person::Person;
use crate::prompt::{AtPlace, Question};
use crate::render::plain;
use crate::run;
use crate::session::Session;

/// How many lines are kept for the next time.
const HISTORY_LINES_MAX: usize = 10_000;
/// How many notices wait to be shown while a line is typed; more are dropped.
const NOTICES_MAX: usize = 64;
const MENU: &str = "completions";

/// Says what happens beside, also while a line is typed: above it then.
#[derive(Clone)]
pub(crate) struct Notices {
    typing: Arc<AtomicBool>,
    above: SyncSender<String>,
}

impl Notices {
    /// With the printer that shows them above the line.
    pub(crate) fn new() -> (Self, ExternalPrinter<String>) {
        let printer = ExternalPrinter::new(NOTICES_MAX);
        (Self { typing: Arc::default(), above: printer.sender() }, printer)
    }

    pub(crate) fn say(&self, text: &str) {
        if self.typing.load(Ordering::Acquire) {
            let _ = self.above.try_send(plain(text));
        } else {
            eprintln!("{}", plain(text));
        }
    }
}

/// The person in front of this terminal.
pub(crate) struct AtTerminal;

impl Person for AtTerminal {
    fn ask(&mut self, question: &str) -> Option<String> {
        let mut editor = Reedline::create().with_ansi_colors(false);
        match editor.read_line(&Question(plain(question))) {
            Ok(Signal::Success(answer)) => Some(answer),
            _ => None,
        }
    }
}

/// Reads lines and runs them until the person leaves. Gives the status.
pub(crate) fn talk(
    session: &mut Session,
    notices: &Notices,
    printer: ExternalPrinter<String>,
    history: Option<&Path>,
    name: Option<&'static str>,
) -> u8 {
    let mut editor = editor(session, history, printer);
    let prompt = AtPlace { shared: session.shared.clone(), client: session.client.clone(), name };
    loop {
        session.refresh_beside();
        notices.typing.store(true, Ordering::Release);
        let typed = editor.read_line(&prompt);
        notices.typing.store(false, Ordering::Release);
        let line = match typed {
            Ok(Signal::Success(line)) => line,
            Ok(Signal::CtrlD) | Err(_) => return 0,
            Ok(_) => continue,
        };
        // What was typed is kept, however this ends; where it cannot be, it still can be run.
        let _ = editor.sync_history();
        session.screen.look.width = width();
        match run::line(session, &line) {
            Err(Failure::Exit(code)) => return code,
            Err(failure) if session.screen.complain(&failure.to_string()).is_err() => return failure.code(),
            _ => {}
        }
    }
}

fn editor(session: &Session, history: Option<&Path>, printer: ExternalPrinter<String>) -> Reedline {
    let color = session.screen.look.color;
    let completer = FromHub {
        runtime: session.runtime.clone(),
        client: session.client.clone(),
        shared: session.shared.clone(),
    };
    let mut menu = ColumnarMenu::default().with_name(MENU).with_columns(4).with_marker("> ");
    if !color {
        menu = menu
            .with_text_style(Style::new())
            .with_match_text_style(Style::new())
            .with_description_text_style(Style::new());
    } else {
        menu = menu.with_description_text_style(Color::DarkGray.normal());
    }
    let mut editor = Reedline::create()
        .with_ansi_colors(color)
        .with_highlighter(highlighter(session))
        .with_hinter(Box::new(Hints { shared: session.shared.clone(), taken: String::new() }))
        .with_completer(Box::new(completer))
        .with_partial_completions(true)
        .with_quick_completions(true)
        .with_menu(ReedlineMenu::EngineCompleter(Box::new(menu)))
        .with_edit_mode(Box::new(Emacs::new(keys())))
        .with_validator(Box::new(UntilClosed))
        .with_history_exclusion_prefix(Some(" ".to_owned()))
        .use_bracketed_paste(true)
        .with_external_printer(printer);
    if let Some(history) = history.and_then(|path| kept(path).ok()) {
        editor = editor.with_history(Box::new(history));
    }
    editor
}

fn highlighter(session: &Session) -> Box<dyn Highlighter> {
    Box::new(Inks(session.shared.clone()))
}

fn keys() -> reedline::Keybindings {
    let mut keys = default_emacs_keybindings();
    let complete =
        ReedlineEvent::UntilFound(vec![ReedlineEvent::Menu(MENU.to_owned()), ReedlineEvent::MenuNext]);
    keys.add_binding(KeyModifiers::NONE, KeyCode::Tab, complete);
    keys.add_binding(KeyModifiers::SHIFT, KeyCode::BackTab, ReedlineEvent::MenuPrevious);
    keys.add_binding(
        KeyModifiers::ALT,
        KeyCode::Enter,
        ReedlineEvent::Edit(vec![EditCommand::InsertNewline]),
    );
    keys
}

/// The lines of the last times, in a file that nobody else can read.
fn kept(path: &Path) -> Result<FileBackedHistory, reedline::ReedlineError> {
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path)?;
    #[cfg(unix)]
    file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    drop(file);
    FileBackedHistory::with_file(HISTORY_LINES_MAX, path.to_owned())
}

/// A line goes on below until its quotes and brackets are closed.
struct UntilClosed;

impl Validator for UntilClosed {
    fn validate(&self, line: &str) -> ValidationResult {
        if lex(line).open.is_some() { ValidationResult::Incomplete } else { ValidationResult::Complete }
    }
}

/// How many characters this terminal has in a line.
pub(crate) fn width() -> usize {
    /// What is not a terminal has room.
    const OTHERWISE: usize = 160;
    #[cfg(unix)]
    let columns = rustix::termios::tcgetwinsize(std::io::stdout()).map_or(0, |size| usize::from(size.ws_col));
    #[cfg(not(unix))]
    let columns = 80;
    if columns == 0 { OTHERWISE } else { columns }
}

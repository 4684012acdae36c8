//! All terminals, by caller.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use drawbridge_contract::{CallId, Caller, CancellationToken};
use drawbridge_sandbox::{Launch, Sandbox, Size, Streams};
use tokio::sync::mpsc;

use super::keep::Keeper;
use super::keyboard::{Keyboard, type_all};
use super::session::{Parts, Session};
use super::state::State;
use crate::confine::Confine;
use crate::error::{Result, TerminalError};
use crate::folder::{self, Temporary};
use crate::settings::TerminalSettings;
use crate::shell::{Shell, Start};

/// What the terminal tells programs that it is.
const VARIABLES: [(&str, &str); 2] = [("TERM", "xterm-256color"), ("COLORTERM", "truecolor")];
/// Answers to a program that wait for it to read.
const ANSWERS_MAX: usize = 64;

/// All terminals, and what is needed to open one.
pub(crate) struct Sessions {
    pub(crate) settings: TerminalSettings,
    pub(crate) sandbox: Arc<Sandbox>,
    pub(crate) confine: Confine,
    places: Mutex<Vec<Place>>,
    /// Cancelled when we are dropped: every terminal's processes end then.
    closing: CancellationToken,
}

/// Where a terminal is or will be.
struct Place {
    caller: Arc<str>,
    name: Box<str>,
    /// `None` while it is being opened.
    session: Option<Arc<Session>>,
}

/// A terminal to be opened.
#[derive(Debug)]
pub(crate) struct Opening {
    pub(crate) name: Option<String>,
    pub(crate) program: Program,
    pub(crate) folder: Option<PathBuf>,
    pub(crate) variables: Vec<(String, String)>,
    pub(crate) size: Size,
}

/// What runs in a terminal.
#[derive(Debug)]
pub(crate) enum Program {
    /// The shell that the settings say.
    Usual,
    /// This shell.
    Shell(String),
    /// Any program, with its arguments.
    Words(Vec<String>),
}

impl Sessions {
    pub(crate) fn new(settings: TerminalSettings, sandbox: Arc<Sandbox>, confine: Confine) -> Self {
        Self { settings, sandbox, confine, places: Mutex::default(), closing: CancellationToken::new() }
    }

    /// The folder of the shells' start-up files.
    pub(crate) fn shell_files(settings: &TerminalSettings) -> PathBuf {
        settings.state.join("shell")
    }

    /// A caller's terminal, by its id or name. The owner finds everybody's, their own first.
    ///
    /// # Errors
    /// [`TerminalError::NoSession`], also for what is another's.
    pub(crate) fn find(&self, caller: &Caller, wanted: &str) -> Result<Arc<Session>> {
        let places = self.places();
        let sessions = || places.iter().filter_map(|place| place.session.as_ref());
        let fits = |session: &&Arc<Session>| *session.id == *wanted || *session.name == *wanted;
        let own = sessions().filter(fits).find(|session| session.caller == caller.id);
        let any = || sessions().filter(fits).find(|_| caller.is_owner());
        let found = own.or_else(any).cloned();
        found.ok_or_else(|| TerminalError::NoSession(wanted.chars().take(100).collect()))
    }

    /// A caller's terminals in the order of their opening; the owner's list has everybody's.
    pub(crate) fn list(&self, caller: &Caller) -> Vec<Arc<Session>> {
        let visible = |session: &&Arc<Session>| caller.is_owner() || session.caller == caller.id;
        self.places().iter().filter_map(|place| place.session.as_ref()).filter(visible).cloned().collect()
    }

    /// Opens a terminal.
    ///
    /// # Errors
    /// When there are too many, the name is taken, or the program cannot be started.
    pub(crate) async fn open(self: &Arc<Self>, caller: &Caller, opening: Opening) -> Result<Arc<Session>> {
        let (key, id) = (CallId::new().to_string(), id());
        let start = self.start(&opening, &key);
        let program = Shell::named(&start.program.to_string_lossy()).name();
        let reserved = self.reserve(caller, opening.name, &program)?;
        let temporary = Temporary(self.temporary(&id)?);
        let marking = start.marking;
        let child = self.launch(start, opening.folder, opening.variables, opening.size, &temporary.0).await?;
        let bounds = self.settings.bounds;
        let state = State::new(opening.size, marking, &key, bounds.log_bytes_max, bounds.history_lines_max);
        let parts = (id.into_boxed_str(), reserved.name.clone(), program);
        let session = self.begin(caller, child, state, parts, temporary)?;
        reserved.fill(session.clone());
        Ok(session)
    }

    /// Starts the tasks of a terminal whose program runs.
    fn begin(
        self: &Arc<Self>,
        caller: &Caller,
        mut child: drawbridge_sandbox::Child,
        state: State,
        (id, name, program): (Box<str>, Box<str>, String),
        mut temporary: Temporary,
    ) -> Result<Arc<Session>> {
        let none = || std::io::Error::other("the program has none");
        let open = |source| TerminalError::Io { doing: "open the terminal", source };
        let terminal = child.terminal.take().ok_or_else(|| open(none()))?;
        let (reads, types) = (terminal.try_clone().map_err(open)?, terminal.try_clone().map_err(open)?);
        let keyboard = Arc::new(Keyboard::new(types));
        let (answers, to_type) = mpsc::channel(ANSWERS_MAX);
        let (report, handle) = (child.report().clone(), child.handle());
        let caller = caller.id.clone();
        let parts = Parts {
            id,
            name,
            caller,
            program,
            report,
            state,
            keyboard: keyboard.clone(),
            answers,
            terminal,
            handle,
        };
        let session = Arc::new(Session::new(parts));
        let keeper = Keeper {
            session: session.clone(),
            child,
            terminal: reads,
            temporary: std::mem::take(&mut temporary.0),
            bounds: self.settings.bounds,
            closing: self.closing.clone(),
        };
        tokio::spawn(keeper.run(Arc::downgrade(self)));
        tokio::spawn(type_all(keyboard, to_type));
        Ok(session)
    }

    /// Lets go of a terminal. It ends if it has not ended yet.
    pub(crate) fn forget(&self, session: &Arc<Session>) {
        let is_it = |place: &Place| place.session.as_ref().is_some_and(|other| Arc::ptr_eq(other, session));
        self.places().retain(|place| !is_it(place));
    }

    fn start(&self, opening: &Opening, key: &str) -> Start {
        let files = Self::shell_files(&self.settings);
        match &opening.program {
            Program::Usual => {
                let usual = self.settings.shell.as_deref().map(Shell::named);
                usual.unwrap_or_else(Shell::of_person).interactive(&files, key)
            }
            Program::Shell(name) => Shell::named(name).interactive(&files, key),
            Program::Words(words) => Start::words(words),
        }
    }

    async fn launch(
        &self,
        start: Start,
        folder: Option<PathBuf>,
        variables: Vec<(String, String)>,
        size: Size,
        temporary: &Path,
    ) -> Result<drawbridge_sandbox::Child> {
        let launch = Launch::new(start.program)
            .args(start.arguments)
            .directory(folder.unwrap_or_else(|| self.settings.folder.clone()))
            .streams(Streams::Terminal(size));
        let ours = VARIABLES.iter().map(|(name, value)| (name.into(), value.into()));
        let given = variables.into_iter().map(|(name, value)| (name.into(), value.into()));
        let launch = self.confine.apply(launch, temporary, ours.chain(given).chain(start.variables));
        Ok(self.sandbox.launch(launch).await?)
    }

    /// A new temporary folder.
    pub(crate) fn temporary(&self, id: &str) -> Result<PathBuf> {
        let path = self.settings.state.join("tmp").join(id);
        folder::make(&path)
            .map_err(|source| TerminalError::Io { doing: "make a temporary folder", source })?;
        Ok(path)
    }

    /// Takes a place, so that no two calls at a time take the last one, or the same name.
    fn reserve(self: &Arc<Self>, caller: &Caller, name: Option<String>, program: &str) -> Result<Reserved> {
        let mut places = self.places();
        let bounds = &self.settings.bounds;
        check_room(&places, None, bounds.sessions_max)?;
        check_room(&places, Some(&caller.id), bounds.sessions_per_caller_max)?;
        let name = name.unwrap_or_else(|| free_name(&places, &caller.id, program)).into_boxed_str();
        if let Some(at) = places.iter().position(|place| place.caller == caller.id && place.name == name) {
            if places[at].is_live() {
                return Err(TerminalError::NameTaken(name.into()));
            }
            places.remove(at).forget();
        }
        // Terminals that have ended are kept for a while, but no more of them than there may be live ones.
        if places.iter().filter(|place| !place.is_live()).count() >= bounds.sessions_max
            && let Some(oldest) = places.iter().position(|place| !place.is_live())
        {
            places.remove(oldest).forget();
        }
        places.push(Place { caller: caller.id.clone(), name: name.clone(), session: None });
        Ok(Reserved { sessions: self.clone(), caller: caller.id.clone(), name, filled: false })
    }

    fn places(&self) -> MutexGuard<'_, Vec<Place>> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Sessions {
    fn drop(&mut self) {
        self.closing.cancel();
    }
}

/// Unguessable, and short enough to be written.
fn id() -> String {
    uuid::Uuid::new_v4().simple().to_string().split_off(12)
}

fn check_room(places: &[Place], caller: Option<&Arc<str>>, max: usize) -> Result<()> {
    let counts = |place: &&Place| place.is_live() && caller.is_none_or(|caller| place.caller == *caller);
    if places.iter().filter(counts).count() < max { Ok(()) } else { Err(TerminalError::TooMany(max)) }
}

/// The program's name, with a number that no other terminal of the caller has.
fn free_name(places: &[Place], caller: &Arc<str>, program: &str) -> String {
    let taken = |name: &str| places.iter().any(|place| place.caller == *caller && *place.name == *name);
    (1_u32..).map(|number| format!("{program}-{number}")).find(|name| !taken(name)).unwrap_or_default()
}

impl Place {
    fn is_live(&self) -> bool {
        self.session.as_ref().is_none_or(|session| !session.is_over())
    }

    fn forget(self) {
        if let Some(session) = self.session {
            session.forgotten.cancel();
        }
    }
}

/// A place that is given up unless it is filled.
struct Reserved {
    sessions: Arc<Sessions>,
    caller: Arc<str>,
    name: Box<str>,
    filled: bool,
}

impl Reserved {
    fn fill(mut self, session: Arc<Session>) {
        self.filled = true;
        if let Some(place) = self.sessions.places().iter_mut().find(|place| self.is(place)) {
            place.session = Some(session);
        }
    }

    fn is(&self, place: &Place) -> bool {
        place.session.is_none() && place.caller == self.caller && place.name == self.name
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        if !self.filled {
            self.sessions.places().retain(|place| !self.is(place));
        }
    }
}

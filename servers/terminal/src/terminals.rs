//! What the tools work on.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use drawbridge_sandbox::Sandbox;

use crate::confine::Confine;
use crate::error::{OpenError, Result, TerminalError};
use crate::folder::{self, Own};
use crate::runs::outputs::Outputs;
use crate::sessions::all::Sessions;
use crate::settings::TerminalSettings;
use crate::shell;

/// A terminal that nobody uses lives no longer than this, whatever the settings say: a year, which clocks can count.
const IDLE_MAX: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// What the tools work on.
pub(crate) struct Terminals {
    pub(crate) sessions: Arc<Sessions>,
    pub(crate) outputs: Outputs,
    /// Removed last.
    _own: Own,
}

impl Terminals {
    /// Makes our folders.
    ///
    /// # Errors
    /// [`OpenError`] names what cannot be written.
    pub(crate) fn open(
        mut settings: TerminalSettings,
        sandbox: Arc<Sandbox>,
    ) -> std::result::Result<Self, OpenError> {
        let own = Own::below(&settings.state).map_err(at(&settings.state))?;
        settings.state = own.path.clone();
        settings.bounds.idle_max = settings.bounds.idle_max.min(IDLE_MAX);
        let files = Sessions::shell_files(&settings);
        shell::write_files(&files).map_err(at(&files))?;
        for name in ["runs", "tmp"] {
            let path = own.path.join(name);
            folder::make(&path).map_err(at(&path))?;
        }
        let confine = Confine::new(&settings, &files);
        let outputs = Outputs::new(settings.bounds.runs_kept_max);
        let sessions = Arc::new(Sessions::new(settings, sandbox, confine));
        Ok(Self { sessions, outputs, _own: own })
    }

    /// Where long outputs are.
    pub(crate) fn run_folder(&self) -> PathBuf {
        self.sessions.settings.state.join("runs")
    }

    /// The folder that a caller names: `~` is the home, and a relative path begins at the usual folder.
    ///
    /// # Errors
    /// When there is no home.
    pub(crate) fn folder(&self, named: Option<&str>) -> Result<PathBuf> {
        let usual = &self.sessions.settings.folder;
        let Some(named) = named else { return Ok(usual.clone()) };
        let in_home = if named == "~" { Some("") } else { named.strip_prefix("~/") };
        match (in_home, std::env::var_os("HOME")) {
            (None, _) => Ok(usual.join(named)),
            (Some(rest), Some(home)) => Ok(Path::new(&home).join(rest)),
            (Some(_), None) => {
                Err(TerminalError::Invalid("there is no home folder here: give a whole path".into()))
            }
        }
    }
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> OpenError {
    let path = path.to_owned();
    |source| OpenError { path, source }
}

//! Where things are on this machine: the platform, the home folder and the few environment variables that hosts read.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::ConnectError;

/// Every environment variable that decides where a host keeps its configuration.
const VARIABLES: &[&str] = &[
    "APPDATA",
    "CLAUDE_CONFIG_DIR",
    "CODEX_HOME",
    "FLATPAK_XDG_CONFIG_HOME",
    "GEMINI_CLI_HOME",
    "GOOSE_PATH_ROOT",
    "LOCALAPPDATA",
    "VSCODE_APPDATA",
    "VSCODE_PORTABLE",
    "XDG_CONFIG_HOME",
];

/// The operating system whose conventions decide where files are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Platform {
    /// Linux and the other systems that follow the XDG folders.
    Linux,
    /// macOS.
    MacOs,
    /// Windows.
    Windows,
}

impl Platform {
    /// The platform this program was built for.
    pub fn current() -> Platform {
        if cfg!(windows) {
            Platform::Windows
        } else if cfg!(target_os = "macos") {
            Platform::MacOs
        } else {
            Platform::Linux
        }
    }
}

/// The folders of one user. Tests make their own, so that nothing but [`Places::of_this_user`] knows the real ones.
#[derive(Debug, Clone)]
pub struct Places {
    /// Whose conventions to follow.
    pub platform: Platform,
    home: PathBuf,
    variables: BTreeMap<String, OsString>,
}

impl Places {
    /// The places of a user whose home folder is `home`, with no environment variable set.
    pub fn new(platform: Platform, home: impl Into<PathBuf>) -> Places {
        Places { platform, home: home.into(), variables: BTreeMap::new() }
    }

    /// The places of the user who runs this program.
    ///
    /// # Errors
    /// [`ConnectError::NoHome`] when the system does not say where the home folder is.
    pub fn of_this_user() -> Result<Places, ConnectError> {
        let home = std::env::home_dir().filter(|home| home.is_absolute()).ok_or(ConnectError::NoHome)?;
        let mut places = Places::new(Platform::current(), home);
        for name in VARIABLES {
            if let Some(value) = std::env::var_os(name) {
                places = places.with_variable(name, value);
            }
        }
        Ok(places)
    }

    /// The same places with an environment variable set. An empty value counts as not set.
    #[must_use]
    pub fn with_variable(mut self, name: &str, value: impl Into<OsString>) -> Places {
        let value = value.into();
        if !value.is_empty() {
            self.variables.insert(name.to_owned(), value);
        }
        self
    }

    /// A path below the home folder.
    pub(crate) fn home(&self, below: &str) -> PathBuf {
        self.home.join(below)
    }

    /// The folder an environment variable names, if it is set. Relative folders are ignored, as the XDG
    /// specification asks: they would mean something else in each working directory.
    pub(crate) fn variable(&self, name: &str) -> Option<&Path> {
        self.variables.get(name).map(Path::new).filter(|path| path.is_absolute())
    }

    /// `$XDG_CONFIG_HOME`, or `~/.config`.
    pub(crate) fn xdg_config(&self) -> PathBuf {
        self.variable("XDG_CONFIG_HOME").map_or_else(|| self.home(".config"), Path::to_path_buf)
    }

    /// `%APPDATA%`: where a program's settings roam.
    pub(crate) fn app_data(&self) -> PathBuf {
        self.variable("APPDATA").map_or_else(|| self.home("AppData/Roaming"), Path::to_path_buf)
    }

    /// `%LOCALAPPDATA%`: where a program's settings stay on this machine.
    pub(crate) fn local_app_data(&self) -> PathBuf {
        self.variable("LOCALAPPDATA").map_or_else(|| self.home("AppData/Local"), Path::to_path_buf)
    }

    /// Where desktop programs keep their settings on this platform.
    pub(crate) fn config(&self) -> PathBuf {
        match self.platform {
            Platform::Linux => self.xdg_config(),
            Platform::MacOs => self.home("Library/Application Support"),
            Platform::Windows => self.app_data(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_platform_has_its_settings_folder() {
        let config = |platform| Places::new(platform, "/h").config();
        assert_eq!(config(Platform::Linux), Path::new("/h/.config"));
        assert_eq!(config(Platform::MacOs), Path::new("/h/Library/Application Support"));
        assert_eq!(config(Platform::Windows), Path::new("/h/AppData/Roaming"));
    }

    #[test]
    fn empty_and_relative_variables_are_ignored() {
        for value in ["", "relative/folder"] {
            let places = Places::new(Platform::Linux, "/h").with_variable("XDG_CONFIG_HOME", value);
            assert_eq!(places.xdg_config(), Path::new("/h/.config"));
        }
        let places = Places::new(Platform::Linux, "/h").with_variable("XDG_CONFIG_HOME", "/elsewhere");
        assert_eq!(places.xdg_config(), Path::new("/elsewhere"));
    }
}

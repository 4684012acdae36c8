//! What commands may touch, from the owner's settings.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use drawbridge_sandbox::{self as sandbox, Environment, INHERITED, Launch, Mode, SYSTEM_READ};

use crate::carve::Given;
use crate::settings::{Confinement, Network, TerminalSettings};

/// What confined commands may read of the person's home: start-up files of shells, settings of common tools, and the
/// folders where people install programs for themselves. None of them is made to hold a secret.
pub const HOME_READ: &[&str] = &[
    ".bashrc",
    ".bash_aliases",
    ".bash_profile",
    ".profile",
    ".inputrc",
    ".zshenv",
    ".zshrc",
    ".zprofile",
    ".config/fish/config.fish",
    ".config/fish/conf.d",
    ".config/fish/functions",
    ".config/starship.toml",
    ".vimrc",
    ".vim",
    ".config/nvim",
    ".gitconfig",
    ".config/git/config",
    ".config/git/ignore",
    ".terminfo",
    ".local/bin",
    ".local/lib",
    ".local/share/mise",
    ".oh-my-zsh",
    ".cargo/bin",
    ".cargo/env",
    ".rustup",
    ".pyenv",
    ".nvm",
    ".volta",
    ".bun/bin",
    ".deno/bin",
    "go/bin",
];

/// What keeps secrets in a home. Commands do not reach it even where the home itself is given to them.
pub const HOME_DENIED: &[&str] = &[
    ".ssh",
    ".gnupg",
    ".password-store",
    ".aws",
    ".azure",
    ".config/gcloud",
    ".config/gh",
    ".config/rclone",
    ".docker",
    ".kube",
    ".netrc",
    ".pgpass",
    ".npmrc",
    ".pypirc",
    ".git-credentials",
    ".cargo/credentials.toml",
    ".local/share/keyrings",
    ".mozilla",
    ".thunderbird",
    ".config/google-chrome",
    ".config/chromium",
    "Library/Keychains",
];

/// What confined commands may read beside what every program may: the system's own settings for shells and editors.
const SHELLS_READ: &[&str] =
    &["/etc/bashrc", "/etc/fish", "/etc/zshenv", "/etc/zshrc", "/etc/nanorc", "/etc/vimrc", "/etc/python3"];

/// What every command gets: where it may go, and what it sees.
#[derive(Debug)]
pub(crate) struct Confine {
    mode: Option<Mode>,
    read: Given,
    /// The shells' start-up files, which lie in our own state.
    files: PathBuf,
    write: Given,
    network: Network,
    unix_sockets: bool,
    inherit: Vec<String>,
}

impl Confine {
    /// As the settings say; `files` are the shells' start-up files.
    pub(crate) fn new(settings: &TerminalSettings, files: &Path) -> Self {
        let home = std::env::var_os("HOME").map(PathBuf::from);
        let denied = home.iter().flat_map(|home| HOME_DENIED.iter().map(move |path| home.join(path)));
        let denied: Vec<PathBuf> = denied.chain(settings.denied.iter().cloned()).collect();
        let system = SYSTEM_READ.iter().chain(SHELLS_READ).map(PathBuf::from);
        let own = home.iter().flat_map(|home| HOME_READ.iter().map(move |path| home.join(path)));
        let read = system.chain(own).chain(settings.read.iter().cloned());
        Self {
            mode: match settings.confinement {
                Confinement::Required => Some(Mode::Required),
                Confinement::Preferred => Some(Mode::Preferred),
                Confinement::Off => None,
            },
            files: files.to_owned(),
            // What is not there cannot be read; the sandbox would name each of them as missing.
            read: Given::new(read.filter(|path| path.exists()), &denied),
            write: Given::new(settings.write.iter().cloned(), &denied),
            network: settings.network,
            unix_sockets: settings.unix_sockets,
            inherit: INHERITED
                .iter()
                .map(ToString::to_string)
                .chain(settings.environment.iter().cloned())
                .collect(),
        }
    }

    /// Confines a launch, gives it its variables, and a temporary folder of its own.
    pub(crate) fn apply(
        &self,
        mut launch: Launch,
        temporary: &Path,
        variables: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Launch {
        let temporary_is = [("TMPDIR".into(), temporary.as_os_str().to_owned())];
        let set = temporary_is.into_iter().chain(variables).collect();
        launch.environment = Environment { inherit: self.inherit.clone(), set };
        launch.new_privileges = self.mode.is_none();
        launch.confinement = self.mode.map(|mode| sandbox::Confinement {
            mode,
            read: with(self.read.now(), &self.files),
            write: with(self.write.now(), temporary),
            network: match self.network {
                Network::None => sandbox::Network::None,
                Network::All => sandbox::Network::All,
            },
            unix_sockets: self.unix_sockets,
            metadata: true,
        });
        launch
    }
}

fn with(mut paths: Vec<PathBuf>, one_more: &Path) -> Vec<PathBuf> {
    paths.push(one_more.to_owned());
    paths
}

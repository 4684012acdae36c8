//! Which shell reads commands, and how it tells us where they begin and end without a change to the person's files.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::sessions::commands::Marking;

/// Our start-up files, and where they are written. None of the person's own is touched; each of ours reads theirs.
const FILES: [(&str, &str); 5] = [
    ("bash.sh", include_str!("bash.sh")),
    ("fish.fish", include_str!("fish.fish")),
    ("sh.sh", include_str!("sh.sh")),
    ("zsh/.zshenv", include_str!("zshenv.zsh")),
    ("zsh/.zshrc", include_str!("zshrc.zsh")),
];

/// The variable that tells our start-up files the key of the marks; they remove it.
const KEY: &str = "TERMINAL_MARK_KEY";

/// A shell, by its path or its name in `PATH`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shell(PathBuf);

/// How to start something in a terminal.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Start {
    pub(crate) program: PathBuf,
    pub(crate) arguments: Vec<OsString>,
    pub(crate) variables: Vec<(OsString, OsString)>,
    pub(crate) marking: Marking,
}

/// Writes our start-up files into a folder.
///
/// # Errors
/// As the operating system says.
pub(crate) fn write_files(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder.join("zsh"))?;
    FILES.iter().try_for_each(|(name, text)| fs::write(folder.join(name), text))
}

impl Shell {
    /// The shell of this name or path.
    pub(crate) fn named(name: &str) -> Self {
        Self(name.into())
    }

    /// The person's own shell, for a terminal.
    pub(crate) fn of_person() -> Self {
        let shell = std::env::var_os("SHELL").filter(|shell| Path::new(shell).is_absolute());
        Self(shell.map_or_else(|| "sh".into(), PathBuf::from))
    }

    /// The shell that most commands are written for, as far as it is there.
    pub(crate) fn for_commands() -> Self {
        let there = ["/bin/bash", "/usr/bin/bash"].iter().find(|path| Path::new(path).exists());
        Self(there.map_or("sh", |path| path).into())
    }

    /// Its name, for people.
    pub(crate) fn name(&self) -> String {
        self.0.file_name().unwrap_or(self.0.as_os_str()).to_string_lossy().into_owned()
    }

    /// How to run one command.
    pub(crate) fn command(&self, command: &str) -> (PathBuf, Vec<OsString>) {
        (self.0.clone(), vec!["-c".into(), command.into()])
    }

    /// How to start it in a terminal, with our files in `files` and this key for its marks.
    pub(crate) fn interactive(&self, files: &Path, key: &str) -> Start {
        let at = |name: &str| files.join(name).into_os_string();
        let (arguments, mut variables, marking): (Vec<OsString>, Vec<(OsString, OsString)>, _) = match self
            .name()
            .as_str()
        {
            "bash" => (vec!["--rcfile".into(), at("bash.sh"), "-i".into()], vec![], Marking::Commands),
            "zsh" => (vec!["-i".into()], zsh_variables(at("zsh")), Marking::Commands),
            "fish" => (fish_arguments(&at("fish.fish")), vec![], Marking::Commands),
            "sh" | "dash" | "ash" | "ksh" => (vec!["-i".into()], sh_variables(at("sh.sh")), Marking::Prompts),
            _ => (vec![], vec![], Marking::Nothing),
        };
        if marking != Marking::Nothing {
            variables.push((KEY.into(), key.into()));
        }
        Start { program: self.0.clone(), arguments, variables, marking }
    }
}

impl Start {
    /// Any program with its arguments.
    pub(crate) fn words(words: &[String]) -> Self {
        let mut words = words.iter();
        let program = words.next().map(PathBuf::from).unwrap_or_default();
        let arguments = words.map(OsString::from).collect();
        Self { program, arguments, variables: Vec::new(), marking: Marking::Nothing }
    }
}

fn zsh_variables(folder: OsString) -> Vec<(OsString, OsString)> {
    let theirs = std::env::var_os("ZDOTDIR").map(|value| ("TERMINAL_USER_ZDOTDIR".into(), value));
    let ours = [("ZDOTDIR".into(), folder.clone()), ("TERMINAL_ZDOTDIR".into(), folder)];
    ours.into_iter().chain(theirs).collect()
}

fn sh_variables(file: OsString) -> Vec<(OsString, OsString)> {
    let theirs = std::env::var_os("ENV").map(|value| ("TERMINAL_USER_ENV".into(), value));
    std::iter::once(("ENV".into(), file)).chain(theirs).collect()
}

/// `--private` keeps the person's history theirs.
fn fish_arguments(file: &OsString) -> Vec<OsString> {
    let quoted = file.to_string_lossy().replace('\\', "\\\\").replace('\'', "\\'");
    vec![
        "--private".into(),
        "--interactive".into(),
        "--init-command".into(),
        format!("source '{quoted}'").into(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_shells_are_marked_and_others_are_left_alone() {
        for (name, marking) in [
            ("/usr/bin/bash", Marking::Commands),
            ("zsh", Marking::Commands),
            ("/usr/local/bin/fish", Marking::Commands),
            ("dash", Marking::Prompts),
            ("/opt/nu", Marking::Nothing),
        ] {
            let start = Shell::named(name).interactive(Path::new("/f"), "k");
            assert_eq!(start.marking, marking, "{name}");
            assert_eq!(start.variables.iter().any(|(name, _)| name == KEY), marking != Marking::Nothing);
        }
    }

    #[test]
    fn a_folder_with_quotes_in_its_name_stays_one_word_for_fish() {
        let start = Shell::named("fish").interactive(Path::new("/it's \\ here"), "k");
        assert_eq!(start.arguments[3], "source '/it\\'s \\\\ here/fish.fish'");
    }
}

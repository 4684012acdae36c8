//! All roots, and how what a caller writes becomes a root and names below it.

use std::path::{Component, Path};

use super::denied::Denied;
use super::known::Known;
use super::locks::Locks;
use super::protected::Protected;
use super::root::Root;
use crate::error::{FileError, Result};
use crate::settings::{FilesError, FilesSettings};

/// How long a path may be that a caller writes: as Linux has it.
pub(crate) const PATH_BYTES_MAX: usize = 4096;
/// How long a root's name may be.
const ROOT_NAME_CHARS_MAX: usize = 64;

/// All roots, and what is refused in them.
pub(crate) struct Roots {
    list: Vec<Root>,
    pub(crate) denied: Denied,
    pub(crate) protected: Protected,
    pub(crate) settings: FilesSettings,
    pub(crate) locks: Locks,
    pub(crate) known: Known,
}

/// What a caller's path means before the disk is asked.
pub(crate) enum Given<'r, 'p> {
    /// Where all roots are listed.
    Top,
    /// A root, and what was written after it.
    In(&'r Root, Vec<&'p str>),
}

impl Roots {
    pub(crate) fn open(settings: FilesSettings) -> std::result::Result<Self, FilesError> {
        if settings.roots.is_empty() {
            return Err(FilesError::NoRoots);
        }
        let opened = Protected::open(&settings.denied_folders);
        let protected = opened.map_err(|(path, source)| FilesError::Open { path, source })?;
        let mut list: Vec<Root> = Vec::new();
        for wanted in &settings.roots {
            check_name(&wanted.name, &list)?;
            let root = Root::open(wanted)?;
            if protected.holds_path(&root.real) {
                return Err(FilesError::Ours { path: root.real });
            }
            list.push(root);
        }
        let denied = Denied::new(&settings.secret_names, &settings.protected_names);
        Ok(Self { list, denied, protected, settings, locks: Locks::new(), known: Known::default() })
    }

    /// Every root, in the owner's order.
    pub(crate) fn each(&self) -> impl Iterator<Item = &Root> {
        self.list.iter()
    }

    /// The root of this name.
    pub(crate) fn named(&self, name: &str) -> Option<&Root> {
        self.list.iter().find(|root| root.name == name)
    }

    /// Whether every root's disk answers without a network.
    pub(crate) fn all_local(&self) -> bool {
        self.list.iter().all(|root| root.local)
    }

    /// Reads a path as a caller writes it: `root/relative/path`; with a single root also `relative/path`; absolute
    /// when it lies in a root. A first part that is a root's name always is that root. Nothing in it is expanded or
    /// decoded: `~` and `%2e` are names.
    pub(crate) fn given<'r, 'p>(&'r self, path: &'p str) -> Result<Given<'r, 'p>> {
        if path.contains('\0') {
            return Err(FileError::Invalid("a path cannot contain a NUL character".to_owned()));
        }
        if path.len() > PATH_BYTES_MAX {
            let message = format!("the path has {} bytes; at most {PATH_BYTES_MAX} are allowed", path.len());
            return Err(FileError::Invalid(message));
        }
        if Path::new(path).is_absolute() { self.absolute(path) } else { self.relative(path) }
    }

    /// The same where a place in a root is needed.
    pub(crate) fn given_in_root<'r, 'p>(&'r self, path: &'p str) -> Result<(&'r Root, Vec<&'p str>)> {
        match self.given(path)? {
            Given::In(root, parts) => Ok((root, parts)),
            Given::Top => {
                Err(FileError::Invalid(format!("a path is needed that begins with a root: {}", self.names())))
            }
        }
    }

    /// The names of the roots, for messages.
    pub(crate) fn names(&self) -> String {
        let names: Vec<&str> = self.list.iter().map(|root| root.name.as_str()).collect();
        names.join(", ")
    }

    fn absolute<'r, 'p>(&'r self, path: &'p str) -> Result<Given<'r, 'p>> {
        let below = self.list.iter().filter_map(|root| Some((root, root.below(Path::new(path))?)));
        // Of roots within roots, the inner one.
        let innermost = below.min_by_key(|(_, rest)| rest.as_os_str().len());
        if let Some((root, rest)) = innermost {
            return Ok(Given::In(root, rest.components().filter_map(part).collect()));
        }
        let only_top = Path::new(path).components().all(|part| matches!(part, Component::RootDir));
        match only_top {
            true => Ok(Given::Top),
            false => Err(FileError::OutsideRoots { path: path.to_owned(), roots: self.names() }),
        }
    }

    fn relative<'r, 'p>(&'r self, path: &'p str) -> Result<Given<'r, 'p>> {
        let separators: &[char] = if cfg!(windows) { &['/', '\\'] } else { &['/'] };
        let parts: Vec<&str> = path.split(separators).filter(|part| !part.is_empty()).collect();
        let first = parts.iter().position(|part| *part != ".").unwrap_or(parts.len());
        let parts = &parts[first..];
        match (parts, self.list.as_slice()) {
            ([name, rest @ ..], _) if let Some(root) = self.named(name) => Ok(Given::In(root, rest.to_vec())),
            (_, [root]) => Ok(Given::In(root, parts.to_vec())),
            ([], _) => Ok(Given::Top),
            _ => Err(FileError::OutsideRoots { path: path.to_owned(), roots: self.names() }),
        }
    }
}

fn part(component: Component<'_>) -> Option<&str> {
    component.as_os_str().to_str().filter(|_| !matches!(component, Component::RootDir | Component::Prefix(_)))
}

fn check_name(name: &str, taken: &[Root]) -> std::result::Result<(), FilesError> {
    let why = match name {
        "" | "." | ".." => "it must be a name",
        _ if name.chars().count() > ROOT_NAME_CHARS_MAX => "it may have at most 64 characters",
        _ if name.contains(['/', '\\']) || name.contains(char::is_control) => {
            "slashes and control characters cannot be in it"
        }
        _ if taken.iter().any(|root| root.name.eq_ignore_ascii_case(name)) => "another root has it",
        _ => return Ok(()),
    };
    Err(FilesError::BadName { name: name.to_owned(), why })
}

//! From names to handles, one folder at a time. Links are read and followed by us, never by the operating system, so
//! that a link cannot lead out of the root, and what is refused is recognised wherever a link leads.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::path::{Component, Path};
use std::sync::Arc;

use super::denied::{Denial, Want};
use super::folder::Folder;
use super::name::Name;
use super::root::Root;
use super::roots::Roots;
use super::stat::{Kind, Stat};
use crate::error::{FileError, LINKS_MAX, Result, is_link_refused};
use crate::settings::Access;
use crate::work::Work;

/// What is done when the last name is a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Last {
    /// The link is followed.
    Follow,
    /// The link itself is meant.
    Itself,
}

/// A place in a root: a folder that is open, and a name in it that may exist or not.
pub(crate) struct Place<'r> {
    pub(crate) root: &'r Root,
    /// The folder that holds the name. For the root itself: the root.
    pub(crate) parent: Arc<Folder>,
    /// The real names from the root down, links resolved; empty for the root itself.
    pub(crate) parts: Vec<OsString>,
    /// What is there.
    pub(crate) stat: Option<Stat>,
}

/// A folder in a root, open.
pub(crate) struct Here<'r> {
    pub(crate) root: &'r Root,
    pub(crate) folder: Arc<Folder>,
    /// The real names from the root down; empty for the root itself.
    pub(crate) parts: Vec<OsString>,
}

impl Roots {
    /// Finds the place that `path` names.
    ///
    /// # Errors
    /// When it leads out of its root, a folder on the way is missing, or it is refused for what the caller wants.
    pub(crate) fn place(&self, path: &str, last: Last, want: Want, work: &Work) -> Result<Place<'_>> {
        let (root, parts) = self.given_in_root(path)?;
        self.place_in(root, parts, last, want, work)
    }

    /// The same below a root that is known.
    pub(crate) fn place_in<'r>(
        &'r self,
        root: &'r Root,
        parts: impl IntoIterator<Item = impl AsRef<OsStr>>,
        last: Last,
        want: Want,
        work: &Work,
    ) -> Result<Place<'r>> {
        let place = Descent::new(self, root, work).place(parts, last)?;
        self.allow(&place, want)?;
        Ok(place)
    }

    /// Finds and opens the folder that `path` names.
    ///
    /// # Errors
    /// As [`Roots::place`], and when it is no folder.
    pub(crate) fn here(&self, path: &str, want: Want, work: &Work) -> Result<Here<'_>> {
        let place = self.place(path, Last::Follow, want, work)?;
        self.open_folder(&place, work)
    }

    /// Opens the folder at a place.
    pub(crate) fn open_folder<'r>(&self, place: &Place<'r>, work: &Work) -> Result<Here<'r>> {
        let (root, parts) = (place.root, place.parts.clone());
        let Some(name) = place.parts.last() else {
            return Ok(Here { root, folder: root.folder.clone(), parts });
        };
        let failed = |error| FileError::io("open", place.show(), error);
        let folder =
            Name::of(name).and_then(|name| place.parent.folder(name, work.reach())).map_err(failed)?;
        if self.protected.is(folder.stat_self().map_err(failed)?.identity) {
            return Err(FileError::Secret(place.show()));
        }
        Ok(Here { root, folder: Arc::new(folder), parts })
    }

    /// Makes the folder that `parts` name, and those above it; whether it was not there before.
    pub(crate) fn make_folders(&self, root: &Root, parts: &[&str], work: &Work) -> Result<bool> {
        let mut made = false;
        for length in 1..=parts.len() {
            let place = self.place_in(root, &parts[..length], Last::Follow, Want::Write, work)?;
            match place.stat {
                // Nothing is made on a way that turns round: it may lead out further on.
                None if parts[length..].contains(&"..") => return Err(FileError::LeadsOut(place.show())),
                None => {
                    let done = place.parent.make_folder(place.name()?);
                    done.map_err(|error| FileError::io("make", place.show(), error))?;
                    made = true;
                }
                Some(stat) if stat.kind == Kind::Directory => {}
                Some(_) => return Err(FileError::NotDirectory(place.show())),
            }
        }
        Ok(made)
    }

    /// Whether callers may do what they want there.
    fn allow(&self, place: &Place<'_>, want: Want) -> Result<()> {
        match self.denied.check(&place.parts, want) {
            Some(Denial::Secret) => return Err(FileError::Secret(place.show())),
            Some(Denial::Protected) => return Err(FileError::Protected(place.show())),
            None => {}
        }
        if want == Want::Write && place.root.access == Access::ReadOnly {
            return Err(FileError::ReadOnly(place.root.name.clone()));
        }
        if place.stat.is_some_and(|stat| self.is_ours(&stat)) {
            return Err(FileError::Secret(place.show()));
        }
        Ok(())
    }

    /// Whether this is a protected folder, or a file of one under a second name.
    pub(crate) fn is_ours(&self, stat: &Stat) -> bool {
        !self.protected.is_empty() && (self.protected.is(stat.identity) || self.protected.holds_file(stat))
    }
}

impl Place<'_> {
    /// The path for callers.
    pub(crate) fn show(&self) -> String {
        self.root.show(&self.parts)
    }

    /// The name in the folder.
    ///
    /// # Errors
    /// When it is the root itself.
    pub(crate) fn name(&self) -> Result<Name<'_>> {
        let name = self.parts.last().ok_or_else(|| FileError::RootItself(self.show()))?;
        Name::of(name).map_err(|error| FileError::io("use", self.show(), error))
    }

    /// What is there.
    ///
    /// # Errors
    /// When nothing is.
    pub(crate) fn there(&self) -> Result<Stat> {
        self.stat.ok_or_else(|| FileError::Missing(self.show()))
    }

    /// Looks again at what is there.
    pub(crate) fn look_again(&mut self) -> Result<()> {
        let stat = self.parent.stat_if_there(self.name()?);
        self.stat = stat.map_err(|error| FileError::io("look at", self.show(), error))?;
        Ok(())
    }

    /// What is there, if it is a regular file.
    ///
    /// # Errors
    /// When nothing or something else is there.
    pub(crate) fn regular(&self) -> Result<Stat> {
        let stat = self.there()?;
        match stat.kind {
            Kind::File => Ok(stat),
            Kind::Directory => Err(FileError::IsDirectory(self.show())),
            Kind::Symlink => Err(FileError::Exchanged(self.show())),
            Kind::Other => Err(FileError::NotRegular(self.show())),
        }
    }

    /// Opens the file that is there, for reading.
    ///
    /// # Errors
    /// When nothing or something else is there, or by now another file with a second name among what is protected.
    pub(crate) fn open_file(&self, roots: &Roots) -> Result<(File, Stat)> {
        self.regular()?;
        let opened = self.parent.file(self.name()?);
        let (file, stat) = opened.map_err(|error| FileError::io("read", self.show(), error))?;
        if roots.is_ours(&stat) {
            return Err(FileError::Secret(self.show()));
        }
        Ok((file, stat))
    }
}

impl Here<'_> {
    /// The path for callers.
    pub(crate) fn show(&self) -> String {
        self.root.show(&self.parts)
    }
}

/// The way down from a root.
struct Descent<'r, 'w> {
    roots: &'r Roots,
    root: &'r Root,
    work: &'w Work,
    /// The folders passed so far.
    trail: Vec<Arc<Folder>>,
    /// Their names.
    names: Vec<OsString>,
    /// The names that are still to come, the next one last.
    pending: Vec<OsString>,
    links_left: usize,
}

impl<'r, 'w> Descent<'r, 'w> {
    fn new(roots: &'r Roots, root: &'r Root, work: &'w Work) -> Self {
        let (trail, names, pending) = (Vec::new(), Vec::new(), Vec::new());
        Self { roots, root, work, trail, names, pending, links_left: LINKS_MAX }
    }

    fn place(mut self, parts: impl IntoIterator<Item = impl AsRef<OsStr>>, last: Last) -> Result<Place<'r>> {
        self.pending = parts.into_iter().map(|part| part.as_ref().to_owned()).collect();
        self.pending.reverse();
        while let Some(part) = self.pending.pop() {
            match part.as_encoded_bytes() {
                b"" | b"." => {}
                b".." => self.leave().ok_or_else(|| FileError::LeadsOut(self.show(&part)))?,
                _ if self.pending.is_empty() => match self.last(&part, last)? {
                    Some(stat) => return self.ends_at(part, stat),
                    None => continue,
                },
                _ => self.enter(part)?,
            }
        }
        self.ends_at_folder()
    }

    /// Looks at the last name; `None` when it is a link that is to be followed.
    #[expect(clippy::option_option, reason = "followed, nothing there, or what is there")]
    fn last(&mut self, part: &OsStr, last: Last) -> Result<Option<Option<Stat>>> {
        let failed = |error| FileError::io("look at", self.show(part), error);
        let stat = Name::of(part).and_then(|name| self.top().stat_if_there(name)).map_err(failed)?;
        match stat {
            Some(Stat { kind: Kind::Symlink, .. }) if last == Last::Follow => {
                self.follow(part)?;
                Ok(None)
            }
            other => Ok(Some(other)),
        }
    }

    fn leave(&mut self) -> Option<()> {
        self.names.pop()?;
        self.trail.pop().map(drop)
    }

    fn enter(&mut self, part: OsString) -> Result<()> {
        if self.roots.denied.check_entry(&self.names, &part, Want::Read).is_some() {
            return Err(FileError::Secret(self.show(&part)));
        }
        let opened = Name::of(&part).and_then(|name| self.top().folder(name, self.work.reach()));
        let folder = match opened {
            Ok(folder) => folder,
            Err(error) if is_no_folder(&error) => return self.follow_if_link(&part, error),
            Err(error) => return Err(FileError::io("open", self.show(&part), error)),
        };
        if !self.roots.protected.is_empty() {
            let stat = folder.stat_self().map_err(|error| FileError::io("open", self.show(&part), error))?;
            if self.roots.protected.is(stat.identity) {
                return Err(FileError::Secret(self.show(&part)));
            }
        }
        self.trail.push(Arc::new(folder));
        self.names.push(part);
        Ok(())
    }

    fn follow_if_link(&mut self, part: &OsStr, error: io::Error) -> Result<()> {
        let stat = Name::of(part).and_then(|name| self.top().stat(name));
        match stat {
            Ok(Stat { kind: Kind::Symlink, .. }) => self.follow(part),
            _ => Err(FileError::io("open", self.show(part), error)),
        }
    }

    /// Puts what the link says in front of what is still to come.
    fn follow(&mut self, part: &OsStr) -> Result<()> {
        self.links_left =
            self.links_left.checked_sub(1).ok_or_else(|| FileError::TooManyLinks(self.show(part)))?;
        let failed = |error| FileError::io("follow", self.show(part), error);
        let target = Name::of(part).and_then(|name| self.top().link_target(name)).map_err(failed)?;
        let target = Path::new(&target);
        let rest = if target.has_root() {
            let below = self.root.below(target).ok_or_else(|| FileError::LeadsOut(self.show(part)))?;
            self.trail.clear();
            self.names.clear();
            below
        } else {
            target
        };
        self.pending.extend(rest.components().rev().map(|part: Component<'_>| part.as_os_str().to_owned()));
        Ok(())
    }

    fn ends_at(mut self, part: OsString, stat: Option<Stat>) -> Result<Place<'r>> {
        let parent = self.top().clone();
        self.names.push(part);
        Ok(Place { root: self.root, parent, parts: self.names, stat })
    }

    /// The path ended with `..`, or named nothing: the folder reached is meant.
    fn ends_at_folder(mut self) -> Result<Place<'r>> {
        let stat = self.top().stat_self();
        let stat = Some(stat.map_err(|error| FileError::io("look at", &self.root.name, error))?);
        self.trail.pop();
        let Some(name) = self.names.pop() else {
            let parent = self.root.folder.clone();
            return Ok(Place { root: self.root, parent, parts: Vec::new(), stat });
        };
        self.ends_at(name, stat)
    }

    fn top(&self) -> &Arc<Folder> {
        self.trail.last().unwrap_or(&self.root.folder)
    }

    fn show(&self, part: &OsStr) -> String {
        let parts: Vec<&OsStr> = self.names.iter().map(OsString::as_os_str).chain([part]).collect();
        self.root.show(&parts)
    }
}

/// What opening a link or a file as a folder gives.
fn is_no_folder(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotADirectory || is_link_refused(error)
}

//! Walking a tree by handles, on several threads, in bounded memory.
//!
//! A folder is read batch by batch. What is still to be done lies on one stack: folders to enter, folders whose rest is
//! to be read, and bundles of files to open. Because the newest is taken first, the stack and the number of open
//! folders stay as small as the tree is deep, however wide it is.

pub(crate) mod fuzzy;
pub(crate) mod names;
pub(crate) mod rules;
pub(crate) mod smallest;
mod stack;

use std::ffi::{OsStr, OsString};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::disk::denied::Want;
use crate::disk::entries::{Batch, Entries};
use crate::disk::folder::Folder;
use crate::disk::locate::Here;
use crate::disk::name::Name;
use crate::disk::roots::Roots;
use crate::disk::stat::Kind;
use crate::error::{FileError, Result};
use crate::work::Work;

use rules::Rules;
use stack::Stack;

/// How deep a walk goes: each level keeps a folder open on each thread.
pub(crate) const DEPTH_MAX: usize = 128;
/// How many files are opened by one thread before another may take the next of a folder.
const BUNDLE_FILES: usize = 64;

/// A walk, ready to go.
pub(crate) struct Walk<'w> {
    pub(crate) roots: &'w Roots,
    pub(crate) work: &'w Work,
    /// Visits what begins with a dot.
    pub(crate) hidden: bool,
    /// Visits what rule files exclude.
    pub(crate) ignored: bool,
    /// How many levels below the start are visited; 1 is the start's own entries.
    pub(crate) depth_max: usize,
}

/// A folder of the walk, open.
pub(crate) struct Visited {
    pub(crate) folder: Folder,
    /// Its path for callers.
    pub(crate) path: String,
    parts: Vec<OsString>,
    rules: Option<Rules>,
    depth: usize,
}

/// What a thread does with what it meets.
pub(crate) trait Visitor: Send {
    /// Sees one entry; whether [`Visitor::file`] is to be called for it, perhaps by another thread's visitor.
    fn entry(&mut self, folder: &Visited, name: &OsStr, kind: Kind) -> bool;

    /// Opens and reads one file.
    fn file(&mut self, folder: &Visited, name: Name<'_>) -> Result<()>;
}

/// What was passed over against the caller's wish.
#[derive(Debug, Default)]
pub(crate) struct PassedOver {
    unreadable: AtomicU64,
    too_deep: AtomicU64,
}

/// Something that is still to be done.
enum Job {
    Enter(Arc<Visited>, OsString),
    Rest(Arc<Visited>, Entries),
    Files(Arc<Visited>, Vec<OsString>),
}

impl Walk<'_> {
    /// Walks everything below `start`, with one visitor for each thread; they come back when all is done.
    pub(crate) fn run<V: Visitor>(
        &self,
        start: &Here<'_>,
        visitor: impl Fn() -> V,
    ) -> Result<(Vec<V>, PassedOver)> {
        let failed = |error| FileError::io("walk", start.show(), error);
        let rules = if self.ignored { None } else { Some(Rules::at(start, self.work)?) };
        let (path, parts) = (start.show(), start.parts.clone());
        let folder = start.folder.folder_again().map_err(failed)?;
        let entries = folder.entries().map_err(failed)?;
        let start = Arc::new(Visited { folder, path, parts, rules, depth: 1 });
        let stack = Stack::new(Job::Rest(start, entries));
        let passed_over = PassedOver::default();
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let mut visitors: Vec<V> =
            (0..cores.min(self.roots.settings.threads_max).max(1)).map(|_| visitor()).collect();
        std::thread::scope(|scope| {
            let (first, others) = visitors.split_first_mut().ok_or(FileError::TakesLonger)?;
            for visitor in others {
                scope.spawn(|| stack.work_off(|job| self.one(job, &stack, visitor, &passed_over)));
            }
            stack.work_off(|job| self.one(job, &stack, first, &passed_over));
            Ok(())
        })?;
        stack.outcome()?;
        Ok((visitors, passed_over))
    }

    fn one(
        &self,
        job: Job,
        stack: &Stack<Job>,
        visitor: &mut impl Visitor,
        passed_over: &PassedOver,
    ) -> Result<()> {
        self.work.check()?;
        match job {
            Job::Enter(above, name) => match self.enter(&above, &name) {
                Some((folder, entries)) => self.batch(&folder, entries, stack, visitor, passed_over),
                None => passed_over.count_unreadable(),
            },
            Job::Rest(folder, entries) => self.batch(&folder, entries, stack, visitor, passed_over),
            Job::Files(folder, names) => {
                for name in names {
                    self.work.check()?;
                    let Ok(name) = Name::of(&name) else { continue };
                    visitor.file(&folder, name)?;
                }
                Ok(())
            }
        }
    }

    /// Opens a folder; `None` when it cannot be read, or is protected.
    fn enter(&self, above: &Visited, name: &OsStr) -> Option<(Arc<Visited>, Entries)> {
        let folder = above.folder.folder(Name::of(name).ok()?, self.work.reach()).ok()?;
        let protected = &self.roots.protected;
        if !protected.is_empty() && protected.is(folder.stat_self().ok()?.identity) {
            return None;
        }
        let entries = folder.entries().ok()?;
        let rules = above.rules.as_ref().map(|rules| rules.below(name, &folder));
        let path = format!("{}/{}", above.path, name.to_string_lossy());
        let parts = above.parts.iter().cloned().chain([name.to_owned()]).collect();
        Some((Arc::new(Visited { folder, path, parts, rules, depth: above.depth + 1 }), entries))
    }

    /// Reads one batch. The rest of the folder goes on the stack first, then what this batch brings: that is done next.
    fn batch(
        &self,
        folder: &Arc<Visited>,
        mut entries: Entries,
        stack: &Stack<Job>,
        visitor: &mut impl Visitor,
        passed_over: &PassedOver,
    ) -> Result<()> {
        let (mut folders, mut files) = (Vec::new(), Vec::new());
        let more = entries.next_batch(&mut Batch::new(), |name, kind| {
            let Some(kind) = self.wanted(folder, name, kind) else { return };
            if visitor.entry(folder, name, kind) {
                files.push(name.to_owned());
            }
            if kind == Kind::Directory && folder.depth < self.depth_max {
                folders.push(name.to_owned());
            }
        });
        if folder.depth >= DEPTH_MAX && !folders.is_empty() {
            passed_over.too_deep.fetch_add(folders.len() as u64, Ordering::Relaxed);
            folders.clear();
        }
        let rest = match more {
            Ok(more) => more.then(|| Job::Rest(folder.clone(), entries)),
            Err(_) => return passed_over.count_unreadable(),
        };
        let bundles = files.chunks(BUNDLE_FILES).map(|names| Job::Files(folder.clone(), names.to_vec()));
        let enter = folders.into_iter().map(|name| Job::Enter(folder.clone(), name));
        stack.push(rest.into_iter().chain(enter).chain(bundles));
        Ok(())
    }

    /// What an entry is, if it is to be visited.
    fn wanted(&self, folder: &Visited, name: &OsStr, kind: Option<Kind>) -> Option<Kind> {
        if !self.hidden && name.as_encoded_bytes().starts_with(b".") {
            return None;
        }
        if self.roots.denied.check_entry(&folder.parts, name, Want::Read).is_some() {
            return None;
        }
        let kind = match kind {
            Some(kind) => kind,
            None => folder.folder.stat(Name::of(name).ok()?).ok()?.kind,
        };
        let ignored = folder.rules.as_ref().is_some_and(|rules| rules.ignores(name, kind == Kind::Directory));
        (!ignored).then_some(kind)
    }
}

impl PassedOver {
    fn count_unreadable(&self) -> Result<()> {
        self.unreadable.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// How many folders could not be read.
    pub(crate) fn unreadable(&self) -> u64 {
        self.unreadable.load(Ordering::Relaxed)
    }

    /// How many folders lay deeper than walks go.
    pub(crate) fn too_deep(&self) -> u64 {
        self.too_deep.load(Ordering::Relaxed)
    }
}

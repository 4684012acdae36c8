//! The entries of a folder, read in batches: a folder of a million entries is never held in memory.

use std::ffi::OsStr;
use std::io;

use cap_std::fs::Dir;

use super::stat::Kind;

/// The entries of a folder, in the order of the disk, without `.` and `..`.
pub(crate) struct Entries(Reading);

/// Memory for one batch, to be used again.
pub(crate) struct Batch(Buffer);

#[cfg(fast)]
type Reading = rustix::fd::OwnedFd;
#[cfg(not(fast))]
type Reading = cap_std::fs::ReadDir;

#[cfg(fast)]
type Buffer = Vec<u8>;
#[cfg(not(fast))]
type Buffer = ();

/// How much one batch reads: some hundreds of entries.
#[cfg(fast)]
const BATCH_BYTES: usize = 32 * 1024;
/// How many entries one batch has at most.
#[cfg(not(fast))]
const BATCH_ENTRIES: usize = 512;

/// A kind that the folder does not know and that costs a look.
pub(crate) type KindIfKnown = Option<Kind>;

#[cfg(fast)]
impl Batch {
    /// Memory for one batch.
    pub(crate) fn new() -> Self {
        Self(Vec::with_capacity(BATCH_BYTES))
    }
}

#[cfg(not(fast))]
impl Batch {
    /// Memory for one batch.
    pub(crate) fn new() -> Self {
        Self(())
    }
}

#[cfg(fast)]
impl Entries {
    pub(super) fn of(dir: &Dir) -> io::Result<Self> {
        use rustix::fs::{Mode, OFlags};
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Self(rustix::fs::openat(dir, ".", flags, Mode::empty())?))
    }

    /// Shows the next entries to `visit`; whether there may be more.
    pub(crate) fn next_batch(
        &mut self,
        batch: &mut Batch,
        mut visit: impl FnMut(&OsStr, KindIfKnown),
    ) -> io::Result<bool> {
        use std::os::unix::ffi::OsStrExt as _;
        let mut entries = rustix::fs::RawDir::new(&self.0, batch.0.spare_capacity_mut());
        while let Some(entry) = entries.next() {
            let entry = entry?;
            let name = entry.file_name().to_bytes();
            if name != b"." && name != b".." {
                let known = entry.file_type() != rustix::fs::FileType::Unknown;
                visit(OsStr::from_bytes(name), known.then(|| super::fast::kind_of(entry.file_type())));
            }
            if entries.is_buffer_empty() {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

#[cfg(not(fast))]
impl Entries {
    pub(super) fn of(dir: &Dir) -> io::Result<Self> {
        dir.entries().map(Self)
    }

    /// Shows the next entries to `visit`; whether there may be more.
    pub(crate) fn next_batch(
        &mut self,
        _: &mut Batch,
        mut visit: impl FnMut(&OsStr, KindIfKnown),
    ) -> io::Result<bool> {
        for _ in 0..BATCH_ENTRIES {
            let Some(entry) = self.0.next() else { return Ok(false) };
            let entry = entry?;
            let kind = entry.file_type().ok().map(|file_type| match () {
                () if file_type.is_file() => Kind::File,
                () if file_type.is_dir() => Kind::Directory,
                () if file_type.is_symlink() => Kind::Symlink,
                () => Kind::Other,
            });
            visit(&entry.file_name(), kind);
        }
        Ok(true)
    }
}

impl Entries {
    /// Shows every entry to `visit`, which can end it early with an error; `failed` wraps one of the system.
    pub(crate) fn each<E>(
        mut self,
        failed: impl FnOnce(io::Error) -> E,
        mut visit: impl FnMut(&OsStr, KindIfKnown) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut batch = Batch::new();
        loop {
            let mut done = Ok(());
            let more = self.next_batch(&mut batch, |name, kind| {
                if done.is_ok() {
                    done = visit(name, kind);
                }
            });
            done?;
            match more {
                Ok(true) => {}
                Ok(false) => return Ok(()),
                Err(error) => return Err(failed(error)),
            }
        }
    }
}

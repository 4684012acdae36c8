//! A folder of descriptions and sockets, held by a handle: what is checked is what is read.
//!
//! Whoever can write a description can put tools before every model, and whoever can bind a socket hears what they are
//! called with. So only what belongs to us or to root counts, and only where nobody else can change it.

use std::io::{self, Read as _};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, Stat, fstat, openat, statat};
use rustix::io::Errno;
use tokio::net::UnixStream;

use crate::caps::CAP_BYTES_MAX;

/// How many entries of a folder are looked at.
const ENTRIES_MAX: usize = 4096;
/// The rights of the group and of others to write.
const OTHERS_WRITE: u32 = 0o022;

/// A folder that only we or root can change.
#[derive(Debug)]
pub(crate) struct Folder {
    handle: OwnedFd,
    path: PathBuf,
    stamp: Stamp,
}

/// What tells one state of a file from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp {
    device: u64,
    number: u64,
    changed: (i64, i64),
    bytes: i64,
}

/// Why something does not count.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refused {
    #[error("it is not there")]
    Missing,
    #[error("it is a link or of the wrong kind: it has to be {0} itself")]
    Kind(&'static str),
    #[error("it belongs to user {0}, who is neither we nor root")]
    Owner(u32),
    #[error("others can write it (its mode is {0:03o}): `chmod go-w` it")]
    Writable(u32),
    #[error("it has more than {CAP_BYTES_MAX} bytes")]
    TooLarge,
    #[error("nobody listens on its socket")]
    NobodyListens,
    #[error("{0}")]
    Io(String),
}

impl Folder {
    pub(crate) fn open(path: &Path) -> Result<Self, Refused> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let handle = openat(CWD, path, flags, Mode::empty()).map_err(|errno| refused(errno, "a folder"))?;
        let stat = fstat(&handle).map_err(io_error)?;
        check(&stat, FileType::Directory, "a folder")?;
        Ok(Self { handle, path: path.to_owned(), stamp: Stamp::of(&stat) })
    }

    /// Whether the other is the same folder of the same disk.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        (self.stamp.device, self.stamp.number) == (other.stamp.device, other.stamp.number)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The names in it that end so, without that end, in their order.
    pub(crate) fn names(&self, suffix: &str) -> Result<Vec<String>, Refused> {
        let entries = Dir::read_from(&self.handle).map_err(io_error)?;
        let mut names: Vec<String> = entries
            .take(ENTRIES_MAX)
            .filter_map(|entry| Some(entry.ok()?.file_name().to_str().ok()?.strip_suffix(suffix)?.to_owned()))
            .collect();
        names.sort_unstable();
        Ok(names)
    }

    /// The state of a file, if it counts.
    pub(crate) fn stamp(&self, name: &str) -> Result<Stamp, Refused> {
        let stat = self.stat(name)?;
        check(&stat, FileType::RegularFile, "a file")?;
        Ok(Stamp::of(&stat))
    }

    /// A file that counts, whole.
    pub(crate) fn read(&self, name: &str) -> Result<(Stamp, Vec<u8>), Refused> {
        // A pipe would wait for a writer; opened so, it does not.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file =
            openat(&self.handle, name, flags, Mode::empty()).map_err(|errno| refused(errno, "a file"))?;
        let stat = fstat(&file).map_err(io_error)?;
        check(&stat, FileType::RegularFile, "a file")?;
        let mut bytes = Vec::new();
        let bound = CAP_BYTES_MAX as u64 + 1;
        std::fs::File::from(file)
            .take(bound)
            .read_to_end(&mut bytes)
            .map_err(|error| Refused::Io(error.to_string()))?;
        if bytes.len() > CAP_BYTES_MAX { Err(Refused::TooLarge) } else { Ok((Stamp::of(&stat), bytes)) }
    }

    /// The state of a socket, if it counts.
    pub(crate) fn socket(&self, name: &str) -> Result<Stamp, Refused> {
        let stat = self.stat(name)?;
        // Who may connect to it is the daemon's business; that it is the daemon at the other end is asked of the kernel.
        if FileType::from_raw_mode(stat.st_mode) != FileType::Socket {
            return Err(Refused::Kind("a socket"));
        }
        Ok(Stamp::of(&stat))
    }

    /// Connects to a socket in it, and asks the kernel who is at the other end.
    pub(crate) async fn connect(&self, name: &str) -> Result<UnixStream, Refused> {
        self.socket(name)?;
        let stream = UnixStream::connect(self.path_to(name)).await.map_err(|error| match error.kind() {
            io::ErrorKind::ConnectionRefused => Refused::NobodyListens,
            _ => Refused::Io(format!("its socket cannot be connected to: {error}")),
        })?;
        let peer = stream.peer_cred().map_err(|error| Refused::Io(error.to_string()))?;
        if is_ours(peer.uid()) { Ok(stream) } else { Err(Refused::Owner(peer.uid())) }
    }

    /// Through the handle where the system can: the folder may have been exchanged, and its path may be longer than the
    /// address of a socket.
    fn path_to(&self, name: &str) -> PathBuf {
        use std::os::fd::AsRawFd as _;
        if cfg!(target_os = "linux") {
            PathBuf::from(format!("/proc/self/fd/{}/{name}", self.handle.as_raw_fd()))
        } else {
            self.path.join(name)
        }
    }

    fn stat(&self, name: &str) -> Result<Stat, Refused> {
        statat(&self.handle, name, AtFlags::SYMLINK_NOFOLLOW).map_err(|errno| refused(errno, "a file"))
    }
}

impl Stamp {
    #[allow(clippy::unnecessary_cast, clippy::cast_lossless, reason = "the widths differ between systems")]
    fn of(stat: &Stat) -> Self {
        Self {
            device: stat.st_dev as u64,
            number: stat.st_ino as u64,
            changed: (stat.st_ctime as i64, stat.st_ctime_nsec as i64),
            bytes: stat.st_size as i64,
        }
    }
}

fn check(stat: &Stat, kind: FileType, word: &'static str) -> Result<(), Refused> {
    #[allow(clippy::useless_conversion, reason = "the width differs between systems")]
    let mode = u32::from(stat.st_mode) & 0o7777;
    if FileType::from_raw_mode(stat.st_mode) != kind {
        Err(Refused::Kind(word))
    } else if !is_ours(stat.st_uid) {
        Err(Refused::Owner(stat.st_uid))
    } else if mode & OTHERS_WRITE != 0 {
        Err(Refused::Writable(mode & 0o777))
    } else {
        Ok(())
    }
}

fn is_ours(user: u32) -> bool {
    user == 0 || user == rustix::process::geteuid().as_raw()
}

fn refused(errno: Errno, word: &'static str) -> Refused {
    match errno {
        Errno::NOENT => Refused::Missing,
        Errno::LOOP | Errno::MLINK | Errno::NOTDIR | Errno::NXIO => Refused::Kind(word),
        other => io_error(other),
    }
}

fn io_error(errno: Errno) -> Refused {
    Refused::Io(io::Error::from(errno).to_string())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    fn folder(mode: u32) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(mode)).unwrap();
        folder
    }

    fn file(folder: &tempfile::TempDir, name: &str, text: &[u8], mode: u32) {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn c7_a_folder_or_file_that_others_can_write_does_not_count() {
        for mode in [0o770, 0o707, 0o1777] {
            assert!(matches!(Folder::open(folder(mode).path()), Err(Refused::Writable(_))), "{mode:o}");
        }
        let open = folder(0o755);
        file(&open, "a", b"x", 0o664);
        file(&open, "b", b"x", 0o644);
        let held = Folder::open(open.path()).unwrap();
        assert_eq!(held.read("a").unwrap_err(), Refused::Writable(0o664));
        assert_eq!(held.read("b").unwrap().1, b"x");
    }

    #[test]
    fn links_pipes_and_folders_are_no_files() {
        let here = folder(0o700);
        file(&here, "real", b"x", 0o600);
        symlink(here.path().join("real"), here.path().join("link")).unwrap();
        fs::create_dir(here.path().join("folder")).unwrap();
        rustix::fs::mkfifoat(CWD, here.path().join("pipe"), Mode::from_raw_mode(0o600)).unwrap();
        let held = Folder::open(here.path()).unwrap();
        for name in ["link", "folder", "pipe"] {
            assert_eq!(held.read(name).unwrap_err(), Refused::Kind("a file"), "{name}");
        }
        symlink(here.path(), here.path().join("loop")).unwrap();
        assert_eq!(Folder::open(&here.path().join("loop")).unwrap_err(), Refused::Kind("a folder"));
        assert_eq!(held.socket("real").unwrap_err(), Refused::Kind("a socket"));
        assert_eq!(held.read("none").unwrap_err(), Refused::Missing);
    }

    #[test]
    fn the_largest_file_is_read_and_the_next_is_not() {
        let here = folder(0o700);
        file(&here, "fits", &vec![b' '; CAP_BYTES_MAX], 0o600);
        file(&here, "more", &vec![b' '; CAP_BYTES_MAX + 1], 0o600);
        let held = Folder::open(here.path()).unwrap();
        assert_eq!(held.read("fits").unwrap().1.len(), CAP_BYTES_MAX);
        assert_eq!(held.read("more").unwrap_err(), Refused::TooLarge);
    }

    #[test]
    fn the_folder_that_was_opened_is_the_one_that_is_read() {
        let above = folder(0o700);
        let (one, other) = (above.path().join("one"), above.path().join("other"));
        fs::create_dir(&one).unwrap();
        fs::set_permissions(&one, fs::Permissions::from_mode(0o700)).unwrap();
        fs::write(one.join("a"), "mine").unwrap();
        fs::set_permissions(one.join("a"), fs::Permissions::from_mode(0o600)).unwrap();
        let held = Folder::open(&one).unwrap();
        fs::rename(&one, &other).unwrap();
        fs::create_dir(&one).unwrap();
        fs::write(one.join("a"), "another's").unwrap();
        assert_eq!(held.read("a").unwrap().1, b"mine");
    }

    #[tokio::test]
    async fn a6_a_socket_of_ours_is_connected_to_through_the_handle() {
        let here = folder(0o700);
        let listener = tokio::net::UnixListener::bind(here.path().join("a.sock")).unwrap();
        let held = Folder::open(here.path()).unwrap();
        held.connect("a.sock").await.unwrap();
        drop(listener);
        assert!(held.connect("a.sock").await.unwrap_err().to_string().contains("nobody listens"));
        symlink("a.sock", here.path().join("b.sock")).unwrap();
        assert_eq!(held.connect("b.sock").await.unwrap_err(), Refused::Kind("a socket"));
        assert!(!is_ours(rustix::process::geteuid().as_raw() + 1));
    }
}

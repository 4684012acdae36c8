//! Keeps the head and the tail of an output that may never end, and the whole of it in a file.

use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::PathBuf;

use tokio::io::{AsyncRead, AsyncReadExt};

/// How much is read at once: what a pipe holds.
const CHUNK_BYTES: usize = 64 * 1024;

/// Bounds of what is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutputLimits {
    /// Bytes kept of the beginning.
    pub head_bytes_max: usize,
    /// Bytes kept of the end.
    pub tail_bytes_max: usize,
    /// Bytes written to the file; what comes after them is only counted.
    pub file_bytes_max: u64,
}

/// Collects an output as it comes.
#[derive(Debug)]
pub struct Output {
    limits: OutputLimits,
    head: Vec<u8>,
    tail: VecDeque<u8>,
    total: u64,
    spool: Spool,
}

/// What was collected.
#[derive(Debug, PartialEq, Eq)]
pub struct Collected {
    /// The beginning; the whole, if nothing was left out.
    pub head: Vec<u8>,
    /// The end, after what was left out.
    pub tail: Vec<u8>,
    /// Bytes between head and tail that are in neither.
    pub omitted_bytes: u64,
    /// All bytes there were.
    pub total_bytes: u64,
    /// The file with the whole; none where head and tail are the whole, or no file was asked for.
    pub file: Option<PathBuf>,
    /// Bytes in the file: fewer than `total_bytes` where the file's limit was reached.
    pub file_bytes: u64,
}

/// The file, made only when head and tail no longer hold everything.
#[derive(Debug)]
enum Spool {
    Never,
    NotYet(PathBuf),
    Open { path: PathBuf, file: File, bytes: u64 },
}

impl Output {
    /// Collects in memory; what does not fit is written, whole, to a file that `spool` names and that must not exist.
    pub fn new(limits: OutputLimits, spool: Option<PathBuf>) -> Self {
        let spool = spool.map_or(Spool::Never, Spool::NotYet);
        Self { limits, head: Vec::new(), tail: VecDeque::new(), total: 0, spool }
    }

    /// Takes the next bytes.
    ///
    /// # Errors
    /// When the file cannot be made or written; the bytes are kept or counted nevertheless.
    pub fn push(&mut self, bytes: &[u8]) -> io::Result<()> {
        let spooled = self.spool(bytes);
        self.total += bytes.len() as u64;
        let room = self.limits.head_bytes_max.saturating_sub(self.head.len()).min(bytes.len());
        let (first, rest) = bytes.split_at(room);
        self.head.extend_from_slice(first);
        self.push_tail(rest);
        spooled
    }

    /// Everything so far that is kept, and how much is not.
    pub fn finish(self) -> Collected {
        let kept = (self.head.len() + self.tail.len()) as u64;
        let (file, file_bytes) = match self.spool {
            Spool::Open { path, bytes, .. } => (Some(path), bytes),
            Spool::Never | Spool::NotYet(_) => (None, 0),
        };
        let omitted_bytes = self.total - kept;
        let (mut head, mut tail) = (self.head, Vec::from(self.tail));
        if omitted_bytes == 0 {
            head.append(&mut tail);
        }
        Collected { head, tail, omitted_bytes, total_bytes: self.total, file, file_bytes }
    }

    /// Bytes that came so far.
    pub fn total_bytes(&self) -> u64 {
        self.total
    }

    /// Reads to the end, showing each piece to `seen` as it comes.
    ///
    /// # Errors
    /// When reading fails. A file that cannot be written ends only the file.
    pub async fn read(
        &mut self,
        mut from: impl AsyncRead + Unpin,
        mut seen: impl FnMut(&[u8]),
    ) -> io::Result<()> {
        let mut chunk = vec![0; CHUNK_BYTES];
        loop {
            let count = from.read(&mut chunk).await?;
            if count == 0 {
                return Ok(());
            }
            seen(&chunk[..count]);
            if self.push(&chunk[..count]).is_err() {
                self.spool = Spool::Never;
            }
        }
    }

    fn push_tail(&mut self, bytes: &[u8]) {
        let fits = &bytes[bytes.len().saturating_sub(self.limits.tail_bytes_max)..];
        let surplus = (self.tail.len() + fits.len()).saturating_sub(self.limits.tail_bytes_max);
        self.tail.drain(..surplus);
        self.tail.extend(fits);
    }

    fn spool(&mut self, bytes: &[u8]) -> io::Result<()> {
        let memory_max = (self.limits.head_bytes_max + self.limits.tail_bytes_max) as u64;
        if let Spool::NotYet(path) = &self.spool
            && self.total + bytes.len() as u64 > memory_max
        {
            let file = create(path)?;
            self.spool = Spool::Open { path: path.clone(), file, bytes: 0 };
            // Nothing was left out until now, so head and tail are the whole beginning.
            let (front, back) = self.tail.as_slices();
            let beginning = [&self.head, front, back].concat();
            self.write(&beginning)?;
        }
        self.write(bytes)
    }

    fn write(&mut self, all: &[u8]) -> io::Result<()> {
        let Spool::Open { file, bytes, .. } = &mut self.spool else { return Ok(()) };
        let room = self.limits.file_bytes_max - *bytes;
        let count = usize::try_from(room).unwrap_or(usize::MAX).min(all.len());
        file.write_all(&all[..count])?;
        *bytes += count as u64;
        Ok(())
    }
}

/// A new file that only we can read.
fn create(path: &PathBuf) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LIMITS: OutputLimits = OutputLimits { head_bytes_max: 4, tail_bytes_max: 3, file_bytes_max: 20 };

    fn collect(pieces: &[&[u8]], spool: Option<PathBuf>) -> Collected {
        let mut output = Output::new(LIMITS, spool);
        for piece in pieces {
            output.push(piece).unwrap();
        }
        output.finish()
    }

    #[test]
    fn what_fits_is_whole_up_to_the_last_byte() {
        let whole = collect(&[b"abc", b"defg"], None);
        assert_eq!((whole.head.as_slice(), whole.omitted_bytes), (&b"abcdefg"[..], 0));
        let one_more = collect(&[b"abcdefgh"], None);
        assert_eq!((one_more.head.as_slice(), one_more.tail.as_slice()), (&b"abcd"[..], &b"fgh"[..]));
        assert_eq!((one_more.omitted_bytes, one_more.total_bytes), (1, 8));
    }

    #[test]
    fn the_file_is_made_only_when_memory_does_not_hold_it_all_and_then_has_everything() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("output");
        assert_eq!(collect(&[b"abc", b"defg"], Some(path.clone())).file, None);
        assert!(!path.exists());
        let long = collect(&[b"abc", b"defg", b"hij"], Some(path.clone()));
        assert_eq!((long.file.as_ref(), long.file_bytes), (Some(&path), 10));
        assert_eq!(std::fs::read(&path).unwrap(), b"abcdefghij");
    }

    #[test]
    fn the_file_ends_at_its_limit_and_the_count_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("output");
        let flood = collect(&[&[b'x'; 19], &[b'y'; 5], &[b'z'; 100]], Some(path.clone()));
        assert_eq!((flood.file_bytes, flood.total_bytes), (20, 124));
        assert_eq!(std::fs::read(&path).unwrap(), [&[b'x'; 19][..], b"y"].concat());
        assert_eq!(flood.tail, b"zzz");
    }

    #[test]
    fn a_file_that_is_there_already_is_not_touched() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("output");
        std::fs::write(&path, "precious").unwrap();
        assert!(Output::new(LIMITS, Some(path.clone())).push(&[b'x'; 50]).is_err());
        assert_eq!(std::fs::read(&path).unwrap(), b"precious");
    }

    proptest! {
        #[test]
        fn head_omitted_and_tail_are_the_whole(pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..9), 0..9)) {
            let slices: Vec<&[u8]> = pieces.iter().map(Vec::as_slice).collect();
            let whole = pieces.concat();
            let got = collect(&slices, None);
            prop_assert_eq!(got.total_bytes, whole.len() as u64);
            prop_assert!(whole.starts_with(&got.head) && whole.ends_with(&got.tail));
            prop_assert_eq!(got.omitted_bytes, (whole.len() - got.head.len() - got.tail.len()) as u64);
            prop_assert!(got.omitted_bytes == 0 || (got.head.len() == 4 && got.tail.len() == 3));
        }
    }
}

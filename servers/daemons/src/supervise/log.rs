//! What a daemon prints, in files that do not grow without end.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncReadExt as _};

/// How long a file gets before the next is begun, in bytes, and how many older ones are kept.
const FILE_BYTES_MAX: u64 = 1 << 20;
const OLDER_KEPT: u32 = 3;
/// How long a line is before it is cut in two, in bytes: what is masked in it is looked for in whole lines.
const LINE_BYTES_MAX: usize = 8 * 1024;
/// How much is taken of a daemon each second, in bytes. One that prints more waits, and nobody else does.
const SECOND_BYTES_MAX: usize = 256 * 1024;
/// What is shorter is not masked: it would stand everywhere.
const MASKED_BYTES_MIN: usize = 6;
const MASK: &str = "[secret]";

/// The log of one daemon.
#[derive(Debug)]
pub(super) struct Log {
    path: PathBuf,
}

impl Log {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// Writes a line of ours.
    pub(super) fn mark(&self, text: &str) {
        if let Err(error) = self.append(format!("--- {text}\n").as_bytes()) {
            tracing::warn!(%error, path = %self.path.display(), "a daemon's log cannot be written");
        }
    }

    /// Writes all that comes, line by line, with secrets masked. A disk that is full does not stop the daemon.
    pub(super) async fn copy(&self, mut from: impl AsyncRead + Unpin, secrets: &[String]) {
        let (mut line, mut second) = (Vec::new(), Second::default());
        let mut chunk = vec![0; LINE_BYTES_MAX];
        loop {
            let count = from.read(&mut chunk).await.unwrap_or(0);
            if count == 0 {
                break;
            }
            line.extend_from_slice(&chunk[..count]);
            let whole = memchr::memrchr(b'\n', &line).map_or(0, |end| end + 1);
            let end = if whole == 0 && line.len() >= LINE_BYTES_MAX { line.len() } else { whole };
            let lines: Vec<u8> = line.drain(..end).collect();
            let _ = self.append(&masked(&lines, secrets));
            second.spend(count).await;
        }
        let _ = self.append(&masked(&line, secrets));
    }

    /// The last of it, from the beginning of a line.
    pub(super) fn tail(&self, bytes_max: usize) -> io::Result<String> {
        let mut found = read_end(&self.path, bytes_max)?;
        if found.len() < bytes_max {
            let mut older = read_end(&older(&self.path, 1), bytes_max - found.len())?;
            older.append(&mut found);
            found = older;
        }
        let line = memchr::memchr(b'\n', &found).map(|end| end + 1).filter(|begin| *begin < found.len());
        let begin = if found.len() < bytes_max { 0 } else { line.unwrap_or(0) };
        Ok(String::from_utf8_lossy(&found[begin..]).into_owned())
    }

    fn append(&self, bytes: &[u8]) -> io::Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        let mut file = self.open()?;
        if file.metadata()?.len() + bytes.len() as u64 > FILE_BYTES_MAX {
            self.rotate()?;
            file = self.open()?;
        }
        file.write_all(bytes)
    }

    fn open(&self) -> io::Result<File> {
        OpenOptions::new().append(true).create(true).mode(0o600).open(&self.path)
    }

    fn rotate(&self) -> io::Result<()> {
        for number in (1..OLDER_KEPT).rev() {
            let (from, to) = (older(&self.path, number), older(&self.path, number + 1));
            if from.exists() {
                std::fs::rename(from, to)?;
            }
        }
        std::fs::rename(&self.path, older(&self.path, 1))
    }
}

fn older(path: &Path, number: u32) -> PathBuf {
    path.with_extension(format!("log.{number}"))
}

fn read_end(path: &Path, bytes_max: usize) -> io::Result<Vec<u8>> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let bytes = file.metadata()?.len();
    file.seek(SeekFrom::Start(bytes.saturating_sub(bytes_max as u64)))?;
    let mut found = Vec::new();
    file.take(bytes_max as u64).read_to_end(&mut found)?;
    Ok(found)
}

fn masked(bytes: &[u8], secrets: &[String]) -> Vec<u8> {
    let worth = |secret: &&String| secret.len() >= MASKED_BYTES_MIN;
    if !secrets.iter().filter(worth).any(|secret| memchr::memmem::find(bytes, secret.as_bytes()).is_some()) {
        return bytes.to_vec();
    }
    let text = String::from_utf8_lossy(bytes).into_owned();
    secrets.iter().filter(worth).fold(text, |text, secret| text.replace(secret.as_str(), MASK)).into_bytes()
}

/// How much was taken in this second.
struct Second {
    begun: Instant,
    bytes: usize,
}

impl Default for Second {
    fn default() -> Self {
        Self { begun: Instant::now(), bytes: 0 }
    }
}

impl Second {
    async fn spend(&mut self, bytes: usize) {
        let left = Duration::from_secs(1).saturating_sub(self.begun.elapsed());
        if left.is_zero() {
            *self = Self::default();
        }
        self.bytes += bytes;
        if self.bytes > SECOND_BYTES_MAX {
            tokio::time::sleep(left).await;
            *self = Self::default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log() -> (Log, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        (Log::new(folder.path().join("daemon-a.log")), folder)
    }

    #[tokio::test]
    async fn secrets_are_masked_however_the_output_is_cut() {
        let (log, _folder) = log();
        let (ours, theirs) = tokio::io::duplex(3);
        let writing = async {
            let mut theirs = theirs;
            tokio::io::AsyncWriteExt::write_all(&mut theirs, b"key=hush-hush!\nlast").await.unwrap();
        };
        let secrets = ["hush-hush".to_owned(), "k".to_owned()];
        tokio::join!(log.copy(ours, &secrets), writing);
        assert_eq!(log.tail(100).unwrap(), "key=[secret]!\nlast");
    }

    #[test]
    fn files_are_bounded_and_the_oldest_is_dropped() {
        let (log, folder) = log();
        for _ in 0..6 {
            log.append(&vec![b'x'; FILE_BYTES_MAX as usize]).unwrap();
        }
        log.mark("end");
        let files: Vec<u64> = std::fs::read_dir(folder.path())
            .unwrap()
            .map(|one| one.unwrap().metadata().unwrap().len())
            .collect();
        assert_eq!(files.len(), 1 + OLDER_KEPT as usize);
        assert!(files.iter().all(|bytes| *bytes <= FILE_BYTES_MAX));
        assert!(log.tail(20).unwrap().ends_with("--- end\n"));
    }

    #[test]
    fn the_tail_begins_with_a_line_and_there_may_be_none() {
        let (log, _folder) = log();
        assert_eq!(log.tail(10).unwrap(), "");
        log.append(b"first\nsecond\n").unwrap();
        assert_eq!(log.tail(8).unwrap(), "second\n");
        assert_eq!(log.tail(100).unwrap(), "first\nsecond\n");
    }
}

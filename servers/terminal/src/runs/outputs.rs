//! Outputs that no answer held, kept in files to be read on: the last few, each for its caller.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::error::{Result, TerminalError};

/// Which output of a command.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize, serde::Serialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Stream {
    /// What it wrote to its standard output.
    #[default]
    Stdout,
    /// What it wrote to its standard error.
    Stderr,
}

/// A file that is removed when this is dropped.
#[derive(Debug)]
pub(crate) struct Spool(PathBuf);

impl Spool {
    /// Where an output may be written.
    pub(crate) fn new(folder: &Path, run: &str, stream: Stream) -> Self {
        let name = match stream {
            Stream::Stdout => "stdout",
            Stream::Stderr => "stderr",
        };
        Self(folder.join(format!("{run}.{name}")))
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.0.clone()
    }
}

impl Drop for Spool {
    fn drop(&mut self) {
        // Mostly there is none: only a long output is written.
        let _ = fs::remove_file(&self.0);
    }
}

/// The outputs of one run.
#[derive(Debug)]
pub(crate) struct Kept {
    pub(crate) run: Box<str>,
    pub(crate) caller: Arc<str>,
    pub(crate) stdout: Option<Spool>,
    pub(crate) stderr: Option<Spool>,
}

/// The outputs that are kept.
#[derive(Debug)]
pub(crate) struct Outputs {
    kept: Mutex<VecDeque<Kept>>,
    kept_max: usize,
}

/// A part of an output.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) bytes: Vec<u8>,
    /// How long the kept output is.
    pub(crate) length: u64,
}

impl Outputs {
    pub(crate) fn new(kept_max: usize) -> Self {
        Self { kept: Mutex::default(), kept_max }
    }

    /// Keeps the outputs of a run; the oldest go.
    pub(crate) fn keep(&self, kept: Kept) {
        if kept.stdout.is_none() && kept.stderr.is_none() {
            return;
        }
        let mut all = self.all();
        all.push_back(kept);
        while all.len() > self.kept_max {
            all.pop_front();
        }
    }

    /// A part of an output of a caller's run.
    ///
    /// # Errors
    /// [`TerminalError::NoRun`], also for what is another's.
    pub(crate) fn read(
        &self,
        caller: &str,
        run: Option<&str>,
        stream: Stream,
        from: u64,
        bytes_max: usize,
    ) -> Result<Piece> {
        let path = {
            let all = self.all();
            let is_wanted = |kept: &&Kept| run.is_none_or(|run| *kept.run == *run) && *kept.caller == *caller;
            let kept = all.iter().rfind(is_wanted);
            let spool = kept.and_then(|kept| match stream {
                Stream::Stdout => kept.stdout.as_ref(),
                Stream::Stderr => kept.stderr.as_ref(),
            });
            spool
                .ok_or_else(|| TerminalError::NoRun(run.unwrap_or_default().chars().take(100).collect()))?
                .path()
        };
        read_at(&path, from, bytes_max)
            .map_err(|source| TerminalError::Io { doing: "read the kept output", source })
    }

    fn all(&self) -> MutexGuard<'_, VecDeque<Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn read_at(path: &Path, from: u64, bytes_max: usize) -> io::Result<Piece> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(from.min(length)))?;
    let mut bytes = Vec::new();
    file.take(bytes_max as u64).read_to_end(&mut bytes)?;
    Ok(Piece { bytes, length })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(folder: &Path, run: &str) -> Kept {
        let stdout = Spool::new(folder, run, Stream::Stdout);
        fs::write(stdout.path(), "0123456789").unwrap();
        Kept { run: run.into(), caller: "key:a".into(), stdout: Some(stdout), stderr: None }
    }

    #[test]
    fn outputs_are_read_in_parts_by_their_caller_alone() {
        let folder = tempfile::tempdir().unwrap();
        let outputs = Outputs::new(2);
        outputs.keep(kept(folder.path(), "r1"));
        let read = |caller, run, stream, from, max| outputs.read(caller, Some(run), stream, from, max);
        let part = read("key:a", "r1", Stream::Stdout, 4, 3).unwrap();
        assert_eq!((part.bytes.as_slice(), part.length), (&b"456"[..], 10));
        assert_eq!(read("key:a", "r1", Stream::Stdout, 10, 3).unwrap().bytes, b"");
        assert_eq!(read("key:a", "r1", Stream::Stdout, u64::MAX, 3).unwrap().bytes, b"");
        assert!(read("key:b", "r1", Stream::Stdout, 0, 3).is_err());
        assert!(read("key:a", "r1", Stream::Stderr, 0, 3).is_err());
    }

    #[test]
    fn the_oldest_go_with_their_files() {
        let folder = tempfile::tempdir().unwrap();
        let outputs = Outputs::new(2);
        for run in ["r1", "r2", "r3"] {
            outputs.keep(kept(folder.path(), run));
        }
        assert!(outputs.read("key:a", Some("r1"), Stream::Stdout, 0, 1).is_err());
        assert!(outputs.read("key:a", None, Stream::Stdout, 0, 1).is_ok());
        assert!(!folder.path().join("r1.stdout").exists() && folder.path().join("r3.stdout").exists());
    }
}

//! What was used, on disk: one line of JSON for each request, one file for each day, appended in batches by a thread of
//! its own. Several processes may write the same file; each reads what the others wrote.
//!
//! A request that is under way has a line, too. After a crash it counts with all that it had reserved, because nobody
//! knows what it used.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use chrono::DateTime;
use serde::{Deserialize, Serialize};

/// How long lines are gathered before they are written together. A crash of the machine loses so much at most.
pub(crate) const BATCH_DELAY: Duration = Duration::from_millis(100);
/// How often the writer wakes when nothing happens.
const IDLE: Duration = Duration::from_secs(60 * 60);
/// How long one waits for everything to be on disk.
const FLUSH_WITHIN: Duration = Duration::from_secs(5);
/// How many lines may wait to be written; beyond it no request is let in, because it could not be counted.
pub(crate) const LINES_WAITING_MAX: usize = 100_000;
/// How many days' files are kept.
pub(crate) const DAYS_KEPT: i64 = 400;
/// Seconds of a day.
const DAY_SECONDS: i64 = 24 * 60 * 60;

/// One line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Entry {
    /// When, in seconds since the epoch.
    pub(crate) at: i64,
    /// Which process wrote it, and which of its requests it is about.
    pub(crate) by: u64,
    pub(crate) request: u64,
    pub(crate) caller: Arc<str>,
    /// As `provider/model`.
    pub(crate) model: Arc<str>,
    #[serde(flatten)]
    pub(crate) what: What,
}

/// What a line says.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "lowercase")]
pub(crate) enum What {
    /// A request is about to be sent, and may use so much.
    Began { tokens: u64, micros: u64 },
    /// It ended, and used so much.
    Ended {
        prompt_tokens: u64,
        completion_tokens: u64,
        micros: u64,
        /// Whether it was estimated here, because the provider did not say.
        #[serde(default)]
        estimated: bool,
    },
    /// It was not sent after all.
    Dropped,
}

/// The day of a time, counted from 1970-01-01.
pub(crate) fn day_of(seconds: i64) -> i64 {
    seconds.div_euclid(DAY_SECONDS)
}

fn file_of(folder: &Path, day: i64) -> PathBuf {
    let date = DateTime::from_timestamp(day * DAY_SECONDS, 0).unwrap_or_default();
    folder.join(format!("usage-{}.jsonl", date.format("%Y-%m-%d")))
}

/// What the writer is told.
enum Told {
    /// Write this, when it is convenient.
    Entry(Entry),
    /// Write everything now, and say so.
    Flush(Sender<()>),
}

/// The log, open.
pub(crate) struct Log {
    folder: PathBuf,
    lines: Option<Sender<Told>>,
    writer: Option<JoinHandle<()>>,
    shared: Arc<Shared>,
    /// How much of which day's file has been read.
    read: (i64, u64),
}

#[derive(Default)]
struct Shared {
    waiting: AtomicUsize,
    /// Whether the last attempt to write failed.
    fails: AtomicBool,
}

impl Log {
    /// Opens the log in `folder`, which is made when it is missing.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub(crate) fn open(folder: &Path) -> io::Result<Self> {
        make_private(folder)?;
        let (lines, receiver) = channel();
        let shared = Arc::new(Shared::default());
        let (of_writer, place) = (shared.clone(), folder.to_owned());
        let writer = std::thread::Builder::new()
            .name("llm-usage".to_owned())
            .spawn(move || write_all(&receiver, &place, &of_writer))?;
        Ok(Self { folder: folder.to_owned(), lines: Some(lines), writer: Some(writer), shared, read: (0, 0) })
    }

    /// Whether new requests can be counted.
    pub(crate) fn works(&self) -> bool {
        !self.shared.fails.load(Ordering::Relaxed)
            && self.shared.waiting.load(Ordering::Relaxed) < LINES_WAITING_MAX
    }

    /// Hands a line to the writer.
    pub(crate) fn write(&self, entry: Entry) {
        self.shared.waiting.fetch_add(1, Ordering::Relaxed);
        // The writer lives until we are dropped.
        if let Some(lines) = &self.lines {
            let _ = lines.send(Told::Entry(entry));
        }
    }

    /// Something that waits until everything handed over so far is on disk, or cannot be written: to be called without
    /// holding anything.
    pub(crate) fn flusher(&self) -> impl FnOnce() + use<> {
        let lines = self.lines.clone();
        move || {
            let (done, is_done) = channel();
            if lines.is_some_and(|lines| lines.send(Told::Flush(done)).is_ok()) {
                let _ = is_done.recv_timeout(FLUSH_WITHIN);
            }
        }
    }

    /// What was written to a day's file since the last look, by whomever. A line that is not whole yet is left for later.
    pub(crate) fn news(&mut self, day: i64) -> Vec<Entry> {
        let offset = if self.read.0 == day { self.read.1 } else { 0 };
        let path = file_of(&self.folder, day);
        let size = std::fs::metadata(&path).map_or(0, |meta| meta.len());
        self.read = (day, offset);
        if size <= offset {
            return Vec::new();
        }
        let mut news = Vec::new();
        let read = read_lines(&path, offset, |entry| news.push(entry));
        match read {
            Ok(bytes) => self.read.1 += bytes,
            Err(error) => {
                tracing::warn!(%error, path = %path.display(), "the usage of others cannot be read");
            }
        }
        news
    }

    /// Every line of the days from `first` to `last`, in order.
    pub(crate) fn history(&self, first: i64, last: i64, mut each: impl FnMut(Entry)) {
        for day in first..=last {
            // A day without a file is one on which nothing was used.
            let _ = read_lines(&file_of(&self.folder, day), 0, &mut each);
        }
    }
}

/// Reads whole lines from `offset` on; gives how many bytes they have. A line that makes no sense is passed over.
fn read_lines(path: &Path, offset: u64, mut each: impl FnMut(Entry)) -> io::Result<u64> {
    /// Longer lines are none of ours.
    const LINE_BYTES_MAX: u64 = 64 * 1024;
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(offset))?;
    let (mut reader, mut line, mut read) = (BufReader::new(file), Vec::new(), 0);
    loop {
        line.clear();
        let bytes = reader.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut line)? as u64;
        if bytes == 0 || (!line.ends_with(b"\n") && bytes < LINE_BYTES_MAX) {
            return Ok(read);
        }
        read += bytes;
        if let Ok(entry) = serde_json::from_slice(&line) {
            each(entry);
        }
    }
}

/// The writer's thread: gathers, appends, syncs; tries again what could not be written.
fn write_all(told: &Receiver<Told>, folder: &Path, shared: &Shared) {
    forget_old(folder);
    let mut batch: Vec<Entry> = Vec::new();
    loop {
        let patience = if batch.is_empty() { IDLE } else { BATCH_DELAY };
        let (flush, ended) = gather(told, patience, &mut batch);
        settle(&mut batch, folder, shared);
        if let Some(flush) = flush {
            let _ = flush.send(());
        }
        if ended {
            return;
        }
    }
}

/// Gathers what comes within the batch's delay; a wish to flush ends that. Says whether nothing more will come.
fn gather(told: &Receiver<Told>, patience: Duration, batch: &mut Vec<Entry>) -> (Option<Sender<()>>, bool) {
    let mut patience = patience;
    let mut until: Option<Instant> = None;
    loop {
        match told.recv_timeout(patience) {
            Ok(Told::Entry(entry)) => batch.push(entry),
            Ok(Told::Flush(done)) => return (Some(done), false),
            Err(RecvTimeoutError::Timeout) => return (None, false),
            Err(RecvTimeoutError::Disconnected) => return (None, true),
        }
        let until = until.get_or_insert_with(|| Instant::now() + BATCH_DELAY);
        patience = until.saturating_duration_since(Instant::now());
        if patience.is_zero() {
            return (None, false);
        }
    }
}

/// Writes what is there, and keeps it when that fails.
fn settle(batch: &mut Vec<Entry>, folder: &Path, shared: &Shared) {
    match append(folder, batch) {
        Ok(()) => {
            shared.waiting.fetch_sub(batch.len(), Ordering::Relaxed);
            shared.fails.store(false, Ordering::Relaxed);
            batch.clear();
        }
        Err(error) => {
            if !shared.fails.swap(true, Ordering::Relaxed) {
                tracing::error!(%error, folder = %folder.display(), "usage cannot be written: no model answers until it can");
            }
        }
    }
}

/// Appends entries to the files of their days, each file in one write, and puts it on the disk.
fn append(folder: &Path, batch: &[Entry]) -> io::Result<()> {
    for day in batch.chunk_by(|one, other| day_of(one.at) == day_of(other.at)) {
        let Some(first) = day.first() else { continue };
        let mut text = Vec::new();
        for entry in day {
            serde_json::to_writer(&mut text, entry)?;
            text.push(b'\n');
        }
        let mut file = open_private(&file_of(folder, day_of(first.at)))?;
        end_torn_line(&mut file)?;
        file.write_all(&text)?;
        file.sync_data()?;
    }
    Ok(())
}

/// A crash may have left half a line; what follows begins a new one.
fn end_torn_line(file: &mut File) -> io::Result<()> {
    if file.metadata()?.len() == 0 {
        return Ok(());
    }
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    if last == *b"\n" { Ok(()) } else { file.write_all(b"\n") }
}

fn forget_old(folder: &Path) {
    let today = day_of(drawbridge_store::now_us() / 1_000_000);
    let oldest = file_of(folder, today - DAYS_KEPT);
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for path in entries.flatten().map(|entry| entry.path()) {
        let is_ours =
            path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with("usage-"));
        // The names sort as their days do.
        if is_ours && path < oldest {
            let _ = std::fs::remove_file(path);
        }
    }
}

fn make_private(folder: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

fn open_private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

impl Drop for Log {
    /// Everything that was counted is on disk when this returns, if the disk takes it.
    fn drop(&mut self) {
        self.lines = None;
        if let Some(writer) = self.writer.take() {
            let _ = writer.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(request: u64, what: What) -> Entry {
        let (caller, model) = ("key:a".into(), "p/m".into());
        Entry { at: 86_400 * 3, by: 1, request, caller, model, what }
    }

    #[test]
    fn what_was_written_is_read_by_another_and_a_torn_line_is_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let began = entry(1, What::Began { tokens: 5, micros: 6 });
        let log = Log::open(folder.path()).unwrap();
        log.write(began.clone());
        drop(log);
        let path = file_of(folder.path(), 3);
        assert_eq!(path.file_name().unwrap(), "usage-1970-01-04.jsonl");
        let mut other = Log::open(folder.path()).unwrap();
        assert_eq!(other.news(3), [began]);
        assert!(other.news(3).is_empty());
        // A crash in the middle of a line.
        File::options().append(true).open(&path).unwrap().write_all(b"{\"at\": 2592").unwrap();
        assert!(other.news(3).is_empty(), "half a line may still grow");
        let dropped = entry(2, What::Dropped);
        other.write(dropped.clone());
        drop(other);
        let mut third = Log::open(folder.path()).unwrap();
        assert_eq!(third.news(3).last(), Some(&dropped));
        assert_eq!(third.news(4), []);
    }

    #[test]
    fn where_nothing_can_be_written_nobody_is_let_in() {
        let folder = tempfile::tempdir().unwrap();
        let log = Log::open(folder.path()).unwrap();
        assert!(log.works());
        // A folder where the file should be.
        std::fs::create_dir(file_of(folder.path(), 3)).unwrap();
        log.write(entry(1, What::Dropped));
        let begun = std::time::Instant::now();
        while log.works() {
            assert!(begun.elapsed() < Duration::from_secs(10));
            std::thread::sleep(Duration::from_millis(10));
        }
        std::fs::remove_dir(file_of(folder.path(), 3)).unwrap();
        drop(log);
        assert_eq!(Log::open(folder.path()).unwrap().news(3).len(), 1, "it was kept and written later");
    }
}

//! What was used, on disk: one line of JSON for each request, one file for each day, appended in batches by a thread of
//! its own. Several processes may write the same file; each reads what the others wrote.
//!
//! A request that is under way has a line, too. After a crash it counts with all that it had reserved, because nobody
//! knows what it used.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use chrono::DateTime;
use serde::{Deserialize, Serialize};

/// How long lines are gathered before they are written together. A crash of the machine loses so much at most.
pub(crate) const BATCH_DELAY: Duration = Duration::from_millis(100);
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
#[serde(from = "Line", into = "Line")]
pub(crate) struct Entry {
    /// When, in seconds since the epoch.
    pub(crate) at: i64,
    /// Which process wrote it, and which of its requests it is about.
    pub(crate) by: u64,
    pub(crate) request: u64,
    pub(crate) caller: Arc<str>,
    /// As `provider/model`.
    pub(crate) model: Arc<str>,
    pub(crate) what: What,
}

/// What a line says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum What {
    /// A request is about to be sent, and may use so much.
    Began { tokens: u64, micros: u64 },
    /// It ended, and used so much.
    Ended {
        prompt_tokens: u64,
        completion_tokens: u64,
        micros: u64,
        /// Whether it was estimated here, because the provider did not say.
        estimated: bool,
    },
    /// It was not sent after all.
    Dropped,
    /// It got an answer that was kept.
    Cached,
}

/// A line as it is on disk: flat, because that is written and read several times faster than what serde flattens.
#[derive(Serialize, Deserialize)]
struct Line {
    at: i64,
    by: u64,
    request: u64,
    caller: Arc<str>,
    model: Arc<str>,
    what: Word,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tokens: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    prompt_tokens: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    completion_tokens: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    micros: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    estimated: Option<bool>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Word {
    Began,
    Ended,
    Dropped,
    Cached,
}

impl From<Entry> for Line {
    fn from(entry: Entry) -> Self {
        let Entry { at, by, request, caller, model, what } = entry;
        let (tokens, prompt_tokens, completion_tokens, micros, estimated) = Default::default();
        let line = |what| Self {
            at,
            by,
            request,
            caller,
            model,
            what,
            tokens,
            prompt_tokens,
            completion_tokens,
            micros,
            estimated,
        };
        match what {
            What::Began { tokens, micros } => {
                Self { tokens: Some(tokens), micros: Some(micros), ..line(Word::Began) }
            }
            What::Ended { prompt_tokens, completion_tokens, micros, estimated } => Self {
                prompt_tokens: Some(prompt_tokens),
                completion_tokens: Some(completion_tokens),
                micros: Some(micros),
                estimated: Some(estimated),
                ..line(Word::Ended)
            },
            What::Dropped => line(Word::Dropped),
            What::Cached => line(Word::Cached),
        }
    }
}

impl From<Line> for Entry {
    fn from(line: Line) -> Self {
        let Line { at, by, request, caller, model, .. } = line;
        let micros = line.micros.unwrap_or(0);
        let what = match line.what {
            Word::Began => What::Began { tokens: line.tokens.unwrap_or(0), micros },
            Word::Ended => What::Ended {
                prompt_tokens: line.prompt_tokens.unwrap_or(0),
                completion_tokens: line.completion_tokens.unwrap_or(0),
                micros,
                estimated: line.estimated.unwrap_or(false),
            },
            Word::Dropped => What::Dropped,
            Word::Cached => What::Cached,
        };
        Self { at, by, request, caller, model, what }
    }
}

/// The day of a time, counted from 1970-01-01.
pub(crate) fn day_of(seconds: i64) -> i64 {
    seconds.div_euclid(DAY_SECONDS)
}

fn file_of(folder: &Path, day: i64) -> PathBuf {
    let date = DateTime::from_timestamp(day * DAY_SECONDS, 0).unwrap_or_default();
    folder.join(format!("usage-{}.jsonl", date.format("%Y-%m-%d")))
}

/// The log, open.
pub(crate) struct Log {
    folder: PathBuf,
    writer: Option<JoinHandle<()>>,
    shared: Arc<Shared>,
    /// What this process's lines have in them, and no others.
    ours: memchr::memmem::Finder<'static>,
    /// How much of which day's file has been read.
    read: (i64, u64),
}

#[derive(Default)]
struct Shared {
    queue: Mutex<Queue>,
    /// The writer is told of the first line of a batch and of what cannot wait, and sleeps through the rest.
    told: Condvar,
    /// Lines that are not on disk yet, those that the writer holds included.
    waiting: AtomicUsize,
    /// Whether the last attempt to write failed.
    fails: AtomicBool,
}

/// What the writer has to do.
#[derive(Default)]
struct Queue {
    entries: Vec<Entry>,
    /// Who waits until everything is written.
    flushes: Vec<Sender<()>>,
    ended: bool,
}

impl Queue {
    fn is_urgent(&self) -> bool {
        self.ended || !self.flushes.is_empty()
    }
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Log {
    /// Opens the log in `folder`, which is made when it is missing, for the process `by`.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub(crate) fn open(folder: &Path, by: u64) -> io::Result<Self> {
        make_private(folder)?;
        let shared = Arc::new(Shared::default());
        let (of_writer, place) = (shared.clone(), folder.to_owned());
        let writer = std::thread::Builder::new()
            .name("llm-usage".to_owned())
            .spawn(move || write_all(&place, &of_writer))?;
        // Within a text of a line, the first quotation mark would stand behind a backslash.
        let ours = memchr::memmem::Finder::new(&format!(",\"by\":{by},")).into_owned();
        Ok(Self { folder: folder.to_owned(), writer: Some(writer), shared, ours, read: (0, 0) })
    }

    /// Whether new requests can be counted.
    pub(crate) fn works(&self) -> bool {
        !self.shared.fails.load(Ordering::Relaxed)
            && self.shared.waiting.load(Ordering::Relaxed) < LINES_WAITING_MAX
    }

    /// Hands a line to the writer.
    pub(crate) fn write(&self, entry: Entry) {
        self.shared.waiting.fetch_add(1, Ordering::Relaxed);
        let mut queue = self.shared.queue();
        queue.entries.push(entry);
        if queue.entries.len() == 1 {
            self.shared.told.notify_one();
        }
    }

    /// Something that waits until everything handed over so far is on disk, or cannot be written: to be called without
    /// holding anything.
    pub(crate) fn flusher(&self) -> impl FnOnce() + use<> {
        let shared = self.shared.clone();
        move || {
            let (done, is_done) = channel();
            shared.queue().flushes.push(done);
            shared.told.notify_one();
            let _ = is_done.recv_timeout(FLUSH_WITHIN);
        }
    }

    /// What other processes wrote to a day's file since the last look. A line that is not whole yet is left for later.
    pub(crate) fn news(&mut self, day: i64) -> Vec<Entry> {
        let offset = if self.read.0 == day { self.read.1 } else { 0 };
        let path = file_of(&self.folder, day);
        let size = std::fs::metadata(&path).map_or(0, |meta| meta.len());
        self.read = (day, offset);
        if size <= offset {
            return Vec::new();
        }
        let mut news = Vec::new();
        let is_others = |line: &[u8]| self.ours.find(line).is_none();
        let read = read_lines(&path, offset, is_others, |entry| news.push(entry));
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
            let _ = read_lines(&file_of(&self.folder, day), 0, |_| true, &mut each);
        }
    }
}

/// Reads whole lines from `offset` on, and gives how many bytes they have. A line that makes no sense, or is not wanted, is
/// passed over.
fn read_lines(
    path: &Path,
    offset: u64,
    is_wanted: impl Fn(&[u8]) -> bool,
    mut each: impl FnMut(Entry),
) -> io::Result<u64> {
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
        if is_wanted(&line)
            && let Ok(entry) = serde_json::from_slice(&line)
        {
            each(entry);
        }
    }
}

/// The writer's thread: gathers, appends, syncs; tries again what could not be written.
fn write_all(folder: &Path, shared: &Shared) {
    forget_old(folder);
    let mut batch: Vec<Entry> = Vec::new();
    loop {
        let (flushes, ended) = gather(shared, &mut batch);
        settle(&mut batch, folder, shared);
        for flush in flushes {
            let _ = flush.send(());
        }
        if ended {
            return;
        }
    }
}

/// Waits for a line, and then, without being woken for each, for what comes within the batch's delay; a wish to flush ends
/// that. Gives who waits, and whether nothing more will come.
fn gather(shared: &Shared, batch: &mut Vec<Entry>) -> (Vec<Sender<()>>, bool) {
    let mut queue = shared.queue();
    if batch.is_empty() {
        let is_idle = |queue: &mut Queue| queue.entries.is_empty() && !queue.is_urgent();
        queue = shared.told.wait_while(queue, is_idle).unwrap_or_else(PoisonError::into_inner);
    }
    let waited = shared.told.wait_timeout_while(queue, BATCH_DELAY, |queue| !queue.is_urgent());
    (queue, _) = waited.unwrap_or_else(PoisonError::into_inner);
    batch.append(&mut queue.entries);
    (std::mem::take(&mut queue.flushes), queue.ended)
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
        self.shared.queue().ended = true;
        self.shared.told.notify_one();
        if let Some(writer) = self.writer.take() {
            let _ = writer.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use super::*;

    /// The process that reads; what it reads was written by process 1.
    const OTHER: u64 = 2;

    /// The day that the tests write about: old days' files are removed by each log that is opened.
    fn today() -> i64 {
        static TODAY: LazyLock<i64> = LazyLock::new(|| day_of(drawbridge_store::now_us() / 1_000_000));
        *TODAY
    }

    fn entry(request: u64, what: What) -> Entry {
        let (caller, model) = ("key:a".into(), "p/m".into());
        Entry { at: DAY_SECONDS * today(), by: 1, request, caller, model, what }
    }

    #[test]
    fn a_day_has_a_file_of_its_own_until_it_is_too_old() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(file_of(folder.path(), 3), folder.path().join("usage-1970-01-04.jsonl"));
        let (kept, old) =
            (file_of(folder.path(), today() - DAYS_KEPT), file_of(folder.path(), today() - DAYS_KEPT - 1));
        let foreign = folder.path().join("notes.txt");
        for path in [&kept, &old, &foreign] {
            File::create(path).unwrap();
        }
        forget_old(folder.path());
        assert_eq!([&kept, &old, &foreign].map(|path| path.exists()), [true, false, true]);
    }

    #[test]
    fn a_line_is_flat_and_reads_back() {
        let ended = What::Ended { prompt_tokens: 1, completion_tokens: 2, micros: 3, estimated: true };
        for what in [What::Began { tokens: 5, micros: 6 }, ended, What::Dropped, What::Cached] {
            let line = serde_json::to_string(&entry(7, what)).unwrap();
            assert!(line.contains(r#","by":1,"request":7,"caller":"key:a","#), "{line}");
            assert_eq!(serde_json::from_str::<Entry>(&line).unwrap(), entry(7, what));
        }
    }

    #[test]
    fn ones_own_lines_are_no_news_whatever_a_caller_is_called() {
        let folder = tempfile::tempdir().unwrap();
        let mut log = Log::open(folder.path(), 1).unwrap();
        let sly = Entry { caller: r#"x","by":1,"#.into(), by: 3, ..entry(1, What::Dropped) };
        log.write(entry(1, What::Dropped));
        log.write(sly.clone());
        (log.flusher())();
        assert_eq!(log.news(today()), [sly]);
    }

    #[test]
    fn what_was_written_is_read_by_another_and_a_torn_line_is_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let began = entry(1, What::Began { tokens: 5, micros: 6 });
        let log = Log::open(folder.path(), OTHER).unwrap();
        log.write(began.clone());
        drop(log);
        let path = file_of(folder.path(), today());
        let mut other = Log::open(folder.path(), OTHER).unwrap();
        assert_eq!(other.news(today()), [began]);
        assert!(other.news(today()).is_empty());
        // A crash in the middle of a line.
        File::options().append(true).open(&path).unwrap().write_all(b"{\"at\": 2592").unwrap();
        assert!(other.news(today()).is_empty(), "half a line may still grow");
        let dropped = entry(2, What::Dropped);
        other.write(dropped.clone());
        drop(other);
        let mut third = Log::open(folder.path(), OTHER).unwrap();
        assert_eq!(third.news(today()).last(), Some(&dropped));
        assert_eq!(third.news(today() + 1), []);
    }

    #[test]
    fn where_nothing_can_be_written_nobody_is_let_in() {
        let folder = tempfile::tempdir().unwrap();
        let log = Log::open(folder.path(), OTHER).unwrap();
        assert!(log.works());
        // A folder where the file should be.
        std::fs::create_dir(file_of(folder.path(), today())).unwrap();
        log.write(entry(1, What::Dropped));
        let begun = std::time::Instant::now();
        while log.works() {
            assert!(begun.elapsed() < Duration::from_secs(10));
            std::thread::sleep(Duration::from_millis(10));
        }
        std::fs::remove_dir(file_of(folder.path(), today())).unwrap();
        drop(log);
        assert_eq!(
            Log::open(folder.path(), OTHER).unwrap().news(today()).len(),
            1,
            "it was kept and written later"
        );
    }
}

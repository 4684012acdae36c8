//! Searching the contents of files: ripgrep's matcher and searcher over our own walk.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read as _};
use std::sync::{Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use drawbridge_contract::raw;
use grep_matcher::Matcher as _;
use grep_regex::{RegexMatcher, RegexMatcherBuilder};
use grep_searcher::{BinaryDetection, Searcher, SearcherBuilder, Sink, SinkContext, SinkMatch};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::disk::denied::Want;
use crate::disk::locate::Last;
use crate::disk::name::Name;
use crate::disk::roots::Roots;
use crate::disk::stat::{Kind, Stat};
use crate::error::{FileError, Result};
use crate::text::visible::visible;
use crate::walk::names::{Choice, PATTERN_BYTES_MAX};
use crate::walk::{DEPTH_MAX, Visited, Visitor, Walk};
use crate::work::Work;

/// How large a compiled pattern may be, and each of its caches.
const COMPILED_BYTES_MAX: usize = 8 * 1024 * 1024;
/// How much of a line is shown.
const LINE_BYTES_MAX: usize = 512;
/// How much one answer shows.
const TEXT_BYTES_MAX: usize = 2 * 1024 * 1024;
/// Up to this size a file is read at once; a larger one in pieces.
const AT_ONCE_BYTES_MAX: u64 = 2 * 1024 * 1024;
/// How long a single line may be in a file that is read in pieces.
const LINE_BUFFER_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Whether capitals and small letters differ.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Case {
    /// When the pattern has capitals.
    #[default]
    Smart,
    /// Always.
    Sensitive,
    /// Never.
    Insensitive,
}

/// What is looked for, where, and how it is shown.
pub(crate) struct Query<'q> {
    pub(crate) pattern: &'q str,
    pub(crate) literal: bool,
    pub(crate) case: Case,
    pub(crate) word: bool,
    pub(crate) globs: &'q [String],
    pub(crate) context: usize,
    pub(crate) files_only: bool,
    pub(crate) hidden: bool,
    pub(crate) ignored: bool,
    pub(crate) limit: usize,
    pub(crate) cursor: Option<&'q str>,
}

/// What was found.
#[derive(Default)]
pub(crate) struct Findings {
    pub(crate) text: String,
    pub(crate) next_cursor: Option<String>,
    pub(crate) lines_total: u64,
    pub(crate) files_total: u64,
    pub(crate) files_searched: u64,
    pub(crate) files_binary: u64,
    pub(crate) unreadable: u64,
    pub(crate) too_deep: u64,
}

/// The last line that was given: its file and number. What comes after it is next.
type Cursor = (String, u64);

impl Query<'_> {
    /// Searches the folder or file at `path`.
    pub(crate) fn run(&self, roots: &Roots, path: &str, work: &Work) -> Result<Findings> {
        let matcher = self.matcher()?;
        let choice = Choice::new(self.globs)?;
        let after = self.cursor.map(read_cursor).transpose()?;
        let page = Page { limit: self.limit, after, files_only: self.files_only, kept: Mutex::default() };
        let place = roots.place(path, Last::Follow, Want::Read, work)?;
        let start_bytes = place.show().len() + 1;
        let visitor = || Seeker {
            roots,
            work,
            matcher: &matcher,
            searcher: self.searcher(),
            choice: &choice,
            page: &page,
            start_bytes,
            path: String::new(),
            buffer: Vec::new(),
            counts: Findings::default(),
        };
        let (seekers, too_deep, folders_unreadable) = if place.there()?.kind == Kind::Directory {
            let (hidden, ignored) = (self.hidden, self.ignored);
            let walk = Walk { roots, work, hidden, ignored, depth_max: DEPTH_MAX };
            let (seekers, passed_over) = walk.run(&roots.open_folder(&place, work)?, visitor)?;
            (seekers, passed_over.too_deep(), passed_over.unreadable())
        } else {
            let mut seeker = visitor();
            let (file, stat) = place.open_file(roots)?;
            seeker.path = place.show();
            seeker.search(file, &stat)?;
            (vec![seeker], 0, 0)
        };
        let counts: Vec<Findings> = seekers.into_iter().map(|seeker| seeker.counts).collect();
        let sum = |count: fn(&Findings) -> u64| counts.iter().map(count).sum::<u64>();
        let (text, next_cursor) = page.show();
        Ok(Findings {
            text,
            next_cursor,
            lines_total: sum(|counts| counts.lines_total),
            files_total: sum(|counts| counts.files_total),
            files_searched: sum(|counts| counts.files_searched),
            files_binary: sum(|counts| counts.files_binary),
            unreadable: sum(|counts| counts.unreadable) + folders_unreadable,
            too_deep,
        })
    }

    fn matcher(&self) -> Result<RegexMatcher> {
        if self.pattern.is_empty() || self.pattern.len() > PATTERN_BYTES_MAX {
            let message = format!("a pattern is needed, of at most {PATTERN_BYTES_MAX} bytes");
            return Err(FileError::Invalid(message));
        }
        let built = RegexMatcherBuilder::new()
            .fixed_strings(self.literal)
            .case_smart(self.case == Case::Smart)
            .case_insensitive(self.case == Case::Insensitive)
            .word(self.word)
            .line_terminator(Some(b'\n'))
            .size_limit(COMPILED_BYTES_MAX)
            .dfa_size_limit(COMPILED_BYTES_MAX)
            .build(self.pattern);
        built.map_err(|error| {
            FileError::Invalid(format!(
                "the pattern cannot be used: {error}. literal=true takes it as plain text"
            ))
        })
    }

    fn searcher(&self) -> Searcher {
        SearcherBuilder::new()
            .binary_detection(BinaryDetection::quit(0))
            .line_number(!self.files_only)
            .before_context(if self.files_only { 0 } else { self.context })
            .after_context(if self.files_only { 0 } else { self.context })
            .heap_limit(Some(LINE_BUFFER_BYTES_MAX))
            .build()
    }
}

fn read_cursor(cursor: &str) -> Result<Cursor> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).ok();
    let read = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    read.ok_or_else(|| {
        FileError::Invalid("this cursor is not one that files_search gave; begin without it".to_owned())
    })
}

/// A line that is shown.
struct Line {
    number: u64,
    text: String,
    is_match: bool,
}

/// What of one file is shown.
struct Hit {
    lines: Vec<Line>,
    /// How many lines match, shown or not.
    matches: u64,
    /// How much of the limit it takes: its matches that are shown, or 1 when only files are.
    weight: usize,
    /// It has matches after those.
    more: bool,
}

/// The answer so far: the first files by path whose matches fill it. What cannot be in it any more is only counted.
struct Page {
    limit: usize,
    after: Option<Cursor>,
    files_only: bool,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    hits: BTreeMap<String, Hit>,
    weight: usize,
    /// Something was left out at the end.
    more: bool,
}

impl Page {
    /// From which line on matches of `path` may be shown; `None` when none may.
    fn first_line(&self, path: &str) -> Option<u64> {
        let from = match &self.after {
            None => 0,
            Some((last, line)) => match path.cmp(last.as_str()) {
                std::cmp::Ordering::Less => return None,
                std::cmp::Ordering::Equal if self.files_only => return None,
                std::cmp::Ordering::Equal => *line + 1,
                std::cmp::Ordering::Greater => 0,
            },
        };
        let mut kept = self.kept();
        let full = kept.weight >= self.limit;
        if full && kept.hits.last_key_value().is_some_and(|(last, _)| path > last.as_str()) {
            kept.more = true;
            return None;
        }
        Some(from)
    }

    fn offer(&self, path: &str, hit: Hit) {
        let mut kept = self.kept();
        kept.weight += hit.weight;
        kept.hits.insert(path.to_owned(), hit);
        while let Some(weight) = kept.hits.last_key_value().map(|(_, last)| last.weight)
            && kept.weight - weight >= self.limit
        {
            kept.hits.pop_last();
            kept.weight -= weight;
            kept.more = true;
        }
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The answer as text, and the cursor when there is more.
    fn show(self) -> (String, Option<String>) {
        let mut kept = self.kept.into_inner().unwrap_or_else(PoisonError::into_inner);
        let (mut text, mut left, mut last) = (String::new(), self.limit, None);
        for (path, hit) in &mut kept.hits {
            if text.len() > TEXT_BYTES_MAX {
                kept.more = true;
                break;
            }
            if self.files_only {
                text.push_str(&format!("{}: {}\n", visible(path), hit.matches));
                last = Some((path, 0));
                continue;
            }
            kept.more |= hit.more || hit.weight > left;
            cut(&mut hit.lines, left);
            left = left.saturating_sub(hit.weight);
            show_lines(&mut text, path, &hit.lines);
            last = hit.lines.iter().rev().find(|line| line.is_match).map(|line| (path, line.number));
        }
        let cursor = last.filter(|_| kept.more).map(|cursor| URL_SAFE_NO_PAD.encode(raw(&cursor).get()));
        (text, cursor)
    }
}

/// Leaves the first `matches` matches, with the lines before them.
fn cut(lines: &mut Vec<Line>, matches: usize) {
    let mut left = matches;
    let end = lines.iter().position(|line| {
        let over = line.is_match && left == 0;
        left -= usize::from(line.is_match && left > 0);
        over
    });
    lines.truncate(end.unwrap_or(lines.len()));
}

fn show_lines(text: &mut String, path: &str, lines: &[Line]) {
    text.push_str(&visible(path));
    text.push('\n');
    let with_context = lines.iter().any(|line| !line.is_match);
    let mut before: Option<u64> = None;
    for line in lines {
        if with_context && before.is_some_and(|before| before + 1 < line.number) {
            text.push_str("--\n");
        }
        before = Some(line.number);
        let mark = if line.is_match { ':' } else { '-' };
        text.push_str(&format!("{}{mark} {}\n", line.number, line.text));
    }
}

/// What one thread searches with.
struct Seeker<'s> {
    roots: &'s Roots,
    work: &'s Work,
    matcher: &'s RegexMatcher,
    searcher: Searcher,
    choice: &'s Choice,
    page: &'s Page,
    start_bytes: usize,
    path: String,
    buffer: Vec<u8>,
    counts: Findings,
}

impl Visitor for Seeker<'_> {
    fn entry(&mut self, folder: &Visited, name: &OsStr, kind: Kind) -> bool {
        if kind != Kind::File {
            return false;
        }
        let name = name.to_string_lossy();
        self.set_path(folder, &name);
        self.choice.fits(&self.path[self.start_bytes..], &name)
    }

    fn file(&mut self, folder: &Visited, name: Name<'_>) -> Result<()> {
        self.set_path(folder, &name.as_os_str().to_string_lossy());
        match folder.folder.file(name) {
            Ok((_, stat)) if self.roots.is_ours(&stat) => Ok(()),
            Ok((file, stat)) => self.search(file, &stat),
            Err(_) => {
                self.counts.unreadable += 1;
                Ok(())
            }
        }
    }
}

impl Seeker<'_> {
    fn set_path(&mut self, folder: &Visited, name: &str) {
        self.path.clear();
        self.path.push_str(&folder.path);
        self.path.push('/');
        self.path.push_str(name);
    }

    /// Searches one file, whose path is set.
    fn search(&mut self, mut file: File, stat: &Stat) -> Result<()> {
        self.counts.files_searched += 1;
        let at_once = stat.size_bytes <= AT_ONCE_BYTES_MAX;
        if at_once {
            self.buffer.clear();
            if (&mut file).take(AT_ONCE_BYTES_MAX).read_to_end(&mut self.buffer).is_err() {
                self.counts.unreadable += 1;
                return Ok(());
            }
        }
        let from_line = self.page.first_line(&self.path);
        let mut taker = Taker::new(self.matcher, from_line, self.page);
        let searched = if at_once {
            self.searcher.search_slice(self.matcher, &self.buffer, &mut taker)
        } else {
            self.searcher.search_reader(self.matcher, Watched { file, work: self.work }, &mut taker)
        };
        // The reader stops with an error of its own when the work is to stop.
        self.work.check()?;
        self.take(searched.is_err(), taker);
        Ok(())
    }

    fn take(&mut self, failed: bool, taker: Taker<'_>) {
        self.counts.unreadable += u64::from(failed);
        if taker.binary {
            self.counts.files_binary += 1;
            return;
        }
        if taker.matches == 0 {
            return;
        }
        self.counts.files_total += 1;
        self.counts.lines_total += taker.matches;
        let weight = if self.page.files_only { 1 } else { taker.shown };
        if taker.from_line.is_some() && weight > 0 {
            let Taker { lines, matches, more, .. } = taker;
            self.page.offer(&self.path, Hit { lines, matches, weight, more });
        }
    }
}

/// Takes what is found in one file.
struct Taker<'t> {
    matcher: &'t RegexMatcher,
    /// Lines before this are only counted; `None` counts all.
    from_line: Option<u64>,
    limit: usize,
    files_only: bool,
    lines: Vec<Line>,
    bytes: usize,
    shown: usize,
    matches: u64,
    more: bool,
    binary: bool,
}

impl<'t> Taker<'t> {
    fn new(matcher: &'t RegexMatcher, from_line: Option<u64>, page: &Page) -> Self {
        let (limit, files_only, lines) = (page.limit, page.files_only, Vec::new());
        Self {
            matcher,
            from_line,
            limit,
            files_only,
            lines,
            bytes: 0,
            shown: 0,
            matches: 0,
            more: false,
            binary: false,
        }
    }

    /// Whether a line of this number is shown.
    fn shows(&self, number: u64) -> bool {
        !self.files_only && !self.more && self.from_line.is_some_and(|from| number >= from)
    }

    fn line(&mut self, number: u64, bytes: &[u8], is_match: bool) {
        let text = shown_part(self.matcher, bytes);
        self.bytes += text.len();
        self.lines.push(Line { number, text, is_match });
    }
}

impl Sink for Taker<'_> {
    type Error = io::Error;

    fn matched(&mut self, _: &Searcher, found: &SinkMatch<'_>) -> io::Result<bool> {
        self.matches += 1;
        let number = found.line_number().unwrap_or_default();
        if self.shows(number) && (self.shown == self.limit || self.bytes > TEXT_BYTES_MAX) {
            self.more = true;
        }
        if self.shows(number) {
            self.shown += 1;
            self.line(number, found.bytes(), true);
        }
        Ok(true)
    }

    fn context(&mut self, _: &Searcher, context: &SinkContext<'_>) -> io::Result<bool> {
        let number = context.line_number().unwrap_or_default();
        if self.shows(number) {
            self.line(number, context.bytes(), false);
        }
        Ok(true)
    }

    fn binary_data(&mut self, _: &Searcher, _: u64) -> io::Result<bool> {
        self.binary = true;
        Ok(false)
    }
}

/// A line without its end; of a very long one the part around the first match.
fn shown_part(matcher: &RegexMatcher, bytes: &[u8]) -> String {
    let line = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    if line.len() <= LINE_BYTES_MAX {
        return String::from_utf8_lossy(line).into_owned();
    }
    let found = matcher.find(line).ok().flatten().map_or(0, |found| found.start());
    let start = found.saturating_sub(LINE_BYTES_MAX / 4).min(line.len() - LINE_BYTES_MAX);
    let part = String::from_utf8_lossy(&line[start..start + LINE_BYTES_MAX]);
    // What was cut within a character is no character of the line.
    let part = part.trim_matches('\u{fffd}');
    let before = if start > 0 { "…" } else { "" };
    let after = if start + LINE_BYTES_MAX < line.len() { "…" } else { "" };
    format!("{before}{part}{after}")
}

/// A file whose reading ends when the work is to stop.
struct Watched<'w> {
    file: File,
    work: &'w Work,
}

impl io::Read for Watched<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.work.check().map_err(io::Error::other)?;
        self.file.read(buffer)
    }
}

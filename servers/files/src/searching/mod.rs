//! Searching the contents of files: ripgrep's matcher and searcher over our own walk.

mod page;
mod taker;

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read as _};

use grep_regex::{RegexMatcher, RegexMatcherBuilder};
use grep_searcher::{BinaryDetection, Searcher, SearcherBuilder};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::disk::denied::Want;
use crate::disk::locate::{Last, Place};
use crate::disk::name::Name;
use crate::disk::roots::Roots;
use crate::disk::stat::{Kind, Stat};
use crate::error::{FileError, Result};
use crate::walk::names::{Choice, PATTERN_BYTES_MAX};
use crate::walk::{DEPTH_MAX, PassedOver, Visited, Visitor, Walk};
use crate::work::Work;

use page::{Hit, Page};
use taker::Taker;

/// How large a compiled pattern may be, and each of its caches.
const COMPILED_BYTES_MAX: usize = 8 * 1024 * 1024;
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

impl Query<'_> {
    /// Searches the folder or file at `path`.
    pub(crate) fn run(&self, roots: &Roots, path: &str, work: &Work) -> Result<Findings> {
        let matcher = self.matcher()?;
        let choice = Choice::new(self.globs)?;
        let page = Page::new(self.limit, self.files_only, self.cursor)?;
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
        let (seekers, passed_over) = self.seek(roots, &place, work, visitor)?;
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
            unreadable: sum(|counts| counts.unreadable) + passed_over.unreadable(),
            too_deep: passed_over.too_deep(),
        })
    }

    /// Has the file searched, or the folder walked.
    fn seek<'s>(
        &self,
        roots: &Roots,
        place: &Place<'_>,
        work: &Work,
        seeker: impl Fn() -> Seeker<'s>,
    ) -> Result<(Vec<Seeker<'s>>, PassedOver)> {
        if place.there()?.kind == Kind::Directory {
            let (hidden, ignored) = (self.hidden, self.ignored);
            let walk = Walk { roots, work, hidden, ignored, depth_max: DEPTH_MAX };
            return walk.run(&roots.open_folder(place, work)?, seeker);
        }
        let mut seeker = seeker();
        let (file, stat) = place.open_file(roots)?;
        seeker.path = place.show();
        seeker.search(file, &stat)?;
        Ok((vec![seeker], PassedOver::default()))
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

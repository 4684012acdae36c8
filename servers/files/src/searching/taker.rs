//! Takes what is found in one file.

use std::io;

use grep_matcher::Matcher as _;
use grep_regex::RegexMatcher;
use grep_searcher::{Searcher, Sink, SinkContext, SinkMatch};

use super::page::{Line, Page, TEXT_BYTES_MAX};

/// How much of a line is shown.
const LINE_BYTES_MAX: usize = 512;

/// Takes what is found in one file.
pub(super) struct Taker<'t> {
    matcher: &'t RegexMatcher,
    /// Lines before this are only counted; `None` counts all.
    pub(super) from_line: Option<u64>,
    limit: usize,
    files_only: bool,
    pub(super) lines: Vec<Line>,
    bytes: usize,
    pub(super) shown: usize,
    pub(super) matches: u64,
    pub(super) more: bool,
    pub(super) binary: bool,
}

impl<'t> Taker<'t> {
    pub(super) fn new(matcher: &'t RegexMatcher, from_line: Option<u64>, page: &Page) -> Self {
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

//! The answer to a search: the first files by path whose matches fill it.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use drawbridge_contract::raw;

use crate::error::{FileError, Result};
use crate::text::visible::visible;

/// How much one answer shows.
pub(super) const TEXT_BYTES_MAX: usize = 2 * 1024 * 1024;

/// The last line that was given: its file and number. What comes after it is next.
type Cursor = (String, u64);

/// A line that is shown.
pub(super) struct Line {
    pub(super) number: u64,
    pub(super) text: String,
    pub(super) is_match: bool,
}

/// What of one file is shown.
pub(super) struct Hit {
    pub(super) lines: Vec<Line>,
    /// How many lines match, shown or not.
    pub(super) matches: u64,
    /// How much of the limit it takes: its matches that are shown, or 1 when only files are.
    pub(super) weight: usize,
    /// It has matches after those.
    pub(super) more: bool,
}

/// The answer so far: the first files by path whose matches fill it. What cannot be in it any more is only counted.
pub(super) struct Page {
    pub(super) limit: usize,
    after: Option<Cursor>,
    pub(super) files_only: bool,
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
    /// A page after the one that gave `cursor`.
    pub(super) fn new(limit: usize, files_only: bool, cursor: Option<&str>) -> Result<Self> {
        Ok(Self { limit, files_only, after: cursor.map(read_cursor).transpose()?, kept: Mutex::default() })
    }

    /// From which line on matches of `path` may be shown; `None` when none may.
    pub(super) fn first_line(&self, path: &str) -> Option<u64> {
        let from = match &self.after {
            None => 0,
            Some((last, line)) => match path.cmp(last.as_str()) {
                Ordering::Less => return None,
                Ordering::Equal if self.files_only => return None,
                Ordering::Equal => *line + 1,
                Ordering::Greater => 0,
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

    pub(super) fn offer(&self, path: &str, hit: Hit) {
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

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The answer as text, and the cursor when there is more.
    pub(super) fn show(self) -> (String, Option<String>) {
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

fn read_cursor(cursor: &str) -> Result<Cursor> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).ok();
    let read = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    read.ok_or_else(|| {
        FileError::Invalid("this cursor is not one that files_search gave; begin without it".to_owned())
    })
}

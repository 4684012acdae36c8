//! `drawbridge logs`: what the hub wrote down, the newest last.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::{Args, ValueEnum};

use crate::{home, logs, output};

/// How often it is looked for more.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// How much is read back of a file at most: enough for the lines that anybody looks at.
const READ_BACK_BYTES_MAX: u64 = 8 * 1024 * 1024;
/// What of a line is shown at most, in characters.
const LINE_CHARACTERS_MAX: usize = 4096;

#[derive(Debug, Args)]
pub(crate) struct LogsArguments {
    /// Go on as more is written, until Ctrl-C.
    #[arg(long, short)]
    follow: bool,
    /// Only lines that hold this text, in small or capital letters.
    #[arg(long, value_name = "TEXT", default_value = "")]
    filter: String,
    /// Only lines of this weight, and heavier ones.
    #[arg(long, value_name = "LEVEL")]
    level: Option<Level>,
    /// How many lines.
    #[arg(long, short = 'n', default_value_t = 50, value_name = "NUMBER")]
    lines: usize,
}

/// How much a line weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Level {
    Trace,
    Debug,
    Info,
    Warn,
    Error,
}

/// Which lines are wanted.
pub(crate) struct Wanted {
    pub(crate) filter: String,
    pub(crate) level: Option<Level>,
}

impl Wanted {
    fn fits(&self, line: &str) -> bool {
        let heavy = self.level.is_none_or(|least| level(line).is_some_and(|level| level >= least));
        heavy && (self.filter.is_empty() || line.to_lowercase().contains(&self.filter.to_lowercase()))
    }
}

/// The weight of a line, in either format: a word of its own near its begin, or a field of JSON.
fn level(line: &str) -> Option<Level> {
    let word = match line.strip_prefix('{') {
        Some(_) => line.split("\"level\":\"").nth(1)?.split('"').next()?,
        None => line.split_whitespace().nth(1)?,
    };
    [Level::Trace, Level::Debug, Level::Info, Level::Warn, Level::Error]
        .into_iter()
        .find(|level| word.eq_ignore_ascii_case(&format!("{level:?}")))
}

/// Prints the newest lines, and goes on if that is wanted.
pub(crate) async fn run(arguments: LogsArguments) -> Result<ExitCode> {
    let state = home::state()?;
    let wanted = Wanted { filter: arguments.filter, level: arguments.level };
    let (lines, mut end) = newest(&state, &wanted, arguments.lines)?;
    if lines.is_empty() && !arguments.follow {
        eprintln!("There is nothing of that in {}.", logs::folder_of(&state).display());
    }
    lines.iter().try_for_each(|line| output::line(shown(line)))?;
    if !arguments.follow {
        return Ok(ExitCode::SUCCESS);
    }
    loop {
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => {}
            _ = tokio::signal::ctrl_c() => return Ok(ExitCode::SUCCESS),
        }
        for line in end.more(&state)?.into_iter().filter(|line| wanted.fits(line)) {
            output::line(shown(&line))?;
        }
    }
}

fn shown(line: &str) -> String {
    output::plain_line(&line.chars().take(LINE_CHARACTERS_MAX).collect::<String>())
}

/// Where reading stopped.
pub(crate) struct End {
    path: Option<PathBuf>,
    at: u64,
    /// What was written of a line that is not whole yet.
    rest: Vec<u8>,
}

impl End {
    /// Whole lines that were written since; in the next day's file, once there is one.
    fn more(&mut self, state: &Path) -> Result<Vec<String>> {
        let mut lines = self.read()?;
        let newest = files(state)?.pop();
        if newest != self.path {
            *self = Self { path: newest, at: 0, rest: Vec::new() };
            lines.extend(self.read()?);
        }
        Ok(lines)
    }

    fn read(&mut self) -> Result<Vec<String>> {
        let Some(mut file) = self.path.as_ref().and_then(|path| File::open(path).ok()) else {
            return Ok(Vec::new());
        };
        // A file that became shorter was written anew.
        self.at = if file.metadata()?.len() < self.at { 0 } else { self.at };
        file.seek(SeekFrom::Start(self.at))?;
        self.at += file.take(READ_BACK_BYTES_MAX).read_to_end(&mut self.rest)? as u64;
        let Some(whole) = self.rest.iter().rposition(|byte| *byte == b'\n') else { return Ok(Vec::new()) };
        let text: Vec<u8> = self.rest.drain(..=whole).collect();
        Ok(String::from_utf8_lossy(&text).lines().map(str::to_owned).collect())
    }
}

/// The newest lines that are wanted, oldest first, and where they end.
pub(crate) fn newest(state: &Path, wanted: &Wanted, count: usize) -> Result<(Vec<String>, End)> {
    let files = files(state)?;
    let mut lines = VecDeque::new();
    let mut end = End { path: None, at: 0, rest: Vec::new() };
    for path in files.iter().rev() {
        let mut file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
        let length = file.metadata()?.len();
        if end.path.is_none() {
            end = End { path: Some(path.clone()), at: length, rest: Vec::new() };
        }
        let from = length.saturating_sub(READ_BACK_BYTES_MAX);
        file.seek(SeekFrom::Start(from))?;
        let read = read_lines(file, length - from, wanted, count);
        for line in read.into_iter().rev() {
            if lines.len() < count {
                lines.push_front(line);
            }
        }
        if lines.len() >= count {
            break;
        }
    }
    Ok((lines.into(), end))
}

/// The last lines that are wanted of the next so many bytes of a file.
fn read_lines(file: File, bytes: u64, wanted: &Wanted, count: usize) -> VecDeque<String> {
    let mut kept = VecDeque::new();
    for line in BufReader::new(file.take(bytes)).split(b'\n').map_while(Result::ok) {
        let line = String::from_utf8_lossy(&line).into_owned();
        if wanted.fits(&line) {
            kept.push_back(line);
        }
        if kept.len() > count {
            kept.pop_front();
        }
    }
    kept
}

/// The files of the log, the oldest first: each is named after its day.
fn files(state: &Path) -> Result<Vec<PathBuf>> {
    let folder = logs::folder_of(state);
    let entries = match std::fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", folder.display())),
    };
    let mut files: Vec<PathBuf> =
        entries.flatten().map(|entry| entry.path()).filter(|path| is_log(path)).collect();
    files.sort();
    Ok(files)
}

fn is_log(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    name.starts_with(logs::PREFIX) && name.ends_with(logs::SUFFIX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(filter: &str, level: Option<Level>) -> Wanted {
        Wanted { filter: filter.to_owned(), level }
    }

    fn write(state: &Path, day: &str, text: &str) {
        let folder = logs::folder_of(state);
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(format!("drawbridge.{day}.log")), text).unwrap();
    }

    #[test]
    fn the_newest_lines_come_from_as_many_days_as_are_needed() {
        let state = tempfile::tempdir().unwrap();
        assert!(newest(state.path(), &wanted("", None), 5).unwrap().0.is_empty());
        write(state.path(), "2026-11-19", "a\nb\n");
        write(state.path(), "2026-11-20", "c\nd\n");
        std::fs::write(logs::folder_of(state.path()).join("start.err"), "no\n").unwrap();
        let lines = |count| newest(state.path(), &wanted("", None), count).unwrap().0.join("");
        assert_eq!(
            (lines(1), lines(2), lines(3), lines(9)),
            ("d".into(), "cd".into(), "bcd".into(), "abcd".into())
        );
    }

    #[test]
    fn what_is_written_later_is_followed_into_the_next_day() {
        let state = tempfile::tempdir().unwrap();
        write(state.path(), "2026-11-19", "a\n");
        let (_, mut end) = newest(state.path(), &wanted("", None), 5).unwrap();
        write(state.path(), "2026-11-19", "a\nb\nhalf");
        assert_eq!(end.more(state.path()).unwrap(), ["b"]);
        write(state.path(), "2026-11-19", "a\nb\nhalf a line\n");
        write(state.path(), "2026-11-20", "c\n");
        assert_eq!(end.more(state.path()).unwrap(), ["half a line", "c"]);
        assert!(end.more(state.path()).unwrap().is_empty());
    }

    #[test]
    fn lines_are_chosen_by_weight_and_text_in_both_formats() {
        let text = "2026-11-20T10:00:00Z  WARN drawbridge: Something";
        let json = r#"{"timestamp":"2026","level":"ERROR","fields":{"message":"something"}}"#;
        assert_eq!(
            (level(text), level(json), level("  and more")),
            (Some(Level::Warn), Some(Level::Error), None)
        );
        assert!(wanted("SOMETHING", Some(Level::Warn)).fits(text) && wanted("something", None).fits(json));
        assert!(!wanted("", Some(Level::Error)).fits(text) && !wanted("nothing", None).fits(text));
    }
}

//! Reading a file for a caller: which part, as what, and how to go on. Used by tools and resources.

use std::io::{Read as _, Seek as _, SeekFrom};

use serde::Serialize;

use crate::disk::locate::Place;
use crate::disk::roots::Roots;
use crate::disk::stat::Stat;
use crate::error::{FileError, Result};
use crate::text::encoding::{Charset, HEAD_BYTES};
use crate::text::lines::{Part, Start, Text, Wanted};
use crate::work::Work;

/// How much of a file one answer may hold: as base64 it stays below the bound on results.
pub(crate) const BYTES_MAX: usize = 8 * 1024 * 1024;
/// How much of a file one answer holds unless more or less is asked for.
const BYTES_DEFAULT: usize = 1024 * 1024;
/// How large a file may be to be read on the thread of the call.
const QUICK_BYTES_MAX: u64 = 128 * 1024;
/// What hosts show as images.
const IMAGES: &[&str] = &["image/png", "image/jpeg", "image/gif", "image/webp"];

/// For serde: how much one answer holds.
pub(crate) fn bytes_default() -> usize {
    BYTES_DEFAULT
}

/// What is to be read of a file.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reading<'a> {
    /// Where to begin; `None` at the beginning.
    pub(crate) start: Option<Start>,
    pub(crate) lines_max: u64,
    pub(crate) bytes_max: usize,
    /// `base64`, or the label of an encoding; `None` recognises it.
    pub(crate) encoding: Option<&'a str>,
}

impl Default for Reading<'_> {
    fn default() -> Self {
        Self { start: None, lines_max: u64::MAX, bytes_max: BYTES_DEFAULT, encoding: None }
    }
}

/// What was read.
pub(crate) struct ReadFile {
    pub(crate) about: About,
    pub(crate) shape: Shape,
}

/// What the contents are.
pub(crate) enum Shape {
    Text(String),
    Image(Vec<u8>),
    Bytes(Vec<u8>),
}

/// What is known of a file and the part that was read, for programs.
#[derive(Debug, Serialize)]
pub(crate) struct About {
    pub(crate) path: String,
    pub(crate) size_bytes: u64,
    /// What `if_revision` of other tools takes.
    pub(crate) revision: String,
    pub(crate) mime_type: String,
    /// Of a text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) encoding: Option<&'static str>,
    /// Some bytes were no characters of that encoding, and are shown as U+FFFD.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) invalid: bool,
    /// The first byte of the part.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) from_byte: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) from_line: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) lines: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) lines_total: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next_line: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next_byte: Option<u64>,
}

impl Reading<'_> {
    /// Reads the file at `place`.
    pub(crate) fn read(&self, roots: &Roots, place: &Place<'_>, work: &Work) -> Result<ReadFile> {
        work.fits(place.regular()?.size_bytes, QUICK_BYTES_MAX)?;
        let (mut file, stat) = place.open_file(roots)?;
        let shown = place.show();
        let bytes = self.first_bytes(&mut file, &stat, &shown)?;
        let whole = bytes.len() as u64 >= stat.size_bytes && bytes.len() <= self.bytes_max.max(HEAD_BYTES);
        let charset = self.charset(&bytes, whole)?;
        let about = About::new(&stat, place, &bytes, charset);
        let Some(charset) = charset else {
            return self.binary(file, bytes, about);
        };
        let all = self.start.is_none() && self.lines_max == u64::MAX && bytes.len() <= self.bytes_max;
        if whole && all {
            return Ok(about.whole_text(charset, bytes));
        }
        let wanted = Wanted {
            start: self.start.unwrap_or(Start::Line(1)),
            lines_max: self.lines_max.max(1),
            bytes_max: self.bytes_max,
        };
        let part = Text { file, charset, size_bytes: stat.size_bytes, work, shown }.part(wanted)?;
        Ok(about.text(charset, part))
    }

    /// All of a file that is to be given whole; else as much as tells what it is.
    fn first_bytes(&self, file: &mut std::fs::File, stat: &Stat, shown: &str) -> Result<Vec<u8>> {
        let all = self.start.is_none() && stat.size_bytes <= self.bytes_max as u64;
        let length = if all { self.bytes_max.max(HEAD_BYTES) } else { HEAD_BYTES };
        let expected = usize::try_from(stat.size_bytes).unwrap_or(length).min(length);
        let mut bytes = Vec::with_capacity(expected + 1);
        let failed = |error| FileError::io("read", shown, error);
        file.take(length as u64).read_to_end(&mut bytes).map_err(failed)?;
        Ok(bytes)
    }

    /// The encoding that is asked for, or recognised; `None` for bytes.
    fn charset(&self, bytes: &[u8], whole: bool) -> Result<Option<Charset>> {
        let head = &bytes[..bytes.len().min(HEAD_BYTES)];
        match self.encoding {
            None => Ok(Charset::detect(head, whole && head.len() == bytes.len())),
            Some("base64") => Ok(None),
            Some(label) => Charset::labelled(label, head).map(Some).ok_or_else(|| {
                let message =
                    format!("{label} is no encoding; use a name such as utf-8 or windows-1252, or base64");
                FileError::Invalid(message)
            }),
        }
    }

    fn binary(&self, mut file: std::fs::File, head: Vec<u8>, mut about: About) -> Result<ReadFile> {
        let is_image = self.encoding.is_none() && IMAGES.contains(&about.mime_type.as_str());
        let (from, length) = match self.start {
            _ if is_image && about.size_bytes > BYTES_MAX as u64 => return Err(about.too_large_image()),
            _ if is_image => (0, BYTES_MAX),
            None => (0, self.bytes_max),
            Some(Start::Byte(byte)) => (byte, self.bytes_max),
            Some(Start::Line(_)) => return Err(about.no_lines()),
        };
        let failed = |error| FileError::io("read", about.path.clone(), error);
        let bytes = if from == 0 && head.len() as u64 >= about.size_bytes && head.len() <= length {
            head
        } else {
            let mut bytes = Vec::new();
            file.seek(SeekFrom::Start(from)).map_err(failed)?;
            file.take(length as u64).read_to_end(&mut bytes).map_err(failed)?;
            bytes
        };
        let end = from + bytes.len() as u64;
        about.from_byte = (from > 0).then_some(from);
        about.next_byte = (end < about.size_bytes && !bytes.is_empty()).then_some(end);
        let shape = if is_image { Shape::Image(bytes) } else { Shape::Bytes(bytes) };
        Ok(ReadFile { about, shape })
    }
}

impl About {
    fn new(stat: &Stat, place: &Place<'_>, head: &[u8], charset: Option<Charset>) -> Self {
        Self {
            path: place.show(),
            size_bytes: stat.size_bytes,
            revision: stat.revision(),
            mime_type: mime_type(place, head, charset.is_some()),
            encoding: None,
            invalid: false,
            from_byte: None,
            from_line: None,
            lines: None,
            lines_total: None,
            next_line: None,
            next_byte: None,
        }
    }

    fn whole_text(mut self, charset: Charset, mut bytes: Vec<u8>) -> ReadFile {
        bytes.drain(..charset.mark_bytes);
        let (text, valid) = charset.decode(bytes);
        self.encoding = Some(charset.encoding.name());
        self.invalid = !valid;
        ReadFile { about: self, shape: Shape::Text(text) }
    }

    fn text(mut self, charset: Charset, part: Part) -> ReadFile {
        let (text, valid) = charset.decode(part.bytes);
        self.encoding = Some(charset.encoding.name());
        self.invalid = !valid;
        self.from_byte = (part.first_byte > charset.mark_bytes as u64).then_some(part.first_byte);
        self.from_line = part.first_line;
        self.lines = Some(part.lines);
        self.lines_total = part.lines_total;
        self.next_byte = part.next_byte;
        let next_line = part.first_line.filter(|_| !part.cut_in_line).map(|first| first + part.lines);
        self.next_line = next_line.filter(|_| part.next_byte.is_some());
        ReadFile { about: self, shape: Shape::Text(text) }
    }

    /// A sentence on what part this is and how to go on; `None` for a whole file with nothing odd about it.
    pub(crate) fn note(&self) -> Option<String> {
        let invalid = self.invalid.then(|| {
            let encoding = self.encoding.unwrap_or("text");
            format!("Some bytes are not valid {encoding}; they are shown as \u{fffd}, and encoding=base64 gives them.")
        });
        let sentences = [self.part(), self.way_on(), invalid].into_iter().flatten();
        let note = sentences.collect::<Vec<String>>().join(" ");
        (!note.is_empty()).then(|| format!("[{note}]"))
    }

    fn part(&self) -> Option<String> {
        let lines = self.lines?;
        let total = self.lines_total.map(|total| format!(" of {total}")).unwrap_or_default();
        match self.from_line {
            _ if lines == 0 => {
                Some(format!("There are no lines here{}.", total.replace(" of ", "; in all: ")))
            }
            Some(first) => Some(format!("Lines {first} to {}{total} of {}.", first + lines - 1, self.path)),
            None => Some(format!("{lines} lines{total} of {}.", self.path)),
        }
    }

    fn way_on(&self) -> Option<String> {
        match (self.next_line, self.next_byte) {
            (Some(line), _) => Some(format!("Go on with from_line={line}.")),
            (None, Some(byte)) => Some(format!("Go on with from_byte={byte} of {}.", self.size_bytes)),
            (None, None) => None,
        }
    }

    fn too_large_image(&self) -> FileError {
        let (path, size) = (&self.path, self.size_bytes);
        FileError::TooLarge(format!(
            "the image {path} has {size} bytes; at most {BYTES_MAX} are shown. encoding=base64 gives it in parts"
        ))
    }

    fn no_lines(&self) -> FileError {
        FileError::Invalid(format!("{} is not a text and has no lines; use from_byte", self.path))
    }
}

/// The media type: of what is certainly known by its first bytes, else by its name.
fn mime_type(place: &Place<'_>, head: &[u8], is_text: bool) -> String {
    let by_name = place.parts.last().and_then(|name| mime_guess::from_path(name).first_raw());
    let by_bytes = if is_text { None } else { infer::get(head).map(|kind| kind.mime_type()) };
    // Endings have several meanings: `.ts` is TypeScript where it is text.
    let may_be = |name: &&str| !is_text || name.starts_with("text/") || name.starts_with("application/");
    let default = if is_text { "text/plain" } else { "application/octet-stream" };
    by_bytes.or(by_name.filter(may_be)).unwrap_or(default).to_owned()
}

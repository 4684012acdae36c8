//! Documents in messages: PDF files, texts, and addresses of both.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::message::data_url;
use super::{Image, Part};

/// The media type of the only documents that are no texts and that providers read.
pub(crate) const PDF: &str = "application/pdf";
/// What a PDF file begins with, in base64: `%PDF-`.
const PDF_IN_BASE64: &str = "JVBERi0";
/// What a document is called that came without a name.
const UNNAMED: &str = "document";

/// A document that a message carries.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Document {
    /// What it is called.
    pub name: String,
    /// What is in it, or where it is.
    #[serde(flatten)]
    pub source: DocumentSource,
}

/// What is in a document, or where it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum DocumentSource {
    /// A file that the provider reads itself.
    Data {
        /// `application/pdf`.
        media_type: String,
        /// Its bytes in base64, as every dialect wants them.
        base64: String,
    },
    /// Words. Who has no word for documents gets them as such, with the name before them.
    Text {
        /// The words.
        text: String,
    },
    /// At an address that the provider fetches; we never do.
    Url {
        /// The address, `https:` as a rule.
        url: String,
    },
}

/// Why what a client sent as a file cannot be given to any model in other words than the client's own.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the file {name:?} is {kind}, which cannot be given to this model: PDF files, pictures and texts in UTF-8 can"
)]
pub struct NoDocument {
    /// What it is called.
    pub name: String,
    /// What it seems to be.
    pub kind: String,
}

impl Document {
    /// A PDF file, by its bytes in base64.
    #[must_use]
    pub fn pdf(name: Option<String>, base64: impl Into<String>) -> Self {
        let source = DocumentSource::Data { media_type: PDF.to_owned(), base64: base64.into() };
        Self { name: named(name), source }
    }

    /// A text.
    #[must_use]
    pub fn text(name: Option<String>, text: impl Into<String>) -> Self {
        Self { name: named(name), source: DocumentSource::Text { text: text.into() } }
    }

    /// Something at an address.
    #[must_use]
    pub fn at(name: Option<String>, url: impl Into<String>) -> Self {
        Self { name: named(name), source: DocumentSource::Url { url: url.into() } }
    }

    /// Itself as words, for those who have no other way to be told; nothing where it is no text. It begins with a line
    /// of its own: dialects put the words of a message together.
    #[must_use]
    pub fn as_words(&self) -> Option<String> {
        match &self.source {
            DocumentSource::Text { text } => Some(format!("\nFile {}:\n{text}\n", self.name)),
            DocumentSource::Data { .. } | DocumentSource::Url { .. } => None,
        }
    }

    /// A file's bytes as an address; nothing where it is none.
    #[must_use]
    pub fn data_url(&self) -> Option<String> {
        match &self.source {
            DocumentSource::Data { media_type, base64 } => Some(format!("data:{media_type};base64,{base64}")),
            DocumentSource::Text { .. } | DocumentSource::Url { .. } => None,
        }
    }
}

impl Part {
    /// A file as clients send it: base64, alone or as a `data:` address. What it is says its type, or its content where
    /// no type is given; a picture becomes one.
    ///
    /// # Errors
    /// [`NoDocument`] for what is neither PDF nor picture nor text.
    pub fn file(name: Option<String>, data: &str) -> Result<Self, NoDocument> {
        match data_url(data) {
            Some((media_type, base64)) => Self::file_of(name, media_type, base64),
            None => Self::file_of(name, "", data),
        }
    }

    /// The same with its type apart.
    ///
    /// # Errors
    /// As [`Part::file`].
    pub fn file_of(name: Option<String>, media_type: &str, base64: &str) -> Result<Self, NoDocument> {
        if media_type == PDF || base64.starts_with(PDF_IN_BASE64) {
            return Ok(Self::File(Document::pdf(name, base64)));
        }
        if media_type.starts_with("image/") {
            return Ok(Self::Image(Image::data(media_type, base64)));
        }
        match text_in(base64) {
            Some(text) => Ok(Self::File(Document::text(name, text))),
            None => Err(NoDocument { name: named(name), kind: kind_of(media_type) }),
        }
    }
}

fn named(name: Option<String>) -> String {
    name.filter(|name| !name.trim().is_empty()).unwrap_or_else(|| UNNAMED.to_owned())
}

fn kind_of(media_type: &str) -> String {
    if media_type.is_empty() { "of no kind that is known".to_owned() } else { media_type.to_owned() }
}

/// The words of a file, if it is a text. No text has a NUL in it, and nearly every other file has.
fn text_in(base64: &str) -> Option<String> {
    let text = String::from_utf8(STANDARD.decode(base64.trim()).ok()?).ok()?;
    (!text.contains('\0')).then(|| text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(name: &str, words: &str) -> Part {
        Part::File(Document::text(Some(name.into()), words))
    }

    #[test]
    fn a_file_is_what_its_type_says_or_its_content() {
        let pdf = Part::File(Document::pdf(Some("a".into()), "JVBERi0xLjQ="));
        let name = || Some("a".to_owned());
        for data in [
            "data:application/pdf;base64,JVBERi0xLjQ=",
            "JVBERi0xLjQ=",
            "data:application/octet-stream;base64,JVBERi0xLjQ=",
        ] {
            assert_eq!(Part::file(name(), data), Ok(pdf.clone()), "{data}");
        }
        for data in ["data:text/csv;charset=utf-8;base64,aMOpLDE=", "aMOpLDE=", "77u/aMOpLDE="] {
            assert_eq!(Part::file(name(), data), Ok(text("a", "hé,1")), "{data}");
        }
        let picture = Part::Image(Image::data("image/png", "AAAA"));
        assert_eq!(Part::file(None, "data:image/png;base64,AAAA"), Ok(picture));
    }

    #[test]
    fn what_is_no_document_is_refused_by_its_name_and_kind() {
        for (data, kind) in [
            ("data:application/zip;base64,UEsDBAD/", "application/zip"),
            ("AAECAw==", "of no kind"),
            ("/////w==", "of no kind"),
            ("data:text/plain;base64,%%%", "text/plain"),
            ("no base64 at all", "of no kind"),
        ] {
            let why = Part::file(Some("box".into()), data).unwrap_err().to_string();
            assert!(why.contains("\"box\"") && why.contains(kind), "{data}: {why}");
        }
    }

    #[test]
    fn an_empty_name_is_a_name_of_ours() {
        assert_eq!(Document::text(Some(" ".into()), "x").name, UNNAMED);
        assert_eq!(Document::text(None, "x").as_words().unwrap(), "\nFile document:\nx\n");
    }

    #[test]
    fn documents_are_read_as_they_are_written() {
        for document in [
            Document::pdf(None, "AA"),
            Document::text(None, "x"),
            Document::at(None, "https://a.example/b.pdf"),
        ] {
            let json = serde_json::to_string(&Part::File(document.clone())).unwrap();
            assert_eq!(serde_json::from_str::<Part>(&json).unwrap(), Part::File(document), "{json}");
        }
    }
}

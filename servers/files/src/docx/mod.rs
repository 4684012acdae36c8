//! Word documents (`.docx`, ECMA-376): the paragraphs of the body, read and exchanged. No I/O.
//!
//! Of the archive only the document itself is unpacked, up to a bound; everything else is copied as it is.

mod archive;
mod paragraphs;

pub(crate) use archive::{open, repack};
pub(crate) use paragraphs::{exchange, read};

/// Why a document cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DocxError {
    #[error("it is no Word document (.docx): {0}")]
    NoDocument(String),
    #[error("its text would have more than {XML_BYTES_MAX} bytes unpacked")]
    TooLarge,
    #[error("it has {0} parts; at most {PARTS_MAX} are taken")]
    TooManyParts(usize),
    #[error("its elements lie deeper than {DEPTH_MAX} levels")]
    TooDeep,
    #[error("there is no paragraph {index}: it has {count}, counted from 0")]
    NoParagraph { index: usize, count: usize },
}

/// How large the document may be unpacked, in bytes.
pub(crate) const XML_BYTES_MAX: usize = 32 * 1024 * 1024;
/// How many parts an archive may have.
pub(crate) const PARTS_MAX: usize = 4_096;
/// How deep elements may lie.
pub(crate) const DEPTH_MAX: usize = 256;

/// What is read of a document.
pub(crate) type Result<T> = std::result::Result<T, DocxError>;

fn broken(error: impl std::fmt::Display) -> DocxError {
    DocxError::NoDocument(error.to_string())
}

#[cfg(test)]
pub(crate) mod tests {
    use std::collections::BTreeMap;
    use std::io::{Cursor, Write as _};

    use zip::write::SimpleFileOptions;
    use zip::{CompressionMethod, ZipWriter};

    use super::*;

    const START: &str =
        r#"<?xml version="1.0" encoding="UTF-8" standalone="yes"?><w:document xmlns:w="urn:w"><w:body>"#;
    const END: &str = "<w:sectPr/></w:body></w:document>";

    /// A document with this body.
    pub(crate) fn document(body: &str) -> Vec<u8> {
        archive(&format!("{START}{body}{END}"))
    }

    fn archive(xml: &str) -> Vec<u8> {
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        let packed = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
        for (name, content) in
            [("[Content_Types].xml", "<Types/>"), ("word/document.xml", xml), ("word/media/a.bin", "raw")]
        {
            writer.start_file(name, packed).unwrap();
            writer.write_all(content.as_bytes()).unwrap();
        }
        writer.finish().unwrap().into_inner()
    }

    fn texts(bytes: &[u8]) -> Vec<String> {
        read(&open(bytes).unwrap()).unwrap()
    }

    const BODY: &str = "<w:p><w:pPr><w:jc w:val=\"center\"/></w:pPr><w:r><w:rPr><w:b/></w:rPr><w:t>Title &amp; more</w:t></w:r><w:r><w:t xml:space=\"preserve\"> end</w:t></w:r></w:p>\
        <w:p/>\
        <w:tbl><w:tr><w:tc><w:p><w:r><w:t>in a table</w:t></w:r></w:p></w:tc></w:tr></w:tbl>\
        <w:p><w:hyperlink><w:r><w:t>a</w:t><w:tab/><w:t>b</w:t><w:br/><w:t>&#233;</w:t></w:r></w:hyperlink><w:del><w:r><w:t>gone</w:t></w:r></w:del></w:p>";

    #[test]
    fn the_paragraphs_of_the_body_are_read() {
        assert_eq!(texts(&document(BODY)), ["Title & more end", "", "a\tb\né"]);
    }

    #[test]
    fn a_paragraph_is_exchanged_and_everything_else_stays() {
        let before = document(BODY);
        let xml = open(&before).unwrap();
        let changes = BTreeMap::from([(0, "New <title>\tx\ny".to_owned()), (1, "was empty".to_owned())]);
        let changed = exchange(&xml, &changes).unwrap();
        let after = repack(&before, &changed).unwrap();
        assert_eq!(texts(&after), ["New <title>\tx\ny", "was empty", "a\tb\né"]);
        let text = open(&after).unwrap();
        assert!(text.contains("<w:jc w:val=\"center\"/></w:pPr><w:r><w:rPr><w:b/></w:rPr><w:t xml:space=\"preserve\">New &lt;title&gt;"), "{text}");
        assert!(text.contains("in a table") && text.contains("gone") && text.ends_with(END));
        let mut archive = zip::ZipArchive::new(Cursor::new(after)).unwrap();
        assert_eq!(archive.len(), 3);
        assert_eq!(std::io::read_to_string(archive.by_name("word/media/a.bin").unwrap()).unwrap(), "raw");
    }

    #[test]
    fn a_paragraph_that_is_not_there_is_refused() {
        let xml = open(&document(BODY)).unwrap();
        let error = exchange(&xml, &BTreeMap::from([(3, String::new())])).unwrap_err();
        assert!(matches!(error, DocxError::NoParagraph { index: 3, count: 3 }), "{error}");
    }

    #[test]
    fn e8_a_bomb_is_refused_at_the_bound() {
        let bomb = document(&" ".repeat(XML_BYTES_MAX));
        assert!(bomb.len() < 100_000, "{}", bomb.len());
        assert!(matches!(open(&bomb), Err(DocxError::TooLarge)));
        let fits = archive(&" ".repeat(XML_BYTES_MAX));
        assert_eq!(open(&fits).unwrap().len(), XML_BYTES_MAX);
        let deep = document(&format!("{}{}", "<w:a>".repeat(DEPTH_MAX), "</w:a>".repeat(DEPTH_MAX)));
        assert!(matches!(read(&open(&deep).unwrap()), Err(DocxError::TooDeep)));
    }

    #[test]
    fn what_is_no_document_is_refused() {
        for bad in [&b"PK"[..], b"", b"text"] {
            assert!(matches!(open(bad), Err(DocxError::NoDocument(_))));
        }
        for bad in ["<a><b></a>", "<a>&evil;</a>", "<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>"] {
            assert!(matches!(read(bad), Err(DocxError::NoDocument(_))), "{bad}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_comes_back_as_it_was(text in "[ -~\\t\\nà-ü]{0,60}") {
            let before = document(BODY);
            let xml = exchange(&open(&before).unwrap(), &BTreeMap::from([(0, text.clone())])).unwrap();
            proptest::prop_assert_eq!(&read(&xml).unwrap()[0], &text);
        }

        #[test]
        fn any_bytes_are_refused_or_read_without_a_panic(xml in "[<>/wpbody:trs&;!\\[\\]\" =]{0,80}") {
            let _any = read(&xml);
            let _other = open(xml.as_bytes());
        }
    }
}

//! The archive: one part unpacked, the others copied as they are.

use std::io::{Cursor, Read as _, Write as _};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use super::{DocxError, PARTS_MAX, Result, XML_BYTES_MAX, broken};

/// The part that is the document.
const DOCUMENT: &str = "word/document.xml";

type Archive<'a> = ZipArchive<Cursor<&'a [u8]>>;

/// Unpacks the document.
pub(crate) fn open(bytes: &[u8]) -> Result<String> {
    let mut archive = parts(bytes)?;
    let part = archive.by_name(DOCUMENT).map_err(broken)?;
    let mut xml = Vec::new();
    part.take(XML_BYTES_MAX as u64 + 1).read_to_end(&mut xml).map_err(broken)?;
    if xml.len() > XML_BYTES_MAX {
        return Err(DocxError::TooLarge);
    }
    String::from_utf8(xml).map_err(|_| broken("its text is not UTF-8"))
}

/// The same archive with another document in it.
pub(crate) fn repack(bytes: &[u8], xml: &str) -> Result<Vec<u8>> {
    let mut archive = parts(bytes)?;
    let mut writer = ZipWriter::new(Cursor::new(Vec::with_capacity(bytes.len())));
    let mut copied = 0;
    for index in 0..archive.len() {
        let part = archive.by_index_raw(index).map_err(broken)?;
        if part.name().is_ok_and(|name| name == DOCUMENT) {
            let packed = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
            writer.start_file(DOCUMENT, packed).map_err(broken)?;
            writer.write_all(xml.as_bytes()).map_err(broken)?;
            continue;
        }
        // Parts that overlap would be copied again and again.
        copied += part.compressed_size();
        if copied > bytes.len() as u64 {
            return Err(broken("its parts overlap"));
        }
        writer.raw_copy_file(part).map_err(broken)?;
    }
    Ok(writer.finish().map_err(broken)?.into_inner())
}

fn parts(bytes: &[u8]) -> Result<Archive<'_>> {
    let archive = ZipArchive::new(Cursor::new(bytes)).map_err(broken)?;
    if archive.len() > PARTS_MAX { Err(DocxError::TooManyParts(archive.len())) } else { Ok(archive) }
}

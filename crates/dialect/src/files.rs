//! `mcp.fs.*` and `mcp.file.*`. Their paths begin with `/`, which is the root, or the list of roots where there are several.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use drawbridge_contract::BoxFuture;
use serde_json::{Map, Value, json};

use crate::door::{Door, Found};
use crate::error::{FILES, Fault, OldError};
use crate::limits::{ENTRIES_MAX, FOUND_MAX, PREVIEW_CHARACTERS, READ_BYTES_MAX};

/// How many entries are asked for at once.
const PAGE: usize = 2_000;
/// How many bytes are asked for at once.
const PART_BYTES: u64 = 4 * 1024 * 1024;

type Params = Map<String, Value>;

/// A path as our tools take it.
pub(crate) fn real(path: &str) -> String {
    path.trim_start_matches('/').to_owned()
}

/// A path as clients of the dialect take it.
fn virtual_path(path: &str) -> String {
    format!("/{}", path.trim_matches('/'))
}

fn text<'a>(params: &'a Params, name: &str) -> &'a str {
    params.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn arguments(value: Value) -> Params {
    match value {
        Value::Object(map) => map,
        _ => Params::new(),
    }
}

/// `[{name, path, type, size, modified_at}]`
pub(crate) fn list(door: &Door, params: Params) -> BoxFuture<'_, Result<Value, OldError>> {
    Box::pin(async move {
        let path = text(&params, "path");
        let (mut entries, mut cursor) = (Vec::new(), Value::Null);
        loop {
            let mut asked = arguments(
                json!({"path": real(path), "details": true, "hidden": true, "directories_first": false, "limit": PAGE}),
            );
            if cursor.is_string() {
                asked.insert("cursor".to_owned(), cursor);
            }
            let mut found = door.call(FILES, "files_list", asked).await?.data;
            let page = found["entries"].as_array().map(Vec::as_slice).unwrap_or_default();
            entries.extend(page.iter().map(|entry| shown(path, entry)));
            cursor = found["next_cursor"].take();
            if !cursor.is_string() {
                return Ok(entries.into());
            }
            if entries.len() >= ENTRIES_MAX {
                let why = format!(
                    "the folder has more than {ENTRIES_MAX} entries; use the tool files_list, page by page"
                );
                return Err(OldError::of_tool(FILES, Fault::Failed, why));
            }
        }
    })
}

fn shown(folder: &str, entry: &Value) -> Value {
    let name = entry["name"].as_str().unwrap_or_default();
    let size = match &entry["kind"] {
        Value::String(kind) if kind == "directory" => json!(-1),
        _ => entry["size_bytes"].as_u64().map_or(json!(0), Value::from),
    };
    let path = virtual_path(&format!("{}/{name}", folder.trim_end_matches('/')));
    json!({"name": name, "path": path, "type": entry["kind"], "size": size, "modified_at": entry["modified"]})
}

/// `{path, content, encoding, mime_type}`
pub(crate) fn read(door: &Door, params: Params) -> BoxFuture<'_, Result<Value, OldError>> {
    Box::pin(async move {
        let (path, encoding) = (text(&params, "path"), text(&params, "encoding"));
        if !matches!(encoding, "" | "text" | "base64") {
            return Err(OldError::parameter("encoding", "it is \"text\" or \"base64\""));
        }
        let file = whole(door, path).await?;
        let content = match encoding {
            "base64" => STANDARD.encode(file.bytes),
            _ => String::from_utf8(file.bytes).map_err(|_| no_text(path))?,
        };
        let encoding = if encoding == "base64" { "base64" } else { "text" };
        Ok(
            json!({"path": virtual_path(path), "content": content, "encoding": encoding, "mime_type": file.mime_type}),
        )
    })
}

struct File {
    bytes: Vec<u8>,
    mime_type: Value,
}

/// All bytes of a file, of one and the same revision.
async fn whole(door: &Door, path: &str) -> Result<File, OldError> {
    let (mut bytes, mut revision) = (Vec::new(), None);
    loop {
        let asked = json!({
            "path": real(path), "encoding": "base64", "from_byte": bytes.len(), "bytes_max": PART_BYTES,
        });
        let mut found = door.call(FILES, "files_read", arguments(asked)).await?;
        let about = found.meta["drawbridge/files"].take();
        if about["size_bytes"].as_u64().is_some_and(|size| size > READ_BYTES_MAX) {
            return Err(too_large(path));
        }
        if *revision.get_or_insert_with(|| about["revision"].clone()) != about["revision"] {
            let why = format!("{path} changed while it was read; try again");
            return Err(OldError::of_tool(FILES, Fault::Failed, why));
        }
        bytes.extend(part(&found).ok_or_else(|| OldError::internal("a part of the file is missing"))?);
        if about["next_byte"].is_null() {
            return Ok(File { bytes, mime_type: about["mime_type"].clone() });
        }
    }
}

fn part(found: &Found) -> Option<Vec<u8>> {
    let blob = found.blocks.first()?["resource"]["blob"].as_str()?;
    STANDARD.decode(blob).ok()
}

fn too_large(path: &str) -> OldError {
    let why = format!(
        "{path} has more than {READ_BYTES_MAX} bytes, too many at once; use the tool files_read, part by part"
    );
    OldError::of_tool(FILES, Fault::Invalid, why)
}

fn no_text(path: &str) -> OldError {
    OldError::of_tool(FILES, Fault::Invalid, format!("{path} is no UTF-8 text; read it as \"base64\""))
}

/// `[{index, text}]`
pub(crate) fn paragraphs(door: &Door, params: Params) -> BoxFuture<'_, Result<Value, OldError>> {
    Box::pin(async move {
        let mut all = Vec::new();
        loop {
            let asked = json!({"path": real(text(&params, "path")), "from": all.len(), "limit": PAGE});
            let mut found = door.call(FILES, "files_docx_read", arguments(asked)).await?.data;
            let Value::Array(page) = found["paragraphs"].take() else { return Ok(all.into()) };
            let is_last = page.is_empty();
            all.extend(page);
            if is_last || all.len() as u64 >= found["total"].as_u64().unwrap_or(0) {
                return Ok(all.into());
            }
        }
    })
}

/// `{path, bytes_written, status}`
pub(crate) fn written(params: &Params, _: &Value) -> Value {
    let content = text(params, "content");
    let bytes = match text(params, "encoding") {
        "base64" => STANDARD.decode(content).map_or(0, |bytes| bytes.len()),
        _ => content.len(),
    };
    json!({"path": virtual_path(text(params, "path")), "bytes_written": bytes, "status": "success"})
}

/// `{path, status}`
pub(crate) fn done(params: &Params, _: &Value) -> Value {
    json!({"path": virtual_path(text(params, "path")), "status": "success"})
}

/// `[{path, score, preview}]`: the text files with the most lines that have one of the words.
pub(crate) fn search(door: &Door, params: Params) -> BoxFuture<'_, Result<Value, OldError>> {
    Box::pin(async move {
        let words: Vec<String> = text(&params, "query").split_whitespace().map(escaped).collect();
        if words.is_empty() {
            return Err(OldError::parameter("query", "there is no word in it"));
        }
        let wanted = params.get("top_k").and_then(Value::as_u64).unwrap_or(5).clamp(1, FOUND_MAX as u64);
        let asked = json!({
            "pattern": words.join("|"), "path": real(text(&params, "scope")), "case": "insensitive", "files_only": true, "limit": PAGE,
        });
        let found = door.call(FILES, "files_search", arguments(asked)).await?;
        let mut counts = counts(&found);
        counts.sort_by(|one, other| other.1.cmp(&one.1).then_with(|| one.0.cmp(&other.0)));
        counts.truncate(usize::try_from(wanted).unwrap_or(FOUND_MAX));
        let mut hits = Vec::with_capacity(counts.len());
        for (path, lines) in counts {
            let preview = preview(door, &path).await?;
            #[expect(clippy::cast_precision_loss, reason = "a score needs no more than a few digits")]
            let score = lines as f64 / (lines as f64 + 1.0);
            hits.push(json!({"path": virtual_path(&path), "score": score, "preview": preview}));
        }
        Ok(hits.into())
    })
}

/// A word as a regular expression that finds just that.
fn escaped(word: &str) -> String {
    word.chars().flat_map(|one| one.is_ascii_punctuation().then_some('\\').into_iter().chain([one])).collect()
}

/// Files and how many of their lines match, as `files_search` tells: `path: count` in each line, and a summary.
fn counts(found: &Found) -> Vec<(String, u64)> {
    let text = found.blocks.first().and_then(|block| block["text"].as_str()).unwrap_or_default();
    let count = |line: &str| {
        let (path, count) = line.rsplit_once(": ")?;
        Some((path.to_owned(), count.parse().ok()?))
    };
    text.lines().filter_map(count).collect()
}

async fn preview(door: &Door, path: &str) -> Result<String, OldError> {
    let asked = json!({"path": path, "bytes_max": 4 * PREVIEW_CHARACTERS});
    let found = door.call(FILES, "files_read", arguments(asked)).await?;
    let text = found.blocks.first().and_then(|block| block["text"].as_str()).unwrap_or_default();
    Ok(text.chars().take(PREVIEW_CHARACTERS).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_go_both_ways() {
        assert_eq!((real("/a/b").as_str(), real("/").as_str(), real("a").as_str()), ("a/b", "", "a"));
        assert_eq!((virtual_path("a/b").as_str(), virtual_path("/").as_str()), ("/a/b", "/"));
    }

    #[test]
    fn a_word_is_taken_as_it_stands() {
        assert_eq!(escaped("a.b|c"), r"a\.b\|c");
        assert_eq!(escaped("naïve"), "naïve");
    }
}

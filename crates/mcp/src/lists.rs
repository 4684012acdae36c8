//! The pages of `tools/list` and its sisters: rendered once per view and revision, then copied.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use drawbridge_contract::{Annotations, Background, RawValue, ToolSpec, View};
use serde::Serialize;
use serde_json::Value;

use crate::convert::{begin, end};
use crate::cursor;
use crate::encode::{Object, write_value};
use crate::envelope::string;
use crate::error::WireError;
use crate::limits::{LIST_TTL_MS, PAGES_CACHED_BYTES_MAX, PAGES_CACHED_MAX};
use crate::version::Version;

/// What is listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Tools,
    Resources,
    Templates,
    Prompts,
}

impl Kind {
    /// Marks cursors of this list.
    pub(crate) fn tag(self) -> u8 {
        match self {
            Self::Tools => b't',
            Self::Resources => b'r',
            Self::Templates => b'm',
            Self::Prompts => b'p',
        }
    }

    fn member(self) -> &'static str {
        match self {
            Self::Tools => "tools",
            Self::Resources => "resources",
            Self::Templates => "resourceTemplates",
            Self::Prompts => "prompts",
        }
    }
}

/// Renders pages, and keeps the newest.
pub(crate) struct Lists {
    page_size: usize,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    pages: VecDeque<(Key, Bytes)>,
    bytes: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Key {
    revision: u64,
    version: Version,
    kind: Kind,
    offset: usize,
}

impl Lists {
    /// Pages of `page_size` entries each, at least one.
    pub(crate) fn new(page_size: usize) -> Self {
        Self { page_size: page_size.max(1), kept: Mutex::default() }
    }

    /// The result object of one page, as JSON.
    pub(crate) fn page(
        &self,
        view: &View,
        version: Version,
        kind: Kind,
        cursor: Option<&RawValue>,
    ) -> Result<Bytes, WireError> {
        let offset = self.offset(kind, cursor)?;
        let key = Key { revision: view.revision, version, kind, offset };
        // Resources come and go without a new view.
        let can_keep = kind != Kind::Resources;
        if let Some(page) = can_keep.then(|| self.kept(key)).flatten() {
            return Ok(page);
        }
        let page = self.render(view, key)?;
        if can_keep {
            self.keep(key, page.clone());
        }
        Ok(page)
    }

    fn offset(&self, kind: Kind, cursor: Option<&RawValue>) -> Result<usize, WireError> {
        let Some(raw) = cursor else { return Ok(0) };
        let text = string(raw).ok_or_else(|| WireError::invalid_params("`cursor` must be a string"))?;
        cursor::decode(kind, self.page_size, &text)
    }

    fn render(&self, view: &View, key: Key) -> Result<Bytes, WireError> {
        let version = key.version;
        match key.kind {
            Kind::Tools => self.write(key, &view.tools, |out, tool| write_tool(out, tool.spec(), version)),
            Kind::Resources => {
                self.write(key, &view.list_resources(), |out, item| write_spec(out, item, version))
            }
            Kind::Templates => self.write(key, &view.templates, |out, item| write_spec(out, item, version)),
            Kind::Prompts => self.write(key, &view.prompts, |out, item| write_spec(out, item, version)),
        }
    }

    fn write<T>(&self, key: Key, all: &[T], each: impl FnMut(&mut Vec<u8>, &T)) -> Result<Bytes, WireError> {
        let Key { version, kind, offset, .. } = key;
        let is_past_the_end = offset > 0 && offset >= all.len();
        if is_past_the_end {
            return Err(WireError::invalid_params(
                "the list ends before this cursor; list again from the start",
            ));
        }
        let end_of_page = all.len().min(offset + self.page_size);
        let mut out = Vec::new();
        let mut object = Object::open(&mut out);
        begin(version, &mut object);
        object.list(kind.member(), &all[offset..end_of_page], each);
        if end_of_page < all.len() {
            object.value("nextCursor", &cursor::encode(kind, end_of_page));
        }
        if version.is_modern() {
            object.value("ttlMs", &LIST_TTL_MS);
            // Each caller has a view of its own.
            object.raw("cacheScope", r#""private""#);
        }
        end(version, &mut object, None);
        object.close();
        Ok(out.into())
    }

    fn kept(&self, key: Key) -> Option<Bytes> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.pages.iter().find(|(known, _)| *known == key).map(|(_, page)| page.clone())
    }

    fn keep(&self, key: Key, page: Bytes) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.bytes += page.len();
        kept.pages.push_back((key, page));
        while kept.pages.len() > PAGES_CACHED_MAX || kept.bytes > PAGES_CACHED_BYTES_MAX {
            let Some((_, oldest)) = kept.pages.pop_front() else { break };
            kept.bytes -= oldest.len();
        }
    }
}

/// A tool as the first revisions knew it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PlainTool<'a> {
    name: &'a str,
    description: &'a str,
    input_schema: &'a RawValue,
    #[serde(skip_serializing_if = "Option::is_none")]
    annotations: Option<Annotations>,
}

/// A tool that may run as a task of 2025-11-25, and says so.
#[derive(Serialize)]
struct TaskTool<'a> {
    #[serde(flatten)]
    spec: &'a ToolSpec,
    execution: Execution,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Execution {
    task_support: &'static str,
}

fn task_support(spec: &ToolSpec, version: Version) -> Option<Execution> {
    let task_support = match spec.background {
        Background::Forbidden => return None,
        Background::Optional => "optional",
        Background::Required => "required",
    };
    version.has_core_tasks().then_some(Execution { task_support })
}

fn write_tool(out: &mut Vec<u8>, spec: &ToolSpec, version: Version) {
    if let Some(execution) = task_support(spec, version) {
        return write_value(out, &TaskTool { spec, execution });
    }
    if version.has_structure() {
        return write_value(out, spec);
    }
    let annotations = version.has_annotations().then_some(spec.annotations);
    let (name, description, input_schema) = (&*spec.name, &*spec.description, &*spec.input_schema);
    write_value(out, &PlainTool { name, description, input_schema, annotations });
}

/// A resource, template or prompt; before 2025-06-18 without its title.
fn write_spec(out: &mut Vec<u8>, spec: &impl Serialize, version: Version) {
    if version.has_structure() {
        return write_value(out, spec);
    }
    let mut value = serde_json::to_value(spec).unwrap_or_default();
    if let Value::Object(members) = &mut value {
        members.remove("title");
    }
    write_value(out, &value);
}

#[cfg(test)]
mod tests {
    use drawbridge_contract::PromptSpec;

    use super::*;

    fn view(count: usize) -> View {
        let prompt = |number| PromptSpec {
            name: format!("p{number}"),
            title: Some("T".to_owned()),
            description: None,
            arguments: Vec::new(),
        };
        View {
            revision: 7,
            tools: Vec::new(),
            resources: Vec::new(),
            templates: Vec::new(),
            prompts: (0..count).map(prompt).collect(),
            instructions: String::new(),
        }
    }

    fn page(lists: &Lists, view: &View, version: Version, cursor: Option<&str>) -> Result<Value, WireError> {
        let raw = cursor.map(|text| RawValue::from_string(Value::from(text).to_string()).unwrap());
        let page = lists.page(view, version, Kind::Prompts, raw.as_deref())?;
        Ok(serde_json::from_slice(&page).unwrap())
    }

    #[test]
    fn all_pages_together_are_the_list() {
        let (lists, view) = (Lists::new(4), view(10));
        let (mut names, mut cursor) = (Vec::new(), None::<String>);
        loop {
            let page = page(&lists, &view, Version::V2026_07_28, cursor.as_deref()).unwrap();
            names.extend(page["prompts"].as_array().unwrap().iter().map(|item| item["name"].to_string()));
            match page["nextCursor"].as_str() {
                Some(next) => cursor = Some(next.to_owned()),
                None => break,
            }
        }
        assert_eq!(names, (0..10).map(|number| format!("\"p{number}\"")).collect::<Vec<_>>());
    }

    #[test]
    fn a_full_last_page_has_no_next() {
        let page = page(&Lists::new(10), &view(10), Version::V2026_07_28, None).unwrap();
        assert!(page.get("nextCursor").is_none());
        assert_eq!(
            (&page["ttlMs"], &page["cacheScope"]),
            (&Value::from(LIST_TTL_MS), &Value::from("private"))
        );
    }

    #[test]
    fn a_cursor_past_the_end_is_refused() {
        let cursor = cursor::encode(Kind::Prompts, 12);
        assert!(page(&Lists::new(4), &view(12), Version::V2026_07_28, Some(&cursor)).is_err());
    }

    #[test]
    fn old_revisions_see_what_existed_then() {
        let lists = Lists::new(10);
        let old = page(&lists, &view(1), Version::V2024_11_05, None).unwrap();
        assert_eq!(old, serde_json::json!({ "prompts": [{ "name": "p0", "arguments": [] }] }));
        let young = page(&lists, &view(1), Version::V2025_06_18, None).unwrap();
        assert_eq!(young["prompts"][0]["title"], "T");
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let lists = Lists::new(1);
        let view = view(PAGES_CACHED_MAX + 10);
        for offset in 1..PAGES_CACHED_MAX + 10 {
            let cursor = cursor::encode(Kind::Prompts, offset);
            page(&lists, &view, Version::V2026_07_28, Some(&cursor)).unwrap();
        }
        let kept = lists.kept.lock().unwrap();
        assert_eq!(kept.pages.len(), PAGES_CACHED_MAX);
        assert_eq!(kept.bytes, kept.pages.iter().map(|(_, page)| page.len()).sum::<usize>());
    }
}

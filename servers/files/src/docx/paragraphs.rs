//! The paragraphs that stand in the body itself, as `python-docx` counts them: not those of tables and text boxes.

use std::collections::BTreeMap;

use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesEnd, BytesRef, BytesStart, BytesText, Event};
use quick_xml::{Reader, Writer};

use super::{DEPTH_MAX, DocxError, Result, broken};

/// What stands in these is not text of the paragraph: what was deleted, and boxes with text of their own.
const ELSEWHERE: [&str; 3] = ["del", "txbxContent", "AlternateContent"];

/// The texts of all paragraphs.
pub(crate) fn read(xml: &str) -> Result<Vec<String>> {
    let (mut reader, mut texts, mut place) = (Reader::from_str(xml), Vec::new(), Place::default());
    loop {
        match reader.read_event().map_err(broken)? {
            Event::Start(element) => {
                if place.is_body() && is(&element, "p") {
                    texts.push(String::new());
                }
                place.enter(&element)?;
            }
            Event::Empty(element) if place.is_body() && is(&element, "p") => texts.push(String::new()),
            Event::Empty(element) if place.is_text() => match element.local_name().as_ref() {
                "tab" => push(&mut texts, "\t"),
                "br" | "cr" => push(&mut texts, "\n"),
                _ => {}
            },
            Event::Text(text) if place.is_in_t() => push(&mut texts, &text.xml10_content()),
            Event::CData(text) if place.is_in_t() => push(&mut texts, &text.xml10_content()),
            Event::GeneralRef(name) => {
                let resolved = resolve(&name)?;
                if place.is_in_t() {
                    push(&mut texts, &resolved);
                }
            }
            Event::DocType(_) => return Err(broken("it has a document type")),
            Event::End(_) => place.leave(),
            Event::Eof => {
                return if place.stack.is_empty() { Ok(texts) } else { Err(broken("it ends early")) };
            }
            _ => {}
        }
    }
}

fn push(texts: &mut [String], text: &str) {
    if let Some(last) = texts.last_mut() {
        last.push_str(text);
    }
}

/// The document with other texts in the paragraphs of these numbers. A paragraph keeps its own settings, and those of its
/// first run.
pub(crate) fn exchange(xml: &str, changes: &BTreeMap<usize, String>) -> Result<String> {
    let count = read(xml)?.len();
    if let Some((&index, _)) = changes.last_key_value().filter(|(index, _)| **index >= count) {
        return Err(DocxError::NoParagraph { index, count });
    }
    let (mut reader, mut place, mut number) = (Reader::from_str(xml), Place::default(), 0);
    let mut writer = Writer::new(Vec::with_capacity(xml.len()));
    loop {
        let event = reader.read_event().map_err(broken)?;
        let begins = matches!(&event, Event::Start(element) | Event::Empty(element) if place.is_body() && is(element, "p"));
        let change = if begins { changes.get(&number) } else { None };
        number += usize::from(begins);
        match (event, change) {
            (Event::Eof, _) => return String::from_utf8(writer.into_inner()).map_err(broken),
            (Event::Start(element), Some(text)) => {
                let kept = Kept::read(&mut reader)?;
                write(&mut writer, &element, &kept, text)?;
            }
            (Event::Empty(element), Some(text)) => write(&mut writer, &element, &Kept::default(), text)?,
            (event, _) => {
                match &event {
                    Event::Start(element) => place.enter(element)?,
                    Event::End(_) => place.leave(),
                    _ => {}
                }
                writer.write_event(event).map_err(broken)?;
            }
        }
    }
}

/// What stays of a paragraph whose text is exchanged.
#[derive(Default)]
struct Kept {
    /// The settings of the paragraph.
    paragraph: Vec<Event<'static>>,
    /// The settings of its first run.
    run: Vec<Event<'static>>,
}

impl Kept {
    /// Reads up to the end of the paragraph.
    fn read(reader: &mut Reader<&[u8]>) -> Result<Self> {
        let (mut kept, mut place) = (Self::default(), Place::default());
        loop {
            let event = reader.read_event().map_err(broken)?;
            match &event {
                Event::Start(element) => place.enter(element)?,
                Event::End(_) if place.stack.is_empty() => return Ok(kept),
                Event::Eof => return Err(broken("it ends early")),
                _ => {}
            }
            let is_end = matches!(event, Event::End(_));
            match place.stack.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
                ["pPr", ..] => kept.paragraph.push(event.into_owned()),
                ["r", "rPr", ..] if !kept.run_is_whole() => kept.run.push(event.into_owned()),
                _ => {}
            }
            if is_end {
                place.leave();
            }
        }
    }

    /// Whether the settings of the first run were read to their end.
    fn run_is_whole(&self) -> bool {
        let depth = |event: &Event<'_>| match event {
            Event::Start(_) => 1,
            Event::End(_) => -1,
            _ => 0,
        };
        !self.run.is_empty() && self.run.iter().map(depth).sum::<i32>() == 0
    }
}

fn write(writer: &mut Writer<Vec<u8>>, element: &BytesStart<'_>, kept: &Kept, text: &str) -> Result<()> {
    let name = element.name().as_ref().to_owned();
    let prefix = name.strip_suffix('p').unwrap_or_default();
    let mut put = |event: Event<'_>| writer.write_event(event).map_err(broken);
    put(Event::Start(element.borrow()))?;
    for event in &kept.paragraph {
        put(event.borrow())?;
    }
    let (run, t) = (format!("{prefix}r"), format!("{prefix}t"));
    put(Event::Start(BytesStart::new(&run)))?;
    for event in &kept.run {
        put(event.borrow())?;
    }
    for piece in text.split_inclusive(['\t', '\n']) {
        let plain = piece.trim_end_matches(['\t', '\n']);
        if !plain.is_empty() {
            put(Event::Start(BytesStart::new(&t).with_attributes([("xml:space", "preserve")])))?;
            put(Event::Text(BytesText::new(plain)))?;
            put(Event::End(BytesEnd::new(&t)))?;
        }
        match piece.as_bytes().last() {
            Some(b'\t') => put(Event::Empty(BytesStart::new(format!("{prefix}tab"))))?,
            Some(b'\n') => put(Event::Empty(BytesStart::new(format!("{prefix}br"))))?,
            _ => {}
        }
    }
    put(Event::End(BytesEnd::new(&run)))?;
    put(Event::End(BytesEnd::new(&name)))
}

/// The elements that we are in, by their local names.
#[derive(Default)]
struct Place {
    stack: Vec<String>,
}

impl Place {
    fn enter(&mut self, element: &BytesStart<'_>) -> Result<()> {
        if self.stack.len() >= DEPTH_MAX {
            return Err(DocxError::TooDeep);
        }
        self.stack.push(element.local_name().as_ref().to_owned());
        Ok(())
    }

    fn leave(&mut self) {
        self.stack.pop();
    }

    fn is_body(&self) -> bool {
        self.stack.last().is_some_and(|name| name == "body")
    }

    /// Whether this is in a run of a paragraph of the body.
    fn is_text(&self) -> bool {
        let Some(body) = self.stack.iter().position(|name| name == "body") else { return false };
        let below = &self.stack[body + 1..];
        let is_elsewhere = |name: &String| ELSEWHERE.contains(&name.as_str());
        below.first().is_some_and(|name| name == "p")
            && below.iter().any(|name| name == "r")
            && !below.iter().any(is_elsewhere)
    }

    fn is_in_t(&self) -> bool {
        self.stack.last().is_some_and(|name| name == "t") && self.is_text()
    }
}

fn is(element: &BytesStart<'_>, name: &str) -> bool {
    element.local_name().as_ref() == name
}

/// What an entity stands for. Documents have no others than those of XML itself.
fn resolve(name: &BytesRef<'_>) -> Result<String> {
    if let Some(character) = name.resolve_char_ref().map_err(broken)? {
        return Ok(character.to_string());
    }
    resolve_predefined_entity(name)
        .map(ToOwned::to_owned)
        .ok_or_else(|| broken(format!("it has an entity {}", &**name)))
}

//! `files_tree`: folders within folders, at a glance.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::sync::Arc;

use drawbridge_contract::{
    Annotations, Context, Example, Outcome, ToolError, ToolResult, ToolSpec, TypedTool,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::disk::denied::Want;
use crate::disk::locate::{Here, Last};
use crate::disk::name::Name;
use crate::disk::roots::Roots;
use crate::disk::stat::Kind;
use crate::error::{FileError, Result};
use crate::text::visible::visible;
use crate::walk::rules::Rules;
use crate::walk::smallest::Smallest;
use crate::work::{Work, pooled};

use super::about;

/// How many levels are shown unless told otherwise.
const DEPTH_DEFAULT: usize = 3;
/// How many levels are shown at most.
const DEPTH_MAX: usize = 32;
/// How many entries are shown unless told otherwise.
const ENTRIES_DEFAULT: usize = 400;
/// How many entries are shown at most.
const ENTRIES_MAX: usize = 5_000;

pub(crate) struct Tree;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Input {
    /// The folder. Empty: the root.
    #[serde(default)]
    path: String,
    /// How many levels to show.
    #[serde(default = "depth_default")]
    #[schemars(range(min = 1, max = DEPTH_MAX))]
    depth: usize,
    /// How many entries to show at most; upper levels come first.
    #[serde(default = "entries_default")]
    #[schemars(range(min = 1, max = ENTRIES_MAX))]
    entries_max: usize,
    /// Shows only folders.
    #[serde(default)]
    directories_only: bool,
    /// Includes what begins with a dot.
    #[serde(default)]
    hidden: bool,
    /// Includes what `.gitignore` and `.ignore` files exclude.
    #[serde(default)]
    ignored: bool,
}

fn depth_default() -> usize {
    DEPTH_DEFAULT
}

fn entries_default() -> usize {
    ENTRIES_DEFAULT
}

/// What programs want to know.
#[derive(Serialize)]
struct Shown {
    path: String,
    entries: usize,
    /// How many entries of the folders shown are not.
    left_out: u64,
}

impl TypedTool<Roots> for Tree {
    type Input = Input;

    fn spec() -> ToolSpec {
        ToolSpec::of::<Input>(
            "files_tree",
            "Show a tree",
            "Shows folders within folders as an indented list, the upper levels first: a quick look at how things are \
             arranged. Names of folders end with a slash.",
        )
        .annotated(Annotations::READS)
        .examples(&[Example {
            says: "Shows two levels.",
            args: r#"{"path": "notes", "depth": 2}"#,
            gives: "notes/\n  plans/\n    2026/\n",
        }])
    }

    async fn run(
        roots: &Arc<Roots>,
        input: Input,
        context: &Context,
    ) -> std::result::Result<Outcome, ToolError> {
        pooled(roots, input, context, answer).await.map(Outcome::Complete)
    }
}

/// An entry of the tree, and where its own entries stand in the list of all.
#[derive(Default)]
struct Node {
    name: OsString,
    kind: Option<Kind>,
    inner: Vec<usize>,
    /// How many entries it has that are not shown.
    left_out: u64,
}

fn answer(roots: &Roots, input: &Input, work: &Work) -> Result<ToolResult> {
    let start = roots.here(&input.path, Want::Read, work)?;
    let mut tree = Growing { roots, start: &start, input, work, nodes: vec![Node::default()] };
    tree.grow()?;
    let mut text = format!("{}/\n", start.show());
    draw(&tree.nodes, 0, 1, &mut text);
    let left_out = tree.nodes.iter().map(|node| node.left_out).sum();
    let shown = Shown { path: start.show(), entries: tree.nodes.len() - 1, left_out };
    if left_out > 0 {
        text.push_str(&format!(
            "[{left_out} more are not shown; entries_max shows more, files_list all of one folder.]\n"
        ));
    }
    Ok(ToolResult { meta: Some(about(&shown)), ..ToolResult::text(&text) })
}

/// A tree that grows level by level, so that a bound on its size cuts the lower levels.
struct Growing<'g> {
    roots: &'g Roots,
    start: &'g Here<'g>,
    input: &'g Input,
    work: &'g Work,
    nodes: Vec<Node>,
}

impl<'g> Growing<'g> {
    fn grow(&mut self) -> Result<()> {
        let mut pending = VecDeque::from([(0, self.start.parts.clone())]);
        let depth_max = self.start.parts.len() + self.input.depth.clamp(1, DEPTH_MAX);
        while let Some((index, parts)) = pending.pop_front() {
            self.work.check()?;
            // Opened anew each time: a tree may have more folders than a process may have open.
            let Ok(here) = self.open(&parts) else { continue };
            for inner in self.list(&here, index)? {
                if self.nodes[inner].kind == Some(Kind::Directory) && parts.len() + 1 < depth_max {
                    let name = self.nodes[inner].name.clone();
                    pending
                        .push_back((inner, parts.iter().cloned().chain([name]).collect::<Vec<OsString>>()));
                }
            }
        }
        Ok(())
    }

    fn open(&self, parts: &[OsString]) -> Result<Here<'g>> {
        let place = self.roots.place_in(self.start.root, parts, Last::Itself, Want::Read, self.work)?;
        self.roots.open_folder(&place, self.work)
    }

    /// Adds the entries of a folder; where they stand.
    fn list(&mut self, here: &Here<'_>, index: usize) -> Result<Vec<usize>> {
        let failed = |error| FileError::io("list", here.show(), error);
        let room = self.input.entries_max.clamp(1, ENTRIES_MAX) + 1 - self.nodes.len();
        let rules = if self.input.ignored { None } else { Some(Rules::at(here, self.work)?) };
        let (mut found, mut first) = (0_u64, Smallest::new(room));
        here.folder.entries().map_err(failed)?.each(failed, |name, kind| {
            if found.is_multiple_of(1024) {
                self.work.check()?;
            }
            let hidden = !self.input.hidden && name.as_encoded_bytes().starts_with(b".");
            if hidden || self.roots.denied.check_entry(&here.parts, name, Want::Read).is_some() {
                return Ok(());
            }
            let kind = match kind {
                Some(kind) => kind,
                None => Name::of(name).and_then(|name| here.folder.stat(name)).map_err(failed)?.kind,
            };
            let is_folder = kind == Kind::Directory;
            let ignored = rules.as_ref().is_some_and(|rules| rules.ignores(name, is_folder));
            if !ignored && (is_folder || !self.input.directories_only) {
                found += 1;
                let key = (!is_folder, name);
                if first.wants(&(key.0, key.1.to_owned())) {
                    first.offer((key.0, key.1.to_owned()), kind);
                }
            }
            Ok(())
        })?;
        let (first, _) = first.into_sorted();
        self.nodes[index].left_out = found - first.len() as u64;
        let start = self.nodes.len();
        let node = |((_, name), kind)| Node { name, kind: Some(kind), ..Node::default() };
        self.nodes.extend(first.into_iter().map(node));
        let inner: Vec<usize> = (start..self.nodes.len()).collect();
        self.nodes[index].inner.clone_from(&inner);
        Ok(inner)
    }
}

fn draw(nodes: &[Node], index: usize, depth: usize, text: &mut String) {
    for &inner in &nodes[index].inner {
        let node = &nodes[inner];
        let end = match node.kind {
            Some(Kind::Directory) => "/",
            Some(Kind::Symlink) => "@",
            _ => "",
        };
        let name = node.name.to_string_lossy();
        text.push_str(&format!("{}{}{end}\n", "  ".repeat(depth), visible(&name)));
        draw(nodes, inner, depth + 1, text);
    }
    if nodes[index].left_out > 0 {
        text.push_str(&format!("{}… {} more\n", "  ".repeat(depth), nodes[index].left_out));
    }
}

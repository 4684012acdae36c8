//! Files as MCP resources: `file:///<root>/<path>`.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use drawbridge_contract::{
    BoxFuture, Cancellation, Completion, Contents, Context, Outcome, ResourceResult, ResourceSpec,
    ResourceTemplate, Resources, Suggestions, ToolError, Watch,
};

use crate::disk::denied::Want;
use crate::disk::locate::{Here, Last};
use crate::disk::name::Name;
use crate::disk::root::Root;
use crate::disk::roots::Roots;
use crate::disk::stat::Kind;
use crate::error::{FileError, Result};
use crate::reading::{BYTES_MAX, Reading, Shape};
use crate::uri;
use crate::walk::smallest::Smallest;
use crate::watching::Watching;
use crate::work::{Work, quick};

/// How many files of each root are listed.
const LISTED_MAX: usize = 100;
/// How many entries of a folder are read for that, and for one completion.
const ENTRIES_READ_MAX: usize = 20_000;
/// How long listing and completing may take.
const TIME_MAX: std::time::Duration = std::time::Duration::from_secs(2);

/// The resources of this server.
pub(crate) struct FileResources {
    pub(crate) roots: Arc<Roots>,
    pub(crate) watching: Arc<Watching>,
}

impl Resources for FileResources {
    fn list(&self) -> Vec<ResourceSpec> {
        let work = Work::patient(Cancellation::new(), std::time::Instant::now() + TIME_MAX);
        // A root that cannot be read now has nothing to list; reading from it says why.
        self.roots.each().flat_map(|root| list(&self.roots, root, &work).unwrap_or_default()).collect()
    }

    fn templates(&self) -> Vec<ResourceTemplate> {
        self.roots.each().map(template).collect()
    }

    fn owns(&self, uri: &str) -> bool {
        let Some(path) = uri::path(uri) else { return false };
        path.split('/').next().is_some_and(|first| self.roots.named(first).is_some())
    }

    fn read<'a>(
        &'a self,
        uri: &'a str,
        context: &'a Context,
    ) -> BoxFuture<'a, std::result::Result<Outcome<ResourceResult>, ToolError>> {
        Box::pin(async move {
            quick(&self.roots, uri.to_owned(), context, |roots, uri, work| read(roots, uri, work))
                .await
                .map(Outcome::Complete)
        })
    }

    fn watch(&self, uri: &str) -> std::result::Result<Watch, ToolError> {
        Ok(Watching::watch(&self.watching, &self.roots, uri, &path(uri)?)?)
    }

    fn complete<'a>(&'a self, template: &'a str, request: &'a Completion) -> BoxFuture<'a, Suggestions> {
        Box::pin(async move {
            let root = self.roots.each().find(|root| template_uri(root) == template);
            let Some(root) = root.filter(|_| request.argument == "path") else {
                return Suggestions::default();
            };
            let (roots, name, prefix) = (self.roots.clone(), root.name.clone(), request.prefix.clone());
            let work = move || complete(&roots, &name, &prefix).unwrap_or_default();
            tokio::task::spawn_blocking(work).await.unwrap_or_default()
        })
    }
}

fn template_uri(root: &Root) -> String {
    format!("{}/{{+path}}", uri::of(&root.name))
}

fn template(root: &Root) -> ResourceTemplate {
    ResourceTemplate {
        uri_template: template_uri(root),
        name: root.name.clone(),
        title: Some(format!("Files in {}", root.name)),
        description: Some(format!("Any file or folder in the root {}, by its path below it.", root.name)),
        mime_type: None,
    }
}

/// The path that a URI of ours names.
fn path(uri: &str) -> Result<String> {
    let message =
        || FileError::Invalid(format!("{uri} is no URI of a file; they look like file:///root/path"));
    uri::path(uri).filter(|path| !path.starts_with('/')).ok_or_else(message)
}

/// The first files of a root by name, those in folders not counted.
fn list(roots: &Roots, root: &Root, work: &Work) -> Result<Vec<ResourceSpec>> {
    let nothing: [&str; 0] = [];
    let place = roots.place_in(root, nothing, Last::Follow, Want::Read, work)?;
    let here = roots.open_folder(&place, work)?;
    let mut files = Smallest::new(LISTED_MAX);
    each_entry(roots, &here, work, |name, kind| {
        if kind == Kind::File && !name.starts_with('.') {
            files.offer(name.to_owned(), ());
        }
    })?;
    let (files, _) = files.into_sorted();
    Ok(files.into_iter().map(|(name, ())| spec(&here, name)).collect())
}

fn spec(here: &Here<'_>, name: String) -> ResourceSpec {
    let stat = Name::of(name.as_ref()).and_then(|name| here.folder.stat(name)).ok();
    ResourceSpec {
        uri: uri::of(&format!("{}/{name}", here.show())),
        title: None,
        description: None,
        mime_type: mime_guess::from_path(&name).first_raw().map(str::to_owned),
        size: stat.map(|stat| stat.size_bytes),
        name,
    }
}

/// Shows entries that callers may see, as far as [`ENTRIES_READ_MAX`].
fn each_entry(roots: &Roots, here: &Here<'_>, work: &Work, mut see: impl FnMut(&str, Kind)) -> Result<()> {
    let failed = |error| FileError::io("list", here.show(), error);
    let mut seen = 0;
    let done = here.folder.entries().map_err(failed)?.each(failed, |name, kind| {
        work.check()?;
        seen += 1;
        if seen > ENTRIES_READ_MAX {
            return Err(FileError::TakesLonger);
        }
        let allowed = roots.denied.check_entry(&here.parts, name, Want::Read).is_none();
        if let (true, Some(name), Some(kind)) = (allowed, name.to_str(), kind) {
            see(name, kind);
        }
        Ok(())
    });
    match done {
        Err(FileError::TakesLonger) => Ok(()),
        done => done,
    }
}

fn read(roots: &Roots, uri: &str, work: &Work) -> Result<ResourceResult> {
    let place = roots.place(&path(uri)?, Last::Follow, Want::Read, work)?;
    if place.there()?.kind == Kind::Directory {
        return names(roots, &roots.open_folder(&place, work)?, uri, work);
    }
    let read = Reading { bytes_max: BYTES_MAX, ..Reading::default() }.read(roots, &place, work)?;
    if read.about.next_byte.is_some() {
        let (path, size) = (&read.about.path, read.about.size_bytes);
        let message =
            format!("{path} has {size} bytes, and resources come whole up to {BYTES_MAX}; use files_read");
        return Err(FileError::TooLarge(message));
    }
    let (mut text, mut blob) = (None, None);
    match read.shape {
        Shape::Text(contents) => text = Some(contents),
        Shape::Image(bytes) | Shape::Bytes(bytes) => blob = Some(STANDARD.encode(bytes)),
    }
    let contents = Contents { uri: uri.to_owned(), mime_type: Some(read.about.mime_type), text, blob };
    Ok(ResourceResult { contents: vec![contents] })
}

/// A folder as a resource: the URIs of what is in it, one on each line.
fn names(roots: &Roots, here: &Here<'_>, uri: &str, work: &Work) -> Result<ResourceResult> {
    let mut names = Smallest::new(ENTRIES_READ_MAX);
    each_entry(roots, here, work, |name, kind| {
        let end = if kind == Kind::Directory { "/" } else { "" };
        names.offer(format!("{}{end}", uri::of(&format!("{}/{name}", here.show()))), ());
    })?;
    let (names, _) = names.into_sorted();
    let text: String = names.into_iter().map(|(name, ())| name + "\n").collect();
    let mime_type = Some("text/uri-list".to_owned());
    Ok(ResourceResult {
        contents: vec![Contents { uri: uri.to_owned(), mime_type, text: Some(text), blob: None }],
    })
}

/// Paths below a root that begin with `prefix`, one level at a time.
fn complete(roots: &Roots, root: &str, prefix: &str) -> Result<Suggestions> {
    let work = Work::patient(Cancellation::new(), std::time::Instant::now() + TIME_MAX);
    let (folder, begin) = prefix.rsplit_once('/').unwrap_or(("", prefix));
    let here = roots.here(&format!("{root}/{folder}"), Want::Read, &work)?;
    let above = if folder.is_empty() { String::new() } else { format!("{folder}/") };
    let mut values = Smallest::new(Suggestions::MAX + 1);
    each_entry(roots, &here, &work, |name, kind| {
        let end = if kind == Kind::Directory { "/" } else { "" };
        if name.starts_with(begin) && (begin.starts_with('.') || !name.starts_with('.')) {
            values.offer(format!("{above}{name}{end}"), ());
        }
    })?;
    let (values, more) = values.into_sorted();
    let suggestions = Suggestions::of(values.into_iter().map(|(value, ())| value).collect());
    Ok(if more { Suggestions { total: None, has_more: true, ..suggestions } } else { suggestions })
}

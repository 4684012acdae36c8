//! Which daemons there are now, and what is wrong with those that do not count.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use drawbridge_contract::{Change, Tool, broadcast, visible};

use crate::caps::{Cap, Method, SUFFIX, is_service_name, tool_name};
use crate::folder::{Folder, Refused, Stamp};
use crate::settings::{Bounds, DaemonsSettings};
use crate::supervise::Process;
use crate::tool::{MethodTool, old_name};
use crate::wire::Link;

/// How many changes a slow listener may be behind.
const CHANGES_KEPT: usize = 64;
/// How many problems are told at a time.
const PROBLEMS_MAX: usize = 100;

/// All daemons, and where they are looked for.
pub(crate) struct Registry {
    sources: Vec<Source>,
    reserved: Vec<String>,
    bounds: Bounds,
    processes: BTreeMap<String, Arc<Process>>,
    current: Mutex<Arc<Current>>,
    changes: broadcast::Sender<Change>,
}

/// A folder that is looked at.
struct Source {
    path: PathBuf,
    /// The only daemon that counts there: one that we run must not speak for another.
    only: Option<String>,
}

/// What was found the last time.
#[derive(Default)]
pub(crate) struct Current {
    pub(crate) daemons: Vec<Arc<Daemon>>,
    /// What does not count, and why.
    pub(crate) problems: Vec<Problem>,
    folders: Vec<Arc<Folder>>,
}

/// A daemon that counts.
pub(crate) struct Daemon {
    pub(crate) name: String,
    pub(crate) about: Cap,
    pub(crate) file: PathBuf,
    pub(crate) link: Arc<Link>,
    pub(crate) tools: Vec<Arc<MethodTool>>,
    /// Methods that were left out.
    pub(crate) problems: Vec<String>,
    folder: Arc<Folder>,
    stamp: Stamp,
    /// Another socket is another process: what the one before did does not count for it.
    socket: Mutex<Option<Stamp>>,
    /// Whether one was left out because another daemon has it: that may change.
    clashes: bool,
}

/// A file or folder that does not count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) path: PathBuf,
    pub(crate) why: String,
}

/// What names are taken while a list is made.
#[derive(Default)]
struct Taken {
    daemons: HashSet<String>,
    methods: HashSet<Box<str>>,
    tools: HashSet<String>,
}

impl Registry {
    pub(crate) fn new(settings: &DaemonsSettings, processes: BTreeMap<String, Arc<Process>>) -> Self {
        let own = processes
            .keys()
            .map(|name| Source { path: settings.own_folders.join(name), only: Some(name.clone()) });
        let open = settings.folders.iter().map(|path| Source { path: path.clone(), only: None });
        Self {
            sources: own.chain(open).collect(),
            reserved: settings.reserved.clone(),
            bounds: settings.bounds,
            processes,
            current: Mutex::default(),
            changes: broadcast::channel(CHANGES_KEPT).0,
        }
    }

    pub(crate) fn current(&self) -> Arc<Current> {
        self.lock().clone()
    }

    pub(crate) fn processes(&self) -> impl Iterator<Item = &Arc<Process>> {
        self.processes.values()
    }

    pub(crate) fn process(&self, name: &str) -> Option<&Arc<Process>> {
        self.processes.get(name)
    }

    pub(crate) fn changes(&self) -> broadcast::Receiver<Change> {
        self.changes.subscribe()
    }

    pub(crate) fn folders(&self) -> impl Iterator<Item = &Path> {
        self.sources.iter().map(|source| source.path.as_path())
    }

    /// Looks at everything anew. Blocks on the disk.
    pub(crate) fn rescan(&self) {
        let before = self.current();
        let now = Arc::new(self.scan(&before));
        for problem in now.problems.iter().filter(|one| !before.problems.contains(one)) {
            tracing::warn!(path = %problem.path.display(), why = problem.why, "a daemon does not count");
        }
        let same = now.daemons.len() == before.daemons.len()
            && now.daemons.iter().zip(&before.daemons).all(|(now, before)| Arc::ptr_eq(now, before));
        *self.lock() = now;
        if !same {
            // An error means that nobody listens.
            let _ = self.changes.send(Change::Tools);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Arc<Current>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn scan(&self, before: &Current) -> Current {
        let mut now = Current::default();
        let mut found = Vec::new();
        for source in &self.sources {
            match self.look(source, before) {
                Ok((folder, names)) => {
                    found.extend(names.into_iter().map(|name| Found::of(&folder, name, before)));
                    now.folders.push(folder);
                }
                Err(Refused::Missing) => {}
                Err(why) => now.problems.push(Problem { path: source.path.clone(), why: why.to_string() }),
            }
        }
        // Whoever was there first keeps its names, and whoever changed has to fit in.
        found.sort_by_key(|one: &Found| (one.known.is_none(), before.position(&one.path())));
        let mut taken = Taken::default();
        for one in found {
            match self.admit(&one, &mut taken) {
                Ok(daemon) => now.daemons.push(daemon),
                Err(why) => now.problems.push(Problem { path: one.path(), why }),
            }
        }
        now.daemons.sort_by(|one, other| one.name.cmp(&other.name));
        now.problems.truncate(PROBLEMS_MAX);
        now
    }

    fn look(&self, source: &Source, before: &Current) -> Result<(Arc<Folder>, Vec<String>), Refused> {
        let folder = Folder::open(&source.path)?;
        let known = before.folders.iter().find(|known| known.path() == source.path && known.is_same(&folder));
        let folder = known.cloned().unwrap_or_else(|| Arc::new(folder));
        let counts = |name: &String| source.only.as_ref().is_none_or(|only| only == name);
        let names = folder.names(SUFFIX)?.into_iter().filter(counts).collect();
        Ok((folder, names))
    }

    fn admit(&self, one: &Found, taken: &mut Taken) -> Result<Arc<Daemon>, String> {
        let name = &one.name;
        self.check_name(name)?;
        if taken.daemons.contains(name) {
            return Err(format!("there is a daemon {name} already, and the first keeps the name"));
        }
        if taken.daemons.len() >= self.bounds.daemons_max {
            return Err(format!("there are {} daemons, the most there may be", self.bounds.daemons_max));
        }
        let daemon = match &one.known {
            Some(known) => known.clone(),
            None => Arc::new(self.read(&one.folder, name, taken)?),
        };
        daemon.look_at_socket();
        taken.daemons.insert(name.to_owned());
        for (method, tool) in daemon.tools.iter().map(|tool| tool.names()) {
            taken.methods.insert(method.into());
            taken.tools.insert(tool.to_owned());
        }
        Ok(daemon)
    }

    fn check_name(&self, name: &str) -> Result<(), String> {
        if !is_service_name(name) {
            return Err(format!(
                "{:?} cannot be the name of a daemon: a lower-case letter, then up to 31 of a-z 0-9 _ -",
                visible(name)
            ));
        }
        let of_ours = |ours: &&String| {
            name.strip_prefix(ours.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('_'))
        };
        match self.reserved.iter().find(of_ours) {
            Some(ours) => Err(format!("the name {name} belongs to Drawbridge's own {ours}: give it another")),
            None => Ok(()),
        }
    }

    /// Whether a method of the older dialect is ours: `mcp.fs.read`, `mcp.hello`.
    fn is_ours(&self, method: &str) -> bool {
        let group =
            method.strip_prefix("mcp.").unwrap_or(method).split(['.', '/']).next().unwrap_or_default();
        self.reserved.iter().any(|ours| ours == group)
    }

    fn read(&self, folder: &Arc<Folder>, name: &str, taken: &Taken) -> Result<Daemon, String> {
        let (stamp, bytes) = folder.read(&cap_name(name)).map_err(|why| why.to_string())?;
        let about = Cap::read(&bytes)?;
        let (methods, mut problems) = about.methods(self.bounds.methods_max);
        let (methods, ours): (Vec<Method>, Vec<Method>) =
            methods.into_iter().partition(|method| !self.is_ours(&old_name(name, &method.name)));
        problems.extend(
            ours.iter().map(|method| format!("the method {} is one of Drawbridge's own", method.name)),
        );
        let (methods, clashing): (Vec<Method>, Vec<Method>) =
            methods.into_iter().partition(|method| !taken.methods.contains(&old_name(name, &method.name)));
        problems
            .extend(clashing.iter().map(|method| format!("another daemon has the method {}", method.name)));
        let link = Link::new(folder.clone(), socket_name(name), self.bounds);
        let clashes = !clashing.is_empty();
        let tools = self.tools(name, methods, &link, taken, &mut problems);
        let (file, socket) = (cap_path(folder, name), Mutex::new(folder.socket(&socket_name(name)).ok()));
        let (name, folder) = (name.to_owned(), folder.clone());
        Ok(Daemon { name, about, file, link, tools, problems, folder, stamp, socket, clashes })
    }

    fn tools(
        &self,
        daemon: &str,
        methods: Vec<Method>,
        link: &Arc<Link>,
        taken: &Taken,
        problems: &mut Vec<String>,
    ) -> Vec<Arc<MethodTool>> {
        let (mut names, mut tools) = (taken.tools.clone(), Vec::new());
        for method in methods {
            let name = tool_name(daemon, &method.name, |name| names.contains(name));
            if names.insert(name.clone()) {
                let process = self.processes.get(daemon).cloned();
                tools.push(Arc::new(MethodTool::new(name, daemon, method, link, process, &self.bounds)));
            } else {
                problems.push(format!("the method {} would be the tool {name}, which is taken", method.name));
            }
        }
        tools
    }
}

impl Daemon {
    fn look_at_socket(&self) {
        let now = self.folder.socket(&socket_name(&self.name)).ok();
        let before = std::mem::replace(&mut *self.socket.lock().unwrap_or_else(PoisonError::into_inner), now);
        if before != now {
            self.link.forgive();
        }
    }

    /// Whether there is a socket to connect to.
    pub(crate) fn has_socket(&self) -> bool {
        self.socket.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }
}

/// A description that was found.
struct Found {
    folder: Arc<Folder>,
    name: String,
    /// The daemon as it is served, if its description is still the same.
    known: Option<Arc<Daemon>>,
}

impl Found {
    fn of(folder: &Arc<Folder>, name: String, before: &Current) -> Self {
        let stamp = folder.stamp(&cap_name(&name)).ok();
        let known = stamp.and_then(|stamp| before.unchanged(folder, &name, stamp));
        Self { folder: folder.clone(), name, known }
    }

    fn path(&self) -> PathBuf {
        cap_path(&self.folder, &self.name)
    }
}

fn cap_name(daemon: &str) -> String {
    format!("{daemon}{SUFFIX}")
}

fn cap_path(folder: &Folder, daemon: &str) -> PathBuf {
    folder.path().join(cap_name(daemon))
}

/// The socket beside a description.
pub(crate) fn socket_name(daemon: &str) -> String {
    format!("{daemon}.sock")
}

impl Current {
    /// All tools of all daemons.
    pub(crate) fn tools(&self) -> Vec<Arc<dyn Tool>> {
        let tools = self.daemons.iter().flat_map(|daemon| &daemon.tools);
        tools.map(|tool| tool.clone() as Arc<dyn Tool>).collect()
    }

    fn position(&self, file: &Path) -> usize {
        self.daemons.iter().position(|daemon| daemon.file == file).unwrap_or(usize::MAX)
    }

    fn unchanged(&self, folder: &Arc<Folder>, name: &str, stamp: Stamp) -> Option<Arc<Daemon>> {
        let same = |one: &&Arc<Daemon>| {
            one.name == name && one.stamp == stamp && Arc::ptr_eq(&one.folder, folder) && !one.clashes
        };
        self.daemons.iter().find(same).cloned()
    }
}

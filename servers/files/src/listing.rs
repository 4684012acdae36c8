//! One page of a folder's entries, in an order, in bounded memory however many there are.

use std::cmp::Reverse;
use std::ffi::OsStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use drawbridge_contract::raw;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::disk::denied::Want;
use crate::disk::folder::Reach;
use crate::disk::locate::Here;
use crate::disk::name::Name;
use crate::disk::roots::Roots;
use crate::disk::stat::{Kind, Stat};
use crate::error::{FileError, Result};
use crate::walk::rules::Rules;
use crate::walk::smallest::Smallest;
use crate::work::Work;

/// How many entries are read on the thread of the call before it goes to the pool: less than a millisecond's work.
const QUICK_ENTRIES_MAX: u64 = 2_000;
/// The same when each is looked at.
const QUICK_DETAILS_MAX: u64 = 500;
/// Between how many entries the work looks whether it is to stop.
const CHECK_EVERY: u64 = 1_024;

/// What entries are ordered by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Sort {
    /// By name, byte by byte.
    #[default]
    Name,
    /// By size, the smallest first.
    Size,
    /// By time of modification, the oldest first.
    Modified,
}

/// How a folder is listed.
pub(crate) struct Listing<'l> {
    pub(crate) sort: Sort,
    pub(crate) descending: bool,
    pub(crate) directories_first: bool,
    pub(crate) hidden: bool,
    pub(crate) skip_ignored: bool,
    /// Whether size and time are wanted.
    pub(crate) details: bool,
    pub(crate) limit: usize,
    pub(crate) cursor: Option<&'l str>,
}

/// One page.
pub(crate) struct Page {
    pub(crate) entries: Vec<Listed>,
    /// How many entries all pages have.
    pub(crate) total: u64,
    /// How many are not counted, because they begin with a dot.
    pub(crate) hidden: u64,
    pub(crate) next_cursor: Option<String>,
}

/// One entry.
pub(crate) struct Listed {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    /// When details are wanted.
    pub(crate) stat: Option<Box<Stat>>,
}

/// Where an entry stands in the order.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Key {
    after_directories: bool,
    order: Order,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
enum Order {
    Rising(i64, String),
    Falling(Reverse<(i64, String)>),
}

impl Listing<'_> {
    /// Lists the folder.
    pub(crate) fn page(&self, roots: &Roots, here: &Here<'_>, work: &Work) -> Result<Page> {
        let failed = |error| FileError::io("list", here.show(), error);
        let mut gathering = Gathering {
            listing: self,
            roots,
            here,
            rules: if self.skip_ignored { Some(Rules::at(here, work)?) } else { None },
            after: self.cursor.map(read_cursor).transpose()?,
            first: Smallest::new(self.limit),
            total: 0,
            hidden: 0,
        };
        let quick_max = if self.needs_stat() { QUICK_DETAILS_MAX } else { QUICK_ENTRIES_MAX };
        let mut seen = 0;
        let visit = |name: &OsStr, kind| {
            seen += 1;
            work.fits(seen, quick_max)?;
            if seen.is_multiple_of(CHECK_EVERY) {
                work.check()?;
            }
            gathering.see(name, kind)
        };
        match work.reach() {
            Reach::SameDisk => roots.known.each(&here.folder, failed, visit)?,
            Reach::Any => here.folder.entries().map_err(failed)?.each(failed, visit)?,
        }
        Ok(gathering.into_page())
    }

    fn needs_stat(&self) -> bool {
        self.details || self.sort != Sort::Name
    }
}

/// A page that is being filled.
struct Gathering<'g> {
    listing: &'g Listing<'g>,
    roots: &'g Roots,
    here: &'g Here<'g>,
    rules: Option<Rules>,
    after: Option<Key>,
    first: Smallest<Key, (Kind, Option<Box<Stat>>)>,
    total: u64,
    hidden: u64,
}

impl Gathering<'_> {
    fn see(&mut self, name: &OsStr, kind: Option<Kind>) -> Result<()> {
        if self.roots.denied.check_entry(&self.here.parts, name, Want::Read).is_some() {
            return Ok(());
        }
        let Some((kind, stat)) = self.look(name, kind)? else { return Ok(()) };
        if self.rules.as_ref().is_some_and(|rules| rules.ignores(name, kind == Kind::Directory)) {
            return Ok(());
        }
        if !self.listing.hidden && name.as_encoded_bytes().starts_with(b".") {
            self.hidden += 1;
            return Ok(());
        }
        self.total += 1;
        let key = self.key(name.to_string_lossy().into_owned(), kind, stat.as_ref());
        if self.after.as_ref().is_none_or(|after| key > *after) {
            self.first.offer(key, (kind, stat.filter(|_| self.listing.details).map(Box::new)));
        }
        Ok(())
    }

    /// What an entry is; `None` when it has gone meanwhile.
    fn look(&self, name: &OsStr, kind: Option<Kind>) -> Result<Option<(Kind, Option<Stat>)>> {
        match kind {
            Some(kind) if !self.listing.needs_stat() => Ok(Some((kind, None))),
            _ => {
                let stat = Name::of(name).and_then(|name| self.here.folder.stat_if_there(name));
                let stat = stat.map_err(|error| FileError::io("list", self.here.show(), error))?;
                Ok(stat.map(|stat| (stat.kind, Some(stat))))
            }
        }
    }

    fn key(&self, name: String, kind: Kind, stat: Option<&Stat>) -> Key {
        let number = match self.listing.sort {
            Sort::Name => 0,
            Sort::Size => stat.map_or(0, |stat| i64::try_from(stat.size_bytes).unwrap_or(i64::MAX)),
            Sort::Modified => stat.map_or(0, |stat| i64::try_from(stat.modified_ns).unwrap_or_default()),
        };
        let order = match self.listing.descending {
            true => Order::Falling(Reverse((number, name))),
            false => Order::Rising(number, name),
        };
        Key { after_directories: self.listing.directories_first && kind != Kind::Directory, order }
    }

    fn into_page(self) -> Page {
        let (first, more) = self.first.into_sorted();
        let next_cursor =
            first.last().filter(|_| more).map(|(key, _)| URL_SAFE_NO_PAD.encode(raw(key).get()));
        let listed = |(key, (kind, stat)): (Key, _)| Listed { name: key.into_name(), kind, stat };
        let entries = first.into_iter().map(listed).collect();
        Page { entries, total: self.total, hidden: self.hidden, next_cursor }
    }
}

impl Key {
    fn into_name(self) -> String {
        match self.order {
            Order::Rising(_, name) | Order::Falling(Reverse((_, name))) => name,
        }
    }
}

fn read_cursor(cursor: &str) -> Result<Key> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).ok();
    let key = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    key.ok_or_else(|| {
        FileError::Invalid("this cursor is not one that files_list gave; begin without it".to_owned())
    })
}

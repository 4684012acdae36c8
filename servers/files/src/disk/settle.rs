//! Putting things where others may be: moving, restoring, and what may not be moved.

use std::ffi::OsString;

use super::denied::fold;
use super::entries::Entries;
use super::folder::{Folder, Reach};
use super::locate::Place;
use super::name::Name;
use super::protected::up_from;
use super::roots::Roots;
use super::stat::{Kind, Stat};
use super::trash::Trash;
use super::tree::{self, Copy};
use crate::error::{FileError, Result};
use crate::work::Work;

/// Something that has a name in a folder and is to get another.
pub(crate) struct Thing<'t> {
    pub(crate) folder: &'t Folder,
    pub(crate) name: Name<'t>,
    pub(crate) stat: Stat,
    /// Where it is, or was before it was removed, from the root down.
    pub(crate) was: &'t [OsString],
}

impl Roots {
    /// Moves `thing` to `place`. What is there goes to the trash when `overwrite` says so; its id there comes back.
    ///
    /// # Errors
    /// When something is there and stays, or what would arrive is refused at that place.
    pub(crate) fn settle(
        &self,
        thing: &Thing<'_>,
        place: &Place<'_>,
        overwrite: bool,
        work: &Work,
    ) -> Result<Option<String>> {
        let name = place.name()?;
        self.may_arrive(thing, place)?;
        let both_files =
            thing.stat.kind == Kind::File && place.stat.is_some_and(|there| there.kind == Kind::File);
        let mut replaced = None;
        match place.stat {
            None => {}
            // A new spelling of the same name, where case does not count.
            Some(there) if there.identity == thing.stat.identity && there.links == 1 => {}
            Some(_) if !overwrite => return Err(FileError::Exists(place.show())),
            Some(_) if both_files => {
                replaced = Some(Trash::of(place.root)?.keep_version(self, place, work)?);
                if thing.folder.rename_over(thing.name, &place.parent, name).is_ok() {
                    return Ok(replaced);
                }
                let failed = |error| FileError::io("replace", place.show(), error);
                place.parent.remove_file(name).map_err(failed)?;
            }
            Some(_) => replaced = Some(Trash::of(place.root)?.take(self, place, work)?),
        }
        let shown = place.show();
        let copy = Copy::faithful(self, &shown, work);
        tree::relocate((thing.folder, thing.name), (&place.parent, name), copy)?;
        Ok(replaced)
    }

    /// An error when `place` holds one of the protected folders, or is or holds a root that can be reached through
    /// another one: whoever moves it moves that too.
    pub(crate) fn may_leave(&self, place: &Place<'_>) -> Result<()> {
        let stat = place.there()?;
        if stat.kind != Kind::Directory {
            return Ok(());
        }
        if !self.protected.is_empty() && self.protected.above().contains(&stat.identity) {
            return Err(FileError::Secret(place.show()));
        }
        match self.each().find(|root| up_from(&root.real).any(|above| above == stat.identity)) {
            Some(root) => Err(FileError::RootItself(root.name.clone())),
            None => Ok(()),
        }
    }

    /// An error when a folder brings what may not be made at its new place, such as `hooks` in what becomes `.git`, or
    /// takes along what is secret only below its old name, such as `config.json` in what was `.docker`.
    pub(crate) fn may_arrive(&self, thing: &Thing<'_>, place: &Place<'_>) -> Result<()> {
        // What returns to where it was makes nothing that was not there.
        if thing.stat.kind != Kind::Directory || thing.was == place.parts {
            return Ok(());
        }
        let failed = |error| FileError::io("look into", place.show(), error);
        let folder = thing.folder.folder(thing.name, Reach::Any).map_err(failed)?;
        let any_of = |forbidden: Vec<&[Vec<u8>]>| -> Result<bool> {
            for names in forbidden {
                if has(&folder, names).map_err(failed)? {
                    return Ok(true);
                }
            }
            Ok(false)
        };
        match () {
            () if any_of(self.denied.forbidden_below(&place.parts))? => {
                Err(FileError::Protected(place.show()))
            }
            () if any_of(self.denied.secret_below(thing.was))? => {
                Err(FileError::Secret(place.root.show(thing.was)))
            }
            () => Ok(()),
        }
    }
}

/// Whether these folded names lie below each other in `folder`, in any spelling.
fn has(folder: &Folder, names: &[Vec<u8>]) -> std::io::Result<bool> {
    let Some((first, rest)) = names.split_first() else { return Ok(true) };
    let mut alike = Vec::new();
    let entries: Entries = folder.entries()?;
    entries.each(
        |error| error,
        |name, _| {
            if fold(name) == *first {
                alike.push(name.to_owned());
            }
            Ok(())
        },
    )?;
    for name in alike {
        let name = Name::of(&name)?;
        match folder.folder(name, Reach::Any) {
            _ if rest.is_empty() => return Ok(true),
            Ok(inner) if has(&inner, rest)? => return Ok(true),
            // A link would be followed from its new place.
            Err(_) if folder.stat(name)?.kind == Kind::Symlink => return Ok(true),
            _ => {}
        }
    }
    Ok(false)
}

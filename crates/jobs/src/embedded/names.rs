//! Names of queues, tools and callers as small numbers. They are never forgotten, and bounded.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use rusqlite::Connection;

use crate::EngineError;
use crate::bounds::NAMES_MAX;

/// The number of a name, from 1; 0 stands for none.
pub(super) type NameId = u32;

#[derive(Default)]
struct Known {
    ids: HashMap<Arc<str>, NameId>,
    /// The text of id 1 is the first.
    texts: Vec<Arc<str>>,
}

/// Every name in the file, and those that the transaction under way adds.
#[derive(Default)]
pub(super) struct Names(RwLock<Known>);

impl Names {
    /// Forgets everything, and reads what the file says.
    pub(super) fn reload(&self, connection: &Connection) -> Result<(), EngineError> {
        let texts = read_all(connection).map_err(EngineError::sql("read the names"))?;
        let ids = (1..).zip(&texts).map(|(id, text)| (Arc::clone(text), id)).collect();
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Known { ids, texts };
        Ok(())
    }

    /// The number of a name, if it has one.
    pub(super) fn find(&self, text: &str) -> Option<NameId> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).ids.get(text).copied()
    }

    /// The name of a number.
    pub(super) fn text(&self, id: NameId) -> Arc<str> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let found = id.checked_sub(1).and_then(|index| known.texts.get(index as usize));
        found.map_or_else(|| "?".into(), Arc::clone)
    }

    /// The number of a name, which is written to the file if it is new. For the writer alone.
    pub(super) fn intern(&self, text: &Arc<str>, connection: &Connection) -> Result<NameId, EngineError> {
        if let Some(id) = self.find(text) {
            return Ok(id);
        }
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if known.texts.len() >= NAMES_MAX {
            let what = "names of queues, tools and callers";
            return Err(EngineError::TooMany { what, count_max: NAMES_MAX as u64 });
        }
        let id = NameId::try_from(known.texts.len() + 1).unwrap_or(NameId::MAX);
        connection
            .prepare_cached("INSERT INTO name (id, text) VALUES (?1, ?2)")
            .and_then(|mut insert| insert.execute((id, &**text)))
            .map_err(EngineError::sql("write a name"))?;
        known.ids.insert(Arc::clone(text), id);
        known.texts.push(Arc::clone(text));
        Ok(id)
    }
}

/// Ids have no gaps: they are given in order, and no name is removed.
fn read_all(connection: &Connection) -> rusqlite::Result<Vec<Arc<str>>> {
    let mut select = connection.prepare("SELECT text FROM name ORDER BY id")?;
    select.query_map((), |row| row.get::<_, Box<str>>(0).map(Arc::from))?.collect()
}

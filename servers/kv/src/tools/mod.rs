//! The tools: one file each.

mod delete;
mod get;
mod increment;
mod list;
mod set;

use std::sync::Arc;

use chrono::{DateTime, SecondsFormat, Utc};
use drawbridge_contract::{Tool, ToolError, bind};

use crate::error::KvError;
use crate::file::Entries;

/// All tools, in the order in which they are listed.
pub(crate) fn all(entries: &Arc<Entries>) -> Vec<Arc<dyn Tool>> {
    vec![
        bind::<_, get::Get>(entries),
        bind::<_, list::List>(entries),
        bind::<_, set::Set>(entries),
        bind::<_, increment::Increment>(entries),
        bind::<_, delete::Delete>(entries),
    ]
}

fn now_ms() -> i64 {
    Utc::now().timestamp_millis()
}

/// When a value goes, for people and programs: RFC 3339, UTC.
fn shown(expires_ms: Option<i64>) -> Option<String> {
    let at = DateTime::from_timestamp_millis(expires_ms?)?;
    Some(at.to_rfc3339_opts(SecondsFormat::Millis, true))
}

/// A change waits for the disk, and so has a thread that may.
async fn changed<T: Send + 'static>(
    entries: &Arc<Entries>,
    change: impl FnOnce(&Entries) -> Result<T, KvError> + Send + 'static,
) -> Result<T, ToolError> {
    let entries = entries.clone();
    let done = tokio::task::spawn_blocking(move || change(&entries)).await;
    Ok(done.unwrap_or(Err(KvError::Stopped))?)
}

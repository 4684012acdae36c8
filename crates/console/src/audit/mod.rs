//! The audit, for the owner's eyes: in pages, as trees of calls, as a file.

mod export;
mod page;
mod row;
mod tree;

pub(crate) use export::export;
pub(crate) use page::{chain, page};
pub(crate) use row::row;
pub(crate) use tree::tree;

use drawbridge_store::{Store, StoreError};

use crate::problem::Problem;

/// Reads on a thread that may block: a look that fits little goes through everything.
pub(crate) async fn read<T: Send + 'static>(
    store: &Store,
    work: impl FnOnce(Store) -> Result<T, StoreError> + Send + 'static,
) -> Result<T, Problem> {
    let store = store.clone();
    match tokio::task::spawn_blocking(move || work(store)).await {
        Ok(read) => Ok(read?),
        Err(_) => Err(Problem::internal("reading the audit failed")),
    }
}

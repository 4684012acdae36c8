//! What all routes share.

use std::sync::Arc;

use drawbridge_contract::{CancellationToken, Handler};
use serde_json::Value;
use tokio::sync::Semaphore;

use crate::limits::STREAMS_MAX;
use crate::papers::Papers;

/// Tells how the hub is: an object whose `health` is `ok`, or one word for what is wrong.
pub type StatusSource = Arc<dyn Fn() -> Value + Send + Sync>;

/// What the routes stand on.
pub struct Web {
    /// The one door.
    pub handler: Arc<dyn Handler>,
    /// How the hub is.
    pub status: StatusSource,
    /// Cancelled when we end: streams then say goodbye.
    pub shutdown: CancellationToken,
}

/// The state of every route.
pub(crate) struct Shared {
    pub(crate) handler: Arc<dyn Handler>,
    pub(crate) status: StatusSource,
    pub(crate) shutdown: CancellationToken,
    pub(crate) papers: Papers,
    /// One permit for each open stream: taken before the upgrade, returned when its task ends. The listener's permit
    /// ends with the request.
    pub(crate) streams: Arc<Semaphore>,
}

impl From<Web> for Arc<Shared> {
    fn from(web: Web) -> Self {
        let Web { handler, status, shutdown } = web;
        let (papers, streams) = (Papers::default(), Arc::new(Semaphore::new(STREAMS_MAX)));
        Arc::new(Shared { handler, status, shutdown, papers, streams })
    }
}

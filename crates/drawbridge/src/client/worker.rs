//! The way of a worker to the hub that has the jobs: a pipe, opened again whenever it breaks.

use std::path::PathBuf;
use std::sync::Arc;

use drawbridge_contract::BoxFuture;
use drawbridge_jobs::remote::{Connect, Link};
use tokio::sync::Mutex;

use super::pipe::Entrance;
use super::session::SessionKey;
use crate::running;

/// Opens pipes to the hub that runs on a state folder. Clones share the key.
#[derive(Clone)]
pub(crate) struct ToHub(Arc<Inner>);

struct Inner {
    state: PathBuf,
    /// Good for all pipes of this worker; made when it is first needed, and anew when the hub does not take it.
    key: Mutex<Option<SessionKey>>,
}

impl ToHub {
    pub(crate) fn new(state: PathBuf) -> Self {
        Self(Arc::new(Inner { state, key: Mutex::new(None) }))
    }

    /// Opens no more pipes, and revokes the key.
    ///
    /// # Errors
    /// When the key cannot be revoked; it ends by itself.
    pub(crate) async fn close(&self) -> anyhow::Result<()> {
        match self.0.key.lock().await.take() {
            Some(key) => key.close().await,
            None => Ok(()),
        }
    }

    async fn open(&self) -> anyhow::Result<Box<dyn Link>> {
        let Some(hub) = running::find(&self.0.state) else {
            anyhow::bail!("no hub runs on {}; `drawbridge serve` starts one", self.0.state.display())
        };
        let mut kept = self.0.key.lock().await;
        let key = match kept.take() {
            Some(key) => key,
            None => SessionKey::for_worker(&self.0.state).await?,
        };
        match Entrance::WORKER.open(&hub, &key.secret).await {
            Ok(pipe) => {
                *kept = Some(key);
                Ok(Box::new(pipe))
            }
            Err(error) => {
                key.close().await?;
                Err(error)
            }
        }
    }
}

impl Connect for ToHub {
    fn connect(&self) -> BoxFuture<'_, Result<Box<dyn Link>, String>> {
        Box::pin(async { self.open().await.map_err(|error| format!("{error:#}")) })
    }
}

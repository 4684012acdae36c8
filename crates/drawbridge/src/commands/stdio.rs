//! `drawbridge stdio`: for a host that starts us itself.
//!
//! Where a hub runs on the same state, the host is handed on to it: what it opens there is seen by everybody else there,
//! and one program alone decides and records. Where none runs, the door is in this process.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Result;
use tokio_util::sync::CancellationToken;

use crate::client::HubPipe;
use crate::hub::{Hub, configured, open_store_and_log};
use crate::{pipes, running};

/// Serves the host at the other end of standard input and output until it goes away. Standard output belongs to the
/// protocol: everything else goes to the log and to standard error.
pub(crate) fn run() -> Result<ExitCode> {
    let (state, config) = configured()?;
    let store = open_store_and_log(&state, &config)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let ended = runtime.block_on(async {
        match pipe_to_hub(&state).await {
            Some(pipe) => {
                drop(store);
                pipe.forward(pipes::input(), pipes::output()).await
            }
            None => serve(Hub::over(store, state, config)?).await,
        }
    });
    // A read of standard input cannot be cancelled; the process ends all the same.
    runtime.shutdown_background();
    ended.map(|()| ExitCode::SUCCESS)
}

/// A pipe to the hub that runs, if one does and it opens one.
async fn pipe_to_hub(state: &Path) -> Option<HubPipe> {
    let hub = running::find(state)?;
    crate::hub::protect();
    match HubPipe::open(state, &hub).await {
        Ok(pipe) => {
            tracing::info!(hub = hub.pid, "the host is served by the running hub");
            Some(pipe)
        }
        Err(error) => {
            let why = format!("{error:#}");
            tracing::warn!(why, "the running hub cannot be used: the host is served by this process");
            None
        }
    }
}

/// Serves the host from this process.
async fn serve(hub: Hub) -> Result<()> {
    crate::jobs::start(&hub).await?;
    let (gateway, owner) = (hub.gateway.clone(), hub.gateway.owner());
    let (input, output) = (pipes::input(), pipes::output());
    let served = drawbridge_mcp::stdio::serve(gateway, owner, input, output, CancellationToken::new()).await;
    hub.close().await?;
    Ok(served?)
}

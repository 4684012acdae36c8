//! `drawbridge stdio`: for a host that starts us itself.

use std::process::ExitCode;

use anyhow::Result;
use tokio_util::sync::CancellationToken;

use crate::hub::{Hub, configured};
use crate::{logs, pipes};

/// Serves the host at the other end of standard input and output until it goes away. Standard output belongs to the
/// protocol: everything else goes to the log and to standard error.
pub(crate) fn run() -> Result<ExitCode> {
    let (state, config) = configured()?;
    let store = crate::hub::open_store(&state)?;
    logs::start(&config, &state)?;
    drop(store);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let ended = runtime.block_on(async {
        let hub = Hub::open(state, config)?;
        let (gateway, owner) = (hub.gateway.clone(), hub.gateway.owner());
        let (input, output) = (pipes::input(), pipes::output());
        let served =
            drawbridge_mcp::stdio::serve(gateway, owner, input, output, CancellationToken::new()).await;
        hub.close().await?;
        served.map_err(anyhow::Error::from)
    });
    // A read of standard input cannot be cancelled; the process ends all the same.
    runtime.shutdown_background();
    ended.map(|()| ExitCode::SUCCESS)
}

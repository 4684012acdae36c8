//! `drawbridge worker`: jobs in a process of its own, through a door of its own.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use axum::http::StatusCode;
use axum::routing::get;
use drawbridge_jobs::Engine;
use drawbridge_jobs::worker::WorkerSettings;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::serve::wait_for_signal;
use crate::cli::WorkerArguments;
use crate::hub::{Hub, configured, open_store_and_log};
use crate::jobs::{OwnWorker, usual_concurrency};
use crate::output;

/// How long a look at the jobs may take before they count as out of reach.
const LOOK: Duration = Duration::from_secs(2);

/// Works until Ctrl-C or SIGTERM.
pub(crate) fn run(arguments: WorkerArguments) -> Result<ExitCode> {
    let (state, config) = configured()?;
    let store = open_store_and_log(&state, &config)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let ended = runtime.block_on(async { work(Hub::over(store, state, config)?, arguments).await });
    // Blocking work that outlived its call must not keep us.
    runtime.shutdown_timeout(Duration::from_secs(1));
    ended.map(|()| ExitCode::SUCCESS)
}

async fn work(hub: Hub, arguments: WorkerArguments) -> Result<()> {
    let settings = settings(&hub, &arguments);
    let (name, concurrency) = (settings.name.clone(), settings.concurrency);
    let worker = OwnWorker::start(&hub, settings)?;
    let draining = CancellationToken::new();
    let health = match arguments.health {
        Some(address) => Some(answer_health(address, worker.jobs.engine().clone(), draining.clone()).await?),
        None => None,
    };
    output::line(format!("{} runs up to {concurrency} jobs at once, as {name}", output::bold("Drawbridge")))?;
    if let Some(address) = health {
        output::line(format!("  health   http://{address}/health"))?;
    }
    wait_for_signal().await;
    tracing::info!("asked to end; no more jobs are begun");
    draining.cancel();
    worker.close(Duration::from_secs(arguments.grace)).await?;
    hub.close().await?;
    output::line("Ended; everything is written.")
}

/// Unique among the workers of an engine, as far as machines have names of their own.
fn settings(hub: &Hub, arguments: &WorkerArguments) -> WorkerSettings {
    let machine = std::env::var("HOSTNAME").ok().or_else(|| std::fs::read_to_string("/etc/hostname").ok());
    let machine = machine.unwrap_or_else(|| "worker".into());
    let name = format!("{}-{}", machine.trim(), std::process::id());
    let concurrency = arguments.concurrency.map_or_else(|| usual_concurrency(&hub.config.jobs), usize::from);
    WorkerSettings {
        tools: arguments.tools.iter().map(|pattern| pattern.as_str().into()).collect(),
        in_process: false,
        ..WorkerSettings::new(&name, concurrency)
    }
}

/// Answers whether we are well: in one word, to everybody. `/ready` says no as soon as we drain.
async fn answer_health(
    address: SocketAddr,
    engine: Arc<dyn Engine>,
    draining: CancellationToken,
) -> Result<SocketAddr> {
    let listener = TcpListener::bind(address).await.with_context(|| {
        format!("cannot listen on {address} for questions about our health; give another address to --health")
    })?;
    let address = listener.local_addr()?;
    let for_ready = engine.clone();
    let routes = axum::Router::new().route("/health", get(async move || health(&*engine).await)).route(
        "/ready",
        get(async move || match draining.is_cancelled() {
            true => (StatusCode::SERVICE_UNAVAILABLE, "draining"),
            false => health(&*for_ready).await,
        }),
    );
    tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, routes).await {
            tracing::error!(%error, "questions about our health are not answered any more");
        }
    });
    Ok(address)
}

/// A worker that cannot write what came of its jobs is not well.
async fn health(engine: &dyn Engine) -> (StatusCode, &'static str) {
    match tokio::time::timeout(LOOK, engine.check_health()).await {
        Ok(Ok(())) => (StatusCode::OK, "ok"),
        _ => (StatusCode::SERVICE_UNAVAILABLE, "jobs"),
    }
}

//! `drawbridge serve`: the hub.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Result;
use drawbridge_mcp::channel::Channels;
use drawbridge_mcp::http::{self, Endpoint, HttpSettings};
use drawbridge_store::By;
use drawbridge_web::{Front, Guard, HostNames, Listener, StatusSource, Web};
use tokio_util::sync::CancellationToken;

use crate::cli::Serve;
use crate::config::OWNER_KEY;
use crate::hub::{Hub, configured, open_store_and_log};
use crate::running::Hold;
use crate::workers::Workers;
use crate::{channels, console, output, owner_key};

/// Serves until Ctrl-C or SIGTERM.
pub(crate) fn run(arguments: Serve) -> Result<ExitCode> {
    if arguments.background {
        leave_terminal();
    }
    let (state, mut config) = configured()?;
    if !arguments.listen.is_empty() {
        config.listen = crate::config::Listen::Several(arguments.listen);
    }
    let store = open_store_and_log(&state, &config)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let ended = runtime.block_on(async { serve(Hub::over(store, state, config)?).await });
    // Blocking work that outlived its call must not keep us.
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    ended.map(|()| ExitCode::SUCCESS)
}

async fn serve(hub: Hub) -> Result<()> {
    let mut hold = Hold::take(&hub.state)?;
    let given = std::env::var(OWNER_KEY).ok();
    let fresh_key = owner_key::ensure(&hub.store, given.as_deref()).await?;
    let listener = Listener::bind(hub.config.listen.addresses()).await?;
    let addresses = listener.addresses();
    #[cfg(unix)]
    let socket = channels::bind(&hub);
    #[cfg(unix)]
    let place = socket.as_ref().map(|socket| socket.path().to_owned());
    #[cfg(not(unix))]
    let place = None;
    hold.announce(addresses.clone(), place)?;
    crate::jobs::start(&hub).await?;
    #[cfg(unix)]
    let supervision = hub.daemons.supervise(Arc::default());
    greet(&hub, &addresses, fresh_key.as_deref())?;

    let shutdown = CancellationToken::new();
    let manager = crate::notify::serving(&places(&addresses));
    tokio::spawn(end_on_signal(shutdown.clone(), manager));
    if hub.config.audit_days > 0 {
        tokio::spawn(prune_daily(hub.store.clone(), hub.config.audit_days));
    }
    let channels = channels::open(&hub);
    let front = front(&hub, &addresses, &channels, &shutdown)?;
    let serving = listener.serve(front, shutdown.clone());
    #[cfg(unix)]
    futures::join!(serving, channels::serve(socket, &hub, channels, shutdown));
    #[cfg(not(unix))]
    serving.await;
    #[cfg(unix)]
    supervision.end().await;
    hub.close().await?;
    output::line("Ended; everything is written.")
}

fn front(
    hub: &Hub,
    addresses: &[SocketAddr],
    channels: &Arc<Channels>,
    shutdown: &CancellationToken,
) -> Result<Front> {
    let names = HostNames::new(&hub.config.allowed_hosts, addresses.iter().map(SocketAddr::port))?;
    let sessions = console::sessions(hub);
    let guard = Guard::new(hub.gateway.clone(), names).with_sessions(sessions.clone());
    let settings = HttpSettings { shutdown: shutdown.clone(), ..HttpSettings::default() };
    let mcp = Endpoint::new(hub.gateway.clone(), settings);
    let workers = Workers::default();
    let web = Web { handler: hub.gateway.clone(), status: status(hub, &workers), shutdown: shutdown.clone() };
    let entrances = mcp
        .router()
        .merge(stdio(hub, shutdown))
        .merge(console::entrance(hub, sessions, status(hub, &workers), shutdown))
        .merge(workers.entrance(hub, shutdown))
        .merge(channels::ws(channels.clone(), shutdown));
    let routes = drawbridge_web::routes(guard.clone(), web, entrances);
    let post = move |caller, request| mcp.clone().post(caller, request);
    let door: Arc<dyn drawbridge_contract::Handler> = hub.gateway.clone();
    let front = Front::from(routes).with_post(guard.clone(), http::PATH, post);
    Ok(front.with_exchanges(guard, &door, shutdown))
}

/// Serves hosts that `drawbridge stdio` hands on to us.
fn stdio(hub: &Hub, shutdown: &CancellationToken) -> axum::Router {
    let gateway = hub.gateway.clone();
    drawbridge_web::stdio(shutdown.clone(), move |caller, pipe, end| {
        let gateway = gateway.clone();
        async move {
            let (read, write) = tokio::io::split(pipe);
            if let Err(error) = drawbridge_mcp::stdio::serve(gateway, caller, read, write, end).await {
                tracing::debug!(%error, "a pipe ended badly");
            }
        }
    })
}

fn status(hub: &Hub, workers: &Workers) -> StatusSource {
    let workers = workers.clone();
    let (store, gateway, jobs) = (hub.store.clone(), hub.gateway.clone(), hub.jobs.clone());
    let (llm, begun) = (hub.llm.clone(), std::time::Instant::now());
    #[cfg(unix)]
    let daemons = hub.daemons.clone();
    Arc::new(move || {
        let mut status = super::status::of_hub(&store, &gateway, &jobs, begun);
        status["providers"] = super::status::of_providers(&llm);
        workers.tell(&mut status["jobs"]);
        #[cfg(unix)]
        status.as_object_mut().map(|status| status.insert("daemons".to_owned(), daemons.status()));
        status
    })
}

fn places(addresses: &[SocketAddr]) -> String {
    let places: Vec<String> = addresses.iter().map(|address| format!("http://{address}/mcp")).collect();
    places.join(" and ")
}

/// Where it is, the key if it is new, and what to do next.
fn greet(hub: &Hub, addresses: &[SocketAddr], fresh_key: Option<&str>) -> Result<()> {
    output::line(format!("{} serves MCP at {}", output::bold("Drawbridge"), places(addresses)))?;
    for root in &hub.config.files.roots {
        output::line(format!("  files    {} ({})", root.path.display(), root.name))?;
    }
    output::line(format!("  state    {}", hub.state.display()))?;
    if let Some(key) = fresh_key {
        output::line(format!("\n  Your owner key, shown only this once:\n\n    {}\n", output::green(key)))?;
    }
    if addresses.iter().any(|address| !address.ip().is_loopback()) {
        output::line(output::yellow(
            "  It listens beyond this machine, without TLS: put it behind a proxy or a tunnel that has it.",
        ))?;
    }
    if hub.gateway.is_raised()? {
        output::line(output::yellow(
            "  The bridge is raised: every call is refused until `drawbridge lower`.",
        ))?;
    }
    output::line(
        "  next     `drawbridge connect` lets an application in; `drawbridge console` shows what it does.\n           Ctrl-C ends.",
    )
}

/// Closing the terminal that we were started from is not to end us.
fn leave_terminal() {
    #[cfg(unix)]
    if let Err(error) = rustix::process::setsid() {
        tracing::warn!(%error, "the hub could not leave the terminal that it was started from");
    }
}

async fn end_on_signal(shutdown: CancellationToken, manager: Option<Arc<crate::notify::Manager>>) {
    wait_for_signal().await;
    tracing::info!("asked to end");
    if let Some(manager) = manager {
        manager.tell("STOPPING=1");
    }
    shutdown.cancel();
}

/// Waits until somebody asks the process to end.
#[cfg(unix)]
pub(super) async fn wait_for_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        return tokio::signal::ctrl_c().await.unwrap_or_default();
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}

#[cfg(not(unix))]
pub(super) async fn wait_for_signal() {
    tokio::signal::ctrl_c().await.unwrap_or_default();
}

/// Removes what is older than the owner wants to keep, at the start and once a day.
async fn prune_daily(store: drawbridge_store::Store, days: u32) {
    let mut daily = tokio::time::interval(std::time::Duration::from_secs(24 * 60 * 60));
    loop {
        daily.tick().await;
        match store.audit_prune(days, By::now("drawbridge", "hub")).await {
            Ok(pruned) => tracing::info!(records = pruned.records, "old audit records were removed"),
            Err(error) => tracing::warn!(%error, "old audit records could not be removed"),
        }
    }
}

//! A hub of the product's own parts with an `echo` server behind the door: `bench-hub TOOLS.json [--changes]`.
//!
//! The whole way from the socket to the audit: listener, guard, MCP, door. Its state goes to `$DRAWBRIDGE_HOME`, its one key
//! is `$DRAWBRIDGE_OWNER_KEY`, and its address goes to standard output.

use std::io::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context as _;
use drawbridge_bench::hub::{HubSettings, open_door};
use drawbridge_gateway::Gateway;
use drawbridge_mcp::http::{Endpoint, HttpSettings, PATH};
use drawbridge_web::{Front, Guard, HostNames, Listener, Web, routes};
use serde_json::json;
use tokio_util::sync::CancellationToken;

/// The product's own allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let door = open_door(&HubSettings::of_process()?).await?;
    let listener = Listener::bind(&[([127, 0, 0, 1], 0).into()]).await?;
    let addresses = listener.addresses();
    announce(addresses.first().context("no address is bound")?)?;
    let names = HostNames::new(&[], addresses.iter().map(SocketAddr::port))?;
    // It is ended from outside, by a signal.
    listener.serve(front(door, names), CancellationToken::new()).await;
    Ok(())
}

fn front(door: Arc<Gateway>, names: HostNames) -> Front {
    let guard = Guard::new(door.clone(), names);
    let web = Web {
        handler: door.clone(),
        status: Arc::new(|| json!({"health": "ok"})),
        shutdown: CancellationToken::new(),
    };
    let mcp = Endpoint::new(door, HttpSettings::default());
    let routes = routes(guard.clone(), web, mcp.router());
    Front::from(routes).with_post(guard, PATH, move |caller, request| mcp.clone().post(caller, request))
}

fn announce(address: &SocketAddr) -> anyhow::Result<()> {
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "{address}")?;
    Ok(stdout.flush()?)
}

//! How the hub is: for `GET /api/status`, `GET /health` and `drawbridge status`.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use anyhow::Result;
use drawbridge_gateway::Gateway;
use drawbridge_llm::Llm;
use drawbridge_store::Store;
use serde_json::{Value, json};

use crate::client::HubWire;
use crate::jobs::Kept;
use crate::{home, output, running};

/// Everything about a hub that runs in this process.
pub(crate) fn of_hub(store: &Store, gateway: &Arc<Gateway>, jobs: &Kept, begun: Instant) -> Value {
    let audit = store.health();
    let raised = gateway.is_raised();
    let health = match (&audit.failing, &raised) {
        (Some(_), _) => "audit",
        (None, Err(_)) => "store",
        (None, Ok(_)) => "ok",
    };
    json!({
        "health": health,
        "version": env!("CARGO_PKG_VERSION"),
        "bridge": if raised.unwrap_or(true) { "raised" } else { "lowered" },
        "up_seconds": begun.elapsed().as_secs(),
        "jobs": jobs.get().map(drawbridge_background::Background::load_now),
        "audit": {"records": audit.records, "commits": audit.commits, "waiting": audit.kept, "failing": audit.failing.map(|error| error.to_string())},
    })
}

/// How providers of language models are, as far as is known: nobody asks them for this.
pub(crate) fn of_providers(llm: &Llm) -> Value {
    let states = llm.provider_states();
    states.iter().map(|(name, state)| json!({"name": name, "health": state})).collect()
}

/// Says whether a hub runs, and where, and what its jobs do.
pub(crate) async fn run(json: bool) -> Result<ExitCode> {
    let state = home::state()?;
    let hub = running::find(&state);
    let bridge = bridge(&state)?;
    let jobs = match &hub {
        Some(hub) => jobs_of(&state, hub).await.unwrap_or_default(),
        None => Value::Null,
    };
    if json {
        output::json(&json!({"running": hub, "bridge": bridge, "state": state, "jobs": jobs}))?;
    } else {
        let runs = hub.map_or_else(
            || "no hub runs; `drawbridge serve` starts one".to_owned(),
            |hub| format!("process {}, {}", hub.pid, running::places(&hub)),
        );
        output::line(format!("hub      {runs}\nbridge   {bridge}\nstate    {}", state.display()))?;
    }
    if jobs.is_object() && !json {
        output::line(format!("jobs     {}", super::jobs::load_in_words(&jobs)))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// What the running hub says of its jobs.
async fn jobs_of(state: &std::path::Path, hub: &running::Running) -> Result<Value> {
    let mut wire = HubWire::open(state, hub).await?;
    let status = wire.get("/api/status").await;
    wire.close().await?;
    Ok(status?["jobs"].take())
}

pub(super) fn bridge(state: &std::path::Path) -> Result<String> {
    if !state.exists() {
        return Ok(drawbridge_gateway::LOWERED.to_owned());
    }
    let word = crate::hub::open_store(state)?.settings().get(drawbridge_gateway::BRIDGE)?;
    Ok(word.unwrap_or_else(|| drawbridge_gateway::LOWERED.to_owned()))
}

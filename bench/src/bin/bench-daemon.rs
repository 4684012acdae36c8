//! Calls through a daemon: `bench-daemon FOLDER CALLERS`, with the daemon `echo` in that folder; or that daemon itself:
//! `bench-daemon --serve`.
//!
//! As many tasks as there are callers call `echo_say` through the door in this process for [`DURATION`]. Prints one line of
//! JSON.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use drawbridge_bench::door::DoorFigures;
use drawbridge_bench::hub::open_door_to;
use drawbridge_bench::process::own_cpu;
use drawbridge_bench::stats::{micros, percentile};
use drawbridge_contract::{
    Answer, Arguments, Authenticator as _, Call, Handler as _, Live, Origin, Outcome, RawValue, Target,
};
use drawbridge_daemon::{Daemon, Method};
use drawbridge_daemons::{Daemons, DaemonsSettings};
use drawbridge_gateway::Gateway;

/// The product's own allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How long it is called.
const DURATION: Duration = Duration::from_secs(2);

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Said {
    message: String,
}

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match &arguments[..] {
        [word] if word == "--serve" => {
            let say = Method::new("say", "Says it again.").reads();
            Ok(Daemon::new("echo", "Says it again.").method(say, |said: Said| Ok(said.message)).serve()?)
        }
        [folder, callers] => tokio::runtime::Runtime::new()?
            .block_on(measure(folder, callers.parse().context("CALLERS is a number")?)),
        _ => bail!("usage: bench-daemon FOLDER CALLERS, or bench-daemon --serve"),
    }
}

async fn measure(folder: &str, callers: usize) -> anyhow::Result<()> {
    let (home, key) = (std::env::var("DRAWBRIDGE_HOME")?, std::env::var("DRAWBRIDGE_OWNER_KEY")?);
    let daemons = Arc::new(Daemons::open(&DaemonsSettings::new(folder))?);
    let door = open_door_to(daemons, &home, &key, &["echo_*"]).await?;
    call_once(&door, &key, 0).await?;
    let (start, cpu_before) = (Instant::now(), own_cpu()?);
    let deadline = start + DURATION;
    let tasks: Vec<_> =
        (0..callers).map(|_| tokio::spawn(repeat(door.clone(), key.clone(), deadline))).collect();
    let mut latencies = Vec::new();
    for task in tasks {
        latencies.append(&mut task.await??);
    }
    let (elapsed, cpu) = (start.elapsed(), own_cpu()? - cpu_before);
    latencies.sort_unstable();
    let figures = DoorFigures {
        calls_per_second: latencies.len() as f64 / elapsed.as_secs_f64(),
        p50_us: micros(percentile(&latencies, 50.0)),
        p99_us: micros(percentile(&latencies, 99.0)),
        cpu_us_per_call: micros(cpu) / latencies.len() as f64,
    };
    println!("{}", serde_json::to_string(&figures)?);
    Ok(())
}

async fn repeat(door: Arc<Gateway>, key: String, deadline: Instant) -> anyhow::Result<Vec<Duration>> {
    let mut latencies = Vec::new();
    while Instant::now() < deadline {
        let start = Instant::now();
        call_once(&door, &key, latencies.len()).await?;
        latencies.push(start.elapsed());
    }
    Ok(latencies)
}

async fn call_once(door: &Arc<Gateway>, key: &str, number: usize) -> anyhow::Result<()> {
    let message = format!("hello {number}");
    let arguments = RawValue::from_string(format!(r#"{{"message":"{message}"}}"#))?;
    let target = Target::Tool("echo_say".into());
    let call = Call::new(door.authenticate(key)?, target, Arguments::decode(&arguments)?, Origin::default());
    match door.clone().call(call, Live::default()).await {
        Ok(Outcome::Complete(Answer::Tool(result))) if result.content.json().contains(&message) => Ok(()),
        Ok(other) => bail!("a wrong answer: {other:?}"),
        Err(refusal) => bail!("refused: {refusal}"),
    }
}

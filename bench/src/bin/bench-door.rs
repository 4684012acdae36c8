//! The door without any wire: `bench-door TOOLS.json [--changes]`.
//!
//! As many tasks as the benchmarks have connections call `echo` in this process, each with a look-up of its key, for
//! [`DURATION`]. Prints one line of JSON.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::bail;
use drawbridge_bench::door::DoorFigures;
use drawbridge_bench::hub::{HubSettings, open_door};
use drawbridge_bench::process::own_cpu;
use drawbridge_bench::stats::{micros, percentile};
use drawbridge_contract::{
    Answer, Arguments, Authenticator as _, Call, Handler as _, Live, Origin, Outcome, RawValue, Target,
};
use drawbridge_gateway::Gateway;

/// The product's own allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How long the door is called.
const DURATION: Duration = Duration::from_secs(2);

/// How many callers there are at once.
const CALLERS: usize = 16;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let settings = Arc::new(HubSettings::of_process()?);
    let door = open_door(&settings).await?;
    call_once(&door, &settings.key, 0).await?;
    let (start, cpu_before) = (Instant::now(), own_cpu()?);
    let callers: Vec<_> = (0..CALLERS)
        .map(|_| tokio::spawn(repeat(door.clone(), settings.clone(), start + DURATION)))
        .collect();
    let mut latencies = Vec::new();
    for caller in callers {
        latencies.append(&mut caller.await??);
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

async fn repeat(
    door: Arc<Gateway>,
    settings: Arc<HubSettings>,
    deadline: Instant,
) -> anyhow::Result<Vec<Duration>> {
    let mut latencies = Vec::new();
    while Instant::now() < deadline {
        let start = Instant::now();
        call_once(&door, &settings.key, latencies.len()).await?;
        latencies.push(start.elapsed());
        // Nothing in a call has to wait, so tasks would never take turns.
        tokio::task::yield_now().await;
    }
    Ok(latencies)
}

async fn call_once(door: &Arc<Gateway>, key: &str, number: usize) -> anyhow::Result<()> {
    let caller = door.authenticate(key)?;
    let message = format!("hello {number}");
    let arguments = RawValue::from_string(format!(r#"{{"message":"{message}"}}"#))?;
    let target = Target::Tool("echo".into());
    let call = Call::new(caller, target, Arguments::decode(&arguments)?, Origin::default());
    match door.clone().call(call, Live::default()).await {
        Ok(Outcome::Complete(Answer::Tool(result))) if result.content.json().contains(&message) => Ok(()),
        Ok(other) => bail!("a wrong answer: {other:?}"),
        Err(refusal) => bail!("refused: {refusal}"),
    }
}

//! What a launch costs beside a bare one: `cargo run --release -p drawbridge-sandbox --example launch [rounds]`.
//!
//! Each round starts `true` in every way, one after the other, so that whatever else the machine does meets all of them.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use drawbridge_sandbox::{Confinement, Launch, Sandbox, helper_main};

const ROUNDS: usize = 300;

fn main() {
    helper_main();
    let rounds = std::env::args().nth(1).and_then(|word| word.parse().ok()).unwrap_or(ROUNDS);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime starts");
    runtime.block_on(measure(rounds));
}

async fn measure(rounds: usize) {
    let sandbox = Sandbox::new();
    let landlock = Confinement { metadata: false, ..Confinement::folder("/tmp") };
    let ways = [
        ("std::process::Command", None),
        ("sandbox, unconfined", Some(None)),
        ("sandbox, Landlock and seccomp", Some(Some(landlock))),
        ("sandbox, and a mount namespace", Some(Some(Confinement::folder("/tmp")))),
    ];
    let mut times = ways.each_ref().map(|_| Vec::with_capacity(rounds));
    for _ in 0..rounds {
        for ((_, way), times) in ways.iter().zip(&mut times) {
            times.push(time(&sandbox, way.as_ref()).await);
        }
    }
    for ((name, _), times) in ways.iter().zip(&mut times) {
        times.sort_unstable();
        let at = |share: usize| times[(times.len() * share / 100).min(times.len() - 1)];
        println!("{name:32} p50 {:>8.2?}  p90 {:>8.2?}  p99 {:>8.2?}", at(50), at(90), at(99));
    }
}

/// From asking to knowing the exit code.
async fn time(sandbox: &Sandbox, way: Option<&Option<Confinement>>) -> Duration {
    let started = Instant::now();
    let succeeded = match way {
        None => bare(),
        Some(confinement) => {
            let launch = Launch { confinement: confinement.clone(), ..Launch::new("true") };
            let mut child = sandbox.launch(launch).await.expect("it starts");
            child.wait().await.expect("it ends").success()
        }
    };
    assert!(succeeded);
    started.elapsed()
}

fn bare() -> bool {
    let output = Command::new("true").stdin(Stdio::null()).output();
    output.is_ok_and(|output| output.status.success())
}

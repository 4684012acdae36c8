//! The life of a daemon that the hub runs.

use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use drawbridge_sandbox::{Cause, Child, Ended, Exit, Sandbox, Signal, WaitError};
use tokio_util::sync::CancellationToken;

use super::backoff::Backoff;
use super::hang;
use super::launch;
use super::process::{Process, State};
use super::settings::SocketKind;

/// How long a daemon may take to answer for the first time.
const READY_TIME_MAX: Duration = Duration::from_secs(30);
/// How often it is asked until then, and how long one question may take.
const ASK_EVERY: Duration = Duration::from_millis(50);
const ASK_TIME_MAX: Duration = Duration::from_secs(5);
/// How long it has to end by itself when it is asked to.
const GRACE: Duration = Duration::from_secs(3);

/// Why a daemon does not run any more.
enum End {
    /// By itself, or because it could not be started: says how.
    Itself(String),
    /// Somebody asked for a new start.
    Restart,
    /// The hub ends.
    Stop,
}

/// Runs it until the hub ends.
pub(super) async fn run(
    process: Arc<Process>,
    needs: Vec<Arc<Process>>,
    sandbox: Arc<Sandbox>,
    stop: CancellationToken,
) {
    let mut backoff = Backoff::default();
    loop {
        process.set(State::Waiting);
        tokio::select! {
            () = stop.cancelled() => break,
            () = all_ready(&needs) => {}
        }
        let begun = Instant::now();
        match once(&process, &sandbox, &stop).await {
            End::Stop => break,
            End::Restart => backoff = Backoff::default(),
            End::Itself(why) => {
                tracing::warn!(daemon = process.name(), why, "a daemon ended");
                process.log.mark(&why);
                process.change(|view| view.last_end = Some(why));
                if rest(&process, backoff.after(begun.elapsed()), &stop).await {
                    backoff = Backoff::default();
                }
            }
        }
        if stop.is_cancelled() {
            break;
        }
    }
    process.set(State::Stopped);
}

async fn all_ready(needs: &[Arc<Process>]) {
    for one in needs {
        one.is_ready().await;
    }
}

/// Waits until it may be started again. Says whether somebody asked for that.
async fn rest(process: &Process, pause: Option<Duration>, stop: &CancellationToken) -> bool {
    process.set(pause.map_or(State::GaveUp, |pause| State::Pausing(Instant::now() + pause)));
    let paused = async {
        match pause {
            Some(pause) => tokio::time::sleep(pause).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = stop.cancelled() => false,
        () = paused => false,
        () = process.restart.notified() => true,
    }
}

/// From one start to the end.
async fn once(process: &Arc<Process>, sandbox: &Sandbox, stop: &CancellationToken) -> End {
    let (mut child, secrets) = match start(process, sandbox).await {
        Ok(started) => started,
        Err(why) => return End::Itself(format!("it could not be started: {why}")),
    };
    let (pid, handle, output) = (child.pid(), child.handle(), child.output.take());
    process.log.mark(&format!("started as process {pid}"));
    process.set(State::Starting(pid));
    process.change(|view| {
        view.starts += 1;
        view.gaps = child.report().gaps.iter().map(ToString::to_string).collect();
    });
    let logged = async {
        if let Some(output) = output {
            process.log.copy(output, &secrets).await;
        }
    };
    let mut life = pin!(async { tokio::join!(child.wait(), logged).0 });
    let end = tokio::select! {
        ended = &mut life => return End::Itself(in_words(&ended)),
        why = is_silent(process, pid) => End::Itself(why),
        () = process.restart.notified() => End::Restart,
        () = stop.cancelled() => End::Stop,
    };
    process.set(State::Ending(pid));
    // An error means that it has ended just now.
    let _ = handle.stop(Signal::Terminate, GRACE);
    let _ = life.await;
    end
}

async fn start(process: &Process, sandbox: &Sandbox) -> Result<(Child, Vec<String>), String> {
    let variables = process.settings.environment.ask()?;
    launch::prepare(process)
        .map_err(|error| format!("its folder {} cannot be made: {error}", process.folder.display()))?;
    let given = match process.settings.socket {
        SocketKind::Own => None,
        SocketKind::Given => {
            let listener = launch::listen(process);
            Some(listener.map_err(|error| format!("its socket cannot be made: {error}"))?.into())
        }
    };
    let launch = launch::launch(process, given, &variables);
    let child = sandbox.launch(launch).await.map_err(|error| error.to_string())?;
    Ok((child, variables.into_iter().map(|(_, value)| value).collect()))
}

/// Says so when it answers. Ends only when it does not, or not any more, and says how.
async fn is_silent(process: &Process, pid: u32) -> String {
    let asking = async {
        loop {
            tokio::time::sleep(ASK_EVERY).await;
            if matches!(tokio::time::timeout(ASK_TIME_MAX, hang::ask(process)).await, Ok(Ok(()))) {
                return;
            }
        }
    };
    if tokio::time::timeout(READY_TIME_MAX, asking).await.is_err() {
        return format!("it did not answer within {} s of its start", READY_TIME_MAX.as_secs());
    }
    process.set(State::Ready { pid, since: Instant::now() });
    hang::hangs(process).await
}

fn in_words(ended: &Result<Ended, WaitError>) -> String {
    match ended {
        Ok(Ended { exit: Exit::Code(code), cause: Cause::Itself, .. }) => {
            format!("it ended with the code {code}")
        }
        Ok(Ended { exit: Exit::Signal(signal), .. }) => format!("it was ended by the signal {signal}"),
        Ok(_) => "it was ended".to_owned(),
        Err(error) => error.to_string(),
    }
}

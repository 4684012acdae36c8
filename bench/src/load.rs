//! The load generator: some connections, each of them calling `echo` as fast as it is answered.
//!
//! One thread drives all connections: a second one would only take processor time from the server on a small machine.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use tokio::task::JoinSet;

use crate::http::Connection;
use crate::stats::percentile;
use crate::wire::{Dialect, EchoRequest, Target, excerpt, initialize, initialized, list_tools, tools_page};

/// Calls on each connection before the clock starts, for caches and allocators to settle.
const WARM_UP_CALLS: u32 = 20;

/// Connections that are open and warm, with a session each where the dialect has sessions.
pub struct Fleet {
    callers: Vec<Caller>,
}

/// What the connections of a fleet saw in one round.
pub struct Sample {
    /// From the first request to the last answer.
    pub elapsed: Duration,
    /// The time of every call, in ascending order.
    pub latencies: Vec<Duration>,
}

impl Sample {
    /// How many calls were answered.
    pub fn calls(&self) -> usize {
        self.latencies.len()
    }

    /// Answered calls per second.
    pub fn rate(&self) -> f64 {
        self.calls() as f64 / self.elapsed.as_secs_f64()
    }

    /// The time that `percent` of the calls stayed below.
    pub fn percentile(&self, percent: f64) -> Duration {
        percentile(&self.latencies, percent)
    }
}

impl Fleet {
    /// Opens `connections` connections to `target` and warms each of them up.
    ///
    /// # Errors
    ///
    /// When the server cannot be reached, refuses, or answers wrongly.
    pub async fn open(target: &Target, connections: usize) -> anyhow::Result<Self> {
        let mut callers = Vec::with_capacity(connections);
        for _ in 0..connections {
            let mut caller = Caller::open(target).await?;
            for _ in 0..WARM_UP_CALLS {
                caller.call().await?;
            }
            callers.push(caller);
        }
        Ok(Self { callers })
    }

    /// Asks for one list of tools, on a connection of its own: what any MCP server answers.
    ///
    /// # Errors
    ///
    /// As for [`Fleet::open`].
    pub async fn first_list(target: &Target) -> anyhow::Result<()> {
        let mut connection = Connection::open(target.address).await?;
        let answer = connection.exchange(&target.encode(list_tools(None), None)).await?;
        ensure!(answer.status == 200, "the server answered {}: {}", answer.status, excerpt(answer.body));
        ensure!(tools_page(answer.body)?.count > 0, "the server lists no tools");
        Ok(())
    }

    /// Makes one call on a connection of its own.
    ///
    /// # Errors
    ///
    /// As for [`Fleet::open`].
    pub async fn first_call(target: &Target) -> anyhow::Result<()> {
        let mut caller = Caller::open(target).await?;
        caller.call().await?;
        caller.close().await
    }

    /// Lets every connection call without a pause for `duration`.
    ///
    /// # Errors
    ///
    /// At the first wrong answer of any connection.
    pub async fn drive(&mut self, duration: Duration) -> anyhow::Result<Sample> {
        let start = Instant::now();
        let mut running = JoinSet::new();
        for caller in self.callers.drain(..) {
            running.spawn(caller.repeat(start + duration));
        }
        let mut latencies = Vec::new();
        while let Some(done) = running.join_next().await {
            let (caller, mut measured) = done.context("a connection broke down")??;
            latencies.append(&mut measured);
            self.callers.push(caller);
        }
        let elapsed = start.elapsed();
        latencies.sort_unstable();
        Ok(Sample { elapsed, latencies })
    }

    /// Ends the sessions and closes the connections.
    ///
    /// # Errors
    ///
    /// When the server does not answer to the end of a session.
    pub async fn close(self) -> anyhow::Result<()> {
        for caller in self.callers {
            caller.close().await?;
        }
        Ok(())
    }
}

/// One connection and the call it repeats.
struct Caller {
    connection: Connection,
    target: Target,
    session: Option<String>,
    request: EchoRequest,
}

impl Caller {
    async fn open(target: &Target) -> anyhow::Result<Self> {
        let mut connection = Connection::open(target.address).await?;
        let session = match target.dialect {
            Dialect::Stateless => None,
            Dialect::Session => open_session(&mut connection, target).await?,
        };
        let request = EchoRequest::new(target, session.as_deref());
        Ok(Self { connection, target: target.clone(), session, request })
    }

    async fn call(&mut self) -> anyhow::Result<Duration> {
        let bytes = self.request.renew();
        let start = Instant::now();
        let answer = self.connection.exchange(bytes).await?;
        let latency = start.elapsed();
        ensure!(answer.status == 200, "the server answered {}: {}", answer.status, excerpt(answer.body));
        let checked = self.request.check(answer.body);
        checked.with_context(|| format!("the whole answer was: {}", excerpt(self.connection.received())))?;
        Ok(latency)
    }

    async fn repeat(mut self, deadline: Instant) -> anyhow::Result<(Self, Vec<Duration>)> {
        let mut latencies = Vec::new();
        while Instant::now() < deadline {
            latencies.push(self.call().await?);
        }
        Ok((self, latencies))
    }

    async fn close(mut self) -> anyhow::Result<()> {
        if let Some(session) = self.session {
            self.connection
                .exchange(&self.target.encode_delete(&session))
                .await
                .context("cannot end the session")?;
        }
        Ok(())
    }
}

/// Says hello in the older way, and returns the session if the server keeps one.
async fn open_session(connection: &mut Connection, target: &Target) -> anyhow::Result<Option<String>> {
    let hello = connection.exchange(&target.encode(initialize(target.dialect.revision()), None)).await?;
    ensure!(hello.status == 200, "initialize was answered with {}: {}", hello.status, excerpt(hello.body));
    let session = hello.session;
    let ready = connection.exchange(&target.encode(initialized(), session.as_deref())).await?;
    ensure!(ready.status == 202, "notifications/initialized was answered with {}", ready.status);
    Ok(session)
}

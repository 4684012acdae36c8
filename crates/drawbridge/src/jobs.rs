//! The jobs of a hub, from their part of the configuration.
//!
//! One process at a time has the jobs of a state folder open: the hub, or where none runs, the first `drawbridge stdio`.
//! Whoever comes later tries again until they are free, and serves everything else meanwhile. Workers in processes of
//! their own open nothing: they reach the hub through a pipe.

use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anyhow::{Context as _, Result};
use drawbridge_background::{Background, BackgroundSettings};
use drawbridge_contract::Handler;
use drawbridge_gateway::Gateway;
use drawbridge_jobs::remote::Remote;
use drawbridge_jobs::webhook::WebhookSettings;
use drawbridge_jobs::worker::WorkerSettings;
use drawbridge_jobs::{Embedded, EngineError, Keep, Retention, Settings};

use crate::client::ToHub;
use crate::config::{self, Config};
use crate::hub::Hub;

/// How often it is tried again whether the jobs are free.
const TRY_EVERY: Duration = Duration::from_secs(2);
/// How long jobs that run may go on when the program is asked to end; then they are interrupted.
const GRACE: Duration = Duration::from_secs(5);
/// How many jobs run at once at least, where nothing else is configured.
const CONCURRENCY_MIN: usize = 2;

const DAY_MS: u64 = 24 * 3600 * 1000;

/// The jobs, once they are open.
pub(crate) type Kept = Arc<OnceLock<Background>>;

/// Opens the jobs of the hub and runs them. Where another process has them, this is tried again until they are free.
///
/// # Errors
/// Whatever else keeps them from being opened.
pub(crate) async fn start(hub: &Hub) -> Result<()> {
    let sealing = hub.store.sealing_secret();
    match open(&hub.state, &hub.config, &hub.gateway, &sealing).await {
        Ok(jobs) => run(&jobs, &hub.gateway, &hub.config, &hub.jobs),
        Err(EngineError::InUse) => {
            tracing::warn!("another drawbridge has the jobs open; they are taken over when it ends");
            tokio::spawn(take_over(
                hub.state.clone(),
                hub.config.clone(),
                hub.gateway.clone(),
                sealing,
                hub.jobs.clone(),
            ));
        }
        Err(error) => return Err(error).context("the jobs cannot be opened"),
    }
    Ok(())
}

/// Opens the jobs of the hub without running any: for commands that look, and go.
///
/// # Errors
/// Whatever keeps them from being opened, another process included.
pub(crate) async fn look(hub: &Hub) -> Result<()> {
    let jobs = open(&hub.state, &hub.config, &hub.gateway, &hub.store.sealing_secret()).await?;
    hub.gateway.keep_jobs(Arc::new(jobs.clone()));
    let _ = hub.jobs.set(jobs);
    Ok(())
}

/// Lets what runs come to its end, or interrupts it, and writes everything.
pub(crate) async fn close(kept: &Kept) {
    if let Some(jobs) = kept.get() {
        jobs.close(GRACE).await;
    }
}

async fn take_over(
    state: std::path::PathBuf,
    config: Config,
    gateway: Arc<Gateway>,
    sealing: [u8; 32],
    kept: Kept,
) {
    loop {
        tokio::time::sleep(TRY_EVERY).await;
        match open(&state, &config, &gateway, &sealing).await {
            Ok(jobs) => {
                tracing::info!("the jobs are free, and run here now");
                return run(&jobs, &gateway, &config, &kept);
            }
            Err(EngineError::InUse) => {}
            Err(error) => return tracing::error!(%error, "the jobs cannot be opened"),
        }
    }
}

fn webhook_settings(config: &Config) -> WebhookSettings {
    WebhookSettings {
        allowed: config.webhooks.allow.allowed(),
        callbacks_anywhere: config.webhooks.callbacks_anywhere,
        ..WebhookSettings::default()
    }
}

fn run(jobs: &Background, gateway: &Arc<Gateway>, config: &Config, kept: &Kept) {
    gateway.keep_jobs(Arc::new(jobs.clone()));
    let _ = kept.set(jobs.clone());
    jobs.start_beside();
    jobs.keep_limits(config.jobs.limits());
    if config.jobs.engine == config::Engine::Bullmq {
        jobs.watch_load();
    }
    let door: Arc<dyn Handler> = gateway.clone();
    // Also where only others run jobs: those on this machine leave it to us.
    jobs.decide(&door);
    let concurrency = concurrency(&config.jobs);
    if concurrency > 0 {
        jobs.work(&door, WorkerSettings::new(&format!("hub-{}", std::process::id()), concurrency));
    }
}

async fn open(
    state: &Path,
    config: &Config,
    gateway: &Arc<Gateway>,
    sealing: &[u8; 32],
) -> Result<Background, EngineError> {
    let file = {
        let (state, jobs) = (state.to_owned(), config.jobs.clone());
        let opened = tokio::task::spawn_blocking(move || engine(&state, &jobs)).await;
        opened.unwrap_or(Err(EngineError::Closed))
    };
    let (door, settings): (Arc<dyn Handler>, _) = (gateway.clone(), webhook_settings(config));
    if config.jobs.engine == config::Engine::Embedded {
        let file = file?;
        let jobs = Background::new(Arc::new(file.clone()), on_file(&config.jobs));
        jobs.keep_beside(&file, sealing, settings, &door);
        return Ok(jobs);
    }
    let jobs = on_bullmq(&config.jobs, sealing)?;
    match file {
        Ok(file) => jobs.keep_beside_elsewhere(&file, sealing, settings, &door),
        Err(EngineError::InUse) => {
            tracing::warn!(
                "another drawbridge has webhooks and schedules open; here there are none until the next start"
            );
        }
        Err(error) => return Err(error),
    }
    Ok(jobs)
}

/// How the jobs of the embedded engine are treated.
fn on_file(jobs: &config::Jobs) -> BackgroundSettings {
    BackgroundSettings {
        attempt_time: Duration::from_secs(jobs.attempt_minutes.saturating_mul(60)),
        retention: retention(jobs),
        ..BackgroundSettings::default()
    }
}

/// Jobs on Redis, which need not be there yet. The hub and its workers know their own by the secret of their state folder. Webhooks and schedules stay in the hub's own file.
fn on_bullmq(jobs: &config::Jobs, sealing: &[u8; 32]) -> Result<Background, EngineError> {
    let kept = drawbridge_jobs_bullmq::Settings {
        password: std::env::var(config::REDIS_PASSWORD).ok(),
        foreign_callers: jobs.foreign_callers.clone(),
        ..drawbridge_jobs_bullmq::Settings::new(&jobs.redis, drawbridge_jobs_bullmq::Sealing::new(sealing))
    };
    let usual = Retention::default();
    let keep = |keep: Keep, kept: drawbridge_jobs_bullmq::Kept| Keep {
        age_ms: u64::try_from(kept.age.as_millis()).unwrap_or(u64::MAX),
        ..keep
    };
    let settings = BackgroundSettings {
        engine: jobs.engine.word(),
        attempt_time: Duration::from_secs(jobs.attempt_minutes.saturating_mul(60)),
        retention: Retention {
            well: keep(usual.well, kept.keep_completed),
            badly: keep(usual.badly, kept.keep_failed),
            ..usual
        },
        ..BackgroundSettings::default()
    };
    Ok(Background::new(drawbridge_jobs_bullmq::open(kept)?, settings))
}

/// A worker of its own: the door is this process's, the jobs are the hub's, or everybody's on Redis.
pub(crate) struct OwnWorker {
    /// What it works on.
    pub(crate) jobs: Background,
    /// How it gets to them, where a hub has them.
    to_hub: Option<ToHub>,
}

impl OwnWorker {
    /// Starts one.
    ///
    /// # Errors
    /// When the address of Redis is none.
    pub(crate) fn start(hub: &Hub, worker: WorkerSettings) -> Result<Self> {
        let door: Arc<dyn Handler> = hub.gateway.clone();
        let (jobs, to_hub) = match hub.config.jobs.engine {
            config::Engine::Bullmq => (on_bullmq(&hub.config.jobs, &hub.store.sealing_secret())?, None),
            config::Engine::Embedded => {
                let to_hub = ToHub::new(hub.state.clone());
                let engine = Arc::new(Remote::start(to_hub.clone()));
                (Background::new(engine, on_file(&hub.config.jobs)), Some(to_hub))
            }
        };
        hub.gateway.keep_jobs(Arc::new(jobs.clone()));
        let _ = hub.jobs.set(jobs.clone());
        if to_hub.is_none() {
            jobs.decide(&door);
        }
        jobs.work(&door, worker);
        Ok(Self { jobs, to_hub })
    }

    /// Begins no more jobs, waits `grace` for those that run, and says how everything ended.
    ///
    /// # Errors
    /// When the key to the hub cannot be revoked.
    pub(crate) async fn close(self, grace: Duration) -> Result<()> {
        self.jobs.close(grace).await;
        match self.to_hub {
            Some(to_hub) => to_hub.close().await,
            None => Ok(()),
        }
    }
}

/// How many jobs run at once where nobody says.
pub(crate) fn usual_concurrency(jobs: &config::Jobs) -> usize {
    concurrency(jobs).max(1)
}

/// What keeps the jobs. Blocks for milliseconds.
fn engine(state: &Path, jobs: &config::Jobs) -> Result<Embedded, EngineError> {
    let settings = Settings {
        durability: match jobs.durability {
            config::Durability::Full => drawbridge_jobs::Durability::Full,
            config::Durability::Normal => drawbridge_jobs::Durability::Normal,
        },
        retention: retention(jobs),
        open_per_caller_max: jobs.open_per_caller_max,
        ..Settings::default()
    };
    Embedded::open(state, settings)
}

fn retention(jobs: &config::Jobs) -> Retention {
    let usual = Retention::default();
    let days = |keep: Keep, days: u64| Keep { age_ms: days.saturating_mul(DAY_MS), ..keep };
    Retention {
        well: days(usual.well, jobs.keep_days),
        badly: days(usual.badly, jobs.keep_failed_days),
        ..usual
    }
}

fn concurrency(jobs: &config::Jobs) -> usize {
    let cores = || std::thread::available_parallelism().map_or(CONCURRENCY_MIN, std::num::NonZero::get);
    jobs.concurrency.unwrap_or_else(|| cores().max(CONCURRENCY_MIN))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_configured_is_as_the_engine_has_it() {
        let jobs = config::Jobs::default();
        assert_eq!(retention(&jobs), Retention::default());
        assert!(concurrency(&jobs) >= CONCURRENCY_MIN);
        assert_eq!(concurrency(&config::Jobs { concurrency: Some(0), ..jobs }), 0);
    }
}

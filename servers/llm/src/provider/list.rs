//! The models that a provider has.

use std::sync::Arc;
use std::time::{Duration, Instant};

use drawbridge_outbound::Method;

use super::{Body, Provider};
use crate::chat::Failure;
use crate::wire::ModelEntry;

/// How long a list holds.
const LIST_LASTS: Duration = Duration::from_secs(30);
/// How long it holds that there was none: short, because somebody may just be starting the server.
const ABSENCE_LASTS: Duration = Duration::from_secs(5);
/// The largest list that is read.
const LIST_BYTES_MAX: usize = 8 << 20;
/// The most models that are taken from one list.
const MODELS_MAX: usize = 5_000;
/// How long a list may take: whoever waits for it wants an answer to something else.
const LIST_WITHIN: Duration = Duration::from_secs(5);
/// How long the look at a provider's health may take.
pub(crate) const CHECK_WITHIN: Duration = Duration::from_secs(2);

/// A list, and when it was asked for.
pub(super) struct Listed {
    at: Instant,
    models: Result<Arc<Vec<ModelEntry>>, Failure>,
}

/// How a provider is, asked just now.
pub(crate) struct Health {
    /// How many models it has, or what is wrong.
    pub(crate) models: Result<usize, Failure>,
    /// How long its answer took.
    pub(crate) took: Duration,
    /// Whether it failed so often before that it was left alone.
    pub(crate) rested: bool,
}

impl Listed {
    fn holds(&self) -> bool {
        let lasts = if self.models.is_ok() { LIST_LASTS } else { ABSENCE_LASTS };
        self.at.elapsed() < lasts
    }
}

impl Provider {
    /// Its models, as of a moment ago.
    ///
    /// # Errors
    /// A [`Failure`] when it cannot be asked.
    pub(crate) async fn models(&self) -> Result<Arc<Vec<ModelEntry>>, Failure> {
        let mut listed = self.listed.lock().await;
        if let Some(listed) = listed.as_ref().filter(|listed| listed.holds()) {
            return listed.models.clone();
        }
        let models = self.ask_for_models().await.map(Arc::new);
        *listed = Some(Listed { at: Instant::now(), models: models.clone() });
        models
    }

    /// The next who asks gets a fresh list.
    pub(crate) async fn forget_models(&self) {
        *self.listed.lock().await = None;
    }

    /// Asks it for its models now, whatever is known of it: who was left alone and answers is asked again from here on.
    pub(crate) async fn check(&self) -> Health {
        let mut listed = self.listed.lock().await;
        let (begun, rested) = (Instant::now(), self.is_resting());
        let looking = self.look(self.version, self.dialect.models_path());
        let models = match tokio::time::timeout(CHECK_WITHIN, looking).await {
            Ok(found) => found,
            Err(_) => Err(self.slow()),
        };
        let models = models.map(Arc::new);
        let health = Health {
            models: models.as_ref().map(|all| all.len()).map_err(Clone::clone),
            took: begun.elapsed(),
            rested,
        };
        *listed = Some(Listed { at: Instant::now(), models });
        health
    }

    async fn look(&self, version: &str, path: &str) -> Result<Vec<ModelEntry>, Failure> {
        let sent = self.send_regardless(version, path).await.map_err(|unsent| unsent.failure)?;
        self.dialect.decode_models(&sent.whole(LIST_BYTES_MAX).await?)
    }

    fn slow(&self) -> Failure {
        let words = format!("{} did not list its models in time", self.name);
        Failure::new(crate::chat::FailureKind::TimedOut, words)
    }

    async fn ask_for_models(&self) -> Result<Vec<ModelEntry>, Failure> {
        let asking = async {
            let sent = self.send(Method::GET, self.dialect.models_path(), Body::None).await;
            let body = sent.map_err(|unsent| unsent.failure)?.whole(LIST_BYTES_MAX).await?;
            self.dialect.decode_models(&body)
        };
        let mut models = tokio::time::timeout(LIST_WITHIN, asking).await.map_err(|_| self.slow())??;
        models.truncate(MODELS_MAX);
        Ok(models)
    }
}

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

/// A list, and when it was asked for.
pub(super) struct Listed {
    at: Instant,
    models: Result<Arc<Vec<ModelEntry>>, Failure>,
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

    async fn ask_for_models(&self) -> Result<Vec<ModelEntry>, Failure> {
        let asking = async {
            let sent = self.send(Method::GET, self.dialect.models_path(), Body::None).await;
            let body = sent.map_err(|unsent| unsent.failure)?.whole(LIST_BYTES_MAX).await?;
            self.dialect.decode_models(&body)
        };
        let slow = || {
            let words = format!("{} did not list its models in time", self.name);
            Failure::new(crate::chat::FailureKind::TimedOut, words)
        };
        let mut models = tokio::time::timeout(LIST_WITHIN, asking).await.map_err(|_| slow())??;
        models.truncate(MODELS_MAX);
        Ok(models)
    }
}

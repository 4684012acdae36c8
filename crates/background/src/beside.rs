//! What stands beside the jobs: who is told what becomes of them, and what begins them again and again.

use std::sync::{Arc, Mutex, PoisonError};

use drawbridge_contract::{CancellationToken, Handler, Refusal};
use drawbridge_jobs::schedule::Schedules;
use drawbridge_jobs::webhook::{WebhookSettings, Webhooks};
use drawbridge_jobs::{Embedded, Engine};
use tokio::task::JoinHandle;

use crate::Background;
use crate::error::refusal;
use crate::schedules::{Planned, ThroughDoor};
use crate::webhooks::{Told, told};

pub(crate) struct Beside {
    pub(crate) told: Arc<Told>,
    pub(crate) planned: Arc<Planned>,
    stop: CancellationToken,
    tasks: Mutex<Vec<JoinHandle<()>>>,
    /// What has the jobs, where that is not the file that these are kept in.
    elsewhere: Option<Arc<dyn Engine>>,
    file: Embedded,
}

impl Background {
    /// Keeps webhooks and schedules in the file of the embedded engine that has the jobs; nothing is sent or begun yet.
    /// `sealing` seals the secrets of receivers. Once: a second time changes nothing.
    pub fn keep_beside(
        &self,
        engine: &Embedded,
        sealing: &[u8; 32],
        settings: WebhookSettings,
        door: &Arc<dyn Handler>,
    ) {
        self.keep(None, engine, sealing, settings, door);
    }

    /// The same, where another engine has the jobs, and `file` nothing but these.
    pub fn keep_beside_elsewhere(
        &self,
        file: &Embedded,
        sealing: &[u8; 32],
        settings: WebhookSettings,
        door: &Arc<dyn Handler>,
    ) {
        self.keep(Some(self.0.engine.clone()), file, sealing, settings, door);
    }

    fn keep(
        &self,
        elsewhere: Option<Arc<dyn Engine>>,
        engine: &Embedded,
        sealing: &[u8; 32],
        settings: WebhookSettings,
        door: &Arc<dyn Handler>,
    ) {
        let beside = Beside {
            told: Arc::new(Told(Webhooks::new(engine.clone(), sealing, settings))),
            planned: Arc::new(Planned { schedules: Schedules::new(engine.clone()), door: door.clone() }),
            stop: CancellationToken::new(),
            tasks: Mutex::default(),
            elsewhere,
            file: engine.clone(),
        };
        let _ = self.0.beside.set(beside);
    }

    /// Sends webhooks and begins what is planned, from now on, where [`keep_beside`](Self::keep_beside) was called. Needs a
    /// tokio runtime. Once.
    pub fn start_beside(&self) {
        if let Some(beside) = self.0.beside.get() {
            beside.start();
        }
    }

    /// Refuses a callback that could not be told, or may not be without the owner's leave.
    pub(crate) fn check_callback(&self, url: &str) -> Result<(), Refusal> {
        let Some(beside) = self.0.beside.get() else {
            let problem = "cannot be told: this hub sends no webhooks".to_owned();
            let what = "a callback_url";
            return Err(refusal(drawbridge_jobs::EngineError::Invalid { what, problem }));
        };
        beside.told.0.check_callback(url).map_err(told)
    }
}

impl Beside {
    fn start(&self) {
        let Planned { schedules, door } = &*self.planned;
        // Who may not call any more is told nothing.
        let doorkeeper = door.clone();
        let may_hear = Arc::new(move |caller: &str| doorkeeper.recall(caller).is_some());
        let telling = self.told.0.start(may_hear, self.stop.clone());
        let planning = schedules.start(Arc::new(ThroughDoor(door.clone())), self.stop.clone());
        let following = self.elsewhere.clone().map(|jobs| self.told.0.follow(jobs, self.stop.clone()));
        let tasks = [telling, planning].into_iter().chain(following);
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner).extend(tasks);
    }

    /// Begins nothing more, and lets what is under way end.
    pub(crate) async fn close(&self) {
        self.stop.cancel();
        let tasks = std::mem::take(&mut *self.tasks.lock().unwrap_or_else(PoisonError::into_inner));
        for task in tasks {
            if let Err(error) = task.await {
                tracing::error!(%error, "webhooks or schedules ended badly");
            }
        }
        if self.elsewhere.is_some()
            && let Err(error) = self.file.close().await
        {
            tracing::error!(%error, "webhooks and schedules could not be closed");
        }
    }
}

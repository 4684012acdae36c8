//! Sends what is due, and waits: for news, for the next time, for requests under way. Nothing of it is only in memory.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use drawbridge_contract::CancellationToken;
use drawbridge_outbound::{Method, OutboundError, Response, body, header};
use tokio::task::{Id, JoinError, JoinSet};

use super::delivery::{Delivery, DeliveryState, Due, Settled};
use super::retry::{Next, Went};
use super::sign::signatures;
use super::webhooks::{MayHear, WebhookError, Webhooks, callback_id};
use super::{Secret, WebhookEvent};

/// While something waits for a time of day, we look at the clock at least so often: somebody may set it.
const LOOK_AT_CLOCK: Duration = Duration::from_secs(60);
/// How long to wait when the engine cannot be read or written.
const PAUSE_AFTER_ERROR: Duration = Duration::from_secs(1);
/// How long requests under way may go on when the hub ends.
const STOP_GRACE: Duration = Duration::from_secs(2);
/// How much of an answer is read, in bytes: nobody looks at it, but a connection whose answer was read can be used again.
const ANSWER_BYTES_MAX: usize = 16 << 10;
/// The longest `Retry-After` that is followed, in seconds: an hour.
const RETRY_AFTER_S_MAX: u32 = 3_600;
/// Old deliveries are forgotten each time that so many have ended.
const FORGET_EVERY: u32 = 500;

pub(super) struct Dispatch {
    webhooks: Arc<Webhooks>,
    may_hear: MayHear,
    stop: CancellationToken,
    requests: JoinSet<Result<(), WebhookError>>,
    /// The number of each delivery under way, by its task.
    under_way: HashMap<Id, i64>,
    /// The lane that was served last.
    last_lane: Arc<str>,
    ended: u32,
}

impl Dispatch {
    pub(super) fn new(webhooks: Arc<Webhooks>, may_hear: MayHear, stop: CancellationToken) -> Self {
        Self {
            webhooks,
            may_hear,
            stop,
            requests: JoinSet::new(),
            under_way: HashMap::new(),
            last_lane: "".into(),
            ended: 0,
        }
    }

    pub(super) async fn run(mut self) {
        while !self.stop.is_cancelled() {
            let pause = self.send_due();
            self.wait(pause).await;
        }
        // What is cut off is sent again at the next start: it was not written that it arrived.
        let ending = async { while self.requests.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(STOP_GRACE, ending).await;
    }

    /// Begins as many requests as may be. Says how long there is nothing to do.
    fn send_due(&mut self) -> Duration {
        let settings = &self.webhooks.settings;
        let room = settings.requests_max - self.requests.len();
        let under_way: HashSet<i64> = self.under_way.values().copied().collect();
        let maxima = (room, settings.requests_each_max);
        let due = match self.webhooks.engine.deliveries_due(&under_way, maxima, &self.last_lane) {
            Ok(due) => due,
            Err(error) => {
                tracing::warn!(%error, "the webhooks could not be read; trying again");
                return PAUSE_AFTER_ERROR;
            }
        };
        let pause = self.pause(&due);
        for delivery in due.deliveries {
            self.last_lane = Arc::clone(&delivery.lane);
            let (number, webhooks) = (delivery.number, Arc::clone(&self.webhooks));
            let may_hear = Arc::clone(&self.may_hear);
            let task = self.requests.spawn(async move { webhooks.deliver(delivery, &may_hear).await }).id();
            self.under_way.insert(task, number);
        }
        pause
    }

    fn pause(&self, due: &Due) -> Duration {
        let now_ms = self.webhooks.engine.now().wall_ms;
        let wait_ms = due.next_ms.map(|next_ms| next_ms.saturating_sub(now_ms).max(0).unsigned_abs());
        wait_ms.map_or(LOOK_AT_CLOCK, |ms| Duration::from_millis(ms).min(LOOK_AT_CLOCK))
    }

    async fn wait(&mut self, pause: Duration) {
        tokio::select! {
            () = self.stop.cancelled() => {}
            () = self.webhooks.engine.news(), if self.has_room() => {}
            Some(ended) = self.requests.join_next_with_id() => self.request_ended(ended).await,
            () = tokio::time::sleep(pause), if self.has_room() => {}
        }
    }

    fn has_room(&self) -> bool {
        self.requests.len() < self.webhooks.settings.requests_max
    }

    async fn request_ended(&mut self, ended: Result<(Id, Result<(), WebhookError>), JoinError>) {
        let (task, settled) = match ended {
            Ok((task, settled)) => (task, settled),
            Err(error) => {
                tracing::error!(%error, "sending a webhook panicked");
                (error.id(), Ok(()))
            }
        };
        self.under_way.remove(&task);
        if let Err(error) = settled {
            tracing::warn!(%error, "what became of a webhook could not be written; it is sent again");
            tokio::time::sleep(PAUSE_AFTER_ERROR).await;
        }
        self.ended += 1;
        if self.ended.is_multiple_of(FORGET_EVERY)
            && let Err(error) = self.webhooks.engine.deliveries_forget().await
        {
            tracing::warn!(%error, "old webhooks could not be forgotten");
        }
    }
}

/// How a request went, with what the log shows of it.
struct Attempt {
    went: Went,
    status: Option<u16>,
    error: Option<String>,
}

impl Webhooks {
    /// One attempt, and writing down how it went.
    async fn deliver(&self, delivery: Delivery, may_hear: &MayHear) -> Result<(), WebhookError> {
        if !may_hear(&delivery.caller) {
            let error = Some(format!("{} may not call any more, so it is told nothing", delivery.caller));
            // It may be that only the keys cannot be read just now.
            let attempt = Attempt { went: Went::Unreachable, status: None, error };
            return Ok(self.engine.delivery_settle(self.settled(&delivery, attempt)).await?);
        }
        let attempt = match self.secrets_of(&delivery).await {
            Ok((secret, previous)) => self.post(&delivery, &secret, previous.as_ref()).await,
            Err(error @ (WebhookError::Sealed { .. } | WebhookError::NoReceiver { .. })) => {
                Attempt { went: Went::Refused, status: None, error: Some(error.to_string()) }
            }
            Err(error) => return Err(error),
        };
        let settled = self.settled(&delivery, attempt);
        Ok(self.engine.delivery_settle(settled).await?)
    }

    async fn secrets_of(&self, delivery: &Delivery) -> Result<(Secret, Option<Secret>), WebhookError> {
        let id = &delivery.receiver;
        if *id == callback_id(&delivery.caller) {
            self.ensure_callback(id, &delivery.caller).await?;
        }
        self.secrets(id)?.ok_or_else(|| WebhookError::NoReceiver { id: id.clone() })
    }

    async fn post(&self, delivery: &Delivery, secret: &Secret, previous: Option<&Secret>) -> Attempt {
        match self.try_post(delivery, secret, previous).await {
            Ok(response) => {
                let status = response.status().as_u16();
                let retry_after_ms = retry_after_ms(&response);
                drop(body(response, ANSWER_BYTES_MAX).await);
                let error = (!(200..300).contains(&status)).then(|| format!("it answered with {status}"));
                Attempt { went: Went::Answered { status, retry_after_ms }, status: Some(status), error }
            }
            Err(error) => {
                let went = if error.is_passing() { Went::Unreachable } else { Went::Refused };
                Attempt { went, status: None, error: Some(error.to_string()) }
            }
        }
    }

    async fn try_post(
        &self,
        delivery: &Delivery,
        secret: &Secret,
        previous: Option<&Secret>,
    ) -> Result<Response, OutboundError> {
        let timestamp_s = self.engine.now().wall_ms / 1000;
        let mut request = self
            .outbound
            .request(Method::POST, &delivery.url)?
            .header(header::CONTENT_TYPE, "application/json")
            .header("x-task-id", delivery.job.as_str());
        for signature in signatures(&delivery.id, timestamp_s, &delivery.body, secret, previous) {
            request = request.header(signature.name, signature.value);
        }
        self.outbound.send(request.body(delivery.body.clone())).await
    }

    fn settled(&self, delivery: &Delivery, attempt: Attempt) -> Settled {
        let Attempt { went, status, error } = attempt;
        let is_fleeting = delivery.event == WebhookEvent::Progress;
        let next = self.settings.retrying.next(delivery.attempts + 1, went, is_fleeting, rand::random());
        let now_ms = self.engine.now().wall_ms;
        let (state, next_ms) = match next {
            Next::Done => (DeliveryState::Delivered, now_ms),
            Next::Again(after_ms) => (DeliveryState::Waiting, now_ms + i64::from(after_ms)),
            Next::GiveUp | Next::Unsubscribe => (DeliveryState::GivenUp, now_ms),
        };
        let pause = (next == Next::Unsubscribe).then_some("it answered with 410: it wants nothing more");
        Settled { number: delivery.number, state, next_ms, status, error, pause }
    }
}

/// In seconds; a date, which HTTP allows too, is not followed: our own pauses do.
fn retry_after_ms(response: &Response) -> Option<u32> {
    let value = response.headers().get(header::RETRY_AFTER)?.to_str().ok()?;
    value.trim().parse::<u32>().ok().map(|seconds| seconds.min(RETRY_AFTER_S_MAX) * 1000)
}

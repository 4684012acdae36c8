//! Who is told what becomes of jobs, as callers see and steer it: each its own, the owner everybody's.

use std::sync::Arc;
use std::time::Duration;

use drawbridge_contract::{
    Caller, DELIVERIES_PAGE_MAX, DeliveryLine, DeliveryPage, DeliveryQuery, JobFuture, JobNews, NewWebhook,
    OwnSecret, Refusal, ToolError, WebhookChange, WebhookSecret, WebhookView, Webhooks as Seam,
};
use drawbridge_jobs::webhook::{
    DeliveryFilter, DeliveryState, DeliveryView, EventSet, NewReceiver, Receiver, ReceiverChange, Secret,
    WebhookError, WebhookEvent, Webhooks,
};
use drawbridge_jobs::{JobId, ToolPattern};

use crate::error::refusal;

/// How many deliveries a page holds, unless the caller says otherwise.
const PAGE_DEFAULT: usize = 50;
/// Stands for what signs the callbacks of the caller's jobs.
const CALLBACK: &str = "callback";
const ONLY_THE_OWNER: &str = "only the owner hears of everybody's jobs; leave out all_callers";

/// The webhooks of a hub, behind the door.
pub(crate) struct Told(pub(crate) Arc<Webhooks>);

impl Seam for Told {
    fn add<'a>(&'a self, caller: &'a Caller, new: NewWebhook) -> JobFuture<'a, WebhookSecret> {
        Box::pin(async move {
            if new.all_callers && !caller.is_owner() {
                return Err(refused(ONLY_THE_OWNER));
            }
            let added = self.0.add(receiver(caller, new)?).await.map_err(told)?;
            Ok(secret(&added.id, &added.secret))
        })
    }

    fn list<'a>(&'a self, caller: &'a Caller) -> JobFuture<'a, Vec<WebhookView>> {
        Box::pin(async move {
            let found = self.0.list(whose(caller)).map_err(told)?;
            Ok(found.into_iter().map(view).collect())
        })
    }

    fn remove<'a>(&'a self, caller: &'a Caller, id: &'a str) -> JobFuture<'a, ()> {
        Box::pin(async move { self.0.remove(whose(caller), id).await.map_err(told) })
    }

    fn pause<'a>(&'a self, caller: &'a Caller, id: &'a str, paused: bool) -> JobFuture<'a, ()> {
        Box::pin(async move { self.0.pause(whose(caller), id, paused).await.map_err(told) })
    }

    fn update<'a>(
        &'a self,
        caller: &'a Caller,
        id: &'a str,
        change: WebhookChange,
    ) -> JobFuture<'a, WebhookView> {
        Box::pin(async move {
            if change.all_callers == Some(true) {
                self.check_owners(caller, id)?;
            }
            let change = ReceiverChange {
                url: change.url.map(Into::into),
                events: change.events.map(events),
                tools: change.tools.map(patterns),
                all_callers: change.all_callers,
            };
            self.0.update(whose(caller), id, change).await.map(view).map_err(told)
        })
    }

    fn rotate<'a>(
        &'a self,
        caller: &'a Caller,
        id: &'a str,
        overlap_s: u64,
        secret_of_its_own: Option<OwnSecret>,
    ) -> JobFuture<'a, WebhookSecret> {
        Box::pin(async move {
            let own = brought(secret_of_its_own)?;
            let id = if id == CALLBACK { self.callback(caller).await? } else { id.to_owned() };
            let overlap = Duration::from_secs(overlap_s);
            let new = self.0.rotate(whose(caller), &id, overlap, own).await.map_err(told)?;
            Ok(secret(&id, &new))
        })
    }

    fn log<'a>(&'a self, caller: &'a Caller, query: DeliveryQuery) -> JobFuture<'a, DeliveryPage> {
        Box::pin(async move {
            let limit = query.limit.unwrap_or(PAGE_DEFAULT).clamp(1, DELIVERIES_PAGE_MAX);
            let filter = DeliveryFilter {
                caller: whose(caller).map(Into::into),
                receiver: query.id.map(Into::into),
                job: query.job.map(|job| JobId::new(&job)),
                given_up: query.given_up,
            };
            let found = self.0.log(&filter, query.cursor.as_deref(), limit).map_err(told)?;
            let next = (found.len() == limit).then(|| found.last().map(|last| last.id.as_str().into()));
            Ok(DeliveryPage { deliveries: found.into_iter().map(line).collect(), next: next.flatten() })
        })
    }

    fn redeliver<'a>(&'a self, caller: &'a Caller, id: &'a str) -> JobFuture<'a, ()> {
        Box::pin(async move { self.0.redeliver(whose(caller), id).await.map_err(told) })
    }
}

impl Told {
    /// Refuses a receiver that is not the owner's own, whoever asks.
    fn check_owners(&self, caller: &Caller, id: &str) -> Result<(), Refusal> {
        let receiver = self.0.get(whose(caller), id).map_err(told)?;
        let may = caller.is_owner() && receiver.caller == *caller.id;
        if may { Ok(()) } else { Err(refused(ONLY_THE_OWNER)) }
    }

    /// What signs the callbacks of a caller's jobs; made when it is first asked for.
    async fn callback(&self, caller: &Caller) -> Result<String, Refusal> {
        self.0.callback_secret(&caller.id).await.map_err(told)?;
        Ok(format!("{CALLBACK}:{}", caller.id))
    }
}

/// Whose are meant: the caller's own, and everybody's for the owner.
pub(crate) fn whose(caller: &Caller) -> Option<&str> {
    (!caller.is_owner()).then_some(&*caller.id)
}

fn brought(secret: Option<OwnSecret>) -> Result<Option<Secret>, Refusal> {
    let own = secret.map(|OwnSecret(text)| Secret::brought(&text)).transpose();
    own.map_err(|weak| told(weak.into()))
}

fn receiver(caller: &Caller, new: NewWebhook) -> Result<NewReceiver, Refusal> {
    Ok(NewReceiver {
        caller: caller.id.as_ref().into(),
        all_callers: new.all_callers,
        url: new.url.into(),
        events: events(new.events),
        tools: patterns(new.tools),
        secret: brought(new.secret)?,
    })
}

/// Of what a receiver hears: of everything, if it names nothing.
fn events(news: Vec<JobNews>) -> EventSet {
    let events: Vec<WebhookEvent> = news.into_iter().map(event).collect();
    if events.is_empty() { EventSet::ALL } else { EventSet::of(&events) }
}

fn patterns(tools: Vec<Box<str>>) -> Vec<ToolPattern> {
    tools.into_iter().map(ToolPattern).collect()
}

fn secret(id: &str, secret: &Secret) -> WebhookSecret {
    WebhookSecret { id: id.into(), secret: secret.reveal().into() }
}

fn view(receiver: Receiver) -> WebhookView {
    WebhookView {
        id: receiver.id.into(),
        caller: receiver.caller.into(),
        url: receiver.url.map(Into::into),
        events: receiver.events.into_iter().map(news).collect(),
        tools: receiver.tools.into_iter().map(Into::into).collect(),
        all_callers: receiver.all_callers,
        paused: receiver.paused,
        why_paused: receiver.why_paused.map(Into::into),
        previous_secret_until_ms: receiver.previous_secret_until_ms,
        created_ms: receiver.created_ms,
    }
}

fn line(delivery: DeliveryView) -> DeliveryLine {
    DeliveryLine {
        id: delivery.id.into(),
        webhook: delivery.receiver.into(),
        url: delivery.url.into(),
        job: delivery.job.as_str().into(),
        tool: delivery.tool.into(),
        event: news(delivery.event),
        state: match delivery.state {
            DeliveryState::Waiting => "waiting",
            DeliveryState::Behind => "behind",
            DeliveryState::Delivered => "delivered",
            DeliveryState::GivenUp => "given_up",
        },
        attempts: delivery.attempts,
        status: delivery.status,
        error: delivery.error.map(Into::into),
        created_ms: delivery.created_ms,
        next_ms: delivery.next_ms,
        ended_ms: delivery.ended_ms,
    }
}

fn event(news: JobNews) -> WebhookEvent {
    match news {
        JobNews::Processing => WebhookEvent::Processing,
        JobNews::Progress => WebhookEvent::Progress,
        JobNews::Completed => WebhookEvent::Completed,
        JobNews::Error => WebhookEvent::Error,
        JobNews::Cancelled => WebhookEvent::Cancelled,
    }
}

fn news(event: WebhookEvent) -> JobNews {
    match event {
        WebhookEvent::Processing => JobNews::Processing,
        WebhookEvent::Progress => JobNews::Progress,
        WebhookEvent::Completed => JobNews::Completed,
        WebhookEvent::Error => JobNews::Error,
        WebhookEvent::Cancelled => JobNews::Cancelled,
    }
}

fn refused(why: &str) -> Refusal {
    ToolError::Refused(why.to_owned()).into()
}

pub(crate) fn told(error: WebhookError) -> Refusal {
    let message = error.to_string();
    match error {
        WebhookError::Engine(error) => refusal(error),
        WebhookError::Url(_) | WebhookError::NotAllowed | WebhookError::Callback => {
            ToolError::Refused(message).into()
        }
        WebhookError::Weak(_) => ToolError::Invalid(message).into(),
        WebhookError::NoReceiver { .. } | WebhookError::NoDelivery { .. } => {
            ToolError::NotFound(message).into()
        }
        WebhookError::Sealed { .. } => ToolError::Failed(message).into(),
    }
}

//! One host on one two-way channel of messages, whatever carries them.

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use drawbridge_contract::{BoxFuture, Caller, CancellationToken, Change, broadcast};
use futures::FutureExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::task::TaskTracker;

use crate::core::{Core, Exchange, Outlet, Work, may_hear};
use crate::dialect::Beyond;
use crate::encode::{Reply, batch};
use crate::envelope::{self, Frame, Id, Malformed, Message, Request};
use crate::error::WireError;
use crate::in_flight::InFlight;
use crate::legacy::{self, Peer, Voice};
use crate::limits::{EVENTS_QUEUED_BYTES_MAX, OUTPUT_QUEUED_BYTES_MAX, WORKING_MAX};
use crate::listen::Listening;
use crate::meta::Meta;
use crate::modern;
use crate::outbox::Outbox;
use crate::params::Params;
use crate::running::{Running, Step};

/// One host on one channel.
pub(crate) struct Connection {
    core: Arc<Core>,
    pub(super) caller: Arc<Caller>,
    pub(super) entrance: &'static str,
    pub(super) in_flight: Arc<InFlight>,
    /// Serves what is not MCP, where something does.
    pub(super) beyond: Option<Arc<Beyond>>,
    /// How many notifications of that dialect came.
    pub(super) noticed: AtomicU64,
    /// Set when the host says `initialize`; modern requests need none.
    peer: OnceLock<Arc<Peer>>,
    pub(crate) outbox: Arc<Outbox>,
    /// One permit per request that is worked on: taken before its work begins, returned when it ends.
    pub(super) working: Arc<Semaphore>,
    pub(super) tasks: TaskTracker,
    /// Cancelled when nothing more will be read: subscriptions end.
    closing: CancellationToken,
}

impl Connection {
    pub(crate) fn new(
        core: Arc<Core>,
        caller: Arc<Caller>,
        entrance: &'static str,
        beyond: Option<Arc<Beyond>>,
    ) -> Arc<Self> {
        Arc::new(Self {
            core,
            caller,
            entrance,
            beyond,
            noticed: AtomicU64::new(0),
            in_flight: Arc::default(),
            peer: OnceLock::new(),
            outbox: Arc::default(),
            working: Arc::new(Semaphore::new(WORKING_MAX)),
            tasks: TaskTracker::new(),
            closing: CancellationToken::new(),
        })
    }

    /// Takes one frame. What can be answered at once goes to the outbox now; the rest runs on beside.
    pub(crate) fn receive(self: &Arc<Self>, frame: &[u8]) {
        let parsed = if self.beyond.is_some() { envelope::parse_open(frame) } else { envelope::parse(frame) };
        match parsed {
            Ok(Frame::One(message)) => self.message(message),
            Ok(Frame::Batch(messages)) => self.batch(messages),
            Err(malformed) => self.refuse(&malformed),
        }
    }

    /// Says that a frame could not be read at all.
    pub(crate) fn refuse(&self, malformed: &Malformed) {
        self.outbox.push(self.refusal(malformed));
    }

    /// Clients of the other dialect read an `id` in every answer, as JSON-RPC has it; hosts of MCP know none that is null.
    fn refusal(&self, malformed: &Malformed) -> Bytes {
        let null = (self.beyond.is_some() && self.peer.get().is_none()).then(Id::null);
        Reply::error(malformed.id.as_ref().or(null.as_ref()), &malformed.error).message
    }

    /// Ends: subscriptions at once, what runs within `grace`, the rest by cancelling it.
    pub(crate) async fn finish(&self, grace: Duration) {
        /// How long cancelled work may take to stop.
        const STOP_GRACE: Duration = Duration::from_secs(1);
        self.closing.cancel();
        self.tasks.close();
        if let Some(peer) = self.peer.get() {
            peer.hang_up();
        }
        if tokio::time::timeout(grace, self.tasks.wait()).await.is_err() {
            self.in_flight.cancel_all();
            let _stopped = tokio::time::timeout(STOP_GRACE, self.tasks.wait()).await;
        }
    }

    fn message(self: &Arc<Self>, message: Message<'_>) {
        match message {
            Message::Request(request) if self.is_beyond(&request.method) => self.other_request(&request),
            Message::Request(request) => match self.begin(&request, Outlet::Shared(self.outbox.clone())) {
                Ok(work) => self.drive(work),
                Err(error) => self.outbox.push(Reply::error(Some(&request.id), &error).message),
            },
            Message::Notification(notice) if self.is_beyond(&notice.method) => self.other_notice(&notice),
            Message::Notification(notification) => legacy::notice(&notification, &self.in_flight),
            Message::Response(response) => {
                if let Some(peer) = self.peer.get() {
                    peer.answered(&response);
                }
            }
        }
    }

    fn begin(self: &Arc<Self>, request: &Request<'_>, outlet: Outlet) -> Result<Work, WireError> {
        let params = Params::read(request.params)?;
        let meta = Meta::read(&params)?;
        if meta.names_version() {
            meta.check_modern()?;
            return Ok(modern::serve(&self.core, self.exchange(request, outlet)?, request, &params, &meta));
        }
        match (self.peer.get(), &*request.method) {
            (Some(peer), _) => {
                let exchange = self.exchange(request, outlet)?;
                Ok(legacy::serve(&self.core, peer, exchange, request, &params, &meta))
            }
            (None, "initialize") => self.initialize(request, &params),
            (None, "ping") => Ok(Work::Ready(Reply::spliced(&request.id, b"{}"))),
            (None, _) => Err(meta
                .check_modern()
                .err()
                .unwrap_or_else(|| WireError::invalid_request("not initialized"))),
        }
    }

    fn exchange(&self, request: &Request<'_>, outlet: Outlet) -> Result<Exchange, WireError> {
        let entered = Some(self.in_flight.enter(&request.id)?);
        let (caller, entrance, id) = (self.caller.clone(), self.entrance, request.id.clone());
        Ok(Exchange { caller, entrance, id, outlet, entered })
    }

    fn initialize(self: &Arc<Self>, request: &Request<'_>, params: &Params<'_>) -> Result<Work, WireError> {
        let (peer, reply) = legacy::initialize(&self.core, &self.caller, &request.id, params)?;
        let peer = self.peer.get_or_init(|| Arc::new(peer));
        peer.hears_on(Voice::Channel(self.outbox.clone()));
        self.tasks.spawn(self.clone().tell_changes(peer.clone()));
        Ok(Work::Ready(reply))
    }

    /// Runs what does not answer at once beside the others.
    fn drive(self: &Arc<Self>, work: Work) {
        match work {
            Work::Ready(reply) => self.outbox.push(reply.message),
            Work::Running(running) => match self.working.clone().try_acquire_owned() {
                Ok(permit) => self.start(running, permit),
                Err(_) => drop(self.tasks.spawn(self.clone().wait_and_run(running))),
            },
            Work::Listening(opening) => drop(self.tasks.spawn(self.clone().listen(opening))),
        }
    }

    /// What ends at its first step needs no task.
    fn start(self: &Arc<Self>, mut running: Running, permit: OwnedSemaphorePermit) {
        match running.step().now_or_never() {
            Some(Step::Over(reply)) => self.send(reply),
            Some(Step::Event(event)) => {
                self.outbox.push(event);
                self.tasks.spawn(self.clone().run(running, permit));
            }
            None => drop(self.tasks.spawn(self.clone().run(running, permit))),
        }
    }

    /// Begins when another one has ended and the host has read what is there for it.
    async fn wait_and_run(self: Arc<Self>, running: Running) {
        // A closed semaphore would give no permit; ours is never closed.
        let Ok(permit) = self.working.clone().acquire_owned().await else { return };
        self.outbox.below(OUTPUT_QUEUED_BYTES_MAX).await;
        self.run(running, permit).await;
    }

    async fn run(self: Arc<Self>, mut running: Running, _permit: OwnedSemaphorePermit) {
        loop {
            match running.step().await {
                Step::Event(event) => self.outbox.push(event),
                Step::Over(reply) => return self.send(reply),
            }
        }
    }

    fn send(&self, reply: Option<Reply>) {
        if let Some(reply) = reply {
            self.outbox.push(reply.message);
        }
    }

    async fn listen(self: Arc<Self>, opening: BoxFuture<'static, Listening>) {
        let mut listening = opening.await;
        let cancelled = listening.cancellation();
        loop {
            tokio::select! {
                biased;
                () = cancelled.cancelled() => return,
                () = self.closing.cancelled() => return self.outbox.push(listening.farewell()),
                message = listening.next() => match message {
                    Some(message) => self.push_in_time(message).await,
                    None => return self.outbox.push(listening.farewell()),
                },
            }
        }
    }

    /// Tells a legacy host of changes, for as long as it is here.
    async fn tell_changes(self: Arc<Self>, peer: Arc<Peer>) {
        let mut changes = self.core.handler.changes();
        loop {
            let change = tokio::select! {
                () = self.closing.cancelled() => return,
                change = changes.recv() => change,
            };
            match change {
                Ok(change) if self.tells(&peer, &change) => self.push_in_time(legacy::told(&change)).await,
                Ok(_) => {}
                Err(broadcast::error::RecvError::Lagged(_)) => {
                    for change in legacy::EVERY_LIST {
                        self.push_in_time(legacy::told(&change)).await;
                    }
                }
                Err(broadcast::error::RecvError::Closed) => return,
            }
        }
    }

    fn tells(&self, peer: &Peer, change: &Change) -> bool {
        peer.wants(change) && may_hear(&*self.core.handler, &self.caller, change)
    }

    /// Changes wait for a slow reader where they are; when it is too slow, the channel tells it to list again.
    async fn push_in_time(&self, message: Bytes) {
        tokio::select! {
            () = self.outbox.below(EVENTS_QUEUED_BYTES_MAX) => self.outbox.push(message),
            () = self.closing.cancelled() => {}
        }
    }

    /// Answers a batch with a batch, once all of it is done (2025-03-26).
    fn batch(self: &Arc<Self>, messages: Vec<Result<Message<'_>, Malformed>>) {
        let takes_batches = match self.peer.get() {
            Some(peer) => peer.version.has_batches(),
            // Before that, only the other dialect's.
            None => self.beyond.is_some(),
        };
        if !takes_batches {
            let error = WireError::invalid_request("batches exist only in sessions of MCP 2025-03-26");
            return self.refuse(&error.into());
        }
        let mut parts = Vec::new();
        for message in messages {
            match message {
                Ok(Message::Request(request)) => parts.push(self.part(&request)),
                Ok(message) => self.message(message),
                Err(malformed) => {
                    let refusal = self.refusal(&malformed);
                    parts.push(Box::pin(std::future::ready(Some(refusal))));
                }
            }
        }
        let connection = self.clone();
        self.tasks.spawn(async move {
            let replies: Vec<Bytes> = futures::future::join_all(parts).await.into_iter().flatten().collect();
            if !replies.is_empty() {
                connection.outbox.push(batch(&replies));
            }
        });
    }

    /// One request of a batch. It is worked on like one that came alone: when there is a permit for it.
    fn part(self: &Arc<Self>, request: &Request<'_>) -> BoxFuture<'static, Option<Bytes>> {
        if self.is_beyond(&request.method) {
            return self.other_part(request);
        }
        let work = self.begin(request, Outlet::Nowhere);
        let is_running = matches!(work, Ok(Work::Running(_)));
        let part = legacy::part_of_batch(request.id.clone(), work);
        if !is_running {
            return part;
        }
        let working = self.working.clone();
        Box::pin(async move {
            let _permit = working.acquire_owned().await.ok()?;
            part.await
        })
    }
}

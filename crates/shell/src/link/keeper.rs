//! Keeps one way to the hub open, and hands messages to who waits for them.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep};

use super::client::{Event, Notices};
use super::message::{CallError, Heard, cancelled, hear};
use super::{Dial, DialError, Wire};

/// How long to wait before the way is opened again: at first, and at the most.
const AGAIN_FIRST: Duration = Duration::from_millis(200);
const AGAIN_MAX: Duration = Duration::from_secs(3);
/// How long what is asked meanwhile waits for the hub to come back.
const AWAY_MAX: Duration = Duration::from_secs(20);

/// What the keeper is told.
pub(super) enum Order {
    /// Send a request, and tell what happens to it.
    Send { id: u64, text: String, events: mpsc::Sender<Event> },
    /// Nobody waits for this request any more.
    Cancel(u64),
}

pub(super) struct Keeper {
    dial: Arc<dyn Dial>,
    orders: mpsc::Receiver<Order>,
    connected: watch::Sender<bool>,
    notices: Notices,
    /// Who waits for what.
    pending: HashMap<u64, mpsc::Sender<Event>>,
}

impl Keeper {
    pub(super) fn new(
        dial: Arc<dyn Dial>,
        orders: mpsc::Receiver<Order>,
        connected: watch::Sender<bool>,
        notices: Notices,
    ) -> Self {
        Self { dial, orders, connected, notices, pending: HashMap::new() }
    }

    /// Until nobody asks any more, or the hub can never be reached again.
    pub(super) async fn run(mut self, mut wire: Wire) {
        // A hub that ends once nobody asks any more, as a door of our own does, is missed by nobody.
        while self.serve(&mut wire).await && !self.orders.is_closed() {
            self.connected.send_replace(false);
            self.lose().await;
            (self.notices)(&format!("The hub at {} went away; trying to reach it again.", self.dial.place()));
            wire = match self.dial_again().await {
                Some(wire) => wire,
                None => return,
            };
            self.connected.send_replace(true);
            (self.notices)(&format!("Connected again to {}.", self.dial.place()));
        }
    }

    /// Until the way breaks; false when nobody asks any more.
    async fn serve(&mut self, wire: &mut Wire) -> bool {
        loop {
            tokio::select! {
                order = self.orders.recv() => match order {
                    Some(order) => if !self.obey(order, wire).await { return true },
                    None => return false,
                },
                text = wire.incoming.recv() => match text {
                    Some(text) => self.hand_on(&text).await,
                    None => return true,
                },
            }
        }
    }

    /// False when the way is broken.
    async fn obey(&mut self, order: Order, wire: &Wire) -> bool {
        match order {
            Order::Send { id, text, events } => {
                self.pending.insert(id, events);
                wire.outgoing.send(text).await.is_ok()
            }
            Order::Cancel(id) => {
                let waits = self.pending.remove(&id).is_some();
                !waits || wire.outgoing.send(cancelled(id)).await.is_ok()
            }
        }
    }

    async fn hand_on(&mut self, text: &str) {
        let (id, event) = match hear(text) {
            Heard::Progress(id, params) => (id, Event::Progress(params)),
            Heard::Chunk(id, piece) => (id, Event::Chunk(piece)),
            Heard::Answer(id, Ok(result)) => (id, Event::Done(Ok(result))),
            Heard::Answer(id, Err((code, message))) => {
                (id, Event::Done(Err(CallError::Refused { code, message })))
            }
            Heard::Other => return,
        };
        let is_over = matches!(event, Event::Done(_));
        if let Some(events) = self.pending.get(&id) {
            // Who does not listen any more has cancelled, or is about to.
            let _ = events.send(event).await;
        }
        if is_over {
            self.pending.remove(&id);
        }
    }

    /// Tells everybody who waits that there will be no answer.
    async fn lose(&mut self) {
        for (_, events) in self.pending.drain() {
            let _ = events.send(Event::Done(Err(CallError::Lost))).await;
        }
    }

    /// Opens the way again; `None` when that can never be, or nobody asks any more.
    async fn dial_again(&mut self) -> Option<Wire> {
        let (begun, mut pause) = (Instant::now(), AGAIN_FIRST);
        loop {
            sleep(pause).await;
            match self.dial.dial().await {
                Ok(wire) => return Some(wire),
                Err(error) if error.is_final => {
                    (self.notices)(&error.message);
                    self.refuse_all(&error).await;
                    return None;
                }
                Err(error) if begun.elapsed() >= AWAY_MAX => self.refuse_waiting(&error).await?,
                Err(_) if self.orders.is_closed() => return None,
                Err(_) => {}
            }
            pause = (pause * 2).min(AGAIN_MAX);
        }
    }

    /// Answers what waits for a hub that has been away for long; `None` when nobody asks any more.
    async fn refuse_waiting(&mut self, error: &DialError) -> Option<()> {
        while !self.orders.is_empty() {
            refuse(self.orders.recv().await?, error).await;
        }
        (!self.orders.is_closed()).then_some(())
    }

    /// Answers everything with the reason, from now on.
    async fn refuse_all(&mut self, error: &DialError) {
        while let Some(order) = self.orders.recv().await {
            refuse(order, error).await;
        }
    }
}

async fn refuse(order: Order, error: &DialError) {
    if let Order::Send { events, .. } = order {
        let _ = events.send(Event::Done(Err(CallError::Away(error.message.clone())))).await;
    }
}

//! What asks the hub.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::Value;
use tokio::sync::{mpsc, watch};

use super::keeper::{Keeper, Order};
use super::message::{self, CallError};
use super::{Dial, DialError};

/// How many orders wait before who gives them waits.
const ORDERS_MAX: usize = 64;
/// How many events of one request wait before the way to the hub does.
const EVENTS_MAX: usize = 256;

/// What happens to a request.
#[derive(Debug)]
pub(crate) enum Event {
    /// How far it is.
    Progress(Value),
    /// A piece of the answer (older dialect).
    Chunk(Value),
    /// It is over.
    Done(Result<Value, CallError>),
}

/// Tells what happens to the way itself, in words for people.
pub(crate) type Notices = Arc<dyn Fn(&str) + Send + Sync>;

/// Asks a hub. Clones share one way to it.
#[derive(Clone)]
pub(crate) struct Client {
    orders: mpsc::Sender<Order>,
    next_id: Arc<AtomicU64>,
    connected: watch::Receiver<bool>,
}

impl Client {
    /// Opens the way, and keeps it open from now on.
    ///
    /// # Errors
    /// When it does not open the first time.
    pub(crate) async fn connect(dial: Arc<dyn Dial>, notices: Notices) -> Result<Self, DialError> {
        let wire = dial.dial().await?;
        let (orders, taken) = mpsc::channel(ORDERS_MAX);
        let (tell, connected) = watch::channel(true);
        tokio::spawn(Keeper::new(dial, taken, tell, notices).run(wire));
        Ok(Self { orders, next_id: Arc::new(AtomicU64::new(1)), connected })
    }

    /// Whether there is a way to the hub now.
    pub(crate) fn is_connected(&self) -> bool {
        *self.connected.borrow()
    }

    /// Sends a request; what happens to it comes in the [`Reply`]. Without a way it waits for one.
    pub(crate) async fn send(&self, method: &str, params: Value) -> Reply {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let (events, heard) = mpsc::channel(EVENTS_MAX);
        let text = message::request(id, method, params);
        let orders = self.orders.clone();
        // A keeper that is gone drops the order with its sender, and the reply says so.
        let _ = orders.send(Order::Send { id, text, events }).await;
        Reply { id, heard, orders, is_over: false }
    }

    /// Asks, and waits for nothing but the answer.
    ///
    /// # Errors
    /// [`CallError`].
    pub(crate) async fn ask(&self, method: &str, params: Value) -> Result<Value, CallError> {
        let mut reply = self.send(method, params).await;
        loop {
            if let Event::Done(answer) = reply.next().await {
                return answer;
            }
        }
    }
}

/// What happens to one request. Dropped before its end, it cancels the request.
pub(crate) struct Reply {
    id: u64,
    heard: mpsc::Receiver<Event>,
    orders: mpsc::Sender<Order>,
    is_over: bool,
}

impl Reply {
    /// What happens next; not to be asked after [`Event::Done`].
    pub(crate) async fn next(&mut self) -> Event {
        let event = self.heard.recv().await.unwrap_or(Event::Done(Err(CallError::Lost)));
        self.is_over |= matches!(event, Event::Done(_));
        event
    }
}

impl Drop for Reply {
    fn drop(&mut self) {
        if !self.is_over {
            // A queue so full that this does not fit is that of a hub which is away: there is nothing to cancel.
            let _ = self.orders.try_send(Order::Cancel(self.id));
        }
    }
}

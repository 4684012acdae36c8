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

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::time::Duration;

    use serde_json::json;

    use super::super::Wire;
    use super::*;
    use crate::kit::{HANGS_UP, MemoryHub, answer};

    /// A client, and what it says of its way.
    async fn client(hub: &MemoryHub) -> (Client, Arc<Mutex<Vec<String>>>) {
        let said = Arc::<Mutex<Vec<String>>>::default();
        let notices = said.clone();
        let tell: Notices = Arc::new(move |text: &str| notices.lock().unwrap().push(text.to_owned()));
        (Client::connect(Arc::new(hub.clone()), tell).await.unwrap(), said)
    }

    async fn until(is_so: impl Fn() -> bool) {
        let look = async {
            while !is_so() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), look).await.unwrap();
    }

    #[tokio::test]
    async fn answers_find_their_requests_in_any_order() {
        let first = Mutex::new(None::<Value>);
        let hub = MemoryHub::new(move |message| {
            let mut first = first.lock().unwrap();
            let Some(before) = first.take() else {
                *first = Some(message.clone());
                return Vec::new();
            };
            vec![answer(message, message["method"].clone()), answer(&before, before["method"].clone())]
        });
        let (client, _) = client(&hub).await;
        let (one, two) = tokio::join!(client.ask("one", json!({})), client.ask("two", json!({})));
        assert_eq!((one.unwrap(), two.unwrap()), (json!("one"), json!("two")));
    }

    #[tokio::test]
    async fn what_nobody_waits_for_is_cancelled() {
        let hub = MemoryHub::new(|_| Vec::new());
        let (client, _) = client(&hub).await;
        let reply = client.send("slow", json!({})).await;
        until(|| hub.heard().len() == 1).await;
        drop(reply);
        until(|| hub.heard().len() == 2).await;
        let cancelled = &hub.heard()[1];
        assert_eq!(cancelled["method"], "notifications/cancelled");
        assert_eq!(cancelled["params"]["requestId"], hub.heard()[0]["id"]);
    }

    #[tokio::test]
    async fn a_way_that_breaks_is_made_again_and_what_waited_is_sent_then() {
        let hub = MemoryHub::new(|message| match message["method"].as_str() {
            Some("break") => vec![HANGS_UP],
            _ => vec![answer(message, json!("fine"))],
        });
        let (client, said) = client(&hub).await;
        hub.refuses(DialError::passing("not yet"));
        assert!(matches!(client.ask("break", json!({})).await, Err(CallError::Lost)));
        until(|| !client.is_connected()).await;
        assert_eq!(client.ask("again", json!({})).await.unwrap(), json!("fine"));
        assert!(client.is_connected());
        let said = said.lock().unwrap().join("\n");
        assert!(said.contains("went away") && said.contains("Connected again to memory."), "{said}");
    }

    #[tokio::test]
    async fn the_end_of_a_hub_that_nobody_asks_any_more_is_not_told() {
        // Which of both ends is seen first, chance decides.
        for _ in 0..64 {
            let (orders, taken) = mpsc::channel(1);
            let (from_hub, incoming) = mpsc::channel(1);
            let (outgoing, _to_hub) = mpsc::channel(1);
            let notices: Notices = Arc::new(|text: &str| panic!("told, and nobody asks: {text}"));
            let hub = Arc::new(MemoryHub::new(|_| Vec::new()));
            let keeper = Keeper::new(hub, taken, watch::channel(true).0, notices);
            drop((orders, from_hub));
            keeper.run(Wire { outgoing, incoming }).await;
        }
    }

    #[tokio::test]
    async fn a_way_that_can_never_be_made_again_is_said_to_all() {
        let hub = MemoryHub::new(|_| vec![HANGS_UP]);
        let (client, said) = client(&hub).await;
        hub.refuses(DialError::lasting("the key was revoked"));
        assert!(matches!(client.ask("break", json!({})).await, Err(CallError::Lost)));
        for _ in 0..2 {
            let away = client.ask("again", json!({})).await.unwrap_err();
            assert!(matches!(&away, CallError::Away(why) if why.contains("revoked")), "{away}");
        }
        until(|| said.lock().unwrap().iter().any(|text| text.contains("revoked"))).await;
    }
}

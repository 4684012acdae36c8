//! Two-way channels of whole messages, such as WebSockets and unix sockets: who is at the other end, and one
//! [`Connection`] for as long as it is there.
//!
//! A carrier brings messages ([`Incoming`]), takes answers away, and knows nothing of what is in them. Reading stops while too
//! much waits to be written, so a reader that is slow slows nobody but itself.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use drawbridge_contract::{Authenticator, Caller, CancellationToken, Handler};
use tokio::sync::Semaphore;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::connection::Connection;
use super::stranger;
use crate::core::Core;
use crate::dialect::{Beyond, Dialect};
use crate::error::WireError;
use crate::limits::{
    CHANNEL_PING_EVERY, FINISH_GRACE, OUTPUT_QUEUED_BYTES_MAX, PAGE_SIZE, READER_STALL_MAX, RECHECK_EVERY,
    STRANGERS_MAX,
};
use crate::outbox::Outbox;

/// What comes over a channel.
#[derive(Debug)]
pub enum Incoming {
    /// One whole message.
    Message(Bytes),
    /// A message that has more bytes than may be, which was skipped.
    TooLong {
        /// How many it may have.
        bytes_max: usize,
    },
    /// The other end began something and does not go on with it.
    Stalled,
    /// The other end says nothing more.
    End,
}

/// The end of a channel that messages come from.
pub trait Reader: Send {
    /// Whether nobody reads any more either when [`Incoming::End`] has come.
    const ENDS_BOTH_WAYS: bool;

    /// The next message. Dropped and called again, it goes on where it was.
    fn next(&mut self) -> impl Future<Output = Incoming> + Send;
}

/// The end of a channel that messages go to.
pub trait Writer: Send {
    /// Waits until a message fits. Dropped and called again, it goes on where it was.
    fn ready(&mut self) -> impl Future<Output = io::Result<()>> + Send;

    /// Takes one message, after [`ready`](Self::ready).
    ///
    /// # Errors
    /// When nobody is there any more.
    fn put(&mut self, message: Bytes) -> io::Result<()>;

    /// Sends what was taken.
    fn flush(&mut self) -> impl Future<Output = io::Result<()>> + Send;

    /// Asks the other end for a sign of life, where the carrier can. Called after [`ready`](Self::ready).
    ///
    /// # Errors
    /// When nobody is there any more.
    fn ping(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Why a channel ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// The other end left.
    Left,
    /// The hub ends.
    GoingAway,
    /// It sent no good key: why.
    NotAuthenticated(String),
    /// Its key was revoked or has expired.
    KeyGone,
    /// It did not read for [`READER_STALL_MAX`].
    DoesNotRead,
    /// It began a message and did not go on with it.
    Stalled,
    /// Too many are here that have sent no key yet.
    Crowded,
}

/// Who is at the other end, as far as the carrier knows.
pub enum Who {
    /// One whose right to be here does not end before the channel does.
    Known(Arc<Caller>),
    /// One whose right ends when the token is cancelled.
    Until(Arc<Caller>, CancellationToken),
    /// One that has to say so in its first message.
    Stranger,
}

/// What all channels share.
pub struct Channels {
    core: Arc<Core>,
    beyond: Arc<Beyond>,
    /// One permit for each that has sent no key yet.
    strangers: Arc<Semaphore>,
}

impl Channels {
    /// Channels to this door, for those whom `authenticator` knows. What is not MCP is served by `dialect`.
    pub fn new(
        handler: Arc<dyn Handler>,
        authenticator: Arc<dyn Authenticator>,
        dialect: Arc<dyn Dialect>,
    ) -> Arc<Self> {
        let (core, strangers) = (Core::new(handler, PAGE_SIZE), Arc::new(Semaphore::new(STRANGERS_MAX)));
        Arc::new(Self { core, beyond: Arc::new(Beyond { authenticator, dialect }), strangers })
    }

    /// Serves one channel until it ends; `entrance` is its name in the audit.
    pub async fn serve<R: Reader, W: Writer>(
        &self,
        who: Who,
        entrance: &'static str,
        mut reader: R,
        writer: W,
        shutdown: &CancellationToken,
    ) -> End {
        let mut writing = Writing { writer, held: None };
        let (caller, right) = match who {
            Who::Known(caller) => (caller, Right::Stays),
            Who::Until(caller, end) => (caller, Right::Until(end)),
            Who::Stranger => match self.greet(&mut reader, &mut writing, shutdown).await {
                Ok((caller, key)) => (caller, Right::Key(key)),
                Err(end) => return end,
            },
        };
        let connection =
            Connection::new(self.core.clone(), caller.clone(), entrance, Some(self.beyond.clone()));
        let reading = async {
            let end = tokio::select! {
                biased;
                () = shutdown.cancelled() => End::GoingAway,
                () = self.gone(&right, &caller) => End::KeyGone,
                end = read_all(&mut reader, &connection) => end,
            };
            connection.finish(grace::<R>(&end)).await;
            end
        };
        let end = tokio::select! {
            end = reading => {
                let _sent = timeout(FINISH_GRACE, writing.drain(&connection.outbox)).await;
                end
            }
            end = writing.write_all_from(&connection.outbox) => {
                connection.finish(Duration::ZERO).await;
                end
            }
        };
        tracing::debug!(entrance, caller = %caller.id, ?end, "a channel ended");
        end
    }

    /// Lets one in that sends a good key in its first message.
    async fn greet<R: Reader, W: Writer>(
        &self,
        reader: &mut R,
        writing: &mut Writing<W>,
        shutdown: &CancellationToken,
    ) -> Result<(Arc<Caller>, String), End> {
        let Ok(_permit) = self.strangers.try_acquire() else { return Err(End::Crowded) };
        let asked = stranger::first_message(reader);
        let first = shutdown.run_until_cancelled(asked).await.unwrap_or(Err(End::GoingAway))?;
        let admitted = stranger::admit(&first, &*self.beyond.authenticator);
        let outbox = Outbox::default();
        outbox.push(admitted.reply);
        let _told = timeout(FINISH_GRACE, writing.drain(&outbox)).await;
        admitted.caller.map_err(|why| {
            tracing::info!(why, "refused at the entrance");
            End::NotAuthenticated(why)
        })
    }

    /// Waits until the right to be here has ended. Each call is checked by the door besides.
    async fn gone(&self, right: &Right, caller: &Caller) {
        match right {
            Right::Stays => std::future::pending().await,
            Right::Until(end) => end.cancelled().await,
            Right::Key(key) => {
                let mut again = interval(RECHECK_EVERY);
                let holds =
                    || self.beyond.authenticator.authenticate(key).is_ok_and(|found| found.id == caller.id);
                while holds() {
                    again.tick().await;
                }
            }
        }
    }
}

/// What the right to be here stands on.
enum Right {
    Stays,
    Until(CancellationToken),
    /// A key, which can be revoked.
    Key(String),
}

/// How long running calls may go on, so that their answers are still read.
fn grace<R: Reader>(end: &End) -> Duration {
    match end {
        End::GoingAway => FINISH_GRACE,
        End::Left if !R::ENDS_BOTH_WAYS => FINISH_GRACE,
        _ => Duration::ZERO,
    }
}

async fn read_all<R: Reader>(reader: &mut R, connection: &Arc<Connection>) -> End {
    loop {
        connection.outbox.below(OUTPUT_QUEUED_BYTES_MAX).await;
        match reader.next().await {
            Incoming::Message(message) => connection.receive(&message),
            Incoming::TooLong { bytes_max } => {
                let why = format!("a message is longer than {bytes_max} bytes and was skipped");
                connection.refuse(&WireError::parse(why).into());
            }
            Incoming::Stalled => return End::Stalled,
            Incoming::End => return End::Left,
        }
    }
}

/// Writes messages in their order, also when it is interrupted in between.
struct Writing<W> {
    writer: W,
    /// A message that was taken from the queue and not handed to the writer yet.
    held: Option<Bytes>,
}

impl<W: Writer> Writing<W> {
    /// Writes messages as they come, until that fails. Can be dropped at any time and continued with [`Self::drain`].
    async fn write_all_from(&mut self, outbox: &Outbox) -> End {
        let mut ping = interval(CHANNEL_PING_EVERY);
        ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        ping.reset();
        loop {
            if let Err(end) = self.drain(outbox).await {
                return end;
            }
            let asks = tokio::select! {
                message = std::future::poll_fn(|context| outbox.poll_take(context)) => {
                    self.held = Some(message);
                    continue;
                }
                _ = ping.tick() => self.ping(),
            };
            if let Err(end) = asks.await {
                return end;
            }
        }
    }

    async fn ping(&mut self) -> Result<(), End> {
        in_time(self.writer.ready()).await?;
        self.writer.ping().map_err(left)?;
        in_time(self.writer.flush()).await
    }

    /// Writes what is there now. What is ready goes out together.
    async fn drain(&mut self, outbox: &Outbox) -> Result<(), End> {
        loop {
            if self.held.is_none() {
                self.held = outbox.take();
            }
            if self.held.is_none() {
                return in_time(self.writer.flush()).await;
            }
            in_time(self.writer.ready()).await?;
            if let Some(message) = self.held.take() {
                self.writer.put(message).map_err(left)?;
            }
        }
    }
}

/// A write that goes on only when the other end reads.
async fn in_time(write: impl Future<Output = io::Result<()>>) -> Result<(), End> {
    match timeout(READER_STALL_MAX, write).await {
        Ok(written) => written.map_err(left),
        Err(_) => Err(End::DoesNotRead),
    }
}

fn left(error: io::Error) -> End {
    tracing::debug!(%error, "a channel broke");
    End::Left
}

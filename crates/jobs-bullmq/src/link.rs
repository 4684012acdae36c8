//! The connection to Redis. It is made when it is needed first, and comes back by itself.

use std::time::Duration;

use bullmq::options::RedisConnectionOptions;
use bullmq::redis_connection::{AnyConnection, RedisConnection};
use bullmq::{Queue, QueueOptions};
use drawbridge_jobs::EngineError;
use redis::{Cmd, FromRedisValue, Pipeline, RedisError, Script, ScriptInvocation};
use tokio::sync::OnceCell;
use tokio::time::timeout;

use crate::{DEAD_LETTERS, DEFAULT, Settings};

/// How long the first connection may take, before whoever waits for it is told that Redis is away.
const CONNECT: Duration = Duration::from_secs(3);

/// How long Redis may take to answer, a connection that has to come back included, before whoever waits is told that it
/// is away.
const ANSWER: Duration = Duration::from_secs(10);

pub(crate) struct Link {
    options: RedisConnectionOptions,
    prefix: String,
    /// What every script gets first.
    house: [String; 5],
    connection: OnceCell<RedisConnection>,
}

impl Link {
    pub(crate) fn new(settings: &Settings) -> Result<Self, EngineError> {
        let url = settings.url()?;
        if redis::Client::open(url.as_str()).is_err() {
            let problem = "is no address of a Redis; it looks like redis://host:6379/0".to_owned();
            return Err(EngineError::Invalid { what: "the address of Redis", problem });
        }
        let Settings { prefix, keep_completed, keep_failed, .. } = settings;
        let house = [
            prefix.clone(),
            keep_completed.count.to_string(),
            keep_completed.age.as_millis().to_string(),
            keep_failed.count.to_string(),
            keep_failed.age.as_millis().to_string(),
        ];
        let options = RedisConnectionOptions::new().url(url);
        Ok(Self { options, prefix: prefix.clone(), house, connection: OnceCell::new() })
    }

    /// The connection of BullMQ's crate, which the first caller makes.
    pub(crate) async fn bullmq(&self, doing: &'static str) -> Result<&RedisConnection, EngineError> {
        let made = timeout(CONNECT, self.connection.get_or_try_init(|| self.connect())).await;
        made.unwrap_or_else(|_| Err(bullmq::Error::ConnectionClosed))
            .map_err(|error| away_bullmq(doing, &error))
    }

    async fn connect(&self) -> Result<RedisConnection, bullmq::Error> {
        let connection = RedisConnection::new_managed_only(&self.options).await?;
        for queue in [DEFAULT, DEAD_LETTERS] {
            Queue::with_connection(queue, connection.clone(), self.queue_options()).await?;
        }
        let mut register = redis::cmd("ZADD");
        register.arg(format!("drawbridge:{}:queues", self.prefix)).arg("NX").arg(1).arg(DEFAULT);
        connection.cmd::<i64>(&mut register).await?;
        Ok(connection)
    }

    fn queue_options(&self) -> QueueOptions {
        QueueOptions {
            connection: self.options.clone(),
            prefix: self.prefix.clone(),
            ..QueueOptions::default()
        }
    }

    /// A queue, as BullMQ's crate knows it.
    pub(crate) async fn queue(&self, name: &str, doing: &'static str) -> Result<Queue, EngineError> {
        let connection = self.bullmq(doing).await?.clone();
        Queue::with_connection(name, connection, self.queue_options())
            .await
            .map_err(|error| away_bullmq(doing, &error))
    }

    async fn connection(&self, doing: &'static str) -> Result<AnyConnection, EngineError> {
        Ok(self.bullmq(doing).await?.connection())
    }

    /// A connection for one reader who waits in Redis.
    pub(crate) async fn waiting_connection(&self, doing: &'static str) -> Result<AnyConnection, EngineError> {
        let connection = self.bullmq(doing).await?;
        connection.dedicated_any_connection().await.map_err(|error| away_bullmq(doing, &error))
    }

    /// A script, with the arguments that all of them have.
    pub(crate) fn script<'a>(&self, script: &'a Script) -> ScriptInvocation<'a> {
        let mut invocation = script.prepare_invoke();
        for argument in &self.house {
            invocation.arg(argument);
        }
        invocation
    }

    /// Runs a script.
    pub(crate) async fn run<T: FromRedisValue>(
        &self,
        script: &ScriptInvocation<'_>,
        doing: &'static str,
    ) -> Result<T, EngineError> {
        let mut connection = self.connection(doing).await?;
        in_time(doing, script.invoke_async(&mut connection)).await
    }

    /// Runs a command.
    pub(crate) async fn command<T: FromRedisValue>(
        &self,
        command: &Cmd,
        doing: &'static str,
    ) -> Result<T, EngineError> {
        let mut connection = self.connection(doing).await?;
        in_time(doing, command.query_async(&mut connection)).await
    }

    /// Runs several commands with one message.
    pub(crate) async fn commands<T: FromRedisValue>(
        &self,
        commands: &Pipeline,
        doing: &'static str,
    ) -> Result<T, EngineError> {
        let mut connection = self.connection(doing).await?;
        in_time(doing, commands.query_async(&mut connection)).await
    }

    /// A key of a queue.
    pub(crate) fn key(&self, queue: &str, suffix: &str) -> String {
        format!("{}:{queue}:{suffix}", self.prefix)
    }

    /// A key of ours.
    pub(crate) fn ours(&self, name: &str) -> String {
        format!("drawbridge:{}:{name}", self.prefix)
    }
}

async fn in_time<T>(
    doing: &'static str,
    answer: impl Future<Output = Result<T, RedisError>>,
) -> Result<T, EngineError> {
    match timeout(ANSWER, answer).await {
        Ok(answer) => answer.map_err(|error| away(doing, &error)),
        Err(_) => Err(EngineError::Away {
            doing,
            reason: format!("Redis did not answer within {} s", ANSWER.as_secs()),
        }),
    }
}

fn away_bullmq(doing: &'static str, error: &bullmq::Error) -> EngineError {
    match error {
        bullmq::Error::Redis(error) => away(doing, error),
        bullmq::Error::ConnectionClosed => {
            EngineError::Away { doing, reason: "Redis does not answer at its address".into() }
        }
        _ => EngineError::Away { doing, reason: "BullMQ's own part failed".into() },
    }
}

/// What to say of an error: never the address, which may hold a password.
pub(crate) fn away(doing: &'static str, error: &RedisError) -> EngineError {
    let gone = error.is_io_error()
        || error.is_timeout()
        || error.is_connection_dropped()
        || error.is_connection_refusal();
    let reason = match (gone, error.code()) {
        (true, _) => "Redis does not answer at its address".to_owned(),
        (false, Some("OOM")) => "the memory that Redis may use is full".to_owned(),
        (false, Some(code)) => format!("Redis refused: {code} {}", error.detail().unwrap_or_default()),
        (false, None) => format!("Redis refused: {}", error.category()),
    };
    EngineError::Away { doing, reason }
}

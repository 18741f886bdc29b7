//! Short-lived data in Redis 6.2 or later. What must happen in one step is one command or one
//! script. A connection that is lost is opened again by the next operation.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{Client, ConnectionInfo, FromRedisValue, IntoConnectionInfo, RedisResult, Script, cmd};

use super::{Bucket, Count, Ephemera, Error, Limit, Usage, Verdict, millis};
use crate::clock::Clock;

/// Counts, and gives the counter its end with the first count.
static COUNT: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local count = redis.call('INCR', KEYS[1])
         if count == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
         return {count, redis.call('PTTL', KEYS[1])}",
    )
});

/// Adds the cost to the level, which is the key's remaining life, if there is room.
static LIMIT: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local level = math.max(redis.call('PTTL', KEYS[1]), 0)
         local cost, full = tonumber(ARGV[1]), tonumber(ARGV[2])
         if level + cost > full then return {0, level} end
         redis.call('SET', KEYS[1], '1', 'PX', level + cost)
         return {1, level + cost}",
    )
});

pub struct Redis {
    connection: ConnectionManager,
    prefix: String,
    timeout: Duration,
    failures: AtomicU64,
}

impl Redis {
    /// Connects at the first operation. `password` is used where the URL has none; `prefix`
    /// begins every key; no operation takes longer than `timeout`.
    pub fn new(url: &str, password: &str, prefix: &str, timeout: Duration) -> Result<Redis, Error> {
        let server = with_password(url, password).map_err(unreachable)?;
        let client = Client::open(server).map_err(unreachable)?;
        let settings = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(timeout))
            .set_response_timeout(Some(timeout))
            .set_max_delay(timeout);
        let connection =
            ConnectionManager::new_lazy_with_config(client, settings).map_err(unreachable)?;
        let failures = AtomicU64::new(0);
        Ok(Redis { connection, prefix: prefix.to_owned(), timeout, failures })
    }

    /// The server's version, for example `7.0.15`.
    pub async fn version(&self) -> Result<String, Error> {
        let info: String = self.ask(cmd("INFO").arg("server")).await?;
        let line = info.lines().find_map(|line| line.strip_prefix("redis_version:"));
        Ok(line.unwrap_or_default().trim().to_owned())
    }

    async fn ask<T: FromRedisValue>(&self, command: &redis::Cmd) -> Result<T, Error> {
        let mut connection = self.connection.clone();
        self.bounded(command.query_async(&mut connection)).await
    }

    async fn run<T: FromRedisValue>(
        &self,
        script: &Script,
        key: &str,
        arguments: &[u64],
    ) -> Result<T, Error> {
        let mut connection = self.connection.clone();
        let mut invocation = script.key(self.key(key));
        for argument in arguments {
            invocation.arg(argument);
        }
        self.bounded(invocation.invoke_async(&mut connection)).await
    }

    /// The end of `operation`, at most a timeout away, by the machine's clock: the server's time
    /// cannot be advanced.
    async fn bounded<T>(
        &self,
        operation: impl Future<Output = RedisResult<T>>,
    ) -> Result<T, Error> {
        let answer = match Clock::system().within(self.timeout, operation).await {
            Some(answer) => answer.map_err(unreachable),
            None => Err(Error(format!("no answer within {} ms", self.timeout.as_millis()))),
        };
        if answer.is_err() {
            self.failures.fetch_add(1, Ordering::Relaxed);
        }
        answer
    }

    fn key(&self, key: &str) -> String {
        format!("{}{key}", self.prefix)
    }
}

#[async_trait]
impl Ephemera for Redis {
    async fn get(&self, key: &str) -> Result<Option<String>, Error> {
        self.ask(cmd("GET").arg(self.key(key))).await
    }

    async fn set(&self, key: &str, value: &str, life: Duration) -> Result<(), Error> {
        let mut set = cmd("SET");
        self.ask(set.arg(self.key(key)).arg(value).arg("PX").arg(millis(life))).await
    }

    async fn set_if_absent(&self, key: &str, value: &str, life: Duration) -> Result<bool, Error> {
        let mut set = cmd("SET");
        set.arg(self.key(key)).arg(value).arg("PX").arg(millis(life)).arg("NX");
        let done: Option<String> = self.ask(&set).await?;
        Ok(done.is_some())
    }

    async fn take(&self, key: &str) -> Result<Option<String>, Error> {
        self.ask(cmd("GETDEL").arg(self.key(key))).await
    }

    async fn count(&self, key: &str, window: Duration) -> Result<Count, Error> {
        let (count, left): (u64, i64) = self.run(&COUNT, key, &[millis(window)]).await?;
        let left = u64::try_from(left).unwrap_or(0);
        Ok(Count { count, resets_in: Duration::from_millis(left) })
    }

    async fn limit(&self, key: &str, limit: Limit) -> Result<Verdict, Error> {
        let bucket = Bucket::of(limit);
        let (allowed, level): (u8, u64) =
            self.run(&LIMIT, key, &[bucket.cost, bucket.full]).await?;
        Ok(bucket.verdict(allowed == 1, level))
    }

    async fn ping(&self) -> Result<(), Error> {
        self.ask(&cmd("PING")).await
    }

    fn usage(&self) -> Usage {
        Usage { failures: self.failures.load(Ordering::Relaxed), ..Usage::default() }
    }
}

pub(super) fn with_password(url: &str, password: &str) -> RedisResult<ConnectionInfo> {
    let server = url.into_connection_info()?;
    let settings = server.redis_settings().clone();
    if password.is_empty() || settings.password().is_some() {
        return Ok(server);
    }
    Ok(server.set_redis_settings(settings.set_password(password)))
}

fn unreachable(error: redis::RedisError) -> Error {
    Error(error.to_string())
}

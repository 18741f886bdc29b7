//! How a command reaches the network: over the socket of the node that runs on the data
//! folder, or, where none runs, by itself, with the folder's lock and the database started.
//! Both ways run the same router.

use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use futures::stream::BoxStream;
use http::{Method, header};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{Common, block_on};
use crate::actors::withdrawals::Withdrawals;
use crate::admin::operator::{ON_BEHALF, called_by};
use crate::admin::socket::SocketPath;
use crate::admin::{Admin, AdminParts, Failure, Refusal, Success};
use crate::clock::Clock;
use crate::config::Config;
use crate::embedded::postgres::Postgres;
use crate::embedded::{self, DataFolder, NodeLock};
use crate::entropy::Entropy;
use crate::node::{edges, limits};
use crate::store::Store;

/// A node that holds its folder and does not answer is starting or ending; it is given this.
const PATIENCE: Duration = Duration::from_secs(15);
const POLL: Duration = Duration::from_millis(200);
/// Longest orderly end of a database that a command started.
const STOP: Duration = Duration::from_secs(10);

/// Runs a command that needs the network, and gives back what it took.
pub fn with<T>(
    common: &Common,
    command: impl AsyncFnOnce(&Reach) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    block_on(common, async |config| {
        let reach = Reach::open(&config).await?;
        let done = Box::pin(command(&reach)).await;
        reach.close().await;
        done
    })
}

/// A way to the network.
pub enum Reach {
    Node { client: reqwest::Client, _path: SocketPath },
    Alone(Box<Alone>),
}

/// A database without a node.
pub struct Alone {
    pub store: Store,
    admin: Admin,
    database: Option<Postgres>,
    _lock: NodeLock,
}

impl Reach {
    /// The running node, else the database by itself.
    pub async fn open(config: &Config) -> anyhow::Result<Reach> {
        let folder = DataFolder::open(config)?;
        let clock = Clock::system();
        let until = clock.now() + PATIENCE;
        loop {
            if let Some(node) = Reach::node(&folder).await? {
                return Ok(node);
            }
            match folder.lock() {
                Ok(lock) => {
                    return Ok(Reach::Alone(Box::new(Alone::open(config, &folder, lock).await?)));
                }
                Err(embedded::Error::Locked(_)) if clock.now() < until => clock.sleep(POLL).await,
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// The node that runs on the folder, if one answers.
    pub async fn node(folder: &DataFolder) -> anyhow::Result<Option<Reach>> {
        let socket = folder.admin_socket();
        if !socket.exists() {
            return Ok(None);
        }
        let path = SocketPath::of(&socket)?;
        let client = reqwest::Client::builder().no_proxy().unix_socket(path.as_path()).build()?;
        let reach = Reach::Node { client, _path: path };
        match reach.get::<Value>("/status").await {
            Ok(_) => Ok(Some(reach)),
            Err(error)
                if error
                    .downcast_ref::<reqwest::Error>()
                    .is_some_and(reqwest::Error::is_connect) =>
            {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> anyhow::Result<T> {
        self.ask(Method::GET, path, None).await
    }

    pub async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> anyhow::Result<T> {
        self.ask(Method::POST, path, Some(serde_json::to_vec(body)?)).await
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<Vec<u8>>,
    ) -> anyhow::Result<T> {
        let bytes = match self {
            Reach::Node { client, .. } => {
                let url = format!("http://node{path}");
                let mut request = client.request(method, url);
                if let Some(name) = called_by() {
                    request = request.header(ON_BEHALF, name);
                }
                if let Some(body) = body {
                    request = request.header(header::CONTENT_TYPE, "application/json").body(body);
                }
                request.send().await?.bytes().await?
            }
            Reach::Alone(alone) => {
                let mut chunks = alone.admin.call(method, path, body).await?;
                let mut answer = BytesMut::new();
                while let Some(chunk) = chunks.next().await {
                    answer.extend_from_slice(&chunk?);
                }
                answer.freeze()
            }
        };
        match understand(&bytes).with_context(|| format!("{path} was not understood"))? {
            Answer::Done(value) => Ok(value),
            Answer::Refused(refusal) => Err(refusal.into()),
        }
    }

    /// A long answer, as it comes. What is no stream is a refusal.
    pub async fn download(
        &self,
        path: &str,
    ) -> anyhow::Result<BoxStream<'static, anyhow::Result<Bytes>>> {
        match self {
            Reach::Node { client, .. } => {
                let response = client.get(format!("http://node{path}")).send().await?;
                let kind = response.headers().get(header::CONTENT_TYPE);
                if kind.is_some_and(|kind| kind == "application/json") {
                    return Err(refused(&response.bytes().await?));
                }
                Ok(response.bytes_stream().map(|chunk| Ok(chunk?)).boxed())
            }
            Reach::Alone(alone) => {
                let chunks = alone.admin.call(Method::GET, path, None).await?;
                let mut chunks = chunks.peekable();
                if let Some(Ok(first)) = std::pin::Pin::new(&mut chunks).peek().await
                    && let Ok(failure) = serde_json::from_slice::<Failure>(first)
                {
                    return Err(failure.error.into());
                }
                Ok(chunks.map(|chunk| Ok(chunk?)).boxed())
            }
        }
    }

    /// Gives back what a command took.
    pub async fn close(self) {
        if let Reach::Alone(alone) = self {
            alone.store.close(STOP).await;
            if let Some(database) = alone.database {
                database.stop(STOP).await;
            }
        }
    }
}

impl Alone {
    async fn open(config: &Config, folder: &DataFolder, lock: NodeLock) -> anyhow::Result<Alone> {
        let (clock, entropy) = (Clock::system(), Entropy::system());
        let database = edges::database(config, folder, &entropy, None).await?;
        let settings = limits::store(config, &database.url);
        let store = Store::open(settings, clock.clone(), entropy.clone()).await?;
        let rules = limits::withdrawals(config);
        let withdrawals = Withdrawals::new(store.clone(), clock.clone(), entropy, rules);
        let wait = config.node.lease_expiry_ms.duration() * 2;
        let holder = format!("a command, pid {}", std::process::id());
        store.acquire(&holder, wait).await?;
        let admin = Admin::new(AdminParts { store: store.clone(), clock, withdrawals, live: None });
        Ok(Alone { admin, store, database: database.child, _lock: lock })
    }
}

/// What came back.
enum Answer<T> {
    Done(T),
    Refused(Refusal),
}

fn understand<T: DeserializeOwned>(bytes: &[u8]) -> anyhow::Result<Answer<T>> {
    if let Ok(failure) = serde_json::from_slice::<Failure>(bytes) {
        return Ok(Answer::Refused(failure.error));
    }
    match serde_json::from_slice::<Success<T>>(bytes) {
        Ok(success) => Ok(Answer::Done(success.ok)),
        Err(error) => bail!(
            "{error}: {}; is the node of another version?",
            String::from_utf8_lossy(bytes).chars().take(200).collect::<String>()
        ),
    }
}

fn refused(bytes: &[u8]) -> anyhow::Error {
    match serde_json::from_slice::<Failure>(bytes) {
        Ok(failure) => failure.error.into(),
        Err(error) => anyhow!("the node's answer was not understood: {error}"),
    }
}

/// A name as a part of a path.
pub fn escaped(name: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let escape = |byte: u8| {
        if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }
    };
    name.bytes().map(escape).collect()
}

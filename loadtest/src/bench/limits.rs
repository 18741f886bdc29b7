//! The limits: the parts of the service by themselves, in processes of their own, doing what
//! the service does with nothing around it. Started by the measurements, not by hand.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Context;
use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;
use bytes::Bytes;
use clap::Subcommand;
use ractor::{Actor, ActorProcessingErr, ActorRef};
use rumqttc::Event::Incoming;
use rumqttc::{AsyncClient, MqttOptions, Packet, QoS};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::net::TcpListener;
use tokio::process::{Child, ChildStdout, Command};

use crate::process::resident;
use crate::service::announced;

/// Largest packet that cabinets send, and then some.
const PACKET_MAX: usize = 65_535 + 512;

#[derive(Subcommand)]
pub enum Limit {
    /// An HTTP server that answers every path with the bytes of a file
    Web { body: PathBuf },
    /// So many actors without anything in them
    Actors { count: u32 },
    /// Two sessions at a broker that count what cabinets say; tells its counts for each line
    Counter { broker: SocketAddr },
}

pub async fn run(limit: Limit) -> anyhow::Result<()> {
    match limit {
        Limit::Web { body } => web(body).await,
        Limit::Actors { count } => actors(count).await,
        Limit::Counter { broker } => counter(broker).await,
    }
}

async fn web(body: PathBuf) -> anyhow::Result<()> {
    let body = Bytes::from(std::fs::read(body)?);
    let answer = move || {
        let body = body.clone();
        async move { ([(CONTENT_TYPE, "application/json")], body) }
    };
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", json!({ "event": "ready", "http": listener.local_addr()? }));
    Ok(axum::serve(listener, Router::new().fallback(get(answer))).await?)
}

async fn counter(broker: SocketAddr) -> anyhow::Result<()> {
    let hearts = count(broker, "hearts", "/powerbank/+/user/heart", QoS::AtMostOnce).await?;
    let updates = count(broker, "updates", "/powerbank/+/user/update", QoS::AtLeastOnce).await?;
    println!("{}", json!({ "event": "ready" }));
    let answered = tokio::task::spawn_blocking(move || {
        for line in std::io::stdin().lines() {
            line?;
            let [hearts, updates] = [&hearts, &updates].map(|count| count.load(Ordering::Relaxed));
            println!("{}", json!({ "hearts": hearts, "updates": updates }));
        }
        anyhow::Ok(())
    });
    answered.await?
}

/// Counts what a session receives, from when this returns.
async fn count(
    broker: SocketAddr,
    name: &str,
    filter: &str,
    qos: QoS,
) -> anyhow::Result<Arc<AtomicU64>> {
    let mut options = MqttOptions::new(name, broker.ip().to_string(), broker.port());
    options.set_inflight(500);
    options.set_max_packet_size(PACKET_MAX, PACKET_MAX);
    let (client, mut events) = AsyncClient::new(options, 1_000);
    client.subscribe(filter, qos).await?;
    while !matches!(events.poll().await?, Incoming(Packet::SubAck(_))) {}
    let counted = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&counted);
    tokio::spawn(async move {
        let _client = client;
        while let Ok(event) = events.poll().await {
            if let Incoming(Packet::Publish(_)) = event {
                count.fetch_add(1, Ordering::Relaxed);
            }
        }
    });
    Ok(counted)
}

struct Nothing;

impl Actor for Nothing {
    type Msg = ();
    type State = ();
    type Arguments = ();

    async fn pre_start(&self, _: ActorRef<()>, (): ()) -> Result<(), ActorProcessingErr> {
        Ok(())
    }
}

async fn actors(count: u32) -> anyhow::Result<()> {
    let before = resident(std::process::id())?;
    let mut all = Vec::new();
    for _ in 0..count {
        let (actor, _) = Actor::spawn(None, Nothing, ()).await?;
        all.push(actor);
    }
    let grown = resident(std::process::id())?.saturating_sub(before);
    println!("{}", json!({ "event": "ready", "bytes": grown, "actors": all.len() }));
    Ok(())
}

/// A helper process; killed with this value.
pub struct Helper {
    child: Child,
    pub lines: Lines<BufReader<ChildStdout>>,
    /// What it said first.
    pub ready: Value,
}

impl Helper {
    pub async fn start(program: PathBuf, arguments: &[&str]) -> anyhow::Result<Helper> {
        let mut command = Command::new(&program);
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child =
            command.spawn().with_context(|| format!("{} cannot be run", program.display()))?;
        let stdout = child.stdout.take().context("the helper has no output")?;
        let mut lines = BufReader::new(stdout).lines();
        let ready = announced(&mut lines).await?;
        Ok(Helper { child, lines, ready })
    }

    /// One of the limits above.
    pub async fn limit(arguments: &[&str]) -> anyhow::Result<Helper> {
        let own = std::env::current_exe()?;
        Helper::start(own, &[&["limit"], arguments].concat()).await
    }

    pub fn pid(&self) -> anyhow::Result<u32> {
        self.child.id().context("the helper has ended")
    }

    /// Asks it for its counts.
    pub async fn ask(&mut self) -> anyhow::Result<Value> {
        use tokio::io::AsyncWriteExt;
        let stdin = self.child.stdin.as_mut().context("the helper does not listen")?;
        stdin.write_all(b"\n").await?;
        announced(&mut self.lines).await
    }
}

//! `chargeghar serve`: the node, its log on stdout, and the socket for operators.

use std::future::Future;
use std::process::ExitCode;
use std::sync::{Arc, Weak};
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::{Common, to_its_end};
use crate::actors::refunds::Refunds;
use crate::actors::withdrawals::Withdrawals;
use crate::admin::socket::Socket;
use crate::admin::{Admin, AdminParts, Live};
use crate::clock::Clock;
use crate::config::Config;
use crate::embedded::{self, DataFolder};
use crate::node::{Exit, Node, Options, StartError, limits};
use crate::spawn::spawn;
use crate::store::load::StationRow;
use crate::telemetry::{self, Output};

/// Another instance took over; this one stopped before it wrote or ejected.
const FENCED: u8 = 3;
/// Another instance runs on the database or the data folder.
const HELD: u8 = 4;
/// A part of the service died too often.
const LOST: u8 = 5;
/// Between two looks at `/readyz`.
const POLL: Duration = Duration::from_millis(50);

#[derive(Args)]
pub struct Arguments {
    /// Log text for people instead of JSON lines
    #[arg(long)]
    pretty: bool,
}

pub fn run(arguments: &Arguments, common: &Common) -> anyhow::Result<ExitCode> {
    let config = Config::load(common.config.as_deref())?;
    let output = if arguments.pretty { Output::Pretty } else { Output::Json };
    telemetry::init(output, &config.telemetry.log)?;
    to_its_end(serve(config))
}

async fn serve(config: Config) -> anyhow::Result<ExitCode> {
    let mut asked = Box::pin(signals()?);
    let started = tokio::select! {
        biased;
        () = &mut asked => return Ok(ExitCode::SUCCESS), // nothing was served yet
        started = Running::start(config) => started,
    };
    let running = match started {
        Ok(running) => running,
        Err(error) => return exit_of_second_instance(error),
    };
    let (http, mqtt) = (running.http.clone(), running.mqtt.clone());
    let ready = spawn("ready", async move {
        until_ready(&http).await;
        telemetry::announce("ready", json!({ "http": http, "mqtt": mqtt }));
    });
    let exit = running.node.run_until(asked).await;
    ready.abort();
    match exit {
        Exit::Asked => {
            running.stop().await;
            Ok(ExitCode::SUCCESS)
        }
        Exit::Fenced => {
            eprintln!("error: another node has taken over this database; this one has stopped");
            Ok(ExitCode::from(FENCED))
        }
        Exit::Lost(task) => {
            running.stop().await;
            eprintln!("error: {task} died too often; what was stored is whole, start again");
            Ok(ExitCode::from(LOST))
        }
    }
}

/// A second instance has an exit code of its own.
pub fn exit_of_second_instance(error: anyhow::Error) -> anyhow::Result<ExitCode> {
    let held = matches!(
        error.downcast_ref::<StartError>(),
        Some(StartError::Held { .. } | StartError::Data(embedded::Error::Locked(_)))
    );
    if !held {
        return Err(error);
    }
    eprintln!("error: {error:#}");
    Ok(ExitCode::from(HELD))
}

/// A node with its socket for operators.
pub struct Running {
    pub node: Arc<Node>,
    pub http: String,
    pub mqtt: String,
    end: oneshot::Sender<()>,
    socket: JoinHandle<std::io::Result<()>>,
}

impl Running {
    pub async fn start(config: Config) -> anyhow::Result<Running> {
        let folder = DataFolder::open(&config).map_err(StartError::from)?;
        let (rules, of_refunds) = (limits::withdrawals(&config), limits::refunds(&config));
        let node = Arc::new(Box::pin(Node::start(config, Options::default())).await?);
        let (host, port) = node.mqtt_addr();
        let http = format!("http://{}", node.http_addr());
        let mqtt = format!("mqtt://{host}:{port}");
        let clock = Clock::system();
        let live = Live {
            context: Arc::clone(&node.context),
            stations: node.stations.clone(),
            rentals: node.rentals.clone(),
            admit: admit(Arc::downgrade(&node)),
            credentials: Arc::clone(&node.credentials),
            broker: node.broker_admin(),
            started_at: clock.now(),
            http: http.clone(),
            mqtt: mqtt.clone(),
        };
        let store = node.context.store.clone();
        let entropy = node.context.entropy.clone();
        let refunds = Refunds::new(store.clone(), clock.clone(), entropy.clone(), of_refunds);
        let withdrawals = Withdrawals::new(store.clone(), clock.clone(), entropy, rules);
        let admin = Admin::new(AdminParts { store, clock, withdrawals, refunds, live: Some(live) });
        let path = folder.admin_socket();
        let socket =
            Socket::open(&path).with_context(|| format!("{} cannot be opened", path.display()))?;
        let (end, ended) = oneshot::channel();
        let serving = socket.serve(admin.router(), async { drop(ended.await) });
        let socket = node.spawn("admin", serving);
        Ok(Running { node, http, mqtt, end, socket })
    }

    /// Ends in order: no more commands, then the node.
    pub async fn stop(self) {
        let Running { node, end, socket, .. } = self;
        let deadline = node.deadline();
        let _ = end.send(()); // it may have ended by itself
        deadline.step("admin", 5, socket).await;
        if let Some(node) = Arc::into_inner(node) {
            Box::pin(node.stop_by(&deadline)).await;
        } else {
            tracing::warn!("a command still held the node");
        }
    }
}

fn admit(node: Weak<Node>) -> crate::admin::Admit {
    Box::new(move |row: StationRow| {
        let node = node.clone();
        Box::pin(async move {
            let node = node.upgrade().ok_or("the node is ending")?;
            node.admit(row).await.map_err(|error| error.to_string())
        })
    })
}

/// Waits until the node says that it is ready.
pub async fn until_ready(http: &str) {
    let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(2)).build();
    let Ok(client) = client else { return };
    let clock = Clock::system();
    let url = format!("{http}/readyz");
    loop {
        let answer = client.get(&url).send().await;
        if answer.is_ok_and(|answer| answer.status().is_success()) {
            return;
        }
        clock.sleep(POLL).await;
    }
}

/// Resolves at the first SIGTERM or SIGINT.
pub fn signals() -> anyhow::Result<impl Future<Output = ()> + Send + 'static> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

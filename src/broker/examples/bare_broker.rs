//! What frames cost without the service: the broker as the service runs it, and beside it in
//! the same process two sessions that count what comes and do nothing else. The harness in
//! `loadtest` holds the service against it.
//!
//! `bare_broker CABINETS`: client ids 990000000000001 and up, all with the password `bare`.
//! Writes one line when it is ready, and one with its counts for each line it reads.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Context;
use broker::{Account, Broker, Role, Settings};
use rumqttc::{AsyncClient, Event, MqttOptions, Packet, QoS};
use tokio::task::JoinSet;

const FIRST: u64 = 990_000_000_000_000;
const PASSWORD: &str = "bare";
const PACKET_MAX: usize = 65_535 + 512;

fn main() -> anyhow::Result<()> {
    let cabinets: u64 = std::env::args().nth(1).context("how many cabinets?")?.parse()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let (broker, hearts, updates) = runtime.block_on(start(cabinets))?;
    println!("{{\"event\":\"ready\",\"mqtt\":\"{}\"}}", broker.local_addr());
    for line in std::io::stdin().lines() {
        line?;
        let (hearts, updates) = (hearts.load(Ordering::Relaxed), updates.load(Ordering::Relaxed));
        println!("{{\"hearts\":{hearts},\"updates\":{updates}}}");
    }
    Ok(())
}

type Count = Arc<AtomicU64>;

async fn start(cabinets: u64) -> anyhow::Result<(Broker, Count, Count)> {
    let broker = Broker::start(Settings {
        publish_rate_per_client: u32::MAX,
        publish_burst_per_client: u32::MAX,
        ..Settings::default()
    });
    let broker = broker.await?;
    let account =
        |name: &str, role| Account { username: name.into(), password: PASSWORD.into(), role };
    for number in 1..=cabinets {
        let uuid = (FIRST + number).to_string();
        broker.put(&uuid, account(&uuid, Role::Cabinet))?;
    }
    for name in ["chargeghar-hearts", "chargeghar-updates"] {
        broker.put(name, account(name, Role::Service))?;
    }
    let hearts = ("chargeghar-hearts", "/powerbank/+/user/heart", QoS::AtMostOnce);
    let updates = ("chargeghar-updates", "/powerbank/+/user/update", QoS::AtLeastOnce);
    let hearts = count(&broker, hearts).await?;
    let updates = count(&broker, updates).await?;
    Ok((broker, hearts, updates))
}

/// Counts what a session receives, from when this returns.
async fn count(broker: &Broker, session: (&str, &str, QoS)) -> anyhow::Result<Count> {
    let (name, filter, qos) = session;
    let address = broker.local_addr();
    let mut options = MqttOptions::new(name, address.ip().to_string(), address.port());
    options.set_credentials(name, PASSWORD);
    options.set_keep_alive(Duration::from_secs(30));
    options.set_inflight(500);
    options.set_max_packet_size(PACKET_MAX, PACKET_MAX);
    let (client, mut events) = AsyncClient::new(options, 1_000);
    client.subscribe(filter, qos).await?;
    let counted = Count::default();
    loop {
        if let Event::Incoming(Packet::SubAck(_)) = events.poll().await? {
            break;
        }
    }
    let count = Arc::clone(&counted);
    let mut counting = JoinSet::new();
    counting.spawn(async move {
        let _client = client;
        while let Ok(event) = events.poll().await {
            if let Event::Incoming(Packet::Publish(_)) = event {
                count.fetch_add(1, Ordering::Relaxed);
            }
        }
    });
    counting.detach_all();
    Ok(counted)
}

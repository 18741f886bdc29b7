//! The door to every station: callers hold this handle, never a mailbox.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use domain::ids::{DeviceUuid, Serial, SlotKey, Sn, StationId};
use domain::presence::Shown;
use domain::slot::{Slot, Standing};
use domain::station::Layout;
use ractor::{Actor, ActorCell, ActorProcessingErr};

use super::Context;
use super::availability::{Availability, Info, Kept, SlotView, StationView};
use super::feed::Feed;
use super::mailbox::Depth;
use super::station::{self, Described, EjectAsk, Inbound, Seed, StationActor};
use super::storm::Ended;
use super::supervise::{self, Shards, Spawner};
use crate::link::{Ack, Outcome};
use crate::spawn::Tasks;
use crate::store::load::StationRow;

/// Supervisors, each with its share of the stations.
const SHARDS: usize = 16;
/// How long an operator waits for a cabinet's report.
const REPORT: Duration = Duration::from_secs(12);
const PATIENCE: Duration = Duration::from_secs(5);
/// How long an HTTP call of a cabinet waits until what it caused is stored.
const STORED: Duration = Duration::from_secs(10);
/// How long a call of `connect` waits until the cabinet was asked.
const CONNECTS: Duration = Duration::from_secs(12);

#[derive(Clone)]
pub struct Stations {
    context: Arc<Context>,
    shards: Shards<StationSpawner>,
}

/// Why a cabinet's call was not taken; it may call again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UplinkError {
    #[error("too much waits for this cabinet")]
    Busy,
    #[error("it could not be stored")]
    NotStored,
}

impl Stations {
    /// Starts the supervisors and an actor for every station.
    pub async fn raise(
        context: Arc<Context>,
        rows: Vec<StationRow>,
        tasks: &Tasks,
    ) -> Result<Stations, ActorProcessingErr> {
        let spawner = Arc::new(StationSpawner { context: Arc::clone(&context) });
        let args = || supervise::Args {
            spawner: Arc::clone(&spawner),
            clock: context.clock.clone(),
            entropy: context.entropy.clone(),
        };
        let shards = Shards::raise(SHARDS, args, tasks).await?;
        let stations = Stations { context, shards };
        let seeds: Vec<Seed> = rows.into_iter().map(seed_of).collect();
        let views = seeds.iter().map(|seed| Arc::new(stations.unheard(seed)));
        stations.context.availability.load(views.collect::<Vec<_>>());
        let mut started = Vec::with_capacity(seeds.len());
        for seed in seeds {
            started.push(stations.start(seed));
        }
        for start in started {
            let _ = start.await; // one that fails is started again by its supervisor
        }
        Ok(stations)
    }

    /// Takes a cabinet into service.
    pub async fn enrolled(&self, row: StationRow) {
        let seed = seed_of(row);
        let view = self.unheard(&seed);
        self.context.availability.publish(Arc::new(view));
        let _ = self.start(seed).await; // one that fails is started again by its supervisor
    }

    /// Takes what an operator says of a cabinet from now on.
    pub fn described(&self, row: StationRow) {
        let seed = seed_of(row);
        let id = seed.info.id;
        self.context.stations.enrol(Arc::clone(&seed.info));
        match self.context.stations.door(id) {
            Some(door) => door.insist(station::Msg::Told(Box::new(seed))),
            // it is being started again, and begins with this
            None => self.context.keep_seed(&seed),
        }
    }

    /// Takes a cabinet out of service.
    pub fn removed(&self, id: StationId) {
        if let Some(door) = self.context.stations.door(id) {
            door.actor().stop(None);
        }
        self.context.stations.strike(id);
        self.context.storm.over(id, Ended::Gone, self.context.clock.now());
        self.context.forget_seed(id);
        show_closed(&self.context, id);
        self.context.availability.remove(id);
    }

    fn start(&self, seed: Seed) -> tokio::sync::oneshot::Receiver<bool> {
        let id = seed.info.id;
        self.context.stations.enrol(Arc::clone(&seed.info));
        self.context.keep_seed(&seed);
        let (answer, receive) = tokio::sync::oneshot::channel();
        self.shards.start(id, Some(answer.into()));
        receive
    }

    /// What was last known, until the cabinet reports.
    fn unheard(&self, seed: &Seed) -> StationView {
        let banks = self.context.banks.at(seed.info.id);
        let now = self.context.clock.now();
        let slots: Vec<SlotView> = seed
            .layout
            .slots
            .iter()
            .map(|key| slot_before(*key, seed, banks.get(key).cloned(), &self.context, now))
            .collect();
        let count = |wanted: &dyn Fn(&SlotView) -> bool| {
            u16::try_from(slots.iter().filter(|slot| wanted(slot)).count()).unwrap_or(u16::MAX)
        };
        StationView {
            info: Arc::clone(&seed.info),
            shown: Shown::Offline,
            maintenance: seed.maintenance,
            stale: true,
            free_slots: count(&|slot| slot.standing == Standing::Empty),
            banks: count(&|slot| slot.rentable),
            version: 0,
            slots,
            kept: Kept::default(),
        }
    }

    pub fn by_uuid(&self, uuid: &DeviceUuid) -> Option<StationId> {
        self.context.stations.by_uuid(uuid)
    }

    pub fn by_serial(&self, serial: &Serial) -> Option<StationId> {
        self.context.stations.by_serial(serial)
    }

    pub fn info(&self, id: StationId) -> Option<Arc<Info>> {
        self.context.stations.info(id)
    }

    pub fn availability(&self) -> &Availability {
        &self.context.availability
    }

    pub fn feed(&self) -> &Feed {
        &self.context.feed
    }

    /// A cabinet's HTTP call: answers once whatever it caused is stored.
    pub async fn uplink(&self, id: StationId, inbound: Inbound) -> Result<(), UplinkError> {
        let (send, receive) = tokio::sync::oneshot::channel();
        let ack = Ack::new(move |outcome| {
            let _ = send.send(outcome); // who called may have gone
        });
        let inbound = Inbound { ack: Some(ack), ..inbound };
        // unsigned: shed before what comes over the cabinet's own session, and called again
        let told = self.context.stations.tell_lightly(id, station::Msg::Inbound(Box::new(inbound)));
        if !told {
            return Err(UplinkError::Busy);
        }
        match tokio::time::timeout(STORED, receive).await {
            Ok(Ok(Outcome::Confirmed)) => Ok(()),
            Ok(Ok(Outcome::Postponed | Outcome::Lost) | Err(_)) | Err(_) => {
                Err(UplinkError::NotStored)
            }
        }
    }

    /// Whether a call in this cabinet's name may be its own: not while the cabinet answers over
    /// its session. `None` where that cannot be said at this moment, or only after a wait that
    /// the caller may not have.
    pub async fn may_connect(&self, id: StationId, may_wait: bool) -> Option<bool> {
        let ask = |reply| station::Msg::Connecting { may_wait, reply };
        self.context.stations.door(id)?.call(ask, CONNECTS).await
    }

    pub async fn describe(&self, id: StationId) -> Option<Described> {
        self.context.stations.door(id)?.call(station::Msg::Describe, PATIENCE).await
    }

    /// Asks a cabinet for a whole report; answers whether it came.
    pub async fn check(&self, id: StationId) -> Option<bool> {
        self.context.stations.door(id)?.call(station::Msg::Check, REPORT).await
    }

    /// Takes a bank out without a rental.
    pub async fn eject(
        &self,
        id: StationId,
        key: SlotKey,
        actor: String,
    ) -> Option<Result<Sn, &'static str>> {
        let ask = |reply| station::Msg::EjectForService(EjectAsk { key, actor, reply });
        self.context.stations.door(id)?.call(ask, PATIENCE).await
    }

    pub async fn maintain(&self, id: StationId, on: bool, actor: String) -> Option<bool> {
        let ask = |reply| station::Msg::Maintenance { slot: None, on, actor, reply };
        self.context.stations.door(id)?.call(ask, PATIENCE).await
    }

    /// One slot of it.
    pub async fn maintain_slot(
        &self,
        id: StationId,
        key: SlotKey,
        on: bool,
        actor: String,
    ) -> Option<bool> {
        let ask = |reply| station::Msg::Maintenance { slot: Some(key), on, actor, reply };
        self.context.stations.door(id)?.call(ask, PATIENCE).await
    }
}

/// What a station begins with, from its rows.
pub fn seed_of(row: StationRow) -> Seed {
    let keys: BTreeSet<SlotKey> = row.slots.iter().map(|slot| slot.key).collect();
    let in_maintenance = row.slots.iter().filter(|slot| slot.maintenance).map(|slot| slot.key);
    let versions: BTreeMap<SlotKey, i32> =
        row.slots.iter().map(|slot| (slot.key, slot.version)).collect();
    let readings = row.slots.iter().filter_map(|slot| Some((slot.key, slot.reading.clone()?)));
    Seed {
        slots_in_maintenance: in_maintenance.collect(),
        readings: readings.collect(),
        slot_versions: versions,
        layout: Layout::new(keys, row.layout_confirmed),
        version: row.version,
        maintenance: row.is_maintenance,
        heard_at: row.heard_at,
        whole_at: row.whole_at,
        info: Arc::new(row.info),
    }
}

fn slot_before(
    key: SlotKey,
    seed: &Seed,
    bank: Option<Sn>,
    context: &Context,
    now: chrono::DateTime<chrono::Utc>,
) -> SlotView {
    let reading = seed.readings.get(&key).cloned();
    let level = reading.as_ref().and_then(|reading| reading.level);
    let offered = bank.as_ref().is_some_and(|sn| context.banks.is_offered(sn));
    let maintenance = seed.slots_in_maintenance.contains(&key);
    let slot = Slot { bank, offered, maintenance, reading, stale: false, ..Slot::new(key) };
    SlotView {
        key,
        standing: slot.standing(now),
        level,
        rentable: slot.is_rentable(&context.settings.rules, now),
        sn: slot.bank,
    }
}

/// Nobody rents or returns there for now; whoever looks is told.
fn show_closed(context: &Context, id: StationId) {
    let Some(before) = context.availability.get(id) else { return };
    let shut = StationView {
        shown: Shown::Offline,
        maintenance: true,
        stale: true,
        version: before.version + 1,
        ..(*before).clone()
    };
    let shut = Arc::new(shut);
    context.availability.publish(Arc::clone(&shut));
    context.feed.publish(shut);
}

/// How stations are started.
struct StationSpawner {
    context: Arc<Context>,
}

impl Spawner for StationSpawner {
    type Key = StationId;
    const KIND: &'static str = "station";

    async fn start(
        &self,
        id: StationId,
        supervisor: ActorCell,
    ) -> Result<Option<ActorCell>, ActorProcessingErr> {
        let Some(seed) = self.context.seed(id) else { return Ok(None) };
        let (depth, context) = (Depth::default(), Arc::clone(&self.context));
        let args = station::Args { seed, depth, context };
        let (actor, _) = Actor::spawn_linked(None, StationActor, args, supervisor).await?;
        Ok(Some(actor.get_cell()))
    }

    async fn reload(&self, id: StationId) {
        // one that was taken out of service has no seed, and is not started
        if self.context.seed(id).is_some() && self.context.read_station_again(id).await.is_none() {
            self.context.forget_seed(id);
        }
    }

    fn isolated(&self, id: StationId) {
        self.context.stations.shut(id);
        self.context.storm.over(id, Ended::Gone, self.context.clock.now());
        show_closed(&self.context, id);
    }
}

//! What every actor of one node shares: the seams to the outside, and the directories. No
//! rule and no state of its own.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use dashmap::DashMap;
use devices::{Codec, Downlink};
use domain::ids::{DeviceUuid, IncidentId, RentalId, Sn, StationId};
use domain::presence::Session;
use domain::rental::Command;

use super::availability::Availability;
use super::banks::Banks;
use super::directory::{RentalDirectory, StationDirectory, Stored};
use super::feed::Feed;
use super::flusher::Flusher;
use super::rental::{self, Cause};
use super::settings::Settings;
use super::station::Seed;
use super::storm::Storm;
use crate::clock::Clock;
use crate::entropy::Entropy;
use crate::link::{Link, Publish, PublishError};
use crate::store::Store;
use crate::store::lease::Lease;

/// Shortest and longest pause before the database is asked again.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// What a node is made of, before it has loaded anything.
pub struct Parts {
    pub store: Store,
    pub lease: Lease,
    pub link: Arc<dyn Link>,
    pub codec: Arc<dyn Codec>,
    pub clock: Clock,
    pub entropy: Entropy,
    pub settings: Settings,
}

pub struct Context {
    pub store: Store,
    pub lease: Lease,
    pub clock: Clock,
    pub entropy: Entropy,
    pub settings: Settings,
    pub codec: Arc<dyn Codec>,
    pub banks: Banks,
    pub stations: StationDirectory,
    pub rentals: RentalDirectory,
    pub availability: Availability,
    pub feed: Feed,
    pub flusher: Flusher,
    pub storm: Storm,
    link: Arc<dyn Link>,
    /// What each station begins with when it is started again.
    seeds: DashMap<StationId, Seed>,
    /// Rentals whose eject may still get an answer, by the cabinet.
    unsettled: DashMap<StationId, BTreeSet<RentalId>>,
    /// What the broker said of cabinets' sessions, whether they are enrolled or not.
    sessions: DashMap<DeviceUuid, Session>,
    /// When the process began to listen to cabinets.
    started_at: DateTime<Utc>,
}

impl Context {
    pub fn new(parts: Parts) -> Context {
        let feed = Feed::new(parts.lease.epoch());
        let backlog_max = parts.settings.backlog_max;
        let started_at = parts.clock.now();
        let storm = Storm::new(parts.settings.checks_per_s, started_at);
        Context {
            store: parts.store,
            lease: parts.lease,
            clock: parts.clock,
            entropy: parts.entropy,
            settings: parts.settings,
            codec: parts.codec,
            banks: Banks::default(),
            stations: StationDirectory::default(),
            rentals: RentalDirectory::default(),
            availability: Availability::default(),
            feed,
            flusher: Flusher::new(backlog_max),
            storm,
            link: parts.link,
            seeds: DashMap::new(),
            unsettled: DashMap::new(),
            sessions: DashMap::new(),
            started_at,
        }
    }

    pub fn link_is_up(&self) -> bool {
        self.link.is_up()
    }

    pub fn link(&self) -> &Arc<dyn Link> {
        &self.link
    }

    /// Hands a command to the broker.
    pub async fn send(
        &self,
        uuid: &DeviceUuid,
        command: &Downlink,
        deadline: DateTime<Utc>,
    ) -> Result<(), PublishError> {
        let payload = Bytes::from(self.codec.encode(command));
        let uuid = uuid.clone();
        let command = command.name();
        self.link.publish(Publish { uuid, command, payload, deadline }).await
    }

    /// Tells a rental something. One that is being started again finds it out by evidence; the
    /// message's receipt fails with it.
    pub fn tell_rental(&self, id: RentalId, mut message: rental::Msg) -> bool {
        if crate::failpoint::is_wrong("lost_return")
            && let rental::Msg::Execute(job) = &mut message
            && matches!(job.command, Command::Return(_))
        {
            self.keep(std::mem::take(&mut job.cause));
            return true;
        }
        self.rentals.tell(id, message)
    }

    /// A message without a fact: its bytes are kept, and it need not come again.
    pub fn keep(&self, cause: Cause) {
        if let Some(frame) = cause.frame {
            self.flusher.frame(frame);
        }
        if let Some(ack) = cause.ack {
            ack.confirm();
        }
    }

    pub fn new_incident_id(&self) -> IncidentId {
        IncidentId(self.entropy.uuid_at(self.clock.now()))
    }

    /// What the broker says of a cabinet's session: that it listens to its commands. One that
    /// lives in this process has none from before: who was not told of is not there, whatever was
    /// heard of it last time. So a cabinet that publishes and never subscribes is offline after
    /// the grace of a disconnect: nothing could be ejected there, and what it says is heard anyway.
    pub fn session_of(&self, uuid: &DeviceUuid) -> Session {
        if let Some(session) = self.sessions.get(uuid) {
            return *session;
        }
        match self.untold_since(uuid) {
            Some(since) => Session::Down { since },
            None => Session::Untold,
        }
    }

    /// Since when a broker that tells of sessions has told nothing of this cabinet's: none ended
    /// but with the process before.
    pub fn untold_since(&self, uuid: &DeviceUuid) -> Option<DateTime<Utc>> {
        let told = !self.link.tells_sessions() || self.sessions.contains_key(uuid);
        (!told).then_some(self.started_at)
    }

    pub fn note_session(&self, uuid: DeviceUuid, session: Session) {
        self.sessions.insert(uuid, session);
    }

    pub fn keep_seed(&self, seed: &Seed) {
        self.seeds.insert(seed.info.id, seed.clone());
    }

    pub fn seed(&self, id: StationId) -> Option<Seed> {
        self.seeds.get(&id).map(|seed| seed.clone())
    }

    pub fn forget_seed(&self, id: StationId) {
        self.seeds.remove(&id);
    }

    /// A rental whose eject may be sent or was sent.
    pub fn note_unsettled(&self, station: StationId, rental: RentalId) {
        self.unsettled.entry(station).or_default().insert(rental);
    }

    /// Its eject has an end that no late answer can change.
    pub fn forget_unsettled(&self, station: StationId, rental: RentalId) {
        if let Some(mut known) = self.unsettled.get_mut(&station) {
            known.remove(&rental);
        }
    }

    /// Rentals of a cabinet whose eject has no end yet, or may still get a late answer.
    pub fn unsettled_at(&self, station: StationId) -> Vec<Arc<Stored>> {
        let now = self.clock.now();
        let Some(mut known) = self.unsettled.get_mut(&station) else { return vec![] };
        let (mut kept, mut stored) = (BTreeSet::new(), Vec::new());
        for id in known.iter() {
            let Some(rental) = self.rentals.stored(*id) else { continue };
            if rental.rental.since().is_none() && rental.settle_until > now {
                kept.insert(*id);
                stored.push(rental);
            }
        }
        *known = kept;
        stored
    }

    pub fn backoff(&self, attempt: u32) -> TimeDelta {
        let pause = self.entropy.backoff(attempt, BACKOFF.0, BACKOFF.1);
        TimeDelta::from_std(pause).unwrap_or_default()
    }

    /// Takes the rows of these banks as the database has them; what cannot be read now stays
    /// as it is, and the next fact about it is refused.
    pub async fn reread_banks(&self, sns: &[Sn]) {
        for sn in sns {
            match self.store.bank(sn).await {
                Ok(bank) => self.banks.learn(bank),
                Err(error) => tracing::debug!(bank = %sn, %error, "a bank was not read"),
            }
        }
    }

    /// Reads a station until the database answers; `None` when it is not in service.
    pub async fn read_station_again(&self, id: StationId) -> Option<Seed> {
        for attempt in 0.. {
            match self.store.station(id).await {
                Ok(row) => {
                    let seed = super::stations::seed_of(row);
                    self.keep_seed(&seed);
                    return Some(seed);
                }
                Err(crate::store::Error::NotFound) => return None,
                Err(error) => tracing::debug!(station.id = %id, %error, "a station was not read"),
            }
            let pause = self.backoff(attempt).to_std().unwrap_or_default();
            self.clock.sleep(pause).await;
        }
        None
    }

    /// Reads a rental until the database answers; `None` when it is not there.
    pub async fn read_rental_again(&self, id: RentalId) -> Option<Stored> {
        for attempt in 0.. {
            match self.store.rental(id).await {
                Ok(stored) => return Some(stored),
                Err(crate::store::Error::NotFound) => return None,
                Err(error) => tracing::debug!(rental.id = %id, %error, "a rental was not read"),
            }
            let pause = self.backoff(attempt).to_std().unwrap_or_default();
            self.clock.sleep(pause).await;
        }
        None
    }
}

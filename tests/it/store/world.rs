//! A network to write facts about: one station, a rider with money, facts of a rental's life.

use std::time::Duration;

use chargeghar::clock::Clock;
use chargeghar::entropy::Entropy;
use chargeghar::store::fact::{BankWrite, Fact, IntentWrite, NewIntent, RentalWrite};
use chargeghar::store::{Lease, Settings, Store};
use chrono::{DateTime, TimeDelta, Utc};
use domain::bank::{Condition, Custody};
use domain::ids::{IntentId, RentalId, RiderId, SlotKey, Sn, StationId};
use domain::ledger::{Gateway, Movement};
use domain::money::Money;
use domain::rental::{self, Event, Rental};

use crate::harness::database::Database;
use crate::harness::rental::dispensing;

pub struct World {
    pub database: Database,
    pub clock: Clock,
    pub store: Store,
    pub lease: Lease,
    pub station: StationId,
    /// Money comes by payments.
    payments: bool,
}

impl World {
    pub async fn new() -> World {
        let world = World::bare(Clock::manual(), false).await;
        world.add_station(world.station, "IMEI", "S1").await;
        world
    }

    /// At noon in Nepal, so that no day ends while a test runs.
    pub async fn at_noon() -> World {
        let noon = "2026-11-22T06:15:00Z".parse().unwrap();
        let world = World::bare(Clock::manual_at(noon), false).await;
        world.add_station(world.station, "IMEI", "S1").await;
        world
    }

    /// What riders are given is paid by way of a gateway.
    pub async fn with_payments() -> World {
        let world = World::bare(Clock::manual(), true).await;
        world.add_station(world.station, "IMEI", "S1").await;
        world
    }

    /// Without a station.
    pub async fn bare(clock: Clock, payments: bool) -> World {
        let database = Database::fresh().await;
        let store = database.open(&clock).await;
        let lease = store.acquire("test", Duration::ZERO).await.unwrap();
        let station = StationId(Entropy::system().uuid());
        if !payments {
            database.expect_findings("clearing");
        }
        World { database, clock, store, lease, station, payments }
    }

    async fn add_station(&self, id: StationId, uuid: &str, serial: &str) {
        self.database
            .run(&format!(
                "insert into stations (
                    id, device_uuid, serial, name, latitude, longitude, version, created_at,
                    updated_at
                ) values ('{id}', '{uuid}', '{serial}', 'Thamel', 27.7, 85.3, 1, now(), now());
                insert into slots (station_id, io, slot, version)
                select '{id}', 0, n, 1 from generate_series(1, 8) n"
            ))
            .await;
    }

    /// Another store in place of the first, with other settings.
    pub async fn reopen(&mut self, change: impl FnOnce(Settings) -> Settings) {
        self.store.close(Duration::from_secs(5)).await;
        let settings = change(self.database.settings());
        self.store = Store::open(settings, self.clock.clone(), Entropy::system()).await.unwrap();
        self.lease = self.store.acquire("test", Duration::ZERO).await.unwrap();
    }

    /// A rider with so many rupees.
    pub async fn rider(&self, rupees: i64) -> RiderId {
        let phone = Entropy::system().uuid().simple();
        self.database
            .run(&format!(
                "insert into riders (phone, created_at, updated_at)
                values ('{phone}', now(), now())"
            ))
            .await;
        let sql = format!("select id from riders where phone = '{phone}'");
        let id = self.database.number(&sql).await;
        let rider = RiderId(id);
        if rupees > 0 && self.payments {
            self.pay(rider, rupees).await;
        } else if rupees > 0 {
            self.store.commit(self.top_up(rider, rupees)).await.unwrap();
        }
        rider
    }

    /// A payment from its beginning to its end.
    async fn pay(&self, rider: RiderId, rupees: i64) {
        let (id, gateway) = (IntentId(Entropy::system().uuid()), Gateway::Sandbox);
        let amount = Money::rupees(rupees);
        let mut fact = self.fact();
        fact.intent = Some(IntentWrite::Create(NewIntent {
            id,
            rider,
            gateway,
            amount,
            gateway_ref: id.to_string(),
            redirect: serde_json::json!({}),
            expires_at: self.now(),
            next_check_at: None,
            errand: None,
        }));
        self.store.commit(fact).await.unwrap();
        let mut fact = self.fact();
        fact.movements = vec![Movement::TopUp { rider, intent: id, gateway, amount }];
        let gateway_txn_id = id.to_string();
        fact.intent = Some(IntentWrite::Settle { intent: id, gateway, gateway_txn_id });
        self.store.commit(fact).await.unwrap();
    }

    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    pub fn fact(&self) -> Fact {
        Fact::at(self.now())
    }

    pub fn top_up(&self, rider: RiderId, rupees: i64) -> Fact {
        let movement = Movement::TopUp {
            rider,
            intent: IntentId(Entropy::system().uuid()),
            gateway: Gateway::Sandbox,
            amount: Money::rupees(rupees),
        };
        Fact { movements: vec![movement], ..self.fact() }
    }

    /// A bank appears in a slot.
    pub fn adopt(&self, sn: &str, slot: u16) -> Fact {
        let key = SlotKey::new(0, slot);
        let write = BankWrite {
            sn: sn.into(),
            before: None,
            custody: Custody::Slot { station: self.station, key },
            condition: Condition::Good,
            consumed: vec![],
            cause: "adopted",
            rental: None,
        };
        Fact { banks: vec![write], ..self.fact() }
    }

    /// A rental that waits for its bank, with its price held.
    pub fn rental(&self, rider: RiderId, sn: &str, slot: u16) -> Rental {
        dispensing(rider, self.station, SlotKey::new(0, slot), sn, self.now())
    }

    /// The fact that starts it.
    pub fn start(&self, rental: &Rental) -> Fact {
        let event = Event::Started { rental: Box::new(rental.clone()) };
        Fact {
            movements: rental::movements(rental, &event),
            effects: rental::effects(rental, &event),
            rental: Some(RentalWrite {
                before: None,
                after: rental.clone(),
                events: vec![event],
                settle_until: rental.reopen_until(TimeDelta::minutes(25)),
            }),
            ..self.fact()
        }
    }

    /// What follows from one more event of a rental.
    pub fn next(&self, rental: &Rental, before: i32, event: Event) -> (Rental, Fact) {
        let after = rental::evolve(rental.clone(), &event);
        let fact = Fact {
            movements: rental::movements(rental, &event),
            effects: rental::effects(rental, &event),
            rental: Some(RentalWrite {
                before: Some(before),
                after: after.clone(),
                events: vec![event],
                settle_until: rental.reopen_until(TimeDelta::minutes(25)),
            }),
            ..self.fact()
        };
        (after, fact)
    }

    /// The bank is out.
    pub fn eject(&self, rental: &Rental, before: i32) -> (Rental, Fact) {
        let at = self.now();
        let vat = domain::ledger::vat_in(rental.held, 13.into());
        let due_at = rental.due_after(at);
        self.next(rental, before, Event::Ejected { at, due_at, vat })
    }

    pub async fn balance(&self, account: &str) -> String {
        let sql = format!("select balance from ledger_balances where account = '{account}'");
        self.database.text(&format!("select coalesce(({sql}), 0)")).await
    }
}

/// A bank's row in the hands of a rental.
pub fn with_rental(sn: &Sn, before: i32, rental: RentalId) -> BankWrite {
    BankWrite {
        sn: sn.clone(),
        before: Some(before),
        custody: Custody::Rental { rental },
        condition: Condition::Good,
        consumed: vec![],
        cause: "ejected",
        rental: Some(rental),
    }
}

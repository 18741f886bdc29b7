//! A node that starts knows what was committed.

use std::time::Duration;

use chargeghar::store::fact::RawFrame;
use chargeghar::store::telemetry::{SlotNews, StationNews, Stranger};
use chargeghar::store::{Error, fact};
use chrono::TimeDelta;
use domain::bank::Custody;
use domain::ids::{DeviceUuid, RentalId, SlotKey, Sn, StationId};
use domain::ledger::{Account, Gateway};
use domain::money::Money;
use domain::rental::{CancelReason, Event};
use domain::slot::{Reading, SlotState};
use uuid::Uuid;

use super::world::World;

#[tokio::test]
async fn everything_open_is_loaded_as_it_was_committed() {
    let world = World::new().await;
    let (first, second, third) =
        (world.rider(200).await, world.rider(200).await, world.rider(200).await);
    world.store.commit(world.adopt("1", 1)).await.unwrap();
    let waiting = world.rental(first, "1", 1);
    world.store.commit(world.start(&waiting)).await.unwrap();
    let cancelled = world.rental(second, "2", 2);
    world.store.commit(world.start(&cancelled)).await.unwrap();
    let at = world.now();
    let cancel = Event::Cancelled { at, reason: CancelReason::Unresolved, found: None };
    let (cancelled, fact) = world.next(&cancelled, 1, cancel);
    world.store.commit(fact).await.unwrap();
    let over = world.rental(third, "3", 3);
    world.store.commit(world.start(&over)).await.unwrap();
    let (_, mut fact) =
        world.next(&over, 1, Event::Cancelled { at, reason: CancelReason::ByRider, found: None });
    fact.rental.as_mut().unwrap().settle_until = at - TimeDelta::seconds(1);
    world.store.commit(fact).await.unwrap();

    let loaded = world.store.load_all().await.unwrap();

    let mut rentals: Vec<_> = loaded.rentals.iter().map(|s| (&s.rental, s.version)).collect();
    rentals.sort_by_key(|(_, version)| *version);
    assert_eq!(rentals, [(&waiting, 1), (&cancelled, 2)]);
    assert_eq!(
        loaded.rentals[0].settle_until,
        loaded.rentals[0].rental.publish_before + TimeDelta::minutes(25)
    );
    assert_eq!(loaded.banks.len(), 1);
    let key = SlotKey::new(0, 1);
    assert_eq!(loaded.banks[0].custody, Custody::Slot { station: world.station, key });
    assert_eq!(loaded.stations.len(), 1);
    assert_eq!(loaded.stations[0].slots.len(), 8);
    let names: Vec<_> = loaded.packages.iter().map(|package| package.name.as_str()).collect();
    assert_eq!(names, ["1 hour", "4 hour", "Daily"]);
    assert_eq!(loaded.late_fee, Some(domain::tariff::LateFee::standard()));
    assert_eq!(loaded.corrupt, []);
}

#[tokio::test]
async fn a_corrupt_row_is_reported_and_holds_up_no_other() {
    let world = World::new().await;
    let (first, second) = (world.rider(200).await, world.rider(200).await);
    let (good, bad) = (world.rental(first, "1", 1), world.rental(second, "2", 2));
    world.store.commit(world.start(&good)).await.unwrap();
    world.store.commit(world.start(&bad)).await.unwrap();
    let sql = format!("update rentals set state = '{{}}' where id = '{}'", bad.id);
    world.database.expect_findings("rental_replay");
    world.database.run(&sql).await;

    let loaded = world.store.load_all().await.unwrap();

    assert_eq!(loaded.rentals.len(), 1);
    assert_eq!(loaded.rentals[0].rental, good);
    assert_eq!((loaded.corrupt[0].table, &loaded.corrupt[0].id), ("rentals", &bad.id.to_string()));
    assert!(matches!(world.store.rental(bad.id).await, Err(Error::Corrupt(_))));
}

#[tokio::test]
async fn rows_are_read_one_by_one_for_whoever_is_in_doubt() {
    let world = World::new().await;
    let rider = world.rider(200).await;
    world.store.commit(world.adopt("1", 1)).await.unwrap();
    let rental = world.rental(rider, "1", 1);
    world.store.commit(world.start(&rental)).await.unwrap();

    let stored = world.store.rental(rental.id).await.unwrap();
    assert_eq!((stored.rental, stored.version), (rental, 1));
    assert_eq!(world.store.bank(&Sn::from("1")).await.unwrap().version, 1);
    let station = world.store.station(world.station).await.unwrap();
    assert_eq!(world.store.find_station("S1").await.unwrap(), station);
    assert_eq!(world.store.find_station("IMEI").await.unwrap(), station);
    assert_eq!(world.store.stations().await.unwrap(), [station]);

    let nobody = RentalId(Uuid::nil());
    assert_eq!(world.store.rental(nobody).await, Err(Error::NotFound));
    assert_eq!(world.store.bank(&Sn::from("9")).await, Err(Error::NotFound));
    assert_eq!(world.store.station(StationId(Uuid::nil())).await, Err(Error::NotFound));
    assert_eq!(world.store.find_station("S2").await, Err(Error::NotFound));
}

#[tokio::test]
async fn money_is_read_as_the_facts_left_it() {
    let world = World::new().await;
    let rider = world.rider(200).await;
    let rental = world.rental(rider, "1", 1);
    world.store.commit(world.start(&rental)).await.unwrap();
    let (_, ejected) = world.eject(&rental, 1);

    let held = world.store.purse(rider).await.unwrap();
    world.store.commit(ejected).await.unwrap();

    assert_eq!((held.wallet, held.held), (Money::rupees(150), Money::rupees(50)));
    assert_eq!(world.store.wallet(rider).await, Ok(Money::rupees(150)));
    assert_eq!(world.store.purse(rider).await.map(|purse| purse.owed), Ok(Money::ZERO));
    let balance = async |account| world.store.balance(&account).await.unwrap();
    assert_eq!(balance(Account::Wallet(rider)).await, Money::rupees(150).into());
    assert_eq!(balance(Account::Clearing(Gateway::Sandbox)).await, Money::rupees(200).into());
    assert_eq!(balance(Account::Revenue).await, Money::parse("44.25").unwrap().into());
    assert_eq!(balance(Account::VatPayable).await, Money::parse("5.75").unwrap().into());
    assert_eq!(balance(Account::LateFees).await, Money::ZERO.into());
}

#[tokio::test]
async fn older_telemetry_never_replaces_newer() {
    let world = World::new().await;
    let at = world.now();
    let key = SlotKey::new(0, 1);
    let reading = |level| Reading {
        state: SlotState::Normal,
        sn: Some("1".into()),
        level: Some(level),
        temperature: None,
        switch_open: false,
        at,
    };
    let slot = |seq, level| SlotNews { station: world.station, key, seq, reading: reading(level) };
    let station = |seq, heard_at, whole_at| StationNews {
        station: world.station,
        seq,
        heard_at,
        reported_at: None,
        whole_at,
        signal: None,
        backup: None,
    };
    let later = at + TimeDelta::seconds(5);
    let flush = async |stations, slots| world.store.flush(stations, slots, vec![]).await.unwrap();

    flush(vec![station(2, Some(at), Some(at))], vec![slot(1, 10), slot(2, 20)]).await;
    flush(vec![station(1, Some(later), None)], vec![slot(1, 90)]).await;
    flush(vec![station(3, Some(later), None)], vec![]).await;

    let row = world.store.station(world.station).await.unwrap();
    assert_eq!((row.heard_at, row.whole_at), (Some(later), Some(at)));
    assert_eq!(row.slots[0].reading, Some(reading(20)));
    assert_eq!(row.slots[1].reading, None);
}

#[tokio::test]
async fn frames_and_callers_that_are_not_enrolled_are_kept() {
    let world = World::new().await;
    let at = world.now();
    let frame = RawFrame {
        at,
        device: "IMEI".into(),
        channel: fact::Channel::Http,
        kind: "heartbeat",
        bytes: vec![0xA8, 0, 1],
    };
    world.store.flush(vec![], vec![], vec![frame.clone(), frame]).await.unwrap();
    let pending = async |uuid: &str, address: Option<&str>| {
        let address = address.map(str::to_owned);
        let call = Stranger { address, hardware: None, at, calls: 1 };
        let calls = [(DeviceUuid::from(uuid), call)].into();
        world.store.note_strangers(calls, 10).await.unwrap();
    };

    pending("864601069900001", Some("10.0.0.1")).await;
    pending("864601069900001", None).await;
    pending("IMEI", None).await;

    assert_eq!(world.database.number("select count(*) from raw_frames").await, 2);
    let sql = "select device_uuid || ' ' || attempts || ' ' || address from pending_cabinets";
    assert_eq!(world.database.text(sql).await, "864601069900001 2 10.0.0.1");
    world.store.close(Duration::from_secs(1)).await;
}

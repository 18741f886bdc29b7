//! What people do to stations and incidents, and what is kept of it.

use chargeghar::entropy::Entropy;
use chargeghar::store::Error;
use chargeghar::store::fact::{AuditEntry, Conflict, NewIncident, RawFrame, SlotChange, SlotWrite};
use chargeghar::store::incidents::Which;
use chargeghar::store::stations::{NewStation, Particulars};
use chargeghar::store::telemetry::Stranger;
use chargeghar::store::{fact, load::StationRow};
use chrono::{Days, TimeDelta};
use domain::ids::{IncidentId, SlotKey};
use serde_json::json;
use std::time::Duration;
use uuid::Uuid;

use super::world::{World, with_rental};

#[tokio::test]
async fn a_cabinet_is_enrolled_once_and_is_pending_no_more() {
    let world = World::new().await;
    let call = Stranger { address: None, hardware: None, at: world.now(), calls: 1 };
    let calls = [("864601069900001".into(), call)].into();
    world.store.note_strangers(calls, 10).await.unwrap();
    assert_eq!(world.store.pending(10).await.unwrap()[0].attempts, 1);

    let row = enrol(&world, "864601069900001", "S9").await.unwrap();

    assert_eq!((row.version, row.slots.len()), (1, 6));
    assert_eq!((row.info.about.name.as_str(), row.info.credential_generation), ("Patan", 1));
    assert_eq!(world.store.pending(10).await, Ok(vec![]));
    let same_uuid = enrol(&world, "864601069900001", "S10").await;
    let same_serial = enrol(&world, "864601069900002", "S9").await;
    assert_eq!(same_uuid, Err(Error::Conflict(Conflict::DeviceUsed)));
    assert_eq!(same_serial, Err(Error::Conflict(Conflict::SerialUsed)));
    let audit = world.store.audit(None, 10).await.unwrap();
    assert_eq!((audit.len(), audit[0].action.as_str()), (1, "station.enrol"));
}

#[tokio::test]
async fn who_read_an_old_row_of_a_station_changes_nothing() {
    let world = World::new().await;
    let row = enrol(&world, "864601069900001", "S9").await.unwrap();
    let about = Particulars { lenient: true, ..Particulars::new("Lalitpur", 27.6, 85.3) };

    let named = world
        .store
        .describe_station(row.info.id, 1, about.clone(), audit("station.describe"))
        .await;
    let late = world.store.describe_station(row.info.id, 1, about, audit("station.describe")).await;
    let rotated = world.store.rotate_credentials(row.info.id, 2, audit("station.rotate")).await;

    let named = named.unwrap();
    assert_eq!(
        (named.version, named.info.about.name.as_str(), named.info.about.lenient),
        (2, "Lalitpur", true)
    );
    assert_eq!(late, Err(Error::Stale));
    assert_eq!(rotated.unwrap().info.credential_generation, 2);
    assert_eq!(world.store.audit(None, 10).await.unwrap().len(), 3);
}

#[tokio::test]
async fn a_station_is_removed_only_when_nothing_is_in_it() {
    let world = World::new().await;
    let row = enrol(&world, "864601069900001", "S9").await.unwrap();
    world.store.commit(world.adopt("1", 1)).await.unwrap();
    let remove = async |id, version| {
        world.store.remove_station(id, version, false, audit("station.remove")).await
    };

    assert_eq!(remove(world.station, 1).await, Err(Error::Conflict(Conflict::StationInUse)));
    assert_eq!(remove(row.info.id, 7).await, Err(Error::Stale));
    assert_eq!(remove(row.info.id, 1).await, Ok(vec![]));
    assert_eq!(remove(row.info.id, 2).await, Err(Error::NotFound));

    assert_eq!(world.store.station(row.info.id).await, Err(Error::NotFound));
    assert_eq!(world.store.stations().await.unwrap().len(), 1);
    assert!(enrol(&world, "864601069900001", "S9").await.is_ok());
}

#[tokio::test]
async fn a_station_that_is_removed_by_force_loses_its_banks_and_the_books_say_so() {
    let world = World::new().await;
    world.store.commit(world.adopt("1", 1)).await.unwrap();
    world.store.commit(world.adopt("2", 2)).await.unwrap();
    let rider = world.rider(200).await;
    let rental = world.rental(rider, "1", 1);
    world.store.commit(world.start(&rental)).await.unwrap();
    let remove = || world.store.remove_station(world.station, 1, true, audit("station.remove"));

    assert_eq!(remove().await, Err(Error::Conflict(Conflict::StationEjecting)));
    let (_, mut ejected) = world.eject(&rental, 1);
    ejected.banks = vec![with_rental(&rental.bank, 1, rental.id)];
    world.store.commit(ejected).await.unwrap();
    let unforced =
        world.store.remove_station(world.station, 1, false, audit("station.remove")).await;
    assert_eq!(unforced, Err(Error::Conflict(Conflict::StationInUse)));
    assert_eq!(remove().await, Ok(vec!["2".into()]));

    let custody = "select string_agg(custody, ' ' order by sn) from banks";
    assert_eq!(world.database.text(custody).await, "rental missing");
    let told = "select count(*) from banks b join bank_events e
        on e.sn = b.sn and e.version = b.version and e.custody->>'with' = b.custody";
    assert_eq!(world.database.number(told).await, 2);
    world.database.audit().await;
}

#[tokio::test]
async fn slots_come_go_and_rest_with_their_versions() {
    let world = World::new().await;
    let write =
        |slot, change| SlotWrite { station: world.station, key: SlotKey::new(0, slot), change };
    let mut first = world.fact();
    first.slots = vec![
        write(9, SlotChange::Add),
        write(8, SlotChange::Remove { version: 1 }),
        write(7, SlotChange::Maintenance { version: 1, on: true }),
    ];
    let mut again = first.clone();
    again.slots.truncate(1);

    let done = world.store.commit(first).await.unwrap();
    let refused = world.store.commit(again).await;

    assert_eq!(done.slots, [(SlotKey::new(0, 9), 1), (SlotKey::new(0, 7), 2)]);
    assert_eq!(refused, Err(fact::CommitError::Stale(fact::Row::Slot)));
    let row = world.store.station(world.station).await.unwrap();
    let slots: Vec<_> = row.slots.iter().map(|s| (s.key.slot, s.maintenance, s.version)).collect();
    assert_eq!(slots[6..], [(7, true, 2), (9, false, 1)]);
}

#[tokio::test]
async fn an_incident_is_resolved_once_and_by_name() {
    let world = World::new().await;
    let id = IncidentId(Entropy::system().uuid());
    let mut fact = world.fact();
    fact.incidents = vec![NewIncident {
        id,
        subject: None,
        kind: "eject_unresolved",
        station: Some(world.station),
        rental: None,
        bank: Some("1".into()),
        evidence: json!({ "reports": 2 }),
    }];
    world.store.commit(fact).await.unwrap();

    let open = world.store.incidents(Which::Open, 10).await.unwrap();
    let resolved = world.store.resolve_incident(id, "operator:anna", "found it").await.unwrap();
    let again = world.store.resolve_incident(id, "operator:ben", "me too").await;

    assert_eq!((open[0].id, open[0].resolved.clone()), (id, None));
    assert_eq!(resolved.resolved.as_ref().unwrap().by, "operator:anna");
    assert_eq!(world.store.incident(id).await, Ok(resolved));
    assert_eq!(again, Err(Error::Stale));
    assert_eq!(world.store.incidents(Which::Open, 10).await, Ok(vec![]));
    assert_eq!(world.store.incidents(Which::All, 10).await.unwrap().len(), 1);
    let nobody = IncidentId(Uuid::nil());
    assert_eq!(world.store.incident(nobody).await, Err(Error::NotFound));
    assert_eq!(world.store.resolve_incident(nobody, "a", "b").await, Err(Error::NotFound));
    let log = world.store.audit(None, 10).await.unwrap();
    assert_eq!((log.len(), log[0].target.as_str()), (1, format!("incident:{id}").as_str()));
}

#[tokio::test]
async fn what_is_no_fact_is_audited_too() {
    let world = World::new().await;
    world.store.record(audit("station.eject")).await.unwrap();
    world.clock.advance(Duration::from_secs(1));
    let between = world.now();
    world.clock.advance(Duration::from_secs(1));
    world.store.record(audit("station.check")).await.unwrap();

    let actions = async |before| {
        let rows = world.store.audit(before, 10).await.unwrap();
        rows.into_iter().map(|row| row.action).collect::<Vec<_>>()
    };

    assert_eq!(actions(None).await, ["station.check", "station.eject"]);
    assert_eq!(actions(Some(between)).await, ["station.eject"]);
}

#[tokio::test]
async fn days_of_frames_are_made_ahead_and_dropped_when_old() {
    let world = World::new().await;
    let today = world.now().date_naive();
    let frame = |days: i64| RawFrame {
        at: world.now() - TimeDelta::days(days),
        device: "IMEI".into(),
        channel: fact::Channel::Mqtt,
        kind: "heartbeat",
        bytes: vec![1],
    };
    let count =
        async |table: &str| world.database.number(&format!("select count(*) from {table}")).await;
    world.store.flush(vec![], vec![], vec![frame(0), frame(200)]).await.unwrap();
    assert_eq!(count("raw_frames_rest").await, 2);

    let first = world.store.keep_frame_days(2, 90).await.unwrap();
    world.clock.advance(Duration::from_hours(24 * 92));
    let second = world.store.keep_frame_days(2, 90).await.unwrap();

    assert_eq!(first.made, [today, today + Days::new(1), today + Days::new(2)]);
    assert_eq!(first.dropped, []);
    assert_eq!((second.made.len(), &second.dropped[..]), (3, &[today, today + Days::new(1)][..]));
    assert_eq!((count("raw_frames_rest").await, count("raw_frames").await), (0, 0));
    world.store.flush(vec![], vec![], vec![frame(0)]).await.unwrap();
    assert_eq!((count("raw_frames_rest").await, count("raw_frames").await), (0, 1));
    assert_eq!(world.store.keep_frame_days(2, 90).await.unwrap().made, []);
}

async fn enrol(world: &World, uuid: &str, serial: &str) -> Result<StationRow, Error> {
    let new = NewStation {
        uuid: uuid.into(),
        serial: serial.into(),
        slots: 6,
        about: Particulars::new("Patan", 27.67, 85.32),
    };
    world.store.enrol(new, audit("station.enrol")).await
}

fn audit(action: &'static str) -> AuditEntry {
    AuditEntry {
        actor: "operator:anna".into(),
        action,
        target: "station".into(),
        details: json!({}),
    }
}

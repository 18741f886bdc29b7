//! A fact is written whole or not at all, and each of a batch gets its own answer.

use chargeghar::store::Settings;
use chargeghar::store::fact::{
    AuditEntry, Channel, CommitError, Committed, Conflict, RawFrame, Row, StationWrite,
};
use domain::bank::Custody;
use domain::ids::{SlotKey, StationId};
use domain::rental::{self, Event, Rental};
use uuid::Uuid;

use super::world::{World, with_rental};

#[tokio::test]
async fn a_rental_is_written_with_its_events_money_and_effects() {
    let world = World::new().await;
    let rider = world.rider(200).await;
    world.store.commit(world.adopt("40818048", 1)).await.unwrap();
    let rental = world.rental(rider, "40818048", 1);

    let started = world.store.commit(world.start(&rental)).await.unwrap();
    let (active, mut ejected) = world.eject(&rental, 1);
    ejected.banks = vec![with_rental(&rental.bank, 1, rental.id)];
    let out = world.store.commit(ejected).await.unwrap();

    assert_eq!(started, Committed { rental: Some(1), ..Committed::default() });
    assert_eq!((out.rental, out.banks), (Some(2), vec![(rental.bank.clone(), 2)]));
    assert_eq!(world.balance(&format!("wallet:{rider}")).await, "150.00");
    assert_eq!(world.balance(&format!("hold:{rider}")).await, "0.00");
    let status = format!("select status from rentals where id = '{}'", rental.id);
    assert_eq!(world.database.text(&status).await, active.status().as_str());
    assert_eq!(world.database.number("select count(*) from rental_events").await, 2);
    assert_eq!(world.database.number("select count(*) from bank_events").await, 2);
    assert_eq!(world.database.text("select sum(amount) from ledger_entries").await, "0.00");
}

#[tokio::test]
async fn a_second_open_rental_of_a_rider_is_a_conflict_and_leaves_nothing() {
    let world = World::new().await;
    let rider = world.rider(200).await;
    world.store.commit(world.start(&world.rental(rider, "1", 1))).await.unwrap();

    let second: Rental = world.rental(rider, "2", 2);
    let refused = world.store.commit(world.start(&second)).await;

    assert_eq!(refused, Err(CommitError::Conflict(Conflict::RiderHasRental)));
    assert_eq!(world.balance(&format!("hold:{rider}")).await, "50.00");
    assert_eq!(world.database.number("select count(*) from rental_events").await, 1);
    let again = world.store.commit(world.start(&world.rental(rider, "1", 1))).await;
    assert!(matches!(again, Err(CommitError::Conflict(_))), "{again:?}");
    let (_, stale) = world.eject(&second, 1);
    assert_eq!(world.store.commit(stale).await, Err(CommitError::Stale(Row::Rental)));
}

#[tokio::test]
async fn each_unique_place_gives_its_own_conflict() {
    let world = World::new().await;
    let riders = [world.rider(200).await, world.rider(200).await];
    let first = world.rental(riders[0], "1", 1);
    world.store.commit(world.start(&first)).await.unwrap();
    let conflict =
        async |rental: &Rental| world.store.commit(world.start(rental)).await.unwrap_err();

    let same_slot = world.rental(riders[1], "2", 1);
    let same_code = Rental { code: first.code.clone(), ..world.rental(riders[1], "2", 2) };
    let same_command = Rental { command: first.command, ..world.rental(riders[1], "2", 2) };

    assert_eq!(conflict(&same_slot).await, CommitError::Conflict(Conflict::SlotDispensing));
    assert_eq!(conflict(&same_code).await, CommitError::Conflict(Conflict::Duplicate));
    assert_eq!(conflict(&same_command).await, CommitError::Conflict(Conflict::Duplicate));
    assert_eq!(conflict(&first).await, CommitError::Stale(Row::Rental));
    let (_, out) = world.eject(&first, 1);
    world.store.commit(out).await.unwrap();
    assert!(world.store.commit(world.start(&same_slot)).await.is_ok());
}

#[tokio::test]
async fn the_events_of_a_rental_replay_to_its_stored_state() {
    let world = World::new().await;
    let rider = world.rider(200).await;
    let rental = world.rental(rider, "1", 1);
    world.store.commit(world.start(&rental)).await.unwrap();
    let (rental, fact) = world.eject(&rental, 1);
    world.store.commit(fact).await.unwrap();
    let (_, fact) = world.next(&rental, 2, Event::FellOverdue { at: world.now() });
    world.store.commit(fact).await.unwrap();

    let stored = world.store.rental(rental.id).await.unwrap();
    let events = world.database.text("select json_agg(event order by version) from rental_events");
    let events: Vec<Event> = serde_json::from_str(&events.await).unwrap();

    assert_eq!(stored.version, 3);
    assert_eq!(rental::replay(&events), Some(stored.rental));
}

#[tokio::test]
async fn the_frame_that_caused_a_fact_is_stored_with_it_and_what_an_operator_did_is_audited() {
    let world = World::new().await;
    let rider = world.rider(200).await;
    let rental = world.rental(rider, "1", 1);
    world.store.commit(world.start(&rental)).await.unwrap();
    let (_, mut fact) = world.eject(&rental, 1);
    fact.frame = Some(RawFrame {
        at: world.now(),
        device: "IMEI".into(),
        channel: Channel::Mqtt,
        kind: "ejected",
        bytes: vec![0xA8, 1],
    });
    fact.audit = Some(AuditEntry {
        actor: "operator:anna".into(),
        action: "rental.settle",
        target: format!("rental:{}", rental.id),
        details: serde_json::json!({ "reason": "seen" }),
    });
    fact.station = Some(StationWrite {
        station: world.station,
        before: 1,
        layout_confirmed: true,
        is_maintenance: false,
    });
    let mut late = world.fact();
    late.station.clone_from(&fact.station);

    let done = world.store.commit(fact).await.unwrap();
    let stale = world.store.commit(late).await;

    assert_eq!(done.station, Some(2));
    assert_eq!(stale, Err(CommitError::Stale(Row::Station)));
    let frame = "select kind || ' ' || rental_id from raw_frames";
    assert_eq!(world.database.text(frame).await, format!("ejected {}", rental.id));
    assert_eq!(world.store.audit(None, 5).await.unwrap()[0].action, "rental.settle");
    assert!(world.store.station(world.station).await.unwrap().layout_confirmed);
}

#[tokio::test]
async fn a_fact_with_one_impossible_part_leaves_nothing() {
    let world = World::new().await;
    let rider = world.rider(200).await;
    let rental = world.rental(rider, "1", 1);
    let mut fact = world.start(&rental);
    fact.banks = world.adopt("1", 1).banks;
    let nowhere = Custody::Slot { station: StationId(Uuid::nil()), key: SlotKey::new(0, 1) };
    fact.banks[0].custody = nowhere;

    let refused = world.store.commit(fact).await;

    assert!(matches!(refused, Err(CommitError::Corrupt(_))), "{refused:?}");
    for table in ["rentals", "rental_events", "banks", "bank_events", "outbox"] {
        assert_eq!(world.database.number(&format!("select count(*) from {table}")).await, 0);
    }
    assert_eq!(world.balance(&format!("wallet:{rider}")).await, "200.00");
}

#[tokio::test]
async fn nothing_outlives_a_transaction_behind_a_pooler() {
    let mut world = World::new().await;
    world.reopen(|settings| Settings { statement_cache: 0, ..settings }).await;
    let rider = world.rider(200).await;
    let rental = world.rental(rider, "1", 1);

    world.store.commit(world.start(&rental)).await.unwrap();
    let (active, fact) = world.eject(&rental, 1);
    world.store.commit(fact).await.unwrap();

    assert_eq!(world.store.rental(rental.id).await.unwrap().rental, active);
    assert_eq!(world.store.load_all().await.unwrap().rentals.len(), 1);
    assert_eq!(world.store.ping().await, Ok(()));
    let claimed = world.store.claim(10, world.now()).await.unwrap();
    assert_eq!(claimed.len(), 1);
}

//! A fact is written whole or not at all, and each of a batch gets its own answer.

use chargeghar::store::fact::{CommitError, Committed, Conflict, Row};
use domain::rental::Rental;

use super::world::World;

#[tokio::test]
async fn a_rental_is_written_with_its_events_money_and_effects() {
    let world = World::new().await;
    let rider = world.rider(200).await;
    world.store.commit(world.adopt("40818048", 1)).await.unwrap();
    let rental = world.rental(rider, "40818048", 1);

    let started = world.store.commit(world.start(&rental)).await.unwrap();
    let (active, mut ejected) = world.eject(&rental, 1);
    ejected.banks = vec![world.with_rental(&rental.bank, 1, rental.id)];
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

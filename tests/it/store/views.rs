//! What people are shown is what is stored.

use chargeghar::entropy::Entropy;
use chargeghar::store::Error;
use chargeghar::store::fact::NewIncident;
use chargeghar::store::incidents::Which;
use chargeghar::store::verify::Kind;
use domain::ids::IncidentId;
use serde_json::json;

use super::world::World;

#[tokio::test]
async fn a_rental_is_told_with_its_events_its_money_and_its_incidents() {
    let world = World::new().await;
    let rider = world.rider(200).await;
    world.store.commit(world.adopt("40818048", 1)).await.unwrap();
    let rental = world.rental(rider, "40818048", 1);
    let mut start = world.start(&rental);
    start.incidents.push(incident("eject_unresolved", &world, &rental));
    world.store.commit(start).await.unwrap();
    let (_, ejected) = world.eject(&rental, 1);
    world.store.commit(ejected).await.unwrap();

    let by_id = world.store.story(&rental.id.to_string()).await.unwrap();
    let by_code = world.store.story(&rental.code.to_lowercase()).await.unwrap();

    assert_eq!(by_id, by_code);
    assert_eq!((by_id.status.as_str(), by_id.station.as_str()), ("ACTIVE", "S1"));
    let kinds: Vec<&str> = by_id.transfers.iter().map(|t| t.kind.as_str()).collect();
    assert_eq!(kinds, ["hold", "capture"]);
    let names: Vec<&str> = by_id.events.iter().map(|e| e.event["type"].as_str().unwrap()).collect();
    assert_eq!(names, ["started", "ejected"]);
    assert_eq!(by_id.incidents[0].rental_code.as_ref(), Some(&rental.code));
    assert_eq!(world.store.story("NOSUCH00").await, Err(Error::NotFound));
}

#[tokio::test]
async fn an_incident_is_shown_by_the_names_that_people_use() {
    let world = World::new().await;
    let rider = world.rider(200).await;
    let rental = world.rental(rider, "1", 1);
    let mut start = world.start(&rental);
    start.incidents.push(incident("eject_unresolved", &world, &rental));
    world.store.commit(start).await.unwrap();

    let open = world.store.incident_rows(Which::Open, 10).await.unwrap();
    world.store.resolve_incident(open[0].id, "operator:anna", "it lay below").await.unwrap();

    let serial = open[0].station.as_ref().map(domain::ids::Serial::as_str);
    assert_eq!((serial, open[0].rental_code.as_ref()), (Some("S1"), Some(&rental.code)));
    assert_eq!(world.store.incident_rows(Which::Open, 10).await, Ok(vec![]));
    let resolved = world.store.incident_row(open[0].id).await.unwrap();
    assert_eq!(resolved.resolved_by.as_deref(), Some("operator:anna"));
}

#[tokio::test]
async fn a_sound_ledger_adds_up_and_a_crooked_balance_is_seen() {
    let world = World::with_payments().await;
    let rider = world.rider(200).await;
    let rental = world.rental(rider, "1", 1);
    world.store.commit(world.start(&rental)).await.unwrap();

    let books = world.store.books().await.unwrap();
    let named = |name: &str| books.accounts.iter().find(|sum| sum.name == name).unwrap().amount;
    assert!(books.is_sound(), "{books:?}");
    assert_eq!(named("wallet").to_string(), "150.00");
    assert_eq!(named("hold").to_string(), "50.00");
    assert_eq!(named("clearing:sandbox").to_string(), "-200.00");

    world.database.run("update ledger_balances set balance = 1 where account like 'hold:%'").await;
    let books = world.store.books().await.unwrap();
    assert_eq!(books.report.counts[&Kind::Astray], 1);
    assert_eq!(books.report.imbalance.to_string(), "98.00");
    world.database.is_crooked();
}

#[tokio::test]
async fn banks_are_listed_with_where_they_are() {
    let world = World::new().await;
    world.store.commit(world.adopt("2", 2)).await.unwrap();
    world.store.commit(world.adopt("1", 1)).await.unwrap();

    let banks = world.store.bank_rows(None, None, 10).await.unwrap();
    let missing = world.store.bank_rows(Some("missing"), None, 10).await.unwrap();
    let one = world.store.bank_rows(None, Some(&"2".into()), 10).await.unwrap();

    let sns: Vec<&str> = banks.iter().map(|bank| bank.sn.as_str()).collect();
    assert_eq!((sns, missing.len()), (vec!["1", "2"], 0));
    assert_eq!((one.len(), one[0].slot), (1, Some(2)));
}

fn incident(kind: &'static str, world: &World, rental: &domain::rental::Rental) -> NewIncident {
    NewIncident {
        id: IncidentId(Entropy::system().uuid()),
        kind,
        subject: None,
        station: Some(world.station),
        rental: Some(rental.id),
        bank: Some(rental.bank.clone()),
        evidence: json!({ "slot": 1 }),
    }
}

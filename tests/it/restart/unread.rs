//! Rows that a version cannot read are not forgotten silently.

use chargeghar::actors::rentals::StartError;
use domain::ids::RentalId;
use domain::rental::Status;

use crate::harness::database::Database;
use crate::harness::node::TestNode;
use crate::harness::process::Place;
use crate::store::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn an_open_rental_that_cannot_be_read_is_an_incident_and_holds_up_no_other() {
    let world = World::new().await;
    let rentals = rentals(&world, 2).await;
    spoil(&world.database, &rentals[..1]).await;
    let place = Place::on(&world.database);
    world.store.close(std::time::Duration::from_secs(5)).await;

    for _ in 0..2 {
        let mut process = place.ready(&[]).await;
        let listed = place.run(&["incident", "list", "--json"]).await.stdout;
        process.terminate();
        assert_eq!(process.ended().await.code(), Some(0), "{}", process.said());
        assert!(process.said().contains("a row cannot be read"), "{}", process.said());
        assert!(listed.contains("unread_row") && listed.contains(&rentals[0].to_string()));
    }
    let opened = "select count(*) from incidents where kind = 'unread_row'";
    assert_eq!(world.database.number(opened).await, 1, "once, not at each start");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_cannot_read_the_open_rentals_does_not_start() {
    let world = World::new().await;
    let rentals = rentals(&world, 7).await;
    spoil(&world.database, &rentals[..6]).await;
    world.store.close(std::time::Duration::from_secs(5)).await;

    let mut process = Place::on(&world.database).start(&[]);

    assert_eq!(process.ended().await.code(), Some(1), "{}", process.said());
    let said = process.said();
    assert!(said.contains("this version cannot read 6 of 7 open rentals"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_bank_of_a_rental_that_cannot_be_read_closes_no_cabinet() {
    let node = TestNode::start().await;
    let cabinet = node.cabinet("860000000000017", "CG-1", &["40818048", "40818049"]).await;
    let (one, two) = (node.rider(100).await, node.rider(100).await);
    let unread = node.rent(one, "CG-1").await.unwrap();
    let bank = cabinet.take(&unread.bank).unwrap();
    node.database.expect_findings("custody"); // nobody could end the rental
    node.database.expect_findings("rental_replay");
    let mut row = node.database.connect().await;
    let spoil = format!("update rentals set state = '{{}}' where id = '{}'", unread.id);
    let node = node.again_after(async |_| {
        sqlx::raw_sql(sqlx::AssertSqlSafe(spoil)).execute(&mut row).await.unwrap();
        cabinet.insert(bank, None).unwrap();
    });
    let node = node.await;
    node.until_banks("CG-1", 2).await;

    assert_eq!(node.rent(two, "CG-1").await, Err(StartError::NoBank), "the books refuse it");
    let rental = node.rent(two, "CG-1").await.unwrap();

    assert_eq!(rental.status(), Status::Active);
    assert_ne!(rental.bank, unread.bank);
}

/// Open ones.
async fn rentals(world: &World, count: u16) -> Vec<RentalId> {
    let mut ids = Vec::new();
    for number in 1..=count {
        let rider = world.rider(200).await;
        let rental = world.rental(rider, &number.to_string(), number);
        world.store.commit(world.start(&rental)).await.unwrap();
        ids.push(rental.id);
    }
    ids
}

/// As another version might have written them.
async fn spoil(database: &Database, rentals: &[RentalId]) {
    database.expect_findings("rental_replay");
    for id in rentals {
        database.run(&format!("update rentals set state = '{{}}' where id = '{id}'")).await;
    }
}

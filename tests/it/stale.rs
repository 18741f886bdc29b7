//! A row that is not as its actor believes: a commit that nobody answered for landed late. The
//! row counts, and the actor goes on from it.

use std::time::Duration;

use chargeghar::actors::station::Msg;
use chargeghar::actors::witness::{Subject, Versions, Witness};
use domain::bank::{Bank, Custody};
use domain::presence::Session;
use domain::rental::Status;

use crate::harness::node::TestNode;

const CABINET: &str = "860000000000017";
const BANK: &str = "40818048";

#[tokio::test(flavor = "multi_thread")]
async fn a_rental_whose_row_moved_on_is_closed_by_its_return() {
    let node = TestNode::start().await;
    let cabinet = node.cabinet(CABINET, "CG-1", &[BANK]).await;
    let rider = node.rider(100).await;
    let rental = node.rent(rider, "CG-1").await.unwrap();
    let bank = cabinet.take(&rental.bank).unwrap();
    node.clock.advance(Duration::from_mins(10));
    node.database.expect_findings("rental_replay"); // the row alone moved on
    node.database.run("update rentals set version = version + 1").await;

    cabinet.insert(bank, None).unwrap();

    node.until_status(rental.id, Status::Completed).await;
    node.until_banks("CG-1", 1).await;
    assert_eq!(node.node.rentals.open_of(rider), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rental_whose_row_moved_on_falls_due() {
    let node = TestNode::start().await;
    let cabinet = node.cabinet(CABINET, "CG-1", &[BANK]).await;
    let rider = node.rider(100).await;
    let rental = node.rent(rider, "CG-1").await.unwrap();
    cabinet.take(&rental.bank).unwrap();
    node.clock.advance(Duration::from_mins(1));
    node.database.expect_findings("rental_replay"); // the row alone moved on
    node.database.run("update rentals set version = version + 1").await;
    node.clock.advance(Duration::from_hours(2));

    node.until_status(rental.id, Status::Overdue).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn maintenance_that_was_not_written_does_not_stay() {
    let node = TestNode::start().await;
    node.cabinet_kept(CABINET, "CG-1", &[BANK]).await;
    let id = node.view("CG-1").info.id;
    node.database.run("update stations set version = version + 1").await;

    assert_eq!(node.node.stations.maintain(id, true, "test".into()).await, Some(false));
    node.until("it is open again", || (!node.view("CG-1").maintenance).then_some(())).await;

    node.until_async("it can be closed", async || {
        (node.node.stations.maintain(id, true, "test".into()).await?).then_some(())
    })
    .await;
    assert!(node.view("CG-1").maintenance);
}

#[tokio::test(flavor = "multi_thread")]
async fn maintenance_of_a_slot_that_was_not_written_does_not_stay() {
    let node = TestNode::start().await;
    node.cabinet_kept(CABINET, "CG-1", &[BANK]).await;
    let (id, stations) = (node.view("CG-1").info.id, &node.node.stations);
    let key = node.view("CG-1").slots.iter().find(|slot| slot.rentable).unwrap().key;
    node.database.run("update slots set version = version + 1").await;

    assert_eq!(stations.maintain_slot(id, key, true, "test".into()).await, Some(false));
    node.until("it is offered again", || (node.view("CG-1").banks == 1).then_some(())).await;

    node.until_async("it can be closed", async || {
        (stations.maintain_slot(id, key, true, "test".into()).await?).then_some(())
    })
    .await;
    node.until("it is offered to nobody", || (node.view("CG-1").banks == 0).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slot_that_was_not_told_of_its_bank_learns_it_with_the_next_report() {
    let node = TestNode::start().await;
    node.cabinet_kept(CABINET, "CG-1", &[BANK]).await;
    let id = node.view("CG-1").info.id;
    let context = &node.node.context;
    let here = context.banks.get(&BANK.into()).unwrap();
    let (_, key) = here.custody.slot().unwrap();
    let gone = Bank { custody: Custody::Missing, version: here.version + 1, ..here.clone() };
    context.banks.learn(gone);
    assert!(context.stations.tell(id, Msg::Moved(key)));
    node.until_banks("CG-1", 0).await;

    // it is back, and the word for it was lost
    node.database.expect_findings("custody");
    node.database.run("update banks set version = version + 2").await;
    context.banks.learn(Bank { version: here.version + 2, ..here });
    assert_eq!(node.node.stations.check(id).await, Some(true));

    node.until_banks("CG-1", 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cabinet_whose_going_was_not_heard_by_its_actor_can_not_be_reached() {
    let node = TestNode::start().await;
    node.cabinet_kept(CABINET, "CG-1", &[BANK]).await;
    let id = node.view("CG-1").info.id;
    let down = Session::Down { since: node.clock.now() };

    node.node.context.note_session(CABINET.into(), down);

    assert!(!node.node.stations.describe(id).await.unwrap().reachable);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_believes_other_than_its_rows_says_so() {
    let node = TestNode::start().await;
    let cabinet = node.cabinet(CABINET, "CG-1", &[BANK, "40818049"]).await;
    let rental = node.rent(node.rider(100).await, "CG-1").await.unwrap();
    cabinet.take(&rental.bank).unwrap();
    let left = node.view("CG-1").slots.iter().find_map(|slot| slot.sn.clone()).unwrap();
    node.settle(5).await;
    let (context, mut witness) = (&node.node.context, Witness::default());
    for _ in 0..3 {
        assert!(witness.look(context).await.unwrap().astray.is_empty());
    }

    for kind in ["rental_replay", "custody"] {
        node.database.expect_findings(kind); // the rows alone moved on
    }
    node.database.run("update rentals set version = version + 1").await;
    node.database.run(&format!("update banks set version = version + 1 where sn = '{left}'")).await;
    let first = witness.look(context).await.unwrap();
    assert!(first.astray.is_empty(), "a commit may be under way: {first:?}");
    let astray = witness.look(context).await.unwrap().astray;

    let subjects: Vec<_> = astray.keys().cloned().collect();
    assert_eq!(subjects, [Subject::Rental(rental.id), Subject::Bank(left.clone())]);
    for Versions { live, stored } in astray.values() {
        assert_eq!(live.unwrap() + 1, stored.unwrap());
    }
    node.database.run("update rentals set version = version - 1").await;
    node.database.run(&format!("update banks set version = version - 1 where sn = '{left}'")).await;
    assert!(witness.look(context).await.unwrap().astray.is_empty(), "it is as it was");

    let closed = "update rentals set status = 'CANCELLED', ended_at = now()";
    node.database.is_crooked();
    node.database.run(closed).await;
    witness.look(context).await.unwrap();
    let astray = witness.look(context).await.unwrap().astray;
    assert_eq!(astray[&Subject::Rental(rental.id)].stored, None, "it is over, and not known so");
}

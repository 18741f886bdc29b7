//! The books of a running node: it looks at them by itself, and closes their days.

use std::time::Duration;

use cabinet::Fault;
use chargeghar::actors::witness::Witness;
use domain::money::Money;

use crate::harness::node::{SOON, TestNode, wish};

const DAY: Duration = Duration::from_hours(25);

#[tokio::test(flavor = "multi_thread")]
async fn a_node_finds_what_does_not_add_up_by_itself_and_opens_one_incident() {
    let node = TestNode::start().await;
    let rider = node.rider(100).await;
    let looked = "select coalesce((select whole_at is not null from ledger_verified), false)";
    node.database.until(looked, "true", SOON).await;
    node.database.is_crooked();
    let spoil = format!("update ledger_balances set balance = 60 where rider_id = {rider}");
    node.database.run(&spoil).await;

    node.clock.advance(DAY);
    let open = "select count(*) from incidents where kind = 'ledger_finding' and state = 'open'";
    node.database.until(open, "1", SOON).await;
    node.clock.advance(DAY);
    let report = node
        .until_async("another look", async || {
            let (report, _) = node
                .node
                .context
                .store
                .verify(&chargeghar::store::verify::Scope::Whole, |_| ())
                .await
                .ok()?;
            Some(report)
        })
        .await;

    assert_eq!(report.imbalance, Money::rupees(40));
    assert_eq!(node.database.number(open).await, 1);
    let about = "select evidence ->> 'finding' from incidents";
    assert_eq!(node.database.text(about).await, format!("astray wallet:{rider}"));
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_that_cannot_be_looked_at_is_one_incident_and_is_looked_at_again() {
    let node = TestNode::start().await;
    let looked = "select coalesce((select whole_at is not null from ledger_verified), false)";
    node.database.until(looked, "true", SOON).await;
    let told = "select count(*) from incidents where kind = 'ledger_unverified'";

    node.database.run("alter table ledger_verified rename to hidden").await;
    let a_while = Duration::from_secs(61);
    node.until_async("somebody is told", async || {
        node.clock.advance(a_while);
        (node.database.number(told).await > 0).then_some(())
    })
    .await;
    let failed = "select evidence ->> 'looks_failed' from incidents";
    let failed = node.database.number(failed).await;
    let at = "select extract(epoch from checked_at)::bigint from";
    let before = node.database.number(&format!("{at} hidden")).await;
    node.database.run("alter table hidden rename to ledger_verified").await;
    node.until_async("another look", async || {
        node.clock.advance(a_while);
        (node.database.number(&format!("{at} ledger_verified")).await > before).then_some(())
    })
    .await;

    assert_eq!((failed, node.database.number(told).await), (5, 1));
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_seals_what_was_committed_and_closes_the_day_before() {
    let node = TestNode::start().await;
    let rider = node.rider(100).await;
    let places = "select count(*) from ledger_chain";
    node.until_async("a place in the chain", async || {
        node.clock.advance(Duration::from_secs(31));
        (node.database.text(places).await == "1").then_some(())
    })
    .await;

    node.clock.advance(DAY);
    let closed = "select count(*) from ledger_days where closed is not null";
    node.until_async("the day is closed", async || {
        // a sweep that was under way saw the day before
        node.clock.advance(Duration::from_secs(31));
        (node.database.text(closed).await == "1").then_some(())
    })
    .await;
    let kept = "select string_agg(account || ' ' || balance, ' ') from ledger_closings";

    assert_eq!(node.database.text(kept).await, "clearing:sandbox -100.00");
    assert_eq!(node.wallet(rider).await, Money::rupees(100));
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_past_its_bound_is_counted_and_told() {
    let node = TestNode::start().await;
    let cabinet = node.cabinet("860000000000017", "CG-1", &["40818048"]).await;
    cabinet.faults(|faults| faults.always(Fault::Ignore { command: None }));
    let (rentals, rider) = (node.node.rentals.clone(), node.rider(100).await);
    let start = async move { rentals.start(wish(rider, "CG-1")).await };
    let start = chargeghar::spawn::spawn("a start without an end", start);
    let open = node.until("the rental is open", || node.node.rentals.open_of(rider)).await;
    let (context, mut witness) = (&node.node.context, Witness::default());
    node.until_async("it is stored", async || {
        context.store.rental(open).await.is_ok().then_some(())
    })
    .await;
    assert_eq!(witness.look(context).await.unwrap().overdue, (vec![], 0));

    // as if the clock of whoever ends it stood still
    node.database.is_crooked();
    let back = "update rentals set created_at = created_at - interval '29 minutes'";
    node.database.run(back).await;
    assert_eq!(witness.look(context).await.unwrap().overdue.1, 0, "it may be ending just now");
    node.database.run("update rentals set created_at = created_at - interval '2 minutes'").await;

    assert_eq!(witness.look(context).await.unwrap().overdue, (vec![open], 1));
    start.abort();
}

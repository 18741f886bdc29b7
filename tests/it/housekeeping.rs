//! What is out of date is forgotten by itself; what is not stays; cabinets that go are told.

use std::time::Duration;

use chargeghar::store::PURGE_MAX;
use domain::presence::Shown;

use crate::harness::node::TestNode;

#[tokio::test(flavor = "multi_thread")]
async fn what_is_out_of_date_is_forgotten_by_itself() {
    let node = TestNode::start().await;
    let rider = node.rider(0).await;
    for (age, name) in [("100 days", "old"), ("1 hour", "new")] {
        let sql = format!(
            "insert into sessions (id, rider_id, salt, created_at, renewed_at, expires_at)
             values (gen_random_uuid(), {rider}, '\\x00112233445566778899aabbccddeeff', now(),
                now(), now() - interval '{age}');
             insert into outbox (id, effect, created_at, due_at, state, done_at)
             values (gen_random_uuid(), '{{}}', now(), now(), 'done', now() - interval '{age}');
             insert into pending_cabinets values ('{name}', 1, null, null, now(),
                now() - interval '{age}');
             insert into idempotency_keys (actor, key, route, body_hash, status, created_at)
             values ('a', '{name}', 'r', '', 200, now() - interval '{age}')"
        );
        node.database.run(&sql).await;
    }

    for table in ["sessions", "outbox", "pending_cabinets", "idempotency_keys"] {
        node.until_async(table, async || {
            node.clock.advance(Duration::from_mins(1));
            let left = format!("select count(*) from {table}");
            (node.database.number(&left).await == 1).then_some(())
        })
        .await;
    }
    let newer = "select count(*) from pending_cabinets where device_uuid = 'new'";
    assert_eq!(node.database.number(newer).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_more_than_a_portion_is_forgotten_at_once() {
    let node = TestNode::start().await;
    let keys = format!(
        "insert into idempotency_keys (actor, key, route, body_hash, status, created_at)
         select 'a', n::text, 'r', '', 200, now() from generate_series(1, {}) as g (n)",
        PURGE_MAX + 1
    );
    node.database.run(&keys).await;
    let later = node.clock.now() + chrono::TimeDelta::hours(1);

    let store = &node.node.context.store;
    assert_eq!(store.purge_keys(later).await, Ok(PURGE_MAX.unsigned_abs()));
    assert_eq!(store.purge_keys(later).await, Ok(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cabinet_that_is_taken_out_of_service_is_told_to_whoever_watches() {
    let node = TestNode::start().await;
    node.cabinet_kept("860000000000017", "CG-1", &["40818048"]).await;
    let id = node.view("CG-1").info.id;
    let (_, mut live) = node.node.stations.feed().subscribe(None);

    node.node.stations.removed(id);

    let last = loop {
        let update = live.recv().await.unwrap();
        if update.view.maintenance {
            break update.view;
        }
    };
    assert_eq!((last.info.id, last.shown), (id, Shown::Offline));
    assert!(node.node.stations.availability().get(id).is_none());
}

//! Ejects that wait for their turn at a cabinet: behind a start, behind one that nobody can
//! settle, behind a slow database.

use cabinet::{Cut, FrameKind};
use chargeghar::actors::station::Reserve;
use devices::Downlink;
use domain::ids::CommandId;
use domain::slot::Standing;
use sqlx::{AssertSqlSafe, PgConnection};

use super::*;

on_the_embedded_broker! {
    an_eject_that_is_looked_into_while_a_start_has_the_lane_is_not_forgotten,
    an_eject_that_waited_for_a_start_is_looked_into_when_that_comes_to_nothing,
    an_eject_behind_one_that_nobody_can_settle_is_settled_by_the_report_that_proves_it,
    a_start_given_up_before_it_was_sent_hides_no_older_eject_over_a_restart,
    a_slow_database_holds_up_no_cabinet_whose_operator_wants_a_bank_out,
}

/// The slot says that it is jammed, whatever is in it.
const JAMMED: u8 = 0x04;

pub async fn an_eject_that_is_looked_into_while_a_start_has_the_lane_is_not_forgotten(
    edges: Edges,
) {
    let node = TestNode::with(edges).await;
    let cabinet = node.cabinet(CABINET, "CG-1", &[BANK, OTHER]).await;
    let doubted = committed(&node, node.rider(100).await, BANK).await;
    let mut ear = ear(&node, doubted.id).await;
    let rider = node.rider(100).await;
    let lock = locked(&node, "rentals").await;

    let meanwhile = async {
        let held = || node.view("CG-1").slots.iter().any(|slot| slot.standing == Standing::Held);
        node.until("its bank is set aside", || held().then_some(())).await;
        let ask = station::Msg::LookInto(eject_of(&doubted));
        assert!(node.node.context.stations.tell(doubted.station, ask));
        node.settle(2).await;
        drop(lock);
    };
    let (rental, ()) = tokio::join!(node.rent(rider, "CG-1"), meanwhile);
    assert_eq!(rental.unwrap().status(), Status::Active);

    let found = node.while_time_passes(ear.recv()).await;
    let reason = NotOutReason::SeenTwice;
    assert_eq!(found, Some(Command::Settle(Settlement::NotOut { reason })));
    assert_eq!(ejects(&cabinet), 1);
}

pub async fn an_eject_that_waited_for_a_start_is_looked_into_when_that_comes_to_nothing(
    edges: Edges,
) {
    let node = TestNode::with(edges).await;
    let cabinet = node.cabinet(CABINET, "CG-1", &[BANK, OTHER]).await;
    let doubted = committed(&node, node.rider(100).await, BANK).await;
    let mut ear = ear(&node, doubted.id).await;
    let tell = |message| assert!(node.node.context.stations.tell(doubted.station, message));
    let (reply, reserved) = tokio::sync::oneshot::channel();
    let command = CommandId(Entropy::system().uuid());
    tell(station::Msg::Reserve(Reserve { command, wanted: None, reply: reply.into() }));
    assert_eq!(reserved.await.unwrap().unwrap().sn, Sn::from(OTHER));

    tell(station::Msg::LookInto(eject_of(&doubted)));
    tell(station::Msg::Unreserve(command));
    let found = node.while_time_passes(ear.recv()).await;

    let reason = NotOutReason::SeenTwice;
    assert_eq!(found, Some(Command::Settle(Settlement::NotOut { reason })));
    assert_eq!(ejects(&cabinet), 0);
}

pub async fn an_eject_behind_one_that_nobody_can_settle_is_settled_by_the_report_that_proves_it(
    edges: Edges,
) {
    let (node, cabinet, [stuck, left]) = two_doubted(edges).await;
    cabinet.bend(stuck.key, Some(JAMMED), None);
    cabinet.faults(|faults| faults.next(1, Fault::Lose { frame: FrameKind::EjectReply }));
    let command = Downlink::EjectBySn { sn: left.bank.clone(), limit: None };
    let deadline = node.clock.now() + TimeDelta::seconds(5);
    node.node.context.send(cabinet.uuid(), &command, deadline).await.unwrap();
    node.until("it is out", || (cabinet.counts().ejects == 1).then_some(())).await;
    cabinet.take(&left.bank).unwrap();

    let node = node.again().await;
    node.until_heard("CG-1").await;
    node.while_time_passes(node.until_status(left.id, Status::Active)).await;

    assert_eq!(node.stored(stuck.id).await.status(), Status::PendingPopup);
    cabinet.bend(stuck.key, None, None);
    node.while_time_passes(async {
        node.until_async("it is seen twice", async || {
            let id = node.view("CG-1").info.id;
            node.node.stations.check(id).await;
            (node.stored(stuck.id).await.status() == Status::Cancelled).then_some(())
        })
        .await;
    })
    .await;
    node.audit().await;
}

pub async fn a_start_given_up_before_it_was_sent_hides_no_older_eject_over_a_restart(edges: Edges) {
    let node = TestNode::with(edges).await;
    let cabinet = node.cabinet(CABINET, "CG-1", &[BANK]).await;
    let (one, two) = (node.rider(100).await, node.rider(100).await);
    cabinet.faults(|faults| faults.next(1, Fault::EjectCode { code: 0x12, out: true }));
    let sent = node.rent(one, "CG-1").await.unwrap();
    assert_eq!(sent.status(), Status::Cancelled, "the cabinet said that it is not out");
    cabinet.take(&sent.bank).unwrap();
    node.clock.advance(Duration::from_secs(1));
    let unsent = committed(&node, two, BANK).await;
    give_up(&node, &unsent).await;

    let node = node.again().await;
    node.until_async("the one that was sent is open again", async || {
        let late = devices::a8::build::eject_reply(1, BANK.parse().unwrap(), 0x01, 0x02);
        cabinet.send_raw(cabinet.topic("update"), late); // lost until its session is back
        (node.stored(sent.id).await.status() == Status::Active).then_some(())
    })
    .await;

    assert_eq!(node.stored(unsent.id).await.status(), Status::Cancelled);
    assert_eq!(node.wallet(one).await, Money::rupees(50));
    assert_eq!(node.wallet(two).await, Money::rupees(100), "its eject never left");
    node.audit().await;
}

pub async fn a_slow_database_holds_up_no_cabinet_whose_operator_wants_a_bank_out(edges: Edges) {
    let node = TestNode::with(edges).await;
    let cabinet = node.cabinet(CABINET, "CG-1", &[BANK]).await;
    let id = node.view("CG-1").info.id;
    let (key, _) = node.node.context.banks.at(id).into_iter().next().unwrap();
    let lock = locked(&node, "audit").await;

    let eject = node.node.stations.eject(id, key, "operator:test".into());
    let meanwhile = async {
        let waits = "select count(*) from pg_locks where not granted and database =
            (select oid from pg_database where datname = current_database())";
        node.database.until(waits, "1", crate::harness::node::SOON).await;
        cabinet.cut(Cut::Mqtt);
        node.until_reachable("CG-1", false).await;
        drop(lock);
    };
    let (answer, ()) = tokio::join!(eject, meanwhile);

    assert_eq!(answer, Some(Err("the cabinet cannot be reached")), "it is looked at again");
    assert_eq!(ejects(&cabinet), 0);
}

/// Its rider gives it up before its eject is sent.
async fn give_up(node: &TestNode, rental: &Rental) {
    let context = &node.node.context;
    let now = node.clock.now();
    let event = Event::Cancelled { at: now, reason: CancelReason::ByRider, found: None };
    let settle_until = rental.reopen_until(TimeDelta::minutes(25));
    let after = rental::evolve(rental.clone(), &event);
    let mut fact = Fact::at(now);
    fact.movements = rental::movements(rental, &event);
    let (before, events) = (Some(1), vec![event]);
    fact.rental = Some(RentalWrite { before, after: after.clone(), events, settle_until });
    context.store.commit(fact).await.unwrap();
    context.rentals.learn(Arc::new(Stored { rental: after, version: 2, settle_until }));
}

/// Nobody writes to this table until the answer is dropped.
async fn locked(node: &TestNode, table: &str) -> PgConnection {
    let mut connection = node.database.connect().await;
    let sql = format!("begin; lock table {table} in share mode");
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
    connection
}

//! The service ends in order and starts again, while riders have banks and cabinets go on.

use std::time::Duration;

use domain::money::Money;
use domain::rental::Status;
use rumqttc::{AsyncClient, MqttOptions};

use crate::harness::edges::{Edges, on_the_embedded_broker};
use crate::harness::mosquitto::Mosquitto;
use crate::harness::node::TestNode;

on_the_embedded_broker! {
    an_open_rental_is_closed_by_its_return_after_a_restart,
    a_bank_returned_while_no_service_ran_is_found_by_the_next_one,
}

const CABINET: &str = "860000000000017";
const BANK: &str = "40818048";

pub async fn an_open_rental_is_closed_by_its_return_after_a_restart(edges: Edges) {
    let node = TestNode::with(edges).await;
    let cabinet = node.cabinet(CABINET, "CG-1", &[BANK]).await;
    let rider = node.rider(100).await;
    let rental = node.rent(rider, "CG-1").await.unwrap();
    let bank = cabinet.take(&rental.bank).unwrap();
    node.clock.advance(Duration::from_mins(10));

    let node = node.again().await;
    node.until_heard("CG-1").await;
    assert_eq!(node.stored(rental.id).await.status(), Status::Active);
    cabinet.insert(bank, None).unwrap();
    node.until_status(rental.id, Status::Completed).await;

    assert_eq!(node.wallet(rider).await, Money::rupees(50));
    assert_eq!(cabinet.counts().command("popup_sn"), 1);
    node.audit().await;
}

pub async fn a_bank_returned_while_no_service_ran_is_found_by_the_next_one(edges: Edges) {
    let node = TestNode::with(edges).await;
    let cabinet = node.cabinet(CABINET, "CG-1", &[BANK]).await;
    let rider = node.rider(100).await;
    let rental = node.rent(rider, "CG-1").await.unwrap();
    let bank = cabinet.take(&rental.bank).unwrap();
    let clock = node.clock.clone();
    clock.advance(Duration::from_mins(10));

    let node = node.again_after(async |_| {
        cabinet.insert(bank, None).unwrap();
        clock.advance(Duration::from_hours(2));
    });
    let node = node.await;
    node.until_status(rental.id, Status::Completed).await;

    assert_eq!(node.wallet(rider).await, Money::rupees(50), "two hours of ours are not billed");
    node.audit().await;
}

/// Only a broker that outlives the node can be away when the node starts.
pub async fn a_cabinet_enrolled_while_the_broker_was_away_is_let_in_when_it_is_back(edges: Edges) {
    let node = TestNode::with(edges).await;
    let mut node = node.again_after(async |edges| outside(edges).kill()).await;
    // a command that enrols now can not tell the broker
    let enrol = format!(
        "insert into stations (id, device_uuid, serial, name, latitude, longitude, version,
            created_at, updated_at)
         values (gen_random_uuid(), '{CABINET}', 'CG-1', 'CG-1', 27.7, 85.3, 1, now(), now())"
    );
    node.database.run(&enrol).await;

    outside(&mut node.edges).run();

    let password = node.node.credentials.password(&CABINET.into(), 1);
    let (host, port) = node.node.mqtt_addr();
    let mut options = MqttOptions::new(CABINET, host, port);
    options.set_credentials(CABINET, password.expose());
    node.until_async("the cabinet is let in", async || {
        let (_client, mut events) = AsyncClient::new(options.clone(), 1);
        events.poll().await.ok()
    })
    .await;
}

fn outside(edges: &mut Edges) -> &mut Mosquitto {
    let Edges::Mosquitto(outside) = edges else { panic!("not on this broker") };
    &mut outside.broker
}

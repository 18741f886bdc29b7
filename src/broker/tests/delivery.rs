//! What arrives, how often and in which order, when connections come and go.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn messages_published_while_the_service_is_away_arrive_after_its_return() {
    let broker = broker().await;
    listened_and_vanished(&broker).await;

    let mut cabinet = Client::connect(&broker, "866").await;
    for number in 0..50 {
        cabinet.publish(&update("866"), &number.to_string()).await;
    }
    cabinet.acknowledged(50).await;
    let mut service = Client::connect_as(persistent(&broker)).await.unwrap();

    assert!(service.session_present);
    assert_eq!(service.payloads(50).await, numbers(0..50));
}

#[tokio::test(flavor = "multi_thread")]
async fn unacknowledged_messages_come_again_in_order_before_queued_ones_and_the_marker() {
    let broker = broker().await;
    let mut service = Client::connect_as(persistent(&broker)).await.unwrap();
    assert!(service.subscribe("/powerbank/+/user/update", QoS::AtLeastOnce).await);
    assert!(service.subscribe(&marker_topic(LINK), QoS::AtLeastOnce).await);
    let mut cabinet = Client::connect(&broker, "866").await;
    for number in 0..20 {
        cabinet.publish(&update("866"), &number.to_string()).await;
    }
    for number in 0..20 {
        let message = service.message().await;
        assert_eq!(message.payload, number.to_string());
        if number < 5 {
            service.mqtt.ack(&message).await.unwrap();
        }
    }
    acknowledged_by(&broker, 15).await;
    let (_, mut events) = broker.watch();
    service.vanish().await;
    assert_eq!(event(&mut events).await, SessionEvent::Disconnected { client_id: LINK.into() });
    for number in 20..30 {
        cabinet.publish(&update("866"), &number.to_string()).await;
    }
    cabinet.acknowledged(30).await; // the marker goes by another connection

    let mut service = Client::connect_as(persistent(&broker)).await.unwrap();
    service.publish(&marker_topic(LINK), "marker").await;
    let mut again = Vec::new();
    for _ in 5..30 {
        let message = service.message().await;
        let number: u32 = std::str::from_utf8(&message.payload).unwrap().parse().unwrap();
        assert_eq!(message.dup, number < 20, "{number}");
        again.push(number.to_string());
        service.mqtt.ack(&message).await.unwrap();
    }

    assert_eq!(again, numbers(5..30));
    assert_eq!(service.payload().await, "marker");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_comes_again() {
    let broker = broker().await;
    let mut service = Client::connect_as(persistent(&broker)).await.unwrap();
    assert!(service.subscribe("/powerbank/+/user/update", QoS::AtLeastOnce).await);
    let cabinet = Client::connect(&broker, "866").await;
    cabinet.publish(&update("866"), "first").await;
    let message = service.message().await;
    service.mqtt.ack(&message).await.unwrap();
    acknowledged_by(&broker, 0).await;

    service.vanish().await;
    let mut service = Client::connect_as(persistent(&broker)).await.unwrap();
    cabinet.publish(&update("866"), "second").await;

    assert_eq!(service.payload().await, "second");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_or_reordered_while_the_service_reconnects_again_and_again() {
    const COUNT: u32 = 20_000;
    let settings = Settings {
        publish_rate_per_client: 10_000_000,
        publish_burst_per_client: 10_000_000,
        ..Settings::default()
    };
    let broker = broker_with(settings).await;
    let mut service = Client::connect_as(persistent(&broker)).await.unwrap();
    assert!(service.subscribe("/powerbank/+/user/update", QoS::AtLeastOnce).await);
    let mut cabinet = Client::connect(&broker, "866").await;
    let publisher = cabinet.mqtt.clone();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        for number in 0..COUNT {
            let payload = number.to_string();
            publisher.publish(update("866"), QoS::AtLeastOnce, false, payload).await.unwrap();
        }
    });
    tasks.spawn(async move { cabinet.acknowledged(COUNT as usize).await });

    let mut next = 0;
    let (mut since_connect, mut connects) = (0, 0);
    while next < COUNT {
        let message = service.message().await;
        let number: u32 = std::str::from_utf8(&message.payload).unwrap().parse().unwrap();
        assert!(number <= next, "{number} came before {next}");
        next = next.max(number + 1);
        service.mqtt.ack(&message).await.unwrap();
        since_connect += 1;
        if since_connect == 700 {
            since_connect = 0;
            connects += 1;
            if connects % 2 == 0 {
                service.vanish().await;
                service = Client::connect_as(persistent(&broker)).await.unwrap();
            } else {
                let replaced = service;
                service = Client::connect_as(persistent(&broker)).await.unwrap();
                drop(replaced);
            }
        }
    }

    tasks.join_all().await;
    let counters = broker.counters();
    assert_eq!((counters.dropped_gone, counters.dropped_queue_full), (0, 0));
    assert!(counters.taken_over > 5, "{counters:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_published_while_a_cabinet_is_away_never_arrives() {
    let broker = broker().await;
    let mut service = Client::connect(&broker, LINK).await;
    let cabinet = || {
        let mut options = options(&broker, "866");
        options.set_clean_session(false);
        Client::connect_as(options)
    };
    let mut first = cabinet().await.unwrap();
    assert!(first.subscribe(&get("866"), QoS::AtLeastOnce).await);
    let (_, mut events) = broker.watch();
    first.vanish().await;
    assert_eq!(event(&mut events).await, SessionEvent::Disconnected { client_id: "866".into() });

    for qos in [QoS::AtMostOnce, QoS::AtLeastOnce] {
        service.mqtt.publish(get("866"), qos, false, "stale eject").await.unwrap();
    }
    service.acknowledged(1).await;
    let mut second = cabinet().await.unwrap();
    assert!(!second.session_present);
    assert!(second.subscribe(&get("866"), QoS::AtLeastOnce).await);
    service.publish(&get("866"), "fresh").await;

    assert_eq!(second.payload().await, "fresh");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cabinet_that_takes_over_itself_inherits_neither_commands_nor_subscriptions() {
    let broker = broker().await;
    let service = Client::connect(&broker, LINK).await;
    let mut options = options(&broker, "866");
    options.set_clean_session(false);
    let mut first = Client::connect_as(options.clone()).await.unwrap();
    assert!(first.subscribe(&get("866"), QoS::AtLeastOnce).await);

    let mut second = Client::connect_as(options).await.unwrap();
    assert!(!second.session_present);
    assert!(!broker.is_listening("866"));
    assert!(second.subscribe(&get("866"), QoS::AtLeastOnce).await);
    service.publish(&get("866"), "once").await;
    service.publish(&get("866"), "last").await;

    assert_eq!(second.payloads(2).await, ["once", "last"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_that_waited_for_a_cabinet_that_did_not_read_are_dropped() {
    let settings = Settings { command_lifetime: Duration::from_millis(1), ..Settings::default() };
    let broker = broker_with(settings).await;
    let mut service = Client::connect(&broker, LINK).await;
    let mut cabinet = TcpStream::connect(broker.local_addr()).await.unwrap();
    cabinet.write_all(&connect_packet("866")).await.unwrap();
    cabinet.write_all(&subscribe_packet(&get("866"))).await.unwrap();
    let (_, mut events) = broker.watch();
    while !broker.is_listening("866") {
        event(&mut events).await;
    }

    let command = "x".repeat(60_000);
    for _ in 0..400 {
        service.publish(&get("866"), &command).await;
    }
    service.acknowledged(400).await;
    let mut heard = vec![0; 1 << 20];
    while broker.counters().dropped_expired == 0 {
        let read = timeout(PATIENCE, cabinet.read(&mut heard)).await.unwrap().unwrap();
        assert_ne!(read, 0, "the connection ended");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_of_the_service_is_counted_and_keeps_the_newest() {
    let broker = broker_with(Settings { service_queue_len: 10, ..Settings::default() }).await;
    listened_and_vanished(&broker).await;
    let mut cabinet = Client::connect(&broker, "866").await;
    for number in 0..25 {
        cabinet.publish(&update("866"), &number.to_string()).await;
    }
    cabinet.acknowledged(25).await;

    let mut service = Client::connect_as(persistent(&broker)).await.unwrap();

    assert_eq!(service.payloads(10).await, numbers(15..25));
    assert_eq!(broker.counters().dropped_queue_full, 15);
}

/// The service listened to updates, and went without a word.
async fn listened_and_vanished(broker: &Broker) {
    let mut service = Client::connect_as(persistent(broker)).await.unwrap();
    assert!(service.subscribe("/powerbank/+/user/update", QoS::AtLeastOnce).await);
    let (_, mut events) = broker.watch();
    service.vanish().await;
    assert_eq!(event(&mut events).await, SessionEvent::Disconnected { client_id: LINK.into() });
}

/// Waits until the broker has seen the acknowledgements that leave so many messages open.
async fn acknowledged_by(broker: &Broker, open: usize) {
    let reached = async {
        while broker.backlog(LINK).await != Some(open) {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, reached).await.expect("acknowledgements did not arrive");
}

fn numbers(range: std::ops::Range<u32>) -> Vec<String> {
    range.map(|number| number.to_string()).collect()
}

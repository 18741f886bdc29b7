//! Who gets in, and who may say and hear what.

use rumqttc::{LastWill, v5};

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn the_right_credentials_connect() {
    let broker = broker().await;

    let _cabinet = Client::connect(&broker, "866").await;

    assert_eq!(broker.sessions(), ["866"]);
    assert_eq!(broker.counters().accepted_connect, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_user_or_client_id_is_refused_and_counted() {
    let broker = broker().await;
    let with = |client_id: &str, username: &str, password: &str| {
        let mut options = options(&broker, client_id);
        options.set_credentials(username, password);
        options
    };
    let mut anonymous = options(&broker, "866");
    anonymous = MqttOptions::new("866", anonymous.broker_address().0, anonymous.broker_address().1);

    for options in [
        with("866", "866", "wrong"),
        with("866", "867", PASSWORD),
        with("999", "999", PASSWORD),
        with("867", "866", PASSWORD),
        anonymous,
    ] {
        let code = refusal(Client::connect_as(options).await);
        assert_eq!(code, ConnectReturnCode::BadUserNamePassword);
    }

    assert_eq!(broker.counters().refused_connect, 5);
    assert!(broker.sessions().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn both_protocol_versions_connect_on_one_port() {
    let broker = broker().await;
    let mut cabinet = Client::connect(&broker, "866").await;
    assert!(cabinet.subscribe(&get("866"), QoS::AtMostOnce).await);

    let addr = broker.local_addr();
    let mut options = v5::MqttOptions::new(LINK, addr.ip().to_string(), addr.port());
    options.set_credentials(LINK, PASSWORD);
    let (mqtt, mut events) = v5::AsyncClient::new(options, 10);
    mqtt.publish(get("866"), v5::mqttbytes::QoS::AtMostOnce, false, "eject").await.unwrap();
    let polling = async { while events.poll().await.is_ok() {} };

    tokio::select! {
        () = polling => panic!("the connection ended"),
        payload = cabinet.payload() => assert_eq!(payload, "eject"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cabinet_hears_its_own_heartbeat() {
    let broker = broker().await;
    let mut cabinet = Client::connect(&broker, "866").await;
    assert!(cabinet.subscribe(&heart("866"), QoS::AtLeastOnce).await);

    cabinet.publish(&heart("866"), "alive").await;

    let echo = cabinet.message().await;
    assert_eq!((echo.topic.as_str(), &echo.payload[..]), (heart("866").as_str(), &b"alive"[..]));
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_reach_their_cabinet_and_reports_reach_the_service() {
    let broker = broker().await;
    let mut link = link(&broker).await;
    let mut cabinet = Client::connect(&broker, "866").await;
    assert!(cabinet.subscribe(&get("866"), QoS::AtLeastOnce).await);

    link.publish(&get("866"), "check").await;
    assert_eq!(cabinet.payload().await, "check");

    cabinet.publish(&update("866"), "report").await;
    let report = link.message().await;
    assert_eq!((report.topic, &report.payload[..]), (update("866"), &b"report"[..]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cabinet_cannot_publish_for_another_and_stays_connected() {
    let broker = broker().await;
    let mut link = link(&broker).await;
    let cabinet = Client::connect(&broker, "866").await;

    cabinet.publish(&update("867"), "forged").await;
    cabinet.publish(&get("867"), "forged eject").await;
    cabinet.publish(&get("866"), "forged eject").await;
    cabinet.publish(&update("866"), "honest").await;

    assert_eq!(link.payload().await, "honest");
    assert_eq!(broker.counters().denied_publish, 3);
    assert!(broker.is_connected("866"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cabinet_cannot_listen_to_anything_but_its_own_topics() {
    let broker = broker().await;
    let mut cabinet = Client::connect(&broker, "866").await;
    let forbidden =
        [get("867"), heart("867"), update("866"), "#".into(), "$SYS/#".into(), get("+")];

    for filter in &forbidden {
        assert!(!cabinet.subscribe(filter, QoS::AtMostOnce).await, "{filter}");
    }

    assert!(cabinet.subscribe(&get("866"), QoS::AtMostOnce).await);
    assert_eq!(broker.counters().denied_subscribe, 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_denied_publish_of_the_service_is_counted_and_does_not_disconnect() {
    let broker = broker().await;
    let mut link = link(&broker).await;

    link.publish(&update("866"), "forged report").await;
    link.publish("/chargeghar/marker/chargeghar-heart", "forged marker").await;
    link.acknowledged(2).await;

    assert!(link.subscribe(&marker_topic(LINK), QoS::AtLeastOnce).await);
    link.publish(&marker_topic(LINK), "marker").await;
    assert_eq!(link.payload().await, "marker");
    assert_eq!(broker.counters().denied_publish, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn retained_and_exactly_once_publishes_of_a_cabinet_are_denied() {
    let broker = broker().await;
    let mut link = link(&broker).await;
    let cabinet = Client::connect(&broker, "866").await;

    cabinet.mqtt.publish(update("866"), QoS::AtLeastOnce, true, "kept").await.unwrap();
    cabinet.mqtt.publish(update("866"), QoS::ExactlyOnce, false, "once").await.unwrap();
    cabinet.publish(&update("866"), "plain").await;

    assert_eq!(link.payload().await, "plain");
    assert_eq!(broker.counters().denied_publish, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_retained_for_a_later_subscriber() {
    let broker = broker().await;
    let mut service = Client::connect(&broker, LINK).await;
    service.mqtt.publish(get("866"), QoS::AtLeastOnce, true, "old eject").await.unwrap();
    service.acknowledged(1).await;

    let mut cabinet = Client::connect(&broker, "866").await;
    assert!(cabinet.subscribe(&get("866"), QoS::AtMostOnce).await);
    service.publish(&get("866"), "new").await;

    assert_eq!(cabinet.payload().await, "new");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_last_will_on_a_foreign_topic_goes_nowhere() {
    let broker = broker().await;
    let mut events = broker.events();
    let mut victim = Client::connect(&broker, "867").await;
    assert!(victim.subscribe(&get("867"), QoS::AtMostOnce).await);
    let service = Client::connect(&broker, LINK).await;

    let mut options = options(&broker, "866");
    options.set_last_will(LastWill::new(get("867"), "eject", QoS::AtMostOnce, false));
    Client::connect_as(options).await.unwrap().vanish().await;
    let gone = SessionEvent::Disconnected { client_id: "866".into() };
    while event(&mut events).await != gone {}
    service.publish(&get("867"), "honest").await;

    assert_eq!(victim.payload().await, "honest");
    assert_eq!(broker.counters().denied_publish, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_publish_beyond_the_budget_is_dropped_and_counted() {
    let settings =
        Settings { publish_rate_per_client: 1, publish_burst_per_client: 5, ..Settings::default() };
    let broker = broker_with(settings).await;
    let mut link = link(&broker).await;
    let mut loud = Client::connect(&broker, "866").await;
    for number in 0..20 {
        loud.publish(&update("866"), &number.to_string()).await;
    }
    loud.acknowledged(20).await;

    let other = Client::connect(&broker, "867").await;
    other.publish(&update("867"), "other").await;

    assert_eq!(link.payloads(6).await, ["0", "1", "2", "3", "4", "other"]);
    assert_eq!(broker.counters().rate_limited, 15);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_packet_above_the_limit_ends_the_connection() {
    let broker = broker_with(Settings { max_packet_size: 1_024, ..Settings::default() }).await;
    let cabinet = Client::connect(&broker, "866").await;

    cabinet.publish(&update("866"), &"x".repeat(2_000)).await;

    cabinet.ended().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_above_the_limit_are_refused() {
    let broker = broker_with(Settings { max_connections: 1, ..Settings::default() }).await;
    let _first = Client::connect(&broker, "866").await;

    let second = Client::connect_as(options(&broker, "867")).await;

    assert_eq!(refusal(second), ConnectReturnCode::ServiceUnavailable);
    assert_eq!(broker.sessions(), ["866"]);
}

//! The life of a session: news of it, take-over, removal, the end of the broker.

use tokio::net::TcpStream;

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_told_from_its_connect_to_its_end() {
    let broker = broker().await;
    let mut events = broker.events();

    let mut cabinet = Client::connect(&broker, "866").await;
    let SessionEvent::Connected { client_id, peer } = event(&mut events).await else { panic!() };
    assert_eq!((client_id.as_str(), peer.ip()), ("866", broker.local_addr().ip()));
    assert!(!broker.is_listening("866"));

    assert!(cabinet.subscribe(&get("866"), QoS::AtMostOnce).await);
    assert_eq!(event(&mut events).await, SessionEvent::Listening { client_id: "866".into() });
    assert!(broker.is_listening("866"));

    cabinet.leave().await;
    assert_eq!(event(&mut events).await, SessionEvent::Disconnected { client_id: "866".into() });
    assert!(!broker.is_listening("866"));
    assert!(broker.sessions().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_breaks_is_told() {
    let broker = broker().await;
    let cabinet = Client::connect(&broker, "866").await;
    let (sessions, mut events) = broker.watch();
    assert_eq!(sessions, ["866"]);

    cabinet.vanish().await;

    assert_eq!(event(&mut events).await, SessionEvent::Disconnected { client_id: "866".into() });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_connection_takes_over_and_is_told() {
    let broker = broker().await;
    let first = Client::connect(&broker, "866").await;
    let (_, mut events) = broker.watch();

    let mut second = Client::connect(&broker, "866").await;

    first.ended().await;
    let SessionEvent::TakenOver { client_id, previous, peer } = event(&mut events).await else {
        panic!()
    };
    assert_eq!(client_id, "866");
    assert_ne!(previous, peer);
    let connected = SessionEvent::Connected { client_id: "866".into(), peer };
    assert_eq!(event(&mut events).await, connected);
    assert!(second.subscribe(&get("866"), QoS::AtMostOnce).await);
    let listening = SessionEvent::Listening { client_id: "866".into() };
    assert_eq!(event(&mut events).await, listening, "the replaced one leaves silently");
    assert_eq!(broker.sessions(), ["866"]);
    assert_eq!(broker.counters().taken_over, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn removal_ends_the_session_and_refuses_the_next() {
    let broker = broker().await;
    let cabinet = Client::connect(&broker, "866").await;
    let other = Client::connect(&broker, "867").await;

    broker.remove("866").await;

    assert_eq!(broker.sessions(), ["867"]);
    cabinet.ended().await;
    let again = Client::connect_as(options(&broker, "866")).await;
    assert_eq!(refusal(again), ConnectReturnCode::BadUserNamePassword);
    drop(other);
}

#[tokio::test(flavor = "multi_thread")]
async fn removal_of_a_client_that_is_not_there_does_nothing() {
    let broker = broker().await;

    broker.remove("999").await;
    broker.remove("866").await;

    assert!(broker.sessions().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn two_brokers_in_one_process_know_nothing_of_each_other() {
    let (one, two) = (broker().await, broker().await);
    let (mut link_one, mut link_two) = (link(&one).await, link(&two).await);
    let cabinet_one = Client::connect(&one, "866").await;
    let cabinet_two = Client::connect(&two, "867").await;

    cabinet_one.publish(&update("866"), "one").await;
    cabinet_two.publish(&update("867"), "two").await;

    assert_eq!(link_one.payload().await, "one");
    assert_eq!(link_two.payload().await, "two");
    assert_eq!(one.sessions(), ["866", LINK]);
    one.shutdown().await;
    assert_eq!(two.sessions(), ["867", LINK]);
    cabinet_two.publish(&update("867"), "still here").await;
    assert_eq!(link_two.payload().await, "still here");
}

#[tokio::test(flavor = "multi_thread")]
async fn shutdown_ends_all_sessions_and_frees_the_port() {
    let broker = broker().await;
    let cabinet = Client::connect(&broker, "866").await;
    let addr = broker.local_addr();

    broker.shutdown().await;
    broker.shutdown().await;

    cabinet.ended().await;
    assert!(broker.sessions().is_empty());
    let next = broker_with(Settings { bind: addr, ..Settings::default() }).await;
    let _cabinet = Client::connect(&next, "866").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_in_use_is_an_error_that_names_it() {
    let broker = broker().await;
    let settings = Settings { bind: broker.local_addr(), ..Settings::default() };

    let error = Broker::start(settings).await.err().unwrap().to_string();

    assert!(error.contains(&broker.local_addr().to_string()), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_that_leave_during_their_connect_are_not_taken_for_connected() {
    const COUNT: u64 = 100;
    let broker = broker().await;
    let mut events = broker.events();
    for number in 0..COUNT {
        let client_id = format!("{number:015}");
        broker.put(&client_id, account(&client_id, Role::Cabinet)).unwrap();
        let stream = TcpStream::connect(broker.local_addr()).await.unwrap();
        stream.set_zero_linger().unwrap();
        stream.try_write(&connect_packet(&client_id)).unwrap();
    }
    let _last = Client::connect(&broker, "866").await;

    let mut gone = 0;
    while gone == 0 || broker.sessions() != ["866"] {
        gone += usize::from(matches!(event(&mut events).await, SessionEvent::Disconnected { .. }));
    }

    assert!(!broker.is_connected("000000000000000"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_connects_at_once_are_all_accepted() {
    const COUNT: usize = 1_000;
    let broker = broker().await;
    let ids: Vec<String> = (0..COUNT).map(|n| format!("{n:015}")).collect();
    for id in &ids {
        broker.put(id, account(id, Role::Cabinet)).unwrap();
    }

    let mut connects = JoinSet::new();
    for id in &ids {
        connects.spawn(Client::connect_as(options(&broker, id)));
    }
    let clients = connects.join_all().await;

    assert!(clients.iter().all(Result::is_ok));

    assert_eq!(broker.sessions(), ids);
    assert_eq!(broker.counters().accepted_connect, COUNT as u64);
}

//! What a client of the stream of stations hears.

use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use axum::extract::Request;
use domain::presence::Shown;
use futures::StreamExt;
use serde_json::Value;
use tower::ServiceExt;

use super::of_stations;
use crate::actors::availability::StationView;
use crate::clock::Clock;
use crate::config::Config;
use crate::http::address::ClientAddress;
use crate::http::board::Board;
use crate::http::board::tests::{board, board_with, patan, pokhara, station, thamel};

#[tokio::test]
async fn a_stream_begins_with_a_snapshot_and_goes_on_with_what_changes() {
    let board = board();
    let mut client = Client::of(&board, "", None).await;

    let snapshot = client.next().await.unwrap();
    board.publish(StationView { shown: Shown::Online, stale: false, banks: 3, ..patan() });
    let change = client.next().await.unwrap();

    insta::assert_json_snapshot!("stream", [snapshot.json(), change.json()]);
}

#[tokio::test]
async fn who_comes_back_hears_only_what_was_missed() {
    let board = board();
    for view in [thamel(), patan(), pokhara()] {
        board.publish(view);
    }

    let mut client = Client::of(&board, "", Some("7-1")).await;

    let missed = [client.next().await.unwrap(), client.next().await.unwrap()];
    assert_eq!(missed.each_ref().map(|event| event.name.as_str()), ["station"; 2]);
    assert_eq!(missed.each_ref().map(|event| event.id.as_str()), ["7-2", "7-3"]);
}

#[tokio::test]
async fn after_another_run_or_too_long_an_absence_a_client_begins_anew() {
    let board = board();
    for _ in 0..1_100 {
        board.publish(thamel());
    }

    for (last, reason) in [("6-1100", "restarted"), ("7-3", "behind"), ("x", "restarted")] {
        let mut client = Client::of(&board, "", Some(last)).await;
        let [reset, snapshot] = [client.next().await.unwrap(), client.next().await.unwrap()];
        assert_eq!((reset.name.as_str(), reset.data["reason"].as_str()), ("reset", Some(reason)));
        assert_eq!((snapshot.name.as_str(), snapshot.id.as_str()), ("snapshot", "7-1100"));
    }
}

#[tokio::test]
async fn a_client_hears_of_those_stations_only_that_it_asked_for() {
    let board = board();
    let mut client = Client::of(&board, "?serials=CG-3", None).await;

    let snapshot = client.next().await.unwrap();
    board.publish(thamel());
    board.publish(pokhara());
    let change = client.next().await.unwrap();

    assert_eq!(snapshot.data["stations"].as_array().unwrap().len(), 1);
    assert_eq!(change.data["serial_number"], "CG-3");
    assert_eq!(change.id, "7-2");
}

#[tokio::test]
async fn a_station_that_is_taken_out_of_service_is_gone() {
    let board = board();
    let mut client = Client::of(&board, "", None).await;
    client.next().await.unwrap();

    board.publish(StationView { maintenance: true, ..thamel() });

    let gone = client.next().await.unwrap();
    assert_eq!((gone.name.as_str(), &gone.data["serial_number"]), ("gone", &"CG-1".into()));
}

#[tokio::test]
async fn a_client_that_is_too_slow_is_told_to_begin_anew_and_let_go() {
    let board = board();
    let mut client = Client::of(&board, "", None).await;
    client.next().await.unwrap();

    for _ in 0..1_100 {
        board.publish(thamel());
    }

    let reset = client.next().await.unwrap();
    assert_eq!((reset.name.as_str(), reset.data["reason"].as_str()), ("reset", Some("behind")));
    assert!(client.next().await.is_none());
}

#[tokio::test]
async fn a_silent_stream_gives_a_sign_of_life_that_keeps_the_place() {
    let clock = Clock::manual();
    let board = board_with(&Config::default(), clock.clone());
    let mut client = Client::of(&board, "?serials=CG-3", None).await;
    client.next().await.unwrap();
    for _ in 0..5 {
        board.publish(thamel());
    }

    clock.advance(Duration::from_secs(14));
    let waiting = tokio::time::timeout(Duration::from_millis(50), client.next()).await;
    assert!(waiting.is_err(), "{waiting:?}");
    clock.advance(Duration::from_secs(1));

    let beat = client.next().await.unwrap();
    assert_eq!((beat.name.as_str(), beat.id.as_str()), ("", "7-5"));
}

#[tokio::test]
async fn a_node_that_drains_ends_the_stream_and_takes_no_other() {
    let board = board();
    let mut client = Client::of(&board, "", None).await;
    client.next().await.unwrap();

    board.streams.end();

    assert!(client.next().await.is_none());
    drop(client);
    assert_eq!(board.streams.count(), 0);
}

#[tokio::test]
async fn a_large_network_comes_in_parts_of_which_the_last_names_the_place() {
    let board = board();
    board.availability.load((10..410).map(|n| station(n, &format!("S {n}"), (27.0, 85.0)).into()));
    let mut client = Client::of(&board, "", None).await;

    let parts = [client.next().await, client.next().await, client.next().await].map(Option::unwrap);

    let sizes = parts.each_ref().map(|part| part.data["stations"].as_array().unwrap().len());
    assert_eq!(sizes, [200, 200, 3]);
    assert_eq!(parts.each_ref().map(|part| part.id.as_str()), ["", "", "7-0"]);
    assert_eq!(parts[2].data["is_last"], true);
}

/// One event, or a comment, which has no name.
#[derive(Debug, Default)]
struct Heard {
    name: String,
    id: String,
    data: Value,
}

impl Heard {
    fn json(&self) -> Value {
        serde_json::json!({ "event": self.name, "id": self.id, "data": self.data })
    }
}

struct Client {
    stream: BodyDataStream,
    text: String,
}

impl Client {
    async fn of(board: &Board, query: &str, last: Option<&str>) -> Client {
        let (routes, _) = of_stations::<Board>().split_for_parts();
        let request = Request::get(format!("/api/stations/live{query}"))
            .extension(ClientAddress(std::net::Ipv4Addr::LOCALHOST.into()));
        let request = last.into_iter().fold(request, |r, last| r.header("last-event-id", last));
        let served = routes.with_state(board.clone());
        let response = served.oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        let mut client =
            Client { stream: response.into_body().into_data_stream(), text: String::new() };
        assert!(client.block().await.unwrap().starts_with("retry:"));
        client
    }

    async fn next(&mut self) -> Option<Heard> {
        let block = self.block().await?;
        let mut heard = Heard::default();
        for (field, value) in block.lines().filter_map(|line| line.split_once(':')) {
            match field {
                "event" => heard.name = value.trim().to_owned(),
                "id" => heard.id = value.trim().to_owned(),
                "data" => heard.data = serde_json::from_str(value).unwrap(),
                _ => {}
            }
        }
        Some(heard)
    }

    /// Lines up to an empty one.
    async fn block(&mut self) -> Option<String> {
        loop {
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let (block, rest) = (block.to_owned(), rest.to_owned());
                self.text = rest;
                return Some(block);
            }
            let bytes = self.stream.next().await?.unwrap();
            self.text.push_str(std::str::from_utf8(&bytes).unwrap());
        }
    }
}

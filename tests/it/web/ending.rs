//! The end of a service with clients at it: streams end, idle and dribbling connections do not
//! keep it, requests in work are answered.

use std::time::Duration;

use chargeghar::clock::Clock;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::streams::Ear;
use crate::harness::app::App;
use crate::harness::database::Database;
use crate::harness::process::Place;

#[tokio::test(flavor = "multi_thread")]
async fn at_sigterm_streams_end_and_nobody_who_lingers_keeps_the_service_for_ten_seconds() {
    let database = Database::fresh().await;
    let place = Place::on(&database);
    let mut process = place.ready(&[]).await;
    let app = App::new(&place.base_url());
    let addr = place.base_url().replace("http://", "");
    let mut map = Ear::open(&app, "/api/stations/live", None).await;
    map.next().await;
    let idle = TcpStream::connect(&addr).await.unwrap();
    let mut dribbling = TcpStream::connect(&addr).await.unwrap();
    dribbling.write_all(b"GET /api/stations HTTP/1.1\r\nhos").await.unwrap();
    let deadline = Clock::system().running() + Duration::from_secs(10);

    process.terminate();

    assert!(map.hear().await.is_none(), "the stream has an end");
    let status = process.ended().await;
    assert!(status.success(), "{status}: {}", process.said());
    assert!(Clock::system().running() < deadline, "it took more than ten seconds");
    for mut line in [idle, dribbling] {
        let mut rest = Vec::new();
        // closed or reset: either way it is over
        let _ = timeout(Duration::from_secs(5), line.read_to_end(&mut rest)).await.unwrap();
    }
}

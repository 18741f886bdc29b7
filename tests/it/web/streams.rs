//! Live streams over a real connection: what a client hears, in order, and when it ends.

use std::sync::Arc;
use std::time::Duration;

use domain::ids::RentalId;
use domain::rental::Status;
use futures::StreamExt;
use futures::stream::BoxStream;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::harness::app::{App, start};
use crate::harness::node::{SOON, TestNode};

const CABINET: &str = "860000000000017";
const OTHER: &str = "860000000000025";
const STATIONS: &str = "/api/stations/live";

#[tokio::test(flavor = "multi_thread")]
async fn a_map_hears_a_snapshot_then_every_change_and_goes_on_where_it_stopped() {
    let node = TestNode::start().await;
    let cabinet = node.cabinet(CABINET, "CG-1", &["40818048", "40818049"]).await;
    node.cabinet_kept(OTHER, "CG-2", &["40818050"]).await;
    let (app, rider) = (node.stranger(), node.rider(500).await);

    let mut map = Ear::open(&app, STATIONS, None).await;
    let snapshot = map.next().await;
    assert_eq!((&*snapshot.name, &snapshot.data["is_last"]), ("snapshot", &json!(true)));
    let serials: Vec<_> = rows(&snapshot).map(|row| row["serial_number"].clone()).collect();
    assert_eq!(serials, ["CG-1", "CG-2"]);
    let rental = node.rent(rider, "CG-1").await.unwrap();
    let mut heard = vec![map.until(|station| station["available_power_banks"] == 1).await];
    drop(map);

    // meanwhile it changes once more
    node.clock.advance(Duration::from_mins(10));
    cabinet.insert(cabinet.take(&rental.bank).unwrap(), None).unwrap();
    node.until_status(rental.id, Status::Completed).await;
    node.until_banks("CG-1", 2).await;
    let mut map = Ear::open(&app, STATIONS, Some(&heard[0].id)).await;
    heard.push(map.until(|station| station["available_power_banks"] == 2).await);

    assert!(heard.iter().all(|event| event.name == "station"), "{heard:?}");
    let marks: Vec<_> = [&snapshot].into_iter().chain(&heard).map(Event::mark).collect();
    assert!(marks.iter().all(|mark| mark.0 == marks[0].0), "one epoch: {marks:?}");
    assert!(marks.is_sorted_by(|one, two| one.1 < two.1), "{marks:?}");

    let mut behind = Ear::open(&app, STATIONS, Some("0-1")).await;
    let reset = behind.next().await;
    assert_eq!((&*reset.name, &reset.data["reason"]), ("reset", &json!("restarted")));
    assert_eq!((&*reset.id, &*behind.next().await.name), ("", "snapshot"));
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_map_hears_only_of_the_area_or_the_cabinets_it_asked_for() {
    let node = TestNode::start().await;
    node.cabinet_kept(CABINET, "CG-1", &["40818048"]).await;
    node.cabinet_kept(OTHER, "CG-2", &["40818050"]).await;
    let app = node.stranger();

    for (query, wanted) in [
        ("", vec!["CG-1", "CG-2"]),
        ("?serials=CG-2", vec!["CG-2"]),
        ("?bbox=85.2,27.6,85.4,27.8", vec!["CG-1", "CG-2"]),
        ("?bbox=83.9,28.1,84.1,28.3", vec![]),
        ("?bbox=85.2,27.6,85.4,27.8&serials=CG-1,CG-9", vec!["CG-1"]),
    ] {
        let mut map = Ear::open(&app, &format!("{STATIONS}{query}"), None).await;
        let snapshot = map.next().await;
        let serials: Vec<_> = rows(&snapshot).map(|row| row["serial_number"].clone()).collect();
        assert_eq!(serials, wanted, "{query}");
    }

    let mut map = Ear::open(&app, &format!("{STATIONS}?serials=CG-2"), None).await;
    map.next().await;
    let (one, two) = (node.rider(100).await, node.rider(100).await);
    node.rent(one, "CG-1").await.unwrap();
    node.rent(two, "CG-2").await.unwrap();
    let event = map.until(|_| true).await;
    assert_eq!(event.data["serial_number"], "CG-2", "the other one changed before");

    for wrong in ["bbox=1,2,3", "bbox=a,b,c,d", "bbox=NaN,0,1,1", "bbox=3,0,1,1", "bbox="] {
        let answer = app.get(&format!("{STATIONS}?{wrong}")).await;
        assert_eq!(answer.refusal(), (400, "invalid_coordinates"), "{wrong}");
    }
    for wrong in ["serials=", "serials=live", "serials=a%2Fb", "serials=nearby,CG-1"] {
        let answer = app.get(&format!("{STATIONS}?{wrong}")).await;
        assert_eq!(answer.refusal(), (400, "validation_error"), "{wrong}");
    }
    for word in ["favorites", "search", "map", "NEARBY"] {
        let answer = app.get(&format!("/api/stations/{word}")).await;
        assert_eq!(answer.refusal(), (404, "station_not_found"), "{word}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rider_hears_of_the_rental_until_it_is_over() {
    let node = TestNode::start().await;
    let cabinet = node.cabinet(CABINET, "CG-1", &["40818048"]).await;
    let app = node.app(node.rider(100).await);
    let started = app.post("/api/rentals/start", &start("CG-1")).await;
    let id: RentalId = started.data()["rental_id"].as_str().unwrap().parse().unwrap();
    let path = format!("/api/rentals/{id}/live");

    let mut ear = Ear::open(&app, &path, None).await;
    let first = ear.next().await;
    assert_eq!((&*first.name, &first.data["status"]), ("rental", &json!("ACTIVE")));
    let mut elsewhere = Ear::open(&app, &path, Some("0-5")).await;
    assert_eq!(elsewhere.next().await.data["reason"], "restarted");
    assert_eq!(elsewhere.next().await.data["status"], "ACTIVE");
    node.clock.advance(Duration::from_mins(10));
    let bank = cabinet.take(&node.stored(id).await.bank).unwrap();
    cabinet.insert(bank, None).unwrap();

    for ear in [&mut ear, &mut elsewhere] {
        let last = ear.until(|rental| rental["status"] == "COMPLETED").await;
        assert_eq!(last.data["id"], json!(id));
        assert!(last.mark().1 > first.mark().1);
        assert!(ear.hear().await.is_none(), "nothing more will come");
        let known = app.stream(&path, Some(&last.id)).await;
        assert_eq!(known.status().as_u16(), 204, "so that the client does not come again");
    }
    let over = Ear::open(&app, &path, None).await.next().await;
    assert_eq!(over.data["status"], "COMPLETED");
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_does_not_read_is_dropped_and_hurts_nobody() {
    let node = TestNode::with_settings(|config| {
        config.http.write_timeout_s = chargeghar::config::Seconds(1);
        config.limits.streams_per_address = 2;
    })
    .await;
    node.cabinet_kept(CABINET, "CG-1", &["40818048"]).await;
    let app = node.stranger();
    let mut map = Ear::open(&app, STATIONS, None).await;
    let begun = map.next().await.mark();
    let mut deaf = TcpStream::connect(node.node.http_addr()).await.unwrap();
    let request = format!("GET {STATIONS} HTTP/1.1\r\nhost: here\r\n\r\n");
    deaf.write_all(request.as_bytes()).await.unwrap();
    let mut head = [0; 12];
    while timeout(SOON, deaf.peek(&mut head)).await.unwrap().unwrap() < head.len() {}
    assert_eq!(&head, b"HTTP/1.1 200");
    // two seats, and both are taken
    let opens = async || app.stream(STATIONS, None).await.status().as_u16();
    node.until_async("two streams", async || (opens().await == 429).then_some(())).await;

    let view = node.view("CG-1");
    let (feed, mut last) = (node.node.stations.feed(), begun);
    for _ in 0..400 {
        for _ in 0..100 {
            feed.publish(Arc::clone(&view));
        }
        // the one that reads keeps up, event by event
        for _ in 0..100 {
            let event = map.next().await;
            assert_eq!((&*event.name, event.mark()), ("station", (last.0, last.1 + 1)));
            last = event.mark();
        }
    }

    node.until_async("a free seat", async || (opens().await == 200).then_some(())).await;
    feed.publish(view);
    assert_eq!(map.next().await.mark(), (last.0, last.1 + 1));
    drop(deaf);
    node.stop().await;
}

fn rows(snapshot: &Event) -> impl Iterator<Item = &Value> {
    snapshot.data["stations"].as_array().unwrap().iter()
}

#[derive(Debug)]
pub struct Event {
    pub name: String,
    pub id: String,
    pub data: Value,
}

impl Event {
    /// Epoch and number.
    pub fn mark(&self) -> (i64, u64) {
        let (epoch, seq) = self.id.split_once('-').unwrap_or_else(|| panic!("{self:?}"));
        (epoch.parse().unwrap(), seq.parse().unwrap())
    }
}

/// A client of a live stream.
pub struct Ear {
    parts: BoxStream<'static, String>,
    text: String,
}

impl Ear {
    pub async fn open(app: &App, path: &str, last: Option<&str>) -> Ear {
        let response = app.stream(path, last).await;
        assert_eq!(response.status().as_u16(), 200, "{path}");
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        let parts = response.bytes_stream().filter_map(async |part| part.ok());
        let parts = parts.map(|part| String::from_utf8(part.to_vec()).unwrap()).boxed();
        Ear { parts, text: String::new() }
    }

    /// The next event with a name; none at the end of the stream.
    pub async fn hear(&mut self) -> Option<Event> {
        loop {
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let field = |name: &str| {
                    let lines = block.lines().filter_map(|line| line.strip_prefix(name));
                    lines.map(str::trim).collect::<String>()
                };
                let (name, id, data) = (field("event:"), field("id:"), field("data:"));
                self.text = rest.to_owned();
                if !name.is_empty() {
                    return Some(Event { name, id, data: serde_json::from_str(&data).unwrap() });
                }
                continue;
            }
            let part = timeout(SOON, self.parts.next()).await.expect("an event in time")?;
            self.text.push_str(&part);
        }
    }

    pub async fn next(&mut self) -> Event {
        self.hear().await.expect("an event")
    }

    /// The next event whose data is as wanted.
    pub async fn until(&mut self, wanted: impl Fn(&Value) -> bool) -> Event {
        loop {
            let event = self.next().await;
            if wanted(&event.data) {
                return event;
            }
        }
    }
}

//! What a cabinet says that is not understood or not allowed: each is counted under its kind,
//! told once a minute, and changes nothing.

use cabinet::calls::{self, HttpCall};
use cabinet::{Cabinet, Fleet, Generation, Layout, Spec, Timing};
use devices::Signal;
use devices::a8::build::heartbeat;

use crate::harness::app::App;
use crate::harness::database::Database;
use crate::harness::node::SOON;
use crate::harness::process::{Place, Process};
use crate::restart::enrol;

const UUID: &str = "860000000000017";
const OTHER: &str = "860000000000025";
const BANK: &str = "40818048";
/// Each is sent so often.
const TIMES: u64 = 3;
/// Whatever a frame may move.
const STATE: &str = "select concat_ws(' ',
    (select string_agg(version || ':' || layout_confirmed, ',' order by id) from stations),
    (select string_agg(slot || ':' || version, ',' order by slot) from slots),
    (select string_agg(sn || ':' || custody || ':' || version, ',' order by sn) from banks),
    (select count(*) from rentals), (select count(*) from incidents),
    (select count(*) from ledger_transfers))";
/// The figure of each kind, and the word under which it is told.
const KINDS: [(&str, &str); 5] = [
    ("chargeghar_link_frames_refused_total{kind=\"oversize\"}", "oversize"),
    ("chargeghar_link_frames_refused_total{kind=\"bad_checksum\"}", "bad_checksum"),
    ("chargeghar_link_frames_refused_total{kind=\"truncated\"}", "truncated"),
    ("chargeghar_link_frames_refused_total{kind=\"sign_wrong\"}", "sign_wrong"),
    ("chargeghar_broker_refused_total{kind=\"denied_publish\"}", "denied_publish"),
];

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_refused_is_counted_by_kind_told_once_a_minute_and_changes_nothing() {
    let scene = Scene::set().await;
    let before = scene.database.text(STATE).await;

    for _ in 0..TIMES {
        scene.misbehave().await;
    }

    for (figure, word) in KINDS {
        scene.until(figure, TIMES).await;
        scene.until_told_once(word).await;
    }
    assert_eq!(scene.database.text(STATE).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_a_station_does_not_insist_a_wrong_and_an_absent_signature_are_told_once_each() {
    let scene = Scene::of(false).await;

    for _ in 0..TIMES {
        assert_eq!(scene.ask_signed(None).await, 200);
        assert_eq!(scene.ask_signed(Some("0")).await, 200);
    }

    for (sign, word) in [("absent", "sign_absent"), ("wrong", "sign_wrong")] {
        let name = "chargeghar_http_device_sign_faults_total";
        let figure = format!("{name}{{call=\"config\",sign=\"{sign}\"}}");
        scene.until(&figure, TIMES).await;
        scene.until_told_once(word).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_arrives_is_counted_by_topic_and_what_is_understood_by_kind() {
    let scene = Scene::set().await;
    let figures = [
        "chargeghar_link_frames_total{topic=\"update\"}",
        "chargeghar_link_decoded_total{kind=\"wifi_list\"}",
    ];
    let page = scene.page().await;
    let [arrived, understood] = figures.map(|name| figure(&page, name));

    for _ in 0..TIMES {
        scene.update(devices::a8::build::wifi_list(&["kiosk"]));
        scene.update(vec![0xA8]);
    }

    scene.until("chargeghar_link_frames_refused_total{kind=\"too_short\"}", TIMES).await;
    scene.until(figures[1], understood + TIMES).await;
    let page = scene.page().await;
    assert_eq!(figure(&page, figures[0]), arrived + 2 * TIMES, "{page}");
    let of_frames = |line: &&str| line.starts_with("chargeghar_link_frames_total{");
    let by_topic =
        |line: &str| line.contains("{topic=\"update\"}") || line.contains("{topic=\"heart\"}");
    assert!(page.lines().filter(of_frames).all(by_topic), "one frame is counted once: {page}");
}

/// A service of its own, whose figures are its own too, and a cabinet that says nothing by itself.
struct Scene {
    database: Database,
    place: Place,
    process: Process,
    cabinet: Cabinet,
    _fleet: Fleet,
}

impl Scene {
    async fn set() -> Scene {
        Scene::of(true).await
    }

    /// A cabinet of which signatures are insisted on, or not.
    async fn of(strict: bool) -> Scene {
        let database = Database::fresh().await;
        enrol(&database, UUID, "CG-1").await;
        database.run(&format!("update stations set strict_sign = {strict}")).await;
        let place = Place::on(&database);
        let process = place.ready(&[("CHARGEGHAR__MQTT__PAYLOAD_MAX_BYTES", "1024")]).await;
        let fleet = Fleet::new();
        let spec = Spec::new(UUID, place.base_url())
            .layout(Layout::marker(&[4, 4]))
            .with_banks([BANK])
            .timing(Timing::quick());
        let cabinet = fleet.start(spec);
        cabinet.wait_reported(SOON).await.unwrap();
        let known =
            "select count(*) from banks, stations where custody = 'slot' and layout_confirmed";
        database.until(known, "1", SOON).await;
        Scene { database, place, process, cabinet, _fleet: fleet }
    }

    /// One of each kind.
    async fn misbehave(&self) {
        let beat = heartbeat(1, Signal::Csq(27), 0);
        let mut wrong_sum = beat.clone();
        *wrong_sum.last_mut().unwrap() ^= 0xFF;
        let topic = self.cabinet.topic("update").replace(UUID, OTHER);
        self.cabinet.send_raw(topic, beat.clone());
        self.update(vec![0xA8; 2_000]);
        self.update(wrong_sum);
        self.update(beat[..beat.len() - 1].to_vec());
        assert_eq!(self.ask_signed(Some("0")).await, 500);
    }

    /// Asks for its settings with this signature, or none; answers the status.
    async fn ask_signed(&self, sign: Option<&str>) -> u16 {
        let call = calls::config(Generation::Newer, &UUID.into());
        let given = call.query.into_iter().filter(|(name, _)| *name != "sign");
        let sign = sign.map(|sign| ("sign", sign.to_owned()));
        let query = given.chain(sign).collect();
        self.cabinet.perform(HttpCall { query, ..call }).await.unwrap().status
    }

    fn update(&self, bytes: Vec<u8>) {
        self.cabinet.send_raw(self.cabinet.topic("update"), bytes);
    }

    async fn page(&self) -> String {
        let page = App::new(&self.place.base_url()).stream("/metrics", None).await;
        page.text().await.unwrap()
    }

    /// What it says comes by another way than its figures.
    async fn until_told_once(&self, word: &str) {
        let clock = chargeghar::clock::Clock::system();
        let deadline = clock.running() + SOON;
        loop {
            let said = self.process.said();
            let told = said.lines().filter(|line| line.contains(word)).count();
            assert!(told <= 1 && clock.running() < deadline, "{told} times {word}: {said}");
            if told == 1 {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    }

    async fn until(&self, name: &str, wanted: u64) {
        let clock = chargeghar::clock::Clock::system();
        let deadline = clock.running() + SOON;
        loop {
            let page = self.page().await;
            if figure(&page, name) >= wanted {
                assert_eq!(figure(&page, name), wanted, "{name}");
                return;
            }
            assert!(clock.running() < deadline, "not in time: {name} {wanted}\n{page}");
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    }
}

/// What a page of figures says of one; nothing is none.
fn figure(page: &str, name: &str) -> u64 {
    let mut lines = page.lines().filter_map(|line| line.strip_prefix(name));
    lines.next().map_or(0, |value| value.trim().parse().unwrap())
}

//! Lists: pages by number and by cursor, and answers that a client has already.

use std::time::Duration;

use cabinet::{Cabinet, Fault};
use domain::ids::RiderId;
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::app::{Answer, App};
use crate::harness::node::TestNode;

const CABINET: &str = "860000000000017";
const HISTORY: &str = "/api/rentals/history";
const TRANSACTIONS: &str = "/api/payments/transactions";

#[tokio::test(flavor = "multi_thread")]
async fn a_history_read_by_cursor_shows_each_rental_once_whatever_is_added_meanwhile() {
    let node = TestNode::start().await;
    let cabinet = node.cabinet(CABINET, "CG-1", &["40818048"]).await;
    let rider = node.rider(500).await;
    let app = node.app(rider);
    for _ in 0..5 {
        failed_rental(&node, &cabinet, rider).await;
    }
    let all = ids(&app.get(HISTORY).await, "rentals");
    assert_eq!(all.len(), 5);

    let first = app.get(&format!("{HISTORY}?page_size=2")).await;
    assert_eq!(first.data()["pagination"]["total_count"], 5);
    failed_rental(&node, &cabinet, rider).await;
    let second = next(&app, HISTORY, &first).await;
    failed_rental(&node, &cabinet, rider).await;
    let third = next(&app, HISTORY, &second).await;

    let read: Vec<Value> =
        [&first, &second, &third].into_iter().flat_map(|page| ids(page, "rentals")).collect();
    assert_eq!(read, all);
    let pagination = &third.data()["pagination"];
    assert_eq!(
        (&pagination["next_cursor"], &pagination["has_next"]),
        (&Value::Null, &json!(false))
    );
    assert_eq!(pagination["current_page"], Value::Null);
    let shifted = app.get(&format!("{HISTORY}?page_size=2&page=2")).await;
    assert_ne!(ids(&shifted, "rentals"), ids(&second, "rentals"), "pages by number do shift");

    let cursor = first.data()["pagination"]["next_cursor"].as_str().unwrap();
    let late = "cn______________________";
    for wrong in ["x", "%F0%9F%98%80", &cursor[1..], &format!("{cursor}&page=1"), late] {
        for list in [HISTORY, TRANSACTIONS] {
            let answer = app.get(&format!("{list}?cursor={wrong}")).await;
            assert_eq!(answer.refusal(), (400, "validation_error"), "{list} {wrong}");
        }
    }
    let strange = app.get(&format!("{TRANSACTIONS}?cursor={cursor}")).await;
    assert_eq!(strange.refusal(), (400, "validation_error"), "a cursor of another list");
    let other = node.app(node.rider(0).await);
    let others = other.get(&format!("{HISTORY}?cursor={cursor}")).await;
    assert_eq!(ids(&others, "rentals"), Vec::<Value>::new(), "a cursor opens nobody's list");
}

#[tokio::test(flavor = "multi_thread")]
async fn transactions_read_by_cursor_do_not_shift() {
    let node = TestNode::start().await;
    let rider = node.rider(100).await;
    let app = node.app(rider);
    for _ in 0..3 {
        node.top_up(rider, 10).await;
    }
    let all = ids(&app.get(TRANSACTIONS).await, "transactions");

    let first = app.get(&format!("{TRANSACTIONS}?page_size=3")).await;
    node.top_up(rider, 20).await;
    let second = next(&app, TRANSACTIONS, &first).await;

    let read = [ids(&first, "transactions"), ids(&second, "transactions")].concat();
    assert_eq!((read.len(), read), (4, all));
    assert_eq!(second.data()["pagination"]["next_cursor"], Value::Null);
    let typed = app.get(&format!("{TRANSACTIONS}?page_size=1&transaction_type=TOPUP")).await;
    let typed = next(&app, &format!("{TRANSACTIONS}?transaction_type=TOPUP"), &typed).await;
    assert_eq!(typed.data()["transactions"][0]["amount"], "10.00");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_client_has_already_of_the_stations_is_not_sent_again() {
    let node = TestNode::start().await;
    node.cabinet_kept(CABINET, "CG-1", &["40818048", "40818049"]).await;
    let (app, rider) = (node.stranger(), node.rider(100).await);
    let paths = ["/api/stations", "/api/stations/nearby?lat=27.7&lng=85.3", "/api/stations/CG-1"];
    let asked = async |path: &str, tag: &str| {
        Answer::to(app.request(Method::GET, path).header("If-None-Match", tag)).await
    };

    let mut tags = Vec::new();
    for path in paths {
        let answer = app.get(path).await;
        assert_eq!(answer.status, 200, "{path}");
        tags.push(answer.header("etag").to_owned());
        let known = asked(path, answer.header("etag")).await;
        assert_eq!((known.status, known.body), (304, Value::Null), "{path}");
        assert_eq!(known.headers["etag"], answer.headers["etag"]);
    }
    node.rent(rider, "CG-1").await.unwrap();

    for (path, tag) in paths.into_iter().zip(tags) {
        let changed = asked(path, &tag).await;
        assert_eq!(changed.status, 200, "{path}");
        assert_ne!(changed.header("etag"), tag);
        assert_eq!(changed.header("cache-control"), "private, no-cache");
    }
}

/// A rental whose bank did not come out.
async fn failed_rental(node: &TestNode, cabinet: &Cabinet, rider: RiderId) {
    node.clock.advance(Duration::from_secs(10));
    cabinet.faults(|faults| faults.next(1, Fault::EjectCode { code: 0xFD, out: false }));
    node.rent(rider, "CG-1").await.unwrap();
    node.until_banks("CG-1", 1).await;
}

async fn next(app: &App, path: &str, page: &Answer) -> Answer {
    let pagination = &page.data()["pagination"];
    let cursor = pagination["next_cursor"].as_str().unwrap_or_else(|| panic!("{page:?}"));
    let mark = if path.contains('?') { '&' } else { '?' };
    let size = &pagination["page_size"];
    app.get(&format!("{path}{mark}page_size={size}&cursor={cursor}")).await
}

fn ids(page: &Answer, list: &str) -> Vec<Value> {
    page.data()[list].as_array().unwrap().iter().map(|row| row["id"].clone()).collect()
}

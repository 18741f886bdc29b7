//! Riders find cabinets, and see only those that they may.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode};
use domain::presence::Shown;
use serde_json::{Value, json};
use tower::ServiceExt;

use super::body::StationBody;
use super::router;
use crate::actors::availability::StationView;
use crate::http::board::Board;
use crate::http::board::tests::{board, station, thamel};

const THAMEL: &str = "lat=27.7172&lng=85.3240";

#[tokio::test]
async fn a_list_is_as_the_app_reads_it() {
    let (status, headers, body) = get(&board(), "/api/stations").await;

    assert_eq!(status, StatusCode::OK);
    assert_eq!(headers["cache-control"], "private, no-cache");
    insta::assert_json_snapshot!("list", body);
}

#[tokio::test]
async fn a_detail_is_as_the_app_reads_it() {
    let (_, _, body) = get(&board(), &format!("/api/stations/CG-1?{THAMEL}")).await;

    insta::assert_json_snapshot!("detail", body);
}

#[tokio::test]
async fn nearby_stations_come_nearest_first_with_their_distance() {
    let (_, _, body) = get(&board(), &format!("/api/stations/nearby?{THAMEL}")).await;

    insta::assert_json_snapshot!("nearby", body);
}

#[test]
fn a_row_that_is_kept_reads_as_one_that_is_made() {
    let (board, far) = (board(), [None, Some(0.0), Some(1_234.5)]);
    let view = board.availability.all().next().unwrap();

    for metres in far.into_iter().chain(far) {
        let mut text = Vec::new();
        StationBody::write(&mut text, &view, metres).unwrap();
        let made = serde_json::to_string(&StationBody::new(&view, metres)).unwrap();
        assert_eq!(String::from_utf8(text).unwrap(), made);
    }
}

#[tokio::test]
async fn what_is_kept_of_a_view_is_not_told_of_the_next() {
    let board = board();
    let path = "/api/stations/CG-1";
    let (_, before, _) = get(&board, path).await;
    let view = board.availability.by_serial(&"CG-1".into()).unwrap();

    let next = StationView { banks: view.banks + 7, version: view.version + 1, ..(*view).clone() };
    board.availability.publish(std::sync::Arc::new(next));

    let (_, after, body) = get(&board, path).await;
    assert_eq!(body["data"]["available_power_banks"], view.banks + 7);
    assert_ne!(before["etag"], after["etag"]);
    let (_, _, list) = get(&board, "/api/stations").await;
    let rows = list["data"]["results"].as_array().unwrap();
    let row = rows.iter().find(|row| row["serial_number"] == "CG-1").unwrap();
    assert_eq!(row["available_power_banks"], view.banks + 7);
}

#[tokio::test]
async fn a_station_under_maintenance_is_shown_to_no_rider() {
    let around = "lat=27.7215&lng=85.3620";
    for path in ["?", "?search=bouddha", &format!("?{around}"), &format!("/nearby?{around}")] {
        let names = names(&board(), path).await;
        assert!(!names.contains(&"Bouddha".to_owned()), "{path}");
    }

    let (status, _, body) = get(&board(), "/api/stations/CG-4").await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(body["error"]["code"], "station_maintenance");
}

#[tokio::test]
async fn a_search_looks_at_names_addresses_landmarks_and_serials_in_any_case() {
    let board = board();

    for (text, found) in [
        ("CHOWK", ["Thamel Chowk"].as_slice()),
        ("street%202", &["Patan Dhoka"]),
        ("guest%20house", &["Thamel Chowk"]),
        ("cg-3", &["Lakeside"]),
        ("%20", &["Lakeside", "Patan Dhoka", "Thamel Chowk"]),
        ("nowhere", &[]),
        ("chowkstreet", &[]),
    ] {
        assert_eq!(names(&board, &format!("?search={text}")).await, found, "{text}");
    }
    let both = format!("?search=street&{THAMEL}");
    assert_eq!(names(&board, &both).await, ["Thamel Chowk", "Patan Dhoka"]);
}

#[tokio::test]
async fn a_list_with_a_place_is_by_distance_and_ends_at_ten_kilometres() {
    let board = board();

    assert_eq!(names(&board, &format!("?{THAMEL}")).await, ["Thamel Chowk", "Patan Dhoka"]);
    assert_eq!(names(&board, &format!("?{THAMEL}&max_distance=2")).await, ["Thamel Chowk"]);
    // Lakeside is 143 km away: more than 50 counts as 50
    assert_eq!(names(&board, &format!("?{THAMEL}&max_distance=500")).await.len(), 2);
}

#[tokio::test]
async fn a_status_may_be_asked_for() {
    let board = board();

    assert_eq!(names(&board, "?status=OFFLINE").await, ["Patan Dhoka"]);
    assert_eq!(names(&board, "?status=online").await, ["Lakeside", "Thamel Chowk"]);
    let (_, _, body) = get(&board, "/api/stations?status=MAINTENANCE").await;
    assert_eq!(body["error"]["details"]["status"], json!(["must be ONLINE or OFFLINE"]));
}

#[tokio::test]
async fn a_page_past_the_end_is_the_last_one_and_none_has_more_than_fifty_rows() {
    let board = board();
    for number in 10..70 {
        board.publish(station(number, &format!("S {number}"), (27.0, 85.0)));
    }

    let (_, _, first) = get(&board, "/api/stations?page_size=1000").await;
    let (_, _, last) = get(&board, "/api/stations?page=9&page_size=50").await;

    let data = |body: &Value| {
        let data = &body["data"];
        let rows = data["results"].as_array().unwrap().len();
        (data["count"].clone(), data["next"].clone(), data["previous"].clone(), rows)
    };
    assert_eq!(data(&first), (json!(63), json!(true), json!(false), 50));
    assert_eq!(data(&last), (json!(63), json!(false), json!(true), 13));
    let (status, _, _) = get(&board, "/api/stations?page=0").await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_place_that_is_none_has_a_code_of_its_own() {
    let board = board();

    for place in ["lat=91&lng=85", "lat=27&lng=181", "lat=x&lng=85", "lat=27", "lat=NaN&lng=1"] {
        for path in ["", "/CG-1"] {
            let (status, _, body) = get(&board, &format!("/api/stations{path}?{place}")).await;
            assert_eq!(status, StatusCode::BAD_REQUEST, "{place}");
            assert_eq!(body["error"]["code"], "invalid_coordinates", "{place}");
        }
    }
    let (status, _, body) = get(&board, "/api/stations/nearby?lat=27").await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert_eq!(body["error"]["details"]["lng"], json!(["This field is required."]));
}

#[tokio::test]
async fn a_serial_that_nobody_has_is_not_found() {
    for serial in ["CG-9", "favorites", "live", "a%20b", "%FF"] {
        let (status, _, body) = get(&board(), &format!("/api/stations/{serial}")).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{serial}");
        assert_eq!(body["error"]["code"], "station_not_found", "{serial}");
    }
}

#[tokio::test]
async fn what_the_client_has_is_not_sent_again_until_it_changes() {
    let board = board();
    let paths = ["", "/CG-1", &format!("/nearby?{THAMEL}")].map(|at| format!("/api/stations{at}"));

    for path in &paths {
        let (_, headers, _) = get(&board, path).await;
        let tag = headers["etag"].to_str().unwrap().to_owned();
        assert!(tag.starts_with("W/\""), "{tag}");

        let (status, headers, body) = ask(&board, path, &[("if-none-match", &tag)]).await;
        assert_eq!((status, body), (StatusCode::NOT_MODIFIED, Value::Null), "{path}");
        assert_eq!(headers["etag"], tag.as_str());

        board.publish(StationView { shown: Shown::Offline, ..thamel() });
        let (status, _, body) = ask(&board, path, &[("if-none-match", &tag)]).await;
        assert_eq!(status, StatusCode::OK, "{path}");
        assert!(body.to_string().contains("OFFLINE"));
        board.publish(thamel());
    }
}

async fn names(board: &Board, query: &str) -> Vec<String> {
    let (status, _, body) = get(board, &format!("/api/stations{query}")).await;
    assert_eq!(status, StatusCode::OK, "{query}: {body}");
    let rows = body["data"]["results"].as_array().unwrap();
    rows.iter().map(|row| row["station_name"].as_str().unwrap().to_owned()).collect()
}

async fn get(board: &Board, path: &str) -> (StatusCode, HeaderMap, Value) {
    ask(board, path, &[]).await
}

async fn ask(
    board: &Board,
    path: &str,
    headers: &[(&str, &str)],
) -> (StatusCode, HeaderMap, Value) {
    let (routes, _) = router::<Board>().split_for_parts();
    let served: Router = routes.with_state(board.clone());
    let request =
        headers.iter().fold(Request::get(path), |r, (name, value)| r.header(*name, *value));
    let response = served.oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, 1 << 20).await.unwrap();
    (parts.status, parts.headers, serde_json::from_slice(&body).unwrap_or_default())
}

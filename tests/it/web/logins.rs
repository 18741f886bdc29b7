//! Logins over HTTP: codes, tokens, and what is told to those who try too often.

use futures::future::join_all;
use serde_json::{Value, json};

use crate::harness::app::{Answer, App};
use crate::harness::database::Database;
use crate::harness::process::{Place, Process};

const REQUEST: &str = "/api/auth/otp/request";
const VERIFY: &str = "/api/auth/otp/verify";
const COMPLETE: &str = "/api/auth/complete";
const REFRESH: &str = "/api/auth/refresh";

#[tokio::test(flavor = "multi_thread")]
async fn a_code_is_good_once_and_for_five_tries_and_is_sent_ten_times_an_hour() {
    let database = Database::fresh().await;
    let place = Place::on(&database);
    let mut process = place.ready(&[]).await;
    let app = App::new(&place.base_url());

    let code = code(&mut process, &app, "9800000001").await;
    let tries = (0..20).map(|_| verify(&app, "9800000001", &code));
    let answers = join_all(tries).await;
    let won: Vec<_> = answers.iter().filter(|answer| answer.status == 200).collect();
    assert_eq!(won.len(), 1, "{answers:?}");
    let lost = answers.iter().filter(|answer| answer.refusal() == (400, "otp_expired"));
    assert_eq!(lost.count(), 19, "{answers:?}");

    let token = &won[0].data()["verification_token"];
    let session = json!({ "identifier": "9800000001", "verification_token": token });
    let nameless = app.post(COMPLETE, &session).await;
    assert_eq!(nameless.refusal(), (400, "username_required"));
    let other =
        json!({ "identifier": "9800000002", "verification_token": token, "username": "other" });
    assert_eq!(app.post(COMPLETE, &other).await.refusal(), (400, "identifier_mismatch"));
    let named =
        json!({ "identifier": "9800000001", "verification_token": token, "username": "first" });
    let registered = join_all((0..5).map(|_| app.post(COMPLETE, &named))).await;
    let count = registered.iter().filter(|answer| answer.status == 201).count();
    assert_eq!(count, 1, "{registered:?}");
    assert_eq!(database.number("select count(*) from riders").await, 1);
    let spent = app.post(COMPLETE, &named).await;
    assert_eq!(spent.refusal(), (400, "verification_token_expired"));

    let code = self::code(&mut process, &app, "9800000003").await;
    let wrong = if code == "000000" { "000001" } else { "000000" };
    for _ in 0..5 {
        let answer = verify(&app, "9800000003", wrong).await;
        assert_eq!(answer.refusal(), (400, "invalid_otp"));
    }
    let right = verify(&app, "9800000003", &code).await;
    assert_eq!(right.refusal(), (400, "otp_expired"), "the right code after five wrong ones");

    let mut asked = Vec::new();
    for _ in 0..11 {
        asked.push(app.post(REQUEST, &json!({ "identifier": "9800000004" })).await);
    }
    let wait = |answer: &Answer| answer.header("retry-after").parse::<u64>().unwrap();
    assert_eq!(asked[0].status, 200);
    assert!(asked[0].header("ratelimit").starts_with("\"otp\";r=9;"), "{:?}", asked[0]);
    for refused in &asked[1..] {
        assert_eq!(refused.refusal(), (429, "rate_limit_exceeded"));
    }
    assert!((1..=60).contains(&wait(&asked[1])), "the pause before another code: {:?}", asked[1]);
    assert!(wait(&asked[10]) > 60, "ten an hour: {:?}", asked[10]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_token_is_replaced_at_each_use_and_an_old_one_ends_the_login() {
    let database = Database::fresh().await;
    let place = Place::on(&database);
    let mut process = place.ready(&[]).await;
    let app = App::new(&place.base_url());
    let first = log_in(&mut process, &app, "9800000001").await;
    let bystander = log_in(&mut process, &app, "9800000002").await;

    let raced = join_all((0..10).map(|_| refresh(&app, &first["refresh"]))).await;
    let next: Vec<&Value> = raced.iter().map(|answer| &answer.data()["refresh"]).collect();
    assert!(next.iter().all(|token| *token == next[0]), "a lost reply costs nothing");
    assert_ne!(next[0], &first["refresh"]);
    let second = refresh(&app, next[0]).await;
    let access = second.data()["access"].as_str().unwrap();
    let rider = app.bearing(access);
    assert_eq!(rider.get("/api/auth/me").await.status, 200);

    let stolen = refresh(&app, &first["refresh"]).await;

    assert_eq!(stolen.refusal(), (400, "invalid_refresh_token"));
    let newest = refresh(&app, &second.data()["refresh"]).await;
    assert_eq!(newest.refusal(), (400, "invalid_refresh_token"), "the whole login has ended");
    assert_eq!(rider.get("/api/auth/me").await.refusal(), (401, "invalid_token"));
    let ended = database.text("select string_agg(ended_by, ',') from sessions").await;
    assert_eq!(ended, "reuse");
    assert_eq!(refresh(&app, &bystander["refresh"]).await.status, 200);
    for garbage in ["", "x", "a.b.c"] {
        let refused = refresh(&app, &json!(garbage)).await;
        assert_eq!(refused.refusal(), (400, "invalid_refresh_token"), "{garbage}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_to_a_refresh_is_given_again_until_the_next_token_is_used() {
    let database = Database::fresh().await;
    let place = Place::on(&database);
    let mut process = place.ready(&[]).await;
    let app = App::new(&place.base_url());
    let first = log_in(&mut process, &app, "9800000001").await;
    let passed = async |time: &str| {
        database
            .run(&format!("update sessions set renewed_at = renewed_at - interval '{time}'"))
            .await;
    };

    let lost = refresh(&app, &first["refresh"]).await;
    for time in ["1 minute", "6 days"] {
        passed(time).await;
        let again = refresh(&app, &first["refresh"]).await;
        assert_eq!(again.data()["refresh"], lost.data()["refresh"], "{time} later");
    }
    let used = refresh(&app, &lost.data()["refresh"]).await;
    assert_eq!(used.status, 200, "{used:?}");

    let replayed = refresh(&app, &first["refresh"]).await;
    assert_eq!(replayed.refusal(), (400, "invalid_refresh_token"));
    let newest = refresh(&app, &used.data()["refresh"]).await;
    assert_eq!(newest.refusal(), (400, "invalid_refresh_token"), "the whole login has ended");

    let second = log_in(&mut process, &app, "9800000002").await;
    assert_eq!(refresh(&app, &second["refresh"]).await.status, 200);
    passed("8 days").await;
    let late = refresh(&app, &second["refresh"]).await;
    assert_eq!(late.refusal(), (400, "invalid_refresh_token"), "nobody waits so long");
    let ended = database.text("select string_agg(ended_by, ',') from sessions").await;
    assert_eq!(ended, "reuse,reuse");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_logout_ends_the_access_token_too() {
    let database = Database::fresh().await;
    let place = Place::on(&database);
    let mut process = place.ready(&[]).await;
    let app = App::new(&place.base_url());
    let tokens = log_in(&mut process, &app, "9800000001").await;
    let rider = app.bearing(tokens["access"].as_str().unwrap());

    let out = json!({ "refresh_token": tokens["refresh"] });
    let out = rider.post("/api/auth/logout", &out).await;

    assert_eq!((out.status, &out.data()["reason"]), (200, &json!("valid_blacklisted")));
    assert_eq!(rider.get("/api/auth/me").await.refusal(), (401, "invalid_token"));
    let refused = refresh(&app, &tokens["refresh"]).await;
    assert_eq!(refused.refusal(), (400, "invalid_refresh_token"));
}

/// Asks for a code and reads it where the service prints it.
async fn code(process: &mut Process, app: &App, phone: &str) -> String {
    let sent = app.post(REQUEST, &json!({ "identifier": phone })).await;
    assert_eq!(sent.status, 200, "{sent:?}");
    let sent = process.announced("otp.sent", |sent| sent["identifier"] == phone).await;
    sent["code"].as_str().unwrap().to_owned()
}

async fn verify(app: &App, phone: &str, code: &str) -> Answer {
    app.post(VERIFY, &json!({ "identifier": phone, "otp": code })).await
}

async fn refresh(app: &App, token: &Value) -> Answer {
    app.post(REFRESH, &json!({ "refresh": token })).await
}

async fn log_in(process: &mut Process, app: &App, phone: &str) -> Value {
    let code = code(process, app, phone).await;
    let ticket = verify(app, phone, &code).await;
    let session = json!({
        "identifier": phone,
        "verification_token": ticket.data()["verification_token"],
        "username": format!("rider{phone}"),
    });
    let session = app.post(COMPLETE, &session).await;
    session.data()["tokens"].clone()
}

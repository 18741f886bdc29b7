//! Redis goes away under a node: what is kept there only is refused, rentals go on.

use cabinet::{Fleet, Layout, Spec, Timing};
use chargeghar::clock::Clock;
use chargeghar::entropy::Entropy;
use serde_json::json;

use crate::harness::app::{Answer, App};
use crate::harness::database::Database;
use crate::harness::process::{Place, Rider, SOON};
use crate::harness::redis::Redis;
use crate::restart::enrol;

const UUID: &str = "860000000000017";

#[tokio::test(flavor = "multi_thread")]
async fn while_redis_is_away_a_bank_can_be_rented_and_nobody_can_log_in_until_it_is_back() {
    let Some(mut redis) = Redis::start() else { return };
    let database = Database::fresh().await;
    enrol(&database, UUID, "CG-1").await;
    let place = Place::on(&database);
    let variables = redis.variables();
    let variables: Vec<_> = variables.iter().map(|(name, value)| (*name, &**value)).collect();
    let mut process = place.ready(&variables).await;
    let spec = Spec::new(UUID, place.base_url())
        .layout(Layout::marker(&[4, 4]))
        .with_banks(["40818048"])
        .timing(Timing::quick());
    let fleet = Fleet::new();
    let cabinet = fleet.start(spec);
    cabinet.wait_reported(SOON).await.unwrap();
    let rider = Rider::with_money(&mut process, &place.base_url(), 100).await;
    rider.until_banks("CG-1", 1).await;
    assert!(redis.keys().await > 0, "the login was kept there");
    let app = App::new(&place.base_url());

    redis.kill();
    let rental = rider.rent("CG-1").await.unwrap();
    let refused = ask_code(&app).await;

    assert_eq!(rental["status"], "ACTIVE", "{rental}");
    assert_eq!(refused.refusal(), (503, "service_unavailable"), "{refused:?}");
    assert!(!refused.header("retry-after").is_empty(), "{refused:?}");
    let _redis = redis.again();
    let clock = Clock::system();
    let deadline = clock.running() + SOON;
    while ask_code(&app).await.status != 200 {
        assert!(clock.running() < deadline, "nobody can log in: {}", process.said());
    }
    Rider::with_money(&mut process, &place.base_url(), 100).await;
    database.audit().await;
}

/// As somebody new each time.
async fn ask_code(app: &App) -> Answer {
    let phone = format!("98{}", Entropy::system().digits(8));
    app.post("/api/auth/otp/request", &json!({ "identifier": phone })).await
}

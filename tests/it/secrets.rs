//! Nothing that the service says shows a secret: not its log at its loudest, not its figures,
//! not its settings. Every secret there is is planted, and used.

use cabinet::{Fleet, Layout, Spec, Timing};
use chargeghar::credentials::Credentials;
use domain::ids::DeviceUuid;
use domain::ledger::Gateway;
use serde_json::json;

use crate::fakes::sparrow::Sparrow;
use crate::fakes::{Company, SECRETS};
use crate::harness::app::{App, start};
use crate::harness::database::Database;
use crate::harness::process::{Place, SOON};
use crate::harness::secrets;
use crate::restart::enrol;

const CABINET: &str = "860000000000017";
const PHONE: &str = "9800000009";
/// The shipped settings: they name the variable of every secret.
const SETTINGS: &str = include_str!("../../config.toml");

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_the_service_says_shows_a_secret() {
    let database = Database::fresh().await;
    enrol(&database, CABINET, "CG-1").await;
    let (khalti, stripe) =
        (Company::open(Gateway::Khalti).await, Company::open(Gateway::Stripe).await);
    let sms = Sparrow::open().await;
    let place = Place::on(&database);
    let variables = settings(&[&khalti, &stripe], &sms);
    let variables: Vec<_> = variables.iter().map(|(name, value)| (&**name, &**value)).collect();
    let mut process = place.ready(&variables).await;
    plant_keys(&place);

    let (app, said_to_rider) = log_in(&place, &sms).await;
    move_money(&app).await;
    let fleet = Fleet::new();
    let spec = Spec::new(CABINET, place.base_url()).layout(Layout::marker(&[4, 4]));
    let cabinet = fleet.start(spec.with_banks(["40818048"]).timing(Timing::quick()));
    cabinet.wait_reported(SOON).await.unwrap();
    let rented = app.post("/api/rentals/start", &start("CG-1")).await;
    assert!(rented.status < 500, "{rented:?}");
    let figures = reqwest::get(format!("{}/metrics", place.base_url())).await.unwrap();
    let figures = figures.text().await.unwrap();
    let shown = place.run_with(&["config"], &variables).await;
    let examined = place.run_with(&["doctor"], &variables).await;
    process.terminate();
    process.ended().await;

    let log = process.said();
    assert!(log.contains("\"level\":\"DEBUG\""), "it was not loud: {log:.2000}");
    assert!(figures.contains("chargeghar_"), "{figures}");
    assert!(shown.stdout.contains("secret_key"), "{shown:?}");
    let all = [&log, &figures, &shown.stdout, &shown.stderr, &examined.stdout, &examined.stderr];
    for text in all {
        assert_eq!(secrets::said_in(text), Vec::<String>::new(), "{text}");
    }
    for code in said_to_rider {
        let lines: Vec<_> = log.lines().filter(|line| says_number(line, &code)).collect();
        assert!(lines.is_empty(), "the code {code} is in {lines:#?}");
    }
}

/// A value of its own for every secret of the settings; those of companies are what they ask for.
fn settings(companies: &[&Company], sms: &Sparrow) -> Vec<(String, String)> {
    let named = SETTINGS.lines().filter_map(|line| {
        let (_, rest) = line.split_once(": only as ")?;
        rest.split_whitespace().next()
    });
    let mut all: Vec<(String, String)> = Vec::new();
    for name in named.filter(|name| !name.contains("__AUTH__")) {
        let value = format!("planted-{}", name.to_lowercase());
        secrets::plant(&value);
        all.push((name.to_owned(), value));
    }
    assert!(all.len() >= 10, "{all:?}");
    let of_companies = companies.iter().flat_map(|company| company.variables());
    let known = of_companies.chain(sms.variables().map(|(name, value)| (name, value.to_owned())));
    for (name, value) in known {
        all.retain(|(other, _)| other != name);
        all.push((name.to_owned(), value));
    }
    for (name, value) in
        [("PAYMENTS__ESEWA__PRODUCT_CODE", "EPAYTEST"), ("TELEMETRY__LOG", "debug")]
    {
        all.push((format!("CHARGEGHAR__{name}"), value.to_owned()));
    }
    assert!(
        SECRETS.iter().filter(|secret| all.iter().any(|(_, value)| value == *secret)).count() > 2
    );
    all
}

/// The keys that the service made for itself, and the password that follows from one of them.
fn plant_keys(place: &Place) {
    let key = |name: &str| std::fs::read_to_string(place.data().join("keys").join(name)).unwrap();
    let (signing, server) = (key("signing.pem"), key("server.key"));
    for line in signing.lines().filter(|line| !line.starts_with('-')) {
        secrets::plant(line);
    }
    secrets::plant(server.trim());
    let server = hex::decode(server.trim()).unwrap();
    let password = Credentials::new(&server).password(&DeviceUuid::from(CABINET), 1);
    secrets::plant(password.expose());
}

/// A login with a wrong code before the right one; the codes.
async fn log_in(place: &Place, sms: &Sparrow) -> (App, Vec<String>) {
    let app = App::new(&place.base_url());
    let who = json!({ "identifier": PHONE });
    assert_eq!(app.post("/api/auth/otp/request", &who).await.status, 200);
    let codes = sms.codes(PHONE);
    let wrong = json!({ "identifier": PHONE, "otp": "1" });
    assert_eq!(app.post("/api/auth/otp/verify", &wrong).await.status, 400);
    let right = json!({ "identifier": PHONE, "otp": codes[0] });
    let verified = app.post("/api/auth/otp/verify", &right).await;
    let token = verified.data()["verification_token"].as_str().unwrap();
    secrets::plant(token);
    let name = json!({ "identifier": PHONE, "verification_token": token, "username": "somebody" });
    let session = app.post("/api/auth/complete", &name).await;
    let tokens = session.data()["tokens"].clone();
    let refresh = json!({ "refresh": tokens["refresh"] });
    let renewed = app.post("/api/auth/refresh", &refresh).await;
    for tokens in [&tokens, renewed.data()] {
        for token in ["access", "refresh"].iter().filter_map(|name| tokens[*name].as_str()) {
            secrets::plant(token);
        }
    }
    let made_up = json!({ "refresh": format!("{}x", tokens["refresh"].as_str().unwrap()) });
    assert_eq!(app.post("/api/auth/refresh", &made_up).await.status, 400);
    let again = app.post("/api/auth/otp/request", &who).await;
    assert!(again.status < 500, "{again:?}");
    (app.bearing(tokens["access"].as_str().unwrap()), codes)
}

/// A payment begun at each company, and news that are not Stripe's.
async fn move_money(app: &App) {
    for gateway in ["khalti", "stripe"] {
        let wish = json!({ "amount": "100", "payment_method_id": gateway });
        let intent = app.post("/api/payments/wallet/topup-intent", &wish).await;
        assert!(intent.status < 500, "{intent:?}");
        let asked = json!({ "intent_id": intent.body["data"]["intent_id"] });
        assert!(app.post("/api/payments/verify", &asked).await.status < 500);
    }
    let forged = app.post("/api/payments/stripe/webhook", &json!({ "id": "evt_1" })).await;
    assert!((400..500).contains(&forged.status), "{forged:?}");
}

/// Whether a line says a number, and not a longer one with the same digits or a part of a second.
fn says_number(line: &str, number: &str) -> bool {
    line.match_indices(number).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + number.len()..].chars().next();
        let is_part = |c: Option<char>| c.is_some_and(|c| c.is_ascii_digit() || c == '.');
        !is_part(before) && !after.is_some_and(|c| c.is_ascii_digit())
    })
}

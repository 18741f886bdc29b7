//! What only a person can say: how an eject ended of which nobody knows, where a bank is that
//! no cabinet saw come back, and what became of an incident.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn an_eject_that_an_operator_calls_out_bills_the_rider_once() {
    let (closes, is_one) =
        ("CHARGEGHAR__RENTALS__RETURN_YOUNG_S", "CHARGEGHAR__RENTALS__SAME_STATION_S");
    let mut scene = Scene::set(&[(closes, "0"), (is_one, "0")]).await;
    let (rider, code) = scene.unknown_rental().await;
    let settle =
        |verdict| ["rental", "settle", &*code, verdict, "--reason", "the rider has it in hand"];

    let short = scene.refusal(&["rental", "settle", &code, "--out", "--reason", "ok"]).await;
    assert!(short.contains("say in a few words"), "{short}");
    let early = ["rental", "settle", &code, "--returned", SERIAL, "--reason", "seen in slot 1"];
    let early = scene.refusal(&early).await;
    assert!(early.contains("say first whether its bank left"), "{early}");
    assert_eq!(rider.balance().await, "50.00", "held");
    let settled = scene.json(&settle("--out")).await;

    assert_eq!((&settled["status"], &settled["code"]), (&"ACTIVE".into(), &(*code).into()));
    assert_eq!(rider.balance().await, "50.00");
    let captured = "select count(*) from ledger_transfers where kind = 'capture'";
    assert_eq!(scene.database.number(captured).await, 1);
    assert_eq!(scene.custody().await, "rental");
    for verdict in ["--out", "--not-out"] {
        let again = scene.refusal(&settle(verdict)).await;
        assert!(again.contains("say --returned STATION when it is back"), "{again}");
    }
    assert_eq!(scene.database.number(captured).await, 1);
    audited(&scene, &code, &["out"]).await;
    let write_off = ["rental", "write-off", &code, "--reason", "the rider has left the country"];
    let grows = scene.refusal(&write_off).await;
    assert!(grows.contains("is ACTIVE: the power bank is out"), "{grows}");

    for (at, why) in [
        ("2020-01-01T00:00:00Z", "the bank left its slot only at 20"),
        ("2999-01-01T00:00:00Z", "the return lies in the future"),
    ] {
        let back = ["rental", "settle", &code, "--returned", SERIAL, "--at", at, "--reason"];
        let refused = scene.refusal(&[&back[..], &["handed in at CG-1"]].concat()).await;
        assert!(refused.contains(why), "{refused}");
    }
    assert_eq!(scene.custody().await, "rental");
    audited(&scene, &code, &["out"]).await;

    let back = ["rental", "settle", &code, "--returned", SERIAL, "--reason", "handed in at CG-1"];
    let ended = scene.json(&back).await;
    assert_eq!((&ended["status"], &ended["return_station"]), (&"COMPLETED".into(), &SERIAL.into()));
    let over = scene.refusal(&back).await;
    assert!(over.contains("is COMPLETED: there is nothing to settle"), "{over}");
    let paid = scene.refusal(&write_off).await;
    assert!(paid.contains("is COMPLETED: nothing is owed"), "{paid}");
    audited(&scene, &code, &["out", "returned"]).await;
    scene.database.audit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_eject_that_an_operator_calls_not_out_gives_the_money_back() {
    let mut scene = Scene::set(&[]).await;
    let (rider, code) = scene.unknown_rental().await;
    let settle = ["rental", "settle", &code, "--not-out", "--reason", "bank is stuck in slot 1"];

    let done = scene.run(&settle).await;

    assert!(done.stdout.contains("CANCELLED"), "{done:?}");
    assert_eq!(rider.balance().await, "100.00");
    assert_eq!(scene.custody().await, "slot");
    let again = scene.refusal(&settle).await;
    assert!(again.contains(&format!("rental {code} is CANCELLED")), "{again}");
    audited(&scene, &code, &["not_out"]).await;
    let story = scene.json(&["rental", "show", &code.to_lowercase()]).await;
    let names = |list: &str, field: &str| -> Vec<String> {
        let rows = story[list].as_array().unwrap().iter();
        rows.map(|row| row[field].as_str().or(row["event"]["type"].as_str()).unwrap().to_owned())
            .collect()
    };
    assert_eq!(names("transfers", "kind"), ["hold", "void"]);
    assert_eq!(names("events", "type"), ["started", "cancelled"]);
    scene.database.audit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_node_a_rental_is_shown_and_a_verdict_says_what_to_start() {
    let mut scene = Scene::set(&[]).await;
    let (_, code) = scene.unknown_rental().await;
    scene.process.kill();
    scene.process.ended().await;

    let story = scene.json(&["rental", "show", &code]).await;
    let settle = ["rental", "settle", &code, "--out", "--reason", "the rider has it in hand"];
    let refused = scene.refusal(&settle).await;
    let nobody = scene.refusal(&["rental", "show", "NOBODY00"]).await;

    assert_eq!(story["status"], "PENDING_POPUP");
    assert!(refused.contains("start chargeghar serve"), "{refused}");
    assert!(nobody.contains("there is no rental NOBODY00; "), "{nobody}");
    assert_eq!(
        scene.database.number("select count(*) from audit where action like 'rental.%'").await,
        0
    );
    let listed = scene.json(&["station", "show", SERIAL]).await;
    assert_eq!((&listed["status"], &listed["slots"]), (&"UNKNOWN".into(), &8.into()));
    scene.place.ready(&[SHORT_PATIENCE, SHORT_PUBLISH]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_incident_is_resolved_once_and_says_by_whom() {
    let scene = Scene::set(&[("CHARGEGHAR__BANKS__UNKNOWN", "quarantine")]).await;
    let incident = until_incident(&scene, "unknown_bank").await;
    let id = incident["id"].as_str().unwrap();
    let resolve = ["incident", "resolve", id, "--resolution", "it is a bank of the old fleet"];

    let word = scene.refusal(&["incident", "resolve", id, "--resolution", "ok"]).await;
    assert!(word.contains("say in a few words"), "{word}");
    let resolved = scene.json(&resolve).await;

    assert_eq!(resolved["state"], "resolved");
    let by = resolved["resolved_by"].as_str().unwrap();
    assert!(by.starts_with("operator:"), "{by}");
    let again = scene.refusal(&resolve).await;
    assert!(again.contains(&format!("was resolved by {by}; see incident show")), "{again}");
    assert_eq!(scene.json(&["incident", "list"]).await, serde_json::json!([]));
    assert_eq!(scene.json(&["incident", "list", "--all"]).await.as_array().unwrap().len(), 1);
    let no_id = scene.refusal(&["incident", "show", "17"]).await;
    assert!(no_id.contains("see incident list"), "{no_id}");
    let nobody = "0192a1b2-0000-7000-8000-000000000000";
    let nobody = scene.refusal(&["incident", "resolve", nobody, "--resolution", "found it"]).await;
    assert!(nobody.contains("see incident list"), "{nobody}");
}

async fn until_incident(scene: &Scene, kind: &str) -> Value {
    let open = format!("select count(*) from incidents where kind = '{kind}'");
    scene.database.until(&open, "1", SOON).await;
    scene.json(&["incident", "list"]).await[0].clone()
}

/// Who said what about the rental, in order.
async fn audited(scene: &Scene, code: &str, verdicts: &[&str]) {
    let rows = scene.json(&["audit"]).await;
    let settles = rows.as_array().unwrap().iter().rev();
    let settles: Vec<&Value> = settles.filter(|row| row["action"] == "rental.settle").collect();
    assert_eq!(settles.len(), verdicts.len(), "{rows}");
    for (row, verdict) in settles.iter().zip(verdicts) {
        assert!(row["actor"].as_str().unwrap().starts_with("operator:"), "{row}");
        let details = &row["details"];
        assert_eq!(
            (&details["code"], &details["verdict"]["verdict"]),
            (&code.into(), &(*verdict).into())
        );
        assert!(details["reason"].as_str().unwrap().len() > 5, "{row}");
    }
}

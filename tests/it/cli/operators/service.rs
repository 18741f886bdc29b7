//! A station in service that is renamed, gets another password, and is taken away.

use serde_json::json;

use super::*;
use crate::harness::app::App;

#[tokio::test(flavor = "multi_thread")]
async fn a_station_that_is_renamed_is_shown_so_at_once_and_goes_on_renting() {
    let mut scene = Scene::set(&[]).await;
    let rider = Rider::with_money(&mut scene.process, &scene.place.base_url(), 100).await;
    rider.until_banks(SERIAL, 1).await;
    let app = App::new(&scene.place.base_url());

    let nothing = scene.refusal(&["station", "set", SERIAL]).await;
    assert!(nothing.contains("say what is to change"), "{nothing}");
    let nowhere = scene.refusal(&["station", "set", SERIAL, "--lat", "0", "--lng", "0"]).await;
    assert!(nowhere.contains("is no place"), "{nowhere}");
    let place = ["--name", "Patan Gate", "--lat", "27.6766", "--lng", "85.3252"];
    let set = [&["station", "set", UUID, "--address", "Lalitpur"][..], &place].concat();
    let said = scene.json(&set).await;

    assert_eq!((&said["name"], &said["address"]), (&"Patan Gate".into(), &"Lalitpur".into()));
    let shown = app.get(&format!("/api/stations/{SERIAL}")).await;
    assert_eq!(shown.data()["station_name"], "Patan Gate", "{shown:?}");
    let named = scene.json(&["station", "set", SERIAL, "--name", "Patan Durbar"]).await;
    assert_eq!((&named["lat"], &named["address"]), (&json!(27.6766), &"Lalitpur".into()));
    let rental = rider.rent(SERIAL).await.unwrap();
    assert_eq!(rental["status"], "ACTIVE", "{rental}");
    let on = scene.json(&["station", "maintenance", SERIAL, "on"]).await;
    assert_eq!((&on["maintenance"], &on["name"]), (&true.into(), &"Patan Durbar".into()));
    let audited = "select count(*) from audit where action = 'station.set' and target = 'CG-1'
        and actor like 'operator:%'";
    assert_eq!(scene.database.number(audited).await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cabinet_whose_password_is_changed_is_put_out_and_comes_back_with_the_new_one() {
    let scene = Scene::set(&[]).await;
    scene.cabinet.wait_online(SOON).await.unwrap();
    let before = scene.cabinet.counts();

    let rotated = scene.json(&["station", "rotate", SERIAL]).await;

    assert_eq!(rotated, json!({ "serial": SERIAL, "uuid": UUID, "generation": 2 }));
    let back = |state: &cabinet::Snapshot| {
        let counts = &state.counts;
        let anew = counts.connects > before.connects && counts.sessions > before.sessions;
        (anew && state.is_online()).then_some(())
    };
    scene.cabinet.wait_for("another session", SOON, back).await.unwrap();
    let again = scene.json(&["station", "rotate", UUID]).await;
    assert_eq!(again["generation"], 3);
    let audited = "select count(*) from audit where action = 'station.rotate'";
    assert_eq!(scene.database.number(audited).await, 2);
    let nobody = scene.refusal(&["station", "rotate", "CG-404"]).await;
    assert!(nobody.contains("there is no station CG-404"), "{nobody}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_station_is_taken_away_by_force_only_while_something_is_in_it() {
    let mut scene = Scene::set(&[]).await;
    let rider = Rider::with_money(&mut scene.process, &scene.place.base_url(), 100).await;
    rider.until_banks(SERIAL, 1).await;
    let app = App::new(&scene.place.base_url());
    let mut map = app.stream("/api/stations/live", None).await;

    let full = scene.refusal(&["station", "remove", SERIAL]).await;
    assert!(full.contains("say --force: its banks are missing then"), "{full}");
    assert_eq!(app.get(&format!("/api/stations/{SERIAL}")).await.status, 200);
    let removed = scene.json(&["station", "remove", SERIAL, "--force"]).await;

    assert_eq!(removed, json!({ "serial": SERIAL, "uuid": UUID, "banks": [BANK] }));
    let gone = app.get(&format!("/api/stations/{SERIAL}")).await;
    assert_eq!(gone.refusal(), (404, "station_not_found"));
    assert_eq!(scene.json(&["station", "list"]).await, json!([]));
    assert_eq!(scene.custody().await, "missing");
    let mut heard = String::new();
    while !heard.contains("event: gone") {
        let part = tokio::time::timeout(SOON, map.chunk()).await.expect(&heard).unwrap();
        heard.push_str(&String::from_utf8_lossy(&part.expect(&heard)));
    }
    // its account at the broker is gone, and it gets no other
    let refused = |state: &cabinet::Snapshot| (state.counts.connects_refused > 0).then_some(());
    scene.cabinet.wait_for("a refusal", SOON, refused).await.unwrap();
    let refused = rider.refused(SERIAL).await;
    assert_eq!((refused.0, &*refused.1), (404, "station_not_found"));
    let audited = "select details::text from audit where action = 'station.remove'";
    assert_eq!(scene.database.text(audited).await, "{\"force\": true}");
    scene.database.audit().await;

    let enrolled = scene.run(&enrol(UUID, SERIAL)).await.one_document();
    assert_eq!(enrolled["serial"], SERIAL);
    rider.until_banks(SERIAL, 1).await;
    assert_eq!(scene.custody().await, "slot", "its cabinet shows where it is");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_station_is_not_taken_away_while_an_eject_has_no_end() {
    let mut scene = Scene::set(&[]).await;
    let (_, code) = scene.unknown_rental().await;

    let refused = scene.refusal(&["station", "remove", SERIAL, "--force"]).await;

    assert!(refused.contains("an eject of CG-1 has no end yet"), "{refused}");
    let settle = ["rental", "settle", &code, "--out", "--reason", "the rider has it in hand"];
    scene.json(&settle).await;
    let open = scene.refusal(&["station", "remove", SERIAL]).await;
    assert!(open.contains("a rental that began there is open"), "{open}");
    scene.json(&["station", "remove", SERIAL, "--force"]).await;
    assert_eq!(scene.custody().await, "rental", "the rider still has it");
    scene.database.audit().await;
}

//! Cabinets and banks by the command line: enrolled, looked at, asked, emptied, adopted.

use domain::ids::Sn;

use super::*;

const STRANGER: &str = "860000000000090";

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_is_pending_until_it_is_enrolled_and_then_it_is_in_service() {
    let scene = Scene::set(&[]).await;
    let fleet = Fleet::new();
    let stranger = fleet.start(Spec::new(STRANGER, scene.place.base_url()).timing(Timing::quick()));
    let seen = format!("select count(*) from pending_cabinets where device_uuid = '{STRANGER}'");
    scene.database.until(&seen, "1", SOON).await;

    let pending = scene.json(&["station", "pending"]).await;
    assert_eq!((pending.as_array().unwrap().len(), &pending[0]["uuid"]), (1, &STRANGER.into()));
    let taken = scene.refusal(&enrol(UUID, "CG-9")).await;
    assert!(taken.contains(&format!("see station show {UUID}")), "{taken}");
    let taken = scene.refusal(&enrol(STRANGER, SERIAL)).await;
    assert!(taken.contains(&format!("see station show {SERIAL}")), "{taken}");
    let wrong = scene.refusal(&enrol("8600", "CG-2")).await;
    assert!(wrong.contains("\"8600\""), "{wrong}");
    scene.run(&enrol(STRANGER, "CG-2")).await.one_document();

    stranger.wait_reported(SOON).await.unwrap();
    assert_eq!(scene.json(&["station", "pending"]).await, serde_json::json!([]));
    let stations = scene.json(&["station", "list"]).await;
    assert_eq!(stations.as_array().unwrap().len(), 2);
    let audited = "select count(*) from audit where action = 'station.enrol'
        and actor like 'operator:%' and target in ('CG-1', 'CG-2')";
    assert_eq!(scene.database.number(audited).await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cabinet_is_checked_shown_and_a_bank_taken_out_by_its_slot() {
    let scene = Scene::set(&[]).await;
    until_banks(&scene, 1).await;
    let asked = |name: &str| scene.cabinet.counts().command(name);
    let before = asked("check_all");

    let checked = scene.json(&["station", "check", SERIAL]).await;
    assert_eq!(checked, serde_json::json!({ "reported": true }));
    assert!(asked("check_all") > before);
    let audited = "select count(*) from audit where action = 'station.check'
        and actor like 'operator:%' and target = 'CG-1'";
    assert_eq!(scene.database.number(audited).await, 1);
    let shown = scene.json(&["station", "show", UUID]).await;
    assert_eq!((&shown["status"], &shown["reachable"]), (&"ONLINE".into(), &true.into()));
    let content = shown["content"].as_array().unwrap();
    let full: Vec<&Value> = content.iter().filter(|slot| slot["bank"] == BANK).collect();
    assert_eq!((content.len(), full.len(), &full[0]["rentable"]), (8, 1, &true.into()));
    let slot = full[0]["slot"].to_string();

    let empty = scene.refusal(&["station", "eject", SERIAL, "--slot", "7"]).await;
    assert!(empty.contains("the slot holds no bank; see station show CG-1"), "{empty}");
    let ejected = scene.json(&["station", "eject", SERIAL, "--slot", &slot]).await;
    assert_eq!(ejected, serde_json::json!({ "bank": BANK }));
    scene.cabinet.wait_ejected(&Sn::from(BANK), SOON).await.unwrap();
    assert_eq!(asked("popup_sn"), 1);
    scene.database.until("select custody from banks", "missing", SOON).await;
    let audited = "select actor || ' ' || (details->>'bank') from audit
        where action = 'station.eject'";
    let audited = scene.database.text(audited).await;
    assert!(audited.starts_with("operator:") && audited.ends_with(BANK), "{audited}");

    scene.cabinet.cut(cabinet::Cut::Both);
    let silent = scene.run(&["station", "check", SERIAL, "--json"]).await;
    assert_eq!((silent.code, &*silent.stdout), (Some(1), "{\"reported\":false}\n"));
    let nobody = scene.refusal(&["station", "show", "CG-404"]).await;
    assert!(nobody.contains("there is no station CG-404; see station list"), "{nobody}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_numbers_of_a_node_count_stations_and_open_rentals() {
    let scene = Scene::set(&[]).await;
    let url = format!("{}/metrics", scene.place.base_url());
    let clock = chargeghar::clock::Clock::system();
    let deadline = clock.running() + SOON;
    let wanted = [
        "chargeghar_station_presence_count{presence=\"ONLINE\"} 1",
        "chargeghar_station_presence_count{presence=\"OFFLINE\"} 0",
        "chargeghar_rental_open_count{status=\"ACTIVE\"} 0",
    ];
    loop {
        let text = reqwest::get(&url).await.unwrap().text().await.unwrap();
        let missing = wanted.iter().find(|line| !text.contains(**line));
        let Some(missing) = missing else { break };
        assert!(clock.running() < deadline, "no {missing} in {text}");
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_cabinet_may_get_wrong_and_its_area_are_set_by_the_command_line() {
    let scene = Scene::set(&[]).await;
    let row = "select concat_ws(' ', lenient, strict_sign, area_code, name) from stations";
    assert_eq!(scene.database.text(row).await, "f f 0 Thamel");

    let set = ["station", "set", SERIAL, "--lenient", "on", "--strict-sign", "on"];
    scene.json(&[&set[..], &["--area-code", "7"]].concat()).await;
    assert_eq!(scene.database.text(row).await, "t t 7 Thamel");
    scene.json(&["station", "set", SERIAL, "--lenient", "off"]).await;
    assert_eq!(scene.database.text(row).await, "f t 7 Thamel");

    let nothing = scene.refusal(&["station", "set", SERIAL]).await;
    assert!(nothing.contains("--lenient"), "{nothing}");
    let audited = "select count(*) from audit where action = 'station.set'";
    assert_eq!(scene.database.number(audited).await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slot_under_maintenance_is_offered_to_nobody_before_and_after_a_restart() {
    let mut scene = Scene::set(&[]).await;
    until_banks(&scene, 1).await;
    let slot = full_slot(&scene).await["slot"].to_string();
    let close = ["station", "maintenance", SERIAL, "on", "--slot", &slot];

    let closed = scene.json(&close).await;
    assert_eq!((&closed["maintenance"], &closed["banks"]), (&false.into(), &0.into()), "{closed}");
    until_banks(&scene, 0).await;
    until_state(&scene, "maintenance").await;
    assert_eq!(listed(&scene, &slot).await, "MAINTENANCE");
    let nowhere = scene.refusal(&["station", "maintenance", SERIAL, "off", "--slot", "99"]).await;
    assert!(nowhere.contains("CG-1 has no slot 0/99; see station show CG-1"), "{nowhere}");
    let rider = Rider::with_money(&mut scene.process, &scene.place.base_url(), 100).await;
    let (status, code, _) = rider.refused(SERIAL).await;
    assert_eq!((status, &*code), (400, "no_power_bank_available"));

    scene.process.terminate();
    scene.process.ended().await;
    scene.process = scene.place.ready(&[]).await;
    until_banks(&scene, 0).await;
    assert_eq!(full_slot(&scene).await["state"], "maintenance");
    assert_eq!(listed(&scene, &slot).await, "MAINTENANCE");

    let open = scene.run(&["station", "maintenance", SERIAL, "off", "--slot", &slot]).await;
    assert!(open.stdout.contains("is in service again"), "{}", open.stdout);
    until_banks(&scene, 1).await;
    assert_eq!(full_slot(&scene).await["state"], "occupied");
    let audited = "select string_agg(concat_ws(' ', details->>'slot', details->>'on'), ', '
        order by at) from audit where action = 'station.maintenance' and details ? 'slot'";
    assert_eq!(scene.database.text(audited).await, format!("{slot} true, {slot} false"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bank_in_quarantine_is_offered_once_it_is_adopted() {
    let scene = Scene::set(&[("CHARGEGHAR__BANKS__UNKNOWN", "quarantine")]).await;
    let quarantined = "select count(*) from banks where custody = 'quarantine'";
    scene.database.until(quarantined, "1", SOON).await;
    until_banks(&scene, 0).await;

    let wrong = scene.refusal(&["bank", "adopt", "no serial"]).await;
    assert!(wrong.contains("it is the number printed on it"), "{wrong}");
    let adopted = scene.json(&["bank", "adopt", BANK, "40818099"]).await;

    let custodies: Vec<&str> =
        adopted.as_array().unwrap().iter().map(|row| row["custody"].as_str().unwrap()).collect();
    assert_eq!(custodies, ["slot", "missing"], "{adopted}");
    until_banks(&scene, 1).await;
    scene.json(&["bank", "adopt", BANK]).await;
    let audited = "select count(*) from audit where action = 'bank.adopt'";
    assert_eq!(scene.database.number(audited).await, 2, "the second time there was nothing to do");
}

/// Waits until so many banks can be rented there.
async fn until_banks(scene: &Scene, count: u16) {
    let clock = chargeghar::clock::Clock::system();
    let deadline = clock.running() + SOON;
    loop {
        let station = scene.json(&["station", "show", SERIAL]).await;
        if station["banks"] == count && station["stale"] == false {
            return;
        }
        assert!(clock.running() < deadline, "not {count} banks in time: {station}");
    }
}

/// The slot that has the bank, for an operator.
async fn full_slot(scene: &Scene) -> Value {
    let station = scene.json(&["station", "show", SERIAL]).await;
    let content = station["content"].as_array().unwrap();
    content.iter().find(|slot| slot["bank"] == BANK).unwrap().clone()
}

async fn until_state(scene: &Scene, state: &str) {
    let clock = chargeghar::clock::Clock::system();
    let deadline = clock.running() + SOON;
    loop {
        let slot = full_slot(scene).await;
        if slot["state"] == state {
            return;
        }
        assert!(clock.running() < deadline, "not {state} in time: {slot}");
    }
}

/// What riders see of a slot.
async fn listed(scene: &Scene, slot: &str) -> String {
    let url = format!("{}/api/stations/{SERIAL}", scene.place.base_url());
    let body: Value = reqwest::get(&url).await.unwrap().json().await.unwrap();
    let slots = body["data"]["slots"].as_array().unwrap();
    let number: u16 = slot.parse().unwrap();
    let shown = slots.iter().find(|row| row["slot_number"] == number).unwrap();
    shown["status"].as_str().unwrap().to_owned()
}

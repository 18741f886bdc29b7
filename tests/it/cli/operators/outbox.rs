//! What could not be delivered to the outside, and another try of it.

use super::*;
use crate::harness::app::App;

const TOPPED_UP: &str = "0192a1b2-0000-7000-8000-000000000001";
const OF_TOMORROW: &str = "0192a1b2-0000-7000-8000-000000000002";

#[tokio::test(flavor = "multi_thread")]
async fn what_was_set_aside_is_listed_counted_and_tried_again() {
    let scene = Scene::set(&[]).await;
    let effects = [
        (
            TOPPED_UP,
            "dead",
            "{\"type\": \"notify_rider\", \"rider\": 1,
            \"template\": {\"template\": \"topped_up\", \"amount\": \"5.00\"}}",
        ),
        // no node of today knows it
        (OF_TOMORROW, "owed", "{\"type\": \"ring_a_bell\"}"),
    ];
    for (id, state, effect) in effects {
        let sql = format!(
            "insert into outbox (id, effect, created_at, due_at, attempts, state, last_error)
             values ('{id}', '{effect}', now(), now(), 12, '{state}', 'no such phone')"
        );
        scene.database.run(&sql).await;
    }
    let dead = "select count(*) from outbox where state = 'dead'";
    scene.database.until(dead, "2", SOON).await;

    let listed = scene.json(&["outbox", "list"]).await;
    let ids: Vec<&Value> = listed.as_array().unwrap().iter().map(|row| &row["id"]).collect();
    assert_eq!(ids, [TOPPED_UP, OF_TOMORROW]);
    let shown = scene.json(&["outbox", "show", TOPPED_UP]).await;
    assert_eq!((&shown["last_error"], &shown["attempts"]), (&"no such phone".into(), &12.into()));
    assert!(scene.run(&["outbox", "list"]).await.stdout.contains("topped_up"));
    let nobody = scene.refusal(&["outbox", "show", "17"]).await;
    assert!(nobody.contains("there is no effect 17; see outbox list --all"), "{nobody}");

    let again = scene.json(&["outbox", "redrive", TOPPED_UP]).await;

    assert_eq!(again, serde_json::json!({ "again": 1 }));
    let state = format!("select state from outbox where id = '{TOPPED_UP}'");
    scene.database.until(&state, "done", SOON).await;
    let metrics = App::new(&scene.place.base_url()).stream("/metrics", None).await;
    let metrics = metrics.text().await.unwrap();
    assert!(metrics.contains("\nchargeghar_outbox_dead 1\n"), "{metrics}");
    let delivered = scene.refusal(&["outbox", "redrive", TOPPED_UP]).await;
    assert!(delivered.contains("is not set aside"), "{delivered}");

    let again = scene.json(&["outbox", "redrive", "--all"]).await;
    assert_eq!(again, serde_json::json!({ "again": 1 }));
    scene.database.until(dead, "1", SOON).await;
    let audited = "select string_agg(target, ' ' order by at) from audit
        where action = 'outbox.redrive' and actor like 'operator:%'";
    let audited = scene.database.text(audited).await;
    assert_eq!(audited, format!("effect:{TOPPED_UP} effect:all"));
}

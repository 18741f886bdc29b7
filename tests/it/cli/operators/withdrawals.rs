//! Money out of wallets by the command line: looked at, approved, paid out, refused.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_withdrawal_is_approved_and_paid_out_once_and_much_money_needs_two() {
    let mut scene = Scene::set(&[]).await;
    let rider = Rider::with_money(&mut scene.process, &scene.place.base_url(), 10_000).await;
    let little = rider.ask_out(1_000).await.unwrap();
    let much = rider.ask_out(6_000).await.unwrap();
    let reference = little["internal_reference"].as_str().unwrap();
    let big = much["internal_reference"].as_str().unwrap();

    let waiting = scene.json(&["withdrawal", "list"]).await;
    let waiting: Vec<&Value> =
        waiting.as_array().unwrap().iter().map(|row| &row["reference"]).collect();
    assert_eq!(waiting, [reference, big]);
    let shown = scene.run(&["withdrawal", "show", &reference.to_lowercase()]).await;
    assert!(shown.stdout.contains("1000.00 / 30.00 / 970.00 NPR"), "{shown:?}");
    assert!(shown.stdout.contains("esewa: 9800000000"), "{shown:?}");

    let complete = ["withdrawal", "complete", reference, "--reference", "E-77"];
    let early = scene.refusal(&complete).await;
    assert!(early.contains("is REQUESTED: approve it first"), "{early}");
    let approved = scene.json(&["withdrawal", "approve", reference]).await;
    assert!(approved["approved_by"].as_str().unwrap().starts_with("operator:"), "{approved}");
    let paid = scene.json(&complete).await;
    assert_eq!([&paid["status"], &paid["payout_reference"]], ["COMPLETED", "E-77"]);
    let again = scene.refusal(&complete).await;
    assert!(again.contains("is COMPLETED: there is nothing to do"), "{again}");

    scene.json(&["withdrawal", "approve", big]).await;
    let same = scene.refusal(&["withdrawal", "complete", big, "--reference", "E-78"]).await;
    assert!(same.contains("somebody else has to complete it"), "{same}");
    let word = scene.refusal(&["withdrawal", "reject", big, "--reason", "no"]).await;
    assert!(word.contains("say in a few words"), "{word}");
    let reason = ["withdrawal", "reject", big, "--reason", "the account does not exist"];
    assert_eq!(scene.json(&reason).await["status"], "REJECTED");
    assert_eq!(rider.balance().await, "9000.00");
    assert_eq!(scene.json(&["withdrawal", "list"]).await, serde_json::json!([]));
    let nobody = scene.refusal(&["withdrawal", "show", "WD0000000000"]).await;
    assert!(nobody.contains("see withdrawal list --all"), "{nobody}");
    let audited = "select count(*) from audit where action like 'withdrawal.%'
        and actor like 'operator:%'";
    assert_eq!(scene.database.number(audited).await, 4);
    scene.database.audit().await;
}

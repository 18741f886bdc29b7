//! Commands that change money, said twice with a key: carried out once, and answered again as they
//! were the first time. Another command cannot have the key.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_command_with_a_key_is_carried_out_once_and_answered_again() {
    let mut scene = Scene::set(&[]).await;
    let rider = Rider::with_money(&mut scene.process, &scene.place.base_url(), 10_000).await;
    let [name, other] = [asked_out(&rider, 1_000).await, asked_out(&rider, 2_000).await];
    let approve = ["withdrawal", "approve", &name, "--key", "a-1"];
    let approved = scene.json(&approve).await;
    assert_eq!(approved["status"], "APPROVED");

    let complete =
        ["withdrawal", "complete", &name, "--reference", "E-77", "--key", "c-1", "--json"];
    let both = tokio::join!(scene.run(&complete), scene.run(&complete));

    let paid = both.0.one_document();
    assert_eq!([&paid["status"], &paid["payout_reference"]], ["COMPLETED", "E-77"]);
    assert_eq!(both.1.one_document(), paid, "two at once are one");
    assert_eq!(scene.json(&approve).await, approved, "as it was answered");
    let without = scene.refusal(&complete[..5]).await;
    assert!(without.contains("is COMPLETED: there is nothing to do"), "{without}");
    for wrong in [
        &["withdrawal", "complete", &name, "--reference", "E-78", "--key", "c-1"][..],
        &["withdrawal", "approve", &other, "--key", "a-1"],
        &["withdrawal", "reject", &other, "--reason", "he asked twice", "--key", "a-1"],
    ] {
        let used = scene.refusal(wrong).await;
        assert!(used.contains("was used for another command; take a new one"), "{used}");
    }
    for key in ["", "two words", "é"] {
        let no_key = scene.refusal(&["withdrawal", "approve", &other, "--key", key]).await;
        assert!(no_key.contains("1 to 255 visible characters"), "{no_key}");
    }

    assert_eq!(rider.balance().await, "7000.00");
    assert_eq!(told(&scene, "withdrawal").await, ["withdrawal.approve", "withdrawal.complete"]);
    let waits = format!("select status from withdrawals where reference = '{other}'");
    assert_eq!(scene.database.text(&waits).await, "REQUESTED");
    scene.database.audit().await;
}

/// A refusal keeps no record: what may be done later is done with the same key.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_of_a_refused_command_is_free_and_without_a_node_it_is_answered_too() {
    let mut scene = Scene::set(&[]).await;
    let rider = Rider::with_money(&mut scene.process, &scene.place.base_url(), 800).await;
    let name = rider.ask_back("TOPUP").await;
    let process = ["refund", "process", &name, "--key", "p-1"];

    let early = scene.refusal(&process).await;
    assert!(early.contains("is REQUESTED: approve it first"), "{early}");
    let mobile = ["refund", "process", &name, "--mobile", "12345"];
    let mobile = scene.refusal(&mobile).await;
    assert!(mobile.contains("10 digits and starts with 97 or 98"), "{mobile}");
    let approve = ["refund", "approve", &name, "--key", "a-1"];
    let approved = scene.json(&approve).await;
    let mobile = ["refund", "process", &name, "--mobile", "9800000001"];
    let mobile = scene.refusal(&mobile).await;
    assert!(mobile.contains("without --mobile"), "{mobile}");
    let sent = scene.json(&process).await;
    assert_eq!(sent["status"], "PROCESSING");
    let ended = format!("select status from refunds where reference = '{name}'");
    scene.process.kill();
    scene.process.ended().await;

    assert_eq!(scene.json(&approve).await, approved);
    assert_eq!(scene.json(&process).await, sent);
    assert_eq!(told(&scene, "refund").await, ["refund.approve", "refund.process"]);
    let status = scene.database.text(&ended).await;
    assert!(["PROCESSING", "PROCESSED"].contains(&&*status), "{status}");
    scene.database.audit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_verdict_with_a_key_is_given_once() {
    let mut scene = Scene::set(&[]).await;
    let (rider, code) = scene.unknown_rental().await;
    let said = ["--reason", "bank is stuck in slot 1", "--key", "s-1"];
    let settle = |verdict| [&["rental", "settle", &*code, verdict][..], &said].concat();

    let settled = scene.json(&settle("--not-out")).await;
    let again = scene.json(&settle("--not-out")).await;

    assert_eq!((&settled["status"], &again), (&"CANCELLED".into(), &settled));
    let other = scene.refusal(&settle("--out")).await;
    assert!(other.contains("was used for another command"), "{other}");
    let write_off = ["rental", "write-off", &code, "--reason", "bank is stuck", "--key", "s-1"];
    let other = scene.refusal(&write_off).await;
    assert!(other.contains("was used for another command"), "{other}");
    assert_eq!(told(&scene, "rental").await, ["rental.settle"]);
    assert_eq!(rider.balance().await, "100.00");
    scene.database.audit().await;
}

async fn asked_out(rider: &Rider, rupees: u32) -> String {
    let asked = rider.ask_out(rupees).await.unwrap();
    asked["internal_reference"].as_str().unwrap().to_owned()
}

/// What operators did about such things, in order.
async fn told(scene: &Scene, of: &str) -> Vec<String> {
    let rows = scene.json(&["audit"]).await;
    let actions = rows.as_array().unwrap().iter().rev().map(|row| row["action"].as_str().unwrap());
    actions.filter(|action| action.starts_with(&format!("{of}."))).map(str::to_owned).collect()
}

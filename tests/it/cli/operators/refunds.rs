//! Money that goes back, by the command line: looked at, approved, given back by two, refused.

use super::*;

/// The gateway is told soon.
const QUICK_SWEEPS: (&str, &str) = ("CHARGEGHAR__NODE__SWEEP_S", "1");

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_is_approved_and_given_back_once_and_much_money_needs_two() {
    let mut scene = Scene::set(&[QUICK_SWEEPS]).await;
    let base_url = scene.place.base_url();
    let rider = Rider::with_money(&mut scene.process, &base_url, 800).await;
    let rich = Rider::with_money(&mut scene.process, &base_url, 5_000).await;
    let (little, much) = (rider.ask_back("TOPUP").await, rich.ask_back("TOPUP").await);

    let waiting = scene.json(&["refund", "list"]).await;
    let waiting: Vec<&Value> =
        waiting.as_array().unwrap().iter().map(|row| &row["reference"]).collect();
    assert_eq!(waiting, [&*little, &*much]);
    let shown = scene.run(&["refund", "show", &little.to_lowercase()]).await;
    assert!(shown.stdout.contains("800.00 NPR"), "{shown:?}");
    assert!(shown.stdout.contains("it was not what I wanted"), "{shown:?}");

    let process = ["refund", "process", &little];
    let early = scene.refusal(&process).await;
    assert!(early.contains("is REQUESTED: approve it first"), "{early}");
    let approved = scene.json(&["refund", "approve", &little]).await;
    assert!(approved["approved_by"].as_str().unwrap().starts_with("operator:"), "{approved}");
    assert_eq!(scene.json(&process).await["status"], "PROCESSING");
    let ended = format!("select status from refunds where reference = '{little}'");
    scene.database.until(&ended, "PROCESSED", SOON).await;
    let again = scene.refusal(&process).await;
    assert!(again.contains("is PROCESSED: there is nothing to do"), "{again}");
    let bounced = ["refund", "bounced", &little, "--reason", "the account is closed"];
    assert!(scene.refusal(&bounced).await.contains("there is nothing to do"));
    assert_eq!(rider.balance().await, "0.00");

    scene.json(&["refund", "approve", &much]).await;
    let same = scene.refusal(&["refund", "process", &much]).await;
    assert!(same.contains("somebody else has to process it"), "{same}");
    let word = scene.refusal(&["refund", "reject", &much, "--reason", "no"]).await;
    assert!(word.contains("say in a few words"), "{word}");
    let number = scene.refusal(&["refund", "arrived", &much, "--number", "N-1"]).await;
    assert!(number.contains("is APPROVED: process or reject it"), "{number}");
    let reason = ["refund", "reject", &much, "--reason", "the rider asked twice"];
    assert_eq!(scene.json(&reason).await["status"], "REJECTED");
    assert_eq!(rich.balance().await, "5000.00");
    assert_eq!(scene.json(&["refund", "list"]).await, serde_json::json!([]));
    let all = scene.json(&["refund", "list", "--all"]).await;
    assert_eq!(all.as_array().unwrap().len(), 2, "{all}");
    let nobody = scene.refusal(&["refund", "show", "REF0000000000"]).await;
    assert!(nobody.contains("see refund list --all"), "{nobody}");
    let audited = "select count(*) from audit where action like 'refund.%'
        and actor like 'operator:%'";
    assert_eq!(scene.database.number(audited).await, 4);
    scene.database.audit().await;
}

//! The service dies between what the gateway did and what is stored of it: the money is credited
//! once, by the sweeper alone, because nobody comes back to ask.

use domain::ledger::Gateway;

use crate::fakes::Company;
use crate::fakes::books::Outcome;
use crate::harness::database::Database;
use crate::harness::process::{Place, Rider, SOON};

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_cut_before_its_settlement_is_credited_once_after_the_restart() {
    dies_at("before_settle_commit").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_cut_after_its_settlement_is_not_credited_again() {
    dies_at("after_settle_commit").await;
}

async fn dies_at(instant: &str) {
    let database = Database::fresh().await;
    let khalti = Company::open(Gateway::Khalti).await;
    let place = Place::on(&database);
    let of_khalti = khalti.variables();
    let mut variables: Vec<(&str, &str)> =
        of_khalti.iter().map(|(name, value)| (*name, value.as_str())).collect();
    variables.push(("CHARGEGHAR__NODE__SWEEP_S", "1"));
    let mut process = place.ready(&variables).await;
    // a top-up of the sandbox would meet the failpoint: the rider comes before it is set
    let rider = Rider::with_money(&mut process, &place.base_url(), 100).await;
    process.terminate();
    process.ended().await;
    let failing = [&variables[..], &[("CHARGEGHAR_FAILPOINT", instant)]].concat();
    let mut process = place.ready(&failing).await;
    let intent = rider.begin_to_pay("khalti", 500).await;
    khalti.play(&khalti.only_order(), Outcome::Paid);

    assert!(rider.verify(&intent).await.is_err(), "the service survived");
    assert!(!process.ended().await.success());
    // its time has come, and nobody asks
    let due = "update payment_intents set next_check_at = now() where status <> 'COMPLETED'";
    database.run(due).await;
    let _process = place.ready(&variables).await;

    let status = format!("select status from payment_intents where id = '{intent}'");
    database.until(&status, "COMPLETED", SOON).await;
    assert_eq!(rider.balance().await, "600.00");
    assert_eq!(rider.verify(&intent).await.unwrap()["status"], "COMPLETED");
    assert_eq!(rider.balance().await, "600.00");
    let credits = format!("select count(*) from ledger_transfers where intent_id = '{intent}'");
    assert_eq!(database.number(&credits).await, 1);
    database.audit().await;
}

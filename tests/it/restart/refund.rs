//! The service dies in the middle of a refund: around the commit that gives it back, around the
//! call that tells a gateway, and around the commit of what came of it. Whatever the instant, it is
//! given back once.

use cabinet::{Fleet, Layout, Spec, Timing};
use domain::ledger::Gateway;

use super::enrol;
use crate::fakes::Company;
use crate::fakes::books::{Call, Outcome};
use crate::harness::database::Database;
use crate::harness::process::{Place, Process, Rider, SOON};

/// Those that are told by a call.
const TOLD: [Gateway; 2] = [Gateway::Khalti, Gateway::Stripe];
const ONE_SECOND: (&str, &str) = ("CHARGEGHAR__NODE__SWEEP_S", "1");
/// A return closes a rental however young it is.
const OLD_AT_ONCE: (&str, &str) = ("CHARGEGHAR__RENTALS__RETURN_YOUNG_S", "0");

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_cut_before_its_gateway_was_told_is_told_after_the_restart() {
    for gateway in TOLD {
        told("before_refund_call", gateway, 0).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_cut_after_its_gateway_was_told_is_looked_up_and_not_told_again() {
    for gateway in TOLD {
        told("after_refund_call", gateway, 1).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_cut_before_its_end_was_stored_is_looked_up_and_not_told_again() {
    told("before_refund_end_commit", Gateway::Khalti, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_cut_after_its_end_was_stored_is_over() {
    told("after_refund_end_commit", Gateway::Khalti, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_cut_before_it_leaves_the_wallet_is_still_to_be_given() {
    let source = Source::approved(Gateway::Khalti).await;
    source.processing_dies("before_refund_commit").await;
    assert_eq!(source.database.text("select status from refunds").await, "APPROVED");
    assert_eq!(source.company.calls(Call::Refund), 0);
    let _process = source.serve("none").await;
    assert_eq!(source.rider.balance().await, "600.00");

    let done = source.place.run(&["refund", "process", &source.name, "--json"]).await;
    assert_eq!(done.one_document()["status"], "PROCESSING");

    source.given_back_once().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_cut_after_it_left_the_wallet_is_told_after_the_restart() {
    let source = Source::approved(Gateway::Khalti).await;
    source.processing_dies("after_refund_commit").await;
    assert_eq!(source.database.text("select status from refunds").await, "PROCESSING");
    let _process = source.serve("none").await;
    source.given_back_once().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_with_a_key_whose_answer_was_lost_is_answered_after_the_restart() {
    let source = Source::approved(Gateway::Khalti).await;
    let mut process = source.serve("after_refund_commit").await;
    let command = ["refund", "process", &source.name, "--key", "p-1", "--json"];
    assert_ne!(source.place.run(&command).await.code, Some(0), "the service survived");
    assert!(!process.ended().await.success());
    let _process = source.serve("none").await;

    let answered = source.place.run(&command).await.one_document();
    assert_eq!(answered["status"], "PROCESSING");
    source.given_back_once().await;

    assert_eq!(source.place.run(&command).await.one_document(), answered);
    let without = source.place.run(&command[..3]).await.refusal();
    assert!(without.contains("is PROCESSED"), "{without}");
    let told = "select count(*) from audit where action = 'refund.process'";
    assert_eq!(source.database.number(told).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rentals_refund_cut_before_its_commit_left_the_money_and_the_numbers_alone() {
    wallet("before_refund_commit", "APPROVED", "450.00", "1").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rentals_refund_cut_after_its_commit_is_there_with_its_credit_note() {
    wallet("after_refund_commit", "PROCESSED", "500.00", "2").await;
}

/// `calls` is how often the gateway was told before the service died.
async fn told(instant: &str, gateway: Gateway, calls: usize) {
    let source = Source::approved(gateway).await;
    let mut process = source.serve(instant).await;
    // its answer may come before the sweeper meets the failpoint, or not at all
    source.place.run(&["refund", "process", &source.name]).await;
    assert!(!process.ended().await.success());
    assert_eq!(source.company.calls(Call::Refund), calls, "{gateway:?} at {instant}");
    let _process = source.serve("none").await;
    source.given_back_once().await;
    assert_eq!(source.company.calls(Call::Refund), 1, "{gateway:?} at {instant}");
}

/// A top-up of 500 at a company, beside 100 in the wallet, whose refund is approved. No service
/// runs.
struct Source {
    database: Database,
    company: Company,
    place: Place,
    rider: Rider,
    name: String,
}

impl Source {
    async fn approved(gateway: Gateway) -> Source {
        let database = Database::fresh().await;
        let company = Company::open(gateway).await;
        let place = Place::on(&database);
        let mut process = serve(&place, &company, "none").await;
        let rider = Rider::with_money(&mut process, &place.base_url(), 100).await;
        let intent = rider.begin_to_pay(gateway.as_str(), 500).await;
        company.play(&company.only_order(), Outcome::Paid);
        rider.verify(&intent).await.unwrap();
        let name = rider.ask_back("TOPUP").await;
        place.run(&["refund", "approve", &name, "--json"]).await.one_document();
        ended(&mut process).await;
        Source { database, company, place, rider, name }
    }

    async fn serve(&self, failpoint: &str) -> Process {
        serve(&self.place, &self.company, failpoint).await
    }

    async fn processing_dies(&self, instant: &str) {
        let mut process = self.serve(instant).await;
        let done = self.place.run(&["refund", "process", &self.name]).await;
        assert_ne!(done.code, Some(0), "the service survived: {done:?}");
        assert!(!process.ended().await.success());
    }

    /// Its time has come, and it ends as it should.
    async fn given_back_once(&self) {
        let due = "update refunds set next_try_at = now() where status = 'PROCESSING'";
        self.database.run(due).await;
        self.database.until("select status from refunds", "PROCESSED", SOON).await;
        assert_eq!(self.company.paid_back(&self.company.only_order()), 50_000);
        assert_eq!(self.rider.balance().await, "100.00");
        let back = "select count(*) from ledger_transfers where kind = 'top_up_back'";
        assert_eq!(self.database.number(back).await, 1);
        self.database.audit().await;
    }
}

/// A service that takes payments at this company, and may die there.
async fn serve(place: &Place, company: &Company, failpoint: &str) -> Process {
    let of_company = company.variables();
    let mut variables: Vec<(&str, &str)> =
        of_company.iter().map(|(name, value)| (*name, value.as_str())).collect();
    variables.extend([ONE_SECOND, ("CHARGEGHAR_FAILPOINT", failpoint)]);
    place.ready(&variables).await
}

/// A rental of 50 of a rider with 500, given back to the wallet by a service that dies.
async fn wallet(instant: &str, status: &str, balance: &str, documents: &str) {
    let database = Database::fresh().await;
    let cabinets = [("860000000000017", "CG-1"), ("860000000000025", "CG-2")];
    for (uuid, serial) in cabinets {
        enrol(&database, uuid, serial).await;
    }
    let place = Place::on(&database);
    let mut process = place.ready(&[OLD_AT_ONCE]).await;
    let fleet = Fleet::new();
    let spec = |uuid: &str| {
        let spec = Spec::new(uuid, place.base_url()).layout(Layout::marker(&[4, 4]));
        spec.timing(Timing::quick())
    };
    let first = fleet.start(spec(cabinets[0].0).with_banks(["40818048"]));
    let second = fleet.start(spec(cabinets[1].0));
    let rider = Rider::with_money(&mut process, &place.base_url(), 500).await;
    rider.until_banks("CG-1", 1).await;
    second.wait_reported(SOON).await.unwrap();
    rider.rent("CG-1").await.unwrap();
    second.insert(first.take(&"40818048".into()).unwrap(), None).unwrap();
    database.until("select status from rentals", "COMPLETED", SOON).await;
    let name = rider.ask_back("RENTAL").await;
    place.run(&["refund", "approve", &name, "--json"]).await.one_document();
    ended(&mut process).await;

    let mut process = place.ready(&[("CHARGEGHAR_FAILPOINT", instant)]).await;
    let done = place.run(&["refund", "process", &name]).await;
    assert_ne!(done.code, Some(0), "the service survived: {done:?}");
    assert!(!process.ended().await.success());
    let _process = place.ready(&[]).await;

    assert_eq!(database.text("select status from refunds").await, status);
    assert_eq!(rider.balance().await, balance);
    assert_eq!(database.text("select count(*) from invoices").await, documents);
    let again = place.run(&["refund", "process", &name]).await;
    assert_eq!(again.code, Some(i32::from(status == "PROCESSED")), "{again:?}");
    assert_eq!(rider.balance().await, "500.00");
    assert_eq!(database.text("select count(*) from invoices").await, "2");
    database.audit().await;
}

async fn ended(process: &mut Process) {
    process.terminate();
    assert!(process.ended().await.success());
}

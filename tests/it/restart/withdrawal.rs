//! The service dies while money is on its way out of a wallet: when a rider asks for it, and at
//! each step that an operator or the rider takes then. Whatever the instant, the step is made
//! once, and the money is in one place.

use domain::withdrawal::Step;

use crate::harness::database::Database;
use crate::harness::process::{Place, Process, Rider};

/// What a withdrawal of 400 holds, and what of it the network keeps as its fee.
const RUPEES: u32 = 400;
const WAITING: [&str; 4] = ["600.00", "400.00", "0.00", "0.00"];
const PAID_OUT: [&str; 4] = ["600.00", "0.00", "382.00", "18.00"];
const IN_THE_WALLET: [&str; 4] = ["1000.00", "0.00", "0.00", "0.00"];

#[tokio::test(flavor = "multi_thread")]
async fn a_withdrawal_cut_before_its_commit_left_the_money_where_it_was() {
    dies_at("before_withdrawal_commit", ("0", "1000.00")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_withdrawal_cut_after_its_commit_is_there_with_its_money() {
    dies_at("after_withdrawal_commit", ("1", "600.00")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_of_a_withdrawal_that_is_cut_is_made_once_and_moves_nothing() {
    let way = Way::asked().await;
    way.once(Step::Approve, ["REQUESTED", "APPROVED"], WAITING).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_withdrawal_whose_completion_is_cut_is_paid_out_once() {
    let way = Way::approved().await;
    way.once(Step::Complete, ["APPROVED", "COMPLETED"], PAID_OUT).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_withdrawal_whose_refusal_is_cut_comes_back_once() {
    let way = Way::approved().await;
    way.once(Step::Reject, ["APPROVED", "REJECTED"], IN_THE_WALLET).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_withdrawal_whose_cancellation_is_cut_comes_back_once() {
    let way = Way::asked().await;
    way.once(Step::Cancel, ["REQUESTED", "CANCELLED"], IN_THE_WALLET).await;
}

async fn dies_at(instant: &str, (rows, balance): (&str, &str)) {
    let database = Database::fresh().await;
    let place = Place::on(&database);
    let mut process = place.ready(&[("CHARGEGHAR_FAILPOINT", instant)]).await;
    let rider = Rider::with_money(&mut process, &place.base_url(), 1_000).await;

    assert!(rider.ask_out(RUPEES).await.is_err(), "the service survived");
    assert!(!process.ended().await.success());
    let _process = place.ready(&[]).await;

    assert_eq!(database.text("select count(*) from withdrawals").await, rows);
    assert_eq!(rider.balance().await, balance);
    database.audit().await;
}

/// A withdrawal of a rider who had 1,000. No service runs.
struct Way {
    database: Database,
    place: Place,
    rider: Rider,
    id: String,
}

impl Way {
    async fn asked() -> Way {
        let (way, process) = Way::begun().await;
        ended(process).await;
        way
    }

    async fn approved() -> Way {
        let (way, process) = Way::begun().await;
        assert!(way.take(Step::Approve).await.unwrap());
        ended(process).await;
        way
    }

    async fn begun() -> (Way, Process) {
        let database = Database::fresh().await;
        let place = Place::on(&database);
        let mut process = place.ready(&[]).await;
        let rider = Rider::with_money(&mut process, &place.base_url(), 1_000).await;
        let asked = rider.ask_out(RUPEES).await.unwrap();
        let id = asked["id"].as_str().unwrap().to_owned();
        (Way { database, place, rider, id }, process)
    }

    /// Dies before the step is stored, which is as if nobody had begun; and after it, which is as
    /// if nobody had died.
    async fn once(self, step: Step, [before, after]: [&str; 2], places: [&str; 4]) {
        self.dies("before_withdrawal_step_commit", step).await;
        self.stands(before, WAITING).await;
        self.dies("after_withdrawal_step_commit", step).await;
        self.stands(after, places).await;

        let process = self.place.ready(&[]).await;
        self.stands(after, places).await;
        assert_eq!(self.rider.balance().await, places[0]);
        assert!(!self.take(step).await.unwrap(), "it was made before");
        self.stands(after, places).await;
        self.database.audit().await;
        ended(process).await;
    }

    async fn dies(&self, instant: &str, step: Step) {
        let mut process = self.place.ready(&[("CHARGEGHAR_FAILPOINT", instant)]).await;
        assert!(!self.take(step).await.unwrap_or(false), "the service survived {instant}");
        assert!(!process.ended().await.success());
    }

    /// Whether it was made; an error where no answer came.
    async fn take(&self, step: Step) -> Result<bool, reqwest::Error> {
        let arguments: &[&str] = match step {
            Step::Approve => &["withdrawal", "approve", &self.id],
            Step::Complete => &["withdrawal", "complete", &self.id, "--reference", "NB-1"],
            Step::Reject => &["withdrawal", "reject", &self.id, "--reason", "no such account"],
            Step::Cancel => return Ok(self.rider.take_back(&self.id).await? == 200),
        };
        Ok(self.place.run(arguments).await.code == Some(0))
    }

    /// The books: the wallet, what is on its way, what was paid out, what the fee has earned. One
    /// line of the audit for each step of an operator, and one transfer for each that moves money.
    async fn stands(&self, status: &str, places: [&str; 4]) {
        assert_eq!(self.database.text("select status from withdrawals").await, status);
        let accounts = ["wallet:%", "withdrawing:%", "payouts", "withdrawal_fees"];
        for (account, holds) in accounts.into_iter().zip(places) {
            let sum = format!(
                "select abs(coalesce(sum(amount), 0))::numeric(14, 2)::text
                from ledger_entries where account like '{account}'"
            );
            assert_eq!(self.database.text(&sum).await, holds, "{account} of {status}");
        }
        let twice = "select count(*) from (
                select from audit where action like 'withdrawal.%' group by action
                having count(*) > 1
            ) a";
        assert_eq!(self.database.number(twice).await, 0);
        let moved = "select count(*) from ledger_transfers where kind like 'withdraw_%'";
        let wanted = if places == WAITING { 1 } else { 2 };
        assert_eq!(self.database.number(moved).await, wanted, "{status}");
    }
}

async fn ended(mut process: Process) {
    process.terminate();
    assert!(process.ended().await.success());
}

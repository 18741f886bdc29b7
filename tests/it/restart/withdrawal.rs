//! The service dies while a rider asks for money: it is set aside with its row, or not at all.

use crate::harness::database::Database;
use crate::harness::process::{Place, Rider};

#[tokio::test(flavor = "multi_thread")]
async fn a_withdrawal_cut_before_its_commit_left_the_money_where_it_was() {
    dies_at("before_withdrawal_commit", ("0", "1000.00")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_withdrawal_cut_after_its_commit_is_there_with_its_money() {
    dies_at("after_withdrawal_commit", ("1", "600.00")).await;
}

async fn dies_at(instant: &str, (rows, balance): (&str, &str)) {
    let database = Database::fresh().await;
    let place = Place::on(&database);
    let mut process = place.ready(&[("CHARGEGHAR_FAILPOINT", instant)]).await;
    let rider = Rider::with_money(&mut process, &place.base_url(), 1_000).await;

    assert!(rider.ask_out(400).await.is_err(), "the service survived");
    assert!(!process.ended().await.success());
    let _process = place.ready(&[]).await;

    assert_eq!(database.text("select count(*) from withdrawals").await, rows);
    assert_eq!(rider.balance().await, balance);
    database.audit().await;
}

//! What a rider sees of the money.

use chargeghar::actors::payments::Outcome;
use chargeghar::store::fact::Fact;
use chargeghar::store::payments::TransactionFilter;
use chargeghar::store::payments::TransactionStatus::{Pending, Success};
use chargeghar::store::payments::TransactionType::{Refund, Rental, RentalDue, Topup};
use chargeghar::store::wallets::Wallet;
use domain::ids::{RentalId, RiderId};
use domain::ledger::{Charge, Movement};
use domain::money::Money;
use uuid::Uuid;

use super::till::Till;

#[tokio::test]
async fn a_wallet_shows_what_is_there_what_came_in_and_what_is_owed() {
    let till = Till::new().await;
    // money is held here without a rental
    till.database.expect_findings("stray_hold");
    let rider = till.rider().await;
    assert_eq!(till.store.wallet_view(rider).await.unwrap(), Wallet::default());

    top_up(&till, rider).await;
    top_up(&till, rider).await;
    let rental = RentalId(Uuid::from_u128(1));
    let (price, fee) = (Money::rupees(50), Money::rupees(30));
    moved(&till, Movement::Hold { rider, rental, amount: price }).await;
    let what = Charge::LateFee;
    moved(&till, Movement::Charge { rider, rental, amount: fee, vat: Money::ZERO, what }).await;

    let wallet = till.store.wallet_view(rider).await.unwrap();
    assert_eq!(wallet.balance, Money::rupees(950));
    assert_eq!((wallet.held, wallet.receivable), (price, fee));
    assert_eq!(wallet.total_topup, Money::rupees(1_000));
    assert!(wallet.moved_at.is_some());
}

#[tokio::test]
async fn a_rider_sees_each_movement_once_the_newest_first() {
    let till = Till::new().await;
    // money is held here without a rental
    till.database.expect_findings("stray_hold");
    let (rider, other) = (till.rider().await, till.rider().await);
    top_up(&till, rider).await;
    top_up(&till, other).await;
    let rentals = [1, 2, 3].map(|number| RentalId(Uuid::from_u128(number)));
    let (amount, vat) = (Money::rupees(50), Money::rupees(5));
    for rental in rentals {
        moved(&till, Movement::Hold { rider, rental, amount }).await;
    }
    moved(&till, Movement::Capture { rider, rental: rentals[0], amount, vat }).await;
    moved(&till, Movement::Void { rider, rental: rentals[1], amount }).await;
    let what = Charge::LateFee;
    moved(&till, Movement::Charge { rider, rental: rentals[0], amount, vat, what }).await;
    moved(&till, Movement::Collect { rider, rental: rentals[0], amount }).await;
    moved(&till, Movement::Reverse { rider, rental: rentals[0], amount, vat }).await;

    let all = TransactionFilter::default();
    let (rows, total) = till.store.transactions(rider, &all, 0, 20).await.unwrap();
    let seen: Vec<_> = rows.iter().map(|row| (row.kind, row.status, row.amount)).collect();
    let wanted = [
        (Refund, Success, amount),
        (RentalDue, Success, amount),
        (Rental, Success, amount),
        (Rental, Pending, amount),
        (Topup, Success, Money::rupees(500)),
    ];
    assert_eq!(seen, wanted);
    assert_eq!(total, 5);
    assert!(rows[4].gateway_ref.as_ref().is_some_and(|text| text.starts_with("sandbox-")));

    let kind = |kind: &str| TransactionFilter { kind: Some(kind.to_owned()), ..all.clone() };
    assert_eq!(till.store.transactions(rider, &kind("RENTAL"), 0, 20).await.unwrap().1, 2);
    let later = TransactionFilter { from: Some(till.clock.now()), ..all.clone() };
    assert_eq!(till.store.transactions(rider, &later, 0, 20).await.unwrap(), (vec![], 0));
    let (last, total) = till.store.transactions(rider, &all, 1_000, 2).await.unwrap();
    assert_eq!((last.len(), total), (1, 5), "a page past the end is the last one");
    assert_eq!(last[0].kind, Topup);
}

async fn top_up(till: &Till, rider: RiderId) {
    let intent = till.played(rider, Outcome::Paid).await;
    till.payments.verify(intent.id, None).await.unwrap();
    let settled = till.store.settlement(&intent).await.unwrap();
    assert!(settled.transfer.is_some());
}

async fn moved(till: &Till, movement: Movement) {
    let fact = Fact { movements: vec![movement], ..Fact::at(till.clock.now()) };
    till.store.commit(fact).await.unwrap();
}

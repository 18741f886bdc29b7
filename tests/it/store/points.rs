//! Points, reversals and withdrawals as the database keeps them.

use chargeghar::entropy::Entropy;
use chargeghar::store::fact::{CommitError, Conflict, Fact};
use domain::ids::{TransferId, WithdrawalId};
use domain::ledger::{Account, Movement, Pays, Withdrawal};
use domain::money::Money;
use domain::points::Points;
use sqlx::AssertSqlSafe;

use super::world::World;

#[tokio::test]
async fn points_have_accounts_of_their_own_and_pay_in_both_units() {
    let world = World::new().await;
    let rider = world.rider(0).await;
    let rental = world.rental(rider, "1", 1);
    let (points, amount) = (Points(500), Money::rupees(50));
    let earned = Movement::PointsEarned { rider, points: Points(600) };
    world.store.commit(moves(&world, vec![earned])).await.unwrap();
    let mut start = world.start(&rental);
    start.movements =
        vec![Movement::PointsPay { rider, rental: rental.id, points, amount, pays: Pays::Price }];
    world.store.commit(start).await.unwrap();

    let purse = world.store.purse(rider).await.unwrap();
    let promotions = world.store.balance(&Account::Promotions).await.unwrap();
    let too_many = Movement::PointsSpent { rider, points: Points(101) };
    let short = world.store.commit(moves(&world, vec![too_many])).await;

    assert_eq!((purse.points, purse.held, purse.wallet), (Points(100), amount, Money::ZERO));
    assert_eq!(promotions, amount.into());
    assert_eq!(short, Err(CommitError::Short { account: Account::Points(rider).key() }));
}

#[tokio::test]
async fn the_database_itself_refuses_points_against_money_and_parts_of_points() {
    let world = World::new().await;
    let rider = world.rider(10).await;
    let transfer = Entropy::system().uuid();
    let refused = async |lines: &str| {
        let sql = format!(
            "begin;
            insert into ledger_transfers (id, kind, at) values ('{transfer}', 'x', now());
            insert into ledger_entries (transfer_id, line, account, amount) values {lines};
            commit"
        )
        .replace('$', &format!("'{transfer}'"));
        let mut connection = world.database.connect().await;
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.unwrap_err().to_string()
    };

    let mixed = refused(&format!("($, 1, 'points:{rider}', 5), ($, 2, 'revenue', -5)")).await;
    let parts =
        refused(&format!("($, 1, 'points:{rider}', 0.5), ($, 2, 'points_issued', -0.5)")).await;
    let named = refused("($, 1, 'Cash \"', 5), ($, 2, 'revenue', -5)").await;
    let below = format!(
        "insert into ledger_balances (account, rider_id, balance) values ('points:{rider}',
        {rider}, -1)"
    );
    let mut connection = world.database.connect().await;
    let below = sqlx::raw_sql(AssertSqlSafe(below)).execute(&mut connection).await.unwrap_err();

    assert!(mixed.contains("does not balance"), "{mixed}");
    assert!(parts.contains("whole_points"), "{parts}");
    assert!(named.contains("account_name"), "{named}");
    assert!(below.to_string().contains("balance_check"), "{below}");
}

#[tokio::test]
async fn a_transfer_is_reversed_line_by_line_and_at_most_once() {
    let world = World::new().await;
    let rider = world.rider(0).await;
    let earned = Movement::PointsEarned { rider, points: Points(50) };
    world.store.commit(moves(&world, vec![earned])).await.unwrap();
    let id = world.database.text("select id from ledger_transfers").await;
    let of = world.store.posted(TransferId(id.parse().unwrap())).await.unwrap();
    let undo = || moves(&world, vec![Movement::Reversal { of: Box::new(of.clone()) }]);

    let first = world.store.commit(undo()).await;
    // with points to take, so that only the index can say no
    let again = Movement::PointsEarned { rider, points: Points(50) };
    world.store.commit(moves(&world, vec![again])).await.unwrap();
    let second = world.store.commit(undo()).await;

    assert!(first.is_ok());
    assert_eq!(second, Err(CommitError::Conflict(Conflict::ReversedBefore)));
    let named = "select reverses from ledger_transfers where kind = 'reversal'";
    assert_eq!(world.database.text(named).await, id);
    assert_eq!(world.store.purse(rider).await.unwrap().points, Points(50));
}

#[tokio::test]
async fn a_withdrawal_leaves_the_wallet_at_once_and_the_network_when_it_is_paid() {
    let world = World::new().await;
    let rider = world.rider(500).await;
    let withdrawal = WithdrawalId(Entropy::system().uuid());
    let amount = Money::rupees(400);
    let step = |step| moves(&world, vec![Movement::Withdraw { rider, withdrawal, amount, step }]);

    world.store.commit(step(Withdrawal::Request)).await.unwrap();
    let waiting = world.store.purse(rider).await.unwrap();
    let fee = Money::rupees(18);
    world.store.commit(step(Withdrawal::Complete { fee })).await.unwrap();
    let twice = world.store.commit(step(Withdrawal::Reject)).await;

    assert_eq!((waiting.wallet, waiting.withdrawing), (Money::rupees(100), amount));
    let balance = async |account| world.store.balance(&account).await.unwrap();
    assert_eq!(balance(Account::Payouts).await, Money::rupees(382).into());
    assert_eq!(balance(Account::WithdrawalFees).await, fee.into());
    assert!(matches!(twice, Err(CommitError::Short { .. })), "{twice:?}");
}

fn moves(world: &World, movements: Vec<Movement>) -> Fact {
    Fact { movements, ..world.fact() }
}

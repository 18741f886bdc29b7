//! Books that are sound, and books that were spoiled on purpose: each fault is found by its name,
//! and nothing else is.

use serde_json::json;

use super::during::{Found, look, told};
use super::ledger::findings;
use super::seen::is_beyond;
use crate::witness::{Moment, Sight};
use books::{BANKS, BEGIN_MS, Books, CABINETS};

mod books;
#[path = "../../../../tests/it/harness/cluster.rs"]
mod cluster;

/// Constraints that hold a promise in the database itself have to go before a test can break it.
const UNGUARDED: &str = "
    drop index rentals_one_open_per_rider;
    drop index rentals_one_open_per_bank;
    drop index rentals_one_dispensing_per_slot;
    drop trigger ledger_entries_balance on ledger_entries";

#[tokio::test]
async fn books_that_are_sound_have_nothing_against_them() {
    assert_eq!(Books::sound().await.broken().await, [""; 0]);
}

#[tokio::test]
async fn a_rental_that_was_told_and_is_gone_is_found() {
    let mut books = Books::sound().await;
    books.run("delete from rentals").await;
    let broken = books.broken().await;
    assert!(broken.contains(&"P1: rentals told and lost".to_owned()), "{broken:?}");
}

#[tokio::test]
async fn two_open_rentals_of_a_rider_and_of_a_bank_are_found() {
    let mut books = Books::sound().await;
    books.places.remove(BANKS[0]);
    books.run(UNGUARDED).await;
    books.run("update rentals set status = 'ACTIVE'").await;
    books.rental(1, "ACTIVE").await;
    let broken = books.broken().await;
    assert!(broken.contains(&"P3: riders with two open rentals".to_owned()), "{broken:?}");
    assert!(broken.contains(&"P3: banks with two open rentals".to_owned()), "{broken:?}");
    let mut found = [Found::default(); 3];
    look(&mut books.db, 7, &mut found).await.unwrap();
    look(&mut books.db, 12, &mut found).await.unwrap();
    let first = &told(&found, 2)[0];
    assert_eq!((first.broken, first.of), (2, 2));
    assert!(first.what.ends_with("riders with two open rentals, first in second 7"), "{first:?}");
}

#[tokio::test]
async fn a_return_that_closed_nothing_is_found() {
    let mut books = Books::sound().await;
    books.run("update rentals set status = 'ACTIVE', ended_at = null").await;
    assert_eq!(books.broken().await, ["P1: returns that closed nothing"]);
}

#[tokio::test]
async fn a_bank_in_another_cabinet_in_two_or_in_none_is_found() {
    const WHAT: &str = "P3: banks that are not where the books have them, or in two places";
    let mut books = Books::sound().await;
    books.places.insert(BANKS[0].to_owned(), vec![CABINETS[1].to_owned()]);
    assert_eq!(books.broken().await, [WHAT]);
    let both = CABINETS.map(str::to_owned).to_vec();
    books.places.insert(BANKS[0].to_owned(), both);
    assert_eq!(books.broken().await, [WHAT]);
    books.places.remove(BANKS[0]);
    assert_eq!(books.broken().await, [WHAT]);
}

#[tokio::test]
async fn money_that_does_not_add_up_and_a_price_captured_twice_are_found() {
    let mut books = Books::sound().await;
    books.run("update ledger_balances set balance = balance + 1 where rider_id = 1").await;
    assert_eq!(books.broken().await, ["P4: balances that are not their entries"]);
    books.run("update ledger_balances set balance = balance - 1 where rider_id = 1").await;
    for _ in 0..2 {
        books
            .run(
                "insert into ledger_transfers (id, kind, rental_id, at)
                 select gen_random_uuid(), 'capture', id, now() from rentals",
            )
            .await;
    }
    assert_eq!(books.broken().await, ["P2: rentals whose price was captured twice"]);
}

#[tokio::test]
async fn a_transfer_out_of_balance_is_found_during_the_run_and_after() {
    let mut books = Books::sound().await;
    books.run(UNGUARDED).await;
    books
        .run(
            "with t as (
                 insert into ledger_transfers (id, kind, at)
                 values (gen_random_uuid(), 'top_up', now()) returning id
             )
             insert into ledger_entries (transfer_id, line, account, amount)
             select id, 1, 'clearing:sandbox', -5 from t",
        )
        .await;
    let broken = books.broken().await;
    assert_eq!(broken, ["P4: transfers that do not balance"]);
    let mut found = [Found::default(); 3];
    look(&mut books.db, 3, &mut found).await.unwrap();
    assert_eq!(told(&found, 1).iter().map(|finding| finding.broken).collect::<Vec<_>>(), [0, 0, 1]);
}

#[tokio::test]
async fn a_command_without_an_end_is_found_unless_its_cabinet_was_made_deaf() {
    let mut books = Books::sound().await;
    books.run("update rentals set status = 'PENDING_POPUP', started_at = null").await;
    assert_eq!(books.broken().await, ["P8: commands without an end"]);
    let deaf = [CABINETS[0].to_owned()];
    assert_eq!(books.broken_but_at(&deaf).await, [""; 0]);
    books.run("update rentals set created_at = now() - interval '27 min'").await;
    assert_eq!(books.broken_but_at(&deaf).await, ["P8: commands without an end"]);
}

#[tokio::test]
async fn an_eject_that_no_rental_stands_for_or_that_came_twice_is_found() {
    const WHAT: &str = "P5: ejects asked of a cabinet that no rental stands for, or a second time";
    let mut books = Books::sound().await;
    books.witness.note(BANKS[0], BEGIN_MS, CABINETS[0], Sight::Asked);
    assert_eq!(books.broken().await, [WHAT]);
    books.rental(2, "CANCELLED").await;
    assert_eq!(books.broken().await, [""; 0]);
    books.witness.note(BANKS[1], BEGIN_MS, CABINETS[1], Sight::Asked);
    assert_eq!(books.broken().await, [WHAT]);
}

#[tokio::test]
async fn a_rental_that_was_billed_beyond_its_banks_absence_is_found() {
    const WHAT: &str = "P6: rentals billed before their bank was out, or after it was back";
    let mut books = Books::sound().await;
    books.run("update rentals set ended_at = ended_at + interval '10 s'").await;
    assert_eq!(books.broken().await, [WHAT]);
    books.run("update rentals set ended_at = ended_at - interval '20 s'").await;
    assert_eq!(books.broken().await, [""; 0]);
    books.run("update rentals set started_at = started_at - interval '5 s'").await;
    assert_eq!(books.broken().await, [WHAT]);
}

#[tokio::test]
async fn after_each_fault_what_was_lost_doubled_or_made_up_is_found_and_what_goes_on_is_not() {
    let mut books = Books::sound().await;
    assert_eq!(books.broken_meanwhile().await, [""; 0]);
    // a command under way, and banks that nobody has put back yet
    books.places.clear();
    books.rental(2, "PENDING_POPUP").await;
    assert_eq!(books.broken_meanwhile().await, [""; 0]);
    books.witness.note(BANKS[1], BEGIN_MS, CABINETS[1], Sight::Asked);
    let unasked = "P5: ejects asked of a cabinet that no rental stands for, or a second time";
    assert_eq!(books.broken_meanwhile().await, [unasked]);
    books.run("update ledger_balances set balance = balance + 1 where rider_id = 1").await;
    books.run("delete from rentals where status = 'PENDING_POPUP'").await;
    let broken = books.broken_meanwhile().await;
    let lost = "P1: rentals told and lost";
    assert_eq!(broken, [lost, "P4: balances that are not their entries", unasked]);
}

#[tokio::test]
async fn a_command_that_outlived_its_bound_is_found_while_the_town_goes_on() {
    let mut books = Books::sound().await;
    books.rental(2, "PENDING_POPUP").await;
    books.run("update rentals set created_at = now() - interval '27 min' where rider_id = 2").await;
    assert_eq!(books.broken_meanwhile().await, ["P8: commands without an end"]);
}

#[test]
fn the_absence_that_counts_is_the_last_before_the_rental() {
    let moment = |unix_ms, sight| Moment { unix_ms, cabinet: String::new(), sight };
    let twice = [
        moment(1_000, Sight::Out),
        moment(40_000, Sight::Back),
        moment(60_000, Sight::Out),
        moment(90_000, Sight::Back),
    ];
    assert!(!is_beyond(&twice, 1_100, 40_100));
    assert!(!is_beyond(&twice, 60_100, 90_100));
    // the first rental goes on into the second absence
    assert!(is_beyond(&twice, 1_100, 90_000));
    // nobody has seen it leave
    assert!(is_beyond(&[], 1_100, 2_000));
    // nobody has seen it come back
    assert!(!is_beyond(&twice[..1], 1_100, 90_000));
}

#[test]
fn what_the_program_says_of_its_ledger_is_told_kind_by_kind() {
    let report = |counts| json!({ "report": { "transfers": 40, "counts": counts } });
    let sound = findings(true, &report(json!({}))).unwrap();
    assert_eq!(sound.iter().map(|f| (f.broken, f.of)).collect::<Vec<_>>(), [(0, 40)]);
    let counts = json!({ "double_capture": 2, "rental_replay": 1 });
    let broken = findings(false, &report(counts)).unwrap();
    let lines = broken.iter().map(|f| format!("{} {} {}", f.promise, f.what, f.broken));
    let wanted = ["P4 `ledger verify`: double_capture 2", "P7 `ledger verify`: rental_replay 1"];
    assert_eq!(lines.collect::<Vec<_>>(), wanted);
    assert_eq!(findings(false, &report(json!({}))).unwrap()[0].broken, 1);
    assert!(findings(true, &json!({ "error": "no node" })).is_err());
}

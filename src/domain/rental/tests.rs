//! The life of a rental, by example.

mod forged;
mod histories;
mod operator;
mod paying;
mod unassigned;

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::{
    CancelReason, Command, Event, Facts, Incident, Phase, Refusal, Rental, Status, Terms, custody,
    decide, effects, evolve, incident, movements, replay,
};
use crate::bank::{Custody, Fingerprint};
use crate::eject::{NotOutReason, Settlement};
use crate::ids::{CommandId, PackageId, RentalId, RiderId, SlotKey, StationId};
use crate::ledger::{Account, Movement};
use crate::money::Money;
use crate::points::{PerRupee, Points};
use crate::returns::{Claim, Source};
use crate::tariff::{LateFee, Package, PackageKind, PaymentModel};
use crate::tender::{Funds, Means, Spent};

#[test]
fn an_ejected_bank_starts_the_package_and_captures_its_price() {
    let (rental, events) = after(dispensing(), &[(4, settle_out(4))]);

    assert_eq!(rental.status(), Status::Active);
    assert_eq!(rental.due_at(), at(4) + TimeDelta::minutes(60));
    assert_eq!((rental.held, rental.paid), (Money::ZERO, Money::rupees(50)));
    assert_eq!(custody(&dispensing(), &events[0]), Some(Custody::Rental { rental: rental.id }));
}

#[test]
fn a_refused_eject_gives_the_hold_back_and_moves_no_bank() {
    let refused = Command::Settle(Settlement::NotOut { reason: NotOutReason::UnknownBank });
    let (rental, events) = after(dispensing(), &[(2, refused)]);

    assert_eq!(rental.status(), Status::Cancelled);
    assert_eq!(custody(&dispensing(), &events[0]), None);
    assert!(matches!(movements(&dispensing(), &events[0])[..], [Movement::Void { .. }]));
}

#[test]
fn an_eject_without_an_end_is_free_and_leaves_an_incident() {
    let (rental, events) = after(dispensing(), &[(1500, Command::GiveUp)]);

    assert_eq!(rental.status(), Status::Cancelled);
    assert_eq!(incident(&events[0]), Some(Incident::EjectUnresolved));
    assert_eq!(custody(&dispensing(), &events[0]), Some(Custody::Missing));
}

#[test]
fn a_late_success_reopens_the_rental_and_what_the_wallet_lacks_is_owed() {
    let freed = [(1500, Command::GiveUp)];
    let (rental, _) = after(dispensing(), &freed);
    let late = Command::LateSuccess { at: at(1510), shown: false };

    let poor = Facts { funds: funds(20, 0), ..facts(1510) };
    let events = decide(&rental, &late, &poor).unwrap();
    let reopened = evolve(rental.clone(), &events[0]);
    let engaged = decide(&rental, &late, &Facts { engaged: true, ..facts(1510) }).unwrap();

    assert_eq!(reopened.status(), Status::Active);
    assert_eq!(reopened.since(), Some(at(1510)));
    assert_eq!((reopened.paid, reopened.owed), (Money::rupees(20), Money::rupees(30)));
    assert_eq!(incident(&engaged[0]), Some(Incident::BankOutUnassigned));
}

#[test]
fn where_a_bank_was_found_after_its_eject_is_read_from_the_books() {
    let seen = Command::Settle(Settlement::NotOut { reason: NotOutReason::SeenTwice });
    let refused = Command::Settle(Settlement::NotOut { reason: NotOutReason::StillReadable });
    let cancelled = |command| after(dispensing(), &[(30, command)]).0;
    let here = Custody::Slot { station: dispensing().station, key: SlotKey::new(0, 2) };
    let elsewhere = Custody::Slot { station: StationId(Uuid::max()), key: SlotKey::new(0, 2) };

    assert!(cancelled(seen).was_found(&here));
    assert!(cancelled(Command::GiveUp).was_found(&here));
    assert!(!cancelled(Command::GiveUp).was_found(&Custody::Missing));
    assert!(!cancelled(refused.clone()).was_found(&here));
    assert!(cancelled(refused).was_found(&elsewhere));
    assert!(!dispensing().was_found(&here));
}

#[test]
fn a_bank_back_within_a_minute_is_no_rental() {
    let early = Claim { at: at(30), earliest: at(30), ..claim() };
    let proof = Claim { at: at(33), earliest: at(33), source: Source::Report, ..claim() };
    let steps = [(4, settle_out(4)), (30, Command::Return(early)), (33, Command::Confirm(proof))];

    let (rental, events) = after(dispensing(), &steps);

    assert_eq!(events[1].name(), "return_claimed");
    assert!(matches!(rental.phase, Phase::Cancelled { reason: CancelReason::ReturnedAtOnce, .. }));
    assert_eq!(rental.paid, Money::ZERO);
}

#[test]
fn how_soon_a_return_is_no_rental_is_a_term_of_its_own() {
    let (active, _) = after(dispensing(), &[(4, settle_out(4))]);
    let soon = Claim { at: at(30), earliest: at(30), ..claim() };
    let terms = |at_once| Terms {
        young: TimeDelta::seconds(1),
        at_once: TimeDelta::seconds(at_once),
        ..Terms::default()
    };

    for (at_once, name) in [(60, "returned_at_once"), (10, "returned")] {
        let facts = Facts { terms: terms(at_once), ..facts(30) };
        let events = decide(&active, &Command::Return(soon.clone()), &facts).unwrap();
        assert_eq!(events[0].name(), name);
    }
}

#[test]
fn a_confirmed_return_is_billed_to_its_earliest_claim() {
    let hour = 60 * 60;
    let http = Claim { source: Source::HttpReturn, at: at(hour), earliest: at(hour), ..claim() };
    let report =
        Claim { source: Source::Report, at: at(3 * hour), earliest: at(hour / 2), ..claim() };
    let steps =
        [(4, settle_out(4)), (hour, Command::Return(http)), (3 * hour, Command::Confirm(report))];

    let (rental, _) = after(dispensing(), &steps);

    let Phase::Completed { ended, .. } = &rental.phase else { panic!("{rental:?}") };
    assert_eq!((ended.at, ended.learnt_at), (at(hour), at(3 * hour)));
    assert_eq!(ended.late.amount, Money::ZERO);
}

#[test]
fn a_late_return_is_charged_collected_and_the_rest_is_owed() {
    let late = at(4 + 62 * 60 + 60 * 60);
    let back = Claim { at: late, earliest: late, ..claim() };
    let (rental, _) = after(dispensing(), &[(4, settle_out(4))]);
    let poor = Facts { now: late, funds: funds(30, 0), ..facts(0) };

    let events = decide(&rental, &Command::Return(back), &poor).unwrap();
    let rental = evolve(rental, &events[0]);

    assert_eq!(rental.late_charge(late).amount, Money::rupees(100));
    assert_eq!((rental.paid, rental.owed), (Money::rupees(80), Money::rupees(70)));
    assert_eq!(rental.payment_status(), super::PaymentStatus::Pending);
}

#[test]
fn cancel_is_at_once_before_the_publish_and_a_wish_after_it() {
    let before = Facts { published: false, ..facts(1) };
    let at_once = decide(&dispensing(), &Command::Cancel, &before).unwrap();
    assert_eq!(at_once[0].name(), "cancelled");

    let (wished, events) = after(dispensing(), &[(1, Command::Cancel), (2, Command::Cancel)]);
    assert_eq!(events.len(), 1);
    assert_eq!(wished.status(), Status::PendingPopup);

    let (active, _) = after(wished, &[(3, settle_out(3))]);
    assert_eq!(active.status(), Status::Active);
    assert_eq!(decide(&active, &Command::Cancel, &facts(4)), Err(Refusal::NotReturned));
}

#[test]
fn a_start_that_was_given_up_before_it_was_sent_is_reopened_by_nobodys_answer() {
    let before = Facts { published: false, ..facts(1) };
    let [event] = &decide(&dispensing(), &Command::Cancel, &before).unwrap()[..] else { panic!() };
    let given_up = evolve(dispensing(), event);
    let late = Command::LateSuccess { at: at(40), shown: false };

    assert_eq!(decide(&given_up, &late, &facts(40)), Ok(vec![]));
}

#[test]
fn the_same_news_twice_changes_nothing_the_second_time() {
    let steps = [
        (4, settle_out(4)),
        (5, settle_out(5)),
        (400, Command::Return(claim())),
        (401, Command::Return(claim())),
        (402, Command::LateSuccess { at: at(402), shown: false }),
    ];

    let (_, events) = after(dispensing(), &steps);

    let names: Vec<_> = events.iter().map(Event::name).collect();
    assert_eq!(names, ["ejected", "returned"]);
}

#[test]
fn neither_old_bytes_nor_a_second_look_at_a_slot_cancel_an_eject_under_way() {
    let used = [Fingerprint(7)];
    let replayed = Facts { used: &used, ..facts(3) };
    let looked_at = Claim { source: Source::Inspection, frame: None, ..claim() };

    assert_eq!(decide(&dispensing(), &Command::Return(claim()), &replayed), Ok(vec![]));
    assert_eq!(decide(&dispensing(), &Command::Return(looked_at), &facts(3)), Ok(vec![]));
    let fresh = decide(&dispensing(), &Command::Return(claim()), &facts(3)).unwrap();
    assert_eq!(fresh[0].name(), "cancelled");
}

#[test]
fn old_bytes_from_another_cabinet_do_not_prove_that_a_bank_is_out() {
    let used = [Fingerprint(7)];
    let replayed = Facts { used: &used, ..facts(3) };
    let there = Claim { station: StationId(Uuid::max()), ..claim() };

    let events = decide(&dispensing(), &Command::Return(there.clone()), &replayed).unwrap();
    assert!(events.iter().all(|event| event.name() != "ejected"), "{events:?}");
    let fresh = decide(&dispensing(), &Command::Return(there), &facts(3)).unwrap();
    assert_eq!(fresh[0].name(), "ejected");
}

#[test]
fn a_bank_that_is_put_in_again_while_its_slot_dispenses_is_where_it_was_put() {
    let station = dispensing().station;
    for key in [SlotKey::new(0, 2), SlotKey::new(1, 5)] {
        let back = Claim { key: Some(key), ..claim() };
        let events = decide(&dispensing(), &Command::Return(back), &facts(400)).unwrap();

        let [event] = &events[..] else { panic!("{events:?}") };
        assert_eq!(custody(&dispensing(), event), Some(Custody::Slot { station, key }));
        assert!(matches!(movements(&dispensing(), event)[..], [Movement::Void { .. }]));
    }
}

#[test]
fn a_return_at_another_cabinet_proves_that_the_bank_was_out() {
    let other = Claim { station: StationId(Uuid::max()), ..claim() };
    let proof = Claim { source: Source::Report, at: at(103), earliest: at(103), ..other.clone() };
    let steps = [(100, Command::Return(other)), (103, Command::Confirm(proof))];

    let (rental, events) = after(dispensing(), &steps);

    let names: Vec<_> = events.iter().map(Event::name).collect();
    assert_eq!(names, ["ejected", "return_claimed", "returned"]);
    assert_eq!(rental.status(), Status::Completed);
}

fn balances(moved: &[Movement]) -> BTreeMap<Account, Money> {
    let mut balances = BTreeMap::new();
    for entry in moved.iter().flat_map(Movement::entries) {
        let balance: &mut Money = balances.entry(entry.account.clone()).or_default();
        *balance = balance.plus(money(entry.account.growth(entry.amount)));
    }
    balances
}

fn after(mut rental: Rental, steps: &[(i64, Command)]) -> (Rental, Vec<Event>) {
    let mut all = Vec::new();
    for (second, command) in steps {
        for event in decide(&rental, command, &facts(*second)).unwrap() {
            rental = evolve(rental, &event);
            all.push(event);
        }
    }
    (rental, all)
}

fn settle_out(second: i64) -> Command {
    Command::Settle(Settlement::Out { at: at(second) })
}

fn claim() -> Claim {
    Claim {
        station: dispensing().station,
        key: Some(SlotKey::new(0, 2)),
        source: Source::Event,
        at: at(400),
        earliest: at(400),
        live: true,
        frame: Some(Fingerprint(7)),
        level: Some(40),
    }
}

fn funds(rupees: i64, points: u32) -> Funds {
    let (wallet, points) = (Money::rupees(rupees), Points(points));
    Funds { wallet, points, rate: PerRupee::default() }
}

fn spent(points: u32) -> Spent {
    let points = Points(points);
    Spent { points, worth: PerRupee::default().worth(points) }
}

fn facts(second: i64) -> Facts<'static> {
    Facts {
        now: at(second),
        published: true,
        funds: funds(500, 0),
        engaged: false,
        carried: false,
        used: &[],
        terms: Terms::default(),
    }
}

fn dispensing() -> Rental {
    let id = Uuid::nil();
    let price = Money::rupees(50);
    Rental {
        id: RentalId(id),
        code: "ABCD1234".into(),
        rider: RiderId(7),
        station: StationId(id),
        key: SlotKey::new(0, 1),
        bank: "40818048".into(),
        package: Package {
            id: PackageId(id),
            name: "1 hour".into(),
            minutes: 60,
            price,
            kind: PackageKind::Hourly,
            model: PaymentModel::Prepaid,
        },
        late_fee: LateFee::standard(),
        command: CommandId(id),
        created_at: at(0),
        publish_before: at(6),
        start_level: Some(90),
        cancel_requested: false,
        unassigned: false,
        claims: vec![],
        held: price,
        paid: Money::ZERO,
        owed: Money::ZERO,
        written_off: Money::ZERO,
        by_points: Spent::default(),
        phase: Phase::Dispensing,
    }
}

fn at(second: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::seconds(second)
}

fn money(quantity: crate::ledger::Quantity) -> Money {
    Money::exact(quantity.decimal()).unwrap()
}

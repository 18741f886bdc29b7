//! An eject ends by evidence only.

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::{EjectOutcome, Evidence, NotOutReason, OpenEject, Settlement, Sighting, Step, Timing};
use crate::ids::{CommandId, RentalId, SlotKey};

#[test]
fn a_success_starts_billing_at_its_receipt() {
    let mut eject = sent();

    let step = eject.reply(EjectOutcome::Out, at(2), &Timing::default());

    assert_eq!(step, Step::Settled(Settlement::Out { at: at(2) }));
}

#[test]
fn silence_for_fifteen_seconds_is_verified_by_three_checks_and_then_by_one_a_minute() {
    let (mut eject, timing) = (sent(), Timing::default());

    assert_eq!(eject.tick(at(3), &timing), Step::Wait { until: at(15) });
    assert_eq!(eject.tick(at(15), &timing), Step::Check { then: at(25) });
    assert_eq!(eject.tick(at(25), &timing), Step::Check { then: at(35) });
    assert_eq!(eject.tick(at(35), &timing), Step::Check { then: at(45) });
    assert!(!eject.is_unknown());
    assert_eq!(eject.tick(at(45), &timing), Step::Unknown { look: at(95) });
    assert_eq!(eject.tick(at(95), &timing), Step::Check { then: at(155) });
    assert_eq!(eject.tick(at(96), &timing), Step::Unknown { look: at(155) });
    assert!(eject.is_unknown());
}

#[test]
fn a_doubtful_answer_is_not_checked_before_the_cabinet_has_settled_down() {
    let (mut eject, timing) = (sent(), Timing::default());

    let step = eject.reply(EjectOutcome::Verify(0), at(1), &timing);

    assert_eq!(step, Step::Wait { until: at(5) });
    assert_eq!(eject.tick(at(5), &timing), Step::Check { then: at(15) });
}

#[test]
fn only_a_whole_report_after_a_check_proves_that_the_bank_is_out() {
    let (mut eject, timing) = (sent(), Timing::default());

    assert!(!is_settled(eject.report(seen(14, true, Sighting::Absent), &timing)), "not asked for");
    eject.tick(at(15), &timing);
    assert!(!is_settled(eject.report(seen(16, false, Sighting::Absent), &timing)), "partial");
    let step = eject.report(seen(17, true, Sighting::Absent), &timing);

    assert_eq!(step, Step::Settled(Settlement::Out { at: at(17) }));
}

#[test]
fn one_presence_proves_nothing_and_two_five_seconds_apart_do() {
    let (mut eject, timing) = (sent(), Timing::default());
    eject.tick(at(15), &timing);

    let first = eject.report(seen(16, false, Sighting::Present), &timing);
    let early = eject.report(seen(18, true, Sighting::Present), &timing);
    let again = eject.tick(at(21), &timing);
    let second = eject.report(seen(22, true, Sighting::Present), &timing);

    assert_eq!(first, Step::Wait { until: at(21) });
    assert!(!is_settled(early));
    assert_eq!(again, Step::Check { then: at(31) });
    assert_eq!(second, Step::Settled(Settlement::NotOut { reason: NotOutReason::SeenTwice }));
}

#[test]
fn an_unknown_eject_is_settled_when_the_cabinet_is_back() {
    let (mut eject, timing) = (sent(), Timing::default());
    for second in [15, 25, 35, 45] {
        eject.tick(at(second), &timing);
    }
    assert!(eject.is_unknown());

    assert_eq!(eject.cabinet_is_back(at(600), &timing), Step::Check { then: at(610) });
    let step = eject.report(seen(601, true, Sighting::Absent), &timing);

    assert_eq!(step, Step::Settled(Settlement::Out { at: at(601) }));
}

#[test]
fn an_unknown_serial_is_no_proof_once_an_answer_is_missing() {
    let (mut eject, timing) = (sent(), Timing::default());
    let unknown = EjectOutcome::NotOut(NotOutReason::UnknownBank);

    assert!(is_settled(sent().reply(unknown, at(1), &timing)));
    eject.tick(at(15), &timing);
    assert!(!is_settled(eject.reply(unknown, at(16), &timing)));
}

#[test]
fn an_intent_read_back_after_a_restart_is_checked_at_once_and_never_published() {
    let timing = Timing::default();
    let id = (CommandId(Uuid::nil()), RentalId(Uuid::nil()));
    let mut eject = OpenEject::recovered(id.0, id.1, "1".into(), SlotKey::new(0, 1), at(6));

    assert_eq!(eject.tick(at(8), &timing), Step::Wait { until: at(11) });
    assert_eq!(eject.tick(at(30), &timing), Step::Check { then: at(40) });
}

fn sent() -> OpenEject {
    let (command, rental) = (CommandId(Uuid::nil()), RentalId(Uuid::nil()));
    OpenEject::published(command, rental, "40818048".into(), SlotKey::new(0, 3), at(0))
}

fn seen(second: i64, whole: bool, bank: Sighting) -> Evidence {
    Evidence { at: at(second), whole, bank }
}

fn at(second: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::seconds(second)
}

fn is_settled(step: Step) -> bool {
    matches!(step, Step::Settled(_))
}

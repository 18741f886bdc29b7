//! A cabinet says after a rental's end that its bank is out, and no rental can carry it.

use super::*;

#[test]
fn a_late_success_of_a_bank_that_was_shown_bills_nobody_and_moves_no_bank() {
    let seen = Command::Settle(Settlement::NotOut { reason: NotOutReason::SeenTwice });
    let late = Command::LateSuccess { at: at(40), shown: true };

    for steps in [vec![(30, seen), (40, late.clone())], vec![(40, late)]] {
        let (rental, events) = after(dispensing(), &steps);

        assert_eq!(rental.status(), Status::Cancelled);
        let [Event::Cancelled { .. }, told] = &events[..] else { panic!("{events:?}") };
        assert_eq!(incident(told), Some(Incident::BankOutUnassigned));
        assert_eq!(custody(&rental, told), None);
        assert_eq!(movements(&rental, told), vec![]);
    }
}

#[test]
fn the_word_for_a_bank_that_is_out_opens_one_incident_however_often_it_comes() {
    let late = |second| (second, Command::LateSuccess { at: at(second), shown: false });
    let (freed, _) = after(dispensing(), &[(1500, Command::GiveUp)]);
    let engaged = Facts { engaged: true, ..facts(1510) };
    let told = decide(&freed, &late(1510).1, &engaged).unwrap();
    let [event] = &told[..] else { panic!("{told:?}") };
    let told = evolve(freed, event);

    // nor is the rider billed when there is room for it again
    let (rental, events) = after(told, &[late(1511), late(1560)]);

    assert_eq!(events, []);
    assert_eq!(rental.status(), Status::Cancelled);
}

#[test]
fn a_bank_that_another_rental_has_stays_with_it() {
    let (freed, _) = after(dispensing(), &[(1500, Command::GiveUp)]);
    let late = Command::LateSuccess { at: at(1510), shown: false };
    let custody_when = |facts: &Facts| {
        let events = decide(&freed, &late, facts).unwrap();
        assert_eq!(incident(&events[0]), Some(Incident::BankOutUnassigned));
        custody(&freed, &events[0])
    };

    let rider = Facts { engaged: true, ..facts(1510) };
    assert_eq!(custody_when(&rider), Some(Custody::Missing));
    assert_eq!(custody_when(&Facts { carried: true, ..rider }), None);
}

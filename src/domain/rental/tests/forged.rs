//! Signs of a return that are not about this rental, or that anybody can make.

use super::*;

#[test]
fn a_forged_return_that_nobody_denied_neither_frees_a_rental_nor_shortens_it() {
    let forged =
        Claim { source: Source::HttpReturn, at: at(6), earliest: at(6), frame: None, ..claim() };
    let back = Claim { at: at(9_000), earliest: at(9_000), ..claim() };
    let steps = [(4, settle_out(4)), (6, Command::Return(forged)), (9_000, Command::Return(back))];

    let (rental, events) = after(dispensing(), &steps);

    assert_eq!(events[1].name(), "return_claimed");
    let Phase::Completed { ended, .. } = rental.phase else { panic!("{:?}", rental.phase) };
    assert_eq!((ended.at, ended.source), (at(9_000), Source::Event));
}

#[test]
fn an_insertion_from_before_the_rental_is_none_of_its_business() {
    let old = Claim { at: at(-5), earliest: at(-5), ..claim() };
    let (dispensing, events) = after(dispensing(), &[(1, Command::Return(old.clone()))]);
    assert_eq!(events, []);

    let (active, _) = after(dispensing, &[(4, settle_out(4))]);
    assert_eq!(decide(&active, &Command::Return(old), &facts(5)), Ok(vec![]));
}

#[test]
fn a_forged_return_closes_nothing_and_is_denied_by_the_next_report() {
    let forged = Claim { source: Source::HttpReturn, ..claim() };
    let station = forged.station;
    let steps = [
        (4, settle_out(4)),
        (400, Command::Return(forged)),
        (403, Command::Deny { station, at: at(403) }),
    ];

    let (rental, events) = after(dispensing(), &steps);

    assert_eq!(rental.status(), Status::Active);
    assert_eq!(events.last().unwrap().name(), "claims_denied");
    assert!(rental.claims.is_empty());
}

#[test]
fn the_bytes_of_an_earlier_return_close_nothing() {
    let (rental, _) = after(dispensing(), &[(4, settle_out(4))]);
    let used = [Fingerprint(7)];

    let again = Facts { used: &used, ..facts(400) };
    let events = decide(&rental, &Command::Return(claim()), &again).unwrap();

    assert_eq!(events[0].name(), "return_claimed");
}

//! Signs of a return that are not about this rental, or that anybody can make.

use super::*;
use crate::rental::Ended;

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
fn a_forged_return_minutes_before_the_real_one_does_not_shorten_the_rental() {
    let (end, hour) = (62 * 60 + 600, 60 * 60);
    for early in [2 * 60, 10 * 60, 19 * 60] {
        let ended = self::ended(&[(end - early, forged(end - early)), (end, inserted(end))]);
        assert_eq!((ended.at, ended.source), (at(end), Source::Event), "{early} s before");
        assert!(ended.late.amount.is_positive());
    }
    // the cabinet tells of one return over both ways, the slower one a little later
    let ended = self::ended(&[(hour, forged(hour)), (hour + 50, inserted(hour + 50))]);
    assert_eq!((ended.at, ended.source), (at(hour), Source::HttpReturn));
}

#[test]
fn a_made_up_call_that_may_be_an_old_one_does_not_reach_back_behind_the_insertion_after_it() {
    let end = 62 * 60 + 600;
    for source in [Source::HttpReturn, Source::HttpReport] {
        let old = Claim { source, at: at(end - 5), earliest: at(600), frame: None, ..claim() };
        let ended = self::ended(&[(end - 5, Command::Return(old)), (end, inserted(end))]);
        assert_eq!((ended.at, ended.source), (at(end - 60), source));
    }
}

#[test]
fn a_return_that_the_next_report_does_not_contradict_counts_from_when_it_was_told() {
    let report = Claim { source: Source::Report, at: at(4_700), earliest: at(3_000), ..claim() };
    let ended = self::ended(&[(3_600, forged(3_600)), (4_700, Command::Return(report))]);

    assert_eq!((ended.at, ended.learnt_at), (at(3_600), at(4_700)));
    // a slot that is looked at again says that the bank is there, not since when
    let looked_at =
        Claim { source: Source::Inspection, at: at(4_700), earliest: at(4_700), ..claim() };
    let ended = self::ended(&[(3_600, forged(3_600)), (4_700, Command::Return(looked_at))]);
    assert_eq!(ended.at, at(3_600));
}

#[test]
fn a_word_that_anybody_can_say_makes_no_rental_free_unless_it_is_proved_at_once() {
    let proved = |second| Claim {
        source: Source::Report,
        at: at(second),
        earliest: DateTime::UNIX_EPOCH,
        ..claim()
    };
    for (second, name) in [(70, "returned_at_once"), (3_000, "returned")] {
        let steps =
            [(4, settle_out(4)), (14, forged(14)), (second, Command::Confirm(proved(second)))];
        let (_, events) = after(dispensing(), &steps);
        assert_eq!(events[2].name(), name);
    }
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

fn forged(second: i64) -> Command {
    let (source, frame) = (Source::HttpReturn, None);
    Command::Return(Claim { source, at: at(second), earliest: at(second), frame, ..claim() })
}

fn inserted(second: i64) -> Command {
    Command::Return(Claim { at: at(second), earliest: at(second), ..claim() })
}

fn ended(steps: &[(i64, Command)]) -> Ended {
    let steps = [&[(4, settle_out(4))], steps].concat();
    let (rental, _) = after(dispensing(), &steps);
    let Phase::Completed { ended, .. } = rental.phase else { panic!("{:?}", rental.phase) };
    ended
}

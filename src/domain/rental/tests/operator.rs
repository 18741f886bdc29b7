//! What an operator says of a return, and when it cannot have been so.

use super::*;

#[test]
fn an_operator_ends_a_rental_at_the_time_that_is_said() {
    let (rental, _) = after(dispensing(), &[(4, settle_out(4)), (5_000, back(3_000))]);

    let Phase::Completed { ended, .. } = rental.phase else { panic!("{:?}", rental.phase) };
    assert_eq!((ended.at, ended.source), (at(3_000), Source::Operator));
}

#[test]
fn an_operator_is_told_when_the_bank_was_not_out_yet_or_the_time_is_not_there_yet() {
    let (active, _) = after(dispensing(), &[(4, settle_out(4))]);

    for second in [-60, 0, 3] {
        assert_eq!(decide(&active, &back(second), &facts(5_000)), Err(Refusal::NotOutYet));
    }
    assert_eq!(decide(&active, &back(5_001), &facts(5_000)), Err(Refusal::InFuture));
    assert_eq!(decide(&dispensing(), &back(-1), &facts(5_000)), Err(Refusal::NotOutYet));
}

#[test]
fn an_operator_is_told_that_the_rental_is_over() {
    let (done, _) = after(dispensing(), &[(4, settle_out(4)), (400, Command::Return(claim()))]);
    let (cancelled, _) = after(dispensing(), &[(1500, Command::GiveUp)]);

    for rental in [done, cancelled] {
        assert_eq!(decide(&rental, &back(450), &facts(5_000)), Err(Refusal::Over));
    }
}

fn back(second: i64) -> Command {
    let (at, frame, key) = (at(second), None, None);
    Command::Return(Claim { source: Source::Operator, at, earliest: at, frame, key, ..claim() })
}

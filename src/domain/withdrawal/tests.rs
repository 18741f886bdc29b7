//! What may go out, and when days and months begin.

use super::*;

fn rules() -> Rules {
    Rules {
        enabled: true,
        least: Money::rupees(100),
        fee: WithdrawalFee { percent: 2.into(), fixed: Money::rupees(10) },
        limits: Limits { per_day: Money::rupees(10_000), per_month: Money::rupees(50_000) },
        two_persons_above: Money::rupees(5_000),
    }
}

#[test]
fn a_fee_is_two_percent_and_ten_rupees_and_never_more_than_the_amount() {
    assert_eq!(rules().admit(Money::rupees(1_000)), Ok(Money::rupees(30)));
    let tiny = Rules { least: Money::rupees(1), ..rules() };
    assert_eq!(tiny.admit(Money::rupees(5)), Ok(Money::rupees(5)));
}

#[test]
fn too_little_is_refused_and_so_is_everything_while_it_is_off() {
    let least = Money::rupees(100);
    assert_eq!(rules().admit(Money::rupees(99)), Err(Refusal::TooLow(least)));
    assert!(rules().admit(least).is_ok());
    let off = Rules { enabled: false, ..rules() };
    assert_eq!(off.admit(Money::rupees(500)), Err(Refusal::Disabled));
}

#[test]
fn a_limit_can_be_reached_and_not_passed() {
    let limits = rules().limits;
    let taken = |today, this_month| Taken {
        today: Money::rupees(today),
        this_month: Money::rupees(this_month),
    };
    assert_eq!(limits.check(taken(9_000, 9_000), Money::rupees(1_000)), Ok(()));
    let paisa = Money::paisa(1).unwrap();
    assert_eq!(limits.check(taken(10_000, 10_000), paisa), Err(Exceeded::Day));
    assert_eq!(limits.check(taken(0, 49_500), Money::rupees(501)), Err(Exceeded::Month));
}

#[test]
fn a_day_begins_at_midnight_in_nepal() {
    let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
    let (day, month) = windows(at("2026-11-30T18:14:59Z"));
    assert_eq!((day, month), (at("2026-11-29T18:15:00Z"), at("2026-10-31T18:15:00Z")));
    let (day, month) = windows(at("2026-11-30T18:15:00Z"));
    assert_eq!((day, month), (at("2026-11-30T18:15:00Z"), at("2026-11-30T18:15:00Z")));
}

#[test]
fn an_end_is_an_end() {
    for step in Step::ALL {
        assert!(step.from().iter().all(|from| from.is_open()), "{step:?}");
        assert!(!step.from().contains(&step.to()), "{step:?}");
    }
}

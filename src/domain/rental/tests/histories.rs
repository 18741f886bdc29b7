//! The life of a rental, by chance: whatever is said of it, in any order and at any time.

use proptest::prelude::*;

use super::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// P4, P6 and P7 over random histories.
    #[test]
    fn whatever_happens_money_adds_up_and_the_events_give_the_state(
        steps in prop::collection::vec((0usize..11, 1i64..4000, 0i64..120), 1..14),
        points in 0u32..=500,
    ) {
        let mut rental = Rental { by_points: spent(points), ..dispensing() };
        let mut events = vec![Event::Started { rental: Box::new(rental.clone()) }];
        let mut moved = movements(&rental, &events[0]);
        let mut now = 0;
        for (kind, passed, wallet) in steps {
            now += passed;
            let facts = Facts { funds: funds(wallet, 200), ..facts(now) };
            for event in decide(&rental, &any_command(kind, now), &facts).unwrap_or_default() {
                moved.extend(movements(&rental, &event));
                let _ = (effects(&rental, &event), custody(&rental, &event));
                rental = evolve(rental, &event);
                events.push(event);
            }
            let rider = rental.rider;
            let balances = balances(&moved);
            let balance = |account| balances.get(&account).copied().unwrap_or_default();
            prop_assert_eq!(balance(Account::Hold(rider)), rental.held);
            prop_assert_eq!(balance(Account::Receivable(rider)), rental.owed);
            prop_assert_eq!(balance(Account::Wallet(rider)), rental.tender().wallet.negated());
            prop_assert_eq!(balance(Account::Promotions), rental.by_points.worth);
            let points = money(rental.by_points.points.into());
            prop_assert_eq!(balance(Account::Points(rider)), points.negated());
            prop_assert_eq!(replay(&events), Some(rental.clone()));
        }
        if let Phase::Completed { since, ended, .. } = &rental.phase {
            prop_assert!(*since <= ended.at && ended.at <= ended.learnt_at.max(*since));
        }
    }
}

fn any_command(kind: usize, now: i64) -> Command {
    let other = StationId(Uuid::max());
    let news = Claim { at: at(now), earliest: at(now), frame: None, ..claim() };
    match kind {
        0 => Command::Cancel,
        1 => settle_out(now),
        2 => Command::Settle(Settlement::NotOut { reason: NotOutReason::SeenTwice }),
        3 => Command::GiveUp,
        4 => Command::LateSuccess { at: at(now), shown: now % 2 == 0 },
        5 => Command::Return(news),
        6 => Command::Confirm(Claim { station: other, source: Source::Report, ..news }),
        7 => Command::Return(Claim { station: other, source: Source::HttpReturn, ..news }),
        8 => Command::FallDue,
        9 => Command::WriteOff,
        _ => Command::PayDues { means: Means::default(), shown: None },
    }
}

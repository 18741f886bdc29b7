//! Dues, and prices that points pay.

use super::{after, at, balances, claim, dispensing, facts, funds, settle_out, spent};
use crate::eject::{NotOutReason, Settlement};
use crate::ledger::Account;
use crate::money::Money;
use crate::rental::{
    Command, Event, Facts, PaymentStatus, Refusal, Rental, Terms, decide, evolve, movements,
};
use crate::returns::{Claim, Source};
use crate::tender::{Means, NotPaid, PaymentMode, Spent, Tender};

#[test]
fn dues_are_paid_whole_or_not_at_all_and_only_once() {
    let mode = |mode| Command::PayDues { means: Means::of(mode), shown: None };
    let (rental, _) = after(dispensing(), &[(4, settle_out(4))]);
    let unpaid = Rental { owed: Money::rupees(70), ..rental.clone() };

    let poor = Facts { funds: funds(60, 100), ..facts(9) };
    let short = decide(&unpaid, &mode(PaymentMode::Wallet), &poor).unwrap_err();
    let paid = decide(&unpaid, &mode(PaymentMode::WalletPoints), &poor).unwrap();
    let settled = evolve(unpaid.clone(), &paid[0]);

    assert!(matches!(short, Refusal::NotPaid(NotPaid::Short(_))), "{short:?}");
    let tender = Tender { wallet: Money::rupees(60), spent: spent(100) };
    assert_eq!(paid, [Event::DuesPaid { at: at(9), tender }]);
    assert_eq!((settled.owed, settled.paid), (Money::ZERO, Money::rupees(120)));
    let again = decide(&settled, &mode(PaymentMode::Wallet), &facts(10));
    assert_eq!(again, Err(Refusal::NothingOwed));
    let other = Command::PayDues { means: Means::default(), shown: Some(Money::rupees(7)) };
    let owed = Money::rupees(70);
    assert_eq!(decide(&unpaid, &other, &facts(9)), Err(Refusal::OtherAmount { owed }));
    let early = decide(&dispensing(), &mode(PaymentMode::Wallet), &facts(1));
    assert_eq!(early, Err(Refusal::NotStarted));
}

#[test]
fn dues_are_written_off_whole_once_the_rental_is_over_and_are_not_owed_then() {
    let (out, _) = after(dispensing(), &[(4, settle_out(4))]);
    let late = 4 * 60 * 60;
    let back = Claim { at: at(late), earliest: at(late), ..claim() };
    let poor = Facts { funds: funds(0, 0), ..facts(late) };
    let returned = decide(&out, &Command::Return(back), &poor).unwrap();
    let over = evolve(out.clone(), &returned[0]);
    let owed = over.owed;
    assert!(owed.is_positive());

    let early = decide(&out, &Command::WriteOff, &facts(9));
    let written = decide(&over, &Command::WriteOff, &facts(late + 1)).unwrap();
    let lost = movements(&over, &written[0]);
    let free = evolve(over.clone(), &written[0]);

    assert_eq!(early, Err(Refusal::NotReturned));
    assert_eq!(written, [Event::DuesWrittenOff { at: at(late + 1), amount: owed }]);
    assert_eq!((free.owed, free.paid), (Money::ZERO, over.paid));
    assert_eq!(free.payment_status(), PaymentStatus::Failed, "nobody paid it");
    let moved = [movements(&out, &returned[0]), lost].concat();
    assert_eq!(balances(&moved)[&Account::Receivable(over.rider)], Money::ZERO);
    assert_eq!(balances(&moved)[&Account::WriteOffs], owed);
    let again = decide(&free, &Command::WriteOff, &facts(late + 2));
    assert_eq!(again, Err(Refusal::NothingOwed));
}

#[test]
fn dues_above_a_limit_are_not_written_off() {
    let (out, _) = after(dispensing(), &[(4, settle_out(4))]);
    let late = 4 * 60 * 60;
    let back = Claim { at: at(late), earliest: at(late), ..claim() };
    let poor = Facts { funds: funds(0, 0), ..facts(late) };
    let returned = decide(&out, &Command::Return(back), &poor).unwrap();
    let over = evolve(out, &returned[0]);
    let owed = over.owed;
    let up_to = |most| {
        let terms = Terms { write_off_max: most, ..Terms::default() };
        decide(&over, &Command::WriteOff, &Facts { terms, ..facts(late + 1) }).map(drop)
    };

    let most = owed.minus(Money::parse("0.01").unwrap());
    assert_eq!(up_to(most), Err(Refusal::TooMuchToWriteOff { owed, most }));
    assert_eq!(up_to(owed), Ok(()));
}

#[test]
fn at_the_return_points_pay_before_the_wallet_and_the_rest_is_owed() {
    let (rental, _) = after(dispensing(), &[(4, settle_out(4))]);
    let late = 4 * 60 * 60;
    let back = Claim { at: at(late), earliest: at(late), ..claim() };

    let some = Facts { funds: funds(40, 300), ..facts(late) };
    let events = decide(&rental, &Command::Return(back), &some).unwrap();
    let over = evolve(rental.clone(), &events[0]);
    let moved = balances(&movements(&rental, &events[0]));

    assert_eq!((over.owed, over.paid), (Money::rupees(30), Money::rupees(50 + 70)));
    assert_eq!(over.by_points, spent(300));
    assert_eq!(moved[&Account::Points(over.rider)], Money::rupees(-300));
    assert_eq!(moved[&Account::Wallet(over.rider)], Money::rupees(-40));
    assert_eq!(moved[&Account::Receivable(over.rider)], Money::rupees(30));
}

#[test]
fn a_price_that_points_paid_goes_back_as_points() {
    let started = Rental { by_points: spent(300), ..dispensing() };
    let refused = Command::Settle(Settlement::NotOut { reason: NotOutReason::UnknownBank });
    let (_, cancelled) = after(started.clone(), &[(2, refused)]);
    let back = Claim { at: at(40), earliest: at(40), ..claim() };
    let confirm = Claim { source: Source::Report, ..back.clone() };
    let steps = [(4, settle_out(4)), (40, Command::Return(back)), (41, Command::Confirm(confirm))];
    let (over, events) = after(started.clone(), &steps);

    let voided = balances(&movements(&started, &cancelled[0]));
    let out = Rental { paid: Money::rupees(50), held: Money::ZERO, ..started };
    let reversed = balances(&movements(&out, events.last().unwrap()));

    assert_eq!(over.by_points, Spent::default());
    for given_back in [voided, reversed] {
        assert_eq!(given_back[&Account::Wallet(out.rider)], Money::rupees(20));
        assert_eq!(given_back[&Account::Points(out.rider)], Money::rupees(300));
        assert_eq!(given_back[&Account::Promotions], Money::rupees(-30));
    }
}

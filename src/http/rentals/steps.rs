//! How the amount of a rental comes about, in steps that a rider can add up.

use domain::ledger::vat_in;
use domain::money::Money;
use domain::rental::{Phase, Rental, Terms};
use domain::tariff::LateCharge;
use serde::Serialize;
use utoipa::ToSchema;

/// One line of a bill. `package`, `late_minutes` and `cap` add up to `total`; `collected` and
/// `owed` do so too. `vat_included` is inside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[expect(clippy::struct_field_names, reason = "the word of the bill")]
pub struct Step {
    step: &'static str,
    label: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    minutes: Option<i64>,
    amount: Money,
}

fn step(step: &'static str, label: impl Into<String>, amount: Money) -> Step {
    Step { step, label: label.into(), minutes: None, amount }
}

fn timed(name: &'static str, label: impl Into<String>, minutes: i64, amount: Money) -> Step {
    Step { minutes: Some(minutes), ..step(name, label, amount) }
}

pub fn steps(rental: &Rental, late: &LateCharge) -> Vec<Step> {
    let package = &rental.package;
    let price = match rental.phase {
        Phase::Cancelled { .. } => Money::ZERO,
        Phase::Dispensing
        | Phase::Active { .. }
        | Phase::Overdue { .. }
        | Phase::Completed { .. } => package.price,
    };
    let terms = Terms::default();
    let vat = vat_in(price, terms.vat_percent).plus(vat_in(late.amount, terms.vat_percent));
    let total = price.plus(late.amount);
    let mut lines = vec![timed("package", &package.name, i64::from(package.minutes), price)];
    if late.minutes_late > 0 {
        let free = late.minutes_late - late.minutes_charged;
        lines.push(timed("free_minutes", "Free minutes after the due time", free, Money::ZERO));
        let charged = late.minutes_charged;
        lines.push(timed("late_minutes", "Late minutes", charged, late.uncapped));
        let cut = late.amount.minus(late.uncapped);
        if !cut.is_zero() {
            lines.push(step("cap", "Largest late fee per day", cut));
        }
    }
    lines.push(step("total", "Total", total));
    let percent = terms.vat_percent;
    lines.push(step("vat_included", format!("VAT {percent} % included"), vat));
    lines.push(step("collected", "Paid", rental.paid.plus(rental.held)));
    lines.push(step("owed", "To be paid", rental.owed));
    lines
}

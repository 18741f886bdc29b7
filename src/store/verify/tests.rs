//! How what several questions found becomes one report.

use rust_decimal::Decimal;

use super::{Kind, Report, Row};
use domain::money::Money;

#[test]
fn what_two_questions_of_one_kind_find_is_counted_together_and_each_once() {
    let mut report = Report::default();

    report.add(vec![row("one", 2, 10), row("two", 2, 10)]);
    report.add(vec![row("three", 1, 5)]);

    assert_eq!(report.counts.get(&Kind::Refund), Some(&3));
    assert_eq!(report.imbalance, Money::rupees(15));
    assert_eq!(report.findings.len(), 3);
    assert!(!report.is_sound());
}

fn row(subject: &str, total: i64, off: i64) -> Row {
    Row {
        kind: Kind::Refund,
        subject: subject.to_owned(),
        expected: String::new(),
        found: String::new(),
        total,
        off_total: Decimal::from(off),
    }
}

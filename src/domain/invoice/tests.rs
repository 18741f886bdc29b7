//! Numbers and years of documents.

use super::{Issue, Series, number};
use crate::calendar::FiscalYear;

#[test]
fn a_number_names_branch_year_and_place_and_credit_notes_count_by_themselves() {
    let year = FiscalYear(2083);
    assert_eq!(number("CG-KTM", Series::Invoice, year, 123), "CG-KTM-83/84-000123");
    assert_eq!(number("CG-KTM", Series::CreditNote, year, 1), "CG-KTM-CN-83/84-000001");
    assert_eq!(number("CG", Series::Invoice, FiscalYear(2099), 1), "CG-99/00-000001");
}

#[test]
fn the_fiscal_year_begins_at_midnight_in_nepal() {
    let issue = |text: &str| Issue::at(text.parse().unwrap());
    let last = issue("2026-07-16T18:14:59Z");
    let first = issue("2026-07-16T18:15:00Z");
    assert_eq!((last.fiscal_year, last.day.as_str()), (FiscalYear(2082), "2083.03.32"));
    assert_eq!((first.fiscal_year, first.day.as_str()), (FiscalYear(2083), "2083.04.01"));
}

#[test]
fn a_year_beyond_the_table_is_still_numbered() {
    let far = Issue::at("2050-11-22T06:00:00Z".parse().unwrap());
    assert_eq!((far.fiscal_year, far.day.as_str()), (FiscalYear(2107), "2050-11-22"));
}
